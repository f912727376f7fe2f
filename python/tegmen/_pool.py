"""Pools: a record of its own for each simulated user, from a source that the manifest names."""

from __future__ import annotations

import json
import os
import select
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

from tegmen import _native, _session
from tegmen._native import BrokerError
from tegmen._secret import Secret

#: How long a user that waits for a record sleeps before it asks again, in seconds: at first, and at most.
PAUSES = (0.02, 0.25)

#: How long the broker may take to answer. It answers at once unless the machine is drowning in work.
PATIENCE = 60.0


class PoolEmpty(LookupError):
    """All records of a pool are out, and the manifest does not say that users wait or share."""


class Record(Mapping[str, Any]):
    """A record of a pool that nobody else has: its fields by name, as items and as attributes.

    Secret fields are :class:`Secret`, the others what they are in the source. A record goes back into the pool when its
    user stops, at :meth:`release`, or at the end of a ``with``. From then on its placeholders stand for nothing.
    """

    __slots__ = ("_fields", "_number", "_pid", "_pool")

    _fields: dict[str, Any]
    _number: int | None
    _pid: int
    _pool: str

    def __init__(self, pool: str, number: int, fields: dict[str, Any]) -> None:
        self._pool, self._number, self._fields, self._pid = pool, number, fields, os.getpid()

    def release(self) -> None:
        """Gives the record back, for the next who wants one. The second time does nothing."""
        number, self._number = self._number, None
        plugin = _session.connected()
        # A forked child has what its parent has; the parent gives it back.
        if number is None or plugin is None or self._pid != os.getpid():
            return
        placeholders = [str.__str__(value) for value in self._fields.values() if isinstance(value, Secret)]
        _native.give_back(plugin, self._pool, number, placeholders)

    def __getitem__(self, name: str) -> Any:
        try:
            return self._fields[name]
        except KeyError:
            raise KeyError(f"a record of [{self._pool}] has no {name}; it has {', '.join(self._fields)}") from None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(error.args[0]) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __enter__(self) -> Record:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<Record of {self._pool}: {', '.join(self._fields)}>"

    def __reduce__(self) -> Any:
        raise TypeError("a record belongs to the process that checked it out, and cannot be pickled")


class Pool:
    """A pool of the manifest. Made by :func:`tegmen.pool`."""

    __slots__ = ("_name", "_size")

    def __init__(self, name: str, size: int) -> None:
        self._name, self._size = name, size

    @property
    def name(self) -> str:
        """The name in the manifest."""
        return self._name

    def __len__(self) -> int:
        """How many records this broker gives out: those of its share."""
        return self._size

    def __bool__(self) -> bool:
        return True

    def checkout(self, *, timeout: float | None = None) -> Record:
        """A record that nobody else has, in this process or any other of this ``tegmen run``.

        Within a simulated user it is the user's until it stops. Waits without holding up other users.

        Args:
            timeout: how many seconds to wait at most when all are out and ``on_empty = "wait"``; the manifest's
                ``wait`` counts too.

        Raises:
            PoolEmpty: all records are out.
            BrokerError: the broker is gone, or the record cannot be given out.
        """
        record = _checkout(self._name, self._size, timeout)
        _release_with_user(record)
        return record

    def __repr__(self) -> str:
        return f"<Pool {self._name}: {self._size} records>"


class _Line:
    """Those who wait for a record of one pool, one after the other. Nobody waits for those of another."""

    def __init__(self) -> None:
        self.lock, self.waiting = _new_lock(), set[object]()

    def enter(self, seconds: float | None) -> bool:
        """Waits until all who came before have a record, and not longer than that. Whether they have."""
        return bool(self.lock.acquire() if seconds is None else self.lock.acquire(timeout=seconds))


#: One question at a time, in each process.
_questions: dict[bool, Any] = {}
#: By whether their locks are gevent's, and the name of the pool.
_lines: dict[tuple[bool, str], _Line] = {}
_told: set[str] = set()


def _is_patched() -> bool:
    """Whether locks have to be gevent's: one of threads would stop all greenlets while one waits. It shows at the first
    use."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))


def _new_lock() -> Any:
    if not _is_patched():
        return threading.Lock()
    from gevent.lock import BoundedSemaphore

    return BoundedSemaphore(1)


def open_pool(name: str) -> Pool:
    """The pool of that name."""
    answer = _answer(name, "describe")
    if answer[0] == "unknown":
        names = ", ".join(answer[1]) or "none"
        raise KeyError(
            f"there is no pool {name}; this run has: {names}. Add [pools.{name}] with source and secret_fields to "
            "tegmen.toml"
        )
    return Pool(name, answer[1])


def _checkout(name: str, size: int, timeout: float | None) -> Record:
    began = time.monotonic()
    line = _lines.setdefault((_is_patched(), name), _Line())
    question = "checkout"
    if not line.waiting:
        got = _asked(name, question, began, timeout)
        if isinstance(got, Record):
            return got
        question = "again"
    own = object()
    line.waiting.add(own)
    try:
        if not line.enter(None if timeout is None else max(began + timeout - time.monotonic(), 0)):
            raise PoolEmpty(_why_empty(name, size, True, time.monotonic() - began))
        try:
            pause = PAUSES[0]
            while not isinstance(got := _asked(name, question, began, timeout), Record):
                question = "again"
                time.sleep(min(pause, got))
                pause = min(pause * 1.5, PAUSES[1])
            return got
        finally:
            line.lock.release()
    finally:
        line.waiting.discard(own)


def _asked(name: str, question: str, began: float, timeout: float | None) -> Record | float:
    """A record; or for how many seconds somebody may wait before asking again.

    Raises:
        PoolEmpty: nobody is to wait, or not any longer.
    """
    kind, *rest = _answer(name, question)
    if kind == "record":
        return _record(name, *rest)
    if kind != "empty":
        raise BrokerError(f"no record of [{name}] can be given out: {rest[0]}")
    size, waits, limit = rest
    limits = [seconds for seconds in (timeout, limit) if seconds is not None]
    waited = time.monotonic() - began
    if not waits or (limits and waited >= min(limits)):
        raise PoolEmpty(_why_empty(name, size, waits, waited))
    _tell(name, f"all {size} records of the pool [{name}] are out: users wait until one is given back")
    return min([PAUSES[1], *(max(limit - waited, 0) for limit in limits)])


def _why_empty(name: str, size: int, waits: bool, waited: float) -> str:
    if waits:
        return f"all {size} records of the pool [{name}] were out, also after {waited:.1f} s"
    return (
        f"all {size} records of the pool [{name}] are out. Simulate fewer users, add records, or write "
        f'on_empty = "wait" or "cycle" under [pools.{name}]'
    )


def _record(name: str, number: int, fields: list[tuple[str, str, str, str]], shared: bool) -> Record:
    if shared:
        _tell(name, f"the pool [{name}] has fewer records than users: some have the same record (on_empty = cycle)")
    values: dict[str, Any] = {}
    for field, kind, text, label in fields:
        values[field] = Secret(text, label) if kind == "secret" else json.loads(text) if kind == "json" else text
    return Record(name, number, values)


def _tell(name: str, message: str) -> None:
    if name not in _told:
        _told.add(name)
        _session.logger.warning(message)


def _answer(name: str, what: str) -> Any:
    """Asks the broker, and lets other greenlets run until it has answered."""
    plugin = _session.plugin()
    with _questions.setdefault(_is_patched(), _new_lock()):
        question, descriptor = _native.ask_pool(plugin, name, what)
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = _native.pool_answer(plugin, question, name)
            if answer is not None:
                return answer
            if time.monotonic() > deadline:
                raise BrokerError(f"the broker did not answer within {PATIENCE:.0f} s")
            # That of gevent where Locust has put it in its place.
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll(1000)


def _release_with_user(record: Record) -> None:
    """Lets the record go back when its user stops."""
    greenlet = _user_greenlet()
    if greenlet is not None:
        greenlet.link(lambda _: record.release())


def _user_greenlet() -> Any:
    """The greenlet of the simulated user that runs now: also in greenlets which it has started itself."""
    gevent, users = sys.modules.get("gevent"), sys.modules.get("locust.user.users")
    if gevent is None or users is None:
        return None
    greenlet = gevent.getcurrent()
    for _ in range(100):
        arguments = getattr(greenlet, "args", ())
        if arguments and isinstance(arguments[0], users.User):
            return greenlet
        parent = getattr(greenlet, "spawning_greenlet", None)
        greenlet = parent() if parent is not None else None
        if greenlet is None:
            return None
    return None


def after_fork() -> None:
    """In a forked child: nobody here asks or waits."""
    _questions.clear()
    _lines.clear()
