"""The help of all commands: every example in it can be typed."""

import re
import shlex

import pytest
import typer
from typer.testing import CliRunner

from airflow_dlt_provider.cli import app

ROOT = typer.main.get_command(app)
WITH_EXAMPLES = {"sync", "preview", "plan", "history", "source add", "source list"}


def commands(group=ROOT, path=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def examples():
    for name, command in commands():
        text = "\n\n".join(filter(None, (command.help, command.epilog)))
        for paragraph in re.split(r"\n\s*\n|\n(?=\s*airflow-dlt )", text):
            line = " ".join(part.strip() for part in paragraph.splitlines())
            if line.startswith("airflow-dlt "):
                # what it does stands behind it
                yield name, re.split(r"\s{2,}", line)[0]


EXAMPLES = list(examples())


@pytest.mark.parametrize(("name", "line"), EXAMPLES, ids=[line for _, line in EXAMPLES])
def test_an_example_is_one_of_its_command_and_is_understood(name, line):
    _, *arguments = shlex.split(line)
    context = ROOT.make_context("airflow-dlt", arguments)
    path = []
    while hasattr(context.command, "commands"):
        rest = [*context._protected_args, *context.args]
        own_name, command, rest = context.command.resolve_command(context, rest)
        path.append(own_name)
        context = command.make_context(own_name, rest, parent=context)

    assert " ".join(path) == name


def test_commands_have_examples():
    assert {name for name, _ in EXAMPLES} >= WITH_EXAMPLES


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=str)
def test_help_shows_all_that_was_written(name, command):
    done = CliRunner().invoke(app, [*name.split(), "--help"], env={"COLUMNS": "200"})

    assert done.exit_code == 0
    assert "\x1b[" not in done.output
    for parameter in command.params:
        # brackets may be taken for markup
        assert squeezed(getattr(parameter, "help", None) or "") in squeezed(done.output)


def squeezed(text):
    return re.sub(r"[\s│]+", "", text)
