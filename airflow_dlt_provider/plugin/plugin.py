"""What the package plugs into Airflow. Loaded by every process, so it brings no dlt."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from airflow_dlt_provider.plugin import preload


class DltPlugin(AirflowPlugin):
    """The plugin of `airflow_dlt_provider`."""

    name = "dlt"
    listeners = [preload]
