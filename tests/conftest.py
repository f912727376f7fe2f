"""What the Python tests share: the installed command line, real servers, a project folder, real Locust.

Everything listens on a free port of 127.0.0.1 and is stopped when its fixture ends.
"""

from __future__ import annotations

import os
import ssl
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from demo.openbao import OpenBao
from demo.shop_process import Shop
from support.run import BIN, Result, run
from support.server import Handler, Server

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def tegmen_bin() -> Path:
    """The native command line of the installed wheel (`TEGMEN_BIN` names another one)."""
    path = Path(os.environ.get("TEGMEN_BIN", BIN / "tegmen"))
    if not path.exists():
        pytest.fail(f"{path} is not there: run `make install`, which builds the wheel and installs it into .venv")
    return path


@pytest.fixture(scope="session")
def bao() -> Iterator[OpenBao]:
    """One OpenBao server for the session: use names of your own for paths, policies and roles."""
    with OpenBao.start() as server:
        yield server


@pytest.fixture(scope="session")
def bao_tls() -> Iterator[OpenBao]:
    """The same over https, with a certificate authority of its own (`ca_cert`)."""
    with OpenBao.start(tls=True) as server:
        yield server


@pytest.fixture
def shop() -> Iterator[Shop]:
    """The example's shop API: takes one API key, one customer, and says what it accepted and refused."""
    with Shop.start() as server:
        yield server


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    """A certificate authority made for this session."""
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its certificate, for `REQUESTS_CA_BUNDLE`, `SSL_CERT_FILE` and the like."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def make_server(ca: trustme.CA) -> Iterator[Callable[..., Server]]:
    """Makes recording servers: `make_server(tls=True, respond=function)`."""
    servers: list[Server] = []

    def make(*, tls: bool = False, respond: Handler | None = None) -> Server:
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            ca.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        servers.append(Server(context, respond))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def echo_server(make_server: Callable[..., Server]) -> Server:
    """Keeps every request raw; answers 200 unless its `respond` is set."""
    return make_server()


@pytest.fixture
def echo_server_tls(make_server: Callable[..., Server]) -> Server:
    """The same over https, with a certificate of `ca` for localhost and 127.0.0.1."""
    return make_server(tls=True)


class Project:
    """A folder with a locustfile and perhaps a manifest."""

    def __init__(self, path: Path, tegmen: Path) -> None:
        self.path = path
        self.tegmen = tegmen

    def write(self, name: str, text: str, mode: int = 0o644) -> Path:
        """Writes a file; the text may be indented."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).lstrip("\n"))
        file.chmod(mode)
        return file

    def read(self, name: str) -> str:
        """A file of the project."""
        return (self.path / name).read_text(errors="replace")

    def run(self, *command: str | Path, **options: object) -> Result:
        """Runs a command in the folder, with nothing of our environment but the search path."""
        return run(command, self.path, **options)  # type: ignore[arg-type]

    def locust(self, *arguments: str, **options: object) -> Result:
        """Plain Locust, headless: `project.locust("-t", "1s", env={…})`."""
        return self.run(*LOCUST, *arguments, **options)

    def tegmen_run(self, *options: str, locust: tuple[str, ...] = (), **rest: object) -> Result:
        """Locust, headless, under `tegmen run OPTIONS`."""
        return self.run(self.tegmen, "run", *options, "--", *LOCUST, *locust, **rest)

    def one_task(self, body: str, *, user: str = "HttpUser", host: str = "", head: str = "") -> Path:
        """Writes a locustfile whose one user runs `body` once (`self` is the user), after which Locust quits.

        `head` stands at the top of the module. For one process only: a worker cannot tell its master to quit.
        """
        return self.write(
            "locustfile.py",
            ONE_TASK.format(
                head=textwrap.dedent(head),
                user=user,
                host=host,
                body=textwrap.indent(textwrap.dedent(body).strip(), " " * 12),
            ),
        )


ONE_TASK = """\
import os
import gevent
from locust import FastHttpUser, HttpUser, constant, task
{head}

class Shopper({user}):
    wait_time = constant(60)
    host = "{host}"

    @task
    def once(self):
        try:
{body}
        finally:
            gevent.spawn_later(0.2, self.environment.runner.quit)
"""

#: One user that starts at once; `-t` ends a test that would go on for ever.
LOCUST = (str(BIN / "locust"), "--headless", "-u", "1", "-r", "1", "-t", "20s", "--only-summary")


@pytest.fixture
def project(tmp_path: Path, tegmen_bin: Path) -> Project:
    """An empty project folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder, tegmen_bin)
