"""The value is on the wire exactly, in every place and encoding: a server of another make parses it back.

Each place is tried with every hard value, by a real user under the real `tegmen run`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.agent import Agent
from support.places import PLACES, Place
from support.server import Server
from support.values import hard_values

USERS = ("HttpUser", "FastHttpUser")
VALUES = hard_values()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(scope="module", params=USERS)
def agent(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tegmen_bin: Path, server: Server
) -> Iterator[Agent]:
    folder = tmp_path_factory.mktemp(request.param) / "project"
    agent = Agent.start(folder, tegmen_bin, request.param, VALUES, host=server.origin)
    yield agent
    agent.stop()


@pytest.mark.parametrize("place", [pytest.param(place, id=place.name) for place in PLACES])
def test_the_server_reads_exactly_the_value(agent: Agent, server: Server, place: Place) -> None:
    wrong = []
    for name in VALUES.keys() - place.skipped:
        before = len(server.requests)
        code = f"r = {place.send}; result = None if r.status_code == 200 else str(r.error)"
        failure, sent = agent.do(code, N=name), server.requests[before:]
        if failure is None and len(sent) == 1 and name not in place.refused:
            try:
                got = place.read(sent[0])
            except Exception as error:
                got = error
            if got == VALUES[name]:
                continue
        elif name in place.refused and failure is not None and not sent:
            assert f"[{name}] was not sent to {server.origin}: its value cannot stand in" in failure
            continue
        else:
            got = failure
        wrong.append(f"{name} {VALUES[name]!r:.300}\n   read {got!r:.900}\n   sent {[one.raw for one in sent]!r:.700}")
    assert not wrong, "\n".join(wrong)
