"""`make demo` is what a newcomer sees first: it runs to its end, every claim holds, and nothing is left running."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo import processes
from support.run import Result, clean_environment, run

ROOT = Path(__file__).resolve().parent.parent
DEMO = [sys.executable, "-m", "demo"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, tegmen_bin: Path) -> Result:
    """One run of the demo, for all tests here. Its temporary files go where we can look for them."""
    folder = tmp_path_factory.mktemp("demo")
    result = run(DEMO, folder, {"PYTHONPATH": str(ROOT / "examples"), "TMPDIR": str(folder)}, timeout=170)
    leftovers = [path.name for path in folder.iterdir()]
    assert leftovers == [], "the demo removes its files"
    return result


def test_every_claim_of_the_demo_holds(demo: Result) -> None:
    demo.check()
    claims = re.search(r"(\d+) of (\d+) claims hold", demo.stdout)
    assert claims and claims[1] == claims[2]


def test_the_table_names_every_channel(demo: Result) -> None:
    for channel in (
        "stdout and stderr",
        "log file",
        "CSV",
        "HTML",
        "web UI",
        "environ",
        "ZMQ",
        "redirect",
        "Vault token",
    ):
        assert channel in demo.stdout


def test_the_demo_writes_no_colours_into_a_pipe(demo: Result) -> None:
    assert "\x1b" not in demo.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing_behind(number: signal.Signals, tmp_path: Path, tegmen_bin: Path) -> None:
    environment = clean_environment(tmp_path, {"PYTHONPATH": str(ROOT / "examples"), "TMPDIR": str(tmp_path)})
    process = subprocess.Popen(
        DEMO,
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        # Until Locust runs with its workers: demo, OpenBao, shop, and at least three of Locust.
        deadline = time.monotonic() + 60
        while len(below := processes.tree(process.pid)) < 6:
            assert process.poll() is None and time.monotonic() < deadline, "the demo did not get to its first load test"
            time.sleep(0.1)
        names = {pid: processes.identity(pid) for pid in below}
        os.kill(process.pid, number)
        output, _ = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert process.returncode == 130, output.decode()
    assert [pid for pid, name in names.items() if name and processes.identity(pid) == name] == []
    assert list(tmp_path.iterdir()) == []
