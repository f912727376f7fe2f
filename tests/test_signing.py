"""What is computed from a secret without a reveal, verified by what others have written: PyJWT, botocore, hashlib."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import sys
import urllib.parse
from collections.abc import Callable

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from conftest import Project
from demo.forms import found
from support.run import Result
from support.server import Request, Response, Server


def run_script(project: Project, values: dict[str, str], script: str, hosts: str, **env: str) -> Result:
    """Runs a script under `tegmen run`, with those secrets bound to that origin; what it prints holds none of them."""
    manifest = []
    for name, value in values.items():
        (project.path.parent / name).write_text(value)
        manifest += [f"[secrets.{name}]", f'source = "file:../{name}"', f'hosts = ["{hosts}"]']
    project.write("tegmen.toml", "\n".join([*manifest, ""]))
    project.write("script.py", script)
    result = project.run(project.tegmen, "run", "--", sys.executable, "script.py", env=env).check()
    for value in values.values():
        assert found(value, result.output) == set(), result.output
    return result


SIGNS = """
    import json, os, urllib.request
    from tegmen import secret

    def send(name, text):
        request = urllib.request.Request(os.environ["TARGET"] + "/" + name, data=text.encode(), method="POST")
        urllib.request.urlopen(request).read()

    claims = {"sub": "ann", "exp": 4000000000, "deep": {"ü": [1, None]}}
    for name in ("HS256", "HS384", "HS512"):
        send(name, secret("SHARED").sign_jwt(claims, name, headers={"kid": "k1"}))
    for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"):
        send(name, secret("RSA").sign_jwt(claims, name))
    for name in ("ES256", "EdDSA"):
        token = secret(name).sign_jwt(claims, name)
        print("token", token)
        send(name, token)
    send("RSA1", secret("RSA1").sign_jwt(claims, "RS256"))
    for digest in ("sha1", "sha256", "sha384", "sha512"):
        send(digest, secret("SHARED").hmac("data ü", digest).hex())
    send("plain", secret("SHARED").hmac_sha256(b"data").hex())
    for wrong in (
        lambda: secret("SHARED").sign_jwt(claims, "RS256"),
        lambda: secret("RSA").sign_jwt(claims, "ES256"),
        lambda: secret("SHARED").sign_jwt(claims, "none"),
        lambda: secret("SHARED").hmac(b"x", "md5"),
        lambda: secret("SHARED").hmac(f"x {secret('RSA')}"),
        lambda: secret("SHARED").sign_jwt({"sub": secret("SHARED")}),
    ):
        try:
            wrong()
            print("wrong: nothing")
        except (ValueError, TypeError) as error:
            print(f"wrong: {type(error).__name__} {error}")
"""


def pem(key: object, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()  # type: ignore[attr-defined]


def test_tokens_and_macs(project: Project, echo_server: Server) -> None:
    keys = {
        "RSA": rsa.generate_private_key(65537, 2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }
    shared = secrets.token_urlsafe(64)
    values = {"SHARED": shared, **{name: pem(key) for name, key in keys.items()}}
    values["RSA1"] = pem(keys["RSA"], PrivateFormat.TraditionalOpenSSL)
    result = run_script(project, values, SIGNS, echo_server.origin, TARGET=echo_server.origin)
    sent = {request.target[1:]: request.body.decode() for request in echo_server.requests}
    claims = {"sub": "ann", "exp": 4000000000, "deep": {"ü": [1, None]}}
    for name in ("HS256", "HS384", "HS512"):
        assert jwt.decode(sent[name], shared, algorithms=[name]) == claims
        assert jwt.get_unverified_header(sent[name])["kid"] == "k1"
    for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"):
        assert jwt.decode(sent[name], keys["RSA"].public_key(), algorithms=[name]) == claims
    assert jwt.decode(sent["RSA1"], keys["RSA"].public_key(), algorithms=["RS256"]) == claims
    for name in ("ES256", "EdDSA"):
        assert jwt.decode(sent[name], keys[name].public_key(), algorithms=[name]) == claims
        assert sent[name] not in result.output
    assert "token [ES256.jwt]" in result.stdout
    for digest in ("sha1", "sha256", "sha384", "sha512"):
        assert sent[digest] == hmac.new(shared.encode(), "data ü".encode(), digest).hexdigest()
    assert sent["plain"] == hmac.new(shared.encode(), b"data", "sha256").hexdigest()
    wrong = [line for line in result.stdout.splitlines() if line.startswith("wrong: ")]
    assert [line.split()[1] for line in wrong] == ["ValueError"] * 4 + ["TypeError"] * 2, wrong
    assert "[SHARED] cannot sign: the value is no key for RS256: it is no private key in PEM" in wrong[0]
    assert "placeholder of [RSA]" in wrong[4] and "placeholder of [SHARED]" in wrong[5]


class DigestServer:
    """RFC 7616 from its text, with hashlib: challenges, and accepts what answers the challenge."""

    def __init__(self, user: str, password: str, algorithm: str, qop: str) -> None:
        self.user, self.password, self.algorithm, self.qop = user, password, algorithm, qop
        self.accepted: list[str] = []

    def hash(self, text: str) -> str:
        name = self.algorithm.removesuffix("-sess").lower().replace("sha-512-256", "sha512_256").replace("-", "")
        return hashlib.new(name, text.encode()).hexdigest()

    def __call__(self, request: Request) -> Response:
        fields = dict(re.findall(r'(\w+)="?([^",]+)"?', request.header("Authorization") or ""))
        if fields:
            first = self.hash(f"{self.user}:the realm:{self.password}")
            if self.algorithm.endswith("-sess"):
                first = self.hash(f"{first}:{fields['nonce']}:{fields['cnonce']}")
            second = self.hash(f"{request.method}:{request.target}")
            middle = f"{fields['nc']}:{fields['cnonce']}:{fields['qop']}:" if self.qop else ""
            if fields["response"] == self.hash(f"{first}:{fields['nonce']}:{middle}{second}"):
                self.accepted.append(fields.get("nc", ""))
                return Response(200, b"welcome")
        challenge = (
            f'Digest realm="the realm", nonce="n-{secrets.token_hex(8)}", opaque="o=1", algorithm={self.algorithm}'
        )
        if self.qop:
            challenge += f', qop="{self.qop}"'
        return Response(401, b"who are you", [("WWW-Authenticate", challenge)])


DIGEST = """
import requests
from requests.auth import HTTPDigestAuth
from tegmen import secret
from tegmen.auth import digest, basic

USER, PASSWORD = secret("USER"), secret("PASSWORD")
"""

DIGEST_HTTP = """
for user in (os.environ["PLAIN_USER"], USER):
    session = requests.Session()
    session.auth = HTTPDigestAuth(user, PASSWORD)
    for path in ("/private?a=b", "/private?a=c"):
        print(session.get(self.host + path).text)
print(self.client.get("/private", auth=HTTPDigestAuth(USER, PASSWORD)).text)
"""

DIGEST_FAST = """
with self.client.get("/private?a=b", catch_response=True) as response:
    challenge = response.headers["WWW-Authenticate"]
    response.success()
headers = {"Authorization": digest(challenge, os.environ["PLAIN_USER"], PASSWORD, "GET", "/private?a=b")}
print(self.client.get("/private?a=b", headers=headers).text)
print(self.client.get("/basic", headers={"Authorization": basic(USER, PASSWORD)}).status_code)
"""


@pytest.mark.parametrize(
    ("algorithm", "qop"),
    [("MD5", "auth"), ("MD5", ""), ("MD5-sess", "auth"), ("SHA-256", "auth"), ("SHA-512-256", "auth")],
)
def test_digest_authentication(project: Project, echo_server: Server, algorithm: str, qop: str) -> None:
    user, password = f"ann-{secrets.token_hex(6)}", f"{secrets.token_hex(8)}:é{secrets.token_hex(4)}"
    server = echo_server.respond = DigestServer(user, password, algorithm, qop)
    (project.path.parent / "password").write_text(password)
    (project.path.parent / "user").write_text(user)
    fast = algorithm in ("SHA-256", "SHA-512-256")
    project.one_task(
        DIGEST_FAST if fast else DIGEST_HTTP,
        user="FastHttpUser" if fast else "HttpUser",
        host=echo_server.origin,
        head=DIGEST,
    )
    options = ("--secret", "PASSWORD=file:../password", "--secret", "USER=file:../user")
    result = project.tegmen_run(*options, env={"PLAIN_USER": user})
    assert len(server.accepted) == (1 if fast else 5), result.output
    if not fast and qop:
        assert server.accepted == ["00000001", "00000002"] * 2 + ["00000001"]
    for value in (password, user) if not fast else (password,):
        assert found(value, result.output) == set()


ELSEWHERE = """
print("answer", self.client.get("/private", auth=HTTPDigestAuth(os.environ["PLAIN_USER"], PASSWORD)).status_code)
challenge = 'Digest realm="r", nonce="n", qop="auth"'
for url in (os.environ["OTHER"] + "/private", self.host + "/private"):
    try:
        print("made", digest(challenge, "ann", PASSWORD, "GET", url)[:6])
    except OSError as error:
        print("refused", error)
"""


def test_a_host_elsewhere_gets_no_digest_to_guess_at(project: Project, make_server: Callable[..., Server]) -> None:
    password = secrets.token_hex(8)
    other = make_server(respond=DigestServer("ann", password, "MD5", "auth"))
    shop = make_server(respond=lambda _: Response(307, b"", [("Location", other.origin + "/private")]))
    (project.path.parent / "password").write_text(password)
    project.one_task(ELSEWHERE, host=shop.origin, head=DIGEST.replace('secret("USER"), ', '"ann", '))
    env = {"PLAIN_USER": "ann", "OTHER": other.origin}
    result = project.tegmen_run("--secret", "PASSWORD=file:../password", env=env)
    assert [request.header("Authorization") for request in other.requests] == [None], result.output
    assert "answer 0" in result.stdout and "made Digest" in result.stdout
    assert result.output.count(f"[PASSWORD] was not sent to {other.origin}: the secret is bound to") >= 2
    assert f"to {other.origin} (another host)" in result.stderr


AWS = """
    import json, os, requests
    from tegmen import SecretRefused, secret
    from tegmen.auth import AwsSigV4, aws_headers

    keys = {"secret_key": secret("SECRET_KEY"), "access_key": secret("ACCESS_KEY"), "session_token": secret("SESSION")}
    target = os.environ["TARGET"]
    for service, region in (("execute-api", "eu-central-1"), ("s3", "us-east-1")):
        auth = AwsSigV4(service=service, region=region, **keys)
        print(auth)
        session = requests.Session()
        session.get(f"{target}/a%20b/./c/", auth=auth, params={"z": "1 &", "a": "é", "key": secret("SESSION")})
        order, extra = {"token": secret("SESSION"), "n": 1}, {"X-Extra": "a   b"}
        session.post(f"{target}/orders", auth=auth, json=order, headers=extra)
    headers = aws_headers("PUT", f"{target}/plain", service="sqs", region="r", body=b"body", **keys)
    requests.put(f"{target}/plain", data=b"body", headers=headers)
    try:
        aws_headers("GET", "https://elsewhere.example/", service="s3", region="r", **keys)
    except SecretRefused as error:
        print("refused:", error)
    plain = {"secret_key": secret("SECRET_KEY"), "access_key": "an-id", "service": "s3", "region": "r"}
    for url in ("http://[::1]/a", "http://a.example:443/", "https://A.example:443/", "https://a.example:80/"):
        print("host", aws_headers("GET", url, **plain)["Host"])
"""


def test_aws_signatures(project: Project, echo_server: Server) -> None:
    values = {
        "SECRET_KEY": secrets.token_urlsafe(30),
        "ACCESS_KEY": "AKIA" + secrets.token_hex(8).upper(),
        "SESSION": secrets.token_urlsafe(60) + "/+=",
    }
    result = run_script(project, values, AWS, echo_server.origin, TARGET=echo_server.origin)
    assert "refused: [SESSION] was not sent to https://elsewhere.example" in result.stdout
    # As clients write it: the port left out where it is the usual one.
    hosts = [line.removeprefix("host ") for line in result.stdout.splitlines() if line.startswith("host ")]
    assert hosts == ["[::1]", "a.example:443", "a.example", "a.example:80"]
    assert len(echo_server.requests) == 5
    credentials = botocore.credentials.Credentials(values["ACCESS_KEY"], values["SECRET_KEY"])
    for request in echo_server.requests:
        signed = request.header("Authorization") or ""
        parts = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^,]+), SignedHeaders=([^,]+), Signature=(\w+)", signed)
        assert parts, signed
        access, _, region, service, _ = parts[1].split("/")
        assert access == values["ACCESS_KEY"] and request.header("X-Amz-Security-Token") == values["SESSION"]
        names = parts[2].split(";")
        assert {"host", "x-amz-date", "x-amz-security-token"} <= set(names)
        # What arrived, signed anew by AWS' own library.
        signer = (botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth)(
            credentials, service, region
        )
        again = botocore.awsrequest.AWSRequest(
            request.method,
            urllib.parse.urljoin(echo_server.origin, request.target),
            {name: value for name, value in request.headers if name.lower() in names},
            request.body,
        )
        again.context["timestamp"] = request.header("X-Amz-Date")
        again.context["payload_signing_enabled"] = True
        canonical = signer.canonical_request(again)
        to_sign = signer.string_to_sign(again, canonical)
        assert signer.signature(to_sign, again) == parts[3], f"{canonical}\n{json.dumps(request.headers)}"
