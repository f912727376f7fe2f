"""What passes between Locust's master and its workers: sealed where both have the same key, else not trusted.

Locust's sockets are replaced by ones that seal what goes out and open what comes in; the key and the sessions are
native. Processes of one broker share a key that it made, so that forked workers are as close to their master as before.
With different brokers it is ``[cluster] key`` of the manifest. Without one messages travel in the open: names, numbers
and texts without values; but then a worker takes no host, no secret option and no locustfile from the master: nobody
knows who the master is.
"""

from __future__ import annotations

import contextlib
import functools
import time
from types import ModuleType
from typing import Any

from tegmen import _session
from tegmen._native import MasterLink, Plugin, WorkerLink

#: How to get a key on both sides.
REMEDY = "give master and workers the same `[cluster] key` in tegmen.toml, or `tegmen run --cluster-key SOURCE`"

#: Why a worker was refused, as its master says it.
REFUSED = {
    "foreign": "it was not started by `tegmen run`: it would send what it reports in clear. Start it with "
    "`tegmen run -- locust --worker …`",
    "other-key": f"it has another cluster key; {REMEDY}",
    "key-missing-there": f"it has no cluster key, and this master has one; {REMEDY}",
    "key-missing-here": f"it has a cluster key, and this master has none; {REMEDY}",
}

#: Why a worker does not work for a master, as it says itself.
NOT_SERVED = {
    "foreign": "what answers there was not started by `tegmen run`. Start it with `tegmen run -- locust --master …`",
    "other-key": f"it has another cluster key than this worker; {REMEDY}",
    "key-missing-here": f"it takes only workers with its cluster key, and this one has none; {REMEDY}",
    "key-missing-there": f"it has no cluster key, or somebody else answers in its place; this worker has one; {REMEDY}",
}

#: What happened to a message that was not taken.
NOT_TAKEN = {
    "altered": "it was altered on the way, or somebody else has sealed it",
    "repeated": "it was here before, or something that was sent later was",
    "unknown-session": "it is from a session that is not known here, such as one of an earlier run",
    "wrong-way": "it is not sealed as it has to be",
    "malformed": "it is not of this version of tegmen, or not whole",
}

#: What workers without a key take from their master besides the user classes: Locust's own exceptions.
HARMLESS_OPTIONS = ("expect_workers", "tags", "exclude_tags")
#: What a user class may be changed in by a master that is not known.
HARMLESS_SETTINGS = ("user_class_name", "weight", "fixed_count", "tasks")

#: Where a spawn message says which origins the test's own target are.
TARGETS = "tegmen_targets"

#: After so many seconds without an answer from the master it is said what that may be.
PATIENCE = 8.0
#: So many different refusals are said.
MOST_SAID = 200

NO_LOCUSTFILE = (
    "a locustfile is not taken from a master, nor sent to a worker, without a cluster key: whoever answers in its "
    f"place could run code with the secrets. To use `-f -`, {REMEDY}"
)

_said: set[str] = set()


def apply(module: ModuleType) -> None:
    plugin = _session.connected()
    if plugin is not None:
        _client(module, plugin)
        _server(module, plugin)


def _say_once(level: str, message: str) -> None:
    if message not in _said and len(_said) < MOST_SAID:
        _said.add(message)
        getattr(_session.logger, level)("%s", message)


class _Socket:
    """Everything but what is sealed is the socket's."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


class WorkerSocket(_Socket):
    """A worker's socket."""

    def __init__(self, socket: Any, link: WorkerLink, address: tuple[str, int]) -> None:
        super().__init__(socket)
        self.link = link
        self._address = address
        self._asked: float | None = None
        self._was_answered = False

    def send(self, data: bytes, flags: int = 0, **options: Any) -> None:
        for frame in self.link.send(data):
            self._socket.send(frame, flags, **options)
        if self.link.way == "unknown":
            self._wait()

    def recv(self, *args: Any, **options: Any) -> bytes:
        while True:
            message, replies, note = self.link.receive(self._socket.recv(*args, **options))
            for reply in replies:
                self._socket.send(reply)
            self._tell(note)
            if message is not None:
                return message

    def _tell(self, note: str | None) -> None:
        host, port = self._address
        if note in NOT_SERVED:
            self._was_answered = True
            _say_once("error", f"this worker does not work for the master at {host}:{port}: {NOT_SERVED[note]}")
        elif note in NOT_TAKEN:
            _say_once("warning", f"a message from {host}:{port} was not taken: {NOT_TAKEN[note]}")
        elif note == "open":
            _say_once(
                "warning",
                "without a cluster key this worker takes no host, no secret option and no locustfile from the master, "
                f"which could be anybody: it needs its own (--host). For messages that are encrypted, {REMEDY}",
            )
        elif note == "sealed":
            _session.logger.debug("messages between this worker and its master are sealed")

    def _wait(self) -> None:
        """Plain Locust does not answer. Somebody who waits is told what that may be."""
        now = time.monotonic()
        self._asked = self._asked or now
        if now - self._asked > PATIENCE and not self._was_answered and _listens(self._address):
            host, port = self._address
            _say_once(
                "error",
                f"something listens at {host}:{port}, and does not answer as a master under `tegmen run` does. Start "
                "the master with `tegmen run -- locust --master …`",
            )


def _listens(address: tuple[str, int]) -> bool:
    import socket

    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return False
    return True


class MasterSocket(_Socket):
    """A master's socket."""

    def __init__(self, socket: Any, link: MasterLink, module: ModuleType) -> None:
        super().__init__(socket)
        self.link = link
        self._message = module.Message

    def send_multipart(self, parts: list[bytes], *args: Any, **options: Any) -> None:
        node, data = parts
        frame = self.link.send(node, data)
        if frame is None:
            _session.logger.debug("nothing is sent to %s, which was not let in", _shown(node))
            return
        self._socket.send_multipart([node, frame], *args, **options)

    def recv_multipart(self, *args: Any, **options: Any) -> list[bytes]:
        while True:
            parts = self._socket.recv_multipart(*args, **options)
            if len(parts) != 2:
                self._tell(parts[0], b"", "malformed")
                continue
            node, frame = parts
            message, replies, note = self.link.receive(node, frame)
            for reply in replies:
                self._socket.send_multipart([node, reply])
            self._tell(node, frame, note)
            if message is not None:
                return [node, message]

    def _tell(self, node: bytes, frame: bytes, note: str | None) -> None:
        if note in REFUSED:
            _say_once("error", f"worker {_shown(node)} was refused: {REFUSED[note]}")
            if note == "foreign":
                self._send_away(node, frame)
        elif note in NOT_TAKEN:
            _say_once("warning", f"a message from worker {_shown(node)} was not taken: {NOT_TAKEN[note]}")
        elif note == "open":
            _say_once(
                "warning",
                "without a cluster key workers under other brokers get no host, no secret option and no locustfile "
                f"from this master: each needs its own (--host). For messages that are encrypted, {REMEDY}",
            )
        elif note == "sealed":
            _session.logger.debug("messages to and from %s are sealed", _shown(node))

    def _send_away(self, node: bytes, frame: bytes) -> None:
        """Tells plain Locust in its own words that there is nothing for it here: it would wait for minutes."""
        try:
            asked = self._message.unserialize(frame).type
        except Exception:
            # It is not Locust at all.
            return
        answers: dict[str, tuple[str, Any]] = {
            "locustfile": ("locustfile", {"error": "this master takes only workers under `tegmen run`"}),
            # It listens to a farewell only when it was welcomed and has begun.
            "client_ready": ("ack", {"index": -1}),
            "heartbeat": ("quit", None),
        }
        if asked in answers:
            answer = self._message(*answers[asked], node.decode(errors="replace"))
            with contextlib.suppress(Exception):
                self._socket.send_multipart([node, answer.serialize()])


def _shown(node: bytes) -> str:
    """The name of a worker, which anybody can choose."""
    return ascii(node[:80].decode(errors="replace"))[1:-1]


def _client(module: ModuleType, plugin: Plugin) -> None:
    """The worker's end."""
    init, recv = module.Client.__init__, module.Client.recv

    @functools.wraps(init)
    def sealing_init(self: Any, host: str, port: int, identity: str) -> None:
        init(self, host, port, identity)
        self.socket = WorkerSocket(self.socket, WorkerLink(plugin, identity), (host, port))

    @functools.wraps(recv)
    def careful_recv(self: Any) -> Any:
        message = recv(self)
        if message.type == "locustfile" and self.socket.link.way != "sealed" and "error" not in message.data:
            message.data = {"error": NO_LOCUSTFILE}
        return message

    module.Client.__init__, module.Client.recv = sealing_init, careful_recv


def _server(module: ModuleType, plugin: Plugin) -> None:
    """The master's end."""
    server, error = module.Server, module.RPCReceiveError
    init, send, recv = server.__init__, server.send_to_client, server.recv_from_client

    @functools.wraps(init)
    def sealing_init(self: Any, host: str, port: int) -> None:
        init(self, host, port)
        self.socket = MasterSocket(self.socket, MasterLink(plugin), module)

    @functools.wraps(send)
    def careful_send(self: Any, msg: Any) -> Any:
        way = self.socket.link.way(msg.node_id.encode())
        data = _for_worker(plugin, way, msg.type, msg.data)
        return send(self, msg if data is msg.data else type(msg)(msg.type, data, msg.node_id))

    @functools.wraps(recv)
    def careful_recv(self: Any) -> Any:
        while True:
            try:
                address, message = recv(self)
            except (module.RPCError, KeyboardInterrupt):
                raise
            except Exception as unreadable:
                # A worker that nobody knows can send what it likes; the master must not end of it.
                raise error(f"a message that cannot be read ({type(unreadable).__name__})") from None
            if message.node_id == address:
                return address, message
            _say_once("warning", f"a message from worker {_shown(address.encode())} under another name was not taken")

    server.__init__, server.send_to_client, server.recv_from_client = sealing_init, careful_send, careful_recv


def _for_worker(plugin: Plugin, way: str, kind: str, data: Any) -> Any:
    """What a worker is told: without a key nothing that it would not take."""
    if kind == "spawn" and way == "sealed":
        return {**data, TARGETS: plugin.targets()}
    if kind == "spawn":
        secret = _secret_options()
        options = {
            name: value
            for name, value in data["parsed_options"].items()
            if name in HARMLESS_OPTIONS or (name in _custom_options() and not _is_secret(plugin, secret, name, value))
        }
        return {**data, "host": None, "parsed_options": options}
    if kind == "update_user_class" and way != "sealed" and isinstance(data, dict):
        return {name: value for name, value in data.items() if name in HARMLESS_SETTINGS}
    if kind == "locustfile" and way != "sealed":
        _say_once("error", NO_LOCUSTFILE)
        return {"error": NO_LOCUSTFILE}
    return data


def runners(module: ModuleType, plugin: Plugin) -> None:
    """What a worker makes of what it is told. `module` is ``locust.runners``."""
    worker: Any = module.WorkerRunner
    init = worker.__init__
    workers: list[Any] = []

    @functools.wraps(init)
    def remembering_init(self: Any, environment: Any, *args: Any, **kwargs: Any) -> None:
        self._tegmen_host = environment.host
        workers[:] = [self]
        init(self, environment, *args, **kwargs)

    worker.__init__ = remembering_init
    if hasattr(worker, "handle_message"):
        handle = worker.handle_message

        @functools.wraps(handle)
        def careful_handle(self: Any, msg: Any) -> Any:
            return handle(self, _careful(plugin, self, self.client, msg))

        worker.handle_message = careful_handle
        return
    # An older worker reads its messages in a loop of its own; there is one worker in a process.
    client: Any = module.rpc.Client
    receive = client.recv

    @functools.wraps(receive)
    def careful_receive(self: Any, *args: Any, **kwargs: Any) -> Any:
        msg = receive(self, *args, **kwargs)
        return _careful(plugin, workers[0], self, msg) if workers else msg

    client.recv = careful_receive


def _careful(plugin: Plugin, runner: Any, client: Any, msg: Any) -> Any:
    """A message to a worker, without what it is not to be told by a master that nobody vouches for."""
    way = getattr(getattr(client.socket, "link", None), "way", "sealed")
    if msg.type == "spawn":
        targets = msg.data.pop(TARGETS, ()) if isinstance(msg.data, dict) else ()
        if way == "sealed":
            for target in targets:
                plugin.add_target(target)
        else:
            msg.data = _from_stranger(plugin, runner, msg.data)
    elif msg.type == "update_user_class" and way != "sealed":
        msg.data = {name: value for name, value in msg.data.items() if name in HARMLESS_SETTINGS}
    return msg


def _from_stranger(plugin: Plugin, runner: Any, job: Any) -> Any:
    """A spawn message from a master that nobody vouches for, without what could lead secrets elsewhere."""
    host = runner._tegmen_host
    if not host and not all(getattr(user_class, "host", None) for user_class in runner.user_classes):
        _say_once(
            "error",
            "this worker has no host: it takes none from a master without a cluster key. Start it with --host, or "
            + REMEDY,
        )
    secret = _secret_options()
    options = {
        name: value for name, value in job["parsed_options"].items() if not _is_secret(plugin, secret, name, value)
    }
    return {**job, "host": host, "parsed_options": options}


def _is_secret(plugin: Plugin, secret: set[str], name: str, value: Any) -> bool:
    from tegmen._hooks.locust_outputs import MARK

    if name in secret:
        return True
    text = value if isinstance(value, str) else repr(value)
    return MARK in text or plugin.redact(text) is not None


@functools.cache
def _secret_options() -> set[str]:
    """Options of the script that are marked as secret, whether the web UI shows them or not."""
    return {action.dest for action in _parser()._actions if getattr(action, "is_secret", False)}


@functools.cache
def _custom_options() -> set[str]:
    """Options that are not Locust's own."""
    from locust import argument_parser

    return {action.dest for action in _parser()._actions} - set(argument_parser.default_args_dict())


@functools.cache
def _parser() -> Any:
    from locust import argument_parser

    return argument_parser.get_parser()
