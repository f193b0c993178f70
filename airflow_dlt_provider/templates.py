"""What a template is, and templates where there is no run yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pendulum
from airflow.sdk import DAG
from jinja2 import Environment, StrictUndefined, Undefined

_EXPRESSION = re.compile(r"\s*\{\{((?:(?!\{\{|\}\}).)*)\}\}\s*", re.DOTALL)

_SAMPLE_DATE = pendulum.datetime(2000, 1, 1)
SAMPLE_RUN: Mapping[str, Any] = {
    "ds": "2000-01-01",
    "ds_nodash": "20000101",
    "ts": _SAMPLE_DATE.isoformat(),
    "ts_nodash": "20000101T000000",
    "logical_date": _SAMPLE_DATE,
    "data_interval_start": _SAMPLE_DATE,
    "data_interval_end": _SAMPLE_DATE.add(days=1),
    "run_id": "sample__2000-01-01",
}
"""A run that never is: planning asks a source for its resources with dates like these."""


def is_template(value: object) -> bool:
    """Tell whether *value* is text with a template in it."""
    return isinstance(value, str) and any(mark in value for mark in ("{{", "{%", "{#"))


def evaluate(template: str, environment: Environment, variables: Mapping[str, Any]) -> Any:
    """Return what *template* gives.

    A template that is one expression, as `"{{ params.until }}"`, gives the value of it, with its
    own type; any other gives text.
    """
    if match := _EXPRESSION.fullmatch(template):
        expression = environment.compile_expression(match[1], undefined_to_none=False)
        value = expression(**variables)
        # a strict environment raises here
        return str(value) if isinstance(value, Undefined) else value
    return environment.from_string(template).render(**variables)


def render_with_defaults(value: Any, dag: DAG) -> Any:
    """Render every template in *value* with the defaults of *dag*'s params and a sample run.

    A template that cannot be rendered so stays as it is written.
    """
    if isinstance(value, dict):
        return {key: render_with_defaults(item, dag) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(render_with_defaults(item, dag) for item in value)
    if not is_template(value):
        return value
    # sandboxed keeps it from Airflow's native types; `evaluate` has rules of its own
    environment = dag.get_template_env(force_sandboxed=True)
    environment.undefined = StrictUndefined
    params = {name: dag.params.get_param(name) for name in dag.params}
    # without a default, `value` is a marker of Airflow's
    defaults = {name: p.value for name, p in params.items() if p.value is None or p.has_value}
    try:
        return evaluate(value, environment, {**SAMPLE_RUN, "params": defaults})
    except Exception:
        # what only a run has, or a value of another kind than the sample's
        return value
