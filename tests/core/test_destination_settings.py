"""Settings of dlt's that say where rows go."""

import dlt
import pytest
from dlt.destinations.impl.dummy.configuration import DummyClientConfiguration

from airflow_dlt_provider.core.run_context import loading_context

ROWS = """
import dlt
def rows():
    return dlt.resource([{"id": 1}], name="rows")
"""


def test_a_destination_with_a_type_and_a_name_loads_where_plain_dlt_does(
    load, write_module, tmp_path, monkeypatch, read_tables
):
    write_module("rows.py", ROWS)
    lake = tmp_path / "lake_of_the_user.duckdb"
    monkeypatch.setenv("DESTINATION_TYPE", "duckdb")
    monkeypatch.setenv("DESTINATION_NAME", "lake")
    monkeypatch.setenv("DESTINATION__LAKE__CREDENTIALS", str(lake))
    plain = dlt.pipeline("plain", pipelines_dir=str(tmp_path / "plain"), dataset_name="by_dlt")
    plain.run([{"id": 1}], table_name="rows")
    plain.deactivate()

    result = load("rows:rows", dataset_name="by_us")

    assert read_tables(lake, "by_us") == read_tables(lake, "by_dlt") == {"rows": [[("id", 1)]]}
    assert result.destination == plain.destination.destination_name == "lake"
    assert not (load.data_dir / "shop.duckdb").exists()


@pytest.mark.parametrize(
    ("key", "truncated"),
    [
        (None, False),
        ("DESTINATION__TRUNCATE_TABLES_ON_STAGING_DESTINATION_BEFORE_LOAD", True),
        ("DESTINATION__DUMMY__TRUNCATE_TABLES_ON_STAGING_DESTINATION_BEFORE_LOAD", True),
    ],
    ids=["default", "set for all", "set for one"],
)
def test_files_that_other_tasks_staged_are_left_alone_unless_the_user_says_otherwise(
    base_dir, tmp_path, monkeypatch, key, truncated
):
    if key:
        monkeypatch.setenv(key, "true")
    with loading_context(base_dir, tmp_path / "data", "shop", "shop__orders"):
        config = dlt.destinations.dummy().configuration(DummyClientConfiguration())

    assert config.truncate_tables_on_staging_destination_before_load is truncated
