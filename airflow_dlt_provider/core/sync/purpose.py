"""What a person asks of one sync, and where it works."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from airflow_dlt_provider.core.registry.worker_values import LookUps
from airflow_dlt_provider.core.source_options import ResourceOptions, SourceOptions
from airflow_dlt_provider.core.spec import Refresh, Window


@dataclass(frozen=True)
class SyncPurpose:
    """What is loaded. Without anything it is an ordinary load of all resources."""

    select: tuple[str, ...] = ()
    """Names or glob patterns of resources; empty: all."""
    refresh: Refresh | None = None
    window: Window | None = None
    limit: int | None = None
    """Rows of each resource after which it stops; whole pages of the source are loaded."""
    allow_empty_replace: bool = False
    """Whether a load without rows may empty a table that is replaced."""


@dataclass(frozen=True)
class SyncPlaces:
    """Where a sync keeps what it makes, and where it finds what is not in the project."""

    data_dir: Path
    """The folder of the default DuckDB file."""
    manifest_dir: Path
    """The folder of the last plans, for a source that cannot be planned."""
    working_dir: Path
    """A folder of this sync's own, which its caller removes."""
    look_ups: LookUps = field(default_factory=LookUps)
    """What is known of secrets outside the project."""


def with_limit(options: SourceOptions, limit: int | None) -> SourceOptions:
    """Return *options* with a limit for every resource, which wins over what they say."""
    if limit is None:
        return options
    everything = "*"
    # options of the user's may stand under that pattern, which must not come last with it
    while everything in options.resource_options:
        everything += "*"
    own = {**options.resource_options, everything: ResourceOptions(limit=limit)}
    return options.model_copy(update={"resource_options": own})
