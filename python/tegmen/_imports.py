"""Runs a hook directly after a module was imported, before anybody gets hold of what is in it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

#: For each module the hook module in :mod:`tegmen._hooks`, which has a function ``apply(module)``.
HOOKS = {
    "locust": "locust_start",
    "locust.argument_parser": "locust_options",
    "locust.debug": "locust_start",
    "locust.event": "locust_outputs",
    "locust.html": "locust_outputs",
    "locust.main": "locust_start",
    "locust.rpc.protocol": "locust_outputs",
    "locust.rpc.zmqrpc": "locust_cluster",
    "locust.runners": "locust_outputs",
    "locust.stats": "locust_outputs",
    "locust.web": "locust_web",
    "opentelemetry.attributes": "telemetry",
    "opentelemetry.sdk.trace": "telemetry",
    "gevent._socket3": "sockets",
    "gevent._ssl3": "sockets",
    "gevent.ssl": "sockets",
    "gevent.subprocess": "programs",
    "grpc._common": "grpc_client",
    "grpc._compression": "grpc_client",
    "grpc._plugin_wrapping": "grpc_client",
    "grpc.aio._call": "grpc_client",
    "http.client": "http_client",
    "httpcore": "httpcore_client",
    "httpcore2": "httpcore_client",
    "os": "programs",
    "paho.mqtt.client": "paho_client",
    "pymongo.asynchronous.auth": "mongo_client",
    "pymongo.asynchronous.pool": "mongo_client",
    "pymongo.auth": "mongo_client",
    "pymongo.pool": "mongo_client",
    "pymongo.synchronous.auth": "mongo_client",
    "pymongo.synchronous.pool": "mongo_client",
    "psycopg.conninfo": "psycopg_client",
    "psycopg2": "psycopg_client",
    "redis.asyncio.connection": "redis_client",
    "redis.connection": "redis_client",
    "requests.auth": "requests_auth",
    "socket": "sockets",
    "ssl": "sockets",
    "subprocess": "programs",
    "websocket._core": "websocket_client",
    "websocket._handshake": "websocket_client",
    "websockets.asyncio.client": "websockets_client",
    "websockets.client": "websockets_client",
    "websockets.sync.client": "websockets_client",
    "urllib3.connection": "urllib3_client",
    "urllib3.connectionpool": "urllib3_client",
    "geventhttpclient.client": "gevent_client",
    "geventhttpclient.connectionpool": "gevent_client",
    "geventhttpclient.httplib": "gevent_client",
}


#: Hooks that ask for the broker at first use only, and so may be applied to what was imported before.
LAZY = ("http_client", "programs", "sockets")


def catch_up() -> None:
    """Applies the lazy hooks to modules that something has imported already."""
    for name, hook in HOOKS.items():
        module = sys.modules.get(name)
        if module is not None and hook in LAZY:
            check_points(module)
            importlib.import_module(f"tegmen._hooks.{hook}").apply(module)


def check_points(module: ModuleType) -> None:
    """Ends the process where the hook would not take hold of what is there."""
    from tegmen import _session
    from tegmen._hooks import _points

    if _session.is_run() and (missing := _points.missing(module)):
        _session.stop(_points.told(module, missing))


class HookedLoader(Loader):
    """Loads a module as the loader it stands for, then applies the hook."""

    def __init__(self, loader: Loader, hook: str) -> None:
        self._loader = loader
        self._hook = hook

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        hook = importlib.import_module(f"tegmen._hooks.{self._hook}")
        before: Callable[[ModuleType], None] | None = getattr(hook, "before", None)
        if before is not None:
            before(module)
        self._loader.exec_module(module)
        check_points(module)
        hook.apply(module)

    def __getattr__(self, name: str) -> object:
        # get_source, get_data and so on: tracebacks and importlib.resources ask for them.
        return getattr(self._loader, name)


class Watcher(MetaPathFinder):
    """Finds the modules that have a hook, by asking the other finders."""

    def __init__(self) -> None:
        self._asking: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        hook = HOOKS.get(fullname)
        if hook is None or fullname in self._asking:
            return None
        self._asking.add(fullname)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._asking.discard(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = HookedLoader(spec.loader, hook)
        return spec
