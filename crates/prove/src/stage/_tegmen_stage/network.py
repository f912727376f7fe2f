"""What is about to be dialled, so that somebody listens there; where the world cannot lead it there, it is led here."""

import os

from _tegmen_stage.gate import PLAN, gate

_dialled = set()
_led = {}


def _announce(family, address):
    """Before a connection: somebody is to listen there. Gives back where to connect to."""
    if family == 1 and isinstance(address, (str, bytes)):
        return PLAN.get("logs", {}).get(os.fsdecode(address), address)
    if family in (2, 10) and isinstance(address, tuple) and len(address) >= 2 and isinstance(address[1], int):
        if PLAN.get("led"):
            return _lead(family, address)
        port = address[1]
        if port not in _dialled:
            gate.tell({"dial": port}, answered=True)
            _dialled.add(port)
    return address


def _lead(family, address):
    host, port = address[0], address[1]
    led = _led.get((host, port))
    if led is None:
        answer = gate.tell({"lead": {"host": str(host), "port": port}}, answered=True)
        if " " not in answer:
            # Nobody is there for it: the fence refuses the connection.
            return address
        name, number = answer.split(" ")
        led = _led[host, port] = (name, int(number))
    return led if family == 2 else ("::ffff:" + led[0], led[1])


def lead_names(module):
    """Where the world cannot do it, names get their addresses here."""
    look_up = module.getaddrinfo
    if hasattr(look_up, "_stage"):
        return
    addresses = {}

    def is_name(host):
        if not host:
            return False
        for family in (2, 10):
            try:
                module.inet_pton(family, host)
            except (OSError, ValueError):
                continue
            return False
        return True

    def address(host):
        if isinstance(host, (bytes, bytearray)):
            host = bytes(host).decode()
        if not isinstance(host, str) or not is_name(host):
            return host
        if host not in addresses:
            addresses[host] = gate.tell({"name": host}, answered=True)
        if not addresses[host]:
            raise module.gaierror(-2, "Name or service not known")
        return addresses[host]

    def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
        led = address(host)
        # An address of this kind only.
        return look_up(led, port, 2 if led != host else family, type, proto, flags)

    def gethostbyname(host):
        return address(host)

    def gethostbyname_ex(host):
        return host, [], [address(host)]

    for function in (getaddrinfo, gethostbyname, gethostbyname_ex):
        function._stage = True
        setattr(module, function.__name__, function)


def _announcing(socket_class):
    for name in ("connect", "connect_ex"):
        function = getattr(socket_class, name)
        if hasattr(function, "_stage"):
            continue

        def announcing(self, address, _function=function):
            return _function(self, _announce(getattr(self, "family", None), address))

        announcing._stage = True
        announcing.__name__ = name
        setattr(socket_class, name, announcing)


def on_socket(module):
    _announcing(module.socket)


def on_ssl(module):
    """Scripts that name their own authorities trust the one of this run as well."""
    context = module.SSLContext
    load = context.load_verify_locations
    authority = PLAN.get("authority")
    if authority is None or hasattr(load, "_stage"):
        return

    def loading(self, cafile=None, capath=None, cadata=None):
        if cafile is not None or capath is not None or cadata is not None:
            load(self, cafile, capath, cadata)
        return load(self, authority)

    loading._stage = True
    context.load_verify_locations = loading
