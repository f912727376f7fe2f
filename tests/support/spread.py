"""A locustfile for a master and its workers: everything that travels between them holds a secret."""

import logging
import os
from pathlib import Path

import gevent
from locust import HttpUser, constant, events, task
from locust.runners import MasterRunner, WorkerRunner

from tegmen import protect, secret

KEY = os.environ["LOCUST_API_KEY"]
REAL = secret("API_KEY").reveal()
# As load_dotenv() does, in each process.
os.environ["LATE_TOKEN"] = os.environ["LATE"][::-1]
LATE = os.environ["LATE_TOKEN"]
told = {}


@events.init_command_line_parser.add_listener
def add_arguments(parser):
    parser.add_argument("--api-key", default=KEY, is_secret=True)
    parser.add_argument("--bearer", default=f"Bearer {KEY}")
    parser.add_argument("--late", default=LATE)


@events.init.add_listener
def register(environment, **_):
    def on_tell(environment, msg, **_):
        told.update(msg.data)
        environment.runner.send_message("answer", {"key": KEY, "text": f"{KEY} {REAL}"})

    def on_answer(msg, **_):
        # Back in the master: its own placeholder again.
        if msg.data == {"key": KEY, "text": f"{KEY} {KEY}"}:
            Path("answered").touch()

    if isinstance(environment.runner, WorkerRunner):
        environment.runner.register_message("tell", on_tell)
    elif isinstance(environment.runner, MasterRunner):
        environment.runner.register_message("answer", on_answer)
        Path("tag").write_text(str.__str__(KEY)[::-1])


@events.test_start.add_listener
def tell(environment, **_):
    if isinstance(environment.runner, MasterRunner):
        minted = protect(os.environ["LATE"], name="MINTED")
        data = {
            "key": KEY,
            "deep": [{"bearer": f"Bearer {KEY}"}],
            "bytes": KEY.encode(),
            "real": REAL,
            "minted": minted,
        }
        environment.runner.send_message("tell", data)


class Spread(HttpUser):
    wait_time = constant(0.2)

    @task
    def everything(self):
        while not told:
            gevent.sleep(0.05)
        options = self.environment.parsed_options
        headers = {
            "X-Key": options.api_key,
            "X-Bearer": options.bearer,
            "X-Late": options.late,
            "X-Told": told["key"],
            "X-Deep": told["deep"][0]["bearer"],
            "X-Bytes": told["bytes"],
            "X-Real": told["real"],
            "X-Pid": str(os.getpid()),
        }
        with self.client.get(f"/named/{KEY}?late={LATE}", headers=headers, catch_response=True) as response:
            response.failure(response.text or str(response.error))
        logging.warning("logged %s %s", KEY, REAL)
        print("printed", KEY, REAL)
        raise RuntimeError(f"raised {KEY} {REAL}")
