"""Links from a task in Airflow's UI. A task's process makes them when the task has ended.

They hold paths alone, below the path of `[api] base_url`, so that they stay on the server whose
UI shows them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from airflow import __version__ as airflow_version
from airflow.configuration import conf
from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

PAGE_PREFIX = "/dlt"
"""Where Airflow's server has the page of the resources."""

PAGE_ROUTE = "dlt"
"""The page's `url_route`: Airflow's UI shows it in a frame at `/plugin/<route>`."""


class ResourceLink(BaseOperatorLink):
    """Leads to the state and history of the resource that the task loads."""

    name = "dlt resource"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the page of the one resource, else that of all resources of the Dag."""
        place = {"dag_id": ti_key.dag_id}
        if len(operator.resource_names) == 1:
            place |= {"task_id": ti_key.task_id, "resource": operator.resource_names[0]}
        base = base_path()
        page = f"{base}{PAGE_PREFIX}/?{urlencode(place, quote_via=quote)}"
        # what follows the route is what the frame shows, its query included (read in the UI of
        # 3.3.2); the UIs of 3.1 and 3.2 always show the first page there
        return f"{base}/plugin/{PAGE_ROUTE}{page}" if airflow_minor() >= (3, 3) else page


class TableAssetLink(BaseOperatorLink):
    """Leads to the asset of the table that the task writes."""

    name = "Table's asset"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return Airflow's list of assets, narrowed to that of the table, or of all tables.

        The page of an asset goes by a number that no task knows: the Task SDK's look-up of an
        asset returns none (3.3.2).
        """
        asset_names = sorted({asset.name for asset in operator.resource_assets.values()})
        if not asset_names:
            return ""
        several = len(asset_names) > 1 and operator.pipeline_asset
        pattern = f"{operator.pipeline_asset.name}/" if several else asset_names[0]
        return f"{base_path()}/assets?{urlencode({'name_pattern': pattern}, quote_via=quote)}"


def base_path() -> str:
    """Return the path below which Airflow's server serves, without a slash at its end."""
    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")


def airflow_minor() -> tuple[int, ...]:
    """Return major and minor version of Airflow."""
    return tuple(int(part) for part in airflow_version.split(".")[:2])
