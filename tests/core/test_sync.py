"""`airflow-dlt sync`: what is loaded, and what is said of it."""

import pytest

from tests.core.declared_project import statuses


def test_a_sync_needs_no_configuration_beyond_the_file(declared):
    declared.declare()

    done = declared.sync()

    tables = declared.tables()
    assert {name: len(rows) for name, rows in tables.items()} == {
        "orders": 2,
        "orders__lines": 4,
        "customers": 1,
        "addresses": 1,
    }
    assert (declared.folder / "data" / "dlt_state.db").is_file()
    assert "8 rows in all" in done.stdout
    assert "fetching orders with none" in done.stdout


def test_a_second_sync_loads_only_what_is_new(declared):
    declared.declare(ids=[1, 2])
    declared.sync("--select", "orders")
    declared.forget()
    declared.declare(ids=[1, 2, 3])

    document = declared.document("--select", "orders")

    (task,) = document["sources"][0]["tasks"]
    (orders,) = task["resources"]
    assert orders["rows_by_table"] == {"orders": 1, "orders__lines": 2}
    assert (orders["cursor_before"], orders["cursor_after"]) == ({"id": 2}, {"id": 3})
    assert len(declared.tables()["orders"]) == 3


def test_a_resource_that_fails_stops_none_but_those_after_it(declared):
    declared.declare(broken=True, extra="    airflow: {after: {notes: [customers]}}\n")

    done = declared.sync(code=1)

    assert len(declared.tables()["orders"]) == 2
    assert "shop.notes: not run, it comes after shop.customers" in done.stdout
    assert "Error: shop.customers failed" in done.stderr
    assert "500 Server Error for url: https://api.test/?key=none" in done.stderr
    assert "(ConnectionError)" in done.stderr
    assert "Traceback" not in done.output


def test_debug_shows_tracebacks(declared):
    declared.declare(broken=True)

    assert "Traceback" in declared.sync("--select", "customers", "--debug", code=1).stderr


def test_a_process_that_is_killed_is_a_task_that_failed(declared):
    declared.declare(broken="killed")

    document = declared.document(code=1)

    found = statuses(document)
    assert found.pop("customers") == found.pop("addresses") == "failed"
    assert set(found.values()) == {"success"}
    tasks = {task["key"]: task for task in document["sources"][0]["tasks"]}
    assert "ended by SIGKILL" in tasks["customers"]["error"]["message"]


def test_a_module_that_is_broken_stops_no_other_source(declared):
    declared.write("custom_sources/wrong.py", "import not_there")
    declared.declare()
    declared.declare(name="wrong", module="wrong")

    document = declared.document(code=1)

    assert [item["status"] for item in document["sources"]] == ["success", "failed"]
    assert "not_there" in document["sources"][1]["error"]


def test_why_a_source_failed_is_told_before_a_name_that_it_may_have(declared):
    declared.write("custom_sources/wrong.py", "import not_there")
    declared.declare(name="wrong", module="wrong")

    alone = declared.sync("--select", "rows", code=1)
    declared.declare()
    beside = declared.document("--select", "rows,orders", code=1)
    document = declared.document("--select", "rows", "--dry-run", code=1)

    assert "not_there" in alone.stderr
    assert "matches no resource" not in alone.stderr
    assert statuses(beside) == {"orders": "success"}
    assert "not_there" in document["errors"]["wrong"]


def test_a_module_that_ends_the_process_is_a_failure_of_its_source(declared):
    declared.write("custom_sources/wrong.py", "import sys\nsys.exit(3)")
    declared.declare(name="wrong", module="wrong")

    assert declared.document(code=1)["sources"][0]["status"] == "failed"


def test_what_one_source_does_to_the_environment_no_other_sees(declared, monkeypatch):
    monkeypatch.setenv("SHOP_KIND", "own")
    declared.write(
        "custom_sources/rude.py",
        "import os, dlt\nos.environ['SHOP_KIND'] = 'rude'\n"
        "@dlt.resource\ndef rude():\n    yield {'kind': os.environ['SHOP_KIND']}\n",
    )
    declared.write(
        "custom_sources/kind.py",
        "import os, dlt\n@dlt.resource\ndef kind():\n    yield {'kind': os.environ['SHOP_KIND']}\n",
    )
    declared.declare(name="a_rude", module="rude", function="rude")
    declared.declare(name="kind", module="kind", function="kind")

    declared.sync("--workers", "1")

    assert declared.tables("raw_kind")["kind"] == [[("kind", "own")]]


@pytest.mark.parametrize(
    "arguments", [["shop"], ["--source", "shop"], ["SHOP", "--source", "shop"]]
)
def test_a_source_is_named_by_position_or_option(declared, arguments):
    declared.declare()
    declared.declare(name="other")

    document = declared.document(*arguments, "--select", "orders")

    assert [item["name"] for item in document["sources"]] == ["shop"]


def test_only_enabled_sources_are_loaded(declared):
    declared.declare()
    declared.declare(name="asleep", enabled="false")

    assert [item["name"] for item in declared.document()["sources"]] == ["shop"]
    assert "asleep is disabled" in declared.sync("asleep", code=2).stderr


def test_a_source_that_is_not_there_is_named_with_those_that_are(declared):
    declared.declare()

    stderr = declared.sync("shpo", code=2).stderr

    assert "did you mean 'shop'" in stderr


def test_select_takes_names_and_patterns(declared):
    declared.declare()

    document = declared.document("--select", "orders,addr*")

    assert statuses(document) == {"orders": "success", "addresses": "success"}
    assert "matches no resource" in declared.sync("--select", "ordres", code=2).stderr


def test_full_refresh_replaces_rows(declared):
    declared.declare(ids=[1, 2])
    declared.sync("--select", "orders")
    declared.forget()
    declared.declare(ids=[1])

    declared.sync("--select", "orders", "--full-refresh")

    assert len(declared.tables()["orders"]) == 1


def test_a_window_leaves_the_cursor_where_it_is(declared):
    declared.write(
        "custom_sources/dated.py",
        "import dlt\nfrom datetime import datetime, timezone\n"
        "@dlt.resource\ndef days(at=dlt.sources.incremental('at')):\n"
        "    for n in range(1, 29):\n"
        "        yield {'at': datetime(2026, 1, n, tzinfo=timezone.utc)}\n",
    )
    declared.declare(name="dated", module="dated", function="days")
    declared.sync()

    document = declared.document("--since", "2026-01-03", "--until", "2026-01-05T00:00:00Z")

    (days,) = document["sources"][0]["tasks"][0]["resources"]
    assert (days["kind"], days["rows"]) == ("backfill", 2)
    assert len(declared.tables("raw_dated")["days"]) == 28
    assert declared.document()["rows"] == 0


def test_a_window_skips_what_has_no_dates_and_says_why(declared):
    declared.declare()

    done = declared.sync("--backfill", "7d")

    assert "shop.orders was skipped" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--since 2026-01-02 --start-date 2026-01-01", ("--since", "--start-date")),
        ("--until 2026-01-02 --end-date 2026-01-01", ("--until", "--end-date")),
        ("--since 2026-01-02 --until 2026-01-01", ("--since", "--until")),
        ("--since 2026-01-02 --end-date 2026-01-02", ("--since", "--end-date")),
        ("--until 2026-01-02", ("--until", "--since")),
        ("--backfill 7d --since 2026-01-02", ("--backfill", "--since")),
        ("--backfill 7y", ("--backfill", "2w")),
        ("--backfill 0d", ("--backfill",)),
        ("--backfill 9999999d", ("--backfill", "too long")),
        (f"--backfill {'9' * 5000}m", ("--backfill", "too long")),
        ("--since yesterday", ("--since", "yesterday")),
        ("--full-refresh --backfill 7d", ("--full-refresh", "exclude each other")),
        ("--refresh-mode drop_data", ("--refresh-mode", "--full-refresh")),
        ("--full-refresh --refresh-mode all", ("--refresh-mode", "drop_data")),
        ("--limit 0", ("--limit",)),
        ("--workers 0", ("--workers",)),
    ],
)
def test_options_that_contradict_each_other_are_refused_by_name(declared, arguments, words):
    declared.declare()

    stderr = " ".join(declared.sync(*arguments.split(), code=2).stderr.replace("│", " ").split())

    assert all(word in stderr for word in words), stderr


def test_a_dry_run_extracts_nothing(declared):
    address = "duckdb:///${DATABASE:-x}"
    declared.declare(
        broken=True,
        extra=f"    airflow: {{destination: '{address}', after: {{notes: [orders]}}}}\n",
    )

    done = declared.sync("--dry-run", "--limit", "5", "--since", "2026-01-01")

    assert f"destination {address}, dataset raw_shop" in done.stdout
    assert "orders -> table orders, append" in done.stdout
    assert "notes, after orders" in done.stdout
    assert "limit: 5" in done.stdout
    assert "fetching" not in done.output
    assert not list(declared.folder.rglob("*.duckdb"))


def test_a_dry_run_prints_a_document(declared):
    declared.declare()

    document = declared.document("--dry-run", "--select", "orders")

    assert document["options"] == {"select": "orders"}
    assert [task["key"] for task in document["sources"][0]["tasks"]] == ["orders"]


def test_a_document_is_all_that_is_on_standard_output(declared):
    declared.declare()
    declared.write("custom_sources/unused.py", "")

    done = declared.sync("--json")

    assert done.stdout.startswith("{")
    assert "fetching orders" in done.stderr
    assert "Unreferenced custom sources detected" in done.stderr


def test_quiet_leaves_only_what_user_code_prints(declared):
    declared.declare()

    assert (
        declared.sync("--quiet", "--select", "orders").stdout.strip() == "fetching orders with none"
    )


def test_a_mistake_in_another_source_is_told_and_stops_nothing(declared):
    declared.declare()
    declared.declare(name="bad", extra="    airflow: {retrys: 3}\n")

    named = declared.sync("shop", "--select", "orders")
    all_of_them = declared.sync("--select", "orders", code=1)

    for done in (named, all_of_them):
        assert "did you mean 'retries'" in done.stderr


def test_a_mistake_in_a_schedule_is_told_and_is_none_of_a_sync(declared):
    declared.declare()
    declared.write("schedules.yml", "schedules: [{name: nightly, cron: every night}]\n")

    assert "Error: schedules.yml:1" in declared.sync("--select", "orders").stderr


def test_a_resource_without_rows_is_noted(declared):
    declared.declare()

    assert "Note: notes loaded no rows" in declared.sync().stdout


def test_a_folder_below_the_project_will_do(declared, monkeypatch):
    declared.declare()
    monkeypatch.chdir(declared.folder / "custom_sources")

    declared.sync("--select", "orders")

    assert len(declared.tables()["orders"]) == 2


def test_without_a_project_one_line_says_what_is_missing(declared):
    done = declared.sync(code=1)

    (line,) = done.stderr.strip().splitlines()
    assert "sources.yml" in line


def test_data_and_state_lie_with_airflow_where_there_is_one(declared, monkeypatch, tmp_path):
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    declared.declare()

    declared.sync("--select", "orders")

    assert (tmp_path / "airflow" / "data" / "warehouse.duckdb").is_file()
    assert (tmp_path / "airflow" / "dlt_state.db").is_file()
    assert not (declared.folder / "data").exists()


def test_places_can_be_named(declared, tmp_path):
    declared.declare()

    declared.sync(
        "--select", "orders", "--data-dir", str(tmp_path / "d"),
        "--store", f"sqlite:///{tmp_path / 's' / 'state.db'}",
    )  # fmt: skip

    assert (tmp_path / "d" / "warehouse.duckdb").is_file()
    assert (tmp_path / "s" / "state.db").is_file()


def test_a_limit_stops_each_resource(declared):
    options = "{'*': {limit: 3}, orders: {incremental: {cursor_path: id, row_order: asc}}}"
    declared.declare(ids=[1, 2, 3, 4], extra=f"    airflow: {{resource_options: {options}}}\n")

    declared.sync("--select", "orders,customers", "--limit", "1")
    assert len(declared.tables()["orders"]) == 1

    declared.sync("--select", "orders", "--full-refresh")
    assert len(declared.tables()["orders"]) == 3


def test_a_limit_loses_no_rows_of_what_gives_the_newest_first(declared):
    declared.declare(ids=[3, 2, 1])

    refused = declared.sync("--select", "orders,customers", "--limit", "2", code=1)
    declared.sync("--select", "orders")

    assert "row_order: asc" in refused.stderr
    assert {name: len(rows) for name, rows in declared.tables().items()} == {
        "customers": 1, "orders": 3, "orders__lines": 6,
    }  # fmt: skip


def test_a_replaced_table_is_emptied_only_if_that_is_asked(declared):
    source = (
        "import dlt\n@dlt.resource(write_disposition='replace')\ndef few(rows=(1,)):\n"
        "    yield from ({'id': row} for row in rows)\n"
    )
    declared.write("custom_sources/few.py", source)
    declared.declare(name="few", module="few", function="few", rows=[1])
    declared.sync()
    declared.forget()
    declared.declare(name="few", module="few", function="few", rows=[])

    refused = declared.sync(code=1)

    assert "few" in refused.stderr
    assert len(declared.tables("raw_few")["few"]) == 1
    declared.sync("--allow-empty-replace")
    assert declared.tables("raw_few")["few"] == []


def test_state_that_the_tasks_of_a_source_share_is_merged(declared):
    declared.write(
        "custom_sources/shared.py",
        "import dlt\n@dlt.source\ndef shared():\n"
        "    def make(name):\n"
        "        @dlt.resource(name=name)\n        def rows():\n"
        "            seen = dlt.current.source_state().setdefault('seen', {})\n"
        "            yield {'known': len(seen)}\n"
        "            seen[name] = True\n"
        "        return rows\n"
        "    return [make('a'), make('b')]\n",
    )
    declared.declare(name="shared", module="shared", function="shared")

    declared.sync()
    declared.sync()

    known = {
        name: [dict(row)["known"] for row in rows]
        for name, rows in declared.tables("raw_shared").items()
    }
    assert known == {"a": [0, 2], "b": [0, 2]}
