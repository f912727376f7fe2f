"""`tegmen fix` from end to end: a load test as a team would have written it, fixed, audited, and run."""

from __future__ import annotations

import base64
import json
import secrets
from urllib.parse import parse_qs, urlsplit

import pytest

from conftest import LOCUST, Project
from support.hunt import files_of, leaks
from support.server import Request, Response, Server

BAD = '''\
"""Buys things."""

import os

import gevent
import urllib3
from locust import HttpUser, constant, task

urllib3.disable_warnings()

API_KEY = os.environ.get("SHOP_API_KEY", "{api_key}")
PASSWORD = "{password}"


class Shopper({user}):
    wait_time = constant(60)
    host = "{host}"
    token = '{token}'

    def on_start(self):
        reply = self.client.post("/login", json={{"user": "ellen", "password": PASSWORD}}, verify=False)
        print("logged in with", PASSWORD)
        self.client.post("/form", data={{"user": "ellen", "password": PASSWORD}})
        self.client.post("/text", data='{{"user": "ellen", "password": "{password}"}}')

    @task
    def once(self):
        try:
            self.client.get("/key", headers={{"X-Api-Key": API_KEY}})
            self.client.get("/bearer", headers={{"Authorization": "Bearer {token}"}})
            self.client.get(f"/query?token={{self.token}}&page=1")
            self.client.get("/basic", auth=("ellen", "{other}"))
            self.client.get("/encoded", headers={{"Authorization": "Basic {basic}"}})
            self.client.get("/cookie", headers={{"Cookie": "session={session}; lang=en"}})
        finally:
            gevent.spawn_later(0.2, self.environment.runner.quit)
'''


class Shop:
    """Knows who may come in, and turns everybody else away."""

    def __init__(self) -> None:
        self.values = {
            "api_key": f"k3y{secrets.token_hex(12)}",
            "password": f"Pw!{secrets.token_hex(6)}Zq",
            "token": f"t0k{secrets.token_hex(14)}",
            "other": f"0ther!{secrets.token_hex(6)}",
            "session": secrets.token_hex(16),
        }
        login = f"admin:{secrets.token_hex(8)}"
        self.values["basic"] = base64.b64encode(login.encode()).decode()
        self.refused: list[str] = []

    def __call__(self, request: Request) -> Response | None:
        url = urlsplit(request.target)
        values = self.values
        authorization = request.header("Authorization")
        right = {
            "/login": lambda: json.loads(request.body)["password"] == values["password"],
            "/form": lambda: parse_qs(request.body.decode())["password"] == [values["password"]],
            "/text": lambda: json.loads(request.body)["password"] == values["password"],
            "/key": lambda: request.header("X-Api-Key") == values["api_key"],
            "/bearer": lambda: authorization == f"Bearer {values['token']}",
            "/query": lambda: parse_qs(url.query) == {"token": [values["token"]], "page": ["1"]},
            "/basic": lambda: (
                authorization == "Basic " + base64.b64encode(f"ellen:{values['other']}".encode()).decode()
            ),
            "/encoded": lambda: authorization == f"Basic {values['basic']}",
            "/cookie": lambda: request.header("Cookie") == f"session={values['session']}; lang=en",
        }
        if right[url.path]():
            return None
        self.refused.append(url.path)
        return Response(status=401)


@pytest.mark.parametrize("place", ["store", "dotenv"])
@pytest.mark.parametrize("user", ["HttpUser", "FastHttpUser"])
def test_a_bad_load_test_becomes_a_clean_one_that_works(project: Project, place: str, user: str) -> None:
    shop = Shop()
    with Server(respond=shop) as server:
        text = BAD.format(host=server.origin, user=user, **shop.values)
        if user == "FastHttpUser":
            text = text.replace("import HttpUser", "import FastHttpUser").replace(", verify=False", "")
        project.write("locustfile.py", text)
        tegmen = project.tegmen
        before = project.run(tegmen, "audit").check(1)
        fixed = project.run(tegmen, "fix", "--to", place).check(0)
        after = project.run(tegmen, "audit").check(0)
        again = project.run(tegmen, "fix", "--to", place).check(0)
        assert "nothing to fix" in again.output
        run = project.tegmen_run("--hosts", server.origin, locust=("--csv", "out", "--html", "out.html"))
        assert shop.refused == [], run.output
        paths = {urlsplit(request.target).path for request in server.requests}
        assert len(paths) == 9, paths
        run.check(0)
    outputs = {"before": before, "fix": fixed, "after": after, "run": run}
    channels = {name: result.output.encode() for name, result in outputs.items()}
    # The store is encrypted; the dotenv file is where the values are now.
    channels |= files_of(project.path, ".env")
    told = leaks(channels, shop.values)
    assert not told, told


def test_plain_locust_says_how_the_fixed_test_is_started(project: Project) -> None:
    shop = Shop()
    project.write("locustfile.py", BAD.format(host="http://127.0.0.1:9", user="HttpUser", **shop.values))
    project.run(project.tegmen, "fix", "--to", "store").check(0)
    result = project.run(*LOCUST, env={"SHOP_API_KEY": "x"})
    assert result.status != 0
    assert "tegmen run" in result.output


def test_a_question_at_the_terminal_is_not_asked_of_a_program(project: Project) -> None:
    shop = Shop()
    project.write("locustfile.py", BAD.format(host="http://127.0.0.1:9", user="HttpUser", **shop.values))
    result = project.run(project.tegmen, "fix", stdin="s\n").check(1)
    assert "its value needs a place" in result.output
    assert shop.values["token"] in project.read("locustfile.py")
    assert "disable_warnings" not in project.read("locustfile.py")
