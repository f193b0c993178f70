from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from airflow_dlt_provider.core.registry.json_schema import (
    SCHEDULES_SCHEMA,
    SOURCES_SCHEMA,
    schedules_schema,
    schema_text,
    sources_schema,
)
from airflow_dlt_provider.core.registry.project import read_project
from tests.core.test_wrong_sources import CASES, expected_of

REPOSITORY = Path(__file__).resolve().parents[2]

FULL = """
version: '1.0'
sources:
  - name: crm
    type: dlt_native
    enabled: false
    description: Customers
    tags: [sales]
    lookback_days: 3
    dlt_native:
      source_module: dlt.sources.rest_api
      source_function: rest_api_source
      function_kwargs: {config: {client: {base_url: '${URL}'}}, size: 5}
      pipeline_name: customers
      dataset_name: raw
    airflow:
      schedule: every_6h
      start_date: 2026-01-31
      catchup: true
      resources: [orders, 'item_*']
      exclude: [items]
      decompose: component
      after: {orders: [customers]}
      destination: conn_id:warehouse
      source_conn_id: crm
      loader_file_format: parquet
      schema_contract: {tables: evolve, columns: freeze}
      pool: api
      max_active_tasks: 4
      retries: 3
      retry_delay: 5m
      execution_timeout: 3600
      task_options: {orders: {queue: big}}
      configure: changes:limit
      allow_empty_replace: true
      env_kwargs: true
      full_refresh_dag: true
      emit_when_empty: false
      write_disposition: merge
      max_table_nesting: 1
      root_key: true
      resource_options:
        orders:
          write_disposition: {disposition: merge, strategy: upsert}
          primary_key: [id, line]
          columns: {total: {data_type: decimal, precision: 10}}
          incremental: {cursor_path: updated_at, initial_value: 2026-01-01}
          limit: 10
"""

VALID_SOURCES = {
    "empty": "{}",
    "no sources": "version: '1.0'\nsources:",
    "a number as the version": "version: 1.0\nsources: []",
    "full": FULL,
    "no more than needed": """
        sources:
          - name: My_API
            type: dlt_native
            dlt_native: {source_module: my_api, source_function: my_api}
        """,
    "keys without a value": """
        sources:
          - name: my_api
            type: dlt_native
            dlt_native: {source_module: my_api, source_function: a.b, function_kwargs: }
            airflow:
        """,
    "the old name of the function": """
        sources:
          - name: my_api
            type: dlt_native
            dlt_native: {source_module: my_api, source_name: my_api}
        """,
}  # fmt: skip

VALID_SCHEDULES = {
    "no schedules": "schedules:",
    "every key": """
        schedules:
          - {name: nightly, type: sync_only, cron: '0 2 * * *', sources: [crm], enabled: true,
             timezone: Europe/Berlin, start_date: 2026-01-01, misfire_grace_time: 60,
             timeout_minutes: 30, notify_on: [failure, stale]}
          - {name: models, type: dbt, cron: daily, dbt_command: run}
        """,
}

NOT_SEEN = {
    # what several entries say together
    "full_refresh_dag_of_another_source", "name_twice", "name_twice_in_another_case",
    "pipeline_name_of_another_source", "pipeline_name_twice",
    # what only a parser of cron expressions, of time and of addresses knows
    "destination_empty_connection", "name_too_long", "retry_delay_without_meaning",
    "retry_delay_zero", "schedule_misspelt_preset", "schedule_of_six_parts",
    "schedule_out_of_range", "schedule_that_never_comes", "start_date_a_text",
    # 1 is 1.0 in JSON
    "version_1",
}  # fmt: skip
"""Mistakes that a JSON Schema cannot see, and `airflow-dlt validate` does."""


class Plain(yaml.SafeLoader):
    """Reads YAML as editors do, to whom a date is text."""


Plain.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
    for letter, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def problems(schema, text):
    Draft202012Validator.check_schema(schema)
    document = yaml.load(text, Loader=Plain)  # noqa: S506 - a safe loader
    found = Draft202012Validator(schema).iter_errors({} if document is None else document)
    return [error.message for error in found]


@pytest.mark.parametrize(
    ("name", "schema"),
    [(SOURCES_SCHEMA, sources_schema()), (SCHEDULES_SCHEMA, schedules_schema())],
    ids=["sources", "schedules"],
)
def test_the_schema_in_the_documentation_is_that_of_the_models(name, schema):
    kept = (REPOSITORY / "docs" / name).read_text(encoding="utf-8")

    assert kept == schema_text(schema), "it is not current; renew it with: make schemas"


@pytest.mark.parametrize("text", VALID_SOURCES.values(), ids=VALID_SOURCES)
def test_a_valid_file_has_no_problem_for_the_schema_or_for_us(text, tmp_path):
    (tmp_path / "sources.yml").write_text(text)

    assert problems(sources_schema(), text) == []
    assert read_project(tmp_path).errors == ()


@pytest.mark.parametrize("text", VALID_SCHEDULES.values(), ids=VALID_SCHEDULES)
def test_valid_schedules_have_no_problem_for_the_schema_or_for_us(text, tmp_path):
    (tmp_path / "sources.yml").write_text(VALID_SOURCES["full"])
    (tmp_path / "schedules.yml").write_text(text)

    assert problems(schedules_schema(), text) == []
    assert read_project(tmp_path).errors == ()


READABLE = [
    pytest.param(path, id=path.stem)
    for path in sorted((CASES / "sources").glob("*.yml"))
    if not path.stem.startswith("yaml_")
]


@pytest.mark.parametrize("case", READABLE)
def test_the_schema_refuses_what_we_refuse(case):
    is_wrong = any(not text.startswith("warning: ") for text in expected_of(case))

    refused = bool(problems(sources_schema(), case.read_text(encoding="utf-8")))

    assert refused == (is_wrong and case.stem not in NOT_SEEN)


@pytest.mark.parametrize(
    "name", ["unknown_key", "type_misspelt", "name_missing", "sources_a_text", "unknown_top_key"]
)
def test_the_schema_of_schedules_refuses_what_we_refuse(name):
    assert problems(schedules_schema(), (CASES / "schedules" / f"{name}.yml").read_text())


def test_editors_are_told_what_keys_mean():
    fields = sources_schema()["$defs"]["AirflowOptions"]["properties"]

    assert fields["catchup"]["description"].startswith("Whether runs between")
    assert sources_schema()["title"] == "Sources of dlt, each of which becomes an Airflow Dag"
