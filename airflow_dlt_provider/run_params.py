"""What one run is asked for: the Dag's params that say it, and how they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakSet

import pendulum
from airflow.sdk import DAG, Param

from airflow_dlt_provider.core.errors import PlanError, listed
from airflow_dlt_provider.core.spec import REFRESH_MODES, Refresh, RefreshMode, Window

if TYPE_CHECKING:
    from airflow.sdk import Context

FULL_REFRESH = "full_refresh"
RESOURCES = "resources"
REFRESH_MODE = "refresh_mode"
ALLOW_EMPTY_REPLACE = "allow_empty_replace"
BACKFILL_FROM = "backfill_from"
BACKFILL_TO = "backfill_to"
REPLAY_RUN_ID = "replay_run_id"

PARAM_NAMES = (
    FULL_REFRESH,
    RESOURCES,
    REFRESH_MODE,
    ALLOW_EMPTY_REPLACE,
    BACKFILL_FROM,
    BACKFILL_TO,
    REPLAY_RUN_ID,
)
"""All of them, without the prefix of a group."""

# a name does not tell whether a param is the user's own, and what is written into a param is
# serialized with it
_ADDED: WeakSet[Param] = WeakSet()


@dataclass(frozen=True)
class RunPurpose:
    """What a run is asked for. Without anything it is an ordinary load of all resources."""

    selected: tuple[str, ...] = ()
    """Names of the resources to load; empty: all."""
    refresh: Refresh | None = None
    window: Window | None = None
    interval: Window | None = None
    """The data interval of a run that is no backfill, where it has a length."""
    replay_run_id: str | None = None
    allow_empty_replace: bool = False
    """Whether a load without rows may empty a table, whatever the task says."""

    @property
    def may_leave_out(self) -> bool:
        """Whether tasks of the run may have nothing to do."""
        return bool(self.selected or self.window)

    def selected_of(self, resource_names: Sequence[str]) -> tuple[str, ...]:
        """Return those of a task's resources that are selected; of unknown ones, all."""
        if not resource_names:
            return self.selected
        return tuple(name for name in resource_names if name in self.selected)

    def leaves_out(self, resource_names: Sequence[str]) -> bool:
        """Tell whether a task that loads these resources has nothing to do."""
        return bool(
            self.selected and resource_names and set(self.selected).isdisjoint(resource_names)
        )


def build_params(
    prefix: str, resource_names: Sequence[str], *, full_refresh: bool
) -> dict[str, Param]:
    """Return the params of a Dag or a group, by name, for Airflow's trigger form.

    Args:
        prefix: Stands before their names.
        resource_names: What a run can be restricted to; empty where nobody knows them yet.
        full_refresh: The default of the param of that name.
    """
    section = f"Load of {prefix.removesuffix('__')}" if prefix else "Load"
    params = {
        RESOURCES: _resources_param(resource_names, section),
        **_refresh_params(section, full_refresh=full_refresh),
        BACKFILL_FROM: _moment(
            "Backfill from", "Load a window: from this point in time on.", section
        ),
        BACKFILL_TO: _moment("Backfill to", "The end of the window, which is not in it.", section),
        REPLAY_RUN_ID: Param(
            None,
            type=["null", "string"],
            title="Replay a run",
            description="A run id. The rows that this run and later ones appended are removed, and "
            "loaded again from the cursor that the run started from.",
            section=section,
        ),
    }
    _ADDED.update(params.values())
    return {f"{prefix}{name}": param for name, param in params.items()}


@contextmanager
def without_load_params(dag: DAG) -> Iterator[None]:
    """Hide the params that `build_params` made from tasks that are built meanwhile.

    Airflow copies a Dag's params into each of its tasks, and the copies into the serialized Dag:
    with a thousand resources, a thousand copies of a thousand names. A run gives a task those of
    its Dag all the same (`process_params` in Airflow's `sdk/definitions/param.py`).
    """
    before = {name: dag.params.get_param(name) for name in dag.params}
    for name, param in before.items():
        if param in _ADDED:
            del dag.params[name]
    try:
        yield
    finally:
        # in the order that they had, which is that of the trigger form
        after = {**before, **{name: dag.params.get_param(name) for name in dag.params}}
        for name in tuple(dag.params):
            del dag.params[name]
        for name, param in after.items():
            dag.params[name] = param


def read_purpose(context: Context, prefix: str) -> RunPurpose:
    """Return what the run of *context* is asked for.

    Args:
        context: Airflow's, of a task.
        prefix: Stands before the names of the params.

    Raises:
        PlanError: The params contradict each other, or the run has no window although it is a
            backfill.
    """
    params = {name: context["params"].get(f"{prefix}{name}") for name in PARAM_NAMES}
    window = _params_window(params, prefix, context["dag"]) or _backfill_window(context)
    refresh = _refresh(params) if params[FULL_REFRESH] is True else None
    replay_run_id = params[REPLAY_RUN_ID] or None
    asked = {
        f"{prefix}{FULL_REFRESH}": refresh,
        "a backfill": window,
        f"{prefix}{REPLAY_RUN_ID}": replay_run_id,
    }
    given = [name for name, value in asked.items() if value]
    if len(given) > 1:
        raise PlanError(f"{' and '.join(given)} exclude each other; ask for one of them in a run")
    return RunPurpose(
        selected=_selected(params[RESOURCES], prefix),
        refresh=refresh,
        window=window,
        # what is loaded again is loaded whole, whatever the run's own interval is
        interval=None if given else _interval(context),
        replay_run_id=replay_run_id,
        allow_empty_replace=bool(params[ALLOW_EMPTY_REPLACE]),
    )


def _resources_param(names: Sequence[str], section: str) -> Param:
    items: dict[str, Any] = {"items": {"type": "string"}}
    if names:
        # the form offers examples, and the server refuses what is not among the items
        items = {"examples": [*names], "items": {"type": "string", "enum": [*names]}}
    return Param(
        None,
        type=["null", "array"],
        title="Resources",
        description="Load these alone; all of them if empty.",
        section=section,
        **items,
    )


def _refresh_params(section: str, *, full_refresh: bool) -> dict[str, Param]:
    return {
        FULL_REFRESH: Param(
            full_refresh,
            type="boolean",
            title="Full refresh",
            description="Load from the beginning, in place of the rows that are there.",
            section=section,
        ),
        REFRESH_MODE: Param(
            REFRESH_MODES[0],
            type="string",
            enum=[*REFRESH_MODES],
            title="Way of the refresh",
            description_md="`replace` writes a table anew. `drop_data` empties it first. "
            "`drop_resources` drops it, with columns that the source has no more.",
            section=section,
        ),
        ALLOW_EMPTY_REPLACE: Param(
            False,
            type="boolean",
            title="Even if there are no rows",
            description="Let the run empty a table of which the source has no rows: by a full "
            "refresh, or because the table is replaced by each load.",
            section=section,
        ),
    }


def _moment(title: str, description: str, section: str) -> Param:
    return Param(
        None,
        type=["null", "string"],
        format="date-time",
        title=title,
        description=description,
        section=section,
    )


def _selected(value: Any, prefix: str) -> tuple[str, ...]:
    if not value:
        return ()
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise PlanError(
        f"param {prefix + RESOURCES!r} is {value!r} and no list of names of resources; it "
        "restricts a run to some of them. Give a param of your own that means something else "
        "another name"
    )


def _refresh(params: Mapping[str, Any]) -> Refresh:
    mode = params[REFRESH_MODE] or REFRESH_MODES[0]
    if mode not in REFRESH_MODES:
        raise PlanError(f"{REFRESH_MODE}={mode!r} is unknown; {listed(REFRESH_MODES)}")
    return Refresh(cast("RefreshMode", mode), bool(params[ALLOW_EMPTY_REPLACE]))


def _params_window(params: Mapping[str, Any], prefix: str, dag: DAG) -> Window | None:
    texts = {name: params[name] for name in (BACKFILL_FROM, BACKFILL_TO)}
    if not any(texts.values()):
        return None
    missing = [f"{prefix}{name}" for name, text in texts.items() if not text]
    if missing:
        raise PlanError(f"a window has two ends, and param {missing[0]!r} is empty")
    moments = [_parse_moment(f"{prefix}{name}", text, dag) for name, text in texts.items()]
    if moments[0] >= moments[1]:
        raise PlanError(
            f"the window from {texts[BACKFILL_FROM]} to {texts[BACKFILL_TO]} holds nothing; "
            "its end comes after its start, and is not in it"
        )
    return Window(*moments)


def _parse_moment(name: str, text: str, dag: DAG) -> datetime:
    try:
        parsed = pendulum.parse(text, tz=dag.timezone)
    except ValueError:
        parsed = None
    if not isinstance(parsed, pendulum.DateTime):
        raise PlanError(
            f"param {name!r} is {text!r} and no point in time; write 2026-01-31T00:00:00Z"
        )
    return _in_zone(parsed, dag)


def _backfill_window(context: Context) -> Window | None:
    """Return the window of a run of Airflow's backfill; `None` for another run.

    Cron schedules of Airflow 3 have intervals without a length (research on 3.3.2: start and end
    are the tick): the run loads what came between the tick before and its own.
    """
    if context["dag_run"].run_type != "backfill":
        return None
    if interval := _interval(context):
        return interval
    end = context.get("data_interval_end")
    dag = context["dag"]
    if end is None:
        raise PlanError(
            f"run {context['dag_run'].run_id} of Dag {dag.dag_id!r} is a backfill without a data "
            f"interval; run the Dag with params {BACKFILL_FROM} and {BACKFILL_TO}"
        )
    # Airflow's timetables are not needed by any other run, nor to parse a Dag
    from airflow_dlt_provider.schedule import tick_before

    tick = pendulum.instance(end)
    before = tick_before(dag, tick)
    if before is None:
        raise PlanError(
            f"the schedule of Dag {dag.dag_id!r} has no tick before {tick}, and so no window; run "
            f"it with params {BACKFILL_FROM} and {BACKFILL_TO}"
        )
    return Window(_in_zone(before, dag), _in_zone(tick, dag))


def _interval(context: Context) -> Window | None:
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if start is None or end is None or start >= end:
        return None
    dag = context["dag"]
    return Window(_in_zone(start, dag), _in_zone(end, dag))


def _in_zone(moment: datetime, dag: DAG) -> datetime:
    """Return *moment* on the clock of the Dag, where its days begin and end."""
    return pendulum.instance(moment).in_timezone(dag.timezone)
