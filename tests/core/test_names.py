import pytest
from dlt.common.schema import Schema

from airflow_dlt_provider.core import names

ODD_NAMES = ["orders", "my.orders", "my orders", "ordérs", "123", "a-b", "a/b", "x" * 300, "日本"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_task_key_is_a_valid_airflow_task_id(name):
    key = names.task_key(name)

    assert key
    assert all(character.isascii() for character in key)
    assert all(character.isalnum() or character in "_-" for character in key)
    assert len(key) <= names.MAX_TASK_ID_LENGTH


def test_a_name_that_needs_no_change_keeps_its_spelling():
    assert names.task_key("Orders_2-b") == "Orders_2-b"
    assert names.task_pipeline_name("shop", "orders") == "shop__orders"
    assert names.schema_name("shop", "orders") == "shop__orders"
    assert names.default_pipeline_name("nightly-shop") == "nightly-shop"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.b", "a_b"),
        ("a.b", "a b"),
        ("x" * 300 + "1", "x" * 300 + "2"),
        # both are nothing but underscores without their hash
        ("日本", "中国"),
    ],
)
def test_two_names_never_become_one(one, other):
    assert names.task_key(one) != names.task_key(other)
    assert names.task_pipeline_name("p", one) != names.task_pipeline_name("p", other)
    assert names.schema_name("s", one) != names.schema_name("s", other)


def test_a_hyphen_and_an_underscore_give_different_schemas():
    assert names.schema_name("s", "a-b") != names.schema_name("s", "a_b")


@pytest.mark.parametrize("name", ODD_NAMES)
@pytest.mark.parametrize("source", ["shop", "9lives", "my-source", "s" * 80])
def test_dlt_accepts_every_schema_name(source, name):
    schema = Schema(names.schema_name(source, names.task_key(name)))

    assert len(schema.name) <= names.MAX_DLT_NAME_LENGTH


@pytest.mark.parametrize("length", [1, 30, 57, 58, 64, 200])
def test_a_pipeline_name_fits_into_64_characters(length):
    assert len(names.task_pipeline_name("nightly", "t" * length)) <= 64


def test_the_finish_task_avoids_resources_of_its_name():
    assert names.finish_task_key(frozenset({"orders"})) == "finish"
    assert names.finish_task_key(frozenset({"finish", "finish_"})) == "finish__"


def test_a_group_in_a_dag_has_a_pipeline_of_its_own():
    assert names.default_pipeline_name("nightly", "shop") == "nightly__shop"
    assert names.default_pipeline_name("nightly", "a.b") != names.default_pipeline_name(
        "nightly", "a_b"
    )


def test_an_asset_is_named_by_pipeline_dataset_and_table():
    assert names.asset_name("shop", "raw", "orders") == "shop/raw/orders"
    assert names.asset_uri("shop", "raw", "orders") == "x-dlt://shop/raw/orders"


def test_manifests_and_modules_of_two_folders_have_different_names():
    assert names.manifest_file_name("shop", "/a") != names.manifest_file_name("shop", "/b")
    assert names.module_namespace("/a") != names.module_namespace("/b")
    assert names.module_namespace("/a").isidentifier()


def test_the_file_of_a_manifest_has_a_name_that_file_systems_take():
    assert len(names.manifest_file_name("d" * 250, "g" * 200)) <= 255
    assert names.manifest_file_name("shop.eu", None) != names.manifest_file_name("shop_eu", None)


def test_working_folders_of_two_task_instances_have_different_names():
    one = names.working_folder_name("orders", "shop.eu", "run", "orders", -1)

    assert one != names.working_folder_name("orders", "shop_eu", "run", "orders", -1)
    assert one != names.working_folder_name("orders", "shop.eu", "run", "orders", 0)
    assert one != names.working_folder_name("orders", "shop.eurun", "", "orders", -1)
    assert one.startswith("orders_")
    assert len(names.working_folder_name("t" * 200, "d" * 250)) <= 100
