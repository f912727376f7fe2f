"""A load test that Tegmen protects whole: under `tegmen prove --self-test` it is clean, and it is not when any one of
the protections is switched off. Nothing in here is an example.
"""

import logging
import os
import pathlib
import subprocess
import sys

from locust import FastHttpUser, HttpUser, constant, events, task
from locust.runners import MasterRunner, WorkerRunner

KEY = os.environ["SELF_TEST_KEY"]
SEALED = os.environ["SELF_TEST_SEALED"]
VERIFIED = os.environ["SELF_TEST_VERIFIED"]

# Of the run before.
pathlib.Path("answers.txt").unlink(missing_ok=True)


@events.init.add_listener
def listened(environment, **_):
    if isinstance(environment.runner, MasterRunner):
        environment.runner.register_message("piece", lambda **_: None)


class Careful(HttpUser):
    wait_time = constant(0.1)
    host = "https://self-test.example"

    def on_start(self):
        # The value of this one is in Python's hands; what is started gets the placeholder.
        program = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
        self.child = subprocess.Popen(program, env=dict(os.environ))

    def on_stop(self):
        self.child.kill()

    @task
    def quoted(self):
        # A piece of a value is none that could be found and named; what passes to the master is sealed.
        if isinstance(self.environment.runner, WorkerRunner):
            self.environment.runner.send_message("piece", {"of": os.environ["SELF_TEST_REVEALED"][:12]})
        # Refused, as long as the places of the secret are kept to.
        self.client.get("/search", params={"key": KEY})
        with self.client.post("/form", json={"key": KEY}, headers={"X-Key": KEY}, catch_response=True) as response:
            print("answer:", response.text)
            logging.warning("answer: %s", response.text)
            response.failure(f"failed: {response.text}")
        # Quoted by this host too, but sealed: Python sees the placeholder again. A session would be quoted as it is.
        self.client.cookies.clear()
        answer = self.client.get("https://sealed.example/quoted", headers={"X-Key": SEALED})
        with pathlib.Path("answers.txt").open("a") as file:
            file.write(answer.text or "")
        with self.client.post("/login", json={"key": KEY}, catch_response=True) as response:
            if response.headers.get("Content-Type") == "application/json":
                print("token:", response.json().get("access_token"))
            response.success()


class CarefulToo(FastHttpUser):
    wait_time = constant(0.1)
    host = "https://impostor.example"

    @task
    def verified(self):
        # Its certificate is nobody's: refused, as long as it is verified. This client does not do that by itself.
        self.client.get("/", headers={"X-Key": VERIFIED})
