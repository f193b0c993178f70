"""One source of a `sources.yml`, as the rest of the package asks for sources."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_dlt_provider.core.registry.addresses import (
    CONNECTION,
    absolute_address,
    has_password,
)
from airflow_dlt_provider.core.registry.mistakes import Checked, Mistake
from airflow_dlt_provider.core.registry.schedules_file import ScheduleEntry
from airflow_dlt_provider.core.registry.sources_file import SourceEntry
from airflow_dlt_provider.core.source_options import ContractOptions, plain_options
from airflow_dlt_provider.core.spec import DestinationSpec, PlanSpec, Registration, SourceSpec

OWN_PACKAGE = "custom_sources."

_SECRET_NAME = re.compile(
    r"api_?key|apikey|auth|credential|passphrase|passwd|password|private_key|secret|token", re.I
)
_ENVIRONMENT = re.compile(r"env:([A-Za-z_]\w*)")


@dataclass(frozen=True)
class DeclaredSource:
    """A source without a mistake."""

    entry: SourceEntry
    registration: Registration
    checked: Checked
    """Where it stands in the file."""
    schedules: tuple[ScheduleEntry, ...] = ()

    @property
    def name(self) -> str:
        """The registered name, which is the id of the Dag."""
        return self.entry.name

    @property
    def is_enabled(self) -> bool:
        """Whether it is loaded."""
        return self.entry.enabled

    @property
    def time_zone(self) -> str | None:
        """The time zone of its schedules; `None` where `schedules.yml` has none for it."""
        has_own = self.entry.airflow.schedule or not self.schedules
        return None if has_own else self.schedules[0].timezone

    @property
    def pipeline_name(self) -> str:
        """The base name of its dlt pipelines."""
        return self.entry.dlt_native.pipeline_name or self.name

    @property
    def dataset_name(self) -> str:
        """The dataset that it is loaded to."""
        return self.entry.dlt_native.dataset_name or f"raw_{self.name}"

    @property
    def reference(self) -> str:
        """The function, as `module:function`."""
        native = self.entry.dlt_native
        return f"{native.source_module.removeprefix(OWN_PACKAGE)}:{native.source_function}"

    @property
    def destination_conn_id(self) -> str | None:
        """The Airflow connection that it is loaded to."""
        destination = self.entry.airflow.destination or ""
        is_connection = destination.startswith(CONNECTION)
        return destination.removeprefix(CONNECTION).strip() if is_connection else None

    @property
    def destination(self) -> str | None:
        """The dlt destination, or the address, that it is loaded to."""
        destination = self.entry.airflow.destination
        if destination is None or self.destination_conn_id:
            return None
        return absolute_address(destination, self.registration.project_dir)

    @property
    def source_kwargs(self) -> dict[str, Any]:
        """Arguments of the function, with references to variables in one spelling."""
        kwargs: dict[str, Any] = _referring(self.entry.dlt_native.function_kwargs)
        if not self.entry.airflow.env_kwargs:
            return kwargs
        return {
            name.removesuffix("_env"): f"${{{value}}}"
            if name.endswith("_env") and isinstance(value, str)
            else value
            for name, value in kwargs.items()
        }

    def source_spec(self) -> SourceSpec:
        """Return where the source comes from, with nothing resolved."""
        airflow = self.entry.airflow
        return SourceSpec(
            source=self.reference,
            base_dir=self.registration.project_dir,
            source_kwargs=self.source_kwargs,
            configure=airflow.configure,
            options=self.entry.source_options(),
            registration=self.registration,
            source_conn_id=airflow.source_conn_id,
        )

    def plan_spec(self) -> PlanSpec:
        """Return which tasks the source shall become."""
        airflow = self.entry.airflow
        return PlanSpec(
            source=self.source_spec(),
            resources=tuple(airflow.resources) if airflow.resources else None,
            exclude=tuple(airflow.exclude),
            decompose=airflow.decompose,
            max_tasks=airflow.max_tasks,
            task_options=airflow.task_options,
            after={name: tuple(earlier) for name, earlier in airflow.after.items()},
        )

    def destination_spec(self) -> DestinationSpec:
        """Return where the source is loaded to, with nothing resolved."""
        airflow = self.entry.airflow
        contract = airflow.schema_contract
        return DestinationSpec(
            destination=self.destination,
            dataset_name=self.dataset_name,
            loader_file_format=airflow.loader_file_format,
            schema_contract=plain_options(contract)
            if isinstance(contract, ContractOptions)
            else contract,
        )

    def warnings(self) -> Iterator[Mistake]:
        """Yield what is odd in the entry, and no mistake."""
        native = self.entry.dlt_native
        if native.model_fields_set & {"source_name"}:
            yield self.checked.mistake(
                ("dlt_native", "source_name"), "is the old name of source_function", "warning"
            )
        if has_password(self.entry.airflow.destination or ""):
            yield self.checked.mistake(
                ("airflow", "destination"),
                "has a password in it, which Airflow would show; write ${VARIABLE} in its place, "
                "or conn_id: and the id of an Airflow connection",
                "warning",
            )
        for name, value in native.function_kwargs.items():
            if _may_be_secret(name, value):
                yield self.checked.mistake(
                    ("dlt_native", "function_kwargs", name),
                    "may be a secret, which Airflow would show; write ${VARIABLE} in its place, "
                    "and put it into .env or .dlt/secrets.toml",
                    "warning",
                )


def _may_be_secret(name: str, value: Any) -> bool:
    is_text = isinstance(value, str) and bool(value)
    is_reference = is_text and ("${" in value or _ENVIRONMENT.fullmatch(value) is not None)
    return bool(_SECRET_NAME.search(name)) and is_text and not is_reference


def _referring(value: Any) -> Any:
    """Write `env:VAR` as `${VAR}`."""
    if isinstance(value, Mapping):
        return {key: _referring(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_referring(item) for item in value]
    match = _ENVIRONMENT.fullmatch(value) if isinstance(value, str) else None
    return f"${{{match[1]}}}" if match else value
