"""The page about connections says what the code does."""

import contextlib
import re
from collections import defaultdict
from pathlib import Path

import pytest

from airflow_dlt_provider.core.errors import PlanError
from airflow_dlt_provider.core.registry.connection_fields import Fields
from airflow_dlt_provider.core.registry.connections import (
    MAPPED_TYPES,
    destination_of,
    file_access,
    sql_url,
)
from tests.core.connection_cases import connection
from tests.core.connection_clouds import AZURE
from tests.core.connection_destinations import DESTINATIONS
from tests.core.connection_urls import OWN, URLS

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


def test_every_field_and_extra_on_the_page_is_read_for_some_connection(monkeypatch):
    read = defaultdict(set)
    cases = (DESTINATIONS, AZURE, URLS, OWN, {"a folder": (connection("fs", {"path": "/data"}),)})
    for name in ("get", "any_option"):
        monkeypatch.setattr(Fields, name, recording(getattr(Fields, name), read))

    for values, *_ in (case for group in cases for case in group.values()):
        for use in (destination_of, sql_url, file_access):
            with contextlib.suppress(PlanError):
                use(values)

    unread = {name: {*m.fields, *m.extras} - read[name] for name, m in MAPPED_TYPES.items()}
    assert {name: names for name, names in unread.items() if names} == {}


def recording(reading, read):
    def recorded(self, name):
        read[self._mapped.conn_type].add(name)
        return reading(self, name)

    return recorded
