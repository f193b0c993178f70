import dlt


@dlt.source
def nothing():
    dlt.resource([{"id": 1}], name="orders")


@dlt.source
def a_mapping():
    return {"orders": [{"id": 1}]}


def a_plain_mapping():
    return {"orders": [{"id": 1}]}


@dlt.source
def an_empty_list():
    return []


@dlt.source
def rows():
    return [{"id": 1}, {"id": 2}]


@dlt.source
def one_name_twice():
    return [dlt.resource([{"id": 1}], name="orders"), dlt.resource([{"id": 2}], name="orders")]


@dlt.transformer
def details(row):
    yield row


@dlt.source
def unbound():
    return [dlt.resource([{"id": 1}], name="orders"), details]


@dlt.source(name="my-shop")
def wrongly_named():
    return dlt.resource([{"id": 1}], name="orders")


@dlt.source
def one_table_twice():
    return [
        dlt.resource([{"id": 1}], name=name, table_name="items", write_disposition="replace")
        for name in ("new", "old")
    ]
