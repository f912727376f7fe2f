"""The search for what must not come out: values in every form, and the placeholders of a run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from demo.forms import forms_of, found

#: The part that all placeholders of a run have in common.
TAG_LENGTH = 25


def tag_in(backwards: str) -> str:
    """The run's tag, from a placeholder that was written backwards."""
    match = re.search(r"([a-z][0-9a-z]{24})[0-9a-z]{5}", backwards[::-1])
    assert match, "there is a placeholder"
    return match[1]


def leaks(channels: Mapping[str, bytes], searched: Mapping[str, str]) -> list[str]:
    """Where something came out: channel, what, in which form, and the text around it."""
    told = []
    for channel, text in channels.items():
        for what, value in searched.items():
            if value.upper() != value and (at := text.find(value.upper().encode())) >= 0:
                told.append(f"{what} in capitals in {channel}: …{text[max(0, at - 90) : at + 90]!r}…")
            for form in sorted(found(value, text)):
                places = [place for some in forms_of(value)[form] if (place := text.find(some)) >= 0]
                around = text[max(0, min(places) - 90) : min(places) + 90] if places else b"(packed)"
                told.append(f"{what} {form} in {channel}: …{around!r}…")
    return told


def files_of(folder: Path, *but: str) -> dict[str, bytes]:
    """Every file of a folder, by its name."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in but)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
