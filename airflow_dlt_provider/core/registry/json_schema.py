"""JSON Schemas of `sources.yml` and `schedules.yml`, with which editors complete and check them.

They are made from the models: `python -m airflow_dlt_provider.core.registry.json_schema docs/`
writes them anew.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from airflow_dlt_provider.core.registry.schedules_file import SchedulesFile
from airflow_dlt_provider.core.registry.sources_file import SUPPORTED_VERSION, SourcesFile

DRAFT = "https://json-schema.org/draft/2020-12/schema"
SOURCES_SCHEMA = "sources.schema.json"
SCHEDULES_SCHEMA = "schedules.schema.json"

COMMENT = "# yaml-language-server: $schema={}"
"""First line of a YAML file, by which editors find the schema."""


def sources_schema() -> dict[str, Any]:
    """Return the schema of `sources.yml`."""
    schema = _schema(SourcesFile, "Sources of dlt, each of which becomes an Airflow Dag")
    # 1.0 without quotes is a number
    schema["properties"]["version"]["enum"] = [SUPPORTED_VERSION, float(SUPPORTED_VERSION)]
    for key in ("const", "type"):
        schema["properties"]["version"].pop(key, None)
    _allow_empty(schema, "sources")
    native = schema["$defs"]["DltNative"]
    _allow_empty(native, "function_kwargs")
    _allow_empty(schema["$defs"]["SourceEntry"], "airflow")
    native["required"].remove("source_function")
    native["oneOf"] = [{"required": ["source_function"]}, {"required": ["source_name"]}]
    return schema


def schedules_schema() -> dict[str, Any]:
    """Return the schema of `schedules.yml`."""
    schema = _schema(SchedulesFile, "Schedules of several sources")
    _allow_empty(schema, "schedules")
    return schema


def schema_text(schema: dict[str, Any]) -> str:
    """Return a schema as the text of a file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> None:
    """Write both schemas into *folder*."""
    for name, schema in (
        (SOURCES_SCHEMA, sources_schema()),
        (SCHEDULES_SCHEMA, schedules_schema()),
    ):
        (folder / name).write_text(schema_text(schema), encoding="utf-8")


def _schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    made = model.model_json_schema()
    return {"$schema": DRAFT, **made, "title": title}


def _allow_empty(schema: dict[str, Any], key: str) -> None:
    """Allow a key without a value, which means the same as no key."""
    found = schema["properties"][key]
    about = {name: found.pop(name) for name in ("description", "default", "title") if name in found}
    schema["properties"][key] = {**about, "anyOf": [found, {"type": "null"}]}


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
