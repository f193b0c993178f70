"""What the README says is true: its snippets run, and its commands print what it shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
README = (CHECKOUT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_ten_lines_load_two_tables(dag_folder, run_dag):
    dag_folder.write("ten_lines.py", blocks("python")[0])

    run = run_dag(dag_folder.load()["shop"])

    assert run.state == "success"
    assert {ti.task_id for ti in run.get_task_instances()} == {"customers", "orders", "finish"}


def test_what_you_can_say_is_a_dag_file(dag_folder):
    dag_folder.write(
        "shop_source.py",
        "import dlt\n\n@dlt.source\ndef shop(until=None, api_key=None):\n"
        "    for name in ('customers', 'orders', 'audit_log'):\n"
        "        yield dlt.resource([{'id': 1}], name=name)\n",
    )
    dag_folder.write("warehouse.py", blocks("python")[1])

    dags = dag_folder.load()

    assert dag_folder.import_errors == {}
    assert set(dags["warehouse"].task_ids) == {"customers", "orders", "finish"}
    assert dags["warehouse"].get_task("orders").retries == 5
    assert "report" in dags["reports"].get_task("load.orders").downstream_task_ids


def test_the_plan_is_printed_as_shown():
    shown = next(block for block in blocks("sh") if block.startswith("$ airflow-dlt"))
    command, _, output = shown.partition("\n")
    program, *arguments = command.removeprefix("$ ").replace("'", "").split()

    run = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=CHECKOUT,
    )

    assert run.stdout == output


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_every_make_target_that_is_named_exists(document):
    targets = re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), flags=re.MULTILINE)

    named = re.findall(
        r"^make ([a-z-]+)|`make ([a-z-]+)", (CHECKOUT / document).read_text(), re.MULTILINE
    )

    assert named
    assert {first or second for first, second in named} <= set(targets)


def test_every_file_of_the_map_exists():
    lines = blocks("text")[0].splitlines()

    folders: list[str] = []
    for line in lines:
        depth = (len(line) - len(line.lstrip())) // 2
        name = line.split()[0]
        folders[depth:] = [name]
        assert CHECKOUT.joinpath(*folders).exists(), name


def test_every_option_of_airflows_configuration_is_in_the_table():
    from airflow_dlt_provider.provider_info import get_provider_info

    options = get_provider_info()["config"]["dlt"]["options"]

    assert all(f"| `{name}` |" in README for name in options)


def test_the_state_commands_are_those_of_the_table():
    import typer

    from airflow_dlt_provider.cli import app

    commands = typer.main.get_command(app).commands["state"].commands
    named = re.findall(r"\| `airflow-dlt state ([a-z]+) ", README)

    assert sorted(named) == sorted(commands)


def test_the_commands_for_projects_are_those_of_the_table():
    import typer

    from airflow_dlt_provider.cli import app

    commands = typer.main.get_command(app).commands
    own = {name for name in commands if name not in ("state", "source", "manifest")}
    own |= {f"source {name}" for name in commands["source"].commands}
    named = re.findall(r"\| `airflow-dlt ((?:source )?(?!state|manifest)[a-z]+)\b", README)

    assert sorted(named) == sorted(own)


def test_the_dag_files_of_the_readme_are_parsed(dag_folder, monkeypatch):
    _, _, copy, declared = blocks("python")
    (sources,) = blocks("yaml")
    dag_folder.write("copy.py", copy)
    dag_folder.write("declared.py", declared)
    dag_folder.write("sources.yml", sources)

    dags = dag_folder.load()

    assert dag_folder.import_errors == {}
    assert "copy_database" in dags
    assert set(dags["dummy_shop"].task_ids) == {"products", "finish"}


def test_links_to_files_lead_somewhere():
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", README)

    assert targets
    assert all((CHECKOUT / target).exists() for target in targets)
