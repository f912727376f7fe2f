"""The commands that a page of the documentation shows: scripts as somebody types them, and their simple commands."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

#: A word in a document stands for something.
STAND_INS = {"…": "x", "PEERS=FOLDER": "PEERS=/"}


def fences(text: str) -> Iterator[tuple[str, str]]:
    """The fenced blocks: their language, and their text without the indent of a list."""
    for indent, language, block in re.findall(r"^( *)```(\w*)[^\n]*\n(.*?)^ *```", text, re.S | re.M):
        yield language, re.sub(rf"^{indent}", "", block, flags=re.M)


def indented(text: str) -> Iterator[str]:
    """The blocks that are code by their indent."""
    bare = re.sub(r"^ *```.*?^ *```", "", text, flags=re.S | re.M)
    for block in re.findall(r"(?:^ *\n)((?:^ {4}.*\n| *\n)+)", bare, re.M):
        yield re.sub(r"^ {4}", "", block, flags=re.M)


def typed(lines: list[str]) -> Iterator[str]:
    """Scripts: each a line with those that it needs to be whole, up to the end of its quotes and documents."""
    while lines:
        script, lines = lines[0], lines[1:]
        while lines and not is_whole(script):
            script, lines = f"{script}\n{lines[0]}", lines[1:]
        # Neither a remark nor the summary of a command's options.
        if script.strip() and not re.match(r"\s*#|.* \[[A-Z-]", script):
            yield script


def is_whole(script: str) -> bool:
    """Whether a shell would not wait for more."""
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
    return not script.endswith("\\") and not done.stderr


def scripts(page: Path) -> Iterator[str]:
    """What a page has somebody type into a shell."""
    text = page.read_text()
    for language, block in fences(text):
        lines = block.splitlines()
        if language == "console":
            # What stands there beside is what comes out.
            starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
            for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
                yield next(typed([lines[start][2:], *lines[start + 1 : end]]))
        elif language in ("sh", "bash", "shell"):
            yield from typed(lines)
        elif language == "yaml":
            for line in re.findall(r"^ *(?:- )?(?:run: |script: |- )(\w+ [^#\n]*)$", block, re.M):
                if line.split()[0] in ("tegmen", "pip", "locust"):
                    yield line
            for array in re.findall(r'command: (\["tegmen".*\])$', block, re.M):
                yield shlex.join(json.loads(array))
        elif language == "dockerfile":
            for array in re.findall(r"^(?:ENTRYPOINT|CMD) (\[.*\])$", block, re.M):
                yield shlex.join(json.loads(array))
    for block in indented(text):
        if is_shell(block):
            yield from typed([line.removeprefix("$ ") for line in block.splitlines()])


def is_shell(block: str) -> bool:
    """Whether a block without a language is for a shell: code of Python, messages and URLs are not."""
    first = block.split(maxsplit=1)[0] if block.split() else ""
    others = r"from|import|class|def|with|self\b|open\(|logging|print|\w+:|\[|#|@|…|\w+ ="
    return bool(first) and not re.match(others, block.lstrip())


def simple(script: str) -> Iterator[list[str]]:
    """The simple commands of a script: words, without what the shell itself reads."""
    head = re.sub(r"\\\n\s*", " ", script)
    # The text of a document is for the command.
    head = re.sub(r"(<<-?\s*'?(\w+)'?[^\n]*\n).*?^\2$", r"\1", head, flags=re.S | re.M)
    lexer = shlex.shlex(head, posix=True, punctuation_chars="|<>;&\n")
    lexer.whitespace = " \t"
    lexer.whitespace_split = True
    words: list[str] = []
    skips = False
    for word in [*lexer, ";"]:
        if set(word) <= set("<>") or word in ("<<", ">&", "&>"):
            skips = True
        elif set(word) <= set("|;&\n"):
            if words:
                yield words
            words = []
        elif skips:
            skips = False
        elif words or not re.match(r"[A-Za-z_]+=|!$", word):
            words.append(STAND_INS.get(word, word))
