"""From a source to a plan: which tasks there are, and which resources each of them loads."""
