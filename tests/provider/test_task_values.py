"""What a task hands to the source: templates, references to the environment, secrets."""

from unittest.mock import patch

import pytest

ECHO_SOURCE = """
import dlt, json
def echo(**given):
    return dlt.resource([{"given": json.dumps(given, default=repr)}], name="echoed")
"""


def test_params_reach_the_source_with_their_own_types(dag_folder, run_dag, table_rows):
    dag_folder.write("echo_source.py", ECHO_SOURCE)
    dag = dag_folder.dag("""
dag = DltDag("run_params", "echo_source:echo",
    params={"until": Param("2013-02-01", type="string", format="date"), "pages": 1, "only": []},
    source_kwargs={
        "until": "{{ params.until }}",
        "pages": "{{ params.pages }}",
        "only": "{{ params.only }}",
        "plain": 7,
        "nested": {"label": "p{{ params.pages }}"},
    },
)
""")

    run = run_dag(dag, run_conf={"pages": 3, "only": ["a", "b"]})

    assert run.state == "success"
    assert table_rows("run_params", "select given from run_params.run_params.echoed") == [
        (
            (
                '{"until": "2013-02-01", "pages": 3, "only": ["a", "b"], "plain": 7,'
                ' "nested": {"label": "p3"}}'
            ),
        )
    ]


def test_text_without_a_template_reaches_the_source_as_it_is_written(
    dag_folder, run_dag, table_rows
):
    dag_folder.write("echo_source.py", ECHO_SOURCE)
    dag = dag_folder.dag(
        'dag = DltDag("run_text", "echo_source:echo", source_kwargs={"account": "12345"})'
    )

    run_dag(dag)

    given = table_rows("run_text", "select given from run_text.run_text.echoed")
    assert given == [('{"account": "12345"}',)]


def test_the_dataset_name_may_be_a_template(dag_folder, run_dag, table_rows):
    dag = dag_folder.dag("""
dag = DltDag("run_dataset", "shop_source:shop", resources=["prices"],
    dataset_name="raw_{{ params.env }}", params={"env": "dev"})
""")

    run_dag(dag, run_conf={"env": "live"})

    assert table_rows("run_dataset", "select id from raw_live.price_list") == [(1,)]


def test_a_reference_is_resolved_in_the_task_and_masked(
    dag_folder, run_dag, monkeypatch, table_rows
):
    dag_folder.write("echo_source.py", ECHO_SOURCE)
    dag = dag_folder.dag("""
dag = DltDag("run_reference", "echo_source:echo", source_kwargs={
    "token": "${SHOP_TOKEN}", "url": "${SHOP_URL:-https://example.org}/v1",
})
""")
    monkeypatch.setenv("SHOP_TOKEN", "very-secret-token")
    with patch("airflow_dlt_provider.operators.request.mask_secret", autospec=True) as mask_secret:
        run_dag(dag)

    given = table_rows("run_reference", "select given from run_reference.run_reference.echoed")
    assert given == [('{"token": "very-secret-token", "url": "https://example.org/v1"}',)]
    assert "very-secret-token" in [call.args[0] for call in mask_secret.call_args_list]


def test_rendered_fields_and_xcom_show_no_secret(dag_folder, run_dag, monkeypatch, returned):
    from airflow.models.renderedtifields import RenderedTaskInstanceFields
    from airflow.utils.session import create_session

    dag_folder.write("echo_source.py", ECHO_SOURCE)
    dag = dag_folder.dag("""
dag = DltDag("run_rendered", "echo_source:echo", source_kwargs={"label": "${SHOP_TOKEN}"})
""")
    monkeypatch.setenv("SHOP_TOKEN", "very-secret-token")

    run = run_dag(dag)

    with create_session() as session:
        (fields,) = [
            row.rendered_fields
            for row in session.query(RenderedTaskInstanceFields).filter_by(run_id=run.run_id)
            if row.task_id == "echoed" and row.dag_id == "run_rendered"
        ]
    assert fields["source_kwargs"] == {"label": "${SHOP_TOKEN}"}
    assert "very-secret-token" not in str(fields)
    assert "very-secret-token" not in str(returned(run))


def test_a_reference_without_a_value_fails_the_task_and_names_the_variable(
    dag_folder, run_dag, states, monkeypatch, capture_task_errors
):
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    dag_folder.write("echo_source.py", ECHO_SOURCE)
    dag = dag_folder.dag("""
RETRIED = {"*": {"retries": 2, "retry_delay": 0}}
dag = DltDag("run_missing", "echo_source:echo", source_kwargs={"token": "${SHOP_TOKEN}"},
    task_options=RETRIED)
""")

    run = run_dag(dag)

    assert states(run)["echoed"] == "failed"
    assert capture_task_errors["echoed"] == [
        (
            "Environment variable SHOP_TOKEN (source_kwargs.token) is not set on this worker; "
            "set it, or give a default: ${SHOP_TOKEN:-default}"
        )
    ]


GUARDED_SOURCE = """
import dlt
@dlt.source
def secret(token: str = dlt.secrets.value):
    return dlt.resource([{"id": i, "token": token} for i in range(10)], name="rows")
"""


@pytest.fixture
def requested(monkeypatch):
    """Keys of the Variables that tasks ask the supervisor for."""
    from airflow.sdk.execution_time.comms import GetVariable
    from airflow.sdk.execution_time.supervisor import InProcessSupervisorComms

    # as on a worker: nothing but this package keeps dlt from asking
    monkeypatch.delenv("PROVIDERS__ENABLE_AIRFLOW_SECRETS", raising=False)
    keys = []
    send = InProcessSupervisorComms.send

    def record(self, msg):
        if isinstance(msg, GetVariable):
            keys.append(msg.key)
        return send(self, msg)

    with patch.object(InProcessSupervisorComms, "send", autospec=True, side_effect=record):
        yield keys


@pytest.fixture
def secrets_variable(metadata_database):
    """Set the `dlt_secrets_toml` Variable for one test."""
    from airflow.models.variable import Variable

    yield lambda text: Variable.set("dlt_secrets_toml", text)
    Variable.delete("dlt_secrets_toml")


def test_secrets_come_from_the_one_variable_and_no_other_is_requested(
    dag_folder, run_dag, requested, table_rows, secrets_variable
):
    dag_folder.write("secret_source.py", GUARDED_SOURCE)
    dag = dag_folder.dag("""
dag = DltDag("run_variable", "secret_source:secret", decompose="none")
""")
    secrets_variable('[sources.secret_source]\ntoken = "from the variable"\n')
    with patch("airflow_dlt_provider.operators.request.mask_secret", autospec=True) as mask_secret:
        run_dag(dag)

    loaded = "select count(*), min(token) from run_variable.run_variable.rows"
    assert table_rows("run_variable", loaded) == [(10, "from the variable")]
    assert requested == ["dlt_secrets_toml"]
    assert "from the variable" in [call.args[0] for call in mask_secret.call_args_list]


def test_secrets_come_from_the_toml_file_beside_the_dag_file(
    dag_folder, run_dag, requested, table_rows
):
    dag_folder.write("secret_source.py", GUARDED_SOURCE)
    dag_folder.write(".dlt/secrets.toml", '[sources.secret_source]\ntoken = "from the file"\n')
    dag = dag_folder.dag('dag = DltDag("run_toml", "secret_source:secret")')
    with patch("airflow_dlt_provider.operators.request.mask_secret", autospec=True) as mask_secret:
        run_dag(dag)

    loaded = "select min(token) from run_toml.run_toml.rows"
    assert table_rows("run_toml", loaded) == [("from the file",)]
    assert requested == ["dlt_secrets_toml"]
    assert "from the file" in [call.args[0] for call in mask_secret.call_args_list]


def test_a_missing_secret_fails_at_once_in_one_line_and_asks_for_no_other_variable(
    dag_folder, run_dag, requested, capture_task_errors
):
    dag_folder.write("secret_source.py", GUARDED_SOURCE)
    dag = dag_folder.dag("""
RETRIED = {"*": {"retries": 2, "retry_delay": 0}}
dag = DltDag("run_unknown", "secret_source:secret", task_options=RETRIED)
""")

    run_dag(dag)

    (error,) = capture_task_errors["rows"]
    assert len(error.splitlines()) == 1
    assert "SOURCES__SECRET_SOURCE__SECRET__TOKEN" in error
    assert requested == ["dlt_secrets_toml"]


def test_broken_text_in_the_secrets_variable_fails_the_task_at_once(
    dag_folder, run_dag, states, capture_task_errors, secrets_variable
):
    dag_folder.write("secret_source.py", GUARDED_SOURCE)
    dag = dag_folder.dag("""
RETRIED = {"*": {"retries": 2, "retry_delay": 0}}
dag = DltDag("run_broken", "secret_source:secret", task_options=RETRIED)
""")
    secrets_variable("[sources\ntoken = ")

    run = run_dag(dag)

    assert states(run)["rows"] == "failed"
    # one try, although there is a retry
    (error,) = capture_task_errors["rows"]
    assert "dlt_secrets_toml" in error
