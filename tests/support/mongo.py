"""A server of MongoDB's protocol for as long as a test needs one, with a user that logs in by SCRAM-SHA-256.

It is SecantusDB, on MongoDB's own storage engine. MongoDB's own server is neither on PyPI nor in Debian nor on npm.
"""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from support.run import BIN, clean_environment, free_port

USER = "load-test"


@dataclass
class Mongo:
    """A running server on 127.0.0.1."""

    port: int
    password: str
    process: subprocess.Popen[bytes]
    folder: Path

    @classmethod
    def start(cls) -> Mongo:
        """Makes the user without a login, as MongoDB's own server does, and starts again with one."""
        import pymongo

        folder, password = Path(tempfile.mkdtemp(prefix="tegmen-mongo-")), f"s3cr3t-{secrets.token_hex(12)}"
        try:
            process, port = _serve(folder)
            try:
                with pymongo.MongoClient("127.0.0.1", port, serverSelectionTimeoutMS=20_000) as client:
                    client.admin.command("createUser", USER, pwd=password, roles=["root"])
                    client.shop.orders.insert_one({"sku": 7, "note": "one order"})
            finally:
                _stop(process)
            process, port = _serve(folder, "--auth")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return cls(port, password, process, folder)

    def __enter__(self) -> Mongo:
        return self

    def __exit__(self, *_: object) -> None:
        _stop(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)


def _serve(folder: Path, *options: str) -> tuple[subprocess.Popen[bytes], int]:
    port = free_port()
    command = [BIN / "secantusd-py", "--port", str(port), "--storage-path", folder / "data", "--standalone"]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--cache-size", "64M", *options],
            cwd=folder,
            env=clean_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return process, port
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(30)
