"""`make bench-redact`: how fast secrets are taken out of a large log, side by side with what else does it.

One log, made anew in memory-backed storage where there is some; each contender in turn, three rounds, the best counts,
for a busy machine only ever makes things slower. All of them write to /dev/null. The rates are gigabytes of log per
second of the process's own processor time, without its preparation, and on the clock; reading alone is the measure of
all things.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import string
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LETTERS = string.ascii_letters + string.digits
KEYBOARD = LETTERS + "!#$%&()*+,-./:;<=>?@^_~"


def values(count: int) -> list[str]:
    """Keys and passwords, half and half, the same in every run."""
    source = random.Random(0x5EED)
    return [
        "key_" + "".join(source.choices(LETTERS, k=32))
        if number % 2 == 0
        else "x" + "".join(source.choices(KEYBOARD, k=20)) + "x"
        for number in range(count)
    ]


def write_log(path: Path, megabytes: int, hits: list[str]) -> None:
    """Lines of some 80 bytes as a load test logs them; in one of a thousand stands a value."""
    source = random.Random(0x10C5)
    block: list[str] = []
    for number in range(40_000):
        what = "session=" + "".join(source.choices(LETTERS, k=12))
        if number % 1000 == 0:
            what = f"token={hits[number // 1000 % len(hits)]}"
        block.append(
            (
                f"[2026-11-23 10:{number % 60:02}:07,{number % 1000:03}] worker-1/INFO/shop: GET /o/{number} {what}",
                f'DEBUG:urllib3.connectionpool:http://localhost:8089 "POST /basket {what} HTTP/1.1" 200 {number}',
                f'{{"time": {number * 7919}, "name": "/checkout", "response_length": {number}, "context": "{what}"}}',
            )[number % 3]
        )
    data = ("\n".join(block) + "\n").encode()
    with path.open("wb") as file:
        for _ in range(max(1, megabytes * 1_000_000 // len(data))):
            file.write(data)


@dataclass(frozen=True)
class Contender:
    """A command that reads the log from its standard input; or why there is none."""

    name: str
    command: list[str] | None
    env: dict[str, str] | None = None
    note: str = ""
    #: What the preparation alone costs is measured with an empty input and taken off.
    prepares: bool = True


PYTHON_REPLACE = """
import sys
values = [line.rstrip("\\n") for line in open(sys.argv[1])]
read, write = sys.stdin.buffer, sys.stdout.buffer
pairs = [(value.encode(), b"[KEY]") for value in values]
for line in read:
    for value, shown in pairs:
        line = line.replace(value, shown)
    write.write(line)
"""


def run(contender: Contender, log: Path | None) -> tuple[float, float, float, float]:
    """Seconds on the clock and of processor time, the most memory that it had in MB, and the rate in MB/s that it knows
    of itself, or 0."""
    assert contender.command
    with open(log or os.devnull, "rb") as stdin, open(os.devnull, "wb") as nowhere:
        started = time.monotonic()
        process = subprocess.Popen(
            contender.command, stdin=stdin, stdout=nowhere, stderr=subprocess.PIPE, env=contender.env, text=True
        )
        assert process.stderr
        rate = re.search(r"([0-9.]+) GB/s", process.stderr.read())
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, contender.name)
    own = float(rate[1]) * 1000 if rate else 0.0
    return time.monotonic() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000, own


def measure(contender: Contender, log: Path, rounds: int) -> tuple[float, float, float]:
    """MB per second, the best of some rounds, without what an empty input takes; and the memory."""
    idle = [run(contender, None) for _ in range(2)] if contender.prepares else [(0.0, 0.0, 0.0, 0.0)]
    taken = [run(contender, log) for _ in range(rounds)]
    size = log.stat().st_size / 1e6
    clock = min(one[0] for one in taken) - min(one[0] for one in idle)
    processor = min(one[1] for one in taken) - min(one[1] for one in idle)
    rate = max(one[3] for one in taken) or size / max(processor, 1e-9)
    return size / max(clock, 1e-9), rate, max(one[2] for one in taken)


def contenders(tegmen: Path, library: Path, folder: Path, many: int) -> list[Contender]:
    twenty = values(20)
    listed = folder / "values"
    listed.write_text("".join(f"{value}\n" for value in twenty))
    script = folder / "script.sed"
    quoted = [value.translate({ord(char): "\\" + char for char in ".*[]^$/\\&"}) for value in twenty]
    script.write_text("".join(f"s/{value}/[KEY]/g\n" for value in quoted))
    env = {f"KEY_{number}": value for number, value in enumerate(twenty)}
    secrets = [word for name in env for word in ("--secret", f"{name}=env:{name}")]
    bench = str(library)
    teller = shutil.which("teller")
    return [
        Contender("reading alone (cat)", ["cat"]),
        Contender("sed, 20 expressions", ["sed", "-f", str(script)], env={"LC_ALL": "C", "PATH": os.defpath}),
        Contender("Python, line.replace, 20", [sys.executable, "-c", PYTHON_REPLACE, str(listed)]),
        Contender("teller redact", [teller, "redact"] if teller else None, note="not installed here"),
        Contender("bare search, 20 literals", [bench, "bare", "20"]),
        Contender(
            "tegmen redact, 20 secrets",
            [str(tegmen), "redact", *secrets] if tegmen.exists() else None,
            env=env,
            note="not built",
        ),
        *(Contender(f"bare search, {count:,} literals", [bench, "bare", str(count)]) for count in (1_000, many)),
        *(Contender(f"library, {count:,} secrets", [bench, "stream", str(count)]) for count in (20, 1_000, many)),
        *(Contender(f"library, {count:,}, line by line", [bench, "lines", str(count)]) for count in (20, 1_000, many)),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="The rates of redaction, side by side.")
    parser.add_argument("--tegmen", type=Path, default=ROOT / "target/release/tegmen")
    parser.add_argument("--library", type=Path, default=ROOT / "target/release/examples/throughput")
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--many", type=int, default=100_000, help="how many secrets the last contender has")
    options = parser.parse_args()

    memory = Path("/dev/shm")
    parent = memory if memory.is_dir() and shutil.disk_usage(memory).free > options.megabytes * 2_000_000 else None
    with tempfile.TemporaryDirectory(prefix="tegmen-bench-", dir=parent) as name:
        folder = Path(name)
        log = folder / "log"
        write_log(log, options.megabytes, values(20))
        small = folder / "small"
        write_log(small, max(1, options.megabytes // 10), values(20))
        size = f"{log.stat().st_size / 1e6:.0f} MB of log, best of {options.rounds}"
        print(f"{size:<35} GB/s: on the clock   of processor time   of cat's   MB at the most")
        copy = 0.0
        for contender in contenders(options.tegmen, options.library, folder, options.many):
            if contender.command is None:
                print(f"  {contender.name:<33} {contender.note}")
                continue
            # Nobody needs ten minutes of sed.
            slow = contender.name.startswith(("sed", "Python", "teller"))
            clock, processor, most = measure(contender, small if slow else log, options.rounds)
            copy = copy or processor
            rates = f"{clock / 1000:17.2f} {processor / 1000:19.2f} {processor / copy:9.1%} {most:16.0f}"
            print(f"  {contender.name:<33} {rates}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
