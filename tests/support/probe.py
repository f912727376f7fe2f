"""A locustfile that looks at what a script gets to see, and writes it into `outcome.json`: the test looks at that."""

import base64
import copy
import hashlib
import hmac
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import gevent
import gevent.subprocess
import jwt
from dotenv import dotenv_values, load_dotenv
from locust import HttpUser, constant, task

from tegmen import Secret, protect, secret

outcome = {}
NAMES = ("API_KEY", "LOCUST_API_KEY", "SHOP_DSN", "PIN", "PUBLIC")


def plain(text):
    """The text alone, of a Secret too."""
    return None if text is None else "".join(text)


def raised(work):
    """What an exception says, or what came out."""
    try:
        return f"no error: {type(work()).__name__}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def child(environment=None, run=subprocess.run):
    """What a program that is no Python sees."""
    result = run(["env"], env=environment, stdout=subprocess.PIPE, check=True)
    return dict(line.partition("=")[::2] for line in result.stdout.decode().splitlines() if "=" in line)


outcome["environ"] = {name: plain(os.environ[name]) for name in NAMES}
outcome["getenv"] = plain(os.getenv("API_KEY"))
outcome["bytes"] = os.environb[b"API_KEY"].decode()
outcome["types"] = [type(value).__name__ for value in (os.environ["API_KEY"], os.getenv("LOCUST_API_KEY"))]
outcome["all"] = {name: plain(value) for name, value in os.environ.items()}
outcome["self"] = Path("/proc/self/environ").read_bytes().decode(errors="surrogateescape")

before = dict(os.environ)
outcome["dotenv"] = {"without override": load_dotenv("own.env", override=False)}
after = {
    name: plain(os.environ.get(name))
    for name in ("API_KEY", "NEW_TOKEN", "NEW_TTL", "NEW_NAME", "REDIS_URL", "HTTPS_PROXY")
}
outcome["dotenv"]["after"] = after
outcome["dotenv"]["unchanged"] = os.environ["API_KEY"] == before["API_KEY"]
load_dotenv("own.env", override=True)
outcome["dotenv"]["overridden"] = os.environ["API_KEY"] == before["API_KEY"]
outcome["dotenv"]["values"] = plain(dotenv_values("own.env")["NEW_TOKEN"])

os.environ.update(UPDATED_PASSWORD="updated-4f9a8b7c6d5e")
os.environ.setdefault("SET_SECRET", "set-default-4f9a8b7c")
os.environ |= {"MERGED_TOKEN": "merged-4f9a8b7c6d5e"}
os.putenv("PUT_TOKEN", "putenv-4f9a8b7c6d5e")
os.environb[b"BINARY_TOKEN"] = b"binary-4f9a8b7c6d5e"
os.environ["PLAIN"] = "plain-4f9a8b7c6d5e"
os.environ["SHORT_TOKEN"] = "4711"
BORN = ("UPDATED_PASSWORD", "SET_SECRET", "MERGED_TOKEN", "BINARY_TOKEN", "PLAIN", "SHORT_TOKEN")
outcome["born"] = {name: plain(os.environ[name]) for name in BORN}

outcome["children"] = {
    "inherited": child(),
    "copy": child(os.environ.copy()),
    "dict": child(dict(os.environ)),
    "more": child({**os.environ, "MORE": "1"}),
    "gevent": child(os.environ.copy(), gevent.subprocess.run),
}
os.spawnve(os.P_WAIT, "/bin/sh", ["sh", "-c", "env >spawned.txt"], os.environ.copy())
pid = os.posix_spawn("/bin/sh", ["sh", "-c", "env >posix.txt"], os.environ.copy())
os.waitpid(pid, 0)
if (pid := os.fork()) == 0:
    os.execve("/bin/sh", ["sh", "-c", "env >executed.txt"], os.environ.copy())
os.waitpid(pid, 0)
for name in ("spawned", "posix", "executed"):
    lines = Path(f"{name}.txt").read_text().splitlines()
    outcome["children"][name] = dict(line.partition("=")[::2] for line in lines)
script = "import os, json; print(json.dumps([os.environ['API_KEY'], os.environ['PIN']]))"
outcome["python child"] = json.loads(subprocess.run([sys.executable, "-c", script], stdout=-1, check=True).stdout)

KEY = secret("API_KEY")
outcome["secret"] = {
    "same": KEY == os.environ["API_KEY"] == secret("LOCUST_API_KEY"),
    "name": KEY.name,
    "repr": repr(KEY),
    "is str": isinstance(KEY, str),
    "reveal": KEY.reveal(),
    "by variable": secret("LOCUST_API_KEY").reveal(),
    "hmac": KEY.hmac_sha256(b"data").hex(),
    "hmac of text": KEY.hmac_sha256("data").hex(),
    "unknown": raised(lambda: secret("NO_SUCH")),
    "pickled": pickle.loads(pickle.dumps(KEY)).name,
    "copied": [copy.copy(KEY).name, copy.deepcopy({"k": KEY})["k"].name],
    "cast": [type(KEY)("other"), type(type(KEY)(str.__str__(KEY))).__name__],
    "json": json.loads(json.dumps(KEY)) == KEY,
    "dict key": {KEY: 1}[str.__str__(KEY)],
    "pin": os.environ["PIN"],
    "pin as number": int(os.environ["PIN"]),
}
minted = protect("minted-4f9a8b7c6d5e", name="MINTED")
outcome["protect"] = {
    "type": type(minted).__name__,
    "name": minted.name,
    "text": plain(minted),
    "again": protect("minted-4f9a8b7c6d5e", name="MINTED") == minted,
    "of a secret": protect(minted) is minted,
    "empty": raised(lambda: protect("")),
    "long": raised(lambda: protect("x" * 1_000_000)),
    "reveal": minted.reveal(),
}
NUMBER, ENCODED = os.environ["NUMBER"], os.environ["ENCODED"]
outcome["guards"] = {
    "int": raised(lambda: int(NUMBER)),
    "float": raised(lambda: float(NUMBER)),
    "hmac.new": raised(lambda: hmac.new(KEY.encode(), b"data", hashlib.sha256)),
    "hmac.digest": raised(lambda: hmac.digest(KEY.encode(), b"data", "sha256")),
    "b64decode": raised(lambda: base64.b64decode(ENCODED)),
    "urlsafe": raised(lambda: base64.urlsafe_b64decode(ENCODED.encode())),
    "jwt": raised(lambda: jwt.encode({"a": 1}, KEY, algorithm="HS256")),
    "hmac without": hmac.new(b"own", b"data", hashlib.sha256).hexdigest(),
    "pickled plugin": raised(lambda: pickle.dumps(__import__("tegmen")._session.plugin())),
}
hashlib.md5(KEY.encode())
Secret.__doc__  # noqa: B018


class Probe(HttpUser):
    wait_time = constant(0)

    @task
    def send(self):
        headers = {
            "X-Key": KEY,
            "X-New": os.environ["NEW_TOKEN"],
            "X-Url": os.environ["REDIS_URL"],
            "X-Dsn": os.environ["SHOP_DSN"],
            "X-Inside": os.environ["INSIDE"],
            "X-Minted": minted,
            "X-Pickled": pickle.loads(pickle.dumps(KEY)),
            "X-Pin": os.environ["PIN"],
        }
        for name in BORN:
            headers[f"X-{name.replace('_', '-')}"] = os.environ[name]
        self.client.get("/", headers=headers)
        Path("outcome.json").write_text(json.dumps(outcome))
        gevent.spawn(self.environment.runner.quit)
        gevent.sleep(10)
