import json

import pytest
from airflow.sdk import Asset

from airflow_dlt_provider import settings
from airflow_dlt_provider.core.errors import StateError, StateStoreError
from airflow_dlt_provider.provider_info import get_provider_info
from airflow_dlt_provider.state_stores import asset_server
from airflow_dlt_provider.state_stores.asset import AssetStateStore
from airflow_dlt_provider.state_stores.choose import open_server_state_store, open_state_store
from tests.state_store_suite import load, run_ids

ORDERS = Asset(name="shop/data/orders", uri="x-dlt://shop/data/orders")
PIPELINE = Asset(name="shop/data", uri="x-dlt://shop/data")


class Keys(dict):
    """The keys of one asset, as a task has them."""

    def set(self, key, value):
        self[key] = json.loads(json.dumps(value))

    def delete(self, key):
        self.pop(key, None)


class Context(dict):
    """What a task on Airflow 3.3 has, with assets by name."""

    def __init__(self, *assets):
        names = {asset.name: Keys() for asset in assets}

        class Accessors:
            def __getitem__(self, asset):
                return names[asset.name]

        super().__init__(asset_state_store=Accessors())


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "airflow_home", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def configure(monkeypatch):
    def configure(**options):
        for name, value in options.items():
            monkeypatch.setenv(f"AIRFLOW__DLT__{name.upper()}", value)

    return configure


@pytest.fixture
def connection(monkeypatch):
    def connection(connection_id, **fields):
        monkeypatch.setenv(f"AIRFLOW_CONN_{connection_id.upper()}", json.dumps(fields))

    return connection


def open_store(option=None, context=None, resource_assets=None, pipeline_asset=None):
    return open_state_store(option, context or {}, resource_assets or {}, pipeline_asset)


def test_the_asset_store_is_taken_where_airflow_has_one(home):
    store = open_store(None, Context(ORDERS, PIPELINE), {"orders": ORDERS}, PIPELINE)

    assert isinstance(store, AssetStateStore)
    assert list(home.iterdir()) == []


def test_without_an_asset_store_a_file_in_airflows_home_is_taken(home):
    store = open_store()

    assert store.name == f"sqlite:///{home}/dlt_state.db"
    assert (home / "dlt_state.db").exists()


def test_a_task_without_assets_of_ours_takes_the_file(home):
    assert open_store(None, Context()).name == f"sqlite:///{home}/dlt_state.db"


def test_the_configuration_names_the_store(home, configure):
    configure(state_store=f"sqlite:///{home}/other.db")

    store = open_store(None, Context(ORDERS), {"orders": ORDERS})

    assert store.name == f"sqlite:///{home}/other.db"


def test_what_the_dag_asks_for_goes_before_the_configuration(home, configure):
    configure(state_store=f"sqlite:///{home}/other.db")

    assert open_store(f"sqlite:///{home}/mine.db").name == f"sqlite:///{home}/mine.db"
    assert open_store("asset", Context(ORDERS), {"orders": ORDERS}).name == "asset"


def test_the_asset_store_of_an_older_airflow_is_refused():
    with pytest.raises(StateError, match=r"needs Airflow >= 3\.3.*this is Airflow 3\.") as caught:
        open_store("asset")

    assert "SQLAlchemy URL" in str(caught.value)


def test_an_asset_that_is_none_of_the_task_is_told():
    with pytest.raises(StateError, match="'shop/data/orders' is no inlet or outlet of the task"):
        open_store("asset", Context(PIPELINE), {"orders": ORDERS}, PIPELINE)


def test_a_store_in_memory_is_refused():
    with pytest.raises(StateError, match=r"forgets all .*; a state store is \"asset\""):
        open_store("memory")


def test_what_is_neither_url_nor_connection_is_refused_with_what_is_accepted(metadata_database):
    with pytest.raises(StateError, match=r"'no_such_thing' is neither a URL nor .* connection; a "):
        open_store("no_such_thing")


def test_a_url_with_a_slip_in_it_is_not_shown():
    with pytest.raises(StateError, match="it is no URL; a state store is") as caught:
        open_store("postgresql//me:hush@host/state")

    assert "hush" not in str(caught.value)


def test_a_connection_to_postgresql_is_a_store(postgres_url, connection):
    from sqlalchemy.engine import make_url

    url = make_url(postgres_url)
    connection(
        "state_db",
        conn_type="postgres",
        host=url.host,
        port=url.port,
        login=url.username,
        password=url.password,
        schema=url.database,
        extra={"sslmode": "prefer", "cursor": "dictcursor"},
    )

    store = open_store("state_db")
    store.record_loads([load(1)])

    assert store.last_load("shop", "orders") == load(1)
    assert url.password not in store.name
    store.close()


def test_a_connection_to_sqlite_is_a_store(home, connection):
    connection("state_db", conn_type="sqlite", host=f"{home}/other.db")

    assert open_store("state_db").name == f"sqlite:///{home}/other.db"


def test_odd_characters_of_a_password_reach_the_database_and_no_message(connection):
    connection(
        "state_db",
        conn_type="postgres",
        host="127.0.0.1",
        port=1,
        login="me@home",
        password="p@ss/w:rd%20",
        schema="db",
    )

    with pytest.raises(StateStoreError, match=r"127\.0\.0\.1") as caught:
        open_store("state_db")

    assert "w:rd" not in str(caught.value)


def test_a_connection_to_something_else_than_a_database_is_refused(connection):
    connection("web", conn_type="http", host="example.com")

    with pytest.raises(StateError, match="'web' is of type 'http', which is no database"):
        open_store("web")


def test_the_configuration_says_how_many_loads_are_kept(home, configure):
    configure(kept_loads="2")

    for store in (open_store(), open_store("asset", Context(ORDERS), {"orders": ORDERS})):
        store.record_loads([load(number) for number in range(4)])
        assert run_ids(store.list_loads("shop", "orders")) == ["run_3", "run_2"]


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_a_number_of_loads_that_is_none_is_refused(configure, value):
    configure(kept_loads=value)

    with pytest.raises(ValueError, match=r"\[dlt\] kept_loads = .* whole number above 0"):
        settings.kept_loads()


def test_a_load_waits_for_others_an_hour_unless_configured(configure):
    assert settings.lock_timeout_seconds() == 3600
    configure(lock_timeout="0.5")
    assert settings.lock_timeout_seconds() == 0.5


@pytest.mark.parametrize("value", ["0", "-1", "long", "nan", "inf"])
def test_a_timeout_that_is_none_is_refused(configure, value):
    configure(lock_timeout=value)

    with pytest.raises(ValueError, match=r"\[dlt\] lock_timeout = .* seconds above 0"):
        settings.lock_timeout_seconds()


def test_outside_a_task_the_same_store_is_opened(home, configure, metadata_database):
    configure(state_store=f"sqlite:///{home}/other.db")
    assert open_server_state_store(None, "shop").name == f"sqlite:///{home}/other.db"

    with pytest.raises(StateError, match="no asset of a pipeline 'nobodys'"):
        open_server_state_store("asset", "nobodys")


def test_outside_a_task_an_older_airflow_has_the_file(home, monkeypatch):
    monkeypatch.setattr(asset_server, "has_asset_state_store", lambda: False)

    assert open_server_state_store(None, "shop").name == f"sqlite:///{home}/dlt_state.db"
    with pytest.raises(StateError, match=r"needs Airflow >= 3\.3"):
        open_server_state_store("asset", "shop")


def test_the_options_are_documented_and_fit_what_is_read():
    options = get_provider_info()["config"]["dlt"]["options"]

    assert options["kept_loads"]["default"] == str(settings.kept_loads())
    assert options["lock_timeout"]["default"] == str(int(settings.lock_timeout_seconds()))
    # it may hold a password
    assert options["state_store"]["sensitive"]
    assert options["state_store"]["default"] is None
