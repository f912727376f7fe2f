"""Where in a request a secret may stand: a piece of a script that puts it there, and how a server reads it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree

from support.server import Request
from support.values import header, parsed


@dataclass(frozen=True)
class Place:
    """`send` is an expression in a task: `c` is the client, `S(N)` the secret, `T(type)` headers with that type."""

    name: str
    send: str
    read: Callable[[Request], Any]
    #: Values that cannot stand there: the request is refused.
    refused: frozenset[str] = frozenset()
    #: Values with which the script would go wrong without Tegmen too: a slash in a path, quotes within quotes.
    skipped: frozenset[str] = field(default=frozenset())


def xml(request: Request) -> ElementTree.Element:
    return ElementTree.fromstring(request.body)


def text(element: ElementTree.Element) -> str:
    return element.text or ""


def graphql_string(document: str) -> Any:
    """What stands in quotes in a GraphQL document: its escapes are those of JSON."""
    return json.loads(document[document.index('"') : document.rindex('"') + 1])


def path(request: Request) -> str:
    return unquote(request.target.partition("?")[0])


def files(request: Request) -> dict[str, tuple[str | None, str]]:
    """The files of a multipart body: name and content."""
    read = {}
    for name, file in parsed(request).files.items():
        read[name] = file.filename, file.read().decode()
        file.close()
    return read


def password(request: Request) -> str | None:
    authorization = parsed(request).authorization
    return authorization.password if authorization else None


def unquoted_string(quoted: str) -> str:
    """A quoted string of a header field (RFC 9110, 5.6.4) without what quotes it."""
    return re.sub(r"\\(.)", r"\1", quoted)


#: A header has no way to write a line break.
NO_LINES = frozenset({"MULTILINE"})

PLACES = [
    Place("header", "c.get('/', headers={'X-Key': S(N)})", lambda r: header(r, "X-Key"), NO_LINES),
    Place(
        "bearer",
        "c.get('/', headers={'Authorization': f'Bearer {S(N)}'})",
        lambda r: header(r, "Authorization").removeprefix("Bearer "),
        NO_LINES,
    ),
    Place(
        "quoted in a header",
        "c.get('/', headers={'X-Key': f'realm=\"{S(N)}\", a=\"b\"'})",
        lambda r: unquoted_string(header(r, "X-Key")[7:-8]),
        NO_LINES,
    ),
    Place("basic", "c.get('/', auth=('ann', S(N)))", password),
    Place(
        "user of basic",
        "c.get('/', auth=(S(N), S('PLAIN')))",
        lambda r: base64.b64decode(header(r, "Authorization")[6:]).decode().rpartition(":")[0],
    ),
    Place(
        "basic by hand",
        "c.get('/', headers={'Authorization': 'Basic ' + base64.b64encode(f'anne:{S(N)}'.encode()).decode()})",
        password,
    ),
    Place(
        "base64 of JSON",
        "c.get('/', headers={'X-Auth': base64.urlsafe_b64encode(json.dumps({'k': S(N)}).encode()).decode()})",
        lambda r: json.loads(base64.urlsafe_b64decode(header(r, "X-Auth")))["k"],
    ),
    Place(
        "JSON in a header",
        "c.get('/', headers={'X-Auth': json.dumps({'k': S(N), 'n': [1]})})",
        lambda r: json.loads(header(r, "X-Auth"))["k"],
    ),
    Place(
        "cookie header",
        "c.get('/', headers={'Cookie': f'a=1; sid={S(N)}; b=2'})",
        lambda r: parsed(r).cookies["sid"],
    ),
    Place(
        "path",
        "c.get(f'/users/{S(N)}/x')",
        lambda r: path(r)[7:-2],
        skipped=frozenset({"URL", "DSN", "SIGNED"}),
    ),
    Place(
        "quoted in the path",
        "c.get(f'/users/{quote(S(N), safe=\"\")}/x')",
        lambda r: unquote(r.target.split("/")[2]),
    ),
    Place(
        "end of the path",
        "c.get(f'/users/{S(N)}')",
        lambda r: path(r)[7:] + "".join(r.target.partition("?")[1:]),
        skipped=frozenset({"URL"}),
    ),
    Place("query", "c.get(f'/x?a=1&token={S(N)}&b=2')", lambda r: parsed(r).args["token"]),
    Place("params", "c.get('/x', params={'a': 1, 'token': S(N), 'b': 2})", lambda r: parsed(r).args["token"]),
    Place("within a parameter", "c.get('/x', params={'q': f'key:{S(N)} x'})", lambda r: parsed(r).args["q"][4:-2]),
    Place(
        "JSON in a parameter",
        "c.get('/x', params={'q': json.dumps({'k': S(N)})})",
        lambda r: json.loads(parsed(r).args["q"])["k"],
    ),
    Place(
        "URL in a parameter",
        "c.get('/x', params={'next': f'https://h.example/cb?token={S(N)}&x=1'})",
        lambda r: parse_qs(parsed(r).args["next"].partition("?")[2])["token"][0],
    ),
    Place("form", "c.post('/', data={'a': '1', 'key': S(N), 'b': 'é'})", lambda r: parsed(r).form["key"]),
    Place(
        "form as text",
        "c.post('/', data=f'a=1&key={S(N)}&b=2', headers=T('application/x-www-form-urlencoded'))",
        lambda r: parsed(r).form["key"],
    ),
    Place(
        "form as bytes",
        "c.post('/', data=f'a=1&key={S(N)}&b=2'.encode(), headers=T('application/x-www-form-urlencoded'))",
        lambda r: parsed(r).form["key"],
    ),
    Place(
        "JSON in a form",
        "c.post('/', data={'payload': json.dumps({'k': [S(N)]})})",
        lambda r: json.loads(parsed(r).form["payload"])["k"][0],
    ),
    Place("json=", "c.post('/', json={'a': {'k': S(N)}, 'n': 1})", lambda r: parsed(r).get_json()["a"]["k"]),
    Place(
        "within a JSON string",
        "c.post('/', json={'k': f'é key {S(N)} \"x\"'})",
        lambda r: parsed(r).get_json()["k"][6:-4],
    ),
    Place("JSON key", "c.post('/', json={S(N): 1})", lambda r: next(iter(parsed(r).get_json()))),
    Place(
        "JSON in JSON",
        "c.post('/', json={'p': json.dumps({'q': json.dumps({'k': S(N)})})})",
        lambda r: json.loads(json.loads(parsed(r).get_json()["p"])["q"])["k"],
    ),
    Place(
        "JSON as text with its type",
        "c.post('/', data=json.dumps({'k': S(N)}), headers=T('application/json'))",
        lambda r: json.loads(r.body)["k"],
    ),
    Place("JSON as text", "c.post('/', data=json.dumps({'k': S(N)}))", lambda r: json.loads(r.body)["k"]),
    Place("JSON as bytes", "c.post('/', data=json.dumps({'k': S(N)}).encode())", lambda r: json.loads(r.body)["k"]),
    Place(
        "JSON, not only ASCII",
        "c.post('/', data=json.dumps({'k': 'é€' + S(N)}, ensure_ascii=False).encode(), "
        "headers=T('application/vnd.api+json; charset=utf-8'))",
        lambda r: json.loads(r.body)["k"][2:],
    ),
    Place(
        "NDJSON",
        "c.post('/', data='{\"a\": 1}\\n' + json.dumps({'k': S(N)}) + '\\n', headers=T('application/x-ndjson'))",
        lambda r: json.loads(r.body.splitlines()[1])["k"],
    ),
    Place(
        "NDJSON without its type",
        "c.post('/', data='{\"a\": 1}\\n' + json.dumps({'k': S(N)}) + '\\n')",
        lambda r: json.loads(r.body.splitlines()[1])["k"],
    ),
    Place(
        "GraphQL variable",
        "c.post('/', json={'query': 'mutation($p: String!) { login(password: $p) { id } }', 'variables': {'p': S(N)}})",
        lambda r: json.loads(r.body)["variables"]["p"],
    ),
    Place(
        "GraphQL in JSON",
        "c.post('/', json={'query': 'mutation { login(password: %s) { id } }' % json.dumps(S(N))})",
        lambda r: graphql_string(json.loads(r.body)["query"]),
    ),
    Place(
        "GraphQL",
        "c.post('/', data='{ login(password: \"%s\") { id } }' % S(N), headers=T('application/graphql'))",
        lambda r: graphql_string(r.body.decode()),
        skipped=frozenset({"JSON"}),
    ),
    Place("XML", "c.post('/', data=f'<a><k>{S(N)}</k></a>', headers=T('text/xml'))", lambda r: text(xml(r)[0])),
    Place(
        "XML attribute",
        "c.post('/', data=f'<a><k v=\"{S(N)}\"/></a>', headers=T('text/xml'))",
        lambda r: xml(r)[0].get("v"),
    ),
    Place(
        "XML attribute in single quotes",
        "c.post('/', data=f\"<a><k v='x{S(N)}'/></a>\", headers=T('text/xml'))",
        lambda r: (xml(r)[0].get("v") or "")[1:],
    ),
    Place(
        "CDATA",
        "c.post('/', data=f'<a><k><![CDATA[{S(N)}]]></k></a>', headers=T('text/xml'))",
        lambda r: text(xml(r)[0]),
    ),
    Place(
        "CDATA between brackets",
        "c.post('/', data=f'<a><k><![CDATA[]{S(N)}>]]></k></a>', headers=T('text/xml'))",
        lambda r: text(xml(r)[0])[1:-1],
    ),
    Place(
        "JSON in XML",
        "c.post('/', data='<a><k>' + escape(json.dumps({'k': S(N)})) + '</k></a>', headers=T('text/xml'))",
        lambda r: json.loads(text(xml(r)[0]))["k"],
    ),
    Place(
        "JSON in CDATA",
        "c.post('/', data='<a><k><![CDATA[' + json.dumps({'k': S(N)}) + ']]></k></a>', headers=T('text/xml'))",
        lambda r: json.loads(text(xml(r)[0]))["k"],
    ),
    Place(
        "SOAP",
        'c.post(\'/\', data=f\'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="urn:s"><s:Body><p>é{S(N)}</p>'
        "</s:Body></s:Envelope>'.encode(), headers={**T('application/soap+xml; charset=utf-8'), 'SOAPAction': 'x'})",
        lambda r: text(xml(r)[0][0])[1:],
    ),
    Place(
        "XML in ISO 8859-1",
        "c.post('/', data=f'<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a><k>é{S(N)}</k></a>'.encode('latin-1'), "
        "headers=T('text/xml'))",
        lambda r: text(xml(r)[0])[1:],
    ),
    Place("XML without its type", "c.post('/', data=f'<a><k>{S(N)}</k></a>')", lambda r: text(xml(r)[0])),
    Place(
        "XML in JSON",
        "c.post('/', json={'x': f'<a>{S(N)}</a>'})",
        lambda r: text(ElementTree.fromstring(json.loads(r.body)["x"])),
    ),
    Place("text", "c.post('/', data=f'key {S(N)}', headers=T('text/plain'))", lambda r: r.body.decode()[4:]),
    Place("text without its type", "c.post('/', data=f'key {S(N)}')", lambda r: r.body.decode()[4:]),
    Place("the body alone", "c.post('/', data=S(N))", lambda r: r.body.decode()),
    Place("PUT", "c.put('/', json=[S(N)])", lambda r: json.loads(r.body)[0]),
    Place("PATCH", "c.patch('/', data={'k': S(N)})", lambda r: parsed(r).form["k"]),
    Place("DELETE", "c.request('DELETE', '/', data=json.dumps([S(N)]))", lambda r: json.loads(r.body)[0]),
    Place("any method", "c.request('REPORT', '/', json={'k': S(N)})", lambda r: json.loads(r.body)["k"]),
    Place(
        "multipart field",
        "c.post('/', data={'key': S(N)}, files={'f': ('f.txt', 'x')})",
        lambda r: files(r) and _field(r, "key"),
    ),
    Place(
        "multipart file",
        "c.post('/', files={'f': ('f.txt', f'key={S(N)}\\n', 'text/plain')})",
        lambda r: files(r)["f"][1][4:-1],
    ),
    Place(
        "multipart JSON",
        "c.post('/', files={'f': ('f.json', json.dumps({'k': S(N)}), 'application/json')})",
        lambda r: json.loads(files(r)["f"][1])["k"],
    ),
]


def _field(request: Request, name: str) -> str:
    read = parsed(request)
    value = read.form[name]
    read.close()
    return value
