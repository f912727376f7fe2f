"""What Locust and its parts tell others of requests: listeners that write files, OpenTelemetry, handlers of logging
with a record of their own. Names stand in the place of placeholders and values."""

from __future__ import annotations

import gzip
import json
import secrets
from collections.abc import Callable

import pytest

from conftest import LOCUST, Project
from support.hunt import files_of, leaks, tag_in
from support.run import BIN
from support.server import Request, Response, Server

USERS = ["HttpUser", "FastHttpUser"]

HEAD = """
import csv
import logging
import logging.handlers
import pickle
from pathlib import Path
from locust import events
from tegmen import secret

KEY, REAL = os.environ["API_KEY"], secret("API_KEY").reveal()
Path("tag").write_text(str.__str__(KEY)[::-1])
told = csv.writer(open("told.csv", "w", buffering=1))

@events.request.add_listener
def tell(request_type, name, exception, context, **others):
    told.writerow([request_type, name, str(exception), repr(exception), others.get("url"), context])

@events.user_error.add_listener
def tell_error(exception, **_):
    told.writerow(["error", str(exception), repr(exception)])

class OwnRecord(logging.LogRecord):
    pass

class OwnHandler(logging.Handler):
    def emit(self, record):
        # As handlers do that send the record itself somewhere.
        with open("records", "ab") as file:
            file.write(repr(record.__dict__).encode() + pickle.dumps(dict(record.__dict__, exc_info=None)) + b"\\n")

logging.setLogRecordFactory(OwnRecord)
own = logging.getLogger("own")
own.addHandler(OwnHandler())
"""

BODY = """
self.client.get(f"/path/{KEY}?token={REAL}", context={"was": REAL})
self.client.get("/named", name=f"named {KEY} {REAL}")
with self.client.get("/echo", headers={"X-Key": KEY}, name="echo", catch_response=True) as response:
    response.failure(f"bad: {response.text}")
own.warning("own %s %s", KEY, REAL)
try:
    raise RuntimeError(REAL)
except RuntimeError:
    own.exception("own error")
raise RuntimeError(f"{KEY} {REAL}")
"""


def quoting(request: Request) -> Response:
    return Response(200, b"you sent " + request.raw)


def write(project: Project, user: str, server: Server) -> str:
    value = f"k3y-{secrets.token_hex(12)}"
    (project.path.parent / "key").write_text(value)
    project.one_task(BODY, user=user, host=server.origin, head=HEAD)
    return value


@pytest.mark.parametrize("user", USERS)
def test_listeners_and_handlers_of_the_script(project: Project, make_server: Callable[..., Server], user: str) -> None:
    server = make_server(respond=quoting)
    value = write(project, user, server)
    source = f"API_KEY=file:{project.path.parent / 'key'}"
    result = project.tegmen_run("--secret", source)
    files = files_of(project.path, "tag", "locustfile.py") | {"output": result.output.encode()}
    searched = {"API_KEY": value, "the run's tag": tag_in(project.read("tag"))}
    assert leaks(files, searched) == [], result.output
    told = project.read("told.csv")
    for text in (
        "/path/[API_KEY]?token=[API_KEY]",
        "named [API_KEY] [API_KEY]",
        "{'was': '[API_KEY]'}",
        "X-Key: [API_KEY]",
    ):
        assert text.lower() in told.lower(), told
    assert "error,[API_KEY] [API_KEY]" in told
    assert b"own [API_KEY] [API_KEY]" in files["records"]
    assert any(value in request.raw.decode("latin-1") for request in server.requests)


@pytest.mark.parametrize("user", USERS)
def test_opentelemetry(project: Project, make_server: Callable[..., Server], user: str) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")

    def take(request: Request) -> Response:
        if request.header("content-encoding") == "gzip":
            object.__setattr__(request, "body", gzip.decompress(request.body))
        return Response(200, b"")

    server, collector = make_server(respond=quoting), make_server(respond=take)
    value = write(project, user, server)
    source = f"API_KEY=file:{project.path.parent / 'key'}"
    env = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.origin,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        "OTEL_BLRP_SCHEDULE_DELAY": "200",
    }
    result = project.run(
        project.tegmen, "run", "--secret", source, "--", *LOCUST, "--otel", "--exit-code-on-error=0", env=env
    )
    told = b"".join(request.body for request in collector.requests)
    assert collector.requests, result.output
    searched = {"API_KEY": value, "the run's tag": tag_in(project.read("tag"))}
    assert leaks({"collector": told, "output": result.output.encode()}, searched) == [], result.output
    assert b"named [API_KEY] [API_KEY]" in told
    if user == "HttpUser":
        assert b"/path/[API_KEY]" in told, "spans have names too"


SENTRY = """
import os
import requests
import sentry_sdk
from sentry_sdk.transport import Transport

KEY, URL = os.environ["KEY"], os.environ["URL"]


class Keep(Transport):
    def capture_envelope(self, envelope):
        with open("envelopes", "ab") as file:
            file.write(envelope.serialize() + b"\\n")


sentry_sdk.init(
    dsn="http://key@127.0.0.1:1/1", transport=Keep, traces_sample_rate=1.0, send_default_pii=True,
    max_request_body_size="always", include_local_variables=True,
)


def cut():
    requests.post(URL + "/cut?q=" + KEY, json={"k": KEY}, headers={"X-Key": KEY}, timeout=9)


with sentry_sdk.start_transaction(op="test", name="test"):
    for data in (None, f"text {KEY}", iter([f"piece {KEY}".encode()])):
        requests.post(f"{URL}/path/{KEY}?q={KEY}", data=data, headers={"X-Key": KEY, "Content-Type": "text/plain"})
    requests.post(URL + "/json?q=" + KEY, json={"k": KEY}, auth=("ann", KEY))
    for refused in (cut, lambda: requests.get(URL.replace("127.0.0.1", "localhost") + "/" + KEY, json={"k": KEY})):
        try:
            refused()
        except Exception as error:
            sentry_sdk.capture_exception(error)
sentry_sdk.flush()
print("sent", KEY)
"""


def test_a_tracer_below_urllib3(project: Project, make_server: Callable[..., Server]) -> None:
    """Sentry's takes hold of `http.client`'s `putrequest`, and sends the variables of frames with an exception."""

    def respond(request: Request) -> Response | None:
        if request.target.startswith("/cut"):
            raise EOFError
        return None

    server, value = make_server(respond=respond), f"k3y-{secrets.token_hex(12)}"
    project.write("script.py", SENTRY)
    summary = ("--summary", "summary.json")
    command = ("--secret", "KEY=env:KEY", "--hosts", server.origin, *summary, "--", BIN / "python", "script.py")
    result = project.run(project.tegmen, "run", *command, env={"KEY": value, "URL": server.origin}).check()
    told = (project.path / "envelopes").read_bytes()
    assert leaks({"sentry": told, "output": result.output.encode()}, {"KEY": value}) == []
    assert b"/path/" in told and b"exception" in told, "it has something to say"
    assert len(server.requests) == 5
    for request in server.requests:
        assert value in request.target and value in (request.header("x-key") or value), request.raw
    (known,) = json.loads(project.read("summary.json"))["secrets"]
    assert known["sent"] == {server.origin: 5}, "each request is counted once"
