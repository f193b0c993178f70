"""One Dag for each source that a sources.yml declares."""

from airflow_dlt_provider import load_dags

globals().update(load_dags("declared/sources.yml"))
