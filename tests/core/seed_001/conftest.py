"""The seed's blocks, the APIs that they call, and a project to put them into."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.core.seed_001.blocks import SEED
from tests.core.seed_001.project import Project, SeedBlock, seed_blocks
from tests.public_apis import PublicApis, running_public_apis
from tests.seed_document import read_seed
from tests.seed_report import BLOCK_PROPERTY


@pytest.fixture(scope="session")
def seed_text() -> str:
    """The seed, as it stands."""
    return read_seed(SEED)


@pytest.fixture
def seed(
    seed_text: str, record_property: Callable[[str, object], None]
) -> Callable[[int], SeedBlock]:
    """Take a block of the seed by its number; the report counts this test as one that runs it."""
    blocks = seed_blocks(seed_text)

    def take(number: int) -> SeedBlock:
        record_property(BLOCK_PROPERTY, number)
        return blocks[number - 1]

    return take


@pytest.fixture
def apis(tmp_path_factory) -> Iterator[PublicApis]:
    """The APIs; `project` has the way to them in its environment."""
    with running_public_apis(tmp_path_factory.mktemp("authority")) as running:
        yield running


@pytest.fixture
def project(tmp_path, apis, python_environment, read_tables) -> Project:
    """An empty project."""
    folder = tmp_path / "project"
    folder.mkdir()
    home = {"AIRFLOW_HOME": str(tmp_path / "airflow"), "NO_COLOR": "1", "COLUMNS": "200"}
    return Project(folder, python_environment | apis.environment | home, read_tables)
