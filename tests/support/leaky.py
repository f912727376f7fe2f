"""A locustfile that gives its secrets away in every way that we know of. Copied into a project by the tests.

It runs its tasks once, in order (while the file `rehearsal` is there, only the one about options), then writes the file
`done` and waits to be stopped. `tag` and `minted` get what the test has to search for, written backwards, because they
lie beside the outputs.
"""

import base64
import faulthandler
import html
import json
import logging
import logging.handlers
import os
import pprint
import subprocess
import sys
import threading
import urllib.parse
import warnings
from pathlib import Path

import gevent
import requests
from locust import FastHttpUser, HttpUser, SequentialTaskSet, constant, events, task

from tegmen import protect, secret

KEY, PASSWORD = os.environ["API_KEY"], os.environ["LOCUST_DB_PASSWORD"]
REAL, REAL_PASSWORD = secret("API_KEY").reveal(), secret("DB_PASSWORD").reveal()
ALL = {"key": KEY, "password": PASSWORD, "real": REAL, "real-password": REAL_PASSWORD}
Path("tag").write_text(str.__str__(KEY)[::-1])
BASE = {"http": HttpUser, "fast": FastHttpUser}[os.environ["CLIENT"]]
IS_FAST = BASE is FastHttpUser


def forms(value):
    """The ways in which scripts write a value down."""
    raw = value.encode()
    yield value
    for before in range(3):
        yield base64.b64encode(b"x" * before + raw).decode()
        yield base64.urlsafe_b64encode(b"x" * before + raw).decode()
    yield base64.encodebytes(raw * 5).decode()
    yield from (urllib.parse.quote(value, safe=""), urllib.parse.quote_plus(value), urllib.parse.quote(value))
    yield from (json.dumps(value), json.dumps(json.dumps({"k": value})), json.dumps(value, ensure_ascii=False))
    yield from (raw.hex(), raw.hex().upper(), raw.hex(" "), raw.hex(":"))
    yield from (
        repr(value),
        repr(raw),
        repr([value]),
        repr({"k": value}),
        ascii(value),
        pprint.pformat({"k": [value] * 9}),
    )
    yield from (
        html.escape(value),
        f"{value!s:>60}",
        "%s" % value,  # noqa: UP031
        value + value,
        value * 3,
    )
    yield from (
        f"{value!r}",
        "".join(value),
        "\n".join([value] * 2),
        str([raw]),
        f"Basic {base64.b64encode(b'u:' + raw)}",
    )


own = logging.getLogger("own.logger")
own.setLevel(logging.DEBUG)
own_file = logging.FileHandler("own.log")
own_file.setFormatter(logging.Formatter("%(message)s %(token)s", defaults={"token": "-"}))
own.addHandler(own_file)


class JsonFormatter(logging.Formatter):
    """Writes all fields of a record, as the usual JSON formatters do, and the exception in its own way."""

    def format(self, record):
        fields = {name: repr(value) for name, value in record.__dict__.items()}
        if record.exc_info:
            fields["error"] = repr(record.exc_info[1])
        return json.dumps(fields)


json_file = logging.FileHandler("json.log")
json_file.setFormatter(JsonFormatter())
logging.getLogger().addHandler(json_file)
own_memory = logging.handlers.MemoryHandler(1000, target=logging.StreamHandler(sys.stderr))
own.addHandler(own_memory)

print("while importing", KEY, PASSWORD, REAL)
own.warning("while importing %s", REAL)


@events.init_command_line_parser.add_listener
def add_arguments(parser):
    parser.add_argument("--api-key", env_var="LOCUST_SHOP_KEY", default=KEY, is_secret=True, include_in_web_ui=True)
    parser.add_argument("--bearer", default=f"Bearer {KEY}", include_in_web_ui=True)
    parser.add_argument("--hidden", default=PASSWORD, include_in_web_ui=False)


@events.init.add_listener
def add_routes(environment, **_):
    if environment.web_ui is None:
        return

    @environment.web_ui.app.route("/own")
    def own_page():
        from flask import make_response

        response = make_response(f"<p>{html.escape(REAL_PASSWORD)} {KEY}</p>")
        response.headers["X-Key"] = KEY
        response.set_cookie("key", REAL)
        response.set_cookie("other", "kept")
        return response

    @environment.web_ui.app.route("/own/binary")
    def own_binary():
        return b"\xff\xfe\x00 not text"

    @environment.web_ui.app.route("/own/stream")
    def own_stream():
        return iter([f"one {KEY}\n", f"two {REAL}\n", "three\n", "four ", REAL_PASSWORD])

    @environment.web_ui.app.route("/own/error")
    def own_error():
        raise RuntimeError(f"page {KEY} {REAL}")


@events.test_start.add_listener
def in_every_form(environment, **_):
    for what, value in ALL.items() if not Path("rehearsal").exists() else ():
        for form in forms(value):
            print(what, form)
            print(what, form, file=sys.stderr)
            own.info("%s: %s", what, form)
    raise RuntimeError(f"in a listener: {REAL}")


class Steps(SequentialTaskSet):
    def on_start(self):
        if Path("rehearsal").exists():
            # Started from the web UI, with what its form held.
            self.sends_options()
            Path("again").touch()
            gevent.sleep(1000)
        if not hasattr(self.user, "begun"):
            self.user.begun = True
            raise ValueError(f"in on_start: {KEY} {REAL}")

    @task
    def names(self):
        self.client.get(f"/path/{KEY}/{urllib.parse.quote(PASSWORD, safe='')}")
        self.client.get(f"/query?token={KEY}&p={urllib.parse.quote_plus(PASSWORD)}")
        self.client.get("/named", name=f"name {KEY} {REAL}")
        self.client.get(f"/shouted/{str.__str__(KEY).upper()}", name=f"name {str.__str__(KEY).upper()}")
        if not IS_FAST:
            self.client.get("/params", params={"key": KEY, "password": PASSWORD})

    @task
    def reflections(self):
        basic = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
        for headers in (
            {"Authorization": f"Bearer {KEY}"},
            {"Authorization": f"Basic {basic}"},
            {"Cookie": f"a={KEY}"},
        ):
            with self.client.get("/echo", headers=headers, catch_response=True) as response:
                print(response.text, dict(response.headers), response.request.url, response.url)
                own.info("answer %s", response.text)
                response.failure(f"bad: {response.text}")
        with self.client.get("/error", headers=headers, catch_response=True) as response:
            try:
                response.raise_for_status()
            except Exception as error:
                own.exception("error page %s", response.text)
                response.failure(error)
        with self.client.post("/echo", json={"password": PASSWORD, "key": [KEY]}, catch_response=True) as response:
            response.failure(response.text)

    @task
    def cut(self):
        """Locust and scripts cut what they quote: what is left of a value is still most of it."""
        for padding in range(0, 60, 7):
            with self.user.rest("GET", f"/cut/{200 - padding}", headers={"X-Key": KEY}, name="cut") as response:
                assert response.status_code == 500, "cut,"
        for start, end in ((0, 215), (205, 260)):
            with self.client.get("/cut/200", headers={"X-Key": KEY}, name="cut", catch_response=True) as response:
                own.error("cut %s", response.text[start:end])
                response.failure(f"cut {response.text[start:end]}…")

    @task
    def rest_raises(self):
        with self.user.rest("GET", f"/echo?k={KEY}", headers={"X-Key": KEY}) as response:
            raise KeyError(KEY, response.text)

    @task
    def rest_asserts(self):
        with self.user.rest("POST", "/json", json={"k": KEY}) as response:
            assert response.js["no"], f"{response.js},"

    @task
    def status(self):
        self.client.get(f"/error?k={KEY}", name="error").raise_for_status()

    @task
    def refused(self):
        self.client.get(f"http://127.0.0.1:9/?token={KEY}", name="not bound")

    @task
    def unreachable(self):
        with self.user.rest("GET", f"{os.environ['DEAD']}/?token={KEY}", name="unreachable"):
            pass

    @task
    def slow(self):
        self.client.get(f"/slow?token={KEY}", name="slow", **({"timeout": 0.2} if not IS_FAST else {}))

    @task
    def loop(self):
        self.client.get(f"/loop?token={KEY}", name="loop")

    @task
    def inconsistent(self):
        self.client.get(f"/inconsistent?token={KEY}", name="inconsistent")

    @task
    def bad_header(self):
        self.client.get("/", headers={"X-Key": f"{KEY}\n"}, name="newline")

    @task
    def bad_header_real(self):
        self.client.get("/", headers={"X-Key": f"{REAL}\n"}, name="newline")

    @task
    def not_latin(self):
        self.client.get("/", headers={"X-Key": f"{REAL}\u20ac{KEY}"}, name="not latin")

    @task
    def bad_url(self):
        self.client.get(f"http://[{KEY}/{REAL}", name="bad URL")

    @task
    def raises(self):
        raise KeyError(KEY, REAL, {"k": REAL_PASSWORD})

    @task
    def chained(self):
        try:
            raise KeyError(REAL)
        except KeyError as error:
            raise RuntimeError(PASSWORD) from error

    @task
    def grouped(self):
        error = RuntimeError(f"with a note {KEY}")
        if hasattr(error, "add_note"):
            error.add_note(f"the note {REAL}")
        raise error

    @task
    def literal(self):
        # A traceback quotes the line, and the line has the value.
        exec(compile(f"raise RuntimeError('x') or {REAL!r}", "own.py", "exec"))

    @task
    def elsewhere(self):
        def fail():
            raise RuntimeError(f"in a greenlet {REAL} {KEY}")

        gevent.spawn(fail).join()
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        hub = gevent.get_hub()
        hub.print_exception(None, RuntimeError, RuntimeError(REAL), None)
        script = "import os, sys; print(os.environ['API_KEY']); sys.exit(os.environ['DB_PASSWORD'])"
        subprocess.run([sys.executable, "-c", script], check=False)
        subprocess.run(["sh", "-c", "env; echo $API_KEY >&2"], check=False)
        Path("environ.json").write_text(json.dumps(dict(os.environ)))

    @task
    def logs(self):
        try:
            raise RuntimeError(f"to be logged {REAL} {KEY}")
        except RuntimeError as error:
            own.exception("exception %s", PASSWORD)
            logging.getLogger().error("root", exc_info=True, stack_info=True)
            own.error(error)
        logging.debug({"key": REAL})
        logging.info("%(key)s", {"key": REAL})
        own.info("extra", extra={"token": KEY, "more": {"deep": REAL}})
        own.info("three characters of it: %.3s", KEY)
        logging.getLogger("new").warning("new %s %s", KEY, REAL)
        warnings.warn(f"warning {REAL} {KEY}", stacklevel=1)
        logging.captureWarnings(True)
        warnings.warn(f"logged warning {REAL} {KEY}", stacklevel=1)
        own.info("wrong arguments %s %s", KEY)

    @task
    def printing(self):
        print(repr(secret("API_KEY")), [KEY], {"a": REAL}, f"{KEY!r}", KEY.name, sep=KEY)
        for stream in (sys.stdout, sys.stderr):
            for character in f"{REAL}\n":
                stream.write(character)
                stream.flush()
            stream.buffer.write(REAL_PASSWORD.encode() + b"\n")
            stream.flush()
            os.write(stream.fileno(), f"{KEY}\n".encode())
        faulthandler.dump_traceback()
        sys.excepthook(RuntimeError, RuntimeError(f"hook {REAL}"), None)
        sys.displayhook(KEY)
        text = str.__str__(KEY)
        print(text.upper(), text[::-1], text[:29], text[:26])

    @task
    def minted(self):
        minted = "minted-" + REAL[::-1].swapcase()
        Path("minted").write_text(minted[::-1])
        token = protect(minted, name="MINTED")
        self.client.get(f"/minted/{token}", headers={"X-Token": f"Bearer {token}"})
        own.info("minted %s %s", token, minted)
        print("minted", token, minted)
        os.environ["LATER_TOKEN"] = minted + "-later"
        self.client.get("/later", headers={"X-Token": f"Bearer {os.environ['LATER_TOKEN']}"})
        print("later", os.environ["LATER_TOKEN"], minted + "-later")

    @task
    def fired(self):
        fire = self.user.environment.events.request.fire
        fire(
            request_type=f"X{KEY}", name=f"fired {REAL}", response_time=1, response_length=0, context={}, response=None,
            exception=Exception(KEY, REAL_PASSWORD),
        )  # fmt: skip
        fire(request_type="X", name="text", response_time=1, response_length=0, context={}, exception=f"text {REAL}")
        self.user.environment.events.user_error.fire(user_instance=self.user, exception=Exception(REAL), tb=None)
        self.user.environment.runner.log_exception("node", f"message {REAL}", f"traceback {KEY}")
        self.user.environment.stats.log_error("GET", f"direct {KEY}", f"error {REAL}")
        self.user.environment.stats.get(f"direct {KEY}", f"GET {REAL}").log(1, 1)

    @task
    def sends_options(self):
        options = self.user.environment.parsed_options
        headers = {"X-Api-Key": options.api_key, "X-Token": options.bearer, "X-Hidden": options.hidden}
        self.client.get("/options", headers=headers)
        print(options)

    @task
    def from_host(self):
        # The credentials of `--host`, and a secret in the place of a password in a URL.
        self.client.get("/whoami")
        target = self.user.host.rpartition("/")[2].rpartition("@")[2]
        requests.get(f"http://ann:{urllib.parse.quote(PASSWORD)}@{target}/as-ann", timeout=9)

    @task
    def done(self):
        own_memory.flush()
        Path("done").touch()
        gevent.sleep(1000)


class Leaky(BASE):
    wait_time = constant(0)
    network_timeout = 0.5
    connection_timeout = 0.5
    tasks = [Steps]  # noqa: RUF012
