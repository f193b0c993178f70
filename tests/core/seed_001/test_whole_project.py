"""All sources of the seed side by side in one project."""

from __future__ import annotations

from tests.core.seed_001.project import shown
from tests.core.seed_001.whole_project import (
    change_rows,
    tables_after_change,
    whole_project_tables,
    write_whole_project,
)


def test_one_sync_loads_every_source_and_the_next_one_what_is_new(project, seed, apis):
    write_whole_project(project.write, seed)
    project.write(".env", seed(21).text)

    shown(project.dango("sync"))

    first = whole_project_tables(apis)
    assert {name: project.tables(f"raw_{name}") for name in first} == first
    assert len(list(project.folder.parent.rglob("*.duckdb"))) == 1

    change_rows(apis)

    shown(project.dango("sync"))

    second = tables_after_change(apis, first)
    assert {name: project.tables(f"raw_{name}") for name in second} == second
