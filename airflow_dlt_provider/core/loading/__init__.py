"""From one planned task to rows in the destination and a `LoadResult`."""
