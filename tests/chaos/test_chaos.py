"""After a kill at any step, the retry makes the tables equal to those of a clean load.

These are a few cases of each kind; `make chaos` runs all.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from tests.chaos import cases, matrix
from tests.chaos.matrix import Case

WORKERS = 2


@pytest.fixture(scope="module")
def server(request):
    """The URL of a PostgreSQL server; empty where no chosen case loads into one."""
    chosen = (item.callspec.params["case"] for item in _chosen(request))
    if any(case.destination == "postgres" for case in chosen):
        return request.getfixturevalue("postgres_url")
    return ""


@pytest.fixture(scope="module")
def reports(request, server):
    """Run all chosen cases side by side: case -> a future report."""
    chosen = [item.callspec.params["case"] for item in _chosen(request)]
    cases.warm_up(dict.fromkeys(case.destination for case in chosen), server)
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("fork")) as pool:
        yield {case: pool.submit(cases.report_case, case, server) for case in chosen}


def _chosen(request) -> list[pytest.Item]:
    return [
        item
        for item in request.session.items
        if item.path == request.path and hasattr(item, "callspec")
    ]


@pytest.mark.parametrize("case", matrix.short_cases(), ids=lambda case: case.name)
def test_a_retry_after_a_kill_makes_the_tables_equal_to_a_clean_load(case: Case, reports):
    assert reports[case].result().problem == ""


def test_the_matrix_holds_every_short_case():
    assert {case.name for case in matrix.short_cases()} == matrix.SHORT
