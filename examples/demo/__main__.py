"""`make demo`: the same Locust test, plain and under `tegmen run`, and where its secrets came out.

Everything is real: Locust with web UI, workers and reports, OpenBao, a shop that takes only the right key. Nothing in
the table at the end is written down beforehand. Exit status 0 if all of it holds, 1 if something does not, 2 if the
demo could not be run, 130 after Ctrl-C. Everything that is started is stopped again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from demo import processes, terminal
from demo.load_test import LoadTestError
from demo.openbao import OpenBao, OpenBaoError
from demo.shop_process import Shop
from demo.story import Story, StoryError


def main() -> int:
    started = time.monotonic()
    # Whoever stops us with a plain kill gets the same tidy end as with Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    census = processes.Census()
    status = 2
    try:
        with contextlib.ExitStack() as stack:
            folder = Path(tempfile.mkdtemp(prefix="tegmen-demo-"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            bao = stack.enter_context(OpenBao.start())
            shop = stack.enter_context(Shop.start())
            census.take()
            status = 0 if Story(folder, bao, shop, census).tell() else 1
    except KeyboardInterrupt:
        print("\nInterrupted; stopping what was started.", file=sys.stderr)
        status = 130
    except (LoadTestError, OpenBaoError, StoryError, OSError) as error:
        print(f"\nerror: the demo could not be run: {error}", file=sys.stderr)
    left = processes.wait_until_gone(census, 5)
    if left:
        print(f"error: these were still running and had to be killed: {', '.join(map(str, left))}", file=sys.stderr)
        return status or 1
    print(terminal.dim(f"Nothing is left running, and no file is left behind. ({time.monotonic() - started:.0f} s)"))
    return status


if __name__ == "__main__":
    sys.exit(main())
