"""What hardening and the sandbox cost at the start: `make bench-startup`.

Each round starts the same command in every way, one after the other, so that what else goes on meets all of them alike.
The figures are the medians of the differences within a round: of the time on the clock, and of the time of the
processor, which a busy machine does not make longer by much.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 60
BIN = Path(sys.executable).parent

#: The ways, and the options of `tegmen run`.
WAYS: dict[str, list[str]] = {
    "no hardening": ["--umask", "keep", "--allow-privileges"],
    "hardening (the default)": [],
    "--sandbox, by port": ["--sandbox", "--reach", "127.0.0.1:8080", "--network", "ports"],
    "--sandbox, by host": ["--sandbox", "--reach", "127.0.0.1:8080", "--network", "hosts"],
}


def seconds(command: list[str], folder: Path) -> tuple[float, float]:
    """Of the clock, and of the processor."""
    environment = {"PATH": os.pathsep.join([str(BIN), os.environ["PATH"]]), "HOME": str(folder)}
    begin = time.perf_counter()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = usage.ru_utime + usage.ru_stime
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    took = time.perf_counter() - begin
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, usage.ru_utime + usage.ru_stime - used


def main() -> None:
    tegmen = os.environ.get("TEGMEN_BIN", str(BIN / "tegmen"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "key").write_text("k" * 40)
        (folder / "locustfile.py").write_text("host = 'http://127.0.0.1:8080'\n")
        times: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
        for round_ in range(ROUNDS + 2):
            for way, options in WAYS.items():
                command = [tegmen, "run", "-q", "--secret", "API_KEY=file:key", *options, "--", "/bin/true"]
                took = seconds(command, folder)
                # The first ones fill caches.
                if round_ >= 2:
                    times[way].append(took)
    base = times["no hardening"]
    print(f"Start and end of `tegmen run -- true`, {ROUNDS} rounds\n")
    print(f"{'':26}{'median':>10}{'more, by the clock':>22}{'more, processor':>20}")
    for way, all_of_it in times.items():
        pairs = list(zip(all_of_it, base, strict=True))
        clock, processor = (statistics.median(a[at] - b[at] for a, b in pairs) * 1000 for at in (0, 1))
        median = statistics.median(took for took, _ in all_of_it) * 1000
        print(f"{way:26}{median:7.1f} ms{clock:19.1f} ms{processor:17.1f} ms")


if __name__ == "__main__":
    main()
