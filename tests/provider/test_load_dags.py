import textwrap

import pytest

from airflow_dlt_provider.core.errors import ProjectFileError

MODULE = """
import dlt

@dlt.source
def shop(size: int = 5):
    return [dlt.resource([{"id": 1}], name=name) for name in ("orders", "customers")]
"""

GOOD = """
  - name: good
    type: dlt_native
    description: All that was sold
    dlt_native: {source_module: shop, source_function: shop}
"""


@pytest.fixture
def load_project(dag_folder):
    """Parse a Dag file beside a `sources.yml`; return its Dags and its import error, if any."""
    dag_folder.write("custom_sources/shop.py", MODULE)

    def load(sources, schedules=None):
        dag_folder.write(".dango/sources.yml", f"sources:{textwrap.dedent(sources)}")
        if schedules:
            dag_folder.write(".dango/schedules.yml", f"schedules:{textwrap.dedent(schedules)}")
        dag_folder.write_dag('globals().update(load_dags("."))')
        dags = dag_folder.load()
        errors = {name: text for name, text in dag_folder.import_errors.items() if "_dag_" in name}
        return dags, "\n".join(errors.values())

    return load


def shop(**more):
    lines = "".join(f"    {key}: {value}\n" for key, value in more.items())
    native = "    dlt_native: {source_module: shop, source_function: shop}\n"
    return (
        f"\n  - name: shop\n    type: dlt_native\n{'' if 'dlt_native' in more else native}{lines}"
    )


def mistakes_of(dag):
    assert "mistake" in dag.tags
    return dag.doc_md


def test_every_enabled_source_becomes_a_dag_with_a_task_per_resource(load_project):
    dags, error = load_project(shop(enabled="false") + GOOD)

    assert error == ""
    assert set(dags) == {"good"}
    assert set(dags["good"].task_ids) == {"orders", "customers", "finish"}
    assert dags["good"].description == "All that was sold"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            shop(enabled="'no'"),
            (
                ".dango/sources.yml:5: sources[0].enabled (source shop) is 'no'; "
                "expected: true or false, without quotes"
            ),
        ),
        (
            shop(dlt_native="{source_module: shpo, source_function: shop}"),
            (
                "sources[0].dlt_native.source_module (source shop) cannot be planned: 'shpo:shop': "
                "there is no module 'shpo' in"
            ),
        ),
        (
            shop(dlt_native="{source_module: shop, source_function: shpo}"),
            (
                "sources[0].dlt_native.source_function (source shop) cannot be planned: "
                "'shop:shpo': Function 'shpo' not found in module 'shop'"
            ),
        ),
        (
            shop(
                dlt_native="{source_module: shop, source_function: shop, function_kwargs: {sz: 1}}"
            ),
            "function_kwargs do not fit shop(size: int = 5): it has no parameter 'sz'",
        ),
        (
            shop(airflow="{resources: [ordres]}"),
            (
                "sources[0].airflow.resources (source shop) cannot be planned: resources names "
                "'ordres', which matches no resource; there are: orders, customers "
                "(did you mean 'orders'?)"
            ),
        ),
        (
            shop(airflow="{task_options: {ordres: {retries: 1}}}"),
            (
                "sources[0].airflow.task_options (source shop) cannot be planned: "
                "task_options names 'ordres'"
            ),
        ),
        (
            shop(airflow="{task_options: {orders: {retriez: 1}}}"),
            "sources[0] (source shop) cannot be planned: ",
        ),
    ],
)
def test_a_mistake_is_told_by_a_dag_of_its_source_and_those_of_the_others_stand(
    load_project, entry, message
):
    dags, error = load_project(entry + GOOD)

    assert error == ""
    assert set(dags) == {"good", "shop"}
    assert message in mistakes_of(dags["shop"])
    assert set(dags["good"].task_ids) == {"orders", "customers", "finish"}


def test_several_sources_with_mistakes_are_told_at_once(load_project):
    wrong = shop(enabled="'no'") + shop(tags="finance").replace("name: shop", "name: store")

    dags, error = load_project(wrong + GOOD)

    assert (set(dags), error) == ({"good", "shop", "store"}, "")
    assert "sources[0].enabled (source shop)" in mistakes_of(dags["shop"])
    assert "sources[1].tags (source store)" in mistakes_of(dags["store"])


def test_a_mistake_in_the_schedules_takes_no_dag_away(load_project):
    dags, error = load_project(GOOD, "\n  - name: nightly\n    cron: dayly\n    sources: [good]\n")

    assert (set(dags), error) == ({"good", "mistakes_in_schedules_yml"}, "")
    told = mistakes_of(dags["mistakes_in_schedules_yml"])
    assert ".dango/schedules.yml:3: schedules[0].cron is 'dayly' (did you mean 'daily'?)" in told


def test_a_file_of_which_nothing_can_be_read_is_an_import_error(load_project):
    dags, error = load_project("\n  - [\n")

    assert dags == {}
    assert ".dango/sources.yml:3: is no YAML" in error


def test_unreferenced_files_are_told_in_the_log_with_what_to_paste(
    load_project, dag_folder, caplog
):
    dag_folder.write("custom_sources/forgotten.py", MODULE)

    dags, error = load_project(GOOD)

    assert (set(dags), error) == ({"good"}, "")
    assert "   - custom_sources/forgotten.py" in caplog.text
    assert "      source_module: forgotten" in caplog.text


def test_a_folder_without_a_file_says_how_to_make_one(tmp_path):
    from airflow_dlt_provider import load_dags

    with pytest.raises(ProjectFileError, match=r"has neither \.dango/sources\.yml nor sourc"):
        load_dags(tmp_path)
