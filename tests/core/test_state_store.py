import json
import secrets
import sqlite3
import uuid
from contextlib import closing
from dataclasses import asdict

import pytest
import sqlalchemy
from sqlalchemy import create_engine, event, func, select

from airflow_dlt_provider.core.errors import StateStoreError
from airflow_dlt_provider.core.state import sql_schema
from airflow_dlt_provider.core.state.memory import MemoryStateStore
from airflow_dlt_provider.core.state.records import SourceState
from airflow_dlt_provider.core.state.sql import SqlStateStore
from tests.state_store_suite import (
    ROUNDS,
    WRITERS,
    DurableStateStoreSuite,
    StateStoreSuite,
    at_once,
    load,
    request,
    run_ids,
    state,
)

# what version 0.1 made and wrote
OLD_TABLE = """
CREATE TABLE dlt_resource_load (
    id INTEGER NOT NULL, pipeline_name VARCHAR(250) NOT NULL, resource_name VARCHAR(250) NOT NULL,
    recorded_at FLOAT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (id)
)
"""
OLD_INDEX = """
CREATE INDEX dlt_resource_load_by_resource
ON dlt_resource_load (pipeline_name, resource_name, id)
"""
OLD_FIELDS = (
    "pipeline_name",
    "resource_name",
    "dag_id",
    "run_id",
    "try_number",
    "load_ids",
    "rows_by_table",
    "cursor_before",
    "cursor_after",
    "seconds_by_step",
    "recorded_at",
)

WRITE_IN_A_PROCESS = """
import sys
from tests.state_store_suite import ROUNDS, load, state
from airflow_dlt_provider.core.state.sql import SqlStateStore
url, number = sys.argv[1:]
name = f"resource_{number}"
print("ready", flush=True)
sys.stdin.readline()
for i in range(ROUNDS):
    store = SqlStateStore(url)
    store.write_resources([state(name, state_version=i)])
    store.record_loads([load(i, name)])
    store.close()
"""


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/state/store.db"


@pytest.fixture
def postgres_database(postgres_url):
    """The URL of an empty database."""
    name = f"state_{uuid.uuid4().hex}"
    engine = create_engine(
        postgres_url.replace("postgresql:", "postgresql+psycopg2:"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield postgres_url.rpartition("/")[0] + f"/{name}"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def sql_url(request):
    return request.getfixturevalue(
        "sqlite_url" if request.param == "sqlite" else "postgres_database"
    )


class TestMemoryStateStore(StateStoreSuite):
    @pytest.fixture
    def open_store(self):
        return MemoryStateStore

    @pytest.fixture
    def store(self):
        return MemoryStateStore()

    @pytest.fixture
    def other_store(self, store):
        return store


class TestSqlStateStore(DurableStateStoreSuite):
    @pytest.fixture
    def open_store(self, sql_url):
        return lambda **options: SqlStateStore(sql_url, **options)

    @pytest.fixture
    def store(self, open_store):
        with closing(open_store()) as store:
            yield store

    @pytest.fixture
    def other_store(self, store):
        return store


@pytest.fixture
def count_statements(sql_url):
    """Count the statements that a piece of work executes."""

    def count(work):
        statements = []

        def note(connection, cursor, statement, *others):
            statements.append(statement)

        event.listen(sqlalchemy.engine.Engine, "before_cursor_execute", note)
        try:
            work()
        finally:
            event.remove(sqlalchemy.engine.Engine, "before_cursor_execute", note)
        return len(statements)

    return count


def test_opening_a_store_whose_tables_are_up_to_date_is_one_query(sql_url, count_statements):
    SqlStateStore(sql_url).close()

    assert count_statements(lambda: SqlStateStore(sql_url).close()) == 1


def test_the_number_of_statements_does_not_grow_with_that_of_resources(sql_url, count_statements):
    names = [f"resource_{number}" for number in range(300)]
    with closing(SqlStateStore(sql_url)) as store:
        assert count_statements(lambda: store.write_resources([state(n) for n in names])) == 2
        assert count_statements(lambda: store.write_resources([state(n) for n in names])) == 2
        assert count_statements(lambda: store.read_resources("shop", names)) == 1
        assert count_statements(lambda: store.read_requests("shop", names)) == 1
        assert count_statements(lambda: store.record_loads([load(1, n) for n in names])) == 3
        assert len(store.read_resources("shop", names)) == 300


def test_old_loads_are_gone_from_the_table(sql_url):
    with closing(SqlStateStore(sql_url, kept_loads=3)) as store:
        for number in range(10):
            store.record_loads([load(number), load(number, pipeline_name="other")])

        with sql_schema.open_engine(sql_schema.parse_url(sql_url)).connect() as connection:
            assert connection.execute(select(func.count(sql_schema.loads.c.id))).scalar() == 6


def test_all_requests_of_a_resource_stay_in_the_table(sql_url):
    with closing(SqlStateStore(sql_url)) as store:
        for number in range(3):
            store.ask(request(request_id=str(number)))

        with sql_schema.open_engine(sql_schema.parse_url(sql_url)).connect() as connection:
            assert connection.execute(select(func.count(sql_schema.requests.c.id))).scalar() == 3


def test_instances_may_write_one_row_for_the_first_time_at_once(sql_url):
    SqlStateStore(sql_url).close()

    def write(number):
        with closing(SqlStateStore(sql_url)) as store:
            for i in range(ROUNDS):
                store.write_source(SourceState("shop", f"source_{i}", {"by": number}))

    at_once(write)

    with closing(SqlStateStore(sql_url)) as store:
        assert store.read_source("shop", "source_0").values["by"] in range(WRITERS)


def test_instances_may_record_loads_of_one_resource_at_once(sql_url):
    def write(number):
        with closing(SqlStateStore(sql_url)) as store:
            for i in range(ROUNDS):
                store.record_loads([load(number * ROUNDS + i)])

    at_once(write)

    with closing(SqlStateStore(sql_url)) as store:
        kept = run_ids(store.list_loads("shop", "orders", limit=1000))
    assert sorted(kept) == sorted(f"run_{number}" for number in range(WRITERS * ROUNDS))


def test_processes_may_open_a_new_store_at_once(sql_url, start_python):
    writers = [start_python("-c", WRITE_IN_A_PROCESS, sql_url, str(i)) for i in range(WRITERS)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n", writer.communicate()
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    outputs = [writer.communicate(timeout=120) for writer in writers]

    assert [writer.returncode for writer in writers] == [0] * WRITERS, outputs
    names = [f"resource_{number}" for number in range(WRITERS)]
    with closing(SqlStateStore(sql_url)) as store:
        assert store.list_resources("shop") == names
        assert {len(store.list_loads("shop", name)) for name in names} == {ROUNDS}


def test_threads_may_open_a_fresh_file_at_once(tmp_path):
    # SQLite refuses some of these at once, whatever its timeout: about one file in twenty shows it
    for number in range(40):
        url = f"sqlite:///{tmp_path}/{number}.db"

        at_once(lambda _, url=url: SqlStateStore(url).close())


def test_a_reader_does_not_hold_up_a_writer(sqlite_url, tmp_path):
    with closing(SqlStateStore(sqlite_url)) as store:
        store.record_loads([load(1)])
        database = sqlite3.connect(tmp_path / "state" / "store.db", isolation_level=None)
        with closing(database) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM dlt_resource_load").fetchall()

            store.record_loads([load(2)])

        assert store.last_load("shop", "orders") == load(2)


@pytest.fixture
def old_url(sql_url, tmp_path):
    """A store as version 0.1 left it, with two loads."""
    (tmp_path / "state").mkdir()
    table = OLD_TABLE if sql_url.startswith("sqlite") else OLD_TABLE.replace("INTEGER", "SERIAL")
    engine = sql_schema.open_engine(sql_schema.parse_url(sql_url))
    rows = sqlalchemy.table(
        "dlt_resource_load",
        *map(sqlalchemy.column, ("pipeline_name", "resource_name", "recorded_at", "record")),
    )
    with engine.begin() as connection:
        connection.exec_driver_sql(table)
        connection.exec_driver_sql(OLD_INDEX)
        for number in range(2):
            document = {k: v for k, v in asdict(load(number)).items() if k in OLD_FIELDS}
            values = ("shop", "orders", 1.0, json.dumps(document))
            connection.execute(rows.insert().values(values))
    return sql_url


def test_a_store_of_version_0_1_is_brought_up_to_date_and_its_loads_stay(old_url):
    at_once(lambda number: SqlStateStore(old_url).close())

    with closing(SqlStateStore(old_url)) as store:
        old = store.list_loads("shop", "orders")
        store.record_loads([load(2)])

        assert run_ids(old) == ["run_1", "run_0"]
        assert old[0].cursor_after == load(1).cursor_after
        assert old[0].states_before == {}
        assert run_ids(store.list_loads("shop", "orders")) == ["run_2", "run_1", "run_0"]


def test_a_load_of_version_0_1_has_an_id_of_its_own_that_stays(old_url):
    with closing(SqlStateStore(old_url)) as store:
        newest, oldest = store.list_loads("shop", "orders")
        store.record_loads([newest])

        assert newest.record_id != oldest.record_id
        assert store.list_loads("shop", "orders") == [newest, oldest]


def test_a_url_may_begin_as_airflow_and_heroku_write_it(postgres_database):
    url = postgres_database.replace("postgresql:", "postgres:")

    with closing(SqlStateStore(url)) as store:
        store.record_loads([load(1)])

        assert store.last_load("shop", "orders") == load(1)


def calls(store):
    """Every method with what it takes, by name."""
    return {
        "read_resources": lambda: store.read_resources("shop", ["orders"]),
        "write_resources": lambda: store.write_resources([state()]),
        "record_loads": lambda: store.record_loads([load()]),
        "list_loads": lambda: store.list_loads("shop", "orders"),
        "read_source": lambda: store.read_source("shop", "shop"),
        "write_source": lambda: store.write_source(SourceState("shop", "shop", {})),
        "ask": lambda: store.ask(request()),
        "read_requests": lambda: store.read_requests("shop", ["orders"]),
        "list_resources": lambda: store.list_resources("shop"),
    }


def test_every_method_says_which_store_cannot_be_used(postgres_database, postgres_url):
    store = SqlStateStore(postgres_database)
    password = sqlalchemy.engine.make_url(postgres_url).password
    with sql_schema.open_engine(sql_schema.parse_url(postgres_database)).begin() as connection:
        sql_schema.metadata.drop_all(connection)

    for method, call in calls(store).items():
        with pytest.raises(StateStoreError, match=r"postgresql.*\*\*\*@127\.0\.0\.1") as caught:
            call()
        assert "\n" not in str(caught.value), method
        assert password not in str(caught.value), method
        assert caught.value.store_name == store.name
    store.close()


@pytest.mark.parametrize("suffix", ["", "?password=hidden"])
def test_a_server_that_does_not_answer_is_named_without_its_password(suffix):
    password = secrets.token_hex(8)
    url = f"postgresql://someone:{password}@127.0.0.1:1/state{suffix}"

    with pytest.raises(StateStoreError, match=r"127\.0\.0\.1:1/state cannot be used: ") as caught:
        SqlStateStore(url)

    assert password not in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(StateStoreError, match=r"store\.db cannot be used: "):
        SqlStateStore(f"sqlite:///{tmp_path}/file/store.db")


def test_a_file_that_is_no_database_is_told(tmp_path):
    (tmp_path / "store.db").write_text("something else" * 100)

    with pytest.raises(StateStoreError, match=r"store\.db cannot be used: .*not a database"):
        SqlStateStore(f"sqlite:///{tmp_path}/store.db")


@pytest.mark.parametrize("url", ["postgresql://a:hidden@b:port/c", "nonsense hidden/", "s://"])
def test_text_that_is_no_url_is_refused_without_quoting_a_password(url):
    with pytest.raises(StateStoreError, match="cannot be used: ") as caught:
        SqlStateStore(url)

    assert "a:hidden" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url):
    with pytest.raises(StateStoreError, match="name a file"):
        SqlStateStore(url)


def test_a_driver_that_is_not_installed_is_told():
    with pytest.raises(StateStoreError, match="install the driver"):
        SqlStateStore("mssql+pymssql://host/state")


@pytest.mark.parametrize("document", ["{", "[]", "{}", '{"load_ids": 1}', "null"])
def test_a_damaged_document_is_told(sqlite_url, document):
    with closing(SqlStateStore(sqlite_url)) as store:
        store.write_resources([state()])
        store.record_loads([load()])
        with sql_schema.open_engine(sql_schema.parse_url(sqlite_url)).begin() as connection:
            for table in (sql_schema.resource_states, sql_schema.loads):
                connection.execute(table.update().values(record=document))

        with pytest.raises(StateStoreError, match="the ResourceState of 'orders' in it is damaged"):
            store.read_resources("shop", ["orders"])
        with pytest.raises(StateStoreError, match="the LoadRecord of 'orders' in it is damaged"):
            store.list_loads("shop", "orders")
