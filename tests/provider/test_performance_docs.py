"""What docs/performance.md says of commands is true: they print what it shows."""

import re
from pathlib import Path

from typer.testing import CliRunner

from airflow_dlt_provider.cli import app

DOCS = Path(__file__).resolve().parents[2] / "docs" / "performance.md"


def shown_commands():
    """The arguments of each command that is shown, and what it is said to print."""
    blocks = re.findall(r"```sh\n(.*?)```", DOCS.read_text(), flags=re.DOTALL)
    for block in blocks:
        for shown in block.split("$ airflow-dlt ")[1:]:
            command, _, output = shown.partition("\n")
            yield command.split(), output


def test_the_commands_print_what_is_shown(dag_folder, tmp_path, monkeypatch, forget_user_modules):
    monkeypatch.chdir(tmp_path)
    dag_folder.write(
        "shop.py",
        "from airflow_dlt_provider import DltDag\n\n"
        'dag = DltDag("shop", "shop_source:shop")  # airflow\n',
    )
    *first, last = shown_commands()

    for arguments, output in first:
        assert CliRunner().invoke(app, arguments).stdout == output
    source = dag_folder.path / "shop_source.py"
    source.write_text(source.read_text() + "\n")
    forget_user_modules()
    done = CliRunner().invoke(app, last[0])

    assert (done.exit_code, done.stdout) == (1, last[1])
