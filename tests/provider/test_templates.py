"""What becomes of a template: its type on the worker, and its value while planning."""

import json

import pytest

ECHO_SOURCE = """
import dlt, json
def echo(**given):
    return dlt.resource([{"given": json.dumps(given, default=repr)}], name="echoed")
"""


@pytest.fixture
def echo(dag_folder, run_dag, table_rows):
    """Run a Dag that hands `source_kwargs` to its source; return what the source was given."""

    def echo(dag_id, source_kwargs, params, run_conf=None):
        dag_folder.write("echo_source.py", ECHO_SOURCE)
        dag = dag_folder.dag(
            f"dag = DltDag({dag_id!r}, 'echo_source:echo',"
            f" source_kwargs={source_kwargs!r}, params={params!r})"
        )
        run = run_dag(dag, run_conf=run_conf)
        assert run.state == "success"
        ((given,),) = table_rows(dag_id, f"select given from {dag_id}.{dag_id}.echoed")
        return json.loads(given)

    return echo


def test_one_expression_keeps_its_type_and_all_else_is_text(echo):
    given = echo(
        "templates_types",
        {
            "number": "{{ params.number }}",
            "spaced": "  {{ params.number }}\n",
            "half": "{{ params.number / 2 }}",
            "list": "{{ params.list }}",
            "none": "{{ params.none }}",
            "digits": "{{ params.digits }}",
            "exponent": "{{ params.exponent }}",
            "literal": '{"a": [1]}',
            "mixed": "{{ params.number }}{{ params.number }}",
            "block": "{% if params.number %}1{% endif %}",
            "label": "page {{ params.number }}",
            "nested": ["{{ params.number }}", {"deep": "{{ params.digits }}"}],
        },
        {"number": 3, "list": [1, "2"], "none": None, "digits": "123", "exponent": "12e3"},
    )

    assert given == {
        "number": 3,
        "spaced": 3,
        "half": 1.5,
        "list": [1, "2"],
        "none": None,
        "digits": "123",
        "exponent": "12e3",
        "literal": '{"a": [1]}',
        "mixed": "33",
        "block": "1",
        "label": "page 3",
        "nested": [3, {"deep": "123"}],
    }


def test_a_value_of_the_trigger_form_never_reads_the_workers_environment(echo, monkeypatch):
    monkeypatch.setenv("SECRET_ENV", "of the worker")

    given = echo(
        "templates_form",
        {
            "form": "{{ params.form }}",
            "mixed": "${SECRET_ENV}: {{ params.form }}",
            "password": "{{ params.password }}",
            "default": "{{ params.default }}",
        },
        {"form": "", "password": "", "default": "${SECRET_ENV}"},
        run_conf={"form": "${SECRET_ENV}", "password": "pa$$word"},
    )

    assert given == {
        "form": "${SECRET_ENV}",
        "mixed": "of the worker: ${SECRET_ENV}",
        "password": "pa$$word",
        "default": "${SECRET_ENV}",
    }


def test_text_inside_a_list_of_the_trigger_form_never_reads_the_workers_environment(
    echo, monkeypatch
):
    monkeypatch.setenv("SECRET_ENV", "of the worker")

    given = echo(
        "templates_lists",
        {"only": "{{ params.only }}", "filters": "{{ params.filters }}"},
        {"only": [], "filters": {}},
        run_conf={"only": ["${SECRET_ENV}", "pa$$"], "filters": {"name": "${SECRET_ENV}"}},
    )

    assert given == {"only": ["${SECRET_ENV}", "pa$$"], "filters": {"name": "${SECRET_ENV}"}}


def test_the_dataset_name_never_reads_the_workers_environment_through_a_param(
    dag_folder, run_dag, monkeypatch, table_rows
):
    monkeypatch.setenv("DATASET_OF_WORKER", "worker")
    dag = dag_folder.dag("""
dag = DltDag("templates_dataset", "shop_source:shop", resources=["prices"],
    dataset_name="${DATASET_OF_WORKER}_{{ params.env }}", params={"env": "dev"})
""")

    run_dag(dag, run_conf={"env": "live"})

    assert table_rows("templates_dataset", "select id from worker_live.price_list") == [(1,)]


DATED_SOURCE = """
import dlt, datetime
@dlt.source
def dated(day):
    datetime.datetime.fromisoformat(day)
    for name in ("one", "two"):
        yield dlt.resource([{"day": day}], name=name)
"""


@pytest.mark.parametrize(
    "template",
    ["{{ logical_date.isoformat() }}", "{{ ds }}", "{{ data_interval_end.isoformat() }}"],
)
def test_a_source_that_asks_for_the_date_of_a_run_is_planned_by_resource(dag_folder, template):
    dag_folder.write("dated_source.py", DATED_SOURCE)

    dag = dag_folder.dag(f"""
dag = DltDag("templates_day", "dated_source:dated", source_kwargs={{"day": "{template}"}})
""")

    assert set(dag.task_dict) == {"one", "two", "finish"}


COUNTED_SOURCE = """
import dlt
@dlt.source
def counted(given):
    for number in range(given if isinstance(given, int) else 1):
        yield dlt.resource([1], name=f"table_{number}")
"""


@pytest.mark.parametrize(
    ("param", "template", "tables"),
    [
        ('Param(type="integer")', "{{ params.a }}", 1),
        ('Param(type="integer")', "{{ params.a + 1 }}", 1),
        ('Param(None, type=["null", "integer"])', "{{ params.a }}", 1),
        ('Param(None, type=["null", "integer"])', "{{ params.a + 1 }}", 1),
        ("2", "{{ params.a }}", 2),
        ("2", "{{ params.a + 1 }}", 3),
        ("2", "{{ params.b }}", 1),
        ("2", "{{ params.a }", 1),
        ("2", "{{ macros.ds_add(ds, params.a) }}", 1),
    ],
)
def test_a_template_that_has_no_value_yet_does_not_keep_a_dag_file_from_being_parsed(
    dag_folder, param, template, tables
):
    dag_folder.write("counted_source.py", COUNTED_SOURCE)

    dag = dag_folder.dag(f"""
dag = DltDag("templates_params", "counted_source:counted",
    source_kwargs={{"given": "{template}"}}, params={{"a": {param}}})
""")

    assert set(dag.task_dict) == {*(f"table_{i}" for i in range(tables)), "finish"}


def test_a_param_without_a_default_reaches_planning_as_the_template_that_asks_for_it(dag_folder):
    dag_folder.write(
        "typed_source.py",
        "import dlt\ndef typed(given):\n"
        "    return [dlt.resource([1], name=name) for name in (type(given).__name__, 'other')]\n",
    )

    dag = dag_folder.dag("""
dag = DltDag("templates_unset", "typed_source:typed",
    source_kwargs={"given": "{{ params.a }}"}, params={"a": Param(type="integer")})
""")

    assert set(dag.task_dict) == {"str", "other", "finish"}
