"""To plain dlt pipelines and back: cursors are taken over from them, or given to them."""
