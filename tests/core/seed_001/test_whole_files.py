"""Files of the seed that are complete, with the `sources.yml` that belongs to each."""

from __future__ import annotations

from airflow_dlt_provider.core.planning.planner import plan_load
from airflow_dlt_provider.core.registry.project import read_project
from tests.core.seed_001.project import as_tables, shown


def test_quick_start_loads_what_the_api_has(project, seed, apis):
    project.place(seed(12), seed(13))

    output = shown(project.bash(seed(14).text))

    assert "items" in output
    assert project.tables("raw_my_api") == as_tables("items", apis.example["items"])


def test_importing_a_source_does_not_run_its_main_block(project, seed, apis):
    project.place(seed(13))
    project.write("custom_sources/my_api.py", seed(12).text + "\n" + seed(33).text)

    project.sync("my_api")

    assert project.tables("raw_my_api") == as_tables("items", apis.example["items"])
    assert not project.tables("test")


def test_a_source_stays_a_dlt_script_that_runs_on_its_own(project, seed, apis):
    project.write("custom_sources/my_api.py", seed(12).text + "\n" + seed(33).text)

    output = shown(project.bash(seed(34).text))

    assert "loaded" in output
    assert project.tables("test") == as_tables("items", apis.example["items"])


def test_plain_dlt_scripts_need_nothing_of_a_project(project, seed):
    shown(project.bash(seed(10).text))

    assert (project.folder / "my_source.py").read_text() == "...\n"


def test_several_resources_are_loaded_with_what_is_nested_in_them(project, seed, apis):
    project.place(seed(15), seed(16))

    output = project.sync("ecommerce")

    served = apis.dummyjson
    assert all(resource in output for resource in ("products", "carts", "users"))
    assert project.tables("raw_ecommerce") == {
        **as_tables("products", served["products"][:100]),
        **as_tables("carts", served["carts"]),
        **as_tables("users", served["users"][:30]),
    }
    assert apis.counts() == {f"dummyjson.com/{name}": 1 for name in ("products", "carts", "users")}


def test_a_second_sync_replaces_the_rows_of_the_first(project, seed, apis):
    project.place(seed(15), seed(16))
    project.sync("ecommerce")
    del apis.dummyjson["carts"][2:]
    apis.dummyjson["users"][0]["firstName"] = "another name"

    project.sync("ecommerce")

    tables = project.tables("raw_ecommerce")
    carts = as_tables("carts", apis.dummyjson["carts"])
    assert {name: tables[name] for name in carts} == carts
    assert tables["users"] == as_tables("users", apis.dummyjson["users"][:30])["users"]


def test_arguments_of_the_function_come_from_the_entry(project, seed, apis):
    project.place(seed(17), seed(18))

    project.sync("my_paginated_source")

    # the file's name, `sources:` above, and a size of pages that is not the function's default
    assert project.tables("raw_my_paginated_source") == as_tables("items", apis.example["items"])
    pages = [{"limit": "50", "offset": offset} for offset in ("0", "50", "100", "150")]
    assert apis.queries("api.example.com/items") == pages


def test_an_exported_variable_reaches_the_source(project, seed, apis):
    apis.bearer = "your-key-here"
    project.place(seed(19))
    project.register(my_api="authenticated_api:authenticated_api")

    shown(project.bash(seed(20).text))

    assert project.tables("raw_my_api") == as_tables("data", apis.example["data"])
    assert apis.calls[-1].authorization == "Bearer your-key-here"


def test_a_variable_of_the_env_file_reaches_the_source(project, seed, apis):
    apis.bearer = "your-key-here"
    project.place(seed(19), seed(21))
    project.register(my_api="authenticated_api:authenticated_api")

    project.sync("my_api")

    assert project.tables("raw_my_api") == as_tables("data", apis.example["data"])


def test_an_exported_variable_wins_over_the_env_file(project, seed, apis):
    apis.bearer = "the newer key"
    project.place(seed(19), seed(21))
    project.register(my_api="authenticated_api:authenticated_api")

    project.sync("my_api", MY_API_KEY="the newer key")

    assert project.tables("raw_my_api") == as_tables("data", apis.example["data"])


def test_a_source_that_raises_without_its_variable_fails_with_its_own_words(project, seed, apis):
    project.place(seed(19))
    project.register(my_api="authenticated_api:authenticated_api")

    output = shown(project.dango("sync --source my_api"), exit_code=1)

    assert "ValueError" in output
    assert "MY_API_KEY environment variable required" in output
    assert "Traceback" not in output
    assert not apis.calls


def test_a_source_that_raises_without_its_variable_is_planned_all_the_same(project, seed):
    project.place(seed(19))
    project.register(my_api="authenticated_api:authenticated_api")
    (source,) = read_project(project.folder).sources

    planned = plan_load(source.plan_spec(), project.folder / "manifest.json")

    assert len(planned.plan.tasks) == 1
    assert "MY_API_KEY environment variable required" in "\n".join(planned.warnings)
