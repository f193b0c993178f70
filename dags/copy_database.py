"""Every table of a database, one Airflow task per table.

Give Airflow two connections, for example in its UI, and unpause the Dag:

    AIRFLOW_CONN_COPY_SOURCE=postgres://reader:secret@db.example.com/shop
    AIRFLOW_CONN_COPY_TARGET=...          # left out, rows go to a DuckDB file

The tables are those of the database when the Dag was planned; a new one gets its task an hour
later at the latest (`[dlt] manifest_ttl`).
"""

from airflow_dlt_provider import DltDag

dag = DltDag(
    "copy_database",
    "dlt.sources.sql_database:sql_database",
    source_conn_id="copy_source",
    source_kwargs={"backend": "pyarrow", "chunk_size": 50_000},
    dataset_name="copy",
    tags=["demo"],
)
