"""Run the matrix of chaos cases: `python -m tests.chaos --destination duckdb -k merge`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial
from multiprocessing import get_context

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["PROVIDERS__ENABLE_AIRFLOW_SECRETS"] = "false"

from tests.chaos.cases import Report, report_case, warm_up
from tests.chaos.matrix import DESTINATIONS, Case, all_cases, short_cases, usual_cases
from tests.services import running_postgres

WORKERS = 2


def main() -> int:
    """Print one line per case and a total; return the exit code."""
    options = _options()
    destinations = tuple(options.destination or DESTINATIONS)
    part = {"short": short_cases, "every": all_cases}.get(options.part, usual_cases)
    cases = part(destinations)
    chosen = [case for case in cases if options.k in case.name]
    started = time.monotonic()
    failed = 0
    with _postgres(chosen) as url:
        warm_up({case.destination for case in chosen}, url)
        for number, report in enumerate(_reports(chosen, url), start=1):
            failed += bool(report.problem)
            _say(f"{number:4}/{len(chosen)} {_line(report)}")
    seconds = time.monotonic() - started
    _say(f"{len(chosen)} cases, {failed} failed, {seconds:.0f} s")
    return 1 if failed or not chosen else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--destination", action="append", choices=DESTINATIONS)
    parser.add_argument(
        "--short",
        dest="part",
        action="store_const",
        const="short",
        help="the cases that pytest runs",
    )
    parser.add_argument(
        "--every",
        dest="part",
        action="store_const",
        const="every",
        help="every combination: an hour and more",
    )
    parser.add_argument("-k", default="", metavar="TEXT", help="cases whose name contains this")
    return parser.parse_args()


def _postgres(cases: Iterable[Case]) -> contextmanager:
    is_needed = any(case.destination == "postgres" for case in cases)
    return running_postgres() if is_needed else nullcontext("")


def _reports(cases: list[Case], url: str) -> Iterator[Report]:
    # two: each case is one busy process at a time
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("fork")) as pool:
        yield from pool.map(partial(report_case, postgres_url=url), cases)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _line(report: Report) -> str:
    problem = f"\n     {report.problem}" if report.problem else ""
    return f"{'FAILED' if problem else 'ok':6} {report.seconds:5.1f} s  {report.name}{problem}"


if __name__ == "__main__":
    sys.exit(main())
