"""Airflow connections, as what dlt takes."""
