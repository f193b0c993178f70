"""Who may see and do what, as Airflow's auth manager says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.models.dag import DagModel
from fastapi import Depends, HTTPException, status
from sqlalchemy.orm import Session


@dataclass
class Access:
    """What the user of one request may see and do."""

    user: BaseUser
    session: Session

    @property
    def user_name(self) -> str:
        """Name of the user, for records."""
        return self.user.get_name()

    @cached_property
    def readable(self) -> set[str]:
        """Ids of the Dags that the user may read."""
        return set(
            get_auth_manager().get_authorized_dag_ids(
                user=self.user, method="GET", session=self.session
            )
        )

    @cached_property
    def editable(self) -> set[str]:
        """Ids of the Dags that the user may edit."""
        return set(
            get_auth_manager().get_authorized_dag_ids(
                user=self.user, method="PUT", session=self.session
            )
        )

    def require_edit(self, dag_id: str) -> None:
        """Refuse who may not edit a Dag.

        Raises:
            HTTPException: 403.
        """
        if dag_id not in self.editable:
            raise _forbidden(
                f"to change the state of Dag {dag_id!r}, one needs the right to edit it"
            )

    def require_trigger(self, dag_id: str) -> None:
        """Refuse who may not start a run of a Dag.

        Raises:
            HTTPException: 403.
        """
        team_name = DagModel.get_team_name(dag_id, session=self.session)
        may_trigger = get_auth_manager().is_authorized_dag(
            method="POST",
            access_entity=DagAccessEntity.RUN,
            details=DagDetails(id=dag_id, team_name=team_name),
            user=self.user,
        )
        if not may_trigger:
            raise _forbidden(f"one needs the right to start a run of Dag {dag_id!r}")


def _access(user: GetUserDep, session: SessionDep) -> Access:
    return Access(user, session)


AccessDep = Annotated[Access, Depends(_access)]


def _forbidden(text: str) -> HTTPException:
    return HTTPException(status.HTTP_403_FORBIDDEN, text)
