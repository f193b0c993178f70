"""Apache Airflow provider for dlt: a source becomes a Dag with one task per resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dlt_provider.version import __version__

if TYPE_CHECKING:
    from airflow_dlt_provider.dag_factory import DltDag, DltTaskGroup
    from airflow_dlt_provider.declared_dags import load_dags
    from airflow_dlt_provider.hooks.dlt import DltHook
    from airflow_dlt_provider.operators.dlt import DltResourceOperator
    from airflow_dlt_provider.operators.finish import DltFinishOperator

__all__ = [
    "DltDag",
    "DltFinishOperator",
    "DltHook",
    "DltResourceOperator",
    "DltTaskGroup",
    "__version__",
    "load_dags",
]

_MODULES = {
    "DltDag": "dag_factory",
    "DltTaskGroup": "dag_factory",
    "load_dags": "declared_dags",
    "DltFinishOperator": "operators.finish",
    "DltHook": "hooks.dlt",
    "DltResourceOperator": "operators.dlt",
}


def __getattr__(name: str) -> Any:
    # lazily, so that the core works without Airflow, and Airflow can look at `provider_info`
    # before it has read its own configuration
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
