"""Goes along in every Python process of a test under `tegmen prove`, and nowhere else: it is no part of the package.

It leaves the test's code as it is. It says which port is about to be dialled, so that somebody listens there; it bounds
how many users there are and for how long, and how long they wait; and it says which tasks ran and which line said what.
"""

import _socket
import json
import os
import sys

_PLAN = json.loads(os.environ.get("TEGMEN_STAGE") or "{}")
_HERE = os.path.dirname(os.path.abspath(__file__))
_PROJECT = _PLAN.get("project", os.getcwd())


class _Gate:
    """The connection to `tegmen prove`: one for each process."""

    def __init__(self):
        self._pid = None
        self._socket = None

    def _connected(self):
        if self._pid != os.getpid():
            if self._socket is not None:
                # The parent's. It may be closed here already, and its number may be another's.
                self._socket.detach()
            self._socket = _socket.socket(1, 1)
            self._socket.connect("\0" + _PLAN["gate"])
            self._pid = os.getpid()
        return self._socket

    def tell(self, message, answered=False):
        try:
            connection = self._connected()
            data = json.dumps(message).encode() + b"\n"
            while data:
                data = data[connection.send(data) :]
            if answered:
                answer = b""
                while not answer.endswith(b"\n"):
                    piece = connection.recv(256)
                    if not piece:
                        break
                    answer += piece
                return answer.decode().strip()
        except (OSError, KeyError):
            # The test goes on as it would; what is not heard is not exercised.
            self._pid = None
        return ""


_gate = _Gate()
_dialled = set()
_led = {}


def _announce(family, address):
    """Before a connection: somebody is to listen there. Gives back where to connect to."""
    if family == 1 and isinstance(address, (str, bytes)):
        return _PLAN.get("logs", {}).get(os.fsdecode(address), address)
    if family in (2, 10) and isinstance(address, tuple) and len(address) >= 2 and isinstance(address[1], int):
        if _PLAN.get("led"):
            return _lead(family, address)
        port = address[1]
        if port not in _dialled:
            _gate.tell({"dial": port}, answered=True)
            _dialled.add(port)
    return address


def _lead(family, address):
    host, port = address[0], address[1]
    led = _led.get((host, port))
    if led is None:
        answer = _gate.tell({"lead": {"host": str(host), "port": port}}, answered=True)
        if " " not in answer:
            # Nobody is there for it: the fence refuses the connection.
            return address
        name, number = answer.split(" ")
        led = _led[host, port] = (name, int(number))
    return led if family == 2 else ("::ffff:" + led[0], led[1])


def _lead_names(module):
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
            addresses[host] = _gate.tell({"name": host}, answered=True)
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


def _on_socket(module):
    _announcing(module.socket)


def _on_ssl(module):
    """Scripts that name their own authorities trust the one of this run as well."""
    context = module.SSLContext
    load = context.load_verify_locations
    authority = _PLAN.get("authority")
    if authority is None or hasattr(load, "_stage"):
        return

    def loading(self, cafile=None, capath=None, cadata=None):
        if cafile is not None or capath is not None or cadata is not None:
            load(self, cafile, capath, cadata)
        return load(self, authority)

    loading._stage = True
    context.load_verify_locations = loading


def _on_parser(module):
    """Users and time are bounded, and everything that Locust can write is written."""
    parser = module.LocustArgumentParser
    parse = parser.parse_args

    def parsing(self, *args, **kwargs):
        options = parse(self, *args, **kwargs)
        if hasattr(options, "num_users") and hasattr(options, "headless"):
            for name, value in _PLAN.get("options", {}).items():
                if hasattr(options, name):
                    setattr(options, name, value)
        return options

    parser.parse_args = parsing


def _name(task):
    code = getattr(task, "__code__", None)
    function = getattr(task, "__wrapped__", None)
    if code is None and function is not None:
        code = getattr(function, "__code__", None)
    name = getattr(task, "__qualname__", repr(type(task).__name__))
    if code is None:
        return name
    return f"{name} ({_relative(code.co_filename)}:{code.co_firstlineno})"


def _relative(path):
    path = os.path.abspath(path)
    prefix = os.path.join(_PROJECT, "")
    return path[len(prefix) :] if path.startswith(prefix) else path


def _on_tasks(module):
    wait = _PLAN.get("wait", 0.05)
    seen = set()

    def sleep(self, seconds, _sleep=module.TaskSet._sleep):
        return _sleep(self, min(seconds, wait))

    module.TaskSet._sleep = sleep
    for task_set in (module.TaskSet, module.DefaultTaskSet):

        def execute(self, task, _execute=task_set.execute_task):
            name = _name(task)
            if name not in seen:
                seen.add(name)
                _gate.tell({"ran": name})
            try:
                return _execute(self, task)
            except Exception as error:
                _say_error(error, error.__traceback__)
                raise

        task_set.execute_task = execute


def _leaves(tasks, into, seen):
    for task in tasks or ():
        inner = getattr(task, "tasks", None)
        if inner is not None and isinstance(task, type):
            if task not in seen:
                seen.add(task)
                _leaves(inner, into, seen)
            into.append(_name(task))
        else:
            into.append(_name(task))


def _page(rule):
    """A page of that kind: what the rule leaves open is filled in."""
    import re

    return re.sub(r"<(?:(\w+)(?:\([^)]*\))?:)?\w+>", lambda gap: "0" * 8 if gap[1] in (None, "string") else "1", rule)


def _defined(function):
    """The line of the project in which a function begins."""
    code = getattr(function, "__code__", None)
    if code is None or not _is_ours(code.co_filename):
        wrapped = getattr(function, "__wrapped__", None)
        return _defined(wrapped) if wrapped is not None else None
    return {"path": _relative(code.co_filename), "line": code.co_firstlineno}


def _on_locust(module):
    def pages(environment, **_):
        # Scripts add theirs when they are told that Locust has begun, some of them after us.
        ui = getattr(environment, "web_ui", None)
        if ui is not None:
            told = {}
            for rule in ui.app.url_map.iter_rules():
                place = _defined(ui.app.view_functions.get(rule.endpoint))
                if "GET" in rule.methods:
                    told[_page(str(rule))] = place
                elif place is not None:
                    _gate.tell({"unwatched": {"what": f"the page {rule} answers, which takes no GET", **place}})
            _gate.tell({"pages": told})

    def started(environment, **_):
        classes = getattr(environment, "user_classes", ()) or ()
        declared = []
        for user_class in classes:
            _leaves(getattr(user_class, "tasks", ()), declared, set())
        hosts = [getattr(environment, "host", None), *(getattr(user_class, "host", None) for user_class in classes)]
        _gate.tell({"declared": sorted(set(declared))})
        _gate.tell({"targets": [host for host in hosts if isinstance(host, str)]})
        shape = getattr(environment, "shape_class", None)
        if shape is not None:
            _bound(shape)
        pages(environment)

    def requested(name=None, exception=None, **_):
        if exception is None:
            _say(_REPORTED, str(name))
        else:
            _say((*_REPORTED, "log"), f"{name} {exception}")

    module.events.init.add_listener(started)
    module.events.test_start.add_listener(pages)
    module.events.request.add_listener(requested)


def _bound(shape):
    tick = shape.tick
    users, seconds = _PLAN.get("users", 4), _PLAN.get("seconds", 8)

    def bounded():
        step = tick()
        if step is None or shape.get_run_time() > seconds:
            return None
        return (min(step[0], users), *step[1:])

    shape.tick = bounded


_OUTSIDE = {"site-packages", "dist-packages", ".venv", "venv"}
_ours = {}


def _is_ours(path):
    """Whether a file is one of the project's."""
    is_ours = _ours.get(path)
    if is_ours is None:
        whole = os.path.abspath(path)
        is_inside = _relative(path) != whole and not whole.startswith(os.path.join(_HERE, ""))
        is_ours = is_inside and _OUTSIDE.isdisjoint(whole.split(os.sep)) and os.path.isfile(path)
        _ours[path] = is_ours
    return is_ours


def _frame(frame=None):
    """The line of the project that is being run."""
    frame = frame or sys._getframe(2)
    while frame is not None:
        if _is_ours(frame.f_code.co_filename):
            return _relative(frame.f_code.co_filename), frame.f_lineno
        frame = frame.f_back
    return None


#: Where Locust shows the names of requests and why they failed.
_REPORTED = ("csv", "html", "json", "web-ui", "messages", "stdout", "stderr")
_said = {}


def _say(channels, text, place=None, to=None):
    place = place or _frame()
    if place is None or len(text) < 6:
        return
    key = (channels, to, *place)
    _said[key] = _said.get(key, 0) + 1
    # A line that says the same again and again is heard often enough.
    if _said[key] <= 60:
        path, line = place
        _gate.tell({"said": {"channels": channels, "path": path, "line": line, "text": text[:20000], "to": to}})


def _say_error(error, trace):
    """An exception that nobody in the script has caught: the innermost line of the project is to blame."""
    place = None
    while trace is not None:
        if _is_ours(trace.tb_frame.f_code.co_filename):
            place = _relative(trace.tb_frame.f_code.co_filename), trace.tb_lineno
        trace = trace.tb_next
    if place is not None:
        import traceback

        try:
            _say((*_REPORTED, "log"), "".join(traceback.format_exception(type(error), error, None)), place)
        except Exception:
            # What a script's own objects do when they are shown is not for us to judge.
            return


def _watch_prints():
    import builtins

    said = builtins.print

    def printing(*args, sep=" ", end="\n", file=None, flush=False):
        said(*args, sep=sep, end=end, file=file, flush=flush)
        try:
            if file is None or file in (sys.stdout, sys.stderr):
                channel = "stderr" if file is not None and file is sys.stderr else "stdout"
                _say((channel,), (" " if sep is None else sep).join(str(arg) for arg in args))
        except Exception:
            return

    printing.__name__ = printing.__qualname__ = "print"
    builtins.print = printing
    for channel in ("stdout", "stderr"):
        stream = getattr(sys, channel, None)
        write = getattr(stream, "write", None)
        if write is None:
            continue

        def writing(text, _write=write, _channel=channel):
            written = _write(text)
            if isinstance(text, str):
                _say((_channel,), text)
            return written

        try:
            stream.write = writing
        except AttributeError:
            continue


def _watch_events():
    """Files that are opened, hosts that are dialled, programs that are started: which line of the project it was."""
    writing = os.O_WRONLY | os.O_RDWR
    known, opened, overwritten = set(), {}, {}

    def tell_opened(path, place):
        file = os.path.abspath(os.fsdecode(path))
        opened[file] = place
        _gate.tell({"opened": {"file": file, "path": place[0], "line": place[1]}})

    def overwriting(file):
        """What a line wrote is looked at before it is overwritten: again and again is often enough."""
        if file in opened and overwritten.setdefault(file, 0) < 60 and os.path.isfile(file):
            overwritten[file] += 1
            _gate.tell({"removing": file}, answered=True)

    def started(program, words, environment):
        """What others see of a program while it runs, however short that is. What it inherits is not in here."""
        place = _frame(sys._getframe(2))
        told = {"program": os.fsdecode(program), "words": f"{words}", "environment": f"{environment or ''}"}
        if place is not None:
            told["path"], told["line"] = place
        _gate.tell({"started": told})

    def at(path, folder):
        """The file that such a path means, seen from that folder."""
        folder = os.getcwd() if folder == -1 else os.readlink(f"/proc/self/fd/{folder}")
        return os.path.normpath(os.path.join(folder, os.fsdecode(path)))

    def told(event, arguments):
        try:
            if event == "open":
                path, mode, flags = arguments
                is_written = (isinstance(mode, str) and not set(mode).isdisjoint("wax+")) or (flags or 0) & writing
                if not is_written or isinstance(path, int):
                    return
                if (flags or 0) & os.O_TRUNC:
                    overwriting(os.path.abspath(os.fsdecode(path)))
                if (event, path) in known:
                    return
                place = _frame(sys._getframe(1))
                if place is not None:
                    known.add((event, path))
                    tell_opened(path, place)
            elif event == "sqlite3.connect":
                place = _frame(sys._getframe(1))
                if place is not None:
                    tell_opened(arguments[0], place)
            elif event == "os.remove":
                # It is looked at while it is there.
                file = at(*arguments)
                if file in opened:
                    _gate.tell({"removing": file}, answered=True)
            elif event == "os.rename":
                old, new, from_folder, to_folder = arguments
                overwriting(at(new, to_folder))
                place = opened.get(at(old, from_folder))
                if place is not None:
                    tell_opened(at(new, to_folder), place)
            elif event == "os.truncate":
                if isinstance(arguments[0], (str, bytes)):
                    overwriting(os.path.abspath(os.fsdecode(arguments[0])))
            elif event == "os.system":
                started("sh", arguments[0], None)
            elif event in ("os.exec", "os.posix_spawn"):
                started(*arguments)
            elif event in ("socket.connect", "socket.sendto"):
                address = arguments[1]
                is_path = isinstance(address, (str, bytes)) and address != "\0" + _PLAN["gate"]
                if is_path and (event, address) not in known:
                    known.add((event, address))
                    place = _frame(sys._getframe(1))
                    if place is not None:
                        socket = os.fsdecode(address)
                        told = {"what": f"went to the socket {socket}", "path": place[0], "line": place[1]}
                        _gate.tell({"unwatched": {"socket": socket, **told}})
                host = address[0] if isinstance(address, tuple) else None
                if host is None or (event, host) in known:
                    return
                place = _frame(sys._getframe(1))
                if place is not None:
                    known.add((event, host))
                    _gate.tell({"dialled": {"address": str(host), "path": place[0], "line": place[1]}})
            elif event == "subprocess.Popen":
                program, words, _, environment = arguments
                started(program, words, environment)
            elif event == "syslog.syslog":
                _say(("system-log",), str(arguments[-1]), _frame(sys._getframe(1)))
        except Exception:
            # It watches; whatever goes wrong in here is not the test's.
            return

    sys.addaudithook(told)


def _on_shared_memory(module):
    """Memory that has a name is a file for everybody else, and no event tells of it."""
    open_, unlink = module.shm_open, module.shm_unlink

    def file(path):
        return os.path.join("/dev/shm", os.fsdecode(path).lstrip("/"))

    def shm_open(path, *args, **kwargs):
        descriptor = open_(path, *args, **kwargs)
        place = _frame()
        if place is not None:
            _gate.tell({"opened": {"file": file(path), "path": place[0], "line": place[1]}})
        return descriptor

    def shm_unlink(path):
        # Mostly it is a process of multiprocessing that removes what is left.
        _gate.tell({"removing": file(path)}, answered=True)
        return unlink(path)

    module.shm_open, module.shm_unlink = shm_open, shm_unlink


def _on_gevent_programs(module):
    """Programs that are started through gevent, which tells no event of it."""
    init = module.Popen.__init__

    def starting(self, args, *rest, **options):
        _say(("command-line",), f"{args}")
        _say(("environ",), f"{options.get('env')}")
        return init(self, args, *rest, **options)

    starting.__wrapped__ = init
    module.Popen.__init__ = starting


def _on_urllib3(module):
    """What a script sends, whichever library it is by: the line that sends it."""
    pool = module.HTTPConnectionPool
    urlopen = pool.urlopen

    def opening(self, method, url, body=None, headers=None, *args, **kwargs):
        _say_sent(self.host, url, body, headers)
        return urlopen(self, method, url, body, headers, *args, **kwargs)

    opening.__wrapped__ = urlopen
    pool.urlopen = opening


def _on_gevent_client(module):
    client = module.HTTPClient
    request = client.request

    def requesting(self, method, request_uri, body=b"", headers=None, **kwargs):
        _say_sent(self.host, request_uri, body, headers)
        return request(self, method, request_uri, body, headers, **kwargs)

    requesting.__wrapped__ = request
    client.request = requesting


def _say_sent(host, url, body, headers):
    place = _frame(sys._getframe(2))
    if place is None:
        return
    try:
        text = body.decode("utf-8", "replace") if isinstance(body, (bytes, bytearray)) else body
        text = text if isinstance(text, str) else ""
        _say(("other-hosts", "other-places", "telemetry"), f"{url} {dict(headers or {})} {text}", place, str(host))
    except Exception:
        return


def _on_logging(module):
    handle = module.Logger.callHandlers

    def handling(self, record):
        path = getattr(record, "pathname", "")
        if _is_ours(path):
            try:
                text = record.getMessage()
            except Exception:
                text = ""
            _say(("log", "stderr", "system-log", "web-ui"), text, (_relative(path), record.lineno))
        elif getattr(record, "exc_info", None):
            _say_error(record.exc_info[1], record.exc_info[2])
        return handle(self, record)

    module.Logger.callHandlers = handling


def _on_clients(module):
    """Failures that a script names itself stand in CSV, report and web UI."""
    context = getattr(module, "ResponseContextManager", None)
    if context is None:
        return
    failure = context.failure

    def failing(self, exc, *args, **kwargs):
        place = _frame()
        if place is not None:
            _say((*_REPORTED, "log"), str(exc), place)
        return failure(self, exc, *args, **kwargs)

    context.failure = failing


def _stay_plain(module):
    """A test without protection does not start itself again with it."""
    if _PLAN.get("plain"):
        module.start_again = lambda: None


def _on_tegmen(module):
    """A test without protection, of a script that asks for it: what it gets are plain strings."""
    if not _PLAN.get("plain"):
        return

    class Plain(str):
        name = ""

        def reveal(self):
            return str(self)

        def hmac_sha256(self, data):
            import hashlib
            import hmac

            return hmac.new(self.encode(), data, hashlib.sha256).digest()

    def secret(name):
        value = os.environ.get(name, os.environ.get("LOCUST_" + name))
        if value is None:
            raise KeyError(f"there is no secret {name}")
        plain = Plain(value)
        plain.name = name
        return plain

    def protect(value, *, name="TOKEN"):
        plain = Plain(value)
        plain.name = name
        return plain

    module.secret, module.protect = secret, protect
    if _PLAN.get("pools"):
        module.pool = _plain_pools()


class _Record(dict):
    """A record of a pool, without protection: plain values, as items and as attributes."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def release(self):
        return None


class _Pool:
    def __init__(self, name, records):
        self.name, self._records, self._next = name, records, 0

    def __len__(self):
        return len(self._records)

    def __bool__(self):
        return bool(self._records)

    def checkout(self, *, timeout=None):
        self._next += 1
        return _Record(self._records[(self._next - 1) % len(self._records)])


def _plain_pools():
    with open(_PLAN["pools"]) as file:
        pools = {name: _Pool(name, records) for name, records in json.load(file).items()}
    return lambda name: pools[name]


class _Lines:
    """Which lines of the project's files ran: each is told once. Python 3.12 has events for that (sys.monitoring),
    which cost nothing once a line has been seen; before it, each call of a function is looked at (sys.settrace).
    """

    def __init__(self):
        self._ran = {}

    def watch(self):
        if hasattr(sys, "monitoring"):
            self._monitor(sys.monitoring)
        elif sys.gettrace() is None:
            import threading

            sys.settrace(self._call)
            threading.settrace(self._call)

    def _monitor(self, monitoring):
        # Somebody else's tool, such as a measurement of coverage, keeps its number.
        for tool in (monitoring.COVERAGE_ID, 3, 4):
            if monitoring.get_tool(tool) is None:
                break
        else:
            return
        monitoring.use_tool_id(tool, "tegmen prove")

        def line(code, number):
            if _is_ours(code.co_filename):
                self._tell(code.co_filename, number)
            return monitoring.DISABLE

        monitoring.register_callback(tool, monitoring.events.LINE, line)
        monitoring.set_events(tool, monitoring.events.LINE)

    def _call(self, frame, event, argument):
        path = frame.f_code.co_filename
        if not _is_ours(path):
            return None
        self._tell(path, frame.f_lineno)
        return self._line

    def _line(self, frame, event, argument):
        if event == "line":
            self._tell(frame.f_code.co_filename, frame.f_lineno)
        return self._line

    def _tell(self, path, number):
        ran = self._ran.get(path)
        if ran is None:
            ran = self._ran[path] = set()
            _gate.tell({"lines": {"path": _relative(path), "lines": sorted(self._runnable(path))}})
        if number and number not in ran:
            ran.add(number)
            _gate.tell({"line": {"path": _relative(path), "lines": [number]}})

    @staticmethod
    def _runnable(path):
        """The lines of a file that have code: those of its functions and classes too."""
        try:
            with open(path, "rb") as file:
                waiting = [compile(file.read(), path, "exec", dont_inherit=True)]
        except (OSError, SyntaxError, ValueError):
            return set()
        lines = set()
        while waiting:
            code = waiting.pop()
            # Where a function or class begins is no line of its own: its definition ran, or it did.
            first = code.co_firstlineno if code.co_name != "<module>" else None
            lines.update(line for _, _, line in code.co_lines() if line and line != first)
            waiting.extend(constant for constant in code.co_consts if hasattr(constant, "co_lines"))
        return lines


def _switched_off(name, *functions):
    """For the self-test: a protection that does nothing must be noticed."""

    def off(module):
        if name in _PLAN.get("off", ()):
            for function in functions:
                if hasattr(module, function):
                    setattr(module, function, lambda *_: None)

    return off


def _hand_on_as_it_is(module):
    if "programs" in _PLAN.get("off", ()):
        module.handed_on = lambda environment: environment


def _open_to_inspection(module):
    if "inspection" in _PLAN.get("off", ()):
        import ctypes

        set_dumpable = 4
        ctypes.CDLL(None).prctl(set_dumpable, 1, 0, 0, 0)


_HOOKS = {
    "tegmen._hooks.locust_outputs": _switched_off("outputs", "apply", "before"),
    "tegmen._hooks.locust_web": _switched_off("outputs", "apply", "before"),
    "tegmen._hooks.locust_cluster": _switched_off("cluster", "apply"),
    "tegmen._hooks.locust_access": _switched_off("web-origin", "guard"),
    "tegmen._hooks._answers": _switched_off("tokens", "learn"),
    "tegmen._environ": _hand_on_as_it_is,
    "tegmen._logging": _switched_off("logging", "install"),
    "locust.runners": _open_to_inspection,
    "socket": _on_socket,
    "_posixshmem": _on_shared_memory,
    "gevent.subprocess": _on_gevent_programs,
    "urllib3.connectionpool": _on_urllib3,
    "geventhttpclient.client": _on_gevent_client,
    "gevent._socket3": _on_socket,
    "ssl": _on_ssl,
    "logging": _on_logging,
    "tegmen": _on_tegmen,
    "tegmen._plain": _stay_plain,
    "locust": _on_locust,
    "locust.argument_parser": _on_parser,
    "locust.user.task": _on_tasks,
    "locust.clients": _on_clients,
    "locust.contrib.fasthttp": _on_clients,
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

    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != _HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


if _PLAN.get("led"):
    _lead_names(_socket)
    if "socket" in sys.modules:
        _lead_names(sys.modules["socket"])
_go_on()
sys.meta_path.insert(0, _Watcher())
for _module, _hook in _HOOKS.items():
    if _module in sys.modules:
        _hook(sys.modules[_module])
_watch_prints()
_watch_events()
if _PLAN.get("lines", bool(_PLAN)):
    _Lines().watch()
