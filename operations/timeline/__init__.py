"""Builds timelines from histories: activities, timers, waits, children and suspensions as spans.

All functions are pure: the same history always gives the same timeline.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from operations.history import HistoryEvent
from operations.model import Failure
from operations.timeline.builder import TimelineBuilder
from operations.timeline.failed_step import failed_step
from operations.timeline.repetition import (
    REPETITION_REMEDY,
    cause_of_repetition,
    repeated_action,
    without_repetitions,
)
from operations.timeline.rerun_history import Rerun, rerun_in
from operations.timeline.spans import (
    CALLS,
    SUSPENSIONS,
    Ending,
    Span,
    SpanKind,
    closed,
    event_key,
)
from operations.timeline.start_times import StartTime, start_time_within, with_start_times
from operations.timeline.waiting import EVENT, Waiting, awaited_in, waiting_at

__all__ = [
    "CALLS",
    "EVENT",
    "REPETITION_REMEDY",
    "SUSPENSIONS",
    "Ending",
    "Span",
    "SpanKind",
    "Stall",
    "StartTime",
    "Timeline",
    "Waiting",
    "cause_of_repetition",
    "cut_off",
    "event_key",
    "failed_step",
    "repeated_action",
    "start_time_within",
    "timeline_of",
    "with_start_times",
    "without_repetitions",
]

_START = "start"


@dataclass(frozen=True)
class Stall:
    """When and why the engine stopped an instance that has not ended."""

    at: datetime
    reason: Failure


@dataclass(frozen=True)
class Timeline:
    """The spans of an instance, ordered by `scheduled_at`, and facts about its run.

    `started_at` and `ended_at` are on one clock; a rerun has its own times, not its source's.
    `first_turn_at` is when the workflow was first executed, None if that is unknown. A rerun has
    the `execution_id` of its source, because Dapr copies it. `awaited` contains the names of
    everything the instance waits for (see `event_key`); `waiting` describes it in a few words, as
    if the instance was not suspended. `suspended_at` is since when it is suspended, else None.
    `repeats` is an action that the application repeated while the instance was suspended (see
    `repetition.py`); it has one span.
    `version` and `patches` describe the workflow's code that the turns executed.
    `stall` is set while the engine refuses to continue the instance: then all spans end at the
    stall, and the instance waits for nothing.
    """

    started_at: datetime | None = None
    ended_at: datetime | None = None
    spans: tuple[Span, ...] = ()
    execution_id: str | None = None
    parent_id: str | None = None
    parent_app_id: str | None = None
    rerun_of: str | None = None
    waiting: Waiting | None = None
    first_turn_at: datetime | None = None
    awaited: frozenset[str] = frozenset()
    version: str | None = None
    patches: tuple[str, ...] = ()
    stall: Stall | None = None
    suspended_at: datetime | None = None
    repeats: str | None = None

    @property
    def stopped_at(self) -> datetime | None:
        """When the instance ended or stalled, None while it goes on."""
        return self.stall.at if self.stall else self.ended_at


def timeline_of(history: Sequence[HistoryEvent]) -> Timeline:
    """Return the timeline of a history; the instance may not have ended."""
    repeats = repeated_action(history)
    history = without_repetitions(history, shown=1) if repeats else history
    rerun = rerun_in(history)
    started = next((event for event in history if event.kind == "executionStarted"), None)
    started_at = rerun.started_at if rerun else _started_at(history, started)
    builder = _built(history, rerun, started_at)
    spans = builder.spans()
    timeline = Timeline(
        started_at=started_at,
        ended_at=builder.ended_at,
        spans=spans,
        execution_id=started.execution_id if started else None,
        parent_id=started.instance_id if started else None,
        parent_app_id=started.parent_app_id if started else None,
        rerun_of=rerun.source_id if rerun else None,
        waiting=None if builder.ended_at else _waiting(spans, started_at, started),
        first_turn_at=_first_turn(rerun.own if rerun else history, started_at),
        awaited=_awaited(spans, started_at),
        version=_version(history),
        patches=tuple(dict.fromkeys(chain.from_iterable(e.patches or () for e in history))),
        suspended_at=builder.suspended_at,
        repeats=repeats,
    )
    stall = _stall(history)
    return replace(_closed(timeline, stall.at), stall=stall) if stall else timeline


def _stall(history: Sequence[HistoryEvent]) -> Stall | None:
    """Return the stall at the end of a history; an instance that went on has later events."""
    last = history[-1] if history else None
    if last is None or last.kind != "executionStalled" or last.failure is None:
        return None
    return Stall(last.timestamp, last.failure)


def cut_off(timeline: Timeline, at: datetime) -> Timeline:
    """Return the timeline of an unfinished instance that the engine lost: it ends at that time."""
    return replace(_closed(timeline, at), ended_at=at)


def _closed(timeline: Timeline, at: datetime) -> Timeline:
    """Return a timeline whose open spans end at a time, and that waits for nothing."""
    spans = (
        closed(span, at, Ending.CUT_OFF) if span.ending is Ending.OPEN else span
        for span in timeline.spans
    )
    return replace(timeline, spans=tuple(spans), waiting=None, awaited=frozenset())


def _version(history: Sequence[HistoryEvent]) -> str | None:
    """Return the version that the last turn executed, or that the start asked for."""
    known = {event.kind: event.version for event in history if event.version}
    return known.get("workflowStarted") or known.get("executionStarted")


def _started_at(history: Sequence[HistoryEvent], started: HistoryEvent | None) -> datetime | None:
    """Return when an instance (not a rerun) started, None if its start is not due yet."""
    if started is None:
        return history[0].timestamp if history else None
    if started.fire_at is None or started.fire_at <= started.timestamp:
        return started.timestamp
    turns = (event.timestamp for event in history if event.kind == "workflowStarted")
    return next(turns, None)


def _first_turn(history: Sequence[HistoryEvent], started_at: datetime | None) -> datetime | None:
    """Return when the first turn started, None if the turn is not in this history.

    In a later generation of continue-as-new the first turn is earlier than the start, because it
    belongs to the previous generation.
    """
    turns = (event.timestamp for event in history if event.kind == "workflowStarted")
    first = next(turns, None)
    return first if first and started_at and first >= started_at else None


def _built(
    history: Sequence[HistoryEvent], rerun: Rerun | None, started_at: datetime | None
) -> TimelineBuilder:
    builder = TimelineBuilder(started_at)
    builder.add(rerun.copied if rerun else (), copied=True)
    builder.add(rerun.own if rerun else history)
    return builder


def _waiting(
    spans: Sequence[Span], started_at: datetime | None, started: HistoryEvent | None
) -> Waiting | None:
    if started_at is None:
        return Waiting(_START, started.fire_at if started else None)
    return waiting_at(spans)


def _awaited(spans: Sequence[Span], started_at: datetime | None) -> frozenset[str]:
    return frozenset({_START}) if started_at is None else awaited_in(spans)
