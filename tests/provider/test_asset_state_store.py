import itertools
import json
import logging

import pytest

pytest.importorskip("airflow.models.asset_state_store")

from airflow.models.asset import AssetActive, AssetModel
from airflow.models.asset_state_store import AssetStateStoreModel
from airflow.sdk import DAG, Asset, BaseOperator
from airflow.utils.session import create_session

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import StateError, StateStoreError
from airflow_dlt_provider.core.state.records import SourceState
from airflow_dlt_provider.state_stores.asset import AssetStateStore
from airflow_dlt_provider.state_stores.asset_server import (
    MetadataAccessor,
    list_asset_pipelines,
    open_server_asset_store,
)
from airflow_dlt_provider.state_stores.choose import open_state_store
from tests.state_store_suite import (
    ODD_NAMES,
    WRITERS,
    DurableStateStoreSuite,
    load,
    request,
    run_ids,
    state,
)

RESOURCES = [
    "orders",
    "customers",
    "order",
    "prices",
    "Archive",
    *ODD_NAMES,
    *(f"resource_{number}" for number in range(WRITERS)),
]
numbers = itertools.count()


def add_asset(*parts):
    """Let Airflow know an asset, as it does once it has parsed a Dag; return its id."""
    name = "/".join(parts)
    uri = f"x-dlt://{name}"
    with create_session() as session:
        asset = AssetModel(name=name, uri=uri, group="asset")
        session.add(asset)
        session.flush()
        session.add(AssetActive.for_asset(asset))
        return asset.id


class CountedAccessor:
    """Counts the calls that the accessor of a task would make a request of each."""

    def __init__(self, accessor, calls):
        self.accessor = accessor
        self.calls = calls

    def get(self, key, default=None):
        self.calls.append(("get", key))
        return self.accessor.get(key, default)

    def set(self, key, value):
        self.calls.append(("set", key))
        self.accessor.set(key, value)

    def delete(self, key):
        self.calls.append(("delete", key))
        self.accessor.delete(key)


class Assets:
    """The assets of one pipeline: of two tables, and of the pipeline itself."""

    def __init__(self, pipeline_name):
        self.folder = f"{pipeline_name}_{next(numbers)}"
        self.calls = []
        self.ids = [add_asset(self.folder, "data", table) for table in ("orders", "customers")]
        self.ids.append(add_asset(self.folder, "data"))

    def open(self, **options):
        orders, customers, pipeline = (
            CountedAccessor(MetadataAccessor(asset_id), self.calls) for asset_id in self.ids
        )
        # a resource may load into the table of another, or into none that is known
        accessors = dict.fromkeys(RESOURCES, orders) | {"customers": customers, "prices": pipeline}
        return AssetStateStore(accessors, pipeline, **options)

    def keys(self):
        with create_session() as session:
            rows = session.query(AssetStateStoreModel.key).filter(
                AssetStateStoreModel.asset_id.in_(self.ids)
            )
            return sorted(key for (key,) in rows)

    def change(self, key, value):
        with create_session() as session:
            session.query(AssetStateStoreModel).filter(
                AssetStateStoreModel.asset_id.in_(self.ids), AssetStateStoreModel.key == key
            ).update({"value": value}, synchronize_session=False)

    def forget(self):
        """Do what Airflow does to an asset that no Dag names any more."""
        with create_session() as session:
            session.query(AssetStateStoreModel).filter(
                AssetStateStoreModel.asset_id.in_(self.ids)
            ).delete(synchronize_session=False)


@pytest.fixture
def assets(metadata_database):
    return Assets("shop")


@pytest.fixture
def open_store(assets):
    return assets.open


@pytest.fixture
def store(open_store):
    return open_store()


class TestAssetStateStore(DurableStateStoreSuite):
    @pytest.fixture
    def other_store(self, metadata_database):
        return Assets("other").open()


def test_the_usual_sequence_of_a_load_costs_five_calls(assets):
    for number in range(60):
        store = assets.open()
        assets.calls.clear()

        store.read_resources("shop", ["orders"])
        store.read_requests("shop", ["orders"])
        store.write_resources([state(unfinished=load(number, status="unfinished"))])
        store.record_loads([load(number)])
        store.write_resources([state(unfinished=None)])

        assert len(assets.calls) == 5, assets.calls
    assert run_ids(store.list_loads("shop", "orders", limit=100)) == [
        f"run_{number}" for number in range(59, 9, -1)
    ]


def test_a_list_of_loads_costs_a_call_for_each_and_one(assets, store):
    store.record_loads([load(number) for number in range(9)])
    assets.calls.clear()

    assert len(store.list_loads("shop", "orders", limit=3)) == 3
    assert len(assets.calls) == 4


def test_the_number_of_keys_does_not_grow_with_the_past(assets, open_store):
    for number in range(20):
        store = open_store(kept_loads=3)
        store.write_resources([state(unfinished=load(number, status="unfinished"))])
        store.record_loads([load(number)])
        store.write_resources([state(unfinished=None)])

    assert assets.keys() == [*(f"orders.load.{slot}" for slot in range(4)), "orders.state"]


def test_slots_that_are_used_no_more_are_deleted_when_fewer_loads_are_kept(assets, open_store):
    open_store().record_loads([load(number) for number in range(20)])

    for number in range(20, 25):
        open_store(kept_loads=3).record_loads([load(number)])

    assert len(assets.keys()) <= 3 + 1 + len(["orders.state"])
    assert len(open_store().list_loads("shop", "orders")) == 3


@pytest.mark.parametrize("is_the_same_instance", [True, False])
def test_a_store_that_airflow_has_emptied_is_as_if_it_were_new(
    assets, open_store, is_the_same_instance
):
    store = open_store()
    store.read_resources("shop", ["orders"])
    store.write_resources([state()])
    store.record_loads([load(1), load(2), load(7)])
    store.write_source(SourceState("shop", "shop", {"a": 1}))
    store.ask(request())

    assets.forget()

    if not is_the_same_instance:
        store = open_store()
    assert store.list_loads("shop", "orders") == []
    assert store.read_source("shop", "shop") is None
    assert store.read_requests("shop", ["orders"]) == {}
    assert store.list_resources("shop") == []
    assert store.read_resources("shop", ["orders"]) == {}
    store.record_loads([load(3)])
    assert store.list_loads("shop", "orders") == [load(3)]


def test_a_store_that_airflow_empties_during_a_load_takes_what_is_written_then(assets, open_store):
    store = open_store()
    store.record_loads([load(0)])
    store.write_resources([state(unfinished=load(1, status="unfinished"))])

    assets.forget()
    store.record_loads([load(1)])
    store.write_resources([state(unfinished=None)])

    assert open_store().list_loads("shop", "orders") == [load(1)]
    assert open_store().read_resources("shop", ["orders"]) == {"orders": state(unfinished=None)}


@pytest.mark.parametrize("value", ["{}", "[]", '"text"', "1", '{"state": {}, "slots": {}}'])
def test_a_value_that_a_person_damaged_is_told(assets, store, value):
    store.write_resources([state()])
    store.ask(request())
    assets.change("orders.state", value)
    assets.change("orders.request", value)

    with pytest.raises(StateStoreError, match=r"key 'orders.state' is damaged .*; delete that key"):
        store.read_resources("shop", ["orders"])
    with pytest.raises(StateStoreError, match=r"key 'orders.request' is damaged"):
        store.read_requests("shop", ["orders"])


class BrokenAccessor:
    def get(self, key, default=None):
        raise RuntimeError("the API server\nis gone")

    set = delete = get


def test_a_server_that_does_not_answer_is_told():
    store = AssetStateStore({}, BrokenAccessor())
    calls = [
        lambda: store.read_resources("shop", ["orders"]),
        lambda: store.write_resources([state()]),
        lambda: store.record_loads([load()]),
        lambda: store.list_loads("shop", "orders"),
        lambda: store.read_source("shop", "shop"),
        lambda: store.write_source(SourceState("shop", "shop", {})),
        lambda: store.ask(request()),
        lambda: store.read_requests("shop", ["orders"]),
    ]

    for call in calls:
        with pytest.raises(StateStoreError, match=r"asset cannot be used: .* server is gone"):
            call()


def test_what_has_no_asset_is_told():
    with pytest.raises(StateStoreError, match="the task was given no asset of the pipeline"):
        AssetStateStore({}).read_resources("shop", ["orders"])


def test_a_state_that_another_pipeline_left_in_the_same_asset_is_not_taken(store):
    store.write_resources([state(pipeline_name="other")])
    store.record_loads([load(pipeline_name="other")])

    assert store.read_resources("shop", ["orders"]) == {}
    assert store.list_loads("shop", "orders") == []


def test_outside_a_task_all_resources_of_a_pipeline_are_found(assets, store):
    store.write_resources([state("order"), state("customers"), state("a/b//c")])
    store.record_loads([load(1, "order")])
    store.ask(request("with space"))

    server = open_server_asset_store(assets.folder)

    assert server.list_resources("shop") == ["a/b//c", "customers", "order", "with space"]
    assert server.read_resources("shop", ["order"]) == {"order": state("order")}
    assert server.list_loads("shop", "order") == [load(1, "order")]


def test_a_request_made_outside_a_task_reaches_the_task(assets, store):
    open_server_asset_store(assets.folder).ask(request("order"))

    assert store.read_requests("shop", ["order"]) == {"order": request("order")}


def test_airflow_shows_that_a_request_was_made_by_a_person(assets):
    open_server_asset_store(assets.folder).ask(request("order"))

    with create_session() as session:
        row = (
            session.query(AssetStateStoreModel)
            .filter_by(key="order.request")
            .order_by(AssetStateStoreModel.updated_at.desc())
        )
        assert row.first().last_updated_by_kind == "api"


def test_outside_a_task_a_pipeline_that_airflow_does_not_know_is_told(assets):
    with pytest.raises(StateError, match=rf"no asset of a pipeline 'sho'; .*{assets.folder}"):
        open_server_asset_store("sho")
    assert assets.folder in list_asset_pipelines()


def test_of_several_datasets_one_has_to_be_named(assets):
    add_asset(assets.folder, "test", "orders")

    with pytest.raises(StateError, match="several datasets; name one; there are: data, test"):
        open_server_asset_store(assets.folder)
    with pytest.raises(StateError, match="has no dataset 'live'; there are: data, test"):
        open_server_asset_store(assets.folder, "live")
    assert open_server_asset_store(assets.folder, "test").list_resources("shop") == []


def test_assets_of_others_are_no_pipelines(metadata_database):
    with create_session() as session:
        asset = AssetModel(name="theirs/data/orders", uri="s3://theirs", group="asset")
        session.add(asset)
        session.flush()
        session.add(AssetActive.for_asset(asset))

    assert "theirs" not in list_asset_pipelines()


class StoreOperator(BaseOperator):
    """Uses the store of its context as a load does."""

    def __init__(self, *, table_asset, pipeline_asset, **kwargs):
        super().__init__(**kwargs, outlets=[table_asset], inlets=[pipeline_asset])
        self.table_asset = table_asset
        self.pipeline_asset = pipeline_asset

    def execute(self, context):
        store = open_state_store(None, context, {"orders": self.table_asset}, self.pipeline_asset)
        logging.getLogger(__name__).info("store %s", store.name)
        assert isinstance(store, AssetStateStore)
        kept = len(store.list_loads("shop", "orders"))
        requests = store.read_requests("shop", ["orders"])
        states = store.read_resources("shop", ["orders"])
        store.write_resources([state(unfinished=load(kept, status="unfinished"))])
        store.record_loads([load(kept)])
        store.write_resources([state(unfinished=None, state_version=kept)])
        store.write_source(SourceState("shop", "shop", {"kept": kept}))
        assert store.list_loads("shop", "orders")[0] == load(kept)
        return [kept, [item.state_version for item in states.values()], list(requests)]


def test_tasks_of_several_runs_share_a_store_through_airflows_own_api(run_dag, states, returned):
    pipeline = f"shop_{next(numbers)}"
    table = Asset(name=f"{pipeline}/data/orders", uri=names.asset_uri(pipeline, "data", "orders"))
    whole = Asset(name=f"{pipeline}/data", uri=f"x-dlt://{pipeline}/data")

    def run():
        with DAG(f"store_dag_{pipeline}", schedule=None) as dag:
            StoreOperator(task_id="store", table_asset=table, pipeline_asset=whole)
        run = run_dag(dag)
        assert states(run) == {"store": "success"}
        return returned(run)["store"]

    assert run() == [0, [], []]
    open_server_asset_store(pipeline).ask(request())
    assert run() == [1, [0], ["orders"]]
    server = open_server_asset_store(pipeline)
    assert server.list_loads("shop", "orders") == [load(1), load(0)]
    assert server.read_source("shop", "shop").values == {"kept": 1}
    assert server.list_resources("shop") == ["orders"]


@pytest.fixture
def outside_storage(tmp_path, monkeypatch):
    """Let workers keep values in files, as they would in S3."""
    backend = "airflow.providers.common.io.state_store.backend.StateStoreObjectStorageBackend"
    monkeypatch.setenv("AIRFLOW__COMMON_IO__STATE_STORE_OBJECTSTORAGE_PATH", f"file://{tmp_path}")
    monkeypatch.setenv("AIRFLOW__WORKERS__STATE_STORE_BACKEND", backend)
    return pytest.importorskip("airflow.providers.common.io.state_store.backend")


def test_outside_a_task_a_value_that_a_worker_keeps_in_object_storage_is_read(
    assets, store, outside_storage, monkeypatch
):
    from airflow.state import AssetScope

    store.write_resources([state()])
    value = MetadataAccessor(assets.ids[0]).get("orders.state")
    reference = outside_storage.StateStoreObjectStorageBackend().serialize_asset_state_store_to_ref(
        value=value, key="orders.state", scope=AssetScope(name="orders")
    )
    assets.change("orders.state", json.dumps({"__airflow_state_ref__": reference}))

    assert store.read_resources("shop", ["orders"]) == {"orders": state()}

    monkeypatch.delenv("AIRFLOW__WORKERS__STATE_STORE_BACKEND")
    with pytest.raises(StateStoreError, match="the value lies outside Airflow's database; set "):
        store.read_resources("shop", ["orders"])
