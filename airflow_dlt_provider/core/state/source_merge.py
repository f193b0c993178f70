"""The changes of a run's tasks to source-level state, merged into the store by its last task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_dlt_provider.core.state.merge import Change, merge_changes
from airflow_dlt_provider.core.state.records import SourceState, typed_text, typed_value
from airflow_dlt_provider.core.state.store import StateStore


@dataclass(frozen=True)
class TaskChanges:
    """What one task changed."""

    changes_id: str
    by_source: Mapping[str, list[Change]]
    seeds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Source -> the merged state before, and when it was merged, where the store has lost it."""
    contained: tuple[str, ...] = ()
    """Each older `changes_id` of the same pipeline: its changes are in these, or merged before.

    The resources of a task remember what the last load of each changed, and some of them may have
    been loaded in fewer runs than others.
    """

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "changes_id": self.changes_id,
            "by_source": typed_text(self.by_source),
            "seeds": typed_text(self.seeds),
            "contained": list(self.contained),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> TaskChanges:
        """Return the changes that `to_dict` turned into *document*."""
        return cls(
            document["changes_id"],
            typed_value(document["by_source"]),
            typed_value(document["seeds"]),
            # an older version returned none
            tuple(document.get("contained", ())),
        )


def merge_source_changes(
    store: StateStore, pipeline_name: str, changes_by_task: Mapping[str, TaskChanges]
) -> list[str]:
    """Merge the changes of all tasks into the store, each once, and describe the conflicts.

    Args:
        store: Holds the state from which the tasks started.
        pipeline_name: The base name.
        changes_by_task: Pipeline of a task -> what it changed.

    Returns:
        One line for each path that tasks set to different values.
    """
    source_names = dict.fromkeys(
        name for changes in changes_by_task.values() for name in changes.by_source
    )
    lines: list[str] = []
    for name in source_names:
        former = store.read_source(pipeline_name, name)
        merged = dict(former.merged) if former else {}
        contained = dict(former.contained) if former else {}
        new = {
            task_key: changes
            for task_key, changes in changes_by_task.items()
            if name in changes.by_source and merged.get(task_key) != changes.changes_id
        }
        if not new:
            continue
        values, conflicts = merge_changes(
            former.values if former else _newest_seed(name, new.values()),
            {task_key: changes.by_source[name] for task_key, changes in new.items()},
        )
        merged |= {task_key: changes.changes_id for task_key, changes in new.items()}
        contained |= {task_key: list(changes.contained) for task_key, changes in new.items()}
        store.write_source(SourceState(pipeline_name, name, values, merged, conflicts, contained))
        lines += [_described(name, conflict) for conflict in conflicts]
    return lines


def _newest_seed(source_name: str, changes: Iterable[TaskChanges]) -> Mapping[str, Any]:
    """Return the state that was merged last, as one of the tasks still has it."""
    seeds = [item.seeds[source_name] for item in changes if source_name in item.seeds]
    if not seeds:
        return {}
    newest = max(seeds, key=lambda seed: float(seed["merged_at"]))
    values: Mapping[str, Any] = newest["values"]
    return values


def _described(source_name: str, conflict: Mapping[str, Any]) -> str:
    path = ".".join(conflict["path"])
    values = ", ".join(f"{task}: {value!r}" for task, value in conflict["values"].items())
    return f"source-level state {source_name}.{path} was set differently by tasks ({values})"
