"""The models of `sources.yml`, field by field.

The file is that of Dango's custom sources; everything that is for Airflow stands under `airflow:`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from airflow_dlt_provider.core.errors import closest
from airflow_dlt_provider.core.registry.addresses import check_destination
from airflow_dlt_provider.core.registry.cron import parse_schedule
from airflow_dlt_provider.core.registry.durations import parse_duration
from airflow_dlt_provider.core.registry.explanations import mistake_at
from airflow_dlt_provider.core.source_options import (
    ContractMode,
    ContractOptions,
    LoadedAs,
    Options,
    SourceOptions,
)
from airflow_dlt_provider.core.spec import Decompose

SUPPORTED_VERSION = "1.0"
MAX_NAME_LENGTH = 200
"""Airflow takes Dag ids of 250 characters; the rest is left to suffixes."""

SOURCE_TYPE = "dlt_native"
WIZARD_TYPES = (
    "airtable", "asana", "bing_ads", "chess", "csv", "facebook_ads", "freshdesk", "github",
    "google_ads", "google_analytics", "google_sheets", "hubspot", "inbox", "jira", "kafka",
    "local_files", "matomo", "mongodb", "mux", "mysql", "notion", "personio", "pipedrive",
    "postgres", "rest_api", "salesforce", "shopify", "slack", "stripe", "workable", "zendesk",
)  # fmt: skip
"""Other types of sources that Dango has, which are known by their names alone."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_REFERENCE = re.compile(r"[\w.]+:[\w.]+")

Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": ["number", "string"], "description": "Seconds, or 30s, 5m, 2h, 1d."}),
]


def source_name(value: str) -> str:
    """Return the name of a source in lower case.

    Raises:
        ValueError: It is none.
    """
    name = value.lower()
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"is {value!r:.60}, which is invalid. Use only lowercase letters, numbers, and "
            "underscores (no hyphens), and begin with a letter"
        )
    if len(name) > MAX_NAME_LENGTH:
        raise ValueError(f"has {len(name)} characters; at most {MAX_NAME_LENGTH} are allowed")
    return name


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty text; leave the key out, or write a name")
    return value


def _module_name(value: str) -> str:
    name = value.strip()
    # a path to a file in custom_sources/ is all but the name of its module
    path = re.sub(r"^(\./)?(custom_sources/)?", "", name.replace("\\", "/"))
    module = path.removesuffix(".py").replace("/", ".")
    if _MODULE.fullmatch(name) and not name.endswith(".py"):
        return name
    if _MODULE.fullmatch(module):
        raise ValueError(f"is {value!r:.60}, a file; write its module, without .py: {module!r}")
    raise ValueError(
        f"is {value!r:.60}, which is no name of a module; write the name of a file in "
        "custom_sources/ without .py, or of an installed module: my_api, dlt.sources.rest_api"
    )


def _function_name(value: str) -> str:
    if not _FUNCTION.fullmatch(value):
        raise ValueError(
            f"is {value!r:.60}, which is no name of a function; write it as after def: my_source"
        )
    return value


def _function_reference(value: str) -> str:
    if not _REFERENCE.fullmatch(value):
        raise ValueError(
            f"is {value!r:.60}; expected: module:function, such as my_changes:configure"
        )
    return value


def _resource_names(value: list[str]) -> list[str]:
    if not value:
        raise ValueError("is an empty list, which selects nothing; leave it out to load all")
    return value


def _moment(value: Any) -> Any:
    """Take text in quotes as the date that it would be without."""
    try:
        # Python 3.10 reads no Z
        return datetime.fromisoformat(re.sub("Z$", "+00:00", value))
    except (TypeError, ValueError):
        return value


Moment = Annotated[datetime | date, BeforeValidator(_moment)]
SourceName = Annotated[
    str,
    AfterValidator(source_name),
    WithJsonSchema({"type": "string", "pattern": "^[a-zA-Z]\\w*$"}),
]
ResourceNames = Annotated[list[str], AfterValidator(_resource_names)]
Text = Annotated[str, AfterValidator(_text)]
Count = Annotated[int, Field(gt=0)]


class DltNative(Options):
    """Where the dlt source is, and how it is called."""

    source_module: Annotated[str, AfterValidator(_module_name)]
    """A file in `custom_sources/` without `.py`, or an installed module."""
    source_function: Annotated[str, AfterValidator(_function_name)]
    """The function that returns the source."""
    source_name: str | None = Field(default=None, deprecated="write source_function")
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
            return _function_name(value)
        except TypeError:
            raise mistake_at("source_name", "is no text; write source_function") from None
        except ValueError as error:
            raise mistake_at("source_name", str(error)) from None


class AirflowOptions(LoadedAs):
    """What is for Airflow, and what dlt's own functions would be asked for in Python."""

    schedule: Annotated[str, AfterValidator(parse_schedule)] | None = None
    """A cron expression, or a preset such as `@daily`, `every_6h`, `weekly`."""
    start_date: Moment | None = None
    catchup: bool = False
    resources: ResourceNames | None = None
    """Names or glob patterns of the resources to load. Default: what the source selects."""
    exclude: list[str] = Field(default_factory=list)
    decompose: Decompose = "resource"
    """`resource`: a task for each. `component`: for each tree of resources. `none`: one task."""
    after: dict[str, list[str]] = Field(default_factory=dict)
    """Resource -> resources that are loaded before it."""
    destination: Annotated[str, AfterValidator(check_destination)] | None = None
    """A dlt destination, an address such as `postgresql://...`, or `conn_id:<connection>`."""
    source_conn_id: Text | None = None
    """An Airflow connection, whose credentials the function is given."""
    loader_file_format: Literal["jsonl", "insert_values", "parquet", "csv"] | None = None
    schema_contract: ContractMode | ContractOptions | None = None
    pool: Text | None = None
    max_active_tasks: Count | None = None
    retries: Annotated[int, Field(ge=0)] | None = None
    retry_delay: Duration | None = None
    execution_timeout: Duration | None = None
    task_options: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Resource name or glob pattern -> arguments of Airflow's operator."""
    configure: Annotated[str, AfterValidator(_function_reference)] | None = None
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
    enabled: bool = True
    description: str | None = None
    tags: list[Text] = Field(default_factory=list)
    lookback_days: Annotated[int, Field(ge=0)] | None = None
    """Days before their cursors from which resources are loaded again."""
    dlt_native: DltNative
    airflow: AirflowOptions = Field(default_factory=AirflowOptions)

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

    version: Annotated[Literal["1.0"], Field(description="Also as the number 1.0.")] = "1.0"
    sources: list[SourceEntry] = Field(default_factory=list)
