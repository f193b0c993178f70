"""Two loads of one pipeline at the same moment, with and without a lock between them."""

import dataclasses
import multiprocessing
from contextlib import closing

import dlt
import psycopg2
import pytest

from airflow_dlt_provider.core.errors import TransientLoadError
from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.state.sql import SqlStateStore

WAITING = """
import dlt, time
from pathlib import Path

@dlt.source
def shop(folder, waits):
    @dlt.resource(write_disposition="append")
    def events(new=dlt.sources.incremental("id")):
        yield [{"id": 1}, {"id": 2}]
        if waits:
            Path(folder, "extracting").touch()
            deadline = time.monotonic() + 60
            while not Path(folder, "go").exists():
                assert time.monotonic() < deadline, "nobody said go"
                time.sleep(0.02)
    return events
"""


@pytest.fixture
def unlocked(postgres_url):
    """A destination in which dlt knows no lock; dlt's own client for PostgreSQL has one."""
    return dlt.destinations.sqlalchemy(postgres_url.replace("://", "+psycopg2://"))


@pytest.fixture
def request_of(load, write_module, unlocked, tmp_path):
    write_module("waiting.py", WAITING)

    def request_of(run_id, try_number=1, *, waits=False):
        kwargs = {"folder": str(tmp_path), "waits": waits}
        request = load.request(
            "waiting:shop", "events", kwargs=kwargs, destination=unlocked, dataset_name="at_once"
        )
        run = dataclasses.replace(request.run, run_id=run_id, try_number=try_number, max_tries=3)
        return dataclasses.replace(request, run=run, working_dir=load.folder / "work" / run_id)

    return request_of


def load_quietly(request, store_url):
    with closing(SqlStateStore(store_url)) as store:
        load_task(request, store)


def test_where_there_is_no_lock_the_second_stops_before_its_first_row(
    request_of, tmp_path, postgres_url
):
    store_url = f"sqlite:///{tmp_path / 'state.db'}"
    errors = []

    def first(request):
        try:
            load_quietly(request, store_url)
        except TransientLoadError as error:
            errors.append(str(error))

    other = multiprocessing.get_context("fork").Process(
        target=_load_when_extracting, args=(request_of("second"), store_url, tmp_path)
    )
    other.start()
    first(request_of("first", waits=True))
    other.join(60)

    (error,) = errors
    assert "another load of pipeline 'shop__events' finished while this one extracted" in error
    load_quietly(request_of("first", 2), store_url)
    with closing(psycopg2.connect(postgres_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM at_once.events ORDER BY id")
        assert cursor.fetchall() == [(1,), (2,)]


def _load_when_extracting(request, store_url, folder):
    while not (folder / "extracting").exists():
        pass
    load_quietly(request, store_url)
    (folder / "go").touch()
