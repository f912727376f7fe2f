from typing import Any, NoReturn, final, overload

__version__: str

SHORTEST_ANSWER: int
"""A body of fewer bytes gives out no credential."""

LONGEST_ANSWER: int
"""A body of more bytes is not searched for credentials."""

SHORTEST_PIECE: int
"""Fewer bytes hold nothing that is recognised as a piece of a placeholder."""

class BrokerError(RuntimeError):
    """The broker did not give its secrets to this process."""

class SecretRefused(OSError):
    """A request was refused before it was sent: it would have carried a secret to where it may not go."""

def is_sensitive(name: str, value: str) -> bool:
    """Whether a variable holds what is sensitive: its name says so, or the value is a URL with credentials."""

def learn_answer(plugin: Plugin, body: bytes, cookies: list[str]) -> int:
    """Lets the redactors know the credentials in an answer, its body and its Set-Cookie lines: how many were new."""

def carried(plugin: Plugin, *parts: Any) -> int:
    """What stands in the parts of a request: 0 nothing, 1 a token that the target has issued, 2 a placeholder or what
    may hide one."""

def answered(plugin: Plugin, fields: Any, reason: str | None, carried: bool) -> int:
    """What is to be done about the head of an answer, as a sum: 1 it holds a value, 2 there are hosts whose answers are
    sealed, 4 its body may give out credentials, 8 it has a content encoding."""

def answered_gevent(plugin: Plugin, response: Any, carried: bool) -> int:
    """The same of an answer of geventhttpclient: without 4 if its body was there, which is known by then."""

def is_plain_event(plugin: Plugin, arguments: dict[str, Any]) -> bool:
    """Whether what an event tells of a request needs no second look."""

def seals(plugin: Plugin, scheme: str, host: str, port: int) -> bool:
    """Whether answers from there are sealed."""

def sealer(plugin: Plugin) -> Sealer:
    """What the body of one answer goes through."""

def seal_tokens(plugin: Plugin, body: bytes, scheme: str, host: str, port: int) -> None:
    """Takes the credentials in the body of an answer from there into protection."""

def ask_pool(plugin: Plugin, pool: str, question: str) -> tuple[int, int]:
    """Asks for a record of a pool (``checkout``, ``again``), or what there is to know of it (``describe``): the number
    of the question, and the descriptor that can be read when there is an answer."""

def pool_answer(plugin: Plugin, question: int, pool: str) -> tuple[Any, ...] | None:
    """The answer to the question; None when it is not there yet."""

def give_back(plugin: Plugin, pool: str, record: int, placeholders: list[str]) -> None:
    """Gives a record back, with the placeholders of its secret fields."""

def hmac(plugin: Plugin, secret: str, digest: str, data: bytes) -> bytes | None:
    """HMAC of the data under the value of the secret with that placeholder or name."""

def jwt(plugin: Plugin, secret: str, algorithm: str, header: bytes, claims: bytes, label: str) -> str | None:
    """A JSON Web Token with that header and those claims, signed with the value; outputs show it by the label."""

def digest(
    plugin: Plugin,
    user: str,
    password: str,
    *,
    algorithm: str,
    realm: str,
    nonce: str,
    cnonce: str,
    count: str,
    qop: str,
    method: str,
    uri: str,
    body: bytes,
    to: tuple[str, str, int] | None = None,
) -> str | None:
    """The ``response`` of Digest authentication; ``to`` is who has asked, where that is known."""

def aws(
    plugin: Plugin,
    secret: str,
    *,
    time: str,
    region: str,
    service: str,
    method: str,
    scheme: str,
    host: str,
    port: int,
    target: str,
    headers: list[tuple[str, str]],
    body: bytes,
    body_hash: str | None,
) -> tuple[str, str, str] | None:
    """The signature of AWS for a request: the names of the signed fields, the signature, the hash of the body."""

@final
class Sealer:
    """Takes values out of the body of one answer."""

    def push(self, data: bytes) -> bytes:
        """The next bytes; gives what is decided."""

    def finish(self) -> bytes:
        """The rest."""

@final
class Redactor:
    """Takes values, in any encoding, out of text and streams: ``[NAME]`` stands in their place.

    Needs no broker and no Locust, so that other tools can use it too::

        >>> from tegmen import Redactor
        >>> redactor = Redactor({"API_KEY": "correct-horse/battery"})
        >>> redactor.redact("GET /?key=correct-horse%2Fbattery")
        'GET /?key=[API_KEY]'

    A stream, cut in any way; what cannot be a part of a value comes out at once::

        >>> redactor.feed(b"key correct-ho")
        b'key '
        >>> redactor.feed(b"rse/battery.") + redactor.finish()
        b'[API_KEY].'
        >>> redactor.counts
        {'API_KEY': 2}

    The values are kept in native memory that is wiped. The strings that you pass are yours: nothing wipes Python's
    copies of them.

    Args:
        secrets: values by their names.

    Raises:
        ValueError: a value is empty or so short that it would be found everywhere.

    Warns:
        UserWarning: a value is under six bytes or a common word: it is masked only where it stands alone.
    """

    def __new__(cls, secrets: dict[str, str | bytes] | dict[str, str] | dict[str, bytes] | None = None) -> Redactor: ...
    def add(self, name: str, value: str | bytes) -> None:
        """Adds a value, also while a stream passes. What was added before stays known, the old values of the name too.

        Args:
            name: what stands in the place of the value.
            value: the value; of the first thousand all encodings are found, of more all but base64 of base64, JSON in
                base64, and hex with separators.

        Raises:
            ValueError: the value is empty or too short. Nothing is added then.
        """

    @overload
    def redact(self, text: str) -> str: ...
    @overload
    def redact(self, text: bytes) -> bytes:
        """The text with ``[NAME]`` in the place of every value; the same object when there is none."""

    def feed(self, data: bytes) -> bytes:
        """The next bytes of a stream: gives what is decided. The beginning of what may become a value is held back."""

    def finish(self) -> bytes:
        """The stream has ended: gives the rest of it. The next ``feed`` begins another one."""

    @property
    def counts(self) -> dict[str, int]:
        """How often each name was written so far, in texts and streams. No text is kept for it."""

@final
class Plugin:
    """The connection of this process to the broker."""

    def __new__(cls, address: str) -> Plugin: ...
    def secrets(self) -> list[tuple[str, list[str], str, bool]]:
        """For each secret its name, its variables, its placeholder and whether Python code is to read the value."""

    def files(self) -> list[tuple[str, int]]:
        """The names of the secrets that are served as files, with the number of the descriptor of each."""

    def placeholder(self, name: str) -> str | None:
        """The placeholder of the secret of that name, or of that environment variable."""

    def reveal(self, name: str) -> bytes | None:
        """The value of the secret with that placeholder or of that name."""

    def protect(self, name: str, value: str) -> str:
        """Takes a value that was born in the test into protection, and gives its placeholder."""

    def learn(self, name: str, value: str) -> None:
        """Lets the redactor know a value that gets no placeholder."""

    def ready(self, locust: str) -> None:
        """Tells the broker that Locust is running here."""

    def forked(self) -> None:
        """To be called in a forked child: its placeholders get numbers of their own."""

    def add_target(self, url: str) -> bool:
        """Adds an origin that the test was started against."""

    def pin_target(self, url: str) -> bool:
        """Makes an origin the test's own target in every process of the run, where the run has none yet."""

    def targets(self) -> list[str]:
        """The origins that are the test's own target, as far as this process knows."""

    def overview(self) -> str:
        """What the run knows of its secrets, as JSON: see docs/reference/summary.md."""

    def unsent(self, names: list[str], scheme: str, host: str, port: int) -> None:
        """Says that a request which was filled has not left, because nothing could be connected to."""

    def refused(self, name: str, to: str, why: str) -> None:
        """Counts a request that was refused by Python code."""

    def names_in(self, data: str | bytes | bytearray) -> list[str]:
        """The names of the secrets whose placeholder stands in the text or the bytes."""

    def carries(self, data: str | bytes | bytearray) -> bool:
        """Whether a placeholder of this run stands in the text or the bytes."""

    def is_clear(self, part: Any, second: Any = None, third: Any = None, fourth: Any = None, /) -> bool:
        """Whether no placeholder can stand in these parts of a request, nor a content encoding that could hide one.
        Quick: this is asked for every request. What is neither text nor headers is not clear."""

    def allows_unverified(self) -> bool:
        """Whether some secret may go over a connection that does not verify where it leads."""

    def redact(self, text: str, channel: str | None = None) -> str | None:
        """The text with ``[NAME]`` for every placeholder and value; None when it holds none. With the name of a
        channel, what was found is counted for the summary of the run."""

    def redact_cut(self, text: str, channel: str | None = None) -> str | None:
        """As redact, for a text that quotes others and may have cut them: pieces of values go too."""

    def reflected(self, head: bytes) -> bytes | None:
        """The fields in the head of a response, a line each, with placeholders where values stand; None when nothing
        does. A placeholder that stands there is masked."""

    def tell_counts(self) -> None:
        """Tells the broker what was masked, sent and refused since the last time."""

    def fill(
        self,
        scheme: str,
        host: str,
        port: int,
        target: str | bytes,
        headers: Any,
        body: str | bytes | bytearray | None,
        look: bool = False,
    ) -> tuple[bytes | None, list[tuple[int, bytes]], bytes | None, list[str], bool] | None:
        """Fills a request; None when it carries no placeholder. With `look`, only to see whether it may be sent."""

    def fill_head(
        self, scheme: str, host: str, port: int, head: str | bytes, look: bool = False
    ) -> tuple[bytes, list[str], bool] | None:
        """Fills the head of a request, as it goes out: what is to be sent, the names of the secrets and whether all of
        them allow an unverified connection. None when it carries no placeholder. `look` as for `fill`."""

    def head(self, scheme: str, host: str, port: int, head: str) -> Head | None:
        """As fill_head, where the connection is verified or need not be."""

@final
class WorkerLink:
    """A worker's end of its connection to the master."""

    def __new__(cls, plugin: Plugin, node: str) -> WorkerLink: ...
    def send(self, message: bytes) -> list[bytes]:
        """A message for the master: the frames to send now."""

    def receive(self, frame: bytes) -> tuple[bytes | None, list[bytes], str | None]:
        """A frame from the master: the message in it, the frames to send back, and a word for what happened."""

    @property
    def way(self) -> str:
        """How messages travel: "sealed", "open" or "unknown"."""

@final
class MasterLink:
    """A master's end of its connections to workers."""

    def __new__(cls, plugin: Plugin) -> MasterLink: ...
    def send(self, node: bytes, message: bytes) -> bytes | None:
        """A message for a worker: the frame to send; None when it was not let in."""

    def receive(self, node: bytes, frame: bytes) -> tuple[bytes | None, list[bytes], str | None]:
        """A frame from a worker of that name, or from somebody who says so: the message in it, the frames to send back,
        and a word for what happened."""

    def way(self, node: bytes) -> str:
        """How messages to that worker travel: "sealed", "open" or "unknown"."""

#: Method, target, body, headers, and whether the body is sent in chunks.
_Request = tuple[Any, Any, Any, Any, object]

@final
class Heads:
    """The heads that one client of geventhttpclient has written, with headers of that type."""

    def __new__(cls, headers_type: type) -> Heads: ...
    def again(self, client: Any, request: _Request, plugin: Plugin | None = None) -> str | Head | None:
        """The head that the client would write, if it has written one that differs in nothing but target and length.
        With a plugin, as it is to be sent.

        Raises:
            SecretRefused: a secret in it may not be sent there.
        """
    def keep(self, head: Any, destination: tuple[str, str, int], client: Any, request: _Request) -> None:
        """Keeps a head that the client has written: scheme, host and port to send it to."""

@final
class Head:
    """The head of a request, which says what the script has written and encodes to what goes over the wire."""

    @property
    def written(self) -> str: ...
    @property
    def secrets(self) -> list[str]: ...
    def encode(self, *_args: Any, **_options: Any) -> bytes: ...
    def __reduce__(self) -> NoReturn: ...
