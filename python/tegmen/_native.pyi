from typing import Any, final

__version__: str

class BrokerError(RuntimeError):
    """The broker did not give its secrets to this process."""

class SecretRefused(OSError):
    """A request was refused before it was sent: it would have carried a secret to where it may not go."""

def is_sensitive(name: str, value: str) -> bool:
    """Whether a variable holds what is sensitive: its name says so, or the value is a URL with credentials."""

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
        """The value of the secret of that name."""

    def protect(self, name: str, value: str) -> str:
        """Takes a value that was born in the test into protection, and gives its placeholder."""

    def learn(self, name: str, value: str) -> None:
        """Lets the redactor know a value that gets no placeholder."""

    def hmac_sha256(self, name: str, data: bytes) -> bytes | None:
        """HMAC-SHA-256 of the data under the value of that name."""

    def ready(self, locust: str) -> None:
        """Tells the broker that Locust is running here."""

    def forked(self) -> None:
        """To be called in a forked child: its placeholders get numbers of their own."""

    def add_target(self, url: str) -> bool:
        """Adds an origin that the test was started against."""

    def names_in(self, data: str | bytes | bytearray) -> list[str]:
        """The names of the secrets whose placeholder stands in the text or the bytes."""

    def carries(self, data: str | bytes | bytearray) -> bool:
        """Whether a placeholder of this run stands in the text or the bytes."""

    def is_clear(self, *parts: Any) -> bool:
        """Whether no placeholder can stand in these parts of a request, nor a content encoding that could hide one.
        Quick: this is asked for every request. What is neither text nor headers is not clear."""

    def redact(self, text: str) -> str | None:
        """The text with ``[NAME]`` for every placeholder and value; None when it holds none."""

    def redact_cut(self, text: str) -> str | None:
        """As redact, for a text that quotes others and may have cut them: pieces of values go too."""

    def fill(
        self, scheme: str, host: str, port: int, target: str | bytes, headers: Any, body: str | bytes | bytearray | None
    ) -> tuple[bytes | None, list[tuple[int, bytes]], bytes | None, list[str], bool] | None:
        """Fills a request; None when it carries no placeholder."""

    def fill_head(self, scheme: str, host: str, port: int, head: str | bytes) -> tuple[bytes, list[str], bool] | None:
        """Fills the head of a request, as it goes out: what is to be sent, the names of the secrets and whether all of
        them allow an unverified connection. None when it carries no placeholder."""
