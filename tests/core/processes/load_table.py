"""Loads one table in a process of its own, at the same moment as other processes do.

The arguments are JSON: `table`, `folder`, `destination` (a dlt credential, or null for the
default), `align` (`"start"` or `"load"`: where to wait for the others) and `processes`.
"""

import json
import sys
import time
from pathlib import Path

import dlt
from dlt.pipeline.pipeline import Pipeline

from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.spec import DestinationSpec, LoadRequest, RunIdentity, SourceSpec
from airflow_dlt_provider.core.state.memory import MemoryStateStore

SOURCES = Path(__file__).parents[1] / "sources"


def main(table, folder, destination, align, processes):
    folder = Path(folder)

    def wait_for_others():
        (folder / f"{table}.ready").touch()
        deadline = time.monotonic() + 60
        while len(list(folder.glob("*.ready"))) < processes:
            if time.monotonic() > deadline:
                raise TimeoutError("the other processes did not get here")
            time.sleep(0.005)

    if align == "start":
        wait_for_others()
    else:
        load = Pipeline.load

        def load_with_others(pipeline, *args, **kwargs):
            wait_for_others()
            return load(pipeline, *args, **kwargs)

        Pipeline.load = load_with_others
    request = LoadRequest(
        source=SourceSpec("many:many", SOURCES),
        resources=(table,),
        pipeline_name="many",
        task_key=table,
        run=RunIdentity("many", "run"),
        destination=DestinationSpec(
            dlt.destinations.postgres(destination) if destination else None
        ),
        data_dir=folder,
        working_dir=folder / f"{table}-work",
    )
    result = load_task(request, MemoryStateStore())
    sys.stdout.write(json.dumps(result.to_dict()))


main(**json.loads(sys.argv[1]))
