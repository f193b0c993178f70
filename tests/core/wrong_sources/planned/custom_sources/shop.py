import dlt

PAGE_SIZE = 50


@dlt.source
def shop():
    return [dlt.resource([{"id": 1}], name=name) for name in ("orders", "customers")]


@dlt.source
def with_arguments(base_url: str, page_size: int = PAGE_SIZE):
    return dlt.resource([{"url": base_url}], name="pages")


built = shop()
