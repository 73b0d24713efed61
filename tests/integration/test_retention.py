"""Instances that the engine deletes after its retention stay in the ledger."""

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from operations.gateway import DaprGateway
from operations.history import HistoryEvent
from operations.ledger import open_ledger
from operations.model import Instance, Status
from operations.records import RunSummary
from system.dapr.settings import PROJECT
from tests.integration.stack import AT_ONCE, Stack, unique
from tests.integration.truth import assert_true
from tests.waiting import eventually

RETENTION = "anyTerminal: 168h"
ORDERS = 5
ACTIVITIES = 3  # of an order


@pytest.mark.slow
def test_a_run_older_than_the_retention_is_kept(
    second: Callable[..., Stack], tmp_path: Path
) -> None:
    """The ledger keeps the run and its history, and marks the run as purged."""
    resources = tmp_path / "components"
    shutil.copytree(PROJECT / "components", resources)
    config = resources / "dapr-config.yaml"
    assert RETENTION in config.read_text()
    config.write_text(config.read_text().replace(RETENTION, "anyTerminal: 6s"))
    stack = second(FLOWDECK_RESOURCES=str(resources), **AT_ONCE)
    stack.start()
    ids = [stack.start_order(unique("short-lived")) for _ in range(ORDERS)]
    with closing(stack.gateway()) as gateway:
        last = {each: final_state(gateway, each) for each in ids}
    with closing(open_ledger(f"sqlite:///{stack.folder}/data/ledger.db")) as ledger:

        def purged() -> list[RunSummary]:
            runs = [ledger.runs.latest(each) for each in ids]
            return [summary for summary in runs if summary and summary.purged_at]

        runs = eventually(
            lambda: purged() if len(purged()) == ORDERS else None, 60, "all are purged"
        )
        assert {summary.status for summary in runs} == {Status.COMPLETED}
        for summary in runs:
            state, history = last[summary.instance_id]
            assert state.output
            assert len(ledger.runs.attempts(summary.run_id)) == ACTIVITIES
            assert_true(ledger, summary, state, history)


def final_state(
    gateway: DaprGateway, instance_id: str
) -> tuple[Instance, tuple[HistoryEvent, ...]]:
    """Wait until an instance has ended, and return its state and history."""

    def ended() -> Instance | None:
        state = gateway.state(instance_id)
        return state if state and state.status.is_finished else None

    return eventually(ended, 10, f"{instance_id} has ended"), gateway.history(instance_id)
