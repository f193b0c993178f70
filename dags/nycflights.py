"""Every flight out of New York City in 2013, one Airflow task per table."""

from airflow.sdk import Param

from airflow_dlt_provider import DltDag

dag = DltDag(
    "nycflights",
    "nycflights_source:nycflights",
    source_kwargs={"until": "{{ params.until }}"},
    params={
        "until": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Until",
            description="Load what happened before this day (UTC); everything if empty.",
        )
    },
    tags=["demo"],
)
