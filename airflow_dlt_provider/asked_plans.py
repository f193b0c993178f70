"""What Dag files ask to be planned, for who wants to know all of it, such as `manifest build`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from airflow_dlt_provider.core.spec import PlanSpec


@dataclass(frozen=True)
class AskedPlan:
    """A plan that a Dag, or a group in a Dag, was built from."""

    dag_id: str
    spec: PlanSpec
    committed: Path
    """Where its committed manifest lies, or would."""
    pipeline_name: str
    dataset_name: str
    state_store: str | None
    """As the Dag names it; `None`: what the configuration says."""


@contextmanager
def collecting_plans() -> Iterator[dict[Path, AskedPlan]]:
    """Collect the plans of all Dags that are built meanwhile, by the path of their manifest."""
    plans: dict[Path, AskedPlan] = {}
    token = _collected.set(plans)
    try:
        yield plans
    finally:
        _collected.reset(token)


def note_asked_plan(asked: AskedPlan) -> bool:
    """Tell whoever collects plans of this one, and whether anybody does.

    Of two Dags with one plan, as a Dag and its full refresh, the first one counts.
    """
    plans = _collected.get()
    if plans is None:
        return False
    plans.setdefault(asked.committed, asked)
    return True


_collected: ContextVar[dict[Path, AskedPlan] | None] = ContextVar("asked_plans", default=None)
