"""What a load read and wrote, for OpenLineage. Imported only where its provider is at work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.openlineage.facet import (
    Dataset,
    OutputDataset,
    OutputStatisticsOutputDatasetFacet,
    SchemaDatasetFacet,
    SchemaDatasetFacetFields,
)
from airflow.providers.openlineage.extractors import OperatorLineage

from airflow_dlt_provider.core.loading.result import LoadResult, WrittenTable

if TYPE_CHECKING:
    from openlineage.client.generated.base import DatasetFacet


def lineage_of(
    source_name: str, resource_names: Sequence[str], result: LoadResult | None
) -> OperatorLineage[Any, Any]:
    """Return the resources that were read as inputs, and every table that was written as output.

    Args:
        source_name: The dlt source; its resources are in the namespace `dlt://<source_name>`.
        resource_names: What the task loads, as far as it was planned.
        result: What was loaded; `None` for a load that failed, of which only the inputs are known.
    """
    loads = result.resources if result else ()
    inputs = dict.fromkeys((*resource_names, *(load.resource_name for load in loads)))
    return OperatorLineage(
        inputs=[Dataset(namespace=f"dlt://{source_name}", name=name) for name in inputs],
        outputs=[_output(table) for table in (result.tables if result else ())],
    )


def _output(table: WrittenTable) -> OutputDataset:
    fields = [
        SchemaDatasetFacetFields(name=name, type=data_type)
        for name, data_type in table.columns.items()
    ]
    facets: dict[str, DatasetFacet] = {"schema": SchemaDatasetFacet(fields=fields)}
    return OutputDataset(
        namespace=table.namespace,
        name=table.name,
        facets=facets if fields else {},
        outputFacets={"outputStatistics": OutputStatisticsOutputDatasetFacet(rowCount=table.rows)},
    )
