"""The baselines of a run and of its calls, which all viewers share."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeVar

from dashboard.services import services, state_reader
from operations.errors import QueryTimeout, Unavailable
from operations.records import Baseline, RunSummary
from operations.timeline import Span, SpanKind

Baselines = Mapping[tuple[SpanKind, str], Baseline]
"""The baselines of activities and children by kind and name."""

_Result = TypeVar("_Result")


def read_run_baseline(workflow: str, except_run_id: int = 0) -> Baseline | None:
    """Return how long other runs of a workflow took, None if that is unknown."""
    return _query(
        ("run-baseline", workflow, except_run_id),
        lambda: services().ledger.statistics.run_baseline(workflow, except_run_id),
        None,
    )


def read_baselines(summary: RunSummary, spans: Iterable[Span]) -> Baselines:
    """Return the baselines of the activities and children among the spans of a run.

    An activity is compared with its attempts in other runs of the workflow, a child with the runs
    of its own workflow. The result is empty while the ledger is away, or too slow.
    """
    names = frozenset((span.kind, span.name) for span in spans)
    activities = frozenset(name for kind, name in names if kind is SpanKind.ACTIVITY)
    workflow, run_id = summary.workflow, summary.run_id
    of_activities: Mapping[str, Baseline] = _query(
        ("baselines", workflow, activities, run_id),
        lambda: services().ledger.statistics.baselines(workflow, activities, run_id),
        {},
    )
    of_children = {name: read_run_baseline(name) for kind, name in names if kind is SpanKind.CHILD}
    return {
        **{(SpanKind.ACTIVITY, name): found for name, found in of_activities.items()},
        **{(SpanKind.CHILD, name): found for name, found in of_children.items() if found},
    }


def _query(key: Hashable, read: Callable[[], _Result], otherwise: _Result) -> _Result:
    try:
        return state_reader().query(key, read)
    except (Unavailable, QueryTimeout):
        return otherwise
