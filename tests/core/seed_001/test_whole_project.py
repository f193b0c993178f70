"""All sources of the seed side by side in one project."""

from __future__ import annotations

from tests.core.seed_001.project import shown
from tests.core.seed_001.whole_project import whole_project_tables, write_whole_project
from tests.public_apis import order, transaction


def test_one_sync_loads_every_source_and_the_next_one_what_is_new(project, seed, apis):
    write_whole_project(project.write, seed)
    project.write(".env", seed(21).text)

    shown(project.dango("sync"))

    expected = whole_project_tables(apis)
    assert {dataset: project.tables(dataset) for dataset in expected} == expected

    apis.example["orders"] += [order(8, day=7), order(9, day=9)]
    apis.example["transactions"] += [transaction(251)]
    del apis.dummyjson["carts"][3:]

    shown(project.dango("sync"))

    again = whole_project_tables(apis, loads=2)
    # of a resource that appends all it gets, the first load has had fewer rows
    del again["raw_shop"], expected["raw_shop"]
    assert {dataset: project.tables(dataset) for dataset in again} == again
