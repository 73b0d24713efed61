"""Baselines: how long the latest attempts of an activity took."""

import pytest

from operations.ledger import Ledger, LedgerLimits, StatisticsLimits
from operations.records import Baseline
from operations.timeline import Ending, Span, SpanKind
from tests.unit.snapshots import at, snapshot

pytestmark = pytest.mark.both_databases

WORKFLOW = "order_workflow"


def record(
    ledger: Ledger, *seconds: float, name: str = "charge", ending: Ending = Ending.COMPLETED
) -> None:
    """Record an attempt of an activity for each of the durations."""
    ledger.runs.ingest(
        [
            snapshot(
                instance_id=f"{name}-{ending}-{number}",
                spans=(Span(SpanKind.ACTIVITY, name, 1, 1, at(0), at(duration), ending),),
            )
            for number, duration in enumerate(seconds)
        ]
    )


def test_a_baseline_has_the_median_and_the_p95_of_the_latest_attempts(ledger: Ledger) -> None:
    """In seconds, with the number of attempts."""
    record(ledger, *range(1, 22))
    assert ledger.statistics.baselines(WORKFLOW, ["charge"]) == {"charge": Baseline(11.0, 20.0, 21)}


def test_there_is_no_baseline_of_few_attempts(ledger: Ledger) -> None:
    """Nor of an unknown activity."""
    record(ledger, 1, 1, 1, 1)
    assert ledger.statistics.baselines(WORKFLOW, ["charge", "ship"]) == {}


@pytest.mark.parametrize(
    "ledger_limits", [LedgerLimits(statistics=StatisticsLimits(60, baseline_attempts=5))]
)
def test_only_the_latest_attempts_count(ledger: Ledger) -> None:
    """The baseline follows an activity that became slower."""
    record(ledger, 1, 1, 1, 1, 1, 9, 9, 9, 9, 9)
    assert ledger.statistics.baselines(WORKFLOW, ["charge"]) == {"charge": Baseline(9.0, 9.0, 5)}


def test_only_completed_attempts_count(ledger: Ledger) -> None:
    """Neither failed ones nor those that a rerun copied, which took no time."""
    record(ledger, 2, 2, 2, 2, 2, 0, 0)
    record(ledger, 1, 1, 1, ending=Ending.FAILED)
    assert ledger.statistics.baselines(WORKFLOW, ["charge"]) == {"charge": Baseline(2.0, 2.0, 5)}


def test_attempts_of_another_workflow_do_not_count(ledger: Ledger) -> None:
    """The same name may be another activity there."""
    record(ledger, 2, 2, 2, 2, 2)
    assert ledger.statistics.baselines("other_workflow", ["charge"]) == {}
