"""Every wrong file of `tests/core/wrong_sources` beside a Dag file: the good source has its Dag."""

import contextlib
import runpy
import shutil
from pathlib import Path

import pytest

from airflow_dlt_provider.core.errors import ProjectFileError

CASES = Path(__file__).resolve().parents[1] / "core" / "wrong_sources"
FOLDERS = ("sources", "planned")


def cases(has_good):
    for folder in FOLDERS:
        for path in sorted((CASES / folder).glob("*.yml")):
            if (b"name: good" in path.read_bytes()) == has_good:
                yield pytest.param(path, id=f"{folder}-{path.stem}")


@pytest.fixture
def dags_of(dag_folder):
    """Run a Dag file beside a `sources.yml`; return its Dags, which Airflow takes as they are."""
    shutil.copytree(CASES / "planned" / "custom_sources", dag_folder.path / "custom_sources")
    dag_file = dag_folder.write_dag("dags = load_dags('.')")

    def dags_of(case):
        shutil.copy(case, dag_folder.path / "sources.yml")
        dags = runpy.run_path(str(dag_file))["dags"]
        for dag in dags.values():
            dag.validate()
        return dags

    return dags_of


@pytest.mark.parametrize("case", cases(has_good=True))
def test_a_mistake_takes_no_other_dag_away(dags_of, case):
    dags = dags_of(case)

    messages = [line for line in case.read_text().splitlines() if line.startswith("#: ")]
    errors = [line for line in messages if not line.startswith("#: warning: ")]
    assert "finish" in dags["good"].task_ids
    assert not errors or any("mistake" in dag.tags for dag in dags.values())


@pytest.mark.parametrize("case", cases(has_good=False))
def test_a_file_without_a_good_source_gives_one_error_or_dags_that_tell(dags_of, case):
    with contextlib.suppress(ProjectFileError):
        assert all("mistake" in dag.tags for dag in dags_of(case).values())
