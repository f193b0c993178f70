import dlt

def shop(:
    return dlt.resource([1], name="orders")
