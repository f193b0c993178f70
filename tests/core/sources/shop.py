"""A shop: every kind of resource that a source may hold. A later batch brings more of all."""

import dlt


@dlt.source
def shop(batch: int = 1):  # noqa: C901 - one resource of each kind
    @dlt.resource(write_disposition="replace")
    def customers():
        # a later batch has fewer rows, so that a table that was not replaced shows
        yield [{"id": i, "name": f"customer {i}", "tags": ["a", "b"]} for i in range(6 // batch)]

    @dlt.resource
    def orders(number=dlt.sources.incremental("number", initial_value=0)):  # noqa: B008 - as dlt asks for it
        yield [order(number) for number in range(1, 3 * batch + 1)]

    @dlt.transformer(data_from=orders)
    def invoices(orders):
        for order in orders:
            yield {"order_number": order["number"], "positions": order["lines"]}

    @dlt.transformer(data_from=orders, write_disposition="merge", primary_key="customer")
    def last_orders(orders):
        for order in orders:
            yield {"customer": order["customer"], "order_number": order["number"]}

    @dlt.resource(write_disposition="merge", primary_key="sku")
    def products():
        yield [{"sku": i, "price": i * batch, "sizes": [batch, i]} for i in range(2 + batch)]

    @dlt.resource(table_name=lambda event: f"event_{event['kind']}")
    def events():
        yield [{"kind": kind, "batch": batch} for kind in ("click", "view")]

    def stock(region: str):
        yield {"region": region, "pieces": 10 * batch}

    yield from (customers, orders, invoices, last_orders, products, events)
    for region in ("north", "south"):
        yield dlt.resource(stock(region), name=f"stock_{region}")
    yield dlt.resource([{"id": batch}], name="audit", selected=False)


def order(number: int) -> dict:
    lines = [{"sku": i, "serials": [{"serial": f"{number}-{i}"}]} for i in range(2)]
    return {"number": number, "customer": number % 2, "lines": lines}
