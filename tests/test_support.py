"""The tools of the tests: if they do not see what goes over the wire, the other tests prove nothing."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from conftest import Project
from demo.forms import found
from demo.openbao import OpenBao
from demo.shop_process import Shop
from support.server import Response, Server


@pytest.mark.parametrize("user", ["HttpUser", "FastHttpUser"])
def test_plain_locust_reaches_the_recording_server(project: Project, echo_server: Server, user: str) -> None:
    project.one_task(
        'self.client.post("/a?b=c", data="body", headers={"X-One": "1"})', user=user, host=echo_server.origin
    )
    project.locust().check()
    request = echo_server.last
    assert (request.method, request.target, request.body) == ("POST", "/a?b=c", b"body")
    assert request.header("x-one") == "1"
    assert request.raw.startswith(b"POST /a?b=c HTTP/1.1\r\n")


def test_recording_server_speaks_tls_and_answers_as_told(make_server: Callable[..., Server], ca_file: Path) -> None:
    server = make_server(tls=True, respond=lambda request: Response(418, request.target.encode()))
    answer = requests.get(f"{server.origin}/tea", verify=str(ca_file), timeout=10)
    assert (answer.status_code, answer.text) == (418, "/tea")
    chunks = requests.post(f"{server.origin}/c", data=iter([b"one", b"two"]), verify=str(ca_file), timeout=10)
    assert chunks.status_code == 418
    assert server.last.body == b"onetwo"
    assert server.last.raw_body == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


def test_openbao_knows_which_token_a_login_issued(bao: OpenBao) -> None:
    bao.put("support/one", {"key": "value"})
    role = bao.approle("support", [bao.policy("support", {"secret/data/support/one": ["read"]})])
    wrapped = bao.secret_id("support", wrap="1m")
    assert len(bao.secret_ids("support")) == 1
    secret_id = bao.ask("POST", "sys/wrapping/unwrap", token=wrapped)["data"]["secret_id"]
    login = bao.ask("POST", "auth/approle/login", {"role_id": role, "secret_id": secret_id}, token=None)
    accessor = bao.logins()[-1]
    assert accessor == login["auth"]["accessor"]
    assert bao.secret_ids("support") == []
    assert bao.is_alive(accessor)
    bao.ask("POST", "auth/token/revoke-self", token=login["auth"]["client_token"])
    assert not bao.is_alive(accessor)


def test_openbao_over_tls(bao_tls: OpenBao) -> None:
    assert bao_tls.ca_cert and bao_tls.ca_cert.exists()
    assert bao_tls.put("support/tls", {"key": "value"}) == 1


def test_shop_takes_the_right_credentials_only(shop: Shop) -> None:
    right = shop.credentials
    session = requests.Session()
    assert session.get(f"{shop.origin}/products").status_code == 401
    assert session.get(f"{shop.origin}/products", headers={"Authorization": f"Bearer {right.api_key}"}).ok
    assert session.get(f"{shop.origin}/orders", headers={"X-Api-Key": right.api_key}).ok
    assert session.get(f"{shop.origin}/search", params={"api_key": right.api_key}).ok
    assert session.get(f"{shop.origin}/account", auth=(right.user, right.password)).ok
    assert not session.post(f"{shop.origin}/login", json={"user": right.user, "password": "wrong"}).ok
    assert session.post(f"{shop.origin}/login", json={"user": right.user, "password": right.password}).ok
    assert session.get(f"{shop.origin}/account").ok, "the cookie is a session"
    assert right.api_key in session.get(f"{shop.origin}/broken", headers={"X-Api-Key": right.api_key}).json()["request"]
    assert session.get(f"{shop.origin}/export", headers={"X-Api-Key": right.api_key}).json() == {"rows": 3}
    counts = shop.counts()
    assert (counts["accepted"], counts["refused"]) == (8, 2)
    assert right.api_key in counts["partner"][0], "requests sends other headers along to the partner"


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("as it is", "key=V4lue+of/the&Secret!"),
        ("URL-encoded", "key=V4lue%2Bof%2Fthe%26Secret%21"),
        ("hex", b"V4lue+of/the&Secret!".hex()),
        ("base64", base64.b64encode(b"user:V4lue+of/the&Secret!").decode()),
        ("base64", base64.urlsafe_b64encode(b"V4lue+of/the&Secret!...").decode()),
        ("JSON or HTML", "V4lue+of/the&amp;Secret!"),
        ("a piece", "cut: lue+of/t"),
    ],
)
def test_every_form_of_a_value_is_found(form: str, text: str) -> None:
    assert form in found("V4lue+of/the&Secret!", f"before {text} after")


def test_other_text_is_not_taken_for_the_value() -> None:
    assert found("V4lue+of/the&Secret!", json.dumps({"key": "[API_KEY]", "other": "V4lue+o"})) == set()
