"""The page about connections says what the code does."""

import re
from pathlib import Path

import pytest

from airflow_dlt_provider.core.registry.connections import (
    MAPPED_TYPES,
)

PAGE = Path(__file__).parents[2] / "docs" / "connections.md"


def documented():
    rows = {}
    for line in PAGE.read_text().splitlines():
        if line.startswith("| `"):
            names, *cells = (cell.strip() for cell in line.strip("|").split(" | "))
            for name in re.findall(r"`([^`]+)`", names):
                rows[name] = cells
    return rows


def test_the_page_has_every_mapped_type_and_no_other():
    assert set(documented()) == set(MAPPED_TYPES)


@pytest.mark.parametrize("name", MAPPED_TYPES)
def test_the_page_says_of_a_type_what_the_code_reads(name):
    mapped = MAPPED_TYPES[name]
    destination, source, fields, extras, refused = documented()[name]

    assert destination.replace("`", "") == (", ".join(mapped.destination_names) or "none")
    assert source.replace("`", "") == mapped.source
    assert re.findall(r"`([^`]+)`", fields) == list(mapped.fields)
    assert re.findall(r"`([^`]+)`", extras) == list(mapped.extras)
    assert re.findall(r"`([^`]+)`", refused) == list(mapped.refused)
