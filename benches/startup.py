"""What hardening and the sandbox cost at the start: `make bench-startup`.

Each round starts the same command in every way, one after the other, so that what else goes on meets all of them alike.
The figures are the medians of the differences within a round.
"""

from __future__ import annotations

import os
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
    "--sandbox": ["--sandbox", "--reach", "127.0.0.1:8080"],
}


def seconds(command: list[str], folder: Path) -> float:
    environment = {"PATH": os.pathsep.join([str(BIN), os.environ["PATH"]]), "HOME": str(folder)}
    begin = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - begin


def main() -> None:
    tegmen = os.environ.get("TEGMEN_BIN", str(BIN / "tegmen"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "key").write_text("k" * 40)
        (folder / "locustfile.py").write_text("host = 'http://127.0.0.1:8080'\n")
        times: dict[str, list[float]] = {way: [] for way in WAYS}
        for round_ in range(ROUNDS + 2):
            for way, options in WAYS.items():
                command = [tegmen, "run", "-q", "--secret", "API_KEY=file:key", *options, "--", "/bin/true"]
                took = seconds(command, folder)
                # The first ones fill caches.
                if round_ >= 2:
                    times[way].append(took)
    base = times["no hardening"]
    print(f"Start and end of `tegmen run -- true`, {ROUNDS} rounds\n")
    print(f"{'':26}{'median':>10}{'more than without':>20}")
    for way, all_of_it in times.items():
        more = statistics.median(with_it - without for with_it, without in zip(all_of_it, base, strict=True))
        print(f"{way:26}{statistics.median(all_of_it) * 1000:7.1f} ms{more * 1000:17.1f} ms")


if __name__ == "__main__":
    main()
