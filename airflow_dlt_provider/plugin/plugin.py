"""What the package plugs into Airflow. Loaded by every process, so it imports nothing early."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin


class DltPlugin(AirflowPlugin):
    """The plugin of `airflow_dlt_provider`."""

    name = "dlt"

    @cached_property
    def listeners(self) -> list[Any]:  # type: ignore[override]
        """Listeners, imported when Airflow first asks for them."""
        from airflow_dlt_provider.plugin import preload

        return [preload]
