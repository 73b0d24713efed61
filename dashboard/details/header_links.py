"""The links of the header to related runs, logs and traces, and how the run compares."""

from datetime import datetime
from typing import Any

from dashboard.gantt.frame import frame_of
from dashboard.link_patterns import filled, values_of
from dashboard.listing.table_data import address, list_address
from dashboard.services import page_settings, services, state_reader
from operations.errors import QueryTimeout, Unavailable
from operations.records import Count, Filter
from operations.run_view import View
from operations.timeline import SpanKind

NONE = Count(0)


def header_links(shown: View, now: datetime) -> dict[str, Any]:
    """Return the links of the header of a run, except those to its parent and its source.

    `comparison` says how long the run took beside others of its workflow, None if that is unknown.
    """
    summary = shown.summary
    of = summary.instance_id
    reruns = _reruns(of) if summary.status.is_finished else NONE
    has_other_runs = bool(shown.earlier or shown.later)
    frame = frame_of(shown)
    return {
        "link": address(of, None if summary.is_latest else summary.run_id),
        "children": children(shown),
        "reruns": {"count": str(reruns), "href": list_address({"rerun_of": of})}
        if reruns.number
        else None,
        "allRuns": list_address({"q": of}) if has_other_runs else None,
        "elsewhere": elsewhere(shown, now),
        "comparison": frame.comparison if frame else None,
    }


def children(shown: View) -> dict[str, Any] | None:
    """Return how many children the run has, and the address that shows them; None without any.

    A single child has the address of its own page. Children in other applications are only
    counted, because no page here can show them.
    """
    spans = [span for span in shown.timeline.spans if span.kind is SpanKind.CHILD]
    ids = dict.fromkeys(each.instance_id for each in spans if each.instance_id and not each.app_id)
    remote = {(each.app_id, each.instance_id) for each in spans if each.app_id}
    if not ids and not remote:
        return None
    only = next(iter(ids)) if len(ids) == 1 else None
    of_all = list_address({"parent": shown.summary.instance_id}) if ids else None
    return {
        "count": len(ids),
        "href": address(only) if only else of_all,
        "only": only,
        "remote": len(remote),
    }


def elsewhere(shown: View, now: datetime) -> list[tuple[str, str]]:
    """Return the names and the addresses of the links to logs and traces that the settings have."""
    settings = page_settings()
    values = values_of(shown.summary, shown.trace_id, now)
    patterns = {"Logs": settings.log_link, "Trace": settings.trace_link}
    links = {name: filled(pattern, values) for name, pattern in patterns.items()}
    return [(name, href) for name, href in links.items() if href]


def _reruns(instance_id: str) -> Count:
    """Return how many runs are reruns of an instance; 0 while the ledger cannot say."""
    try:
        return state_reader().query(
            ("reruns", instance_id),
            lambda: services().ledger.search.count(Filter(rerun_of=instance_id)),
        )
    except (Unavailable, QueryTimeout):
        return NONE
