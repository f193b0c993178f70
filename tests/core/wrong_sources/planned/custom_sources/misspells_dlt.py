import dlt


@dlt.sorce
def shop():
    return dlt.resource([1], name="orders")
