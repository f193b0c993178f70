"""A task for one table of a database asks the database for that table alone."""

import pytest
import sqlalchemy

from airflow_dlt_provider.core.errors import TerminalLoadError
from airflow_dlt_provider.core.source_options import SourceOptions

SQL_DATABASE = "dlt.sources.sql_database:sql_database"


@pytest.fixture
def database(tmp_path):
    """A database with three tables; say what to execute there."""
    path = tmp_path / "shop.sqlite"
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")

    def execute(*statements):
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(sqlalchemy.text(statement))

    execute(
        *(f"create table {name} (id integer primary key, name text)" for name in "abc"),
        *(f"insert into {name} values (1, 'one of {name}')" for name in "abc"),
    )
    execute.url = f"sqlite:///{path}"
    return execute


@pytest.fixture
def reflected(monkeypatch):
    """The tables that were asked for, call by call; `None`: all."""
    asked = []
    reflect = sqlalchemy.MetaData.reflect

    def spy(self, *args, **kwargs):
        asked.append(kwargs.get("only"))
        return reflect(self, *args, **kwargs)

    monkeypatch.setattr(sqlalchemy.MetaData, "reflect", spy)
    return asked


@pytest.fixture
def load_table(load, database):
    def load_table(*names, source=SQL_DATABASE, **request):
        kwargs = {"credentials": database.url, **request.pop("kwargs", {})}
        return load(source, *names, kwargs=kwargs, **request)

    return load_table


def test_a_task_reflects_its_own_table_and_no_other(load_table, load, reflected):
    load_table("b")

    assert reflected == [["b"]]
    assert load.tables() == {"b": [[("id", 1), ("name", "one of b")]]}


def test_a_task_for_several_tables_reflects_these(load_table, load, reflected):
    load_table("c", "a")

    assert reflected == [["c", "a"]]
    assert sorted(load.tables()) == ["a", "c"]


def test_a_task_for_the_whole_database_reflects_all(load_table, load, reflected):
    load_table()

    assert reflected == [None]
    assert sorted(load.tables()) == ["a", "b", "c"]


def test_a_table_that_vanished_fails_and_names_those_that_exist(load_table, database):
    database("drop table b")

    with pytest.raises(TerminalLoadError, match=r"'b'(.|\n)*a, c"):
        load_table("b")


def test_what_is_said_of_other_tables_does_not_matter(load_table, load, reflected):
    options = SourceOptions.model_validate(
        {
            "write_disposition": "replace",
            "resource_options": {
                "a": {"limit": 1},
                "[ac]": {"write_disposition": "append"},
                "b": {"columns": {"name": {"data_type": "text", "nullable": True}}},
                "*": {"table_name": "renamed"},
            },
        }
    )
    for _ in range(2):
        load_table("b", options=options)

    assert reflected == [["b"], ["b"]]
    # replaced, not appended: the options of `b` hold
    assert load.tables() == {"renamed": [[("id", 1), ("name", "one of b")]]}


def first_rows(source):
    source.resources["a"].add_limit(1)
    return source


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"configure": first_rows}, None),
        ({"kwargs": {"table_names": ["a", "b"]}}, ["a", "b"]),
    ],
    ids=["configure may ask for any table", "the user names tables"],
)
def test_a_source_that_a_user_had_a_say_in_is_called_as_it_is(
    load_table, load, reflected, request_, expected
):
    load_table("b", **request_)

    assert reflected == [expected]
    assert list(load.tables()) == ["b"]


OWN_SOURCE = """
import dlt

@dlt.source
def sql_database(credentials, table_names=None):
    assert table_names is None
    return [dlt.resource([{"id": 1}], name=name) for name in "ab"]
"""


def test_a_projects_own_module_of_that_name_is_another_source(load_table, load, write_module):
    write_module("sql_database.py", OWN_SOURCE)

    load_table("b", source="sql_database:sql_database")

    assert load.tables() == {"b": [[("id", 1)]]}
