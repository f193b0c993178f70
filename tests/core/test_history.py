"""What is known of syncs afterwards: `history`, `state`, and `plan` of a declared source."""

import json

import pytest


def loads(done):
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)["loads"]


def test_history_shows_the_newest_load_first(declared):
    declared.declare()
    declared.sync("--select", "orders")
    declared.sync("--select", "orders", "--full-refresh")

    found = loads(declared.run("history", "shop", "--json"))

    assert [item["kind"] for item in found] == ["refresh", "load"]
    assert [item["full_refresh"] for item in found] == [True, False]
    assert [item["rows"] for item in found] == [6, 6]
    assert found[0]["run_id"].startswith("sync__20")


def test_history_of_all_sources_is_a_table(declared):
    declared.declare()
    declared.declare(name="other")
    declared.sync("--select", "orders")

    done = declared.run("history")

    assert done.exit_code == 0
    assert {line.split()[1] for line in done.stdout.splitlines()[2:]} == {"shop", "other"}
    assert len(loads(declared.run("history", "-n", "1", "--json"))) == 1


def test_history_without_a_load_makes_no_store(declared):
    declared.declare()

    done = declared.run("history")

    assert done.exit_code == 0
    assert "Nothing was loaded yet." in done.stdout
    assert not (declared.folder / "data").exists()


@pytest.mark.parametrize("name", ["shop", "webshop"])
def test_state_takes_the_registered_name_and_the_name_of_the_pipeline(declared, name):
    declared.declare(extra="      pipeline_name: webshop\n")
    declared.sync("--select", "orders")

    done = declared.run("state", "list", name, "--json")

    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["pipeline_name"] == "webshop"
    assert document["resources"][0]["cursors"][0]["value"] == 2


def test_a_reset_lets_the_next_sync_start_from_the_beginning(declared):
    declared.declare()
    declared.sync("--select", "orders")

    declared.run("state", "reset", "shop", "orders", "--yes")

    assert declared.document("--select", "orders")["rows"] == 6


def test_plan_shows_a_declared_source_with_its_destination(declared):
    declared.declare(
        extra="    airflow: {destination: 'postgresql://me:canary-7@db/x', decompose: component}\n"
    )

    done = declared.run("plan", "shop")

    assert done.exit_code == 0, done.output
    assert "destination postgresql://me:***@db/x, dataset raw_shop" in done.stdout
    assert "addresses -> table addresses, append" in done.stdout
    assert "canary" not in done.output


def test_plan_refuses_options_that_sources_yml_has(declared):
    declared.declare()

    done = declared.run("plan", "shop", "--project", ".", "--exclude", "orders")

    assert done.exit_code == 2
    assert "--exclude" in done.stderr
