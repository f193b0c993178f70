"""Imports dlt in the main process of a Celery worker, before it forks those that run tasks.

Airflow announces no job there, so that the listener of `preload` hears nothing. This module is an
entry point of `airflow.policy`, which every process of Airflow loads when it reads its settings.
That is too early to import dlt: Celery's own signal comes when Airflow is up, and before any fork.
"""

from __future__ import annotations

import sys

WORKER_COMMAND = ["celery", "worker"]


def listen() -> None:
    """Have dlt imported when this process, if it is a Celery worker, is about to start."""
    if sys.argv[1:3] == WORKER_COMMAND:
        from celery.signals import worker_init

        worker_init.connect(preload_worker, weak=False)


def preload_worker(**_signal: object) -> None:
    """Import and warm dlt, unless `[dlt] preload` says otherwise."""
    from airflow_dlt_provider import settings
    from airflow_dlt_provider.plugin.preload import preload

    if settings.is_preload_enabled():
        preload()


listen()
