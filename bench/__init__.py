"""Measurements of a real Airflow. They assert nothing."""
