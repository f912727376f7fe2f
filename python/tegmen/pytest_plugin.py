"""For pytest: secrets of the manifest in tests, and the assertion that a test lets none of them out.

Load it in ``conftest.py`` and start pytest under Tegmen::

    pytest_plugins = ["tegmen.pytest_plugin"]

    tegmen run -- pytest

A test then asks for what it needs::

    def test_orders(tegmen_secrets, tegmen_no_leaks):
        response = requests.get(URL, headers={"X-Api-Key": tegmen_secrets["API_KEY"]})
        assert response.ok
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping

import pytest

from tegmen import Redactor, Secret, _environ, _session, secret

_HOW = "this test needs the secrets of tegmen.toml: start pytest with `tegmen run -- pytest`"


class Secrets(Mapping[str, Secret]):
    """The secrets of the run by name, or by one of their environment variables. Each is its placeholder."""

    def __getitem__(self, name: str) -> Secret:
        return secret(name)

    def __iter__(self) -> Iterator[str]:
        return (name for name, *_ in _session.plugin().secrets())

    def __len__(self) -> int:
        return len(_session.plugin().secrets())


@pytest.fixture(scope="session")
def tegmen_secrets() -> Secrets:
    """The secrets of the manifest: ``tegmen_secrets["API_KEY"]`` is a placeholder, its value goes out on the wire only.

    Without ``tegmen run`` the test fails rather than being skipped: a pipeline would not notice the latter.
    """
    if not _session.is_run():
        pytest.fail(_HOW, pytrace=False)
    return Secrets()


@pytest.fixture
def tegmen_no_leaks() -> None:
    """Fails the test if the value of a secret, in any encoding, is in what it printed or logged or in how it failed.

    Placeholders are no leak. What the test itself took out of ``capsys`` or ``capfd`` is not looked at; give that to
    :func:`assert_no_secrets`.
    """
    if not _session.is_run():
        pytest.fail(_HOW, pytrace=False)
    _session.plugin()


def assert_no_secrets(text: str) -> None:
    """Fails if the value of a secret of this run is in the text, in any encoding. The message has its name only::

    assert_no_secrets(capsys.readouterr().out)
    """
    __tracebackhide__ = True
    names, _ = _search(text)
    if names:
        pytest.fail(f"the value of {', '.join(names)} is in the text", pytrace=False)


def _search(text: str) -> tuple[list[str], str]:
    """The names of the secrets whose values are in the text, and the text without values and placeholders."""
    plugin = _session.plugin()
    placeholders = _environ.placeholders()
    # A placeholder may be there in any encoding too, and is none of what is looked for.
    redactor = Redactor()
    for placeholder, known in placeholders:
        redactor.add(known.name, placeholder)
    shown = redactor.redact(text)
    redacted = plugin.redact_cut(shown)
    if redacted is None:
        return [], shown
    names = sorted({known.name for _, known in placeholders})
    more = [name for name in names if redacted.count(f"[{name}]") > shown.count(f"[{name}]")]
    return more or ["a secret"], redacted


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Looks through what pytest has captured of a test that asks for it, and takes values out of what it shows."""
    report = yield
    if "tegmen_no_leaks" not in getattr(item, "fixturenames", ()) or not _session.is_run():
        return report
    leaks: list[str] = []
    sections = []
    for title, text in report.sections:
        names, clean = _search(text)
        sections.append((title, clean))
        # The sections of earlier phases come along; each is told once.
        if report.when and title.endswith(report.when):
            leaks += [f"{name} in {title.lower()}" for name in names]
    report.sections = sections
    if report.failed:
        names, clean = _search(report.longreprtext)
        if names:
            report.longrepr = clean
            leaks += [f"{name} in the message of the failure" for name in names]
    if leaks:
        before = f"{report.longreprtext}\n\n" if report.failed else ""
        report.outcome = "failed"
        report.longrepr = f"{before}the test lets secrets out: {', '.join(dict.fromkeys(leaks))}"
    return report
