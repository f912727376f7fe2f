"""An API server, as far as kubectl needs one: discovery, and objects that are kept and read as the real one reads them
(by the schemas of Kubernetes; a namespace has to be there first). Of a deployment one pod runs, into which no
connection can be made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kubernetes_validate

from support.serving import serving

#: By group and version: the names in URLs, the kinds, whether they are in a namespace.
KINDS = {
    "v1": [
        ("namespaces", "Namespace", False),
        ("serviceaccounts", "ServiceAccount", True),
        ("configmaps", "ConfigMap", True),
        ("services", "Service", True),
        ("pods", "Pod", True),
    ],
    "apps/v1": [("deployments", "Deployment", True)],
    "networking.k8s.io/v1": [("networkpolicies", "NetworkPolicy", True)],
}
SHORT = {"Deployment": ["deploy"]}
VERBS = ["create", "get", "list", "patch"]


def _group(version: str) -> dict[str, Any]:
    served = {"groupVersion": version, "version": version.rpartition("/")[2]}
    return {"name": version.partition("/")[0], "versions": [served], "preferredVersion": served}


DISCOVERY: dict[str, Any] = {
    "/version": {"major": "1", "minor": "33", "gitVersion": "v1.33.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [_group(version) for version in KINDS if "/" in version],
    },
} | {
    f"/{'apis' if '/' in version else 'api'}/{version}": {
        "kind": "APIResourceList",
        "groupVersion": version,
        "resources": [
            {
                "name": name,
                "singularName": "",
                "shortNames": SHORT.get(kind, []),
                "namespaced": is_within,
                "kind": kind,
                "verbs": VERBS,
            }
            for name, kind, is_within in kinds
        ],
    }
    for version, kinds in KINDS.items()
}


class Cluster:
    """Its address, and what was put into it, by path."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.objects: dict[str, dict[str, Any]] = {}
        #: The pods that somebody wanted to connect to.
        self.dialled: list[str] = []

    def add_namespace(self, name: str) -> None:
        """As somebody did before, with the account that every namespace has."""
        self.objects[f"/api/v1/namespaces/{name}"] = {"metadata": {"name": name}}
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}}
        self.objects[f"/api/v1/namespaces/{name}/serviceaccounts/default"] = account

    def pods(self, namespace: str, labels: dict[str, str]) -> list[dict[str, Any]]:
        """Those of the deployments, with these labels."""
        prefix = f"/apis/apps/v1/namespaces/{namespace}/deployments/"
        templates = {
            f"{path.removeprefix(prefix)}-1": made["spec"]["template"]
            for path, made in self.objects.items()
            if path.startswith(prefix)
        }
        return [
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {**template["metadata"], "name": name, "namespace": namespace},
                "spec": template["spec"],
                "status": {"phase": "Running"},
            }
            for name, template in templates.items()
            if labels.items() <= template["metadata"]["labels"].items()
        ]

    def answer(self, method: str, target: str, body: Any) -> tuple[int, Any]:
        """Status and object."""
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        if "/pods" in path:
            _, _, _, _, namespace, _, *rest = path.split("/")
            if rest[1:] == ["portforward"]:
                self.dialled.append(rest[0])
                return refusal(403, "Forbidden", "nobody connects to a pod here")
            labels = dict(pair.split("=") for pair in query.get("labelSelector", [""])[0].split(",") if pair)
            found = self.pods(namespace, labels)
            if not rest:
                return 200, {"apiVersion": "v1", "kind": "PodList", "items": found}
            return next(((200, pod) for pod in found if pod["metadata"]["name"] == rest[0]), NONE)
        if method == "GET" and path in DISCOVERY:
            return 200, DISCOVERY[path]
        if method == "GET" and path in self.objects:
            return 200, self.objects[path]
        if method == "PATCH" and path in self.objects:
            return self.keep(path, self.objects[path] | body)
        if method == "POST":
            namespace = body["metadata"].get("namespace")
            if namespace and f"/api/v1/namespaces/{namespace}" not in self.objects:
                return refusal(404, "NotFound", f'namespaces "{namespace}" not found')
            status, answer = self.keep(f"{path}/{body['metadata']['name']}", body)
            if status == 200 and body["kind"] == "Namespace":
                self.add_namespace(body["metadata"]["name"])
            return status, answer
        return NONE

    def create(self, made: dict[str, Any]) -> tuple[int, Any]:
        """As if it had been sent."""
        version, kind, namespace = made["apiVersion"], made["kind"], made["metadata"].get("namespace")
        name, is_within = next((name, is_within) for name, known, is_within in KINDS[version] if known == kind)
        where = f"namespaces/{namespace}/" if is_within else ""
        return self.answer("POST", f"/{'apis' if '/' in version else 'api'}/{version}/{where}{name}", made)

    def keep(self, path: str, made: dict[str, Any]) -> tuple[int, Any]:
        try:
            kubernetes_validate.validate(made, "1.33", strict=True)
        except Exception as error:
            return refusal(422, "Invalid", str(error))
        self.objects[path] = made
        return 200, made


def refusal(code: int, reason: str, message: str) -> tuple[int, dict[str, Any]]:
    return code, {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "code": code,
        "message": message,
    }


NONE = refusal(404, "NotFound", "not found")


@contextmanager
def cluster() -> Iterator[Cluster]:
    """One for as long as it is needed, on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            path = self.path.partition("?")[0]
            kind = "application/json"
            if path == "/openapi/v2":
                # An empty document, in the only form that kubectl reads: nothing is known of any kind.
                status, text, kind = 200, b"", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
            else:
                status, answer = here.answer(self.command, self.path, body)
                text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = answer

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here = Cluster(server.server_port)
    with serving(server):
        yield here
