"""The rows of a Gantt chart from top to bottom, with the rows of unfolded children. Pure functions.

A span has a key that stays the same while the instance goes on: the id of its event. The key of a
span of an unfolded child begins with the key of the child: "7.3".
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dashboard.gantt.baselines import Baselines
from dashboard.gantt.sections import MAX_ROWS, Entry, FanOut, Section, calls_of, section_of
from dashboard.times import milliseconds
from operations.timeline import Span, SpanKind, Timeline

MAX_DRAWN = 4 * MAX_ROWS  # rows of a chart with all its unfolded children
RUN = "run"  # the key of the bar of the whole run
_SEPARATOR = "."


@dataclass(frozen=True)
class ChartRow:
    """A row of a chart; `depth` is 0 for the calls of the instance itself.

    `path` is what the keys of its spans begin with. `is_unfolded` is None for a row without a child
    that can be unfolded.
    """

    entry: Entry
    path: str = ""
    depth: int = 0
    is_unfolded: bool | None = None

    @property
    def key(self) -> str:
        """The key of the last attempt of the row."""
        spans = calls_of(self.entry)[0]
        attempts = [span for span in spans if span.kind is not SpanKind.BACKOFF] or spans
        return span_key(attempts[-1], self.path)


@dataclass(frozen=True)
class Missing:
    """Says below an unfolded child why its rows, or some of them, are not drawn."""

    words: str
    depth: int


@dataclass(frozen=True)
class Unfolded:
    """The children that a viewer has unfolded, by the keys of their spans.

    `timelines` has those that could be read, with the `baselines` of their calls, `problems` says
    why the others could not.
    """

    timelines: Mapping[str, Timeline] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    baselines: Mapping[str, Baselines] = field(default_factory=dict)

    @property
    def keys(self) -> Collection[str]:
        """The keys of the unfolded children."""
        return {*self.timelines, *self.problems}


Line = ChartRow | Missing


def span_key(span: Span, path: str = "") -> str:
    """Return the key of a span; suspensions have no event ids of their own."""
    if span.kind is SpanKind.SUSPENSION:
        return f"{path}s{milliseconds(span.scheduled_at)}"
    return f"{path}{span.event_id}"


def path_of(key: str) -> str:
    """Return what the keys of a child's spans begin with."""
    return f"{key}{_SEPARATOR}"


def parents_of(key: str) -> list[str]:
    """Return the keys of the children that must be unfolded to show a span, the outermost first."""
    parts = key.split(_SEPARATOR)
    return [_SEPARATOR.join(parts[:count]) for count in range(1, len(parts))]


def span_with(spans: Sequence[Span], key: str) -> Span | None:
    """Return the span with the key, which is the last part of it in a child."""
    own = key.rsplit(_SEPARATOR, 1)[-1]
    return next((span for span in spans if span_key(span) == own), None)


def lines_of(section: Section, unfolded: Unfolded) -> tuple[Line, ...]:
    """Return the rows of a section, each followed by the rows of its child if that is unfolded."""
    lines: list[Line] = []
    for entry in section.drawn:
        lines.extend(_lines(entry, "", 0, unfolded))
    if len(lines) > MAX_DRAWN:
        words = f"{len(lines) - MAX_DRAWN:,} more rows are not drawn. Fold a child."
        lines = [*lines[:MAX_DRAWN], Missing(words, 0)]
    return tuple(lines)


def _lines(entry: Entry, path: str, depth: int, unfolded: Unfolded) -> Iterator[Line]:
    row = ChartRow(entry, path, depth)
    if not can_be_unfolded(row):
        yield row
        return
    yield ChartRow(entry, path, depth, is_unfolded=row.key in unfolded.keys)
    if problem := unfolded.problems.get(row.key):
        yield Missing(problem, depth + 1)
    elif timeline := unfolded.timelines.get(row.key):
        yield from _child(timeline, row, unfolded)


def _child(timeline: Timeline, row: ChartRow, unfolded: Unfolded) -> Iterator[Line]:
    section, depth = section_of(timeline.spans), row.depth + 1
    if not section.drawn:
        yield Missing("No activity yet.", depth)
    for entry in section.drawn:
        yield from _lines(entry, path_of(row.key), depth, unfolded)
    if more := sum(section.folded.values()):
        yield Missing(f"{more:,} more calls on the page of the child", depth)


def can_be_unfolded(row: ChartRow) -> bool:
    """Return whether the row is a child of the same application."""
    if isinstance(row.entry, FanOut):
        return False
    last = [span for span in row.entry if span.kind is SpanKind.CHILD][-1:]
    return bool(last and last[0].instance_id and not last[0].app_id)
