"""State stores that only Airflow has, and the choice of the store of a task."""
