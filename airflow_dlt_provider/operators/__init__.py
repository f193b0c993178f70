"""Operators: thin, over the core."""
