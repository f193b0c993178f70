"""What a state store knows of the resources of one pipeline, as persons ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.control.documents import plain, time_text
from airflow_dlt_provider.core.errors import StateError, closest, listed
from airflow_dlt_provider.core.state.records import LoadRecord, ResourceState, StateRequest
from airflow_dlt_provider.core.state.store import ALL_KEPT, StateStore

SHORT_ID_LENGTH = 8


class KnownResources:
    """The resources of one pipeline, each read from the store when it is first asked for.

    Args:
        store: Where they are kept.
        pipeline_name: The base name.
        resource_names: Those that matter, where that is known; default: all that the store has.
    """

    def __init__(
        self, store: StateStore, pipeline_name: str, resource_names: Sequence[str] | None = None
    ) -> None:
        self.store = store
        self.pipeline_name = pipeline_name
        self._resource_names = resource_names

    @cached_property
    def names(self) -> list[str]:
        """Names of all resources with a state or a request, sorted."""
        if self._resource_names is not None:
            return sorted(self._resource_names)
        return self.store.list_resources(self.pipeline_name)

    @cached_property
    def states(self) -> dict[str, ResourceState]:
        """Resource name -> what is known after its last load."""
        return self.store.read_resources(self.pipeline_name, self.names)

    @cached_property
    def pending(self) -> dict[str, StateRequest]:
        """Resource name -> the request that no load has carried out yet."""
        return self.store.pending_requests(self.pipeline_name, self.states, self.names)

    @cached_property
    def loaded_names(self) -> list[str]:
        """Those of the names that are resources: a task for a whole source has a state too."""
        return [name for name in self.names if not self._is_whole_source(name)]

    def last_load(self, resource_name: str) -> LoadRecord | None:
        """Return the newest load of a resource, or `None`."""
        return self.store.last_load(self.pipeline_name, resource_name)

    def loads(self, resource_name: str) -> list[LoadRecord]:
        """Return all loads that the ledger has of a resource, the newest first."""
        return self.store.list_loads(self.pipeline_name, resource_name, ALL_KEPT)

    def require_any(self, dag: str) -> None:
        """Refuse a Dag of which nothing is known.

        Raises:
            StateError: There is no resource.
        """
        if not self.names:
            raise StateError(
                f"the state store {self.store.name} knows no resource of pipeline "
                f"{self.pipeline_name!r}; a Dag is named by its id, a task group as "
                "<Dag id>.<group id>, a pipeline that its author named by that name"
                + _of_dotted_id(dag)
            )

    def require(self, resource_name: str) -> None:
        """Refuse a resource of which nothing is known.

        Raises:
            StateError: There is no such resource.
        """
        if resource_name not in self.names:
            raise StateError(
                f"the state store {self.store.name} knows no resource {resource_name!r} of "
                f"pipeline {self.pipeline_name!r}; {listed(self.names)}"
                f"{closest(resource_name, self.names)}"
            )

    def require_loaded(self, resource_name: str) -> None:
        """Refuse what no load would ever apply a request to.

        Raises:
            StateError: There is no such resource, or it is the task for a whole source.
        """
        self.require(resource_name)
        if resource_name not in self.loaded_names:
            raise StateError(
                f"{resource_name!r} of pipeline {self.pipeline_name!r} is the task for a whole "
                f"source and no resource; {listed(self.loaded_names)}"
            )

    def sharing_cursor_with(self, resource_name: str) -> list[str]:
        """Return the other resources of the same task that one resource feeds too."""
        state = self.states.get(resource_name)
        if state is None:
            return []
        return [
            name
            for name in self._others_of_task(resource_name)
            if name in self.loaded_names
            and not set(state.states).isdisjoint(self.states[name].states)
        ]

    def _is_whole_source(self, name: str) -> bool:
        """Tell a task, which goes by its key until it knows its resources, from a resource."""
        state = self.states.get(name)
        own_pipeline = names.task_pipeline_name(self.pipeline_name, name)
        if state is None or state.task_pipeline != own_pipeline or self.last_load(name):
            return False
        return any(self.last_load(other) for other in self._others_of_task(name))

    def _others_of_task(self, name: str) -> list[str]:
        task_pipeline = self.states[name].task_pipeline
        return [
            other
            for other, state in self.states.items()
            if other != name and state.task_pipeline == task_pipeline
        ]


def find_record(text: str, resource_name: str, records: Sequence[LoadRecord]) -> LoadRecord:
    """Return the load that the beginning of its id names.

    Args:
        text: The id of a record, or so much of it that no other begins alike.
        resource_name: For messages.
        records: The resource's ledger.

    Raises:
        StateError: No record is called so, or several.
    """
    found = [item for item in records if item.record_id.startswith(text)]
    exact = [item for item in found if item.record_id == text]
    if len(exact or found) == 1:
        return (exact or found)[0]
    short_ids = short_record_ids(records)
    if found and text:
        several = listed(item.record_id for item in found)
        raise StateError(f"several loads of {resource_name!r} have an id with {text!r}; {several}")
    known = listed(f"{short_ids[item.record_id]} ({item.run_id})" for item in records)
    raise StateError(f"the ledger of resource {resource_name!r} has no load {text!r}; {known}")


def short_record_ids(records: Iterable[LoadRecord]) -> dict[str, str]:
    """Return record id -> its beginning, as long as it takes to tell these records apart."""
    ids = [item.record_id for item in records]
    longest = max(map(len, ids), default=SHORT_ID_LENGTH)
    length = next(
        (
            length
            for length in range(SHORT_ID_LENGTH, longest)
            if len({item[:length] for item in ids}) == len(set(ids))
        ),
        longest,
    )
    return {item: item[:length] for item in ids}


def describe_request(request: StateRequest) -> str:
    """Say in one line what a person asked for."""
    what: str = request.kind
    if request.kind == "set":
        cursor = f" {request.cursor_path}" if request.cursor_path else ""
        what = f"set{cursor} to {plain(request.value)}"
    elif request.kind == "rewind":
        what = f"rewind to before load {(request.record_id or '')[:SHORT_ID_LENGTH]}"
    elif request.kind == "replay":
        what = f"replay of run {request.run_id}"
    return f"{what}, asked by {request.asked_by}, {time_text(request.asked_at)}"


def _of_dotted_id(dag: str) -> str:
    if "." not in dag:
        return ""
    return f"; the pipeline of a Dag {dag!r} is {names.default_pipeline_name(dag)!r}"
