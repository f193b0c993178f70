def limit(source):
    return source.add_limit(1)


def forgets(source):
    source.add_limit(1)
