"""dlt's verified sources, which the seed takes for modules of dlt: `dlt init` copies them."""

from __future__ import annotations

import sqlite3

import pytest

from tests.core.seed_001.project import ENTRY, SOURCES_FILE, as_tables, shown
from tests.seed_document import read_table

# what `dlt init hubspot duckdb` leaves behind, in little
HUBSPOT = """
import dlt

@dlt.source
def hubspot(api_key: str = dlt.secrets.value, include_history: bool = False):
    @dlt.resource(write_disposition="replace")
    def contacts():
        yield {"id": 1, "key_length": len(api_key), "history": include_history}

    @dlt.resource(write_disposition="replace")
    def companies():
        yield {"id": 2}

    return contacts, companies
"""
SECRETS = ("your-hubspot-api-key-here", "your-hubspot-private-app-token")


def test_quick_guide_without_the_source_tells_how_to_get_it(project, seed):
    project.place(seed(2), seed(3), seed(4))

    output = shown(project.bash(seed(5).text), exit_code=1)

    assert "dlt init hubspot" in output
    assert "Traceback" not in output
    assert not any(secret in output for secret in SECRETS)


def test_real_example_without_the_source_tells_how_to_get_it(project, seed):
    project.place(seed(7), seed(8))

    output = shown(project.bash(seed(9).text), exit_code=1)

    assert "dlt init hubspot" in output
    assert "Traceback" not in output
    assert not any(secret in output for secret in SECRETS)


def test_quick_guide_works_once_the_source_is_there(project, seed):
    project.place(seed(2), seed(4))
    project.write("custom_sources/hubspot/__init__.py", HUBSPOT)

    output = shown(project.bash(seed(5).text))

    contacts = [{"id": 1, "key_length": len(SECRETS[0]), "history": False}]
    assert project.tables("raw_my_hubspot") == {
        **as_tables("contacts", contacts),
        **as_tables("companies", [{"id": 2}]),
    }
    assert SECRETS[0] not in output


def test_real_example_finds_its_key_in_secrets_toml(project, seed):
    project.place(seed(7), seed(8))
    project.write("custom_sources/hubspot/__init__.py", HUBSPOT)

    output = shown(project.bash(seed(9).text))

    contacts = [{"id": 1, "key_length": len(SECRETS[1]), "history": False}]
    assert project.tables("raw_hubspot_crm") == {
        **as_tables("contacts", contacts),
        **as_tables("companies", [{"id": 2}]),
    }
    assert SECRETS[1] not in output


@pytest.mark.parametrize("command", ["sync", "validate"])
def test_every_common_source_that_dlt_lacks_is_told_of(project, seed_text, command):
    rows = [row for row in _common_sources(seed_text) if row["Function"] != "sql_database"]
    assert len(rows) == 5
    project.register(**{row["Function"]: f"{row['Module']}:{row['Function']}" for row in rows})

    output = shown(project.dango(command), exit_code=1)

    assert [row["Function"] for row in rows if f"dlt init {row['Function']}" not in output] == []
    assert "Traceback" not in output


@pytest.mark.parametrize("database", ["PostgreSQL", "MySQL"])
def test_databases_are_read_by_a_source_that_dlt_has(project, seed_text, database):
    (row,) = [row for row in _common_sources(seed_text) if row["Source"] == database]
    with sqlite3.connect(project.folder / "shop.db") as connection:
        connection.executescript("CREATE TABLE orders (id INTEGER); INSERT INTO orders VALUES (7)")
    credentials = f"{{credentials: 'sqlite:///{project.folder / 'shop.db'}'}}"
    entry = ENTRY.format(name="shop", module=row["Module"], function=row["Function"])
    project.write(SOURCES_FILE, "sources:\n" + entry.replace("{}", credentials))

    project.sync("shop")

    assert project.tables("raw_shop") == as_tables("orders", [{"id": 7}])


def _common_sources(text: str) -> list[dict[str, str]]:
    return read_table(text, "Common Manual Sources")
