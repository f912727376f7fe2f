"""A load test that lets its secret out through every channel there is: what `tegmen prove --self-test` has to find.

It runs with made-up values only. Nothing in here is an example.
"""

import gzip
import logging
import logging.handlers
import os
import pathlib
import subprocess
import sys
import tempfile

from locust import FastHttpUser, HttpUser, constant, events, task

KEY = os.environ["SELF_TEST_KEY"]


@events.init_command_line_parser.add_listener
def arguments(parser):
    parser.add_argument("--self-test-key", default=KEY)


@events.init.add_listener
def written(environment, **_):
    pathlib.Path("notes.txt").write_text(f"half of it: {KEY[10:30]}\n")
    with gzip.open(os.path.join(tempfile.gettempdir(), "dump.gz"), "wb") as file:
        file.write(KEY.encode())
    # A constant of a module is in its compiled form.
    pathlib.Path("with_constant.py").write_text(f"KEY = {KEY!r}\n")
    sys.path.insert(0, os.getcwd())
    __import__("with_constant")
    address = "/dev/log" if os.path.exists("/dev/log") else ("127.0.0.1", 514)
    handler = logging.handlers.SysLogHandler(address)
    handler.emit(logging.LogRecord("shop", logging.ERROR, "", 0, f"key {KEY}", (), None))


class Leaky(HttpUser):
    wait_time = constant(0.1)
    host = "https://self-test.example"

    def on_start(self):
        self.child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)", KEY])

    def on_stop(self):
        self.child.kill()

    @task
    def printed(self):
        print("printed", KEY)
        sys.stderr.write(f"to stderr {KEY}\n")
        logging.warning("logged %s", KEY)
        self.client.get("/", headers={"Authorization": f"Bearer {KEY}"}, name=f"/named/{KEY}")

    @task
    def sent_on(self):
        self.client.post("/form", data={"key": KEY}, headers={"X-Key": KEY})
        self.client.get("/placed", params={"key": KEY})
        self.client.post("http://collector.example:4318/v1/traces", data=b"\x0a\x20" + KEY.encode(), name="traces")

    @task
    def failed(self):
        with self.client.get("/broken", headers={"X-Key": KEY}, catch_response=True) as response:
            response.failure(f"broken: {response.text}")
        raise RuntimeError(f"with key {KEY}")


class LeakyToo(FastHttpUser):
    wait_time = constant(0.1)
    host = "https://self-test.example"

    @task
    def fetched(self):
        with self.client.get("/fast", headers={"X-Key": KEY}, catch_response=True) as response:
            response.failure(f"fast: {response.text}")
