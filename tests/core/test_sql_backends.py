"""What docs/performance.md says of the backends of `sql_database`, and of CSV for PostgreSQL."""

from operator import itemgetter

import dlt
import pytest
import sqlalchemy

from airflow_dlt_provider.core.errors import LoadError
from airflow_dlt_provider.core.source_options import SourceOptions
from tests.services import with_driver

SQL_DATABASE = "dlt.sources.sql_database:sql_database"

KINDS = """
create table kinds (
    id bigint primary key, price numeric(12, 2), share float8, paid boolean, name text,
    at timestamptz, at_local timestamp, day date, at_time time, doc jsonb, key uuid, list integer[],
    file bytea, nothing text
);
insert into kinds values
    (1, 1.25, 0.1, true, '', '2024-01-01 01:02:03.456789+05:30', '2024-01-01 01:02:03.456789',
     '0001-01-01', '01:02:03.456789', '{"a": [1, null]}', '12345678-1234-5678-1234-567812345678',
     '{1,2}', '\\x00ff', null),
    (-9223372036854775808, null, 'Infinity', null, E'it''s\\n"ü😀"', '9999-12-31 23:59:59+00', null,
     null, null, '[]', null, null, null, null);
create table measures (id bigint primary key, value numeric);
insert into measures values (1, 1.123456789012);
"""


@pytest.fixture(scope="module")
def kinds_url(postgres_url):
    """A database whose tables hold values of many kinds."""
    url = with_driver(postgres_url)
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("drop schema if exists kinds cascade; create schema kinds")
        connection.exec_driver_sql(f"set search_path to kinds; {KINDS}")
    yield url
    engine.dispose()


@pytest.fixture
def copy(load, kinds_url):
    """Copy a table of that database by a backend; the dataset has the backend's name."""

    def copy(table, backend, **request):
        kwargs = {"credentials": kinds_url, "schema": "kinds", "backend": backend}
        load(SQL_DATABASE, table, kwargs=kwargs, pipeline_name=backend, **request)

    return copy


def test_values_of_every_kind_arrive_alike_by_both_backends(copy, load):
    for backend in ("sqlalchemy", "pyarrow"):
        copy("kinds", backend)

    by_row, by_table = (
        sorted(map(dict, load.tables(backend, f"{backend}.duckdb")["kinds"]), key=itemgetter("id"))
        for backend in ("sqlalchemy", "pyarrow")
    )
    # what is said to differ: rows lose what is no finite number
    assert [row.pop("share") for row in by_row] == [None, 0.1]
    assert [row.pop("share") for row in by_table] == [float("inf"), 0.1]
    # a column without a value has a type only where the type comes with the data
    for rows in (by_row, by_table):
        assert {row.pop("nothing", None) for row in rows} == {None}
    assert by_row == by_table
    assert by_table[1]["file"] == b"\x00\xff"


def test_a_number_without_a_scale_needs_one_for_arrow(copy, load):
    columns = {"value": {"data_type": "decimal", "precision": 38, "scale": 12}}
    options = SourceOptions.model_validate({"resource_options": {"measures": {"columns": columns}}})

    with pytest.raises(LoadError, match="Rescaling Decimal value"):
        copy("measures", "pyarrow")
    copy("measures", "pyarrow", options=options)

    (row,) = load.tables("pyarrow", "pyarrow.duckdb")["measures"]
    assert str(dict(row)["value"]) == "1.123456789012"


def empty_texts():
    return dlt.resource([{"id": 1, "text": ""}, {"id": 2, "text": "x"}], name="texts")


@pytest.mark.parametrize(("file_format", "text"), [(None, ""), ("csv", None)])
def test_an_empty_text_reaches_postgresql_unless_its_files_are_csv(
    load, postgres_url, file_format, text
):
    dataset = f"texts_{file_format}"
    load(
        empty_texts,
        destination=dlt.destinations.postgres(postgres_url),
        dataset_name=dataset,
        loader_file_format=file_format,
    )

    engine = sqlalchemy.create_engine(with_driver(postgres_url))
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(f"select text from {dataset}.texts order by id").all()
    engine.dispose()
    assert [row[0] for row in rows] == [text, "x"]
