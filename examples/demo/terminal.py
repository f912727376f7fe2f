"""What the demo shows: headings, short lines, the table at the end. Colours only where somebody sees them."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Sequence

COLOURS = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def colour(code: str, text: str) -> str:
    """The text in a colour, if there are any."""
    return f"\x1b[{code}m{text}\x1b[0m" if COLOURS else text


def bold(text: str) -> str:
    return colour("1", text)


def dim(text: str) -> str:
    return colour("2", text)


def good(text: str) -> str:
    return colour("32", text)


def bad(text: str) -> str:
    return colour("31", text)


def heading(text: str) -> None:
    print(f"\n{bold(text)}\n{dim('─' * len(text))}", flush=True)


def say(text: str) -> None:
    """A paragraph of the demo's own words."""
    print(textwrap.fill(text, 100), flush=True)


def quote(lines: Sequence[str], limit: int = 1000) -> None:
    """What another program wrote, set off; at most `limit` lines."""
    for line in lines[:limit]:
        print(f"  {dim('│')} {line}")
    if len(lines) > limit:
        print(f"  {dim('│')} {dim(f'… and {len(lines) - limit} more lines')}")
    sys.stdout.flush()


def table(head: Sequence[str], rows: Sequence[Sequence[tuple[str, bool | None]]]) -> None:
    """A table. Each cell is its text and whether it is good; the meaning never hangs on the colour alone."""
    widths = [
        max(len(line[at]) for line in [head, *([text for text, _ in row] for row in rows)]) for at in range(len(head))
    ]
    print("  " + "   ".join(bold(f"{text:<{width}}") for text, width in zip(head, widths, strict=True)))
    print("  " + dim("─" * (sum(widths) + 3 * (len(widths) - 1))))
    for row in rows:
        cells = (painted(f"{text:<{width}}", state) for (text, state), width in zip(row, widths, strict=True))
        print("  " + "   ".join(cells).rstrip())
    sys.stdout.flush()


def painted(text: str, state: bool | None) -> str:
    """Green for what is good, red for what is not, as it is for what is neither."""
    return text if state is None else good(text) if state else bad(text)
