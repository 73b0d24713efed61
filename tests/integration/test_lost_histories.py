"""Instances whose history Dapr has lost: rows of its state store are missing."""

from functools import partial

import pytest

from operations.actions import ActionContext, Actions, PurgeOptions, StartRequest
from operations.errors import HistoryLost, InstanceExists
from operations.model import HISTORY_LOST, LOCAL_USER, Action, Status
from operations.records import Outcome
from operations.run_view import View, view
from tests.integration.rich import Rich
from tests.waiting import eventually

OPERATOR = ActionContext(LOCAL_USER)
FORCE = PurgeOptions(force=True)


def shown(rich: Rich, instance_id: str) -> View:
    """Return the view of an instance, as its page shows it."""
    return view(rich.gateway, rich.ledger, instance_id, dapr_unavailable=False)


def test_a_lost_history_is_shown_with_the_remedy_and_the_remedy_works(rich: Rich) -> None:
    """Dapr refuses every read and purge until the rows of the instance are deleted."""
    actions = Actions(rich.gateway, rich.ledger)
    instance_id, other = rich.start("waiting"), rich.start("waiting")
    rich.recorded(instance_id, Status.RUNNING)
    before = shown(rich, instance_id)
    assert rich.delete_rows(instance_id, "history-")
    with pytest.raises(HistoryLost, match="'history-000000' is missing"):
        rich.gateway.state(instance_id)
    assert instance_id in rich.gateway.ids().ids
    assert rich.recorded(instance_id, Status.UNKNOWN, 30).error_type == HISTORY_LOST
    found = shown(rich, instance_id)
    assert found.details.history == before.details.history
    assert found.details.failure
    assert "Delete its rows" in found.details.failure.message
    change = partial(actions.change_status, Action.TERMINATE, instance_id, OPERATOR)
    for refused in (change, partial(actions.purge, instance_id, OPERATOR, FORCE)):
        with pytest.raises(HistoryLost):
            refused()
    last = rich.ledger.audit_log.of(instance_id, 1)[0]
    assert (last.action, last.outcome) == (Action.PURGE, Outcome.REFUSED)
    actions.change_status(Action.TERMINATE, other, OPERATOR)
    rich.recorded(other, Status.TERMINATED)

    rich.delete_rows(instance_id)
    assert not actions.purge(instance_id, OPERATOR, FORCE).changed
    run = rich.recorded(instance_id, Status.UNKNOWN)
    assert run.purged_at
    assert run.error_type == HISTORY_LOST
    assert rich.ledger.runs.adjacent_runs(run) == (None, None)


def test_a_finished_run_keeps_its_end_and_its_history(rich: Rich) -> None:
    """They are in the ledger; Dapr refuses to purge it until its rows are deleted."""
    instance_id = rich.start("waiting")
    rich.gateway.terminate(instance_id)
    rich.recorded(instance_id, Status.TERMINATED)
    eventually(lambda: rich.ledger.runs.archived([instance_id]), 20, f"{instance_id} is archived")
    assert rich.delete_rows(instance_id, "history-")
    actions = Actions(rich.gateway, rich.ledger)
    with pytest.raises(HistoryLost):
        actions.purge(instance_id, OPERATOR)
    found = shown(rich, instance_id)
    assert found.summary.status is Status.TERMINATED
    assert found.details.history
    rich.delete_rows(instance_id)
    actions.purge(instance_id, OPERATOR)
    assert rich.recorded(instance_id, Status.TERMINATED).purged_at


@pytest.mark.slow
def test_what_dapr_writes_back_after_a_forced_purge_hides_nothing(rich: Rich) -> None:
    """The run stays purged; without the rows and after a restart the id can be used again."""
    instance_id = rich.start("waiting")
    rich.recorded(instance_id, Status.RUNNING)
    metadata = f"%.workflow||{instance_id}||metadata"
    with rich.state_store() as store:
        row = store.execute("SELECT * FROM state WHERE key LIKE ?", (metadata,)).fetchone()
    actions = Actions(rich.gateway, rich.ledger)
    actions.purge(instance_id, OPERATOR, FORCE)
    with pytest.raises(InstanceExists, match="until it restarts, as after a forced purge"):
        actions.start(StartRequest("waiting", instance_id, {}), OPERATOR)
    purged = rich.recorded(instance_id, Status.UNKNOWN)
    assert purged.purged_at
    with rich.state_store() as store:
        store.execute("INSERT INTO state VALUES (?, ?, ?, ?, ?, ?)", row)
    said = f"Dapr cannot read '{instance_id}'"
    eventually(lambda: said in rich.output, 30, "the recorder has read it several times")
    assert rich.ledger.runs.latest(instance_id) == purged
    assert rich.ledger.runs.adjacent_runs(purged) == (None, None)
    with pytest.raises(HistoryLost):
        actions.purge(instance_id, OPERATOR, FORCE)
    with rich.without_sidecar():  # it still has the purged instance in memory
        rich.delete_rows(instance_id)
    actions.start(StartRequest("waiting", instance_id, {}), OPERATOR)
    earlier, _ = rich.ledger.runs.adjacent_runs(rich.recorded(instance_id, Status.RUNNING, 20))
    assert earlier
    assert (earlier.run_id, earlier.purged_at) == (purged.run_id, purged.purged_at)
