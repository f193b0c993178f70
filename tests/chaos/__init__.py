"""Loads that are killed at every step, and what their retries make of it.

`make chaos` runs all cases; `pytest tests/chaos` runs a few of every kind.
"""
