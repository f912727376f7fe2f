"""A master and workers on hosts of their own: what a key of the cluster keeps from those who listen, pose as one of
them, or change what passes; and what is not taken from anybody without one.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq

from conftest import ROOT, Project
from demo.openbao import free_port
from support.between import Between
from support.hunt import files_of, leaks
from support.run import BIN, clean_environment
from support.server import Server

LOCUSTFILE = """
import os

import gevent
from locust import HttpUser, constant, events, task
from locust.runners import MasterRunner, WorkerRunner

KEY = os.environ["LOCUST_API_KEY"]
told = {}


@events.init_command_line_parser.add_listener
def add_arguments(parser):
    parser.add_argument("--tenant", default="nobody")
    parser.add_argument("--pin", default="none", is_secret=True, include_in_web_ui=False)
    parser.add_argument("--bearer", default="none")


@events.init.add_listener
def register(environment, **_):
    if isinstance(environment.runner, WorkerRunner):
        environment.runner.register_message("tell", lambda environment, msg, **_: told.update(msg.data))


@events.test_start.add_listener
def tell(environment, **_):
    if isinstance(environment.runner, MasterRunner):
        environment.runner.send_message("tell", {"note": "a note of the script's own", "key": KEY})


class Spread(HttpUser):
    wait_time = constant(0.2)

    @task
    def everything(self):
        while not told:
            gevent.sleep(0.05)
        options = self.environment.parsed_options
        headers = {"X-Key": KEY, "X-Told": told["key"], "X-Bearer": options.bearer, "X-Pid": str(os.getpid()),
                   "X-Pin": options.pin, "X-Tenant": options.tenant}
        self.client.get(f"/named/{KEY}", headers=headers)
"""

HEADLESS = "--headless -u 4 -r 4 -t 3s --csv out --only-summary"


@dataclass
class Cluster:
    """A folder for all its processes, and what they left behind."""

    folder: Path
    server: Server
    tegmen: Path
    stack: ExitStack
    value: str = field(default_factory=lambda: f"k3y-{secrets.token_hex(6)}+/={secrets.token_hex(6)}")
    pin: str = field(default_factory=lambda: f"pin-{secrets.token_hex(8)}")
    key: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, command: str, key: str | None = None, *, plain: bool = False) -> None:
        """Starts Locust under a broker of its own; `plain` without one."""
        environment = {"API_KEY": self.value}
        options = [str(self.tegmen), "run", "--secret", "API_KEY=env:API_KEY"]
        if key is not None:
            (self.folder.parent / f"{name}-key").write_text(key)
            options += ["--cluster-key", f"file:{self.folder.parent / f'{name}-key'}"]
        if plain:
            options, environment = [], {"LOCUST_API_KEY": "none"}
        else:
            options.append("--")
        self.processes[name] = subprocess.Popen(
            [*options, str(BIN / "locust"), *command.split()],
            cwd=self.folder,
            env=clean_environment(self.folder, environment),
            stdin=subprocess.DEVNULL,
            stdout=self.stack.enter_context((self.folder / f"{name}.stdout").open("wb")),
            stderr=self.stack.enter_context((self.folder / f"{name}.stderr").open("wb")),
            start_new_session=True,
        )
        self.stack.callback(end, self.processes[name])

    def master(self, key: str | None, more: str = "", file: str = "locustfile.py") -> None:
        host = f"-H {self.server.origin} --tenant acme --pin {self.pin} --bearer {self.value}"
        self.start("master", f"-f {file} {HEADLESS} --master --master-bind-port {self.port} {host} {more}", key)

    def worker(self, name: str, port: int, key: str | None, more: str = "-f locustfile.py", **options: Any) -> None:
        self.start(name, f"{more} --worker --master-host 127.0.0.1 --master-port {port}", key, **options)

    def wait(self, *names: str, seconds: float = 60) -> None:
        """Until these have ended."""
        for name in names:
            try:
                self.processes[name].wait(seconds)
            except subprocess.TimeoutExpired:
                pytest.fail(f"{name} is still running\n{self.everything()}")

    def wait_for(self, name: str, text: str, seconds: float = 40) -> None:
        """Until a process has said that."""
        deadline = time.monotonic() + seconds
        while text not in self.read(f"{name}.stderr"):
            assert time.monotonic() < deadline, f"{name} did not say {text!r}\n{self.everything()}"
            time.sleep(0.1)

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(errors="replace")

    def everything(self) -> str:
        files = sorted([*self.folder.glob("*.stderr"), *self.folder.glob("*.stdout")])
        return "\n".join(f"--- {file.name}\n{file.read_text(errors='replace')}" for file in files)

    def check_statistics(self) -> None:
        """What all workers did stands in one row."""
        # How many there are is Locust's matter: on a busy machine it does not wait for the last report of each worker.
        rows = [row for row in self.read("out_stats.csv").splitlines() if "/named/" in row]
        assert len(rows) == 1, rows
        assert rows[0].startswith("GET,/named/[API_KEY],"), rows


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def cluster(project: Project, make_server: Callable[..., Server]) -> Iterator[Cluster]:
    project.write("locustfile.py", LOCUSTFILE)
    with ExitStack() as stack:
        yield Cluster(project.path, make_server(), project.tegmen, stack)


def test_with_a_key_who_listens_hears_nothing_and_who_poses_gets_nothing(cluster: Cluster) -> None:
    """Two workers with the key, one of which has neither host nor locustfile; one without Tegmen, one with another key,
    one without a key, and one that makes things up."""
    cluster.master(cluster.key, "--expect-workers 2")
    with Between(cluster.port) as between:
        cluster.worker("plain", cluster.port, None, plain=True)
        cluster.worker("other", cluster.port, secrets.token_urlsafe(32))
        cluster.worker("none", cluster.port, None)
        cluster.worker("fetching", cluster.port, None, "-f -", plain=True)
        for name, text in [
            ("plain", "it was not started by `tegmen run`"),
            ("other", "it has another cluster key"),
            ("none", "it has no cluster key, and this master has one"),
        ]:
            cluster.wait_for("master", text)
            assert name == "plain" or "this worker does not work for the master" in wait_said(cluster, name)
        rogue(cluster.port)
        cluster.worker("first", between.port, cluster.key)
        cluster.worker("second", between.port, cluster.key, "-f -")
        cluster.wait("master", "first", "second", "plain", "fetching")
        assert cluster.processes["master"].returncode == 0, cluster.everything()
    assert len({request.header("x-pid") for request in cluster.server.requests}) == 2, "both worked"
    for request in cluster.server.requests:
        sent = [request.header(f"x-{name}") for name in ("key", "told", "bearer", "pin", "tenant")]
        assert sent == [cluster.value, cluster.value, cluster.value, cluster.pin, "acme"], "the master's own options"
    cluster.check_statistics()
    assert "this master takes only workers under `tegmen run`" in cluster.read("fetching.stderr")
    # What passed, whole messages and what was in them.
    assert len(between.seen) > 2000
    for text in ("client_ready", "spawn", "stats", "HttpUser", "tenant", "acme", cluster.pin, "a note of", "tegmen:"):
        assert text.encode() not in between.seen
    searched = {"the value": cluster.value, "the cluster key": cluster.key}
    channels = files_of(cluster.folder, "locustfile.py") | {"ZMQ": between.seen}
    assert not leaks(channels, searched)


def wait_said(cluster: Cluster, name: str) -> str:
    cluster.wait_for(name, "this worker does not work for the master")
    return cluster.read(f"{name}.stderr")


def rogue(port: int) -> None:
    """What somebody could send who knows everything but the key. The master has to live on."""
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.IDENTITY, b"rogue\x1b[2J\xff")
    socket.connect(f"tcp://127.0.0.1:{port}")
    ready = msgpack.dumps(("client_ready", "2.47.0", "rogue"))
    for message in [
        ready,
        b"",
        b"tgm",
        b"tgm\x01",
        b"tgm\x01o" + ready,
        b"tgm\x01h" + bytes(97),
        b"tgm\x01s" + bytes(40),
    ]:
        socket.send(message)
    socket.send_multipart([b"", b"tgm\x01o" + ready])
    socket.send_multipart([b"a", b"b", b"c"])
    time.sleep(0.5)
    socket.close(linger=0)
    context.term()


def test_what_is_changed_repeated_or_cut_on_the_way_is_not_taken(cluster: Cluster) -> None:
    recorded: list[bytes] = []
    lock = threading.Lock()

    def meddle(direction: str, node: bytes, message: bytes) -> Iterable[bytes]:
        """Sends everything on; before it something broken, after it what was there before."""
        altered = bytearray(message)
        altered[-1] ^= 1
        with lock:
            recorded.append(message)
            broken = [bytes(altered), message[: len(message) // 2]]
            if message[4:5] in (b"h", b"w"):
                # Who answers a handshake in another's place keeps them apart, as by cutting the wire.
                return [message, *broken, message]
            return [*broken, message, message, recorded[0]]

    cluster.master(cluster.key, "--expect-workers 1")
    with Between(cluster.port, meddle) as between:
        cluster.worker("worker", between.port, cluster.key)
        cluster.wait("master", "worker")
    assert cluster.processes["master"].returncode == 0, cluster.everything()
    assert len(cluster.server.requests) > 5
    cluster.check_statistics()
    said = cluster.read("master.stderr") + cluster.read("worker.stderr")
    assert "was not taken: it was altered on the way" in said
    assert "was not taken: it was here before" in said


def test_a_master_without_the_key_gets_no_work(cluster: Cluster, make_server: Callable[..., Server]) -> None:
    """Plain Locust in the master's place, and somebody who knows how we speak."""
    evil = make_server()
    cluster.start(
        "plain",
        f"-f locustfile.py --headless -t 60s -H {evil.origin} --master --master-bind-port {cluster.port}",
        plain=True,
    )
    cluster.worker("kept", cluster.port, cluster.key)
    cluster.worker("open", cluster.port, None)
    posing = Posing(evil.origin)
    with posing:
        cluster.worker("lured", posing.port, cluster.key)
        # Without a key there is nothing to tell them apart by: it gets to work, for its own host alone.
        cluster.worker("trusting", posing.port, None, f"-f locustfile.py -H {cluster.server.origin}")
        cluster.worker("fetching", posing.port, None, "-f -")
        cluster.wait_for("lured", "it has no cluster key, or somebody else answers in its place")
        cluster.wait_for("trusting", "without a cluster key this worker takes no host")
        cluster.wait("fetching")
        cluster.wait_for("kept", "does not answer as a master under `tegmen run` does")
        cluster.wait_for("open", "does not answer as a master under `tegmen run` does")
        deadline = time.monotonic() + 20
        while not cluster.server.requests:
            assert time.monotonic() < deadline, cluster.everything()
            time.sleep(0.1)
    assert evil.requests == []
    assert "Got error from master: a locustfile is not taken from a master" in cluster.read("fetching.stderr")
    assert "stolen" not in cluster.everything()
    request = cluster.server.requests[0]
    assert request.header("x-key") == cluster.value
    assert request.header("x-pin") == "none", "a secret option is the worker's own"
    assert request.header("x-bearer") == "none"
    assert request.header("x-tenant") == "of the rogue", "as plain Locust would"


class Posing:
    """A master that speaks our protocol as far as it can without a key, and tries to lead workers elsewhere."""

    def __init__(self, host: str) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self.port: int = self._socket.bind_to_random_port("tcp://127.0.0.1")
        self._host = host
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def __enter__(self) -> Posing:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(10)

    def _answers(self, message: bytes) -> list[bytes]:
        def open_(kind: str, data: object) -> bytes:
            return b"tgm\x01o" + msgpack.dumps((kind, data, "master"))

        if message[:5] == b"tgm\x01h":
            return [b"tgm\x01p" + message[6:38]]
        if message[:5] != b"tgm\x01o":
            return []
        kind, _, _ = msgpack.loads(message[5:], strict_map_key=False)
        if kind == "locustfile":
            return [open_("locustfile", {"locustfiles": [{"filename": "x.py", "contents": "print('stolen')"}]})]
        if kind == "client_ready":
            return [open_("ack", {"index": 0})]
        if kind != "heartbeat":
            return []
        mark = "\u27e6tegmen:API_KEY:000000000000\u27e7"
        options = {"tenant": "of the rogue", "pin": "of the rogue", "bearer": mark, "host": self._host}
        job = {
            "timestamp": time.time(),
            "user_classes_count": {"Spread": 1},
            "host": self._host,
            "stop_timeout": 0.0,
            "parsed_options": options,
        }
        return [
            open_("update_user_class", {"user_class_name": "Spread", "host": self._host}),
            open_("tell", {"key": mark}),
            open_("spawn", {**job, "tegmen_targets": [self._host]}),
        ]

    def _work(self) -> None:
        while not self._ended.is_set():
            if self._socket.poll(100):
                node, message = self._socket.recv_multipart()
                for answer in self._answers(message):
                    self._socket.send_multipart([node, answer])
        self._socket.close(linger=0)
        self._context.term()


def test_without_a_key_no_host_no_secret_option_and_no_locustfile_pass(cluster: Cluster) -> None:
    cluster.master(None, "--expect-workers 1")
    with Between(cluster.port) as between:
        cluster.worker("fetching", between.port, None, "-f -")
        cluster.wait_for("fetching", "a locustfile is not taken from a master, nor sent to a worker")
        cluster.worker("worker", between.port, None, f"-f locustfile.py -H {cluster.server.origin}")
        cluster.wait("master", "worker")
    assert cluster.processes["master"].returncode == 0, cluster.everything()
    for name, text in (("master", "without a cluster key workers"), ("worker", "without a cluster key this worker")):
        assert cluster.read(f"{name}.stderr").count(text) == 1, "it is said once"
    assert cluster.server.requests
    for request in cluster.server.requests:
        sent = [request.header(f"x-{name}") for name in ("key", "told", "bearer", "pin", "tenant")]
        assert sent == [cluster.value, cluster.value, "none", "none", "acme"]
    assert b"acme" in between.seen, "what is not secret passes in the open"
    down = b"".join(message for direction, _, message in between.messages if direction == "down")
    assert cluster.server.origin.encode() not in down and b"class Spread" not in down
    assert not leaks({"ZMQ": between.seen}, {"the value": cluster.value, "the secret option": cluster.pin})
    cluster.check_statistics()


def test_forked_workers_need_no_key(cluster: Cluster) -> None:
    """The processes of one broker share a key that it makes."""
    with Between(cluster.port) as between:
        more = f"--processes 2 --master-host 127.0.0.1 --master-port {between.port}"
        host = f"-H {cluster.server.origin} --tenant acme --pin {cluster.pin} --bearer {cluster.value}"
        cluster.start("master", f"-f locustfile.py {HEADLESS} {more} --master-bind-port {cluster.port} {host}")
        cluster.wait("master")
    assert cluster.processes["master"].returncode == 0, cluster.everything()
    assert cluster.server.requests
    assert {request.header("x-pin") for request in cluster.server.requests} == {cluster.pin}
    assert b"acme" not in between.seen and b"spawn" not in between.seen, "they are encrypted"
    assert "cluster key" not in cluster.everything()
    cluster.check_statistics()


def test_a_key_that_could_be_guessed_is_refused(project: Project) -> None:
    project.write("key", "hunter2")
    result = project.run(project.tegmen, "run", "--cluster-key", "file:key", "--", "true").check(125)
    assert "the cluster key has 7 bytes, at least 16 are needed" in result.stderr
    assert "hunter2" not in result.output


def test_the_key_never_comes_into_pythons_hands(project: Project) -> None:
    key = secrets.token_urlsafe(32)
    script = """
        import os, sys
        from tegmen import secret
        print(sorted(name for name in os.environ if "CLUSTER" in name))
        try:
            secret("CLUSTER_KEY")
        except KeyError as error:
            print(error)
        print("[" + sys.argv[1] + "]")
    """
    project.write("script.py", script)
    command = (BIN / "python", "script.py", key)
    options = ("--cluster-key", "env:MY_CLUSTER_KEY")
    result = project.run(project.tegmen, "run", *options, "--", *command, env={"MY_CLUSTER_KEY": key}).check()
    assert "[]" in result.stdout and "there is no secret CLUSTER_KEY" in result.stdout
    assert "[[CLUSTER_KEY]]" in result.stdout, "the redactor knows it"


def test_the_example(project: Project, make_server: Callable[..., Server], tmp_path: Path) -> None:
    server = make_server()
    folder = tmp_path / "distributed"
    shutil.copytree(ROOT / "examples" / "distributed", folder, ignore=shutil.ignore_patterns("secrets"))
    (folder / "secrets").mkdir(mode=0o700)
    value = secrets.token_urlsafe(24)
    (folder / "secrets" / "api-key").write_text(value)
    environment = {
        "RUN_TIME": "3s",
        "MASTER_PORT": str(free_port()),
        "PATH": f"{project.tegmen.parent}:{os.environ['PATH']}",
    }
    project.run(folder / "run.sh", server.origin, env=environment).check()
    assert server.requests
    assert {request.header("x-api-key") for request in server.requests} == {value}
    assert all(request.target == "/orders?tenant=demo" for request in server.requests)
