"""What the page's routes take and answer: the contract between server and browser."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from airflow_dlt_provider.core.control.documents import VALUE_TYPES

RefreshMode = Literal["replace", "drop_data", "drop_resources"]
Status = Literal["loaded", "failed", "running", "cut off", "waiting", "never loaded", "unknown"]
"""`cut off`: a load began, and nobody has seen its end; `waiting`: a request waits for the next
load; `unknown`: the state store cannot be read here."""

Name = Annotated[str, Field(min_length=1, max_length=1000)]

MAX_BROWSER_INTEGER = 2**53 - 1
"""The largest whole number that JavaScript keeps as it is."""


def browser_value(value: Any) -> Any:
    """Return plain JSON in which a number that a browser would round is text."""
    if isinstance(value, int) and abs(value) > MAX_BROWSER_INTEGER:
        return str(value)
    if isinstance(value, dict):
        return {name: browser_value(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [browser_value(item) for item in value]
    return value


BrowserValue = Annotated[Any, PlainSerializer(browser_value)]
"""The value of a cursor."""


class _Target(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    dag_id: Name
    task_id: Name
    resource: Name


class RefreshAction(_Target):
    """Load all of a resource again, in a run of its own."""

    action: Literal["refresh"]
    refresh_mode: RefreshMode | None = None
    allow_empty_replace: bool = False


class ResetAction(_Target):
    """Start from the beginning."""

    action: Literal["reset"]


class SetAction(_Target):
    """Go on from another value of a cursor."""

    action: Literal["set"]
    value: Annotated[str, Field(max_length=10_000)]
    path: Name | None = None
    cursor_resource: Name | None = None
    """Whose cursor, where one that feeds the resource has one of the same path."""
    value_type: Annotated[str, Field(pattern=f"^({'|'.join(VALUE_TYPES)})$")] | None = None


class RewindAction(_Target):
    """Go back before a load."""

    action: Literal["rewind"]
    record_id: Name


class ReplayAction(_Target):
    """Go back before what a run loaded."""

    action: Literal["replay"]
    run_id: Name


RequestAction = ResetAction | SetAction | RewindAction | ReplayAction
"""What the next load of the resource carries out."""

Action = Annotated[RefreshAction | RequestAction, Field(discriminator="action")]


class Plan(BaseModel):
    """What an action would do."""

    effects: list[str]
    replaces: str | None = None
    """An earlier request that no load has carried out."""


class Done(BaseModel):
    """What an action did."""

    message: str
    link: str | None = None
    """Path of the run that was started."""


class DagSummary(BaseModel):
    """A Dag with dlt tasks."""

    dag_id: str
    is_paused: bool
    can_edit: bool
    resources: int


class DagList(BaseModel):
    """The Dags that a user may read."""

    dags: list[DagSummary]


class Cursor(BaseModel):
    """A cursor of a resource, or of one that feeds it."""

    resource: str
    path: str
    value: BrowserValue
    type: str


class ShortLoad(BaseModel):
    """A finished load in short."""

    recorded_at: str
    rows: int
    seconds: float
    run_id: str


class WaitingRequest(BaseModel):
    """A request that no load has carried out yet."""

    kind: str
    text: str


class Resource(BaseModel):
    """A resource in a list."""

    dag_id: str
    task_id: str
    pipeline_name: str
    resource: str
    table: str | None
    write_disposition: str | None
    status: Status
    cursor: list[Cursor]
    last_load: ShortLoad | None
    recent: list[ShortLoad]
    request: WaitingRequest | None
    problem: str | None
    """Why the state is not known."""
    is_whole_source: bool
    """Whether it is a task whose resources its first load will tell; it takes no actions."""


class ResourcePage(BaseModel):
    """One page of a list."""

    items: list[Resource]
    total: int
    page: int
    size: int


class Load(BaseModel):
    """A load in the ledger."""

    record_id: str
    run_id: str
    try_number: int
    status: str
    kind: str
    window: list[str] | None
    """Both ends of a backfill's window, the second one excluded."""
    recorded_at: str
    rows: int
    rows_by_table: dict[str, int]
    cursor_before: dict[str, BrowserValue]
    cursor_after: dict[str, BrowserValue]
    seconds: float
    seconds_by_step: dict[str, float]
    schema_changes: dict[str, list[str]]
    load_ids: list[str]
    can_rewind: bool
    can_replay: bool
    """Whether the resource can go back before the first load of the same run."""


class Column(BaseModel):
    """A column of a table."""

    name: str
    type: str
    nullable: bool
    key: bool


class Table(BaseModel):
    """A table of a resource."""

    name: str
    parent: str | None
    columns: list[Column]


class SchemaChange(BaseModel):
    """Columns that a load added to a table."""

    recorded_at: str
    run_id: str
    table: str
    columns: list[str]


class Links(BaseModel):
    """Paths in Airflow's UI."""

    task: str
    asset: str | None
    asset_name: str
    """Of the table; of the pipeline for a resource that a task for a whole source found."""
    dag: str


class ResourceDetail(Resource):
    """All that is known of a resource."""

    can_edit: bool
    loads: list[Load]
    tables: list[Table]
    schema_changes: list[SchemaChange]
    refresh_modes: list[RefreshMode]
    links: Links
