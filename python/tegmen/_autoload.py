"""Loaded by ``tegmen-autoload.pth`` in every Python that ``tegmen run`` starts. Does next to nothing until Locust, a
client or ``tegmen`` itself is imported: then the hooks of :mod:`tegmen._hooks` take hold.

Must import neither ssl nor requests: Locust patches them first.
"""

from __future__ import annotations

import sys


def install() -> None:
    """Watches the imports of this process."""
    from tegmen import _environ, _imports, _sandbox

    if not any(isinstance(finder, _imports.Watcher) for finder in sys.meta_path):
        sys.meta_path.insert(0, _imports.Watcher())
        _imports.catch_up()
        _environ.watch()
        _sandbox.install()


try:
    install()
except Exception as error:
    # The site module would print a traceback and go on without protection.
    import os

    print(f"tegmen: the plugin cannot be loaded in {sys.executable}: {error}", file=sys.stderr, flush=True)
    os._exit(125)
