"""What the user asked for, in frozen records that every later step reads and none changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from airflow_dlt_provider.core.source_options import SourceOptions

Decompose = Literal["resource", "component", "none"]
"""How a source becomes tasks: see `airflow_dlt_provider.core.planning.decompose`."""

SECRETS_VARIABLE = "dlt_secrets_toml"
"""Name of the one Airflow Variable that is read: text in the format of dlt's `secrets.toml`."""

PUBLIC_SETTINGS = frozenset(
    ("host", "port", "database", "drivername", "region_name", "role", "schema", "warehouse")
)
"""Settings beside secrets that are none; masked, they would make logs unreadable."""

RefreshMode = Literal["replace", "drop_data", "drop_resources"]
"""What becomes of the rows of a resource that is loaded from the beginning once more.

`replace`: the load is written as if the resource's write disposition was `replace`, in one step
where the destination can. `drop_data`: tables are emptied, then loaded. `drop_resources`: tables
are dropped, then made and loaded.
"""

OnFailure = Literal["continue", "stop"]
"""What becomes of the other resources of a task when one fails while it is extracted.

`continue`: they are loaded, the task fails, and a retry loads what is missing. `stop`: none of them
is loaded; so it is always where nobody knew the resources of the task when it was planned.
"""

ON_FAILURE_MODES: tuple[OnFailure, ...] = ("continue", "stop")

REFRESH_MODES: tuple[RefreshMode, ...] = ("replace", "drop_data", "drop_resources")

DECOMPOSE_MODES: tuple[Decompose, ...] = ("resource", "component", "none")


@dataclass(frozen=True)
class ConnectionValues:
    """An Airflow connection, as plain values."""

    conn_id: str
    conn_type: str
    # not shown either: `md:orders?motherduck_token=...` is a host
    host: str | None = field(default=None, repr=False)
    port: int | None = None
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    schema: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Registration:
    """The entry of a source in the `sources.yml` of a project."""

    name: str
    project_dir: Path
    """The folder of `.env`, `.dlt/` and `custom_sources/`."""

    @property
    def modules_dir(self) -> Path:
        """The folder of the project's own modules."""
        return self.project_dir / "custom_sources"

    @property
    def env_file(self) -> Path:
        """The file of the project's environment variables."""
        return self.project_dir / ".env"


@dataclass(frozen=True)
class SourceSpec:
    """Where a dlt source comes from and how to call it."""

    source: str | Callable[..., Any]
    """`"module:function"`, or the function; it returns a source, a resource or a list of them."""
    base_dir: Path
    """The folder of the file that names the source; `.dlt/` and modules are looked for there."""
    source_kwargs: Mapping[str, Any] = field(default_factory=dict)
    configure: str | Callable[..., Any] | None = None
    """`"module:function"`, or the function: takes the source, returns it, changed."""
    options: SourceOptions = field(default_factory=SourceOptions)
    """What is said of the source and its resources besides; it has the last word."""
    registration: Registration | None = None
    source_conn_id: str | None = None
    """The connection whose credentials the function is given."""
    connection: ConnectionValues | None = None
    """That connection, where it was looked up."""

    @property
    def modules_dir(self) -> Path:
        """The folder of the user's modules."""
        return self.registration.modules_dir if self.registration else self.base_dir

    @property
    def module_dirs(self) -> tuple[Path, ...]:
        """The folders from which the user's modules may import."""
        return tuple(dict.fromkeys((self.modules_dir, self.base_dir)))


@dataclass(frozen=True)
class PlanSpec:
    """Which tasks a source shall become."""

    source: SourceSpec
    resources: tuple[str, ...] | None = None
    """Names or glob patterns; `None` takes what the source itself selects."""
    exclude: tuple[str, ...] = ()
    decompose: Decompose = "resource"
    max_tasks: int | None = None
    """How many tasks there may be; the planned ones are packed into so many."""
    task_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Resource name or glob pattern -> options of its task; other options, another task."""
    after: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Resource name -> the resources that are loaded before it."""

    @property
    def grouping(self) -> Decompose:
        """How resources become the tasks that are packed, or stay as they are.

        In one pipeline, resources that feed each other have one cursor: they are packed together.
        """
        is_packed = self.max_tasks is not None and self.decompose == "resource"
        return "component" if is_packed else self.decompose


@dataclass(frozen=True)
class DestinationSpec:
    """Where rows go. Every field has dlt's meaning."""

    destination: Any = None
    """A dlt destination name or factory; `None`: see `loading.destination`."""
    dataset_name: str | None = None
    staging: Any = None
    loader_file_format: Any = None
    schema_contract: Any = None


@dataclass(frozen=True)
class RunIdentity:
    """Which try of which run loads."""

    dag_id: str
    run_id: str
    try_number: int = 1
    max_tries: int = 0
    """Airflow's: the same for all tries that retry each other, higher after a task was cleared."""
    host: str = ""

    def described(self) -> str:
        """Say who loads, to others who wait for it."""
        where = f" on {self.host}" if self.host else ""
        return f"{self.dag_id}, {self.run_id}, try {self.try_number}{where}"


@dataclass(frozen=True)
class Refresh:
    """Load resources from the beginning, in place of the rows that they have."""

    mode: RefreshMode = "replace"
    allow_empty: bool = False
    """Whether a source that has no rows any more may empty a table."""


@dataclass(frozen=True)
class Window:
    """The part of a resource between two values of its cursor, the second one excluded."""

    start: datetime
    """With a time zone, and so is `end`."""
    end: datetime

    def described(self) -> tuple[str, str]:
        """Return both ends as ISO 8601."""
        return self.start.isoformat(), self.end.isoformat()


@dataclass(frozen=True)
class LoadRequest:
    """One planned task, ready to be loaded."""

    source: SourceSpec
    resources: tuple[str, ...]
    """Names of the resources to load; empty: all that the source selects."""
    pipeline_name: str
    """The base name; the task's own dlt pipeline is `names.task_pipeline_name(...)`."""
    task_key: str
    run: RunIdentity
    destination: DestinationSpec
    data_dir: Path
    """Where the default DuckDB file lies."""
    working_dir: Path
    """A folder of this task instance's own; only what a retry can go on with outlives a try."""
    known_resources: tuple[str, ...] = ()
    """What the source had when it was planned; a resource that is new since is warned of."""
    source_names: tuple[str, ...] = ()
    """Names of the sources, where they are known before the source is built."""
    shared_tables: tuple[str, ...] = ()
    """Root tables that other tasks write too."""
    selected: tuple[str, ...] = ()
    """Those of the resources that this run loads, and with them those that share a cursor or a
    table with one; empty: all."""
    refresh: Refresh | None = None
    """Load from the beginning; once for this run."""
    window: Window | None = None
    """Load this part alone, and leave the cursor where it is."""
    interval: Window | None = None
    """The data interval of the run, where it has one; what dlt calls an external scheduler's."""
    allow_empty_replace: bool = True
    """Whether an ordinary load without rows may empty a table that is replaced."""
    on_failure: OnFailure = "continue"
    replay_run_id: str | None = None
    """A run whose loads are taken back and done again, once for this run."""
    lock_timeout_seconds: float = 3600.0
    """The longest wait for another load, or another writer, to end."""
    secrets_toml: str | None = None
    """Text in the format of dlt's `secrets.toml`, looked up after the user's own files."""
