import pytest

from airflow_dlt_provider.core.loading.report import render_load, render_run
from airflow_dlt_provider.core.loading.result import LoadResult, ResourceLoad


@pytest.fixture
def result():
    return LoadResult(
        pipeline_name="shop__orders",
        dataset_name="raw",
        destination="duckdb",
        load_ids=("1700000000.5",),
        resources=(
            ResourceLoad(
                "orders",
                "orders",
                {"orders": 1234, "orders__lines": 2000},
                {"updated_at": "2013-01-01"},
                {"updated_at": "2013-02-01", "number": 17},
            ),
        ),
        seconds_by_step={"extract": 1.25, "load": 0.5},
    )


def line_with(text, report):
    (line,) = [line for line in report.splitlines() if text in line]
    return line


def test_the_report_of_a_load_shows_tables_rows_and_cursors(result):
    report = render_load(result)

    assert "3,234 rows into duckdb, dataset raw" in report
    assert line_with("1,234", report).split()[0] == "orders"
    assert line_with("orders__lines", report).split() == ["orders__lines", "2,000"]
    cursors = line_with("1,234", report)
    assert cursors.index("updated_at = 2013-01-01") < cursors.index("updated_at = 2013-02-01")
    assert "number = 17" in cursors


def test_the_report_of_a_load_shows_steps_and_load_ids(result):
    report = render_load(result)

    assert "seconds: extract 1.25, load 0.50" in report
    assert "load id: 1700000000.5" in report


def test_a_load_of_nothing_says_so():
    report = render_load(
        LoadResult(
            "p", "raw", "duckdb", (), (ResourceLoad("orders", "orders", {"orders": 0}, {}, {}),), {}
        )
    )

    assert "load id: none, there was nothing new" in report
    assert line_with("orders", report).split() == ["orders", "0"]


def test_the_report_of_a_run_shows_one_line_per_resource(result):
    report = render_run({"orders": result}, {"orders": "success"})

    assert line_with("orders", report).split()[:5] == ["orders", "success", "1,234", "2,000", "1.8"]
    assert "updated_at = 2013-02-01" in report
    assert "updated_at = 2013-01-01" not in report
    assert report.endswith("3,234 rows in all")


def test_a_task_without_a_result_shows_how_it_ended(result):
    report = render_run(
        {"orders": result}, {"orders": "success", "customers": "failed", "planes": None}
    )

    assert line_with("customers", report).split() == ["customers", "failed"]
    assert line_with("planes", report).split() == ["planes", "not", "run"]


def test_one_row_is_told_as_one():
    load = ResourceLoad("orders", "orders", {"orders": 1}, {}, {})
    result = LoadResult("p", "raw", "duckdb", ("1",), (load,), {"load": 1.0})

    assert render_load(result).startswith("1 row into duckdb")
    assert render_run({"t": result}, {"t": "success"}).endswith("1 row in all")


def test_a_long_name_is_folded_and_nothing_is_lost(result):
    report = render_run({"orders": result}, {"orders": "success", "t" * 100: "failed"})

    assert report.replace("\n", "").count("t" * 20) >= 1
    assert "failed" in report


def test_what_looks_like_markup_is_shown_as_it_is():
    load = ResourceLoad("[red]orders", "[red]orders", {"[red]orders": 1}, {}, {"p": "[bold]x"})
    result = LoadResult("p", "raw", "duckdb", ("1",), (load,), {"load": 1.0})

    assert "[red]orders" in render_load(result)
    assert "[bold]x" in render_run({"t": result}, {"t": "success"})


def test_rows_of_dynamic_tables_are_shown_as_rows_of_the_resource_and_not_as_nested_ones():
    load = ResourceLoad("events", "events", {"event_click": 1000, "event_view": 234}, {}, {})
    result = LoadResult("p", "raw", "duckdb", ("1",), (load,), {"load": 1.0})

    report = render_run({"events": result}, {"events": "success"})

    assert load.root_rows == load.rows == 1234
    assert line_with("events", report).split() == ["events", "success", "1,234", "0", "1.0"]


def test_rows_of_nested_tables_are_no_rows_of_the_root_table(result):
    (orders,) = result.resources

    assert (orders.root_rows, orders.rows) == (1234, 3234)
