"""Baselines: how long the latest attempts of an activity, and the latest runs, took."""

import pytest

from operations.ledger import Ledger, LedgerLimits, StatisticsLimits
from operations.model import Status
from operations.records import Baseline
from operations.timeline import Ending, Span, SpanKind
from tests.unit.snapshots import at, snapshot, summary

pytestmark = pytest.mark.both_databases

WORKFLOW = "order_workflow"


def record(
    ledger: Ledger,
    *seconds: float,
    name: str = "charge",
    ending: Ending = Ending.COMPLETED,
    status: Status = Status.COMPLETED,
) -> None:
    """Record a run with an attempt of an activity for each of the durations."""
    ledger.runs.ingest(
        [
            snapshot(
                status,
                instance_id=f"{name}-{ending}-{status}-{number}",
                spans=(Span(SpanKind.ACTIVITY, name, 1, 1, at(0), at(duration), ending),),
            )
            for number, duration in enumerate(seconds)
        ]
    )


def record_fan_out(ledger: Ledger, instance_id: str, attempts: int, seconds: float) -> int:
    """Record one run with many attempts of an activity, and return its `run_id`."""
    spans = tuple(
        Span(SpanKind.ACTIVITY, "charge", n, n, at(0), at(seconds), Ending.COMPLETED)
        for n in range(attempts)
    )
    ledger.runs.ingest([snapshot(Status.COMPLETED, instance_id=instance_id, spans=spans)])
    return summary(ledger, instance_id).run_id


def test_a_baseline_has_the_median_and_the_p95_of_the_latest_attempts(ledger: Ledger) -> None:
    """In seconds, with the number of attempts."""
    record(ledger, *range(21, 0, -1))
    (baseline,) = ledger.statistics.baselines(WORKFLOW, ["charge"]).values()
    assert (baseline.p50, baseline.p95, baseline.count) == (11.0, 20.0, 21)


@pytest.mark.parametrize(
    ("seconds", "shorter", "longer"), [(0.5, 0, 1), (2, 0.25, 0.5), (2.5, 0.5, 0.5), (4.5, 1, 0)]
)
def test_a_baseline_ranks_a_duration(seconds: float, shorter: float, longer: float) -> None:
    """By the shares of the attempts that took less and more time."""
    baseline = Baseline((1, 2, 3, 4))
    assert (baseline.share_shorter(seconds), baseline.share_longer(seconds)) == (shorter, longer)


def test_there_is_no_baseline_of_few_runs(ledger: Ledger) -> None:
    """Nor of an unknown activity."""
    record(ledger, *[1] * 19)
    assert ledger.statistics.baselines(WORKFLOW, ["charge", "ship"]) == {}


def test_many_attempts_of_one_run_are_no_baseline(ledger: Ledger) -> None:
    """A fan-out would be compared with itself."""
    record_fan_out(ledger, "wide", 300, 1)
    assert ledger.statistics.baselines(WORKFLOW, ["charge"]) == {}


def test_a_run_is_not_compared_with_itself(ledger: Ledger) -> None:
    """Twenty other runs are needed."""
    record(ledger, *[2] * 19)
    run_id = record_fan_out(ledger, "last", 5, 9)
    assert ledger.statistics.baselines(WORKFLOW, ["charge"], run_id) == {}
    record(ledger, 2, name="charge", ending=Ending.COMPLETED, status=Status.TERMINATED)
    assert ledger.statistics.baselines(WORKFLOW, ["charge"], run_id) == {}
    record_fan_out(ledger, "another", 1, 2)
    expected = {"charge": Baseline((2.0,) * 20)}
    assert ledger.statistics.baselines(WORKFLOW, ["charge"], run_id) == expected


def test_a_wide_run_does_not_outweigh_the_others(ledger: Ledger) -> None:
    """Only a few of its attempts count."""
    record(ledger, *[2] * 40)
    record_fan_out(ledger, "wide", 300, 9)
    expected = {"charge": Baseline((2.0,) * 40 + (9.0,) * 10)}
    assert ledger.statistics.baselines(WORKFLOW, ["charge"]) == expected


@pytest.mark.parametrize(
    "ledger_limits", [LedgerLimits(statistics=StatisticsLimits(60, baseline_attempts=25))]
)
def test_only_the_latest_attempts_count(ledger: Ledger) -> None:
    """The baseline follows an activity that became slower."""
    record(ledger, *[1] * 25, *[9] * 25)
    assert ledger.statistics.baselines(WORKFLOW, ["charge"]) == {"charge": Baseline((9.0,) * 25)}


def test_only_completed_attempts_of_completed_runs_count(ledger: Ledger) -> None:
    """Neither failed ones nor those that a rerun copied, which took no time."""
    record(ledger, *[2] * 20, 0, 0)
    record(ledger, 1, 1, 1, ending=Ending.FAILED)
    record(ledger, 1, 1, 1, status=Status.FAILED)
    assert ledger.statistics.baselines(WORKFLOW, ["charge"]) == {"charge": Baseline((2.0,) * 20)}


def test_attempts_of_another_workflow_do_not_count(ledger: Ledger) -> None:
    """The same name may be another activity there."""
    record(ledger, *[2] * 20)
    assert ledger.statistics.baselines("other_workflow", ["charge"]) == {}


def record_runs(ledger: Ledger, *seconds: float, status: Status = Status.COMPLETED) -> None:
    """Record runs of the workflow that took so long."""
    runs = [
        snapshot(status, instance_id=f"{status}-{number}", started_at=at(0), ended_at=at(duration))
        for number, duration in enumerate(seconds)
    ]
    ledger.runs.ingest(runs)


def test_a_run_is_compared_with_completed_runs_of_its_workflow(ledger: Ledger) -> None:
    """Neither with itself, nor with failed runs, nor with reruns, which keep steps."""
    record_runs(ledger, *[2] * 20)
    record_runs(ledger, *[9] * 20, status=Status.FAILED)
    rerun = snapshot(
        Status.COMPLETED, instance_id="again", started_at=at(0), ended_at=at(1), rerun_of="other"
    )
    ledger.runs.ingest([rerun])
    assert ledger.statistics.run_baseline(WORKFLOW) == Baseline((2.0,) * 20)
    itself = summary(ledger, f"{Status.COMPLETED}-0").run_id
    assert ledger.statistics.run_baseline(WORKFLOW, itself) is None  # nineteen are too few
    assert ledger.statistics.run_baseline("other") is None
