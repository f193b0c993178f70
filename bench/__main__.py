"""Run the benchmarks and write what they found: `python -m bench --only small --repeat 3`."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import tempfile
from dataclasses import replace
from importlib import import_module
from pathlib import Path

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"

from bench.compiled import require_compiled
from bench.machine import describe
from bench.measure import Options, say
from bench.report import render, write
from tests.services import running_postgres

CASES = ("small", "batches", "slow_api", "large", "steps", "parsing", "state", "memory")
"""Modules of this package, each with `run(options) -> Section`; `page` is a script of its own."""
DESTINATIONS = ("postgres", "duckdb")
RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> int:
    """Run the cases one after another; return the exit code."""
    arguments = _arguments()
    # what was started ends with a bench that is told to end
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    require_compiled()
    if "page" in (arguments.only or ()):
        from bench import page

        page.main()
    cases = [case for case in arguments.only or CASES if case != "page"]
    for case in cases:
        _run_case(case, arguments)
    return 0


def _run_case(case: str, arguments: argparse.Namespace) -> None:
    machine = (*describe(), _described(case, arguments))
    say(f"== {case}")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, running_postgres() as url:
        options = Options(
            Path(folder),
            repeat=arguments.repeat,
            is_quick=arguments.quick,
            destinations=tuple(arguments.destination or DESTINATIONS),
            rows=arguments.rows,
            pages=arguments.pages,
            tables=arguments.tables,
            variants=tuple(arguments.variant or ()),
            postgres=url,
        )
        section = replace(import_module(f"bench.{case}").run(options), machine=machine)
    # at once: what has been found stays, whatever becomes of the next case
    write(section, arguments.results, CASES)
    say(f"\n{render(section)}")


def _described(case: str, arguments: argparse.Namespace) -> str:
    """Say how a section came about: one that was shortened shows it."""
    names = ("repeat", "destination", "variant", "rows", "pages", "tables")
    given = {name: getattr(arguments, name) for name in names}
    parts = [
        f"--{name} {shlex.quote(str(item))}"
        for name, value in given.items()
        if value is not None
        for item in (value if isinstance(value, list) else [value])
    ]
    quick = ["--quick"] if arguments.quick else []
    return f"run by `python -m bench {' '.join(['--only', case, *parts, *quick])}`"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    every = (*CASES, "page")
    parser.add_argument(
        "--only", action="append", choices=every, help="a case; default: all but page"
    )
    parser.add_argument("--repeat", type=int, default=5, help="runs of each variant")
    parser.add_argument("--quick", action="store_true", help="what takes minutes is run once only")
    parser.add_argument("--destination", action="append", choices=DESTINATIONS)
    parser.add_argument("--rows", type=int, help="rows of large tables")
    parser.add_argument("--pages", type=int, help="pages of each resource of the slow API")
    parser.add_argument("--tables", type=int, help="how many small tables")
    parser.add_argument("--variant", action="append", help="part of the name of what is to run")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file to write to")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
