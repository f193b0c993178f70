"""Options that a user wrote as plain values, checked by their models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from airflow_dlt_provider.core.errors import PlanError
from airflow_dlt_provider.core.registry.explanations import explain
from airflow_dlt_provider.core.registry.yaml_tree import key_text
from airflow_dlt_provider.core.source_options import SourceOptions


def parse_source_options(options: Mapping[str, Any]) -> SourceOptions:
    """Return what *options* say of a source.

    Args:
        options: Keys of `SourceOptions`, such as `resource_options`.

    Raises:
        PlanError: A key is unknown, or a value does not fit; the message has the path of each,
            what is allowed, and the closest match.
    """
    try:
        return SourceOptions.model_validate(options)
    except ValidationError as error:
        explained = explain(error, options, SourceOptions)
        raise PlanError("; ".join(f"{key_text(path)} {text}" for path, text in explained)) from None
