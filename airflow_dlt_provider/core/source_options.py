"""What may be said of a source and its resources without Python, as models that check it.

They are the `resource_options` of a `DltDag`, and a part of `airflow:` in a `sources.yml`. Every
key has dlt's meaning, which `planning.source_options` gives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Names = str | list[str]
Disposition = Literal["append", "merge", "replace", "skip"]
DataType = Literal[
    "text", "double", "bool", "timestamp", "bigint", "binary", "json", "decimal", "wei", "date",
    "time",
]  # fmt: skip
ContractMode = Literal["evolve", "freeze", "discard_row", "discard_value"]
Nesting = Annotated[int, Field(ge=0)]


class Options(BaseModel):
    """Base of all models of what a user wrote: an unknown key is a mistake."""

    # a text "false" is no false
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )


class DispositionOptions(Options):
    """A write disposition with a strategy.

    How a table is replaced is a setting of dlt's destination, `replace_strategy`: dlt 1.31 takes
    no notice of one in a write disposition.
    """

    disposition: Disposition
    strategy: Literal["delete-insert", "upsert", "insert-only", "scd2"] | None = None
    validity_column_names: Annotated[list[str], Field(min_length=2, max_length=2)] | None = None
    active_record_timestamp: str | None = None
    boundary_timestamp: str | None = None
    row_version_column_name: str | None = None
    deduplicated: bool | None = None

    @model_validator(mode="after")
    def _check_strategy(self) -> DispositionOptions:
        """Refuse what dlt would take no notice of."""
        if self.strategy and self.disposition != "merge":
            raise ValueError(
                f"strategy {self.strategy!r} is one of disposition 'merge', not of "
                f"{self.disposition!r}"
            )
        for name in sorted(self.model_fields_set & _STRATEGY_OF_OPTION.keys()):
            if self.strategy != _STRATEGY_OF_OPTION[name]:
                raise ValueError(f"{name} is one of strategy {_STRATEGY_OF_OPTION[name]!r} alone")
        return self


_STRATEGY_OF_OPTION = {
    "validity_column_names": "scd2",
    "active_record_timestamp": "scd2",
    "boundary_timestamp": "scd2",
    "row_version_column_name": "scd2",
    "deduplicated": "delete-insert",
}


class ColumnOptions(Options):
    """Hints of a column."""

    data_type: DataType | None = None
    nullable: bool | None = None
    description: str | None = None
    precision: int | None = None
    scale: int | None = None
    timezone: bool | None = None
    primary_key: bool | None = None
    merge_key: bool | None = None
    unique: bool | None = None
    row_key: bool | None = None
    sort: bool | None = None
    partition: bool | None = None
    cluster: bool | None = None
    hard_delete: bool | None = None
    dedup_sort: Literal["asc", "desc"] | None = None
    variant: bool | None = None


class ContractOptions(Options):
    """A schema contract by what it is about."""

    tables: ContractMode | None = None
    columns: ContractMode | None = None
    data_type: ContractMode | None = None


class IncrementalOptions(Options):
    """A cursor: the arguments of `dlt.sources.incremental`."""

    cursor_path: str
    initial_value: datetime | date | int | float | str | None = None
    end_value: datetime | date | int | float | str | None = None
    last_value_func: Literal["max", "min"] = "max"
    primary_key: Names | None = None
    row_order: Literal["asc", "desc"] | None = None
    on_cursor_value_missing: Literal["raise", "include", "exclude"] = "raise"
    lag: float | None = None
    range_start: Literal["open", "closed"] = "closed"
    range_end: Literal["open", "closed"] = "open"


class ResourceOptions(Options):
    """What may be said of one resource. What is not said stays as the source has it."""

    write_disposition: Disposition | DispositionOptions | None = None
    primary_key: Names | None = None
    merge_key: Names | None = None
    columns: dict[str, ColumnOptions] | None = None
    table_name: str | None = None
    max_table_nesting: Nesting | None = None
    schema_contract: ContractMode | ContractOptions | None = None
    incremental: IncrementalOptions | None = None
    limit: Annotated[int, Field(gt=0)] | None = None
    """Rows after which a load stops; whole pages of the source are loaded, and what a transformer
    makes of them. With a cursor, `incremental` has to say `row_order: asc`, lest rows be lost."""
    table_format: Literal["iceberg", "delta", "hive", "native"] | None = None
    file_format: Literal["jsonl", "insert_values", "parquet", "csv", "preferred"] | None = None
    parallelized: bool | None = None
    """Whether rows are extracted in a thread of their own; `False` leaves it to the source."""


class LoadedAs(Options):
    """What may be said of how a source is loaded."""

    write_disposition: Disposition | DispositionOptions | None = None
    """Of all resources whose own options do not say another."""
    max_table_nesting: Nesting | None = None
    root_key: bool | None = None
    resource_options: Mapping[str, ResourceOptions] = Field(default_factory=dict)
    """Resource name or glob pattern -> options; of several that fit, later ones win key by key."""


class SourceOptions(LoadedAs):
    """All that may be said of a source."""

    lookback_days: Annotated[int, Field(ge=0)] | None = None
    """Days before its cursor from which a resource with a date or a point in time loads again."""

    def as_document(self) -> dict[str, Any]:
        """Return what was said, as plain JSON values."""
        return self.model_dump(mode="json", exclude_unset=True)


def plain_options(options: BaseModel) -> dict[str, Any]:
    """Return what was said in *options*, with the values that it was said with."""
    return options.model_dump(exclude_unset=True)
