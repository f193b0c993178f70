"""The table at the end of a test run that says which block of a seed passed, in how many tests."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tests.core.seed_001.blocks import BLOCKS, SEED
from tests.seed_document import SEEDS, Block, read_blocks

BLOCK_PROPERTY = "block of the seed"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table, if any test has run a block."""
    tests = _tests_by_block(terminalreporter.stats)
    if not tests:
        return
    text = (SEEDS / SEED).read_text(encoding="utf-8")
    terminalreporter.section(f"blocks of {SEED}")
    for block, treatment in zip(read_blocks(text), BLOCKS, strict=False):
        became = _outcome(tests.get(block.number, {}))
        if treatment.not_run:
            became = f"not run: {treatment.not_run}"
        terminalreporter.line(f"{_place(block)}{treatment.kind:21}{became}")


def _place(block: Block) -> str:
    return f"{block.number:3}  line {block.line:<5}{block.headings[-1]:42.40}"


def _tests_by_block(stats: dict[str, list[Any]]) -> dict[int, dict[str, str]]:
    """Return block -> test -> outcome. A report knows its blocks in whatever process it ran."""
    tests: dict[int, dict[str, str]] = defaultdict(dict)
    for report in (report for reports in stats.values() for report in reports):
        for name, number in getattr(report, "user_properties", ()):
            if name == BLOCK_PROPERTY and (report.when == "call" or not report.passed):
                tests[number][report.nodeid.rpartition("::")[2]] = report.outcome
    return tests


def _outcome(tests: dict[str, str]) -> str:
    if not tests:
        return "not run here"
    others = [f"{outcome.upper()} {test}" for test, outcome in tests.items() if outcome != "passed"]
    return "; ".join(others) or f"passed ({len(tests)})"
