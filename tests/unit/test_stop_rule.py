"""When a bulk job of reruns stops by itself."""

import pytest

from operations.actions.bulk.jobs import default_stop_rule
from operations.bulk_job import StopRule
from operations.model import Status

RULE = StopRule(failed=3, of=5)


def ended(letters: str) -> list[Status]:
    """Return the statuses of reruns, the newest first: F has failed, C has completed."""
    return [Status.FAILED if each == "F" else Status.COMPLETED for each in letters]


@pytest.mark.parametrize("newest_first", ["FFF", "FCFCF", "CFFFCCCCC", "FFFFF"])
def test_too_many_of_the_last_reruns_have_failed(newest_first: str) -> None:
    """Three failures are enough, also before five reruns have ended."""
    assert RULE.is_reached(ended(newest_first))


@pytest.mark.parametrize("newest_first", ["", "FF", "FFCCCF", "CCCCCFFFFF"])
def test_earlier_failures_do_not_count(newest_first: str) -> None:
    """A cause that has been removed does not stop the job."""
    assert not RULE.is_reached(ended(newest_first))


def test_the_reason_has_the_figures() -> None:
    """As many as have ended."""
    assert RULE.reason(ended("FFFC")) == ("3 of the last 4 reruns that ended have failed again.")
    assert RULE.reason(ended("FCFFCFFF")).startswith("3 of the last 5 reruns")


@pytest.mark.parametrize(
    ("number", "rule"), [(1, (1, 1)), (2, (1, 2)), (7, (4, 7)), (10, (5, 10)), (999, (5, 10))]
)
def test_the_usual_rule_fits_the_job(number: int, rule: tuple[int, int]) -> None:
    """A rule that a small job cannot reach would never stop it."""
    assert default_stop_rule(number) == StopRule(*rule)
