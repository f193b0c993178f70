"""What the package plugs into Airflow."""
