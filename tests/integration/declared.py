"""A project of declared sources: an API, a database, and a source with secrets from everywhere."""

from __future__ import annotations

from pathlib import Path

import psycopg2

TABLES = {f"table_{number:02}": 20 + number for number in range(1, 51)}
"""Table of the database -> how many rows it has."""

DAG_IDS = ("accounts_api", "shop_copy", "vault")

CANARIES = {
    "environment": "canary-of-the-environment",
    "env_file": "canary-of-the-env-file",
    "section": "canary-of-the-section",
    "dlt": "canary-of-dlts-own-section",
    "toml": "canary-of-the-toml-variable",
    "variable": "canary-of-an-airflow-variable",
    "connection": "canary/of:a@connection",
    "extra": "canary-of-an-extra",
}
"""Where a secret is given -> the secret."""

SOURCES = """
version: '1.0'
sources:
  - name: accounts_api
    type: dlt_native
    dlt_native:
      source_module: rest_api
      source_function: rest_api
      function_kwargs:
        client:
          base_url: https://api.example.com
        resources:
          - name: items
            endpoint:
              path: items
              data_selector: items
              paginator: {type: offset, limit: 50, total_path: null, stop_after_empty_page: true}
          - name: orders
            write_disposition: merge
            primary_key: id
            endpoint:
              path: orders
              data_selector: $
              paginator: single_page
              incremental:
                cursor_path: updated_at
                initial_value: '2024-01-01T00:00:00Z'
                start_param: updated_since
          - name: accounts
            endpoint: {path: accounts, paginator: single_page}
          - name: account_details
            endpoint: {path: 'accounts/{resources.accounts.id}', paginator: single_page}

  - name: shop_copy
    type: dlt_native
    dlt_native:
      source_module: sql_database
      source_function: sql_database
      function_kwargs: {schema: shop, backend: pyarrow, chunk_size: 1000}
    airflow:
      source_conn_id: shop_db
      write_disposition: replace
      resource_options:
        table_01:
          write_disposition: append
          incremental: {cursor_path: id}

  - name: vault
    type: dlt_native
    dlt_native:
      source_module: vault
      source_function: vault
      function_kwargs:
        given:
          - ${OF_THE_ENVIRONMENT}
          - Bearer ${OF_THE_ENV_FILE}
          - ${OF_THE_SECTION}
          - env:OF_A_VARIABLE
    airflow:
      source_conn_id: vault_db
      retries: 1
      retry_delay: 1s
"""

VAULT_SOURCE = """
import logging
import os
from pathlib import Path

import dlt


@dlt.source
def vault(given, credentials, of_dlt=dlt.secrets.value, of_toml_variable=dlt.secrets.value):
    @dlt.resource(write_disposition="append")
    def entries(new=dlt.sources.incremental("number")):
        own = os.environ["OF_THE_ENV_FILE"]
        for secret in (*given, credentials, of_dlt, of_toml_variable, own):
            assert "canary" in secret
            print("printed", secret)
            for line in secret.splitlines():
                logging.getLogger("vault").warning("logged %s", line)
        tried = Path(os.environ["TRIED"])
        if not tried.exists():
            tried.touch()
            raise ConnectionError(" ".join("refused " + secret for secret in given))
        yield [{"number": 1}]

    return entries
"""

DAG_FILE = """
from airflow_dlt_provider import load_dags

globals().update(load_dags("project"))
"""


def environment_of(postgres: str) -> dict[str, str]:
    """Return the environment of an Airflow that runs the project."""
    vault = "postgres://reader:canary%2Fof%3Aa%40connection@127.0.0.1:1/x?sslpassword=canary-of-an-extra"
    return {
        "AIRFLOW_CONN_SHOP_DB": postgres,
        "AIRFLOW_CONN_VAULT_DB": vault,
        "OF_THE_ENVIRONMENT": CANARIES["environment"],
        "AIRFLOW__CORE__PARALLELISM": "4",
    }


def write_project(dags: Path, postgres: str) -> None:
    """Write the Dag file, and the project beside it."""
    project = dags / "project"
    (project / ".dango").mkdir(parents=True)
    (project / "custom_sources").mkdir()
    (project / ".dlt").mkdir()
    (dags / "declared_dags.py").write_text(DAG_FILE)
    (project / ".dango" / "sources.yml").write_text(SOURCES)
    (project / "custom_sources" / "vault.py").write_text(VAULT_SOURCE)
    (project / ".env").write_text(
        f'export OF_THE_ENV_FILE="{CANARIES["env_file"]}"  # a secret\nTRIED={dags.parent}/tried\n'
    )
    (project / ".dlt" / "secrets.toml").write_text(
        f'[sources.vault]\nOF_THE_SECTION = "{CANARIES["section"]}"\n'
        f'[sources.vault.vault]\nof_dlt = "{CANARIES["dlt"]}"\n'
    )


def fill_database(url: str) -> None:
    """Make the tables, in a schema of their own."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("create schema shop")
        for table, rows in TABLES.items():
            cursor.execute(
                f"create table shop.{table} as select n as id, 'name ' || n as name, "
                f"timestamptz '2024-01-01' + n * interval '1 hour' as updated_at "
                f"from generate_series(1, {rows}) n"
            )
            cursor.execute(f"alter table shop.{table} add primary key (id)")
