"""What the package plugs into Airflow. Loaded by every process, so it brings no dlt."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from airflow_dlt_provider.plugin import preload

URL_PREFIX = "/dlt"


class DltPlugin(AirflowPlugin):
    """The plugin of `airflow_dlt_provider`."""

    name = "dlt"
    listeners = [preload]

    # only the API server asks for these, and only it has to import what they need
    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The page, as an app of its own."""
        from airflow_dlt_provider.plugin.page.app import build_app

        return [{"app": build_app(), "url_prefix": URL_PREFIX, "name": "dlt"}]

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Where Airflow's UI shows the page: in the navigation, and as a tab of each Dag."""
        from airflow_dlt_provider.settings import base_path

        page = f"{base_path()}{URL_PREFIX}/"
        view = {"name": "dlt", "icon": f"{page}static/icon.svg"}
        return [
            {**view, "destination": "nav", "url_route": "dlt", "href": page},
            # a route belongs to one view; Airflow shows a tab on every Dag, or on none
            {
                **view,
                "destination": "dag",
                "url_route": "dlt-resources",
                "href": f"{page}?dag_id={{DAG_ID}}",
            },
        ]
