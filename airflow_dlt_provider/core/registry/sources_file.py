"""The models of `sources.yml`, field by field.

The file is that of Dango's custom sources; everything that is for Airflow stands under `airflow:`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from airflow_dlt_provider.core.errors import closest
from airflow_dlt_provider.core.registry.explanations import mistake_at
from airflow_dlt_provider.core.registry.field_types import (
    Count,
    DestinationName,
    Duration,
    FunctionName,
    FunctionReference,
    ModuleName,
    Moment,
    ResourceNames,
    Schedule,
    SourceName,
    Tag,
    TaskOptions,
    Text,
    function_name,
)
from airflow_dlt_provider.core.source_options import (
    ContractMode,
    ContractOptions,
    LoadedAs,
    Options,
    SourceOptions,
)
from airflow_dlt_provider.core.spec import Decompose, OnFailure

SUPPORTED_VERSION = "1.0"
SOURCE_TYPE = "dlt_native"
WIZARD_TYPES = (
    "airtable", "asana", "bing_ads", "chess", "csv", "facebook_ads", "freshdesk", "github",
    "google_ads", "google_analytics", "google_sheets", "hubspot", "inbox", "jira", "kafka",
    "local_files", "matomo", "mongodb", "mux", "mysql", "notion", "personio", "pipedrive",
    "postgres", "rest_api", "salesforce", "shopify", "slack", "stripe", "workable", "zendesk",
)  # fmt: skip
"""Other types of sources that Dango has, which are known by their names alone."""


class DltNative(Options):
    """Where the dlt source is, and how it is called."""

    source_module: ModuleName
    """A file in `custom_sources/` without `.py`, or an installed module."""
    source_function: FunctionName
    """The function that returns the source."""
    source_name: FunctionName | None = Field(default=None, deprecated="write source_function")
    """The old name of `source_function`."""
    function_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the function; `${VAR}` and `${VAR:-default}` are replaced on the worker."""
    pipeline_name: Text | None = None
    """Base name of the dlt pipelines. Default: the name of the source."""
    dataset_name: Text | None = None
    """Default: `raw_<name>`."""

    @model_validator(mode="before")
    @classmethod
    def _read_aliases(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        document = dict(value)
        if "source_name" in document:
            document["source_function"] = cls._old_source_function(document)
        if document.get("function_kwargs", {}) is None:
            document["function_kwargs"] = {}
        return document

    @classmethod
    def _old_source_function(cls, document: Mapping[str, Any]) -> str:
        if "source_function" in document:
            raise mistake_at(
                "source_name", "is the old name of source_function, which is there, too; keep that"
            )
        value = document["source_name"]
        try:
            return function_name(value)
        except TypeError:
            raise mistake_at("source_name", "is no text; write source_function") from None
        except ValueError as error:
            raise mistake_at("source_name", str(error)) from None


class AirflowOptions(LoadedAs):
    """What is for Airflow, and what dlt's own functions would be asked for in Python."""

    schedule: Schedule | None = None
    """A cron expression, or a preset such as `@daily`, `every_6h`, `weekly`."""
    start_date: Moment | None = None
    """A date or a point in time; UTC unless it says otherwise."""
    catchup: bool = False
    """Whether runs between the start date and today are made up for."""
    resources: ResourceNames | None = None
    """Names or glob patterns of the resources to load. Default: what the source selects."""
    exclude: list[str] = Field(default_factory=list)
    """Names or glob patterns of resources that are not loaded."""
    decompose: Decompose = "resource"
    """`resource`: a task for each. `component`: for each tree of resources. `none`: one task."""
    max_tasks: Count | None = None
    """Pack the resources into so many tasks at most, each with one pipeline."""
    on_failure: OnFailure = "continue"
    """When a resource of a task fails: `continue` loads the others, `stop` none of them."""
    after: dict[str, list[str]] = Field(default_factory=dict)
    """Resource -> resources that are loaded before it."""
    destination: DestinationName | None = None
    """A dlt destination, an address such as `postgresql://...`, or `conn_id:<connection>`."""
    source_conn_id: Text | None = None
    """An Airflow connection, whose credentials the function is given."""
    loader_file_format: Literal["jsonl", "insert_values", "parquet", "csv"] | None = None
    """Format of the files between extraction and destination. Default: the destination's."""
    schema_contract: ContractMode | ContractOptions | None = None
    """What becomes of data that does not fit the tables as they are."""
    pool: Text | None = None
    """Airflow pool of all tasks."""
    max_active_tasks: Count | None = None
    """Tasks of the Dag that run at the same moment, at most."""
    retries: Annotated[int, Field(ge=0)] | None = None
    """How often a task is tried again."""
    retry_delay: Duration | None = None
    """Time between tries."""
    execution_timeout: Duration | None = None
    """Longest time of one try."""
    task_options: TaskOptions = Field(default_factory=dict)
    """Resource name or glob pattern -> arguments of Airflow's operator."""
    configure: FunctionReference | None = None
    """`module:function`: takes the source on the worker, and returns it."""
    allow_empty_replace: bool = False
    """Whether a load without rows may empty a table that is replaced."""
    env_kwargs: bool = False
    """Whether a kwarg `<name>_env: VAR` means `<name>: ${VAR}`."""
    full_refresh_dag: bool = False
    """Whether there is a Dag `<name>__full_refresh`, too."""
    emit_when_empty: bool = True
    """Whether a load of no rows updates the table's asset."""


class SourceEntry(Options):
    """One source."""

    name: SourceName
    """Lower case; it names the Dag, and the dataset `raw_<name>`."""
    type: Literal["dlt_native"]
    """What else Dango knows is not loaded by Airflow."""
    enabled: bool = True
    """Whether it has a Dag."""
    description: str | None = None
    """Shown with the Dag."""
    tags: list[Tag] = Field(default_factory=list)
    lookback_days: Annotated[int, Field(ge=0)] | None = None
    """Days before their cursors from which resources are loaded again."""
    dlt_native: DltNative
    """Where the source is."""
    airflow: AirflowOptions = Field(default_factory=AirflowOptions)
    """What is for Airflow."""

    @model_validator(mode="before")
    @classmethod
    def _explain_type(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        kind = value.get("type")
        if isinstance(kind, str) and kind != SOURCE_TYPE:
            known = "is a Dango wizard type" if kind in WIZARD_TYPES else "is unknown"
            meant = closest(kind, [SOURCE_TYPE])
            problem = f"is {kind!r:.40}, which {known}{meant}; register it as {SOURCE_TYPE}"
            raise mistake_at("type", problem)
        if kind == SOURCE_TYPE and value.get(SOURCE_TYPE) is None:
            name = value.get("name")
            raise mistake_at(SOURCE_TYPE, f"config missing for source: {name}")
        return {**value, "airflow": {}} if value.get("airflow", {}) is None else value

    def source_options(self) -> SourceOptions:
        """Return what is said of the source and its resources."""
        said = {
            name: getattr(self.airflow, name)
            for name in LoadedAs.model_fields
            if name in self.airflow.model_fields_set
        }
        return SourceOptions(**said, lookback_days=self.lookback_days)


class SourcesFile(Options):
    """The file `sources.yml`."""

    version: Literal["1.0"] = "1.0"
    """Of the file's format; also as the number 1.0."""
    sources: list[SourceEntry] = Field(default_factory=list)
    """Each becomes a Dag."""
