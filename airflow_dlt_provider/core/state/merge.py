"""Changes of source-level state: what a task changed, and the changes of several tasks in one.

Mappings are followed to their leaves, so that two tasks that write into one nested mapping do not
contradict each other. Anything else, a list too, is one value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

Path = tuple[str, ...]
Change = list[Any]
"""`[path, value]`: the value was set; `[path]`: it was removed. A path is a list of keys."""


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return the changes that turn *before* into *after*, by path."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    removed: list[Change] = [[list(path)] for path in old if path not in new]
    set_: list[Change] = [
        [list(path), deepcopy(value)]
        for path, value in new.items()
        if path not in old or old[path] != value
    ]
    return removed + set_


def apply_changes(state: Mapping[str, Any], changes: list[Change]) -> dict[str, Any]:
    """Return *state* with *changes*."""
    changed = deepcopy(dict(state))
    for path, *value in changes:
        if value:
            _set(changed, path, deepcopy(value[0]))
        else:
            _remove(changed, path)
    return changed


def merge_changes(
    state: Mapping[str, Any], changes_by_task: Mapping[str, list[Change]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return *state* with the changes of all tasks, and where they contradict each other.

    Of two values for one path the later task's counts, and both are in the conflict.

    Args:
        state: The state from which all tasks started.
        changes_by_task: Task key -> what it changed, in the order of the tasks.

    Returns:
        The merged state, and the conflicts: path, and task key -> value, `None` where removed.
    """
    merged = deepcopy(dict(state))
    wanted: dict[Path, dict[str, Any]] = {}
    for task_key, changes in changes_by_task.items():
        merged = apply_changes(merged, changes)
        for path, *value in changes:
            wanted.setdefault(tuple(path), {})[task_key] = value[0] if value else None
    conflicts = [
        {"path": list(path), "values": values}
        for path, values in _with_nested(wanted).items()
        if any(value != next(iter(values.values())) for value in values.values())
    ]
    return merged, conflicts


def _with_nested(wanted: dict[Path, dict[str, Any]]) -> dict[Path, dict[str, Any]]:
    """Return *wanted* with every change below a path that another task wrote as a whole."""
    found = {path: dict(values) for path, values in wanted.items()}
    for path, values in wanted.items():
        for length in range(1, len(path)):
            for task_key, value in wanted.get(path[:length], {}).items():
                if task_key not in values:
                    found[path][task_key] = value
    return found


def _leaves(value: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from _leaves(item, (*path, key))
        else:
            yield (*path, key), item


def _set(state: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        if not isinstance(state.get(key), dict):
            state[key] = {}
        state = state[key]
    state[path[-1]] = value


def _remove(state: dict[str, Any], path: list[str]) -> None:
    inner: Any = state
    for key in path[:-1]:
        inner = inner.get(key) if isinstance(inner, dict) else None
    if isinstance(inner, dict):
        inner.pop(path[-1], None)
