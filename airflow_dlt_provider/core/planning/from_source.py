"""A plan made the long way: import the user's module, call the function, look at its source."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from airflow_dlt_provider.core.errors import DltProviderError, SourceFailedError
from airflow_dlt_provider.core.planning.decompose import plan_tasks
from airflow_dlt_provider.core.planning.hints import without_computed_values
from airflow_dlt_provider.core.planning.plan import LoadPlan
from airflow_dlt_provider.core.planning.source_import import (
    build_sources,
    forgotten_user_modules,
    import_function,
    module_search_path,
)
from airflow_dlt_provider.core.planning.user_files import user_files
from airflow_dlt_provider.core.problem import describe_problem
from airflow_dlt_provider.core.registry.values import resolve_values
from airflow_dlt_provider.core.run_context import planning_context
from airflow_dlt_provider.core.spec import PlanSpec


def plan_from_source(spec: PlanSpec) -> tuple[LoadPlan, set[Path]]:
    """Plan the source of *spec* and return the plan with the files that it depends on.

    Nothing is extracted, but the source's own function runs. Secrets need not be known: an unset
    `${VAR}` stays as it is written, and dlt finds a placeholder.

    Raises:
        PlanError: The user asked for something that is not there.
        SourceFailedError: The source's function failed.
        SyntaxError, ImportError, NameError, AttributeError: The user's module is wrong.
    """
    kwargs = resolve_values(spec.source.source_kwargs, os.environ, keep_missing=True).values
    source = replace(spec.source, source_kwargs=kwargs)
    with (
        forgotten_user_modules(source.base_dir),
        module_search_path(source.base_dir),
        planning_context(source.base_dir),
    ):
        try:
            sources = build_sources(source)
        except (DltProviderError, ImportError, SyntaxError, NameError):
            raise
        except Exception as error:
            if _is_misspelt(error):
                raise
            # dlt looks settings up once more for the text of some errors, so it is made here
            raise SourceFailedError(describe_problem(error)) from None
        plan = plan_tasks(sources, spec)
        references = [source.source, *([source.configure] if source.configure else [])]
        functions = [import_function(reference, source.base_dir) for reference in references]
        files = user_files(functions)
        said = (source.source_kwargs, source.options.as_document())
        known = [*(path.read_text(errors="replace") for path in files), repr(said)]
        return without_computed_values(plan, known), files


def _is_misspelt(error: Exception) -> bool:
    """Tell whether *error* is that of a module without such an attribute, as in `dlt.resorce`."""
    return isinstance(error, AttributeError) and isinstance(error.obj, ModuleType)
