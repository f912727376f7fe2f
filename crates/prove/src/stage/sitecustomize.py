"""Goes along in every Python process of a test under `tegmen prove`, and nowhere else: it is no part of the package.

It leaves the test's code as it is. It says which port is about to be dialled, so that somebody listens there; it bounds
how many users there are and for how long, and how long they wait; and it says which tasks ran and which line said what.
"""

import _socket
import os
import sys

from _tegmen_stage import events, lines, network, plain, said, switches, tasks
from _tegmen_stage.gate import HERE, PLAN

_HOOKS = {
    "tegmen._hooks.locust_outputs": switches.switched_off("outputs", "apply", "before"),
    "tegmen._hooks.locust_web": switches.switched_off("outputs", "apply", "before"),
    "tegmen._hooks.locust_cluster": switches.switched_off("cluster", "apply"),
    "tegmen._hooks.locust_access": switches.switched_off("web-origin", "guard"),
    "tegmen._hooks._answers": switches.switched_off("tokens", "learn"),
    "tegmen._environ": switches.hand_on_as_it_is,
    "tegmen._logging": switches.switched_off("logging", "install"),
    "locust.runners": switches.open_to_inspection,
    "socket": network.on_socket,
    "_posixshmem": events.on_shared_memory,
    "gevent.subprocess": said.on_gevent_programs,
    "urllib3.connectionpool": said.on_urllib3,
    "geventhttpclient.client": said.on_gevent_client,
    "gevent._socket3": network.on_socket,
    "ssl": network.on_ssl,
    "logging": said.on_logging,
    "tegmen": plain.on_tegmen,
    "tegmen._plain": plain.stay_plain,
    "locust": tasks.on_locust,
    "locust.argument_parser": tasks.on_parser,
    "locust.user.task": tasks.on_tasks,
    "locust.clients": said.on_clients,
    "locust.contrib.fasthttp": said.on_clients,
}


class _Loader:
    def __init__(self, loader, hook):
        self._loader = loader
        self._hook = hook

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        self._loader.exec_module(module)
        self._hook(module)

    def __getattr__(self, name):
        return getattr(self._loader, name)


class _Watcher:
    def __init__(self):
        self._asking = set()

    def find_spec(self, fullname, path=None, target=None):
        hook = _HOOKS.get(fullname)
        if hook is None or fullname in self._asking:
            return None
        import importlib.util

        self._asking.add(fullname)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._asking.discard(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, hook)
        return spec


def _go_on():
    """Runs the sitecustomize that would have run without this one."""
    import importlib.machinery
    import importlib.util

    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


if PLAN.get("led"):
    network.lead_names(_socket)
    if "socket" in sys.modules:
        network.lead_names(sys.modules["socket"])
_go_on()
sys.meta_path.insert(0, _Watcher())
for _module, _hook in _HOOKS.items():
    if _module in sys.modules:
        _hook(sys.modules[_module])
said.watch_prints()
events.watch_events()
if PLAN.get("lines", bool(PLAN)):
    lines.Lines().watch()
