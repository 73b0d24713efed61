"""The baselines of activities, which all viewers share."""

from collections.abc import Iterable

from dashboard.services import services, state_reader
from operations.errors import Unavailable
from operations.records import Baseline, RunSummary


def read_baselines(summary: RunSummary, activities: Iterable[str]) -> dict[str, Baseline]:
    """Return the baselines of activities from other runs; none while the ledger is away."""
    workflow, run_id, names = summary.workflow, summary.run_id, frozenset(activities)
    try:
        return state_reader().query(
            ("baselines", workflow, names, run_id),
            lambda: services().ledger.statistics.baselines(workflow, names, run_id),
        )
    except Unavailable:
        return {}
