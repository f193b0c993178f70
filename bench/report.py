"""What a case found, and how it is written to `bench/RESULTS.md`: one section for each case.

A section carries its own date, versions and machine, so that one case can be run again alone and
the others stay as they are.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HEADING = """\
# Results

Written by `make bench`; each section by one run of one case, `make bench ONLY=small`. A figure is a
median, with the lowest and the highest beside it. What is compared was run in turn, on one machine,
in one run: ratios tell something on other machines too, seconds do not.
"""
MARK = "<!-- case: {} -->"
MEDIAN_DIGITS = 3


@dataclass(frozen=True)
class Row:
    """One variant of what is compared."""

    variant: str
    values: tuple[float, ...]
    """In the unit of the table, one for each repeat; empty where it failed."""
    note: str = ""

    @property
    def median(self) -> float | None:
        """The median, or `None` without any value."""
        return statistics.median(self.values) if self.values else None


@dataclass(frozen=True)
class Table:
    """Variants of one thing, with their ratio to one of them."""

    title: str
    unit: str
    rows: tuple[Row, ...]
    baseline: str
    """The variant that the ratios are to."""

    def median(self, variant: str) -> float | None:
        """Return the median of a variant, or `None` where there is none."""
        return next((row.median for row in self.rows if row.variant == variant), None)

    def ratio(self, above: str, below: str) -> float | None:
        """Return the median of *above* through that of *below*, or `None` where one is missing."""
        numerator, denominator = self.median(above), self.median(below)
        return numerator / denominator if numerator is not None and denominator else None


@dataclass(frozen=True)
class Comparison:
    """Two variants, part by part."""

    title: str
    left: str
    right: str
    parts: tuple[tuple[str, str, tuple[float, ...], tuple[float, ...]], ...]
    """Name, unit, values of the left one, values of the right one."""


@dataclass(frozen=True)
class Target:
    """What a case must show."""

    text: str
    measured: float | None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether it is met; `None` where it was not measured."""
        if self.measured is None:
            return None
        is_enough = self.at_least is None or self.measured >= self.at_least
        return is_enough and (self.at_most is None or self.measured <= self.at_most)


@dataclass(frozen=True)
class Section:
    """All that one run of one case found."""

    case: str
    title: str
    how: str
    """What was run and how its time was taken, as Markdown."""
    tables: tuple[Table | Comparison, ...]
    targets: tuple[Target, ...] = ()
    machine: tuple[str, ...] = field(default=())
    """Date, versions and machine, one line each."""


def render(section: Section) -> str:
    """Return a section as Markdown."""
    parts = [
        f"## {section.title}",
        section.how.strip(),
        "\n".join(f"- {x}" for x in section.machine),
    ]
    parts += [_render_table(table) for table in section.tables]
    if section.targets:
        parts.append(_render_targets(section.targets))
    return "\n\n".join(part for part in parts if part) + "\n"


def write(section: Section, path: Path, order: Sequence[str]) -> None:
    """Put a section into the file of results, in place of an older one of its case.

    Args:
        section: What was found.
        path: The file; made where it is missing.
        order: All cases, in the order in which the file shows them.
    """
    sections = _read(path) | {section.case: render(section)}
    rank = {case: number for number, case in enumerate(order)}
    cases = sorted(sections, key=lambda case: rank.get(case, len(rank)))
    texts = [f"{MARK.format(case)}\n{sections[case].strip()}\n" for case in cases]
    path.write_text("\n".join([HEADING, *texts]))


def _read(path: Path) -> dict[str, str]:
    """Return case -> text of its section."""
    if not path.exists():
        return {}
    opening, closing = MARK.split("{}")
    parts = path.read_text().split(opening)[1:]
    return {case: text for case, _, text in (part.partition(closing) for part in parts)}


def _render_comparison(comparison: Comparison) -> str:
    left, right = comparison.left, comparison.right
    lines = [
        f"### {comparison.title}",
        "",
        f"| medians | {left} | {right} | ratio |",
        "|---|--:|--:|--:|",
    ]
    for name, unit, of_left, of_right in comparison.parts:
        medians = [statistics.median(values) for values in (of_left, of_right)]
        ratio = f"{medians[0] / medians[1]:.2f}" if medians[1] else ""
        cells = " | ".join(f"{figure(value)} {unit}".strip() for value in medians)
        lines.append(f"| {name} | {cells} | {ratio} |")
    return "\n".join(lines)


def _render_table(table: Table | Comparison) -> str:
    if isinstance(table, Comparison):
        return _render_comparison(table)
    header = f"{table.unit}, median"
    lines = [
        f"### {table.title}",
        "",
        f"| variant | {header} | lowest to highest | ratio to {table.baseline} | runs | |",
        "|---|--:|--:|--:|--:|---|",
    ]
    return "\n".join([*lines, *(_render_row(row, table) for row in table.rows)])


def _render_row(row: Row, table: Table) -> str:
    ratio = table.ratio(row.variant, table.baseline)
    spread = f"{figure(min(row.values))} to {figure(max(row.values))}" if row.values else ""
    cells = (
        row.variant,
        "" if row.median is None else figure(row.median),
        spread,
        "" if ratio is None else f"{ratio:.2f}",
        str(len(row.values)),
        row.note,
    )
    return f"| {' | '.join(cells)} |"


def _render_targets(targets: Iterable[Target]) -> str:
    lines = ["| target | asked | measured | |", "|---|--:|--:|---|"]
    answers = {True: "met", False: "**not met**", None: "not measured"}
    for target in targets:
        limits = (("at least", target.at_least), ("at most", target.at_most))
        asked = ", ".join(f"{word} {limit:g}" for word, limit in limits if limit is not None)
        measured = "" if target.measured is None else f"{target.measured:.2f}"
        lines.append(f"| {target.text} | {asked} | {measured} | {answers[target.is_met]} |")
    return "\n".join(lines)


def figure(value: float) -> str:
    """Return a number with three digits that count, and all of those before the point."""
    if value == int(value):
        return f"{value:,.0f}"
    if value >= 10 ** (MEDIAN_DIGITS - 1):
        return f"{value:,.0f}"
    return f"{value:#.{MEDIAN_DIGITS}g}".rstrip(".")
