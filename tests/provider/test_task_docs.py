"""The documentation of each task in Airflow's UI."""

HINTS = """
import dlt

@dlt.source
def shop():
    @dlt.resource(primary_key="id", columns={"id": {"data_type": "bigint"}})
    def orders(new=dlt.sources.incremental("updated_at")):
        yield []

    return orders
"""


def test_a_task_tells_what_it_loads(dag_folder):
    dag_folder.write("hints.py", HINTS)

    dag = dag_folder.dag('dag = DltDag("shop", "hints:shop")')

    docs = dag.get_task("orders").doc_md
    assert docs.startswith("### orders\n")
    for row in ("source | shop", "primary key | id", r"cursor | updated\_at", "id | bigint"):
        assert f"| {row} |" in docs


def test_docs_of_the_users_win(dag_folder):
    dag_folder.write("hints.py", HINTS)

    by_option = dag_folder.dag(
        'dag = DltDag("shop", "hints:shop", task_options={"orders": {"doc_md": "mine"}})'
    )
    by_default = dag_folder.dag(
        'dag = DltDag("shop", "hints:shop", default_args={"doc_md": "ours"})'
    )

    assert by_option.get_task("orders").doc_md == "mine"
    assert by_default.get_task("orders").doc_md == "ours"


def test_a_feeding_resource_is_named(dag_folder):
    dag = dag_folder.dag('dag = DltDag("tree", "shop_source:tree")')

    assert "| extracted again for this task | users |" in dag.get_task("posts").doc_md


def test_the_facts_for_the_server_hold_no_columns(dag_folder):
    dag_folder.write("hints.py", HINTS)

    dag = dag_folder.dag('dag = DltDag("shop", "hints:shop")')

    assert "bigint" not in dag.get_task("orders").dlt_facts
