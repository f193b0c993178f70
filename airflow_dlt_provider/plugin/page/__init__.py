"""The page "dlt" in Airflow's UI: its app is mounted in Airflow's API server."""
