"""Templates where there is no run yet: rendered with the defaults of a Dag's params."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG
from jinja2 import StrictUndefined, TemplateError
from jinja2.nativetypes import NativeEnvironment


def render_with_defaults(value: Any, dag: DAG) -> Any:
    """Render every template in *value* with the defaults of *dag*'s params, to native types.

    A template that asks for something only a run has stays as it is written.
    """
    if isinstance(value, dict):
        return {key: render_with_defaults(item, dag) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(render_with_defaults(item, dag) for item in value)
    if not isinstance(value, str) or "{" not in value:
        return value
    environment = NativeEnvironment(undefined=StrictUndefined)
    environment.globals.update(dag.user_defined_macros or {})
    environment.filters.update(dag.user_defined_filters or {})
    params = {name: dag.params.get_param(name).value for name in dag.params}
    try:
        return environment.from_string(value).render(params=params)
    except TemplateError:
        return value
