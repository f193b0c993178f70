"""Which of a resource's cursors a person means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_dlt_provider.core.control.documents import VALUE_TYPES
from airflow_dlt_provider.core.control.words import Words
from airflow_dlt_provider.core.errors import StateError, closest, listed


def own_or_only(
    resource_name: str,
    cursors: Sequence[tuple[str, str, Any]],
    path: str | None,
    cursor_resource: str,
) -> list[tuple[str, str, Any]]:
    """Return the cursors of one resource among those of a resource and of what feeds it.

    Args:
        resource_name: The resource.
        cursors: Owner, path and last value of each.
        path: What was named.
        cursor_resource: Whose cursor is meant.

    Raises:
        StateError: A load would take another one for it.
    """
    found = [item for item in cursors if item[0] == cursor_resource]
    owners = [item[0] for item in cursors if item[1] == path]
    # a resource of several sources goes by the name of its source too
    own = next(
        (name for name in owners if name == resource_name),
        next((name for name in owners if resource_name.endswith(f"__{name}")), None),
    )
    if len(owners) > 1 and cursor_resource != own:
        raise StateError(
            f"the cursor {path!r} of {cursor_resource}, which feeds resource {resource_name!r}, "
            f"cannot be set by itself: {', '.join(owners)} have one of this path each. Rewind or "
            "reset the resource"
        )
    return found


def pick_cursor(
    resource_name: str,
    cursors: Sequence[tuple[str, str, Any]],
    path: str | None,
    words: Words,
    *,
    may_be_new: bool,
) -> tuple[str, str, Any] | None:
    """Return the cursor that is meant; `None` for one that no load has had yet.

    Args:
        resource_name: For messages.
        cursors: Owner, path and last value of each.
        path: What was named.
        words: For messages that say what to do.
        may_be_new: Whether no load needs to have had it.

    Raises:
        StateError: None or several are meant.
    """
    paths = dict.fromkeys(item[1] for item in cursors)
    found = [item for item in cursors if path in (None, item[1])]
    if len(found) == 1:
        return found[0]
    if found and path is None and len(paths) > 1:
        raise StateError(
            f"resource {resource_name!r} has several cursors; {words.name_cursor}; {listed(paths)}"
        )
    if found:
        owners = ", ".join(item[0] for item in found)
        raise StateError(
            f"resource {resource_name!r} has a cursor {found[0][1]!r} in each of {owners}; "
            "none of them can be set by itself: rewind or reset the resource"
        )
    if may_be_new:
        return None
    if cursors:
        raise StateError(
            f"resource {resource_name!r} has no cursor {path!r}; {listed(paths)}"
            f"{closest(path or '', paths)}"
        )
    raise StateError(
        f"no load of resource {resource_name!r} has had a cursor; if it declares one, "
        f"{words.name_type}, one of: {', '.join(VALUE_TYPES)}"
    )
