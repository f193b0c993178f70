"""Source-level state, seen in the function of a source as dlt shows it there.

A task's source is a clone with a name of its own, and dlt keeps state by the name of the source.
While the function runs, the source still has its original name, so the state is shown under that
name too, and taken away again before rows are extracted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dlt.pipeline.pipeline import Pipeline

from airflow_dlt_provider.core import names


@contextmanager
def source_level_state(pipeline: Pipeline, task_key: str) -> Iterator[None]:
    """Show the state of the task's sources under their original names.

    A name that had to be shortened does not tell the original, and its state is not shown.
    """
    suffix = names.schema_name("", task_key)
    shown = {
        name.removesuffix(suffix): values
        for name, state in pipeline.state.get("sources", {}).items()
        if name.endswith(suffix) and (values := _source_level(state))
    }
    if not shown:
        yield
        return
    with pipeline.managed_state() as state:
        state["sources"].update(shown)
    try:
        yield
    finally:
        with pipeline.managed_state() as state:
            for name in shown:
                del state["sources"][name]


def _source_level(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key != "resources"}
