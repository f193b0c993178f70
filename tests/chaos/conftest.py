"""Fresh tasks, and clean loads to compare theirs with."""

from __future__ import annotations

import pytest

from tests.chaos import cases
from tests.chaos.matrix import Kind

APPEND = Kind("append", "nested")


@pytest.fixture(scope="session", autouse=True)
def imports():
    """Import what loads need before the first child is forked."""
    # a plain `dlt.pipeline` imports Airflow where it finds it
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PROVIDERS__ENABLE_AIRFLOW_SECRETS", "false")
        cases.warm_up(["duckdb"])
        yield


@pytest.fixture
def url_for(request):
    """Start PostgreSQL only for what loads into it."""

    def url_for(destination: str) -> str:
        return request.getfixturevalue("postgres_url") if destination == "postgres" else ""

    return url_for


@pytest.fixture
def make_task(url_for):
    """Make a task that appends nested rows with a cursor, and has never run."""
    made = []

    def make_task(destination: str = "duckdb") -> cases.Task:
        context = cases.fresh_task(destination, APPEND, url_for(destination))
        made.append(context)
        return context.__enter__()

    yield make_task
    for context in made:
        context.__exit__(None, None, None)


@pytest.fixture
def clean(url_for):
    """Return what clean loads of such a task come to, run by run."""

    def clean(destination: str = "duckdb", *, is_first: bool = False):
        return cases.clean_loads(destination, APPEND, url_for(destination), is_first=is_first)

    return clean
