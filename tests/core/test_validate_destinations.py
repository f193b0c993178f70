"""What `validate` says of destinations: whether they can be reached, without a secret."""

import pytest

from tests.core.projects import entry


def test_a_file_that_is_there_is_opened(checks, project):
    import duckdb

    project.declare(entry())
    project.data_dir.mkdir()
    duckdb.connect(str(project.data_dir / "warehouse.duckdb")).close()

    ((category, _, message),) = checks("--check", "database", status="pass")

    assert category == "Database"
    assert message.endswith("warehouse.duckdb can be opened and written to")


def test_a_file_that_is_no_database_fails(checks, project):
    project.declare(entry())
    project.write("data/warehouse.duckdb", "no database" * 1000)

    ((_, _, message),) = checks("--check", "database", status="fail")

    assert message.startswith("cannot be loaded to: ")


def test_a_file_that_cannot_be_made_fails(checks, project):
    project.declare(entry())
    project.write("data", "a file where the folder would be")

    ((_, _, message),) = checks("--check", "database", status="fail")

    assert message.endswith("data is not writable")


def test_a_file_that_another_process_has_open_is_a_warning(checks, project, start_python):
    project.declare(entry())
    project.data_dir.mkdir()
    file = project.data_dir / "warehouse.duckdb"
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"
    start_python("-c", code, str(file)).stdout.readline()

    ((_, _, message),) = checks("--check", "database")

    assert message.startswith("is in use by another process")


def test_a_server_that_does_not_answer_fails_without_the_password(validate, project):
    project.write(
        ".env",
        "DESTINATION__POSTGRES__CREDENTIALS=postgresql://me:canary@127.0.0.1:1/db\n",
    )
    project.declare(entry(airflow="{destination: postgres}"))

    done = validate("--check", "database")

    assert done.exit_code == 1
    assert "fail  shop  cannot be loaded to: " in done.stdout
    assert "127.0.0.1" in done.stdout
    assert "canary" not in done.output


def test_missing_credentials_are_named(checks, project):
    project.declare(entry(airflow="{destination: postgres}"))

    ((_, _, message),) = checks("--check", "database", status="fail")

    assert "DESTINATION__POSTGRES__CREDENTIALS" in message


def test_a_destination_that_is_none_fails_with_those_that_are(checks, project):
    project.declare(entry(airflow="{destination: postgress}"))

    ((_, _, message),) = checks("--check", "config", status="fail")

    assert "no destination of dlt's (did you mean 'postgres'?)" in message


def test_an_airflow_connection_that_is_not_known_here_is_a_warning(checks, project):
    project.declare(entry(airflow="{destination: 'conn_id:warehouse'}"))

    ((_, _, message),) = checks("--check", "database")

    assert message.startswith("Airflow connection 'warehouse' cannot be read")


@pytest.mark.parametrize("way", ["connection", "address"])
def test_a_connection_or_an_address_is_reached_and_its_password_is_hidden(
    validate, project, monkeypatch, way
):
    address = "postgresql://me:canary@127.0.0.1:1/db"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", address.replace("postgresql", "postgres"))
    monkeypatch.setenv("WAREHOUSE", address)
    written = {"connection": "conn_id:warehouse", "address": "${WAREHOUSE}"}[way]
    project.declare(entry(airflow=f"{{destination: '{written}'}}"))

    done = validate("--check", "database")

    assert done.exit_code == 1
    assert "fail  shop  cannot be loaded to: " in done.stdout
    assert "127.0.0.1" in done.stdout
    assert "canary" not in done.output


def test_sources_of_one_destination_are_one_check(checks, project):
    project.declare(entry(), entry("store"), entry("third", airflow="{destination: dummy}"))

    subjects = [subject for _, subject, _ in checks("--check", "database", status="pass")]

    assert subjects == ["shop, store", "third"]
