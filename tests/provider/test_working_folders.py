"""The folder in which one task instance works, and the names that keep instances apart."""

from types import SimpleNamespace
from unittest.mock import patch

import pytest

from airflow_dlt_provider import DltResourceOperator


@pytest.fixture
def requests():
    """What tasks asked to be loaded, in the order in which they ran."""
    requests = []
    load = DltResourceOperator._load

    def record(self, request, context):
        requests.append(request)
        return load(self, request, context)

    with patch.object(DltResourceOperator, "_load", autospec=True, side_effect=record):
        yield requests


def test_two_groups_with_equal_resource_names_load_each_their_own(
    dag_folder, run_dag, requests, table_rows
):
    dag_folder.write(
        "two_source.py",
        "import dlt\ndef two(name):\n"
        "    return dlt.resource([{'name': name}], name='orders', write_disposition='append')\n",
    )
    dag = dag_folder.dag("""
with DAG("work_groups") as dag:
    for name in ("one", "two"):
        DltTaskGroup(name, "two_source:two", source_kwargs={"name": name}, dataset_name="raw")
""")

    run = run_dag(dag)

    assert run.state == "success"
    assert len({request.working_dir for request in requests}) == 2
    assert {request.pipeline_name for request in requests} == {
        "work_groups__one",
        "work_groups__two",
    }
    for name in ("one", "two"):
        pipeline = f"work_groups__{name}"
        assert table_rows(pipeline, f"select name from {pipeline}.raw.orders") == [(name,)]


def test_dags_whose_ids_differ_in_a_dot_only_work_in_folders_of_their_own(dag_folder):
    dag_folder.write_dag("""
for dag_id in ("shop.eu", "shop_eu"):
    globals()[dag_id] = DltDag(dag_id, "shop_source:shop", resources=["prices"])
""")
    tasks = [dag.get_task("prices") for dag in dag_folder.load().values()]

    from airflow_dlt_provider.operators.request import working_folder_name

    # one run id, as two Dags of one schedule have
    folders = {
        working_folder_name(
            {
                "ti": SimpleNamespace(
                    dag_id=task.dag_id, run_id="run", task_id=task.task_id, map_index=-1
                )
            },
            task.task_key,
        )
        for task in tasks
    }

    assert len(tasks) == len(folders) == 2
    assert len({task.pipeline_name for task in tasks}) == 2


def test_mapped_instances_of_a_task_work_in_folders_of_their_own(dag_folder, run_dag, requests):
    dag_folder.write(
        "page_source.py",
        "import dlt\ndef page(number):\n    return dlt.resource([{'n': number}], name='pages')\n",
    )
    dag = dag_folder.dag("""
with DAG("work_mapped") as dag:
    DltResourceOperator.partial(task_id="pages", source="page_source:page").expand(
        source_kwargs=[{"number": 1}, {"number": 2}]
    )
""")

    run = run_dag(dag)

    assert run.state == "success"
    assert len(requests) == len({request.working_dir for request in requests}) == 2


def test_every_try_of_a_task_works_in_one_folder(dag_folder, run_dag, requests, tmp_path):
    dag_folder.write(
        "flaky_source.py",
        """
import dlt
from pathlib import Path
@dlt.resource
def flaky(mark):
    if not Path(mark).exists():
        Path(mark).touch()
        raise ConnectionError("down")
    yield {"id": 1}
""",
    )
    dag = dag_folder.dag(f"""
dag = DltDag("work_tries", "flaky_source:flaky",
    source_kwargs={{"mark": {str(tmp_path / "mark")!r}}},
    task_options={{"*": {{"retries": 1, "retry_delay": 0}}}})
""")

    run_dag(dag)

    # an earlier try that was killed is found, and cleared away, there alone
    assert [request.run.try_number for request in requests] == [1, 2]
    assert len({request.working_dir for request in requests}) == 1


def test_a_dag_id_of_the_longest_kind_is_parsed_planned_and_loaded(dag_folder, run_dag, requests):
    text = f'dag = DltDag("{"d" * 250}", "shop_source:shop", resources=["prices"])'

    run = run_dag(dag_folder.dag(text))

    assert run.state == "success"
    (request,) = requests
    assert len(request.working_dir.name) < 100
