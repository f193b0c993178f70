import dlt


@dlt.source
def my_api():
    return dlt.resource([{"id": 1}], name="items")
