"""A full refresh of one resource: its table anew, its siblings as they were."""

import dataclasses

import duckdb
import pytest
from dlt.pipeline.pipeline import Pipeline

from airflow_dlt_provider.core.errors import (
    TerminalLoadError,
    TransientLoadError,
)
from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.spec import Refresh, RunIdentity
from airflow_dlt_provider.core.state.memory import MemoryStateStore
from airflow_dlt_provider.core.state.records import StateRequest
from tests.core.events import gone

SHOP = """
import dlt

@dlt.source
def shop(ids, version=1):
    def rows():
        for id in ids:
            yield {"id": id, "version": version, "parts": [{"of": id, "bits": [{"bit": id}]}]}

    @dlt.resource(write_disposition="append")
    def appended(new=dlt.sources.incremental("id", primary_key="id")):
        yield list(rows())

    @dlt.resource(write_disposition="merge", primary_key="id")
    def merged(new=dlt.sources.incremental("id")):
        yield list(rows())

    @dlt.resource(write_disposition="replace")
    def replaced():
        yield list(rows())

    @dlt.resource(write_disposition={"disposition": "merge", "strategy": "scd2"})
    def historized():
        yield list(rows())

    @dlt.resource(table_name=lambda row: f"kind_{row['id'] % 2}")
    def dispatched(new=dlt.sources.incremental("id")):
        yield list(rows())

    @dlt.resource(write_disposition="append", selected=False)
    def keys(new=dlt.sources.incremental("id")):
        yield list(rows())

    @dlt.transformer(data_from=keys, write_disposition="append")
    def looked_up(items):
        yield [{"id": item["id"], "version": version} for item in items]

    @dlt.transformer(data_from=keys, write_disposition="append")
    def counted(items):
        yield [{"id": item["id"], "version": version} for item in items]

    return appended, merged, replaced, historized, dispatched, keys, looked_up, counted
"""

ROOTS = ("appended", "merged", "replaced", "historized")


@pytest.fixture
def shop(load, write_module):
    write_module("my_shop.py", SHOP)
    return Shop(load)


class Shop:
    """Loads tasks of the shop, each run in a fresh folder, as on a fresh worker."""

    def __init__(self, load):
        self._load = load
        self.runs = 0

    def run(self, *resources, ids, version=1, run_id=None, try_number=1, max_tries=0, **fields):
        self.runs += 1
        run = RunIdentity("shop_dag", run_id or f"run_{self.runs}", try_number, max_tries)
        task_key = fields.pop("task_key", None)
        request = self._load.request(
            "my_shop:shop", *resources, kwargs={"ids": ids, "version": version}, task_key=task_key
        )
        return load_task(dataclasses.replace(request, run=run, **fields), self.store)

    @property
    def store(self):
        return self._load.store

    def rows(self, table):
        """Return (id, version) of the rows that are valid now, with their nested rows checked."""
        with self.connected() as connection:
            columns = [
                row[0] for row in connection.execute(f"DESCRIBE shop.shop.{table}").fetchall()
            ]
            valid = "_dlt_valid_to IS NULL" if "_dlt_valid_to" in columns else "true"
            query = f"SELECT id, version, _dlt_id FROM shop.shop.{table} WHERE {valid} ORDER BY id"
            rows = connection.execute(query).fetchall()
            if f"{table}__parts" in self.tables():
                nested = connection.execute(
                    f"SELECT p.of, b.bit FROM shop.shop.{table} r"
                    f" LEFT JOIN shop.shop.{table}__parts p ON p._dlt_parent_id = r._dlt_id"
                    f" LEFT JOIN shop.shop.{table}__parts__bits b ON b._dlt_parent_id = p._dlt_id"
                    f" WHERE {valid} ORDER BY r.id"
                ).fetchall()
                assert nested == [(row[0], row[0]) for row in rows], "one part and bit for each"
                if valid == "true":
                    for name in ("parts", "parts__bits"):
                        (count,) = connection.execute(
                            f"SELECT count(*) FROM shop.shop.{table}__{name}"
                        ).fetchone()
                        assert count == len(rows), "no nested row without a parent"
        return [row[:2] for row in rows]

    def tables(self):
        with self.connected() as connection:
            query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'shop'"
            return {row[0] for row in connection.execute(query).fetchall()}

    def everything(self, *roots):
        """Return all rows of tables, with what dlt made up for each row."""
        with self.connected() as connection:
            return {
                name: sorted(connection.execute(f"SELECT * FROM shop.shop.{name}").fetchall())
                for name in sorted(self.tables())
                if name.partition("__")[0] in roots
            }

    def connected(self):
        return duckdb.connect(str(self.file), read_only=True)

    @property
    def file(self):
        return self._load.data_dir / "shop.duckdb"

    def cursors(self):
        states = self.store.read_resources("shop", self.store.list_resources("shop"))
        return {name: state.states for name, state in states.items()}


@pytest.mark.parametrize("mode", ["replace", "drop_data", "drop_resources"])
@pytest.mark.parametrize("resource", ROOTS)
def test_one_table_is_reloaded_and_its_siblings_stay_as_they_were(shop, resource, mode):
    for name in ROOTS:
        shop.run(name, ids=[1, 2, 3])
    siblings = [name for name in ROOTS if name != resource]
    rows_before, cursors_before = shop.everything(*siblings), shop.cursors()

    # the source has forgotten 1, corrected the others, and has a new row
    shop.run(resource, ids=[2, 3, 4], version=2, refresh=Refresh(mode))

    assert shop.rows(resource) == [(2, 2), (3, 2), (4, 2)]
    assert shop.everything(*siblings) == rows_before
    cursors = shop.cursors()
    assert {n: cursors[n] for n in siblings} == {n: cursors_before[n] for n in siblings}

    shop.run(resource, ids=[2, 3, 4, 5], version=3)

    incremental = [(2, 2), (3, 2), (4, 2), (5, 3)]
    whole = [(2, 3), (3, 3), (4, 3), (5, 3)]
    assert shop.rows(resource) == (incremental if resource in ("appended", "merged") else whole)


@pytest.mark.parametrize("resource", ROOTS)
def test_a_first_load_may_be_a_full_refresh(shop, resource):
    shop.run(resource, ids=[1, 2], refresh=Refresh())
    shop.run(resource, ids=[1, 2, 3])

    assert shop.rows(resource) == [(1, 1), (2, 1), (3, 1)]


def test_a_run_after_a_refresh_that_brings_nothing_leaves_the_rows(shop):
    for _ in range(2):
        shop.run("appended", ids=[1, 2], run_id="first", refresh=Refresh())
    shop.run("appended", ids=[3], refresh=Refresh())

    shop.run("appended", ids=[3])
    shop.run("appended", ids=[])

    assert shop.rows("appended") == [(3, 1)]


def test_a_table_that_rows_name_one_by_one_is_emptied_too(shop):
    shop.run("dispatched", ids=[1, 2, 3])

    shop.run("dispatched", ids=[2, 4], version=2, refresh=Refresh())

    assert shop.rows("kind_0") == [(2, 2), (4, 2)]
    assert shop.rows("kind_1") == []


def test_resources_that_share_a_cursor_are_refreshed_together(shop):
    both = ("looked_up", "counted")
    shop.run(*both, ids=[1, 2], task_key="keys")

    result = shop.run(
        *both, ids=[2, 3], version=2, task_key="keys", selected=("counted",), refresh=Refresh()
    )

    assert [load.kind for load in result.resources] == ["refresh", "refresh"]
    assert shop.rows("looked_up") == shop.rows("counted") == [(2, 2), (3, 2)]


def test_of_a_task_with_many_resources_one_is_refreshed_alone(shop):
    shop.run(*ROOTS, ids=[1, 2], task_key="all")
    before = shop.everything("merged", "replaced", "historized")

    shop.run(*ROOTS, ids=[2], version=2, task_key="all", selected=("appended",), refresh=Refresh())

    assert shop.rows("appended") == [(2, 2)]
    assert shop.everything("merged", "replaced", "historized") == before
    shop.run(*ROOTS, ids=[2, 3], version=3, task_key="all")
    assert shop.rows("appended") == [(2, 2), (3, 3)]


@pytest.mark.parametrize("mode", ["replace", "drop_data", "drop_resources"])
@pytest.mark.parametrize("resource", ROOTS)
def test_a_source_without_rows_empties_no_table_unless_it_may(shop, resource, mode):
    shop.run(resource, ids=[1, 2])
    before, cursors = shop.everything(resource), shop.cursors()

    with pytest.raises(TerminalLoadError, match=f"no rows for a full refresh of {resource}"):
        shop.run(resource, ids=[], refresh=Refresh(mode))

    assert shop.everything(resource) == before
    assert shop.cursors() == cursors
    shop.run(resource, ids=[], refresh=Refresh(mode, allow_empty=True))
    assert resource not in shop.tables() or shop.rows(resource) == []


def test_every_try_of_a_run_repeats_its_refresh_until_it_is_finished(shop, monkeypatch):
    shop.run("appended", ids=[1, 2])
    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "load", gone)
        with pytest.raises(TransientLoadError):
            shop.run("appended", ids=[2], version=2, run_id="again", max_tries=1, refresh=Refresh())

    again = {"run_id": "again", "refresh": Refresh()}
    shop.run("appended", ids=[2], version=2, try_number=2, max_tries=1, **again)
    assert shop.rows("appended") == [(2, 2)]

    # cleared: the run keeps its conf
    shop.run("appended", ids=[2, 3], version=3, try_number=3, max_tries=2, **again)
    assert shop.rows("appended") == [(2, 2), (3, 3)]


def test_another_run_finishes_a_refresh_that_was_cut_off_while_it_loaded(shop, monkeypatch):
    shop.run("appended", ids=[1, 2])
    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "load", gone)
        with pytest.raises(TransientLoadError):
            shop.run("appended", ids=[2, 3], version=2, refresh=Refresh("drop_data"))

    # nobody retries it, and a table may be empty now
    shop.run("appended", ids=[2, 3], version=3)

    assert shop.rows("appended") == [(2, 3), (3, 3)]
    shop.run("appended", ids=[2, 3, 4], version=4)
    assert shop.rows("appended") == [(2, 3), (3, 3), (4, 4)]


def test_a_refresh_that_failed_to_extract_leaves_the_next_run_alone(shop):
    shop.run("appended", ids=[1, 2])
    with pytest.raises(TransientLoadError):
        shop.run("appended", ids=None, refresh=Refresh())

    shop.run("appended", ids=[1, 2, 3], version=2)

    assert shop.rows("appended") == [(1, 1), (2, 1), (3, 2)]


def test_a_refresh_is_told_from_other_loads_in_the_ledger(shop):
    shop.run("appended", ids=[1])
    result = shop.run("appended", ids=[1], refresh=Refresh())

    assert [load.kind for load in result.resources] == ["refresh"]
    assert [item.kind for item in shop.store.list_loads("shop", "appended")] == ["refresh", "load"]


def test_what_a_person_asked_waits_until_the_refresh_is_done(shop):
    shop.run("appended", ids=[1])
    shop.store.ask(StateRequest("shop", "appended", "set", asked_by="me", value=5))

    shop.run("appended", ids=[1, 2], refresh=Refresh())
    assert shop.rows("appended") == [(1, 1), (2, 1)]

    shop.run("appended", ids=[1, 2, 3, 6], version=2)
    assert shop.rows("appended") == [(1, 1), (2, 1), (6, 2)]


def test_no_rewind_goes_back_before_a_refresh(shop):
    shop.run("appended", ids=[1])
    first = shop.store.last_load("shop", "appended")
    shop.run("appended", ids=[2], refresh=Refresh())
    shop.store.ask(
        StateRequest("shop", "appended", "rewind", asked_by="me", record_id=first.record_id)
    )

    with pytest.raises(TerminalLoadError, match="cannot go back before its full refresh of run"):
        shop.run("appended", ids=[2, 3])
    assert shop.rows("appended") == [(2, 1)]


def test_a_rewind_after_a_refresh_takes_back_what_came_since(shop):
    shop.run("appended", ids=[1], refresh=Refresh())
    shop.run("appended", ids=[2], refresh=Refresh())
    shop.run("appended", ids=[2, 3])
    last = shop.store.last_load("shop", "appended")
    shop.store.ask(
        StateRequest("shop", "appended", "rewind", asked_by="me", record_id=last.record_id)
    )

    shop.run("appended", ids=[2, 30], version=2)

    assert shop.rows("appended") == [(2, 1), (30, 2)]


def test_a_refresh_takes_the_place_of_rows_that_nobody_knows(shop):
    shop.run("appended", ids=[9])
    with duckdb.connect(str(shop.file)) as connection:
        for name in ("_dlt_pipeline_state", "_dlt_loads", "_dlt_version"):
            connection.execute(f"DROP TABLE shop.shop.{name}")
    shop._load.store = MemoryStateStore()

    with pytest.raises(TerminalLoadError, match="run with full_refresh"):
        shop.run("appended", ids=[1])
    shop.run("appended", ids=[1], refresh=Refresh())

    assert shop.rows("appended") == [(1, 1)]


def test_a_table_that_other_tasks_write_is_not_refreshed_by_itself(shop):
    shop.run("appended", ids=[1])

    with pytest.raises(TerminalLoadError, match="other tasks write table 'appended' too"):
        shop.run("appended", ids=[2], refresh=Refresh(), shared_tables=("appended",))
    assert shop.rows("appended") == [(1, 1)]


def test_a_refresh_whose_ledger_was_lost_is_done_once_more(shop):
    shop.run("appended", ids=[1])
    shop.run("appended", ids=[2], run_id="again", refresh=Refresh())
    shop._load.store = MemoryStateStore()

    shop.run("appended", ids=[2, 3], run_id="again", try_number=2, max_tries=1, refresh=Refresh())

    assert shop.rows("appended") == [(2, 1), (3, 1)]


def test_a_try_that_only_failed_to_say_so_is_not_done_again(shop):
    shop.run(*ROOTS, ids=[1, 2], task_key="all")
    again = {"task_key": "all", "selected": ("appended",), "run_id": "again"}
    first = shop.run(*ROOTS, ids=[2], refresh=Refresh(), **again)

    second = shop.run(*ROOTS, ids=[2], refresh=Refresh(), try_number=2, **again)

    assert second.load_ids == first.load_ids
    assert [load.kind for load in second.resources] == ["refresh"]
