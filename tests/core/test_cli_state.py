import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from airflow_dlt_provider.cli import app, stores
from airflow_dlt_provider.core.errors import TerminalLoadError
from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.spec import RunIdentity
from airflow_dlt_provider.core.state.records import SourceState, StateRequest
from airflow_dlt_provider.core.state.sql import SqlStateStore
from tests.state_store_suite import load as record
from tests.state_store_suite import state as resource_state

SOURCE = """
import datetime
import dlt

@dlt.source
def shop(last: int = 0):
    @dlt.resource(write_disposition="append")
    def orders(new=dlt.sources.incremental("id")):
        for number in range(1, last + 1):
            if new.last_value is None or number > new.last_value:
                yield {"id": number, "lines": [{"sku": "a"}, {"sku": "b"}]}

    @dlt.resource(write_disposition="append")
    def visits(new=dlt.sources.incremental("seen_at")):
        for day in range(1, last + 1):
            yield {"seen_at": datetime.datetime(2024, 1, day, tzinfo=datetime.timezone.utc)}

    @dlt.resource(write_disposition="replace")
    def prices():
        yield {"id": 1}

    return orders, visits, prices
"""


class Shop:
    """A shop whose resources are loaded, each by a task of its own, and its state store."""

    def __init__(self, load, url):
        self.load = load
        self.url = url
        load.store = SqlStateStore(url)

    @property
    def store(self):
        return self.load.store

    def run(self, run_id, last, *resources, cleared=0):
        for resource in resources or ("orders",):
            request = self.load.request("shop:shop", resource, kwargs={"last": last})
            run = RunIdentity("shop_dag", run_id, try_number=1 + cleared, max_tries=cleared)
            load_task(replace(request, run=run), self.store)

    def column(self, table, name):
        return sorted(dict(row)[name] for row in self.load.tables()[table])

    def order_ids(self):
        return self.column("orders", "id")

    def state(self, command, *arguments, **invocation):
        line = ["state", command, "--store", self.url, *map(str, arguments)]
        return CliRunner().invoke(app, line, **invocation)

    def document(self, *arguments):
        done = self.state(*arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def pending(self, name="orders"):
        states = self.store.read_resources("shop", [name])
        return self.store.pending_requests("shop", states, [name]).get(name)

    def record_ids(self, name="orders"):
        return [item.record_id for item in self.store.list_loads("shop", name)]


@pytest.fixture
def shop(load, write_module, tmp_path):
    write_module("shop.py", SOURCE)
    return Shop(load, f"sqlite:///{tmp_path / 'state.db'}")


@pytest.fixture
def ledger(shop):
    """A shop of which two records are kept, without any load of dlt."""
    shop.store.record_loads([record(1), record(2)])
    shop.store.write_resources([resource_state(), resource_state("customers")])
    return shop


def one_line(done):
    (line,) = done.stderr.strip().splitlines()
    return line


# list, show, history


def test_list_shows_last_load_cursor_and_what_is_pending(shop):
    shop.run("run_1", 3, "orders", "prices")
    shop.state("set", "shop", "orders", 1, "--yes", "--by", "ann")

    table = shop.state("list", "shop")
    document = shop.document("list", "shop")

    assert table.exit_code == 0, table.output
    (orders,) = [line for line in table.stdout.splitlines() if line.startswith(" orders ")]
    for value in ("run_1", "finished", "id = 3", "set id to 1, asked by ann"):
        assert value in orders
    assert list(document) == ["pipeline_name", "store", "resources"]
    orders, prices = document["resources"]
    assert orders["resource_name"] == "orders"
    assert orders["cursors"] == [{"resource": "orders", "path": "id", "value": 3, "type": "int"}]
    assert orders["last_load"]["rows_by_table"] == {"orders": 3, "orders__lines": 6}
    assert orders["last_load"]["rows"] == 9
    assert orders["pending_request"]["value"] == 1
    assert orders["unfinished_load"] is None
    assert (prices["cursors"], prices["pending_request"]) == ([], None)


def test_list_cuts_no_value(ledger):
    long_id = "manual__2024-01-01T00:00:00.000000+00:00__" + "x" * 200
    ledger.store.record_loads([record(3, run_id=long_id)])

    assert long_id in ledger.state("list", "shop").stdout


def test_list_shows_a_load_that_nobody_saw_the_end_of(ledger):
    begun = record(3, status="unfinished", run_id="run_lost", try_number=2)
    ledger.store.write_resources([resource_state(unfinished=begun)])

    assert "run_lost, try 2" in ledger.state("list", "shop").stdout
    _, orders = ledger.document("list", "shop")["resources"]
    assert orders["unfinished_load"]["run_id"] == "run_lost"


def test_a_task_group_is_named_by_dag_and_group(ledger):
    ledger.store.write_resources([resource_state(pipeline_name="etl__shop")])

    assert ledger.document("list", "etl.shop")["pipeline_name"] == "etl__shop"


def test_a_pipeline_that_its_author_named_freely_is_found(ledger):
    ledger.store.write_resources([resource_state(pipeline_name="my shop.v2")])

    assert ledger.document("list", "my shop.v2")["pipeline_name"] == "my shop.v2"


@pytest.mark.parametrize("command", ["list", "reset"])
def test_a_dag_without_any_state_is_one_clear_line(ledger, command):
    done = ledger.state(command, "shopp", *(["--all"] if command == "reset" else []))

    assert done.exit_code == 1
    assert one_line(done).startswith("Error: ")
    assert "knows no resource of pipeline 'shopp'" in one_line(done)


def test_show_says_type_beside_value(shop):
    shop.run("run_1", 2, "visits")

    text = shop.state("show", "shop", "visits").stdout
    document = shop.document("show", "shop", "visits")

    (cursor,) = [line for line in text.splitlines() if line.startswith("cursor visits.seen_at")]
    assert "2024-01-02" in cursor
    assert cursor.endswith("(datetime)")
    assert document["cursors"][0]["type"] == "datetime"
    assert document["task_pipeline"] == "shop__visits"
    assert document["state_version"] == 1
    assert document["load_ids"] == document["last_load"]["load_ids"]
    assert document["source_state"] is None


def test_show_has_source_level_state_on_request(ledger):
    ledger.store.write_source(SourceState("shop", "shop_source", {"token": "abc"}))

    known = ledger.state("show", "shop", "orders", "--source", "shop_source")
    unknown = ledger.state("show", "shop", "orders", "--source", "other")
    document = ledger.document("show", "shop", "orders", "--source", "shop_source")

    assert '"token": "abc"' in known.stdout
    assert "Nothing is kept of source 'other'" in unknown.stdout
    assert document["source_state"]["values"] == {"token": "abc"}


def test_history_is_the_ledger_with_the_newest_first(shop):
    shop.run("run_1", 2)
    shop.state("set", "shop", "orders", 1, "--yes", "--by", "ann")
    shop.run("run_2", 3)

    text = shop.state("history", "shop", "orders").stdout
    document = shop.document("history", "shop", "orders")
    limited = shop.document("history", "shop", "orders", "--limit", 1)

    second, first = document["loads"]
    assert [first["run_id"], second["run_id"]] == ["run_1", "run_2"]
    assert (second["cursor_before"], second["cursor_after"]) == ({"id": 1}, {"id": 3})
    assert second["request"]["asked_by"] == "ann"
    assert second["seconds"] == pytest.approx(sum(second["seconds_by_step"].values()), abs=0.001)
    assert "id" in first["schema_changes"]["orders"]
    assert first["request"] is None
    assert limited["loads"] == [second]
    assert text.startswith(second["record_id"][:8])
    assert "id = 1 -> 3" in text
    assert "set id to 1, asked by ann" in text


def test_history_says_what_a_load_was_for_and_of_which_window(ledger):
    window = ["2024-01-01T00:00:00+00:00", "2024-01-02T00:00:00+00:00"]
    ledger.store.record_loads([record(3), record(4, kind="backfill", window=window)])

    text = ledger.state("history", "shop", "orders").stdout
    backfill, load = ledger.document("history", "shop", "orders")["loads"][:2]

    assert (backfill["kind"], backfill["window"]) == ("backfill", window)
    assert (load["kind"], load["window"]) == ("load", None)
    assert [line.split() for line in text.splitlines() if "kind" in line] == [["kind", "backfill"]]
    assert "2024-01-01T00:00:00+00:00 to 2024-01-02T00:00:00+00:00" in text


@pytest.mark.parametrize("command", ["show", "history", "rewind", "set"])
def test_an_unknown_resource_is_refused_with_the_closest_name(ledger, command):
    rest = {"rewind": ["--to", "1"], "set": ["5"]}.get(command, [])

    done = ledger.state(command, "shop", "ordres", *rest)

    assert done.exit_code == 1
    assert "there are: customers, orders (did you mean 'orders'?)" in one_line(done)


# set


def test_the_next_load_goes_on_from_the_cursor_that_was_set(shop):
    shop.run("run_1", 2)

    done = shop.state("set", "shop", "orders", 4, "--yes")
    shop.run("run_2", 6)
    shop.run("run_3", 7)

    assert done.exit_code == 0, done.output
    assert "cursor id = 4 (int; now 2)" in done.stdout
    assert "The next load of orders applies it" in done.stdout
    assert shop.order_ids() == [1, 2, 5, 6, 7]
    assert shop.pending() is None


def test_set_takes_the_type_of_the_present_cursor(shop):
    shop.run("run_1", 2, "visits")

    done = shop.document("set", "shop", "visits", "2024-01-03T00:00:00Z", "--yes")
    shop.run("run_2", 5, "visits")

    assert done["requests"][0]["value_type"] == "datetime"
    days = [seen_at.day for seen_at in shop.column("visits", "seen_at")]
    assert days == [1, 2, 3, 4, 5]


def test_set_takes_a_type_where_no_load_has_had_a_cursor(shop):
    shop.run("run_1", 0)
    untyped = shop.state("set", "shop", "orders", 2, "--yes")

    typed = shop.state("set", "shop", "orders", 2, "--yes", "--type", "int")
    shop.run("run_2", 4)

    assert untyped.exit_code == 1
    assert "--type, one of: datetime, date, int" in one_line(untyped)
    assert typed.exit_code == 0, typed.output
    assert shop.order_ids() == [3, 4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["orders", "soon"], "'soon' is no int, which the cursor is"),
        (["orders", "5", "--path", "idd"], "there are: id (did you mean 'id'?)"),
        (["orders", "x", "--type", "decimal"], "'x' is no decimal, as --type says"),
        (["two", "5"], "has several cursors; name one of them with --path; there are: a, b"),
        (["fed", "5"], "has a cursor 'id' in each of parent, fed"),
    ],
)
def test_a_value_or_cursor_that_does_not_fit_is_one_clear_line(shop, arguments, message):
    def cursors(*paths):
        return {"incremental": {path: {"last_value": 3} for path in paths}}

    shop.store.write_resources(
        [
            resource_state(states={"orders": cursors("id")}),
            resource_state("two", states={"two": cursors("a", "b")}),
            resource_state("fed", states={"parent": cursors("id"), "fed": cursors("id")}),
        ]
    )

    done = shop.state("set", "shop", *arguments, "--yes")

    assert done.exit_code == 1
    assert message in one_line(done)
    assert shop.pending(arguments[0]) is None


def test_one_of_several_cursors_is_named_by_its_path(shop):
    two = {"incremental": {path: {"last_value": 3} for path in "ab"}}
    shop.store.write_resources([resource_state(states={"orders": two})])

    done = shop.state("set", "shop", "orders", "--path", "b", "--yes", "--", "-7")

    assert done.exit_code == 0, done.output
    assert (shop.pending().cursor_path, shop.pending().value) == ("b", -7)


def test_a_type_that_is_none_is_refused(ledger):
    assert ledger.state("set", "shop", "orders", "5", "--type", "money").exit_code == 2


# reset


def test_a_reset_resource_is_loaded_from_the_beginning_beside_its_rows(shop):
    shop.run("run_1", 2)

    done = shop.state("reset", "shop", "orders", "--yes")
    shop.run("run_2", 3)
    shop.run("run_3", 4)

    assert "keeps its rows, and all are loaded again beside them" in done.stdout
    assert shop.order_ids() == [1, 1, 2, 2, 3, 4]


def test_all_resources_are_reset_on_request(ledger):
    done = ledger.document("reset", "shop", "--all", "--yes")

    assert [item["resource_name"] for item in done["requests"]] == ["customers", "orders"]
    assert {ledger.pending(name).kind for name in ("customers", "orders")} == {"reset"}


@pytest.mark.parametrize("arguments", [[], ["orders", "--all"]])
def test_reset_wants_names_or_all(ledger, arguments):
    assert ledger.state("reset", "shop", *arguments, "--yes").exit_code == 2


def test_reset_takes_a_resource_that_was_never_loaded_and_says_so(ledger):
    done = ledger.state("reset", "shop", "ordres", "--yes")

    assert done.exit_code == 0, done.output
    assert "NO LOAD of a resource 'ordres' is known" in done.stdout
    assert "did you mean 'orders'?" in done.stdout
    assert ledger.pending("ordres").kind == "reset"


# rewind


def test_a_rewound_resource_goes_on_from_before_the_load(shop):
    shop.run("run_1", 2)
    shop.run("run_2", 4)
    shop.run("run_3", 5)

    done = shop.state("rewind", "shop", "orders", "--to", shop.record_ids()[1][:8], "--yes")
    shop.run("run_4", 6)
    shop.run("run_5", 7)

    assert done.exit_code == 0, done.output
    assert "to cursor id = 2" in done.stdout
    assert "if it appends, 9 rows are removed, nested tables included, of 2 loads" in done.stdout
    assert shop.order_ids() == [1, 2, 3, 4, 5, 6, 7]
    assert len(shop.load.tables()["orders__lines"]) == 14
    statuses = [item["status"] for item in shop.document("history", "shop", "orders")["loads"]]
    assert statuses == ["finished", "finished", "removed", "removed", "finished"]


@pytest.mark.parametrize(
    ("status", "reason"), [("removed", "taken back already"), ("unfinished", "did not finish")]
)
def test_what_is_taken_back_or_unfinished_is_no_target(ledger, status, reason):
    ledger.store.record_loads([record(3, record_id="abc", status=status)])

    done = ledger.state("rewind", "shop", "orders", "--to", "abc", "--yes")

    assert done.exit_code == 1
    assert reason in one_line(done)
    assert ledger.pending() is None


@pytest.mark.parametrize(
    ("record_id", "message"),
    [
        ("nothing", "has no load 'nothing'; there are: "),
        ("shop_orders_", "several loads of 'orders' have an id with 'shop_orders_'"),
        ("", "has no load ''"),
    ],
)
def test_a_load_has_to_be_named_clearly(ledger, record_id, message):
    done = ledger.state("rewind", "shop", "orders", "--to", record_id, "--yes")

    assert done.exit_code == 1
    assert message in one_line(done)


def test_an_id_that_begins_another_is_clear(ledger):
    ledger.store.record_loads([record(11)])

    document = ledger.document("rewind", "shop", "orders", "--to", "shop_orders_1", "--yes")

    assert document["requests"][0]["record_id"] == "shop_orders_1"


# replay


def test_a_replayed_run_leaves_no_duplicate_and_no_hole(shop):
    shop.run("run_1", 2)
    shop.run("run_2", 3)
    shop.run("run_2", 4, cleared=1)
    shop.run("run_3", 5, "orders", "visits")

    document = shop.document("replay", "shop", "run_2", "--yes")
    shop.run("run_4", 6, "orders", "visits")

    assert document["without_load"] == ["visits"]
    (request,) = document["requests"]
    assert (request["kind"], request["run_id"]) == ("replay", "run_2")
    assert request["record_id"] == shop.record_ids()[3]
    assert shop.order_ids() == [1, 2, 3, 4, 5, 6]


def test_replay_of_named_resources_leaves_the_others(shop):
    shop.run("run_1", 2, "orders", "visits")

    done = shop.state("replay", "shop", "run_1", "visits", "--yes")

    assert done.exit_code == 0, done.output
    assert shop.pending("visits").kind == "replay"
    assert shop.pending("orders") is None


def test_a_run_that_loaded_nothing_is_an_error_that_names_the_runs(ledger):
    done = ledger.state("replay", "shop", "run_3", "--yes")

    assert done.exit_code == 1
    assert "there are: run_2, run_1 (did you mean" in one_line(done)


# asking


CHANGES = [
    ["set", "shop", "orders", "text"],
    ["reset", "shop", "orders"],
    ["rewind", "shop", "orders", "--to", "shop_orders_1"],
    ["replay", "shop", "run_1"],
]


@pytest.fixture
def changeable(shop):
    text_cursor = {"orders": {"incremental": {"id": {"last_value": "a"}}}}
    shop.store.record_loads([record(1), record(2)])
    shop.store.write_resources([resource_state(states=text_cursor)])
    return shop


@pytest.mark.parametrize("arguments", CHANGES)
def test_what_is_not_confirmed_is_not_written(changeable, arguments):
    refused = changeable.state(*arguments, input="n\n")
    unanswered = changeable.state(*arguments, input="")

    assert (refused.exit_code, unanswered.exit_code) == (1, 1)
    assert "orders: the next load" in refused.stdout
    assert "Nothing was changed" in refused.stderr
    assert changeable.pending() is None


@pytest.mark.parametrize("arguments", CHANGES)
def test_what_is_confirmed_is_written_with_who_asked(changeable, arguments, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    monkeypatch.setattr("socket.gethostname", lambda: "laptop")

    done = changeable.state(*arguments, input="y\n")

    assert done.exit_code == 0, done.output
    assert changeable.pending().kind == arguments[0]
    assert changeable.pending().asked_by == "ann@laptop"


@pytest.mark.parametrize("arguments", CHANGES)
def test_json_asks_nobody_and_changes_nothing_without_yes(changeable, arguments):
    done = changeable.state(*arguments, "--json", input="y\n")

    assert done.exit_code == 2
    assert done.stdout == ""
    assert "--yes" in done.stderr
    assert changeable.pending() is None


@pytest.mark.parametrize("arguments", CHANGES)
def test_json_prints_the_request_that_was_kept(changeable, arguments):
    document = changeable.document(*arguments, "--yes", "--by", "ann")

    (request,) = document["requests"]
    assert request["request_id"] == changeable.pending().request_id
    assert request["asked_by"] == "ann"
    assert request["replaces"] is None
    assert request["effects"]
    assert list(request) == [
        "request_id",
        "resource_name",
        "kind",
        "cursor_path",
        "value",
        "value_type",
        "record_id",
        "run_id",
        "asked_by",
        "asked_at",
        "effects",
        "replaces",
    ]


def test_an_earlier_request_that_no_load_applied_is_named(changeable):
    changeable.store.ask(StateRequest("shop", "orders", "set", asked_by="bob", value="b"))

    text = changeable.state("reset", "shop", "orders", input="n\n").stdout
    document = changeable.document("reset", "shop", "orders", "--yes")

    assert "in place of what no load has applied: set to b, asked by bob" in text
    assert document["requests"][0]["replaces"]["asked_by"] == "bob"
    assert changeable.pending().kind == "reset"


def test_resources_with_one_cursor_are_named_together(ledger):
    states = {"parent": {"incremental": {"id": {"last_value": 3}}}}
    ledger.store.write_resources([resource_state("likes", states=states)])
    ledger.store.write_resources([resource_state("posts", states=states)])

    done = ledger.state("reset", "shop", "posts", "--yes")

    assert "goes back together with likes: one cursor is theirs" in done.stdout


# which store


@pytest.fixture
def airflow_home(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    for name in ("AIRFLOW__DLT__STATE_STORE", "AIRFLOW_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_the_file_in_airflow_home_is_the_default(ledger, airflow_home):
    (airflow_home / "state.db").rename(airflow_home / "dlt_state.db")

    done = CliRunner().invoke(app, ["state", "list", "shop", "--json"])

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["store"] == f"sqlite:///{airflow_home / 'dlt_state.db'}"


@pytest.mark.parametrize(("release", "is_told"), [("3.2.1", False), ("3.3.0rc1", True)])
def test_a_file_is_told_from_the_store_that_airflow_takes_by_default(
    ledger, airflow_home, monkeypatch, release, is_told
):
    (airflow_home / "state.db").rename(airflow_home / "dlt_state.db")
    monkeypatch.setattr("importlib.metadata.version", lambda name: release)

    done = CliRunner().invoke(app, ["state", "list", "shop"])

    assert done.exit_code == 0
    assert ("Warning: this is" in done.stderr) is is_told


def test_airflows_configuration_names_the_store(ledger, airflow_home, monkeypatch):
    (airflow_home / "airflow.cfg").write_text(f"[dlt]\nstate_store = {ledger.url}\n")
    from_file = CliRunner().invoke(app, ["state", "list", "shop"])
    (airflow_home / "airflow.cfg").write_text("[dlt]\nstate_store = asset\n")
    monkeypatch.setenv("AIRFLOW__DLT__STATE_STORE", ledger.url)
    from_variable = CliRunner().invoke(app, ["state", "list", "shop"])

    assert "orders" in from_file.stdout
    assert "orders" in from_variable.stdout


def test_looking_makes_no_database(airflow_home):
    default = CliRunner().invoke(app, ["state", "list", "shop"])
    named = CliRunner().invoke(
        app, ["state", "list", "shop", "--store", f"sqlite:///{airflow_home / 'no.db'}"]
    )

    for done in (default, named):
        assert done.exit_code == 1
        assert "--store or AIRFLOW__DLT__STATE_STORE" in one_line(done)
    assert "`airflow dlt state ...`" in one_line(default)
    assert list(airflow_home.glob("*.db*")) == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AIRFLOW__DLT__STATE_STORE", "asset"),
        ("AIRFLOW__DLT__STATE_STORE", "my_postgres"),
        ("AIRFLOW__DLT__STATE_STORE_CMD", "cat /run/secret"),
    ],
)
def test_a_store_that_only_airflow_reaches_is_named_with_the_way_to_it(
    airflow_home, monkeypatch, variable, value
):
    monkeypatch.setenv(variable, value)

    line = one_line(CliRunner().invoke(app, ["state", "list", "shop"]))

    assert "`airflow dlt state ...`" in line
    assert "/api/v2/assets/{id}/state-store" in line


def test_a_store_that_is_down_is_one_clear_line_without_its_password(airflow_home):
    url = "postgresql://me:hush@127.0.0.1:1/state"

    done = CliRunner().invoke(app, ["state", "list", "shop", "--store", url])

    assert done.exit_code == 1
    assert "cannot be used" in one_line(done)
    assert "hush" not in done.output


def test_the_url_of_a_store_with_a_slip_in_it_is_not_shown(airflow_home, declared, monkeypatch):
    declared.declare()
    monkeypatch.setenv("AIRFLOW__DLT__STATE_STORE", "postgresql//me:hush@host/state")

    for arguments in (["state", "list", "shop"], ["history"], ["sync"]):
        done = CliRunner().invoke(app, arguments)

        assert "postgresql://user:password@host/database" in done.stderr
        assert "hush" not in done.output


def test_whoever_has_better_means_opens_the_store(ledger):
    asked = []

    def opener(option, pipeline_name, dataset_name):
        asked.append((option, pipeline_name, dataset_name))
        return ledger.store

    with stores.opening_stores_with(opener):
        done = CliRunner().invoke(
            app, ["state", "list", "shop", "--store", "asset", "--dataset", "shop_data"]
        )

    assert done.exit_code == 0, done.output
    assert asked == [("asset", "shop", "shop_data")]


def test_the_reset_that_an_error_names_lets_the_load_go_on(shop):
    request = shop.load.request(
        "shop:shop", "orders", kwargs={"last": 2}, pipeline_name="other", dataset_name="shop"
    )
    load_task(replace(request, data_dir=shop.load.data_dir), SqlStateStore(shop.url))
    (shop.load.data_dir / "other.duckdb").rename(shop.load.data_dir / "shop.duckdb")

    with pytest.raises(TerminalLoadError) as refused:
        shop.run("run_1", 2)
    command = str(refused.value).rpartition("airflow-dlt ")[2].split()
    shop.state(*command[1:], "--yes")
    shop.run("run_2", 2)

    assert shop.order_ids() == [1, 1, 2, 2]


@pytest.mark.parametrize("arguments", [["set", "shop", "all", "5"], ["reset", "shop", "all"]])
def test_a_task_for_a_whole_source_is_no_resource_to_ask_anything_of(shop, arguments):
    load_task(shop.load.request("shop:shop", kwargs={"last": 2}, task_key="all"), shop.store)

    done = shop.state(*arguments, "--yes")
    document = shop.document("reset", "shop", "--all", "--yes")

    assert done.exit_code == 1
    assert "no resource; there are: orders, prices, visits" in one_line(done)
    assert shop.pending("all") is None
    requests = document["requests"]
    assert [item["resource_name"] for item in requests] == ["orders", "prices", "visits"]
    assert not any("together" in effect for item in requests for effect in item["effects"])
