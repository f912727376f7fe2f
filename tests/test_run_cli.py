"""`tegmen run` as a command: exit statuses, options, the manifest, and what it says when something is wrong.

No message holds a value: everything that these tests start is searched for it.
"""

from __future__ import annotations

import re
import secrets
import signal
import subprocess
import time
from pathlib import Path

import pytest

from conftest import Project
from support.hunt import leaks
from support.run import BIN, Result, clean_environment
from support.server import Server


class Here:
    """A project folder, a value, and `tegmen run` in it."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.value = f"k3y-{secrets.token_hex(8)}"
        self.environment = {"API_KEY": self.value}

    def run(self, *arguments: str | Path, **options: object) -> Result:
        options = {"env": self.environment} | options
        result = self.project.run(self.project.tegmen, "run", *arguments, **options)
        told = leaks({"output": result.output.encode()}, {"value": self.value})
        assert not told, told
        return result


@pytest.fixture
def here(project: Project) -> Here:
    return Here(project)


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        (["true"], 0, ""),
        (["sh", "-c", "exit 42"], 42, ""),
        (["sh", "-c", "exit 125"], 125, ""),
        (["sh", "-c", "kill -KILL $$"], 137, ""),
        (["sh", "-c", "kill -TERM $$"], 143, ""),
        (["no-such-command"], 127, 'the command "no-such-command" was not found in any directory of PATH'),
        (["./no/such/command"], 127, "was not found; check its path"),
        (["./not-executable"], 126, "make it executable (chmod +x)"),
        (["/"], 126, "it is a directory"),
        (["./no-interpreter"], 126, "not the interpreter that its first line names"),
    ],
)
def test_exit_statuses(here: Here, command: list[str], status: int, message: str) -> None:
    here.project.write("not-executable", "#!/bin/sh\n")
    here.project.write("no-interpreter", "#!/no/such/interpreter\n", 0o755)
    assert message in here.run("--", *command).check(status).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "<CMD>..."),
        (["--no-such-option", "--", "true"], "unexpected argument '--no-such-option'"),
        (["locust", "-f", "x.py"], "the command stands behind two dashes: `tegmen run -- locust"),
        (["--manifest", "a", "--secret", "A=env:A", "--", "true"], "cannot be used with"),
        (["--manifest", "none.toml", "--", "true"], "none.toml: cannot be read"),
        (["--secret", "VALUE", "--", "true"], "there is no `=` in it"),
        (["--secret", "API_KEY=VALUE", "--", "true"], "this is not a source"),
        (["--secret", "API_KEY=evn:KEY", "--", "true"], "did you mean `env:`?"),
        (["--secret", "9=env:API_KEY", "--", "true"], "is no name"),
        (["--secret", "A=env:API_KEY", "--secret", "A=env:B", "--", "true"], "given twice"),
        (["--secret", "LOCUST_HOST=env:API_KEY", "--", "true"], "Locust reads the variable LOCUST_HOST itself"),
        (["--hosts", "*.example", "--", "true"], "name each host"),
        (["--hosts", "ftp://x", "--", "true"], "--hosts: "),
    ],
)
def test_what_cannot_be_understood_is_125(here: Here, arguments: list[str], message: str) -> None:
    """The statuses below are the command's own: Locust itself uses 1 and 2."""
    words = [word.replace("VALUE", here.value) for word in arguments]
    assert message in here.run(*words).check(125).stderr


def test_values_from_everywhere(here: Here, echo_server: Server) -> None:
    values = {name: secrets.token_hex(10) for name in ("ENV", "DOTENV", "FILE", "EXEC", "ABSOLUTE")}
    project = here.project
    project.write(".env", f"OTHER=1\nexport SHOP_KEY='{values['DOTENV']}' # the key\n")
    project.write("keys/file", f"{values['FILE']}\n")
    project.write("keys/absolute", f"{values['ABSOLUTE']}\r\n")
    project.write("get-key", f"#!/bin/sh\necho {values['EXEC']}\n", 0o755)
    sources = {
        "ENV": "env:SHOP_SOURCE",
        "DOTENV": "dotenv:.env#SHOP_KEY",
        "FILE": "file:keys/file",
        "ABSOLUTE": f"file:{project.path}/keys/absolute",
        "EXEC": "exec:./get-key --now",
    }
    headers = ", ".join(f'"X-{name}": os.environ["LOCUST_{name}"]' for name in sources)
    project.one_task(f"self.client.get('/', headers={{{headers}}})", host=echo_server.origin)
    options = [word for name, source in sources.items() for word in ("--secret", f"{name}={source}")]
    result = project.tegmen_run(*options, env={"SHOP_SOURCE": values["ENV"]}).check()
    assert {name: echo_server.last.header(f"x-{name}") for name in sources} == values
    for name in ("FILE", "ABSOLUTE", "EXEC"):
        assert re.search(rf"\[{name}\] from \w+:.*: the newline at the end of the value was stripped", result.stderr)
    assert leaks({"output": result.output.encode()}, values) == []


def test_hosts_replace_the_target_without_a_manifest_and_add_to_one(here: Here) -> None:
    project = here.project
    with Server() as target, Server() as other:
        project.one_task(
            f"""
            for host in ("{target.origin}", "{other.origin}"):
                self.client.get(host + "/", headers={{"X-Key": os.environ["API_KEY"]}})
            """,
            host=target.origin,
        )
        result = project.tegmen_run("--secret", "API_KEY=env:API_KEY", "--hosts", other.origin, env=here.environment)
        assert (len(target.requests), len(other.requests)) == (0, 1), result.output
        project.write("tegmen.toml", f'[secrets.API_KEY]\nsource = "env:API_KEY"\nhosts = ["{target.origin}"]\n')
        project.tegmen_run(env=here.environment)
        assert (len(target.requests), len(other.requests)) == (1, 1)
        project.tegmen_run("--hosts", f"{other.origin},https://x.example", env=here.environment).check()
        assert (len(target.requests), len(other.requests)) == (2, 2)


MISTAKES = """\
[vualt]
address = "https://vault.example"

[secrets.API_KEY]
sorce = "env:API_KEY"

[secrets.WRITTEN]
source = "VALUE"

[secrets.PASTED]
value = "VALUE"

[secrets.MANY]
source = "env:MANY"
hosts = ["*.example.com", "http://a b"]
places = ["heder:X-Key"]
reveal = "yes"
as = "fiel"
max_age = "soon"
tls = "no"

[secrets.HOST]
source = "env:SHOP"
env = ["LOCUST_HOST"]

[secrets.TWICE]
source = "env:SHOP"
env = ["MANY"]
"""


def test_mistakes_in_the_manifest_are_told_together_each_with_its_line(here: Here) -> None:
    here.project.write("tegmen.toml", MISTAKES.replace("VALUE", here.value))
    told = here.run("--", "sh", "-c", "echo started").check(125)
    assert "started" not in told.output
    lines = dict(enumerate(MISTAKES.splitlines(), 1))
    wrong = {int(number) for number in re.findall(r"tegmen\.toml:(\d+):\d+: ", told.stderr)}
    keys = ("sorce", "value", "hosts", "places", "reveal", "as", "max_age", "tls")
    whole = ("[vualt]", 'source = "VALUE"', 'env = ["LOCUST_HOST"]')
    expected = {number for number, line in lines.items() if line.split(" ")[0] in keys or line in whole}
    assert expected <= wrong, told.stderr
    for text in (
        "did you mean `vault`?",
        "did you mean `source`?",
        "did you mean `header`?",
        "add a line, for example",
    ):
        assert text in told.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[secrets.API_KEY]\nsource = "env:API_KEY\nVALUE = 1\n', "tegmen.toml:2:"),
        ("[secrets.API_KEY]\nsource = VALUE\n", "tegmen.toml:2:"),
        ("VALUE\n", "tegmen.toml:1:"),
        ("[secrets]\nAPI_KEY = 'VALUE'\n", "tegmen.toml:2:"),
        ("[secrets.API_KEY]\nsource = 'env:API_KEY'\n[secrets.API_KEY]\nsource = 'env:B'\n", "tegmen.toml:3:"),
        ("\ufeff[secrets.API_KEY]\nsource = 5\n", "tegmen.toml:2:"),
        ("", "no secret: tegmen.toml names none"),
    ],
)
def test_what_is_no_manifest(here: Here, text: str, message: str) -> None:
    here.project.write("tegmen.toml", "")
    (here.project.path / "tegmen.toml").write_text(text.replace("VALUE", here.value))
    result = here.run("--", "sh", "-c", "echo started")
    assert message in result.stderr
    assert ("started" in result.stdout) == (text == "")
    assert result.status == (0 if text == "" else 125)


def test_the_manifest_is_found_above_up_to_the_repository(here: Here) -> None:
    project = here.project
    project.write("tegmen.toml", '[secrets.API_KEY]\nsource = "file:key"\n')
    project.write("key", here.value)
    deep = project.path / "load/tests"
    deep.mkdir(parents=True)
    inner = Project(deep, project.tegmen)
    assert inner.run(inner.tegmen, "run", "--", "sh", "-c", "echo $API_KEY").check().stdout == "[API_KEY]\n"
    (project.path / "load/.git").mkdir()
    result = inner.run(inner.tegmen, "run", "--", "sh", "-c", "echo ${API_KEY-none}").check()
    assert result.stdout == "none\n" and "no secret" in result.stderr
    explicit = inner.run(inner.tegmen, "run", "--manifest", "../../tegmen.toml", "--", "sh", "-c", "echo $API_KEY")
    assert explicit.check().stdout == "[API_KEY]\n"
    assert "1 secret from ../../tegmen.toml: API_KEY" in explicit.stderr


def test_a_secret_that_cannot_be_had_is_named_before_the_command_starts(here: Here) -> None:
    """All of them at once: the name, the source, why, what to do."""
    project = here.project
    project.write("empty", "\n")
    project.write(".env", "OTHER=1\n")
    project.write("failing", f"#!/bin/sh\necho {here.value}\necho no such key >&2\nexit 3\n", 0o755)
    project.write("silent", "#!/bin/sh\n", 0o755)
    project.write("large", "x" * (2 << 20))
    project.write("binary", "")
    (project.path / "binary").write_bytes(b"\xff\x00\xfe")
    sources = {
        "UNSET": ("env:NOT_SET", "the environment variable NOT_SET is not set"),
        "EMPTY": ("env:NOTHING", "is set, but empty"),
        "NOFILE": ("file:missing", "there is no file"),
        "BLANK": ("file:empty", "is empty"),
        "FOLDER": ("file:.", "director"),
        "LARGE": ("file:large", "large"),
        "NOKEY": ("dotenv:.env#SHOP", "SHOP"),
        "FAILS": ("exec:./failing", "exit status: 3"),
        "SILENT": ("exec:./silent", "printed nothing"),
        "NOPROGRAM": ("exec:no-such-program", "no command `no-such-program`"),
        "NOSTORE": ("store:NAME", "there is no store yet"),
    }
    options = [word for name, (source, _) in sources.items() for word in ("--secret", f"{name}={source}")]
    result = here.run(*options, "--", "sh", "-c", "echo started", env={"NOTHING": "", "XDG_DATA_HOME": "/nonexistent"})
    result.check(125)
    assert "started" not in result.output
    told = re.split(r"(?m)^(?:error: )?cannot get ", result.stderr)[1:]
    by_name = {text.split(" ", 1)[0]: text for text in told}
    assert by_name.keys() == sources.keys(), result.stderr
    for name, (source, reason) in sources.items():
        assert by_name[name].startswith(f"{name} ({source})"), by_name[name]
        assert reason in by_name[name] and "hint: " in by_name[name], by_name[name]


def test_weak_values_are_told(here: Here) -> None:
    """What cannot be told from other text cannot be taken out of it."""
    here.environment = {"API_KEY": "ab", "DB_PASSWORD": "password", "PIN": "4711"}
    options = [word for name in here.environment for word in ("--secret", f"{name}=env:{name}")]
    result = here.project.run(here.project.tegmen, "run", *options, "--", "true", env=here.environment).check()
    for text in (
        "API_KEY: the value has fewer than 3 bytes",
        "DB_PASSWORD: the value is a common word",
        "PIN: the value has",
    ):
        assert text in result.stderr
    assert "[PIN] is a number" in result.stderr and "under [secrets.PIN] write reveal = true" in result.stderr


def test_nothing_of_tegmen_is_left_behind(here: Here, tmp_path: Path) -> None:
    """The directory for PYTHONPATH goes away, also after a signal."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = here.environment | {"TMPDIR": str(temporary)}
    command = f"umask 000; {here.project.tegmen} run -- sh -c 'echo $PYTHONPATH; ls -la $PYTHONPATH'"
    shown = here.project.run("sh", "-c", command, env=environment).check().stdout
    assert str(temporary) in shown and "sitecustomize.py" in shown
    modes = {words[-1]: words[0] for line in shown.splitlines() if len(words := line.split()) > 8}
    assert (modes["."][:10], modes["sitecustomize.py"][:10]) == ("drwxr-xr-x", "-rw-r--r--"), (
        "nobody else may write there"
    )
    assert list(temporary.iterdir()) == []
    process = subprocess.Popen(
        [here.project.tegmen, "run", "--", "sh", "-c", "touch started; exec sleep 60"],
        cwd=here.project.path,
        env=clean_environment(here.project.path, environment),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 20
    while not (here.project.path / "started").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) in (143, -signal.SIGTERM)
    assert list(temporary.iterdir()) == []


def test_help_tells_a_newcomer_what_to_do_first(here: Here) -> None:
    project = here.project
    alone = project.run(project.tegmen)
    assert "tegmen run -- locust -f locustfile.py" in alone.output and "tegmen audit" in alone.output
    long = project.run(project.tegmen, "run", "--help").check().stdout
    for word in (
        "--manifest",
        "--secret",
        "--hosts",
        "--allow-unknown-locust",
        "--quiet",
        "Examples:",
        "Exit status:",
        "vault:",
    ):
        assert word in long
    short = project.run(project.tegmen, "run", "-h").check().stdout
    assert len(short) < len(long)
    assert max(len(line) for line in (long + short + alone.output).splitlines()) <= 100


def test_streams_stay_apart_and_bytes_stay_as_they_are(here: Here) -> None:
    script = "import os, sys; os.write(1, bytes(range(256)) * 300); os.write(2, b'error\\n'); print(sys.stdin.read())"
    process = subprocess.run(
        [here.project.tegmen, "run", "--quiet", "--", BIN / "python", "-c", script],
        cwd=here.project.path,
        env=clean_environment(here.project.path, here.environment),
        input=b"from standard input",
        capture_output=True,
        timeout=60,
    )
    assert process.stdout.startswith(bytes(range(256)) * 300) and process.stdout.endswith(b"from standard input\n")
    assert process.stderr.startswith(b"error\n")


def test_without_secrets_there_is_nothing_to_complain_about(here: Here) -> None:
    result = here.run("--", "echo", "hello", env={}).check()
    assert result.stdout == "hello\n"
    assert "no secret: there is no tegmen.toml, no --secret, and no variable" in result.stderr
    assert "asked for the secrets" not in result.stderr
