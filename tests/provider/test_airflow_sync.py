"""`airflow dlt sync`, and what it finds where Airflow is at hand."""

import argparse
import json

import pytest

pytest.importorskip("airflow.models.asset_state_store")

from airflow_dlt_provider import airflow_command

SOURCE = """
import dlt, sys

@dlt.resource
def rows(token="none"):
    yield {"is_airflow_there": "airflow" in sys.modules, "token": len(token)}
"""

FILE = """
version: "1.0"
sources:
  - name: synced
    type: dlt_native
    dlt_native:
      source_module: rows
      source_function: rows
      function_kwargs: {token: "${SYNC_TOKEN:-none}"}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch, metadata_database):
    (tmp_path / "custom_sources").mkdir()
    (tmp_path / "custom_sources" / "rows.py").write_text(SOURCE)
    (tmp_path / "sources.yml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIRFLOW__DLT__DATA_DIR", str(tmp_path / "lake"))
    return tmp_path


@pytest.fixture
def dlt_command(capsys):
    """Run what is typed after `airflow dlt`; return exit code, standard output and error."""

    def run(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            airflow_command.run(argparse.Namespace(arguments=list(arguments)))
        return ended.value.code, *capsys.readouterr()

    return run


def test_a_sync_says_where_its_history_is_if_tasks_alone_write_the_store(
    folder, dlt_command, monkeypatch
):
    url = f"sqlite:///{folder / 'state.db'}"
    monkeypatch.setattr("airflow_dlt_provider.settings.state_store_url", lambda: url)

    code, output, errors = dlt_command("sync", "--json")

    assert code == 0, errors
    assert json.loads(output)["rows"] == 1
    assert f"the history of this sync is kept in {url}" in errors
    assert (folder / "lake" / "warehouse.duckdb").is_file()
    code, output, errors = dlt_command("history", "synced", "--json")
    assert [load["rows"] for load in json.loads(output)["loads"]] == [1]


def test_a_sync_writes_to_the_store_that_is_configured(folder, dlt_command, monkeypatch):
    monkeypatch.setenv("AIRFLOW__DLT__STATE_STORE", f"sqlite:///{folder / 'own.db'}")

    code, _, errors = dlt_command("sync")

    assert code == 0, errors
    assert (folder / "own.db").is_file()
    assert "history of this sync" not in errors


def test_the_process_of_a_load_brings_no_airflow(folder, dlt_command):
    code, _, errors = dlt_command("sync", "--store", f"sqlite:///{folder / 'own.db'}")
    assert code == 0, errors

    import duckdb

    with duckdb.connect(str(folder / "lake" / "warehouse.duckdb"), read_only=True) as connection:
        rows = connection.execute("SELECT is_airflow_there FROM raw_synced.rows").fetchall()
    assert rows == [(False,)]


def test_a_variable_of_airflow_is_a_value_and_a_secret(folder, dlt_command, monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_SYNC_TOKEN", "canary-from-airflow")
    source = SOURCE.replace("yield {", "print(token)\n    yield {")
    (folder / "custom_sources" / "rows.py").write_text(source)

    code, output, errors = dlt_command("sync", "--store", f"sqlite:///{folder / 'own.db'}")

    assert code == 0, errors
    assert "***" in output
    assert "canary" not in output + errors
