"""The operator that stands where a source would be loaded, if it was without a mistake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

if TYPE_CHECKING:
    from airflow.sdk import Context


class MistakeOperator(BaseOperator):
    """Fails, and says what is wrong.

    Args:
        mistakes: One line for each.
    """

    ui_color = "#ffd6d6"

    def __init__(self, *, mistakes: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mistakes = list(mistakes)

    def execute(self, context: Context) -> None:
        """Tell all mistakes.

        Raises:
            AirflowFailException: Always; trying again will not help.
        """
        raise AirflowFailException("\n".join(self.mistakes))
