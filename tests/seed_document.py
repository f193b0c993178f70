"""The code blocks of a seed: a document of another tool, whose files shall run as they stand."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SEEDS = Path(__file__).resolve().parents[2] / "shared" / "seeds"

_FENCE = re.compile(r"```(\w*)$")
_HEADING = re.compile(r"(#+) (.*)")
_FILE = r"((?:[\w.]+/)*\w*\.(?:py|yml|toml|env))"
_NAMED_FILE = re.compile(rf"(?:^|[ `]){_FILE}(?=[ `*:]|$)")
_COMMENTED_FILE = re.compile(rf"# {_FILE}(?: \(.*\))?$")


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    number: int
    """Its place in the document, from 1."""
    line: int
    """Where its fence is."""
    language: str
    """What stands at the fence; may be empty."""
    headings: tuple[str, ...]
    """The headings that it stands below, the nearest one last."""
    file: str | None
    """The file that the document says it is, relative to the project's folder."""
    text: str

    @property
    def first_line(self) -> str:
        return self.text.partition("\n")[0]


def read_seed(name: str) -> str:
    """Return a seed's Markdown, or skip the test where the seeds are missing."""
    path = SEEDS / name
    if not path.is_file():
        reason = f"the seeds are missing: no {path.name} in ../shared/seeds beside the repository"
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(f"REQUIRE_SERVICES=1, but {reason}")
        pytest.skip(reason)
    return path.read_text(encoding="utf-8")


def read_blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a Markdown document, in order."""
    headings: list[str] = []
    lines = iter(enumerate(text.splitlines(), start=1))
    number, prose = 0, ""
    for line_number, line in lines:
        if fence := _FENCE.match(line):
            number += 1
            body = list(_body(lines))
            file = _file(prose, body) if fence[1] else None
            text = "".join(f"{part}\n" for part in body)
            yield Block(number, line_number, fence[1], tuple(headings), file, text)
            prose = ""
        elif heading := _HEADING.match(line):
            headings[len(heading[1]) - 1 :] = [heading[2]]
            prose = heading[2]
        elif line.strip():
            prose = line


def read_table(text: str, heading: str) -> list[dict[str, str]]:
    """Return the rows of the table below a heading; code loses its quotes."""
    below = text.partition(f"# {heading}\n")[2]
    lines = [line for line in below.partition("\n#")[0].splitlines() if line.startswith("|")]
    header, _, *rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines]
    return [dict(zip(header, row, strict=True)) for row in rows]


def _body(lines: Iterator[tuple[int, str]]) -> Iterator[str]:
    for _, line in lines:
        if line == "```":
            return
        yield line


def _file(prose: str, body: list[str]) -> str | None:
    """Return the file that the line before a block names, or the block's own first line."""
    found = _NAMED_FILE.search(prose) or _COMMENTED_FILE.match(body[0] if body else "")
    return found[1] if found else None
