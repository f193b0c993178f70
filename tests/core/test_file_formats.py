"""Large tables go to DuckDB as Parquet, and nothing but the time that it takes is different."""

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import dlt
import pytest
from dlt.common.storages import ParsedLoadJobFileName

from airflow_dlt_provider.core.errors import LoadError
from airflow_dlt_provider.core.loading import file_formats
from airflow_dlt_provider.core.loading.destination import resolve_destination
from airflow_dlt_provider.core.loading.file_formats import normalize_packages
from airflow_dlt_provider.core.loading.opened import former_pipeline_kept
from airflow_dlt_provider.core.run_context import loading_context

INDIA = timezone(timedelta(hours=5, minutes=30))


@pytest.fixture
def written(base_dir, tmp_path):
    """Extract and normalize tables; return the format of each one's file, ".gz" where it is."""

    def written(resources, destination=None, **extract):
        with (
            former_pipeline_kept(),
            loading_context(base_dir, tmp_path / "data", "shop", "shop__orders"),
        ):
            pipeline = dlt.pipeline(
                "shop__orders",
                pipelines_dir=str(tmp_path / "work"),
                destination=resolve_destination(destination),
            )
            pipeline.extract(resources, **extract)
            normalize_packages(pipeline)
            (load_id,) = pipeline.list_normalized_load_packages()
            folder = Path(pipeline.working_dir) / "load" / "normalized" / load_id / "new_jobs"
            files = [ParsedLoadJobFileName.parse(path.name) for path in folder.iterdir()]
            return {file.table_name: file.full_extension() for file in files}

    return written


@pytest.fixture
def all_large(monkeypatch):
    """Take every table for a large one."""
    monkeypatch.setattr(file_formats, "LARGE_BYTES", 0)


def orders(count=6_000, late=None, **hints):
    rows = [{"id": i, "text": "x" * 200, "items": [{"id": i}] * (i < 2)} for i in range(count)]
    if late:
        rows[-1]["late"] = late
    return dlt.resource(rows, name="orders", **hints)


def customers():
    return dlt.resource([{"id": 1}], name="customers")


def test_a_large_table_is_written_as_parquet_with_its_nested_ones_and_a_small_one_is_not(written):
    formats = written([orders(), customers()])

    assert formats["orders"] == formats["orders__items"] == "parquet"
    assert formats["customers"] == "insert_values"


def test_extracted_rows_that_a_user_compresses_are_large_all_the_same(written, monkeypatch):
    monkeypatch.setenv("DATA_WRITER__DISABLE_COMPRESSION", "false")
    # rows that differ, as gzip makes next to nothing of those that do not
    rows = [{"id": i, "text": f"{i * 2654435761:0180b}"} for i in range(30_000)]

    assert written(dlt.resource(rows, name="orders"))["orders"] == "parquet"


@pytest.mark.parametrize(
    ("hints", "extract", "destination"),
    [
        ({"file_format": "insert_values"}, {}, None),
        ({}, {"loader_file_format": "insert_values"}, None),
        ({}, {}, dlt.destinations.duckdb("x.duckdb", preferred_loader_file_format="insert_values")),
    ],
    ids=["of the resource", "of the load", "of the destination"],
)
def test_a_format_that_a_user_asks_for_is_taken(written, all_large, hints, extract, destination):
    formats = written(orders(10, **hints), destination, **extract)

    assert formats["orders"].removesuffix(".gz") == "insert_values"


def test_without_pyarrow_everything_is_loaded_as_statements(written, all_large, monkeypatch):
    monkeypatch.setattr(file_formats, "find_spec", {"pyarrow": None}.__getitem__)

    assert written(orders(10))["orders"] == "insert_values"


def test_another_destination_gets_what_dlt_prefers_for_it(written, all_large, tmp_path):
    bucket = dlt.destinations.filesystem((tmp_path / "bucket").as_uri())

    # these files are the user's, and small is what they shall be
    assert written(orders(10), bucket)["orders"] == "jsonl.gz"


@pytest.mark.parametrize("destination", ["duckdb", "postgres"])
@pytest.mark.parametrize(
    ("variable", "extension"),
    [
        (None, "insert_values"),
        ("DATA_WRITER__DISABLE_COMPRESSION", "insert_values.gz"),
        ("NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION", "insert_values.gz"),
    ],
)
def test_statements_are_compressed_only_when_a_user_says_so(
    written, all_large, monkeypatch, destination, variable, extension
):
    if variable:
        monkeypatch.setenv(variable, "false")
    # nothing is loaded, so there need not be a server
    factories = {"duckdb": None, "postgres": dlt.destinations.postgres("postgresql://u:p@h/db")}

    formats = written(orders(10), factories[destination], loader_file_format="insert_values")

    assert formats["orders"] == extension


@pytest.mark.parametrize(
    ("variable", "extension"),
    [
        (None, "typed-jsonl"),
        ("DATA_WRITER__DISABLE_COMPRESSION", "typed-jsonl.gz"),
        ("SOURCES__DATA_WRITER__DISABLE_COMPRESSION", "typed-jsonl.gz"),
    ],
)
def test_extracted_rows_are_compressed_only_when_a_user_says_so(
    base_dir, tmp_path, monkeypatch, variable, extension
):
    if variable:
        monkeypatch.setenv(variable, "false")

    with (
        former_pipeline_kept(),
        loading_context(base_dir, tmp_path / "data", "shop", "shop__orders"),
    ):
        pipeline = dlt.pipeline("shop__orders", pipelines_dir=str(tmp_path / "work"))
        pipeline.extract(customers())

    (file,) = (tmp_path / "work").rglob("customers.*")
    assert file.name.endswith(f".{extension}")


def test_tables_are_normalized_by_processes_of_their_own(written, all_large, monkeypatch):
    monkeypatch.setenv("NORMALIZE__WORKERS", "2")
    # what dlt does in an Airflow task
    monkeypatch.setenv("NORMALIZE__START_METHOD", "spawn")

    formats = written([orders(10), customers()])

    assert formats["orders"] == formats["customers"] == "parquet"


ODD_VALUES = {
    "text": ["", 'it\'s "quoted" \\ \r\n\t, ;', "ü€😀", "NULL", "\\N", " ", None],
    "long_text": ["x" * 100_000, None],
    "integer": [2**63 - 1, -(2**63), 0, None],
    "number": [1.5, 1e308, 5e-324, 0.1, None],
    "no_number": [1.0, float("nan"), float("inf"), float("-inf")],
    "decimal": [Decimal("12345678901234567890123456789.123456789"), Decimal("1E-7"), None],
    "binary": [b"", b"\x00\xff'\\", None],
    "truth": [True, False, None],
    "moment": [
        datetime(1, 1, 1, tzinfo=timezone.utc),
        datetime(2024, 1, 1, 1, 2, 3, 456789, tzinfo=INDIA),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=timezone.utc),
        None,
    ],
    "moment_without_zone": [datetime(2024, 3, 31, 2, 30), None],
    "day": [date(1, 1, 1), date(9999, 12, 31), None],
    "time_of_day": [time(1, 2, 3, 456789), time(0), None],
    "nested": [[{"a": 1}, {"a": 2, "b": ["x", "y"]}], [], None],
    "several_types": [1, "two", 3.5, date(2024, 1, 1), [1]],
    "nothing": [None, None],
    "document": [{"a": [1, {"b": None}], "ü": "'"}, [1, 2], None],
}


def odd_source(names=(), disposition="append", extra=None):
    columns = {"document": {"data_type": "json"}}

    def rows(name):
        for number, value in enumerate(ODD_VALUES[name]):
            yield {"id": number, name: value}
        # a column that comes late
        yield {"id": 99, name: ODD_VALUES[name][0], "late": extra or "new"}

    @dlt.source(name="odd")
    def odd():
        for name in names:
            hints = {name: columns[name]} if name in columns else {}
            yield dlt.resource(
                rows(name),
                name=f"of_{name}",
                columns=hints,
                primary_key="id",
                write_disposition=disposition,
            )

    return odd()


@pytest.mark.parametrize("name", ODD_VALUES)
def test_a_value_arrives_as_it_does_by_statement(load, all_large, name):
    for pipeline_name, file_format in (("by_file", None), ("by_statement", "insert_values")):
        load(
            odd_source,
            kwargs={"names": [name]},
            pipeline_name=pipeline_name,
            loader_file_format=file_format,
        )

    by_file, by_statement = (
        load.tables(dataset, f"{dataset}.duckdb") for dataset in ("by_file", "by_statement")
    )
    assert by_file == by_statement
    assert by_file[f"of_{name}"]


SCD2 = {"disposition": "merge", "strategy": "scd2"}


@pytest.mark.parametrize("disposition", ["append", "replace", "merge", SCD2], ids=str)
@pytest.mark.parametrize("first", [None, "insert_values"], ids=["file", "statement"])
def test_a_second_load_finds_what_the_first_wrote_whatever_its_format(
    load, all_large, disposition, first
):
    names = ["text", "decimal", "moment", "nested", "several_types"]
    own = {"by_file": [first, None], "by_statement": ["insert_values", "insert_values"]}
    for pipeline_name, formats in own.items():
        for file_format, extra in zip(formats, ("new", 1), strict=True):
            load(
                odd_source,
                kwargs={"names": names, "disposition": disposition, "extra": extra},
                pipeline_name=pipeline_name,
                loader_file_format=file_format,
            )

    by_file, by_statement = (
        without_load_times(load.tables(dataset, f"{dataset}.duckdb")) for dataset in own
    )
    assert by_file == by_statement


def without_load_times(tables):
    times = ("_dlt_valid_from", "_dlt_valid_to")
    return {
        name: sorted(
            ([(k, v is None if k in times else v) for k, v in row] for row in rows), key=repr
        )
        for name, rows in tables.items()
    }


def prices(digits):
    # the column has nine digits behind the point
    rows = [{"id": 1, "price": Decimal("1.5")}, {"id": 2, "price": Decimal(digits)}]
    return dlt.resource(rows, name="prices", primary_key="id", write_disposition="merge")


def test_a_value_that_parquet_cannot_hold_is_loaded_by_statement(load, all_large, messages):
    load(prices, kwargs={"digits": "0.1234567891234"})

    rows = [dict(row) for row in load.tables()["prices"]]
    assert [row["price"] for row in rows] == [Decimal("1.5"), Decimal("0.123456789")]
    assert "prices: not all rows can be written as Parquet" in messages()


def test_rows_that_a_contract_refuses_are_refused_at_once(load, all_large, messages):
    load(orders, kwargs={"count": 3})

    with pytest.raises(LoadError, match="late"):
        load(orders, kwargs={"count": 3, "late": True}, schema_contract={"columns": "freeze"})

    assert "INSERT statements" not in messages()
