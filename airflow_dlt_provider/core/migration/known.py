"""The resources of a source, as far as moving their cursors needs to know them."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_dlt_provider.core.errors import DltProviderError, SourceFailedError
from airflow_dlt_provider.core.planning.from_source import planned_source
from airflow_dlt_provider.core.planning.selection import candidates
from airflow_dlt_provider.core.planning.source_import import build_sources, user_code
from airflow_dlt_provider.core.problem import describe_problem
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
    with user_code(spec), planning_context(spec):
        try:
            available = candidates(build_sources(planned_source(spec)))
        except (DltProviderError, ImportError, SyntaxError, NameError):
            raise
        except Exception as error:
            raise SourceFailedError(describe_problem(error)) from None
        return [
            KnownResource(item.name, item.short_name, item.source.name, item.parents)
            for item in available
        ]
