"""The resources of a source, as far as moving their cursors needs to know them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from airflow_dlt_provider.core.errors import DltProviderError, SourceFailedError
from airflow_dlt_provider.core.planning.selection import candidates
from airflow_dlt_provider.core.planning.source_import import (
    build_sources,
    forgotten_user_modules,
    module_search_path,
)
from airflow_dlt_provider.core.problem import describe_problem
from airflow_dlt_provider.core.registry.values import resolve_values
from airflow_dlt_provider.core.run_context import planning_context
from airflow_dlt_provider.core.spec import SourceSpec


@dataclass(frozen=True)
class KnownResource:
    """A resource, and those whose cursors are its own."""

    name: str
    """The resource's name; `<source>__<resource>` where there are several sources."""
    short_name: str
    """The name that the source gives to the resource."""
    source_name: str
    fed_by: tuple[str, ...] = ()
    """Short names of the resources that feed it, or of all that might."""

    @property
    def state_names(self) -> tuple[str, ...]:
        """Short names of all resources whose dlt state is this resource's."""
        return (self.short_name, *self.fed_by)


def known_resources(spec: SourceSpec) -> list[KnownResource]:
    """Build the source of *spec* and return its resources, selected or not; nothing is extracted.

    Raises:
        PlanError: The source cannot be found, or holds nothing.
        SourceFailedError: The source's function failed.
    """
    kwargs = resolve_values(spec.source_kwargs, os.environ, keep_missing=True).values
    with (
        forgotten_user_modules(spec.base_dir),
        module_search_path(spec.base_dir),
        planning_context(spec.base_dir),
    ):
        try:
            available = candidates(build_sources(replace(spec, source_kwargs=kwargs)))
        except (DltProviderError, ImportError, SyntaxError, NameError):
            raise
        except Exception as error:
            raise SourceFailedError(describe_problem(error)) from None
        return [
            KnownResource(item.name, item.short_name, item.source.name, item.parents)
            for item in available
        ]
