"""The end of a run says how often which name was put in the place of a value, in which output: numbers and no text."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from conftest import Project
from support.server import Server

RUN = ("run", "--secret", "API_KEY=env:API_KEY", "--")

LOCUSTFILE = """
import logging
import os
from locust import HttpUser, constant, task
from tegmen import protect, secret

KEY = secret("API_KEY")
TOKEN = protect("tok-" + os.urandom(12).hex(), name="TOKEN")

class Shopper(HttpUser):
    wait_time = constant(60)

    @task
    def once(self):
        value = KEY.reveal()
        logging.getLogger("shop").warning("the key is %s, the token %s", value, TOKEN.reveal())
        logging.getLogger("shop").warning("the key is %s again", value)
        self.client.get("/orders", name=f"/orders?key={value}")
        fired = dict(request_type="OWN", name="own", response_time=1, response_length=0)
        self.environment.events.request.fire(**fired, exception=ValueError(f"it was {value}"))
        print(f"printed {value}", flush=True)
        raise RuntimeError(f"raised with {value}")
"""


def summary(stderr: str) -> dict[str, dict[str, int]]:
    """By name and channel."""
    lines = re.findall(r"^tegmen: masked \[(\w+)\]: (.*)$", stderr, re.MULTILINE)
    pairs = {name: [part.split(" in ") for part in parts.split(", ")] for name, parts in lines}
    return {name: {channel: int(count) for count, channel in counts} for name, counts in pairs.items()}


def test_every_channel_is_counted(project: Project, make_server: Callable[..., Server]) -> None:
    server, value = make_server(), secrets.token_hex(16)
    project.write("locustfile.py", LOCUSTFILE)
    command = ["locust", "--headless", "-u", "1", "-t", "3s", "--host", f"http://127.0.0.1:{server.port}"]
    result = project.run(project.tegmen, *RUN, *command, env={"API_KEY": value})
    assert value not in result.output
    counts = summary(result.stderr)
    assert counts["API_KEY"]["log"] >= 2, result.stderr
    assert counts["TOKEN"]["log"] == 1
    assert counts["API_KEY"]["statistics"] >= 1
    assert counts["API_KEY"]["failures"] >= 1
    assert counts["API_KEY"]["exceptions"] >= 1
    assert counts["API_KEY"]["stdout"] == 1


def test_the_workers_of_a_run_are_added_up(project: Project, make_server: Callable[..., Server]) -> None:
    server, value = make_server(), secrets.token_hex(16)
    project.write("locustfile.py", LOCUSTFILE)
    command = ["locust", "--headless", "-u", "2", "-t", "4s", "--processes", "2"]
    command += ["--host", f"http://127.0.0.1:{server.port}", "--master-bind-host", "127.0.0.1"]
    result = project.run(project.tegmen, *RUN, *command, env={"API_KEY": value})
    assert value not in result.output
    assert summary(result.stderr)["API_KEY"]["log"] >= 4, result.stderr
    assert summary(result.stderr)["API_KEY"]["stdout"] == 2


def test_a_run_in_which_nothing_was_masked_says_nothing(project: Project) -> None:
    secret = {"API_KEY": secrets.token_hex(16)}
    quiet = project.run(project.tegmen, *RUN, "echo", "nothing", env=secret)
    assert "masked" not in quiet.stderr
    loud = project.run(project.tegmen, *RUN, "sh", "-c", "echo $API_KEY $API_KEY >&2", env=secret)
    assert summary(loud.stderr) == {"API_KEY": {"stderr": 2}}
