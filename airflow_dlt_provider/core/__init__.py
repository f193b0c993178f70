"""Decides what to load and loads it; knows dlt and never imports Airflow."""
