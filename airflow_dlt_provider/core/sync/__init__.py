"""Loads declared sources from one process, with neither a scheduler nor Airflow."""
