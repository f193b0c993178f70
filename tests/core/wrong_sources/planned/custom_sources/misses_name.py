def shop(size=page_size):
    return size
