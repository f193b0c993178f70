"""Names and glob patterns against the resources that a source has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import PlanError, ResourceNotFoundError, listed

if TYPE_CHECKING:
    # a Dag is built from names alone; see `plan`
    from dlt.extract import DltResource, DltSource


@dataclass(frozen=True)
class Candidate:
    """A resource that may be selected."""

    name: str
    """The resource's name; `<source>__<resource>` where there are several sources."""
    source: DltSource
    resource: DltResource
    parents: tuple[str, ...] = ()
    """Names of the resources that feed it, the nearest first."""

    @property
    def short_name(self) -> str:
        """The name that the source gives to the resource."""
        return str(self.resource.name)

    @property
    def is_selected(self) -> bool:
        """Whether the source itself selects the resource."""
        return bool(self.resource.selected)


def candidates(sources: Sequence[DltSource]) -> list[Candidate]:
    """Return every resource of *sources*, in the order in which they declare.

    Raises:
        PlanError: Two sources have one name.
    """
    several = len(sources) > 1
    for name, count in Counter(source.name for source in sources).items():
        if count > 1:
            raise PlanError(f"{count} sources are named {name!r}; give each a name of its own")
    return [
        Candidate(
            name=f"{source.name}{names.SEPARATOR}{resource.name}" if several else resource.name,
            source=source,
            resource=resource,
            parents=parents,
        )
        for source in sources
        for resource, parents in _resources_with_parents(source)
    ]


def _resources_with_parents(source: DltSource) -> list[tuple[DltResource, tuple[str, ...]]]:
    """Return every resource of *source* with the resources that feed it, the nearest first."""
    parent_by_name = {
        name: parent
        for parent, name in source.with_resources(*source.resources).resources.selected_dag
        if parent != name
    }

    def parents(name: str) -> tuple[str, ...]:
        parent = parent_by_name.get(name)
        return () if parent is None else (parent, *parents(parent))

    return [(resource, parents(name)) for name, resource in source.resources.items()]


def is_pattern(name: str) -> bool:
    """Tell whether *name* is a glob pattern rather than one name."""
    return any(character in name for character in "*?[")


def match_names(argument: str, patterns: Iterable[str], available: Sequence[str]) -> list[str]:
    """Return the names in *available* that match *patterns*, in their own order.

    Raises:
        ResourceNotFoundError: A pattern matches nothing; *argument* says where it stands.
    """
    matched: set[str] = set()
    for pattern in patterns:
        found = matches(pattern, available)
        if not found:
            raise ResourceNotFoundError(argument, pattern, available)
        matched.update(found)
    return [name for name in available if name in matched]


def matches(pattern: str, available: Sequence[str]) -> list[str]:
    """Return the names in *available* that one pattern matches."""
    # a resource may have a name that reads as a pattern
    is_name = pattern in available
    return [n for n in available if (n == pattern if is_name else fnmatchcase(n, pattern))]


def select(
    candidates: Sequence[Candidate],
    resources: Sequence[str] | None,
    exclude: Sequence[str],
) -> list[Candidate]:
    """Return the candidates to be loaded, in the order of the source.

    A resource that the source itself deselects is loaded only when it is named in full.

    Raises:
        ResourceNotFoundError: A name or pattern matches nothing.
        PlanError: Nothing is left.
    """
    available = [candidate.name for candidate in candidates]
    wanted = (
        {candidate.name for candidate in candidates if candidate.is_selected}
        if resources is None
        else _wanted(candidates, resources)
    )
    unwanted = set(match_names("exclude", exclude, available))
    chosen = [item for item in candidates if item.name in wanted and item.name not in unwanted]
    if not chosen:
        raise PlanError(
            f"no resource is selected (resources={_shown(resources)}, "
            f"exclude={_shown(exclude)}); {listed(available)}"
        )
    return chosen


def pick(available: Sequence[Candidate], resource_names: Sequence[str]) -> list[Candidate]:
    """Return the candidates that are named in full, in the order of the source.

    Raises:
        ResourceNotFoundError: One of them is not there.
    """
    known = [candidate.name for candidate in available]
    for name in resource_names:
        if name not in known:
            raise ResourceNotFoundError("this task", name, known)
    return [candidate for candidate in available if candidate.name in resource_names]


def _wanted(candidates: Sequence[Candidate], resources: Sequence[str]) -> set[str]:
    available = [candidate.name for candidate in candidates]
    deselected = {candidate.name for candidate in candidates if not candidate.is_selected}
    wanted: set[str] = set()
    for name in resources:
        found = set(match_names("resources", [name], available))
        wanted |= found if name in available else found - deselected
    return wanted


def _shown(names: Sequence[str] | None) -> str:
    return "None" if names is None else f"[{', '.join(names)}]"
