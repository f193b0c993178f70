from dlt import resorce
