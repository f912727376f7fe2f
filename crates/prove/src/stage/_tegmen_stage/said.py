"""Which line of the project put what into an output, a log, a failure or a request."""

import sys

from _tegmen_stage.gate import gate
from _tegmen_stage.places import is_ours, relative, running_line

#: Where Locust shows the names of requests and why they failed.
REPORTED = ("csv", "html", "json", "web-ui", "messages", "stdout", "stderr")
_said = {}


def say(channels, text, place=None, to=None):
    place = place or running_line()
    if place is None or len(text) < 6:
        return
    key = (channels, to, *place)
    _said[key] = _said.get(key, 0) + 1
    # A line that says the same again and again is heard often enough.
    if _said[key] <= 60:
        path, line = place
        gate.tell({"said": {"channels": channels, "path": path, "line": line, "text": text[:20000], "to": to}})


def say_error(error, trace):
    """An exception that nobody in the script has caught: the innermost line of the project is to blame."""
    place = None
    while trace is not None:
        if is_ours(trace.tb_frame.f_code.co_filename):
            place = relative(trace.tb_frame.f_code.co_filename), trace.tb_lineno
        trace = trace.tb_next
    if place is not None:
        import traceback

        try:
            say((*REPORTED, "log"), "".join(traceback.format_exception(type(error), error, None)), place)
        except Exception:
            # What a script's own objects do when they are shown is not for us to judge.
            return


def watch_prints():
    import builtins

    said = builtins.print

    def printing(*args, sep=" ", end="\n", file=None, flush=False):
        said(*args, sep=sep, end=end, file=file, flush=flush)
        try:
            if file is None or file in (sys.stdout, sys.stderr):
                channel = "stderr" if file is not None and file is sys.stderr else "stdout"
                say((channel,), (" " if sep is None else sep).join(str(arg) for arg in args))
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
                say((_channel,), text)
            return written

        try:
            stream.write = writing
        except AttributeError:
            continue


def on_logging(module):
    handle = module.Logger.callHandlers

    def handling(self, record):
        path = getattr(record, "pathname", "")
        if is_ours(path):
            try:
                text = record.getMessage()
            except Exception:
                text = ""
            say(("log", "stderr", "system-log", "web-ui"), text, (relative(path), record.lineno))
        elif getattr(record, "exc_info", None):
            say_error(record.exc_info[1], record.exc_info[2])
        return handle(self, record)

    module.Logger.callHandlers = handling


def on_clients(module):
    """Failures that a script names itself stand in CSV, report and web UI."""
    context = getattr(module, "ResponseContextManager", None)
    if context is None:
        return
    failure = context.failure

    def failing(self, exc, *args, **kwargs):
        place = running_line()
        if place is not None:
            say((*REPORTED, "log"), str(exc), place)
        return failure(self, exc, *args, **kwargs)

    context.failure = failing


def on_urllib3(module):
    """What a script sends, whichever library it is by: the line that sends it."""
    pool = module.HTTPConnectionPool
    urlopen = pool.urlopen

    def opening(self, method, url, body=None, headers=None, *args, **kwargs):
        _say_sent(self.host, url, body, headers)
        return urlopen(self, method, url, body, headers, *args, **kwargs)

    opening.__wrapped__ = urlopen
    pool.urlopen = opening


def on_gevent_client(module):
    client = module.HTTPClient
    request = client.request

    def requesting(self, method, request_uri, body=b"", headers=None, **kwargs):
        _say_sent(self.host, request_uri, body, headers)
        return request(self, method, request_uri, body, headers, **kwargs)

    requesting.__wrapped__ = request
    client.request = requesting


def _say_sent(host, url, body, headers):
    place = running_line(sys._getframe(2))
    if place is None:
        return
    try:
        text = body.decode("utf-8", "replace") if isinstance(body, (bytes, bytearray)) else body
        text = text if isinstance(text, str) else ""
        say(("other-hosts", "other-places", "telemetry"), f"{url} {dict(headers or {})} {text}", place, str(host))
    except Exception:
        return


def on_gevent_programs(module):
    """Programs that are started through gevent, which tells no event of it."""
    init = module.Popen.__init__

    def starting(self, args, *rest, **options):
        say(("command-line",), f"{args}")
        say(("environ",), f"{options.get('env')}")
        return init(self, args, *rest, **options)

    starting.__wrapped__ = init
    module.Popen.__init__ = starting
