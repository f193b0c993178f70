import argparse
import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("airflow.models.asset_state_store")

from airflow.models.asset import AssetActive, AssetModel
from airflow.utils.session import create_session

from airflow_dlt_provider import airflow_command
from airflow_dlt_provider.core.state.sql import SqlStateStore
from airflow_dlt_provider.provider_info import get_provider_info
from airflow_dlt_provider.state_stores.asset_server import open_server_asset_store
from tests.state_store_suite import load, state

CURSOR = {"orders": {"incremental": {"id": {"last_value": 5}}}}


def fill(store, pipeline_name):
    store.record_loads([load(1, pipeline_name=pipeline_name)])
    store.write_resources([state(pipeline_name=pipeline_name, states=CURSOR, unfinished=None)])


@pytest.fixture(scope="module")
def asset_pipeline(metadata_database):
    """A pipeline that Airflow knows, with state in its asset state store."""
    with create_session() as session:
        for name in ("command_shop/data", "command_shop/data/orders"):
            asset = AssetModel(name=name, uri=f"x-dlt://{name}", group="asset")
            session.add(asset)
            session.flush()
            session.add(AssetActive.for_asset(asset))
    fill(open_server_asset_store("command_shop"), "command_shop")
    return "command_shop"


@pytest.fixture
def dlt_command(capsys):
    """Run what is typed after `airflow dlt`; return exit code, standard output and error."""

    def run(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            airflow_command.run(argparse.Namespace(arguments=list(arguments)))
        return ended.value.code, *capsys.readouterr()

    return run


def airflow(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "airflow", *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_airflow_finds_the_command_and_prints_one_json_document(asset_pipeline):
    done = airflow("dlt", "state", "list", asset_pipeline, "--json")

    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["store"] == "asset"
    assert document["resources"][0]["cursors"][0]["value"] == 5


def test_airflow_passes_on_help_and_options_of_the_command(metadata_database):
    done = airflow("dlt", "state", "rewind", "--help", TERM="dumb", NO_COLOR="1")

    assert done.returncode == 0, done.stderr
    assert "airflow dlt state rewind" in done.stdout
    assert "--to" in done.stdout


def test_what_is_asked_in_the_asset_store_is_kept_there(asset_pipeline, dlt_command):
    code, out, err = dlt_command("state", "set", asset_pipeline, "orders", "3", "--yes")

    assert code == 0, err
    assert "cursor id = 3 (int; now 5)" in out
    request = open_server_asset_store(asset_pipeline).read_requests(asset_pipeline, ["orders"])
    assert request["orders"].value == 3


def test_a_database_is_named_by_url_by_configuration_or_by_connection(
    dlt_command, tmp_path, monkeypatch
):
    url = f"sqlite:///{tmp_path / 'state.db'}"
    fill(SqlStateStore(url), "sql_shop")
    monkeypatch.setenv("AIRFLOW_CONN_THE_STATE", f"sqlite:///{tmp_path / 'state.db'}")

    by_url = dlt_command("state", "list", "sql_shop", "--store", url)
    by_connection = dlt_command("state", "list", "sql_shop", "--store", "the_state")
    monkeypatch.setenv("AIRFLOW__DLT__STATE_STORE", url)
    by_configuration = dlt_command("state", "list", "sql_shop")

    for code, out, err in (by_url, by_connection, by_configuration):
        assert code == 0, err
        assert "id = 5" in out


def test_looking_makes_no_database(dlt_command, tmp_path):
    code, _, err = dlt_command(
        "state", "list", "shop", "--store", f"sqlite:///{tmp_path / 'no.db'}"
    )

    assert code == 1
    assert "there is no state store" in err
    assert list(tmp_path.iterdir()) == []


def test_a_pipeline_that_airflow_does_not_know_is_one_clear_line(asset_pipeline, dlt_command):
    code, _, err = dlt_command("state", "list", "command_shpo")

    assert code == 1
    (line,) = err.strip().splitlines()
    assert line.startswith("Error: ")
    assert "did you mean 'command_shop'?" in line


def test_every_airflow_command_gets_by_without_what_ours_needs(run_python):
    code = """
import sys
import airflow_dlt_provider.airflow_command
print(sorted(set(sys.modules) & {"airflow", "dlt", "typer", "rich", "sqlalchemy"}))
"""

    assert run_python(code).strip() == "[]"


def test_airflow_is_told_of_a_function_that_exists():
    (path,) = get_provider_info()["cli"]

    assert path == "airflow_dlt_provider.airflow_command.get_cli_commands"
    (command,) = airflow_command.get_cli_commands()
    assert command.name == "dlt"
