"""Every table of a database, one Airflow task per table.

The database is that of the Airflow connection `copy_source`, added in the UI or given as

    AIRFLOW_CONN_COPY_SOURCE=postgres://reader:secret@db.example.com/shop

Rows go to a DuckDB file; with destination_conn_id="..." they go to another connection.
"""

from airflow_dlt_provider import DltDag

dag = DltDag(
    "copy_database",
    "dlt.sources.sql_database:sql_database",
    source_conn_id="copy_source",
    source_kwargs={"backend": "pyarrow", "chunk_size": 50_000},
    dataset_name="copy",
    # a table with a column for it loads what is new by "incremental": {"cursor_path": ...}
    resource_options={"*": {"write_disposition": "replace"}},
    tags=["demo"],
)
