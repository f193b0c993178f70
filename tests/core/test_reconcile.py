"""The table of who wins, as a pure function."""

import pytest

from airflow_dlt_provider.core.state.reconcile import (
    DestinationFacts,
    StoreFacts,
    Verdict,
    reconcile,
)

OWN = StoreFacts(state_version=3, is_same_pipeline=True)
REGROUPED = StoreFacts(state_version=3, is_same_pipeline=False)


def holds(state_version=None, **facts):
    return DestinationFacts(keeps_state=True, state_version=state_version, **facts)


@pytest.mark.parametrize(
    ("destination", "store", "verdict"),
    [
        pytest.param(holds(None), None, Verdict.START, id="nobody knows anything"),
        pytest.param(
            holds(None, holds_foreign_rows=True), None, Verdict.REFUSE, id="rows without a cursor"
        ),
        pytest.param(
            holds(None, holds_last_load=True), REGROUPED, Verdict.SEED, id="loaded by another task"
        ),
        pytest.param(
            holds(7, holds_last_load=True),
            REGROUPED,
            Verdict.SEED,
            id="loaded by another task, and long ago by this one",
        ),
        pytest.param(
            holds(None, holds_last_load=True), OWN, Verdict.SEED, id="only the state is gone"
        ),
        pytest.param(holds(None), OWN, Verdict.START_OVER, id="dataset dropped"),
        pytest.param(holds(None), REGROUPED, Verdict.START_OVER, id="dropped and regrouped"),
        pytest.param(holds(2), OWN, Verdict.START_OVER, id="an older copy was restored"),
        pytest.param(holds(3), OWN, Verdict.IN_SYNC, id="the same version"),
        pytest.param(holds(4), OWN, Verdict.HEAL, id="cut off between load and ledger"),
        pytest.param(holds(4), None, Verdict.HEAL, id="the store was emptied"),
        pytest.param(
            DestinationFacts(keeps_state=False, state_version=None),
            OWN,
            Verdict.FROM_STORE,
            id="a destination without state",
        ),
        pytest.param(
            DestinationFacts(keeps_state=False, state_version=None),
            None,
            Verdict.START,
            id="a destination without state, for the first time",
        ),
    ],
)
def test_who_wins(destination, store, verdict):
    assert reconcile(destination, store) is verdict


@pytest.mark.parametrize("store", [OWN, REGROUPED, None])
@pytest.mark.parametrize("version", [None, 2, 3, 4])
def test_a_person_wins_over_everything(version, store):
    facts = holds(version, holds_last_load=True, holds_foreign_rows=True)

    assert reconcile(facts, store, is_requested=True) is Verdict.REQUEST
