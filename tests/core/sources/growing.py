"""A shop whose source grows: every kind of cursor, and what is loaded without one."""

import dlt


@dlt.source
def growing(upto: int):
    @dlt.resource(write_disposition="append")
    def orders(number=dlt.sources.incremental("number")):  # noqa: B008 - as dlt asks for it
        yield [order(n) for n in range(1, upto + 1)]

    @dlt.transformer(data_from=orders, write_disposition="append")
    def invoices(orders):
        for item in orders:
            yield {"number": item["number"], "positions": item["lines"]}

    @dlt.transformer(data_from=orders, write_disposition="merge", primary_key="customer")
    def last_orders(orders):
        # one row for each key: of several in one load, dlt keeps any
        yield list(
            {n["customer"]: {k: n[k] for k in ("customer", "number")} for n in orders}.values()
        )

    @dlt.resource(write_disposition="merge", primary_key="sku")
    def products(version=dlt.sources.incremental("version")):  # noqa: B008 - as dlt asks for it
        newest = {n % 4: n for n in range(1, upto + 1)}
        yield [{"sku": sku, "version": n, "sizes": [n, n]} for sku, n in newest.items()]

    @dlt.resource(write_disposition="replace")
    def customers():
        yield [{"customer": n % 3, "orders": upto} for n in range(3)]

    @dlt.resource(write_disposition="append")
    def events():
        own = dlt.current.resource_state()
        yield [{"number": n} for n in range(own.get("seen", 0) + 1, upto + 1)]
        own["seen"] = upto
        shared = dlt.current.source_state()
        shared["calls"] = [*shared.get("calls", []), upto]

    return orders, invoices, last_orders, products, customers, events


def order(number: int) -> dict:
    return {"number": number, "customer": number % 3, "lines": [{"sku": number}, {"sku": 0}]}
