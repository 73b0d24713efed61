"""The bar of a whole run, which frames the bars of its calls."""

from dashboard.gantt.bar_styles import Frame
from dashboard.gantt.baselines import read_run_baseline
from operations.run_view import View


def frame_of(shown: View) -> Frame | None:
    """Return the frame of a run with the baseline of its workflow, None before the run started."""
    summary, timeline = shown.summary, shown.timeline
    first = timeline.spans[0].scheduled_at if timeline.spans else None
    started_at = timeline.started_at or summary.started_at or first
    if started_at is None:
        return None
    return Frame(
        summary.workflow,
        summary.status,
        started_at,
        timeline.first_turn_at or summary.first_turn_at,
        timeline.stopped_at,
        read_run_baseline(summary.workflow, summary.run_id),
    )
