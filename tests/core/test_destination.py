import dlt
import duckdb
import pytest
from dlt.common.versioned_state import decompress_state

from airflow_dlt_provider.core.loading.destination import DuckDbFile, resolve_destination

ROWS = """
import dlt

def rows(disposition="append", first=1):
    return dlt.resource(
        [{"id": i, "tags": ["a", "b"]} for i in range(first, first + 2)],
        name="rows", primary_key="id", write_disposition=disposition,
    )

def counted():
    @dlt.resource(name="counted")
    def counted(id=dlt.sources.incremental("id")):
        yield [{"id": 1}, {"id": 2}]
    return counted
"""


@pytest.fixture(autouse=True)
def rows(write_module):
    write_module("rows.py", ROWS)


@pytest.mark.parametrize("disposition", ["append", "replace", "merge"])
def test_file_catalog_and_dataset_may_have_one_name(load, disposition):
    for first in (1, 2):
        load("rows:rows", "rows", kwargs={"disposition": disposition, "first": first})

    tables = load.tables(dataset="shop", file="shop.duckdb")
    expected = {"append": [1, 2, 2, 3], "replace": [2, 3], "merge": [1, 2, 3]}[disposition]
    assert [dict(row)["id"] for row in tables["rows"]] == expected
    assert len(tables["rows__tags"]) == 2 * len(expected)


@pytest.mark.parametrize(
    ("file", "dataset"),
    [
        ("my-file.duckdb", "my_file"),
        ("a.b.duckdb", "a"),
        ("main.duckdb", "main_db"),
        ("temp.duckdb", "raw"),
        ("noextension", "noextension"),
        ("UPPER.duckdb", "upper"),
        ("9 lives.db", "raw"),
    ],
)
def test_a_file_of_any_name_works(load, tmp_path, file, dataset):
    path = tmp_path / file
    for first in (1, 2):
        load(
            "rows:rows",
            "rows",
            kwargs={"disposition": "merge", "first": first},
            destination=dlt.destinations.duckdb(str(path)),
            dataset_name=dataset,
        )

    with duckdb.connect(str(path), read_only=True) as connection:
        (catalog,) = connection.execute("SELECT current_database()").fetchone()
        ids = connection.execute(f'SELECT id FROM "{catalog}"."{dataset}".rows ORDER BY id')
        assert ids.fetchall() == [(1,), (2,), (3,)]


def test_a_destination_of_the_user_keeps_its_path(load, tmp_path):
    load("rows:rows", destination=dlt.destinations.duckdb(str(tmp_path / "x.duckdb")))

    assert (tmp_path / "x.duckdb").exists()
    assert not (load.data_dir / "shop.duckdb").exists()


def test_a_relative_path_of_the_user_starts_in_the_data_folder(load):
    load("rows:rows", destination=dlt.destinations.duckdb("x.duckdb"))

    assert (load.data_dir / "x.duckdb").exists()


def test_a_destination_of_the_user_keeps_its_options(load, tmp_path):
    credentials = tmp_path / "x.duckdb"
    destination = dlt.destinations.duckdb(
        str(credentials), destination_name="mine", create_indexes=True, max_identifier_length=20
    )

    resolved = resolve_destination(destination)

    assert isinstance(resolved, DuckDbFile)
    assert resolved.destination_name == "mine"
    assert resolved.config_params["create_indexes"] is True
    assert resolved.capabilities().max_identifier_length == 20


def test_another_destination_stays_what_it_is_for_dlt(tmp_path):
    destination = dlt.destinations.filesystem(str(tmp_path), destination_name="mine")

    resolved = resolve_destination(destination)

    assert isinstance(resolved, dlt.destinations.filesystem)
    assert resolved.destination_type == "dlt.destinations.filesystem"
    assert resolved.config_params == destination.config_params
    assert resolved.config_params is not destination.config_params


def test_capabilities_are_asked_for_often_and_settings_looked_up_once(load, monkeypatch):
    looked_up = []
    configuration = dlt.destinations.duckdb.configuration

    def counted(self, initial_config, accept_partial=False):
        looked_up.append(accept_partial)
        return configuration(self, initial_config, accept_partial)

    monkeypatch.setattr(dlt.destinations.duckdb, "configuration", counted)
    load("rows:rows")

    assert looked_up.count(True) == 1


def test_capabilities_follow_the_settings_and_the_naming_all_the_same(monkeypatch):
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", "unused.duckdb")
    resolved = resolve_destination(dlt.destinations.duckdb(max_identifier_length=20))
    snake_case = dlt.Schema("any").naming

    first = resolved.capabilities()
    first.max_identifier_length = 99

    assert resolved.capabilities(naming=snake_case).max_identifier_length == 20


@pytest.mark.parametrize("key", ["DESTINATION_TYPE", "DESTINATION_NAME"])
def test_without_a_destination_the_configured_one_is_taken(monkeypatch, key):
    default = resolve_destination()
    monkeypatch.setenv(key, "filesystem")

    assert default.destination_name == "duckdb"
    assert resolve_destination().destination_name == "filesystem"
    assert resolve_destination("postgres").destination_name == "postgres"


def test_the_stored_state_names_dlts_own_destination(load):
    load("rows:counted", "counted")

    state = stored_state(load.data_dir / "shop.duckdb", "shop")

    assert state["destination_type"] == "dlt.destinations.duckdb"
    assert state["destination_name"] in ("duckdb", None)


def stored_state(path, dataset):
    with duckdb.connect(str(path), read_only=True) as connection:
        (state,) = connection.execute(
            f'SELECT state FROM "{path.stem}"."{dataset}"._dlt_pipeline_state ORDER BY version DESC'
        ).fetchone()
    return decompress_state(state)


def test_plain_dlt_goes_on_where_a_task_stopped(load, tmp_path):
    result = load("rows:counted", "counted", dataset_name="raw")

    pipeline = dlt.pipeline(
        result.pipeline_name,
        pipelines_dir=str(tmp_path / "plain"),
        destination=dlt.destinations.duckdb(str(load.data_dir / "shop.duckdb")),
        dataset_name="raw",
    )
    pipeline.sync_destination()

    (source_state,) = pipeline.state["sources"].values()
    assert source_state["resources"]["counted"]["incremental"]["id"]["last_value"] == 2
    pipeline.deactivate()
