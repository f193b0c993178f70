"""What the package plugs into Airflow. Loaded by every process, so it brings no dlt."""

from __future__ import annotations

import logging
from functools import cached_property
from importlib import import_module
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from airflow_dlt_provider.plugin import preload
from airflow_dlt_provider.settings import base_path, is_preload_enabled

URL_PREFIX = "/dlt"

log = logging.getLogger(__name__)


class DltPlugin(AirflowPlugin):
    """The plugin of `airflow_dlt_provider`."""

    name = "dlt"
    listeners = [preload]

    # only the API server asks for these, and only it has to import what they need: properties,
    # where Airflow's class has lists
    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The page, as an app of its own; none where this Airflow lacks what it needs."""
        try:
            from airflow_dlt_provider.plugin.page.app import build_app
        except ImportError:
            # some of it is no public interface of Airflow, which must start all the same
            log.warning("The page of dlt resources does not fit this Airflow", exc_info=True)
            return []
        if is_preload_enabled():
            # the first page would wait a second for it, as the types of cursors are dlt's
            import_module("dlt")
        return [{"app": build_app(), "url_prefix": URL_PREFIX, "name": "dlt"}]

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Where Airflow's UI shows the page: in the navigation, and as a tab of each Dag."""
        if not self.fastapi_apps:
            return []
        page = f"{base_path()}{URL_PREFIX}/"
        view = {"name": "dlt", "icon": f"{page}static/icon.svg"}
        of_dag = f"{page}?dag_id={{DAG_ID}}"
        return [
            {**view, "destination": "nav", "url_route": "dlt", "href": page},
            # Airflow takes a route once, and shows a tab on every Dag or on none
            {**view, "destination": "dag", "url_route": "dlt-resources", "href": of_dag},
        ]
