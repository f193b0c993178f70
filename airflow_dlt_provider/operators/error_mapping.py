"""What of an error Airflow's retries are spent on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from airflow_dlt_provider.core.errors import DltProviderError


@contextlib.contextmanager
def mapped_errors() -> Iterator[None]:
    """Spend Airflow's retries only on what may go away."""
    try:
        yield
    except AirflowNotFoundException as error:
        raise AirflowFailException(
            f"{error}; add the connection in Airflow's UI, or as an environment variable "
            "AIRFLOW_CONN_<ID>"
        ) from error
    except DltProviderError as error:
        if error.may_go_away:
            raise
        raise AirflowFailException(str(error)) from error
