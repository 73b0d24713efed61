"""How long activities usually take, by what the ledger holds."""

import pytest

from operations.ledger import Ledger, StatisticsLimits
from operations.records import Baseline
from operations.timeline import Ending, Span, SpanKind
from tests.unit.snapshots import at, snapshot

pytestmark = pytest.mark.both_databases

WORKFLOW = "order_workflow"


def ran(
    ledger: Ledger, *seconds: float, name: str = "charge", ending: Ending = Ending.COMPLETED
) -> None:
    """Have an activity run so often, each time for so long."""
    ledger.runs.ingest(
        [
            snapshot(
                instance_id=f"{name}-{ending}-{number}",
                spans=(Span(SpanKind.ACTIVITY, name, 1, 1, at(0), at(lasted), ending),),
            )
            for number, lasted in enumerate(seconds)
        ]
    )


def test_the_median_and_the_p95_of_the_latest_runs_are_told(ledger: Ledger) -> None:
    """In seconds, with the number of runs that they are of."""
    ran(ledger, *range(1, 22))
    assert ledger.statistics.baselines(WORKFLOW, ["charge"]) == {"charge": Baseline(11.0, 20.0, 21)}


def test_a_few_runs_say_nothing_of_what_is_usual(ledger: Ledger) -> None:
    """What has hardly ever run has no entry, nor has what is unknown."""
    ran(ledger, 1, 1, 1, 1)
    assert ledger.statistics.baselines(WORKFLOW, ["charge", "ship"]) == {}


def test_of_many_runs_only_the_latest_count(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What became slower is soon usual."""
    limits = StatisticsLimits(seconds=60, baseline_runs=5)
    monkeypatch.setattr(ledger.statistics, "_limits", limits)
    ran(ledger, 1, 1, 1, 1, 1, 9, 9, 9, 9, 9)
    assert ledger.statistics.baselines(WORKFLOW, ["charge"]) == {"charge": Baseline(9.0, 9.0, 5)}


def test_only_runs_that_went_well_count(ledger: Ledger) -> None:
    """Neither failures, nor what a rerun took over, which took no time."""
    ran(ledger, 2, 2, 2, 2, 2, 0, 0)
    ran(ledger, 1, 1, 1, ending=Ending.FAILED)
    assert ledger.statistics.baselines(WORKFLOW, ["charge"]) == {"charge": Baseline(2.0, 2.0, 5)}


def test_another_workflow_s_runs_do_not_count(ledger: Ledger) -> None:
    """The same name may stand for something else there."""
    ran(ledger, 2, 2, 2, 2, 2)
    assert ledger.statistics.baselines("other_workflow", ["charge"]) == {}
