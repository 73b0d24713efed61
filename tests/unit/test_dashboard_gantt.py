"""The Plotly figures of Gantt charts."""

import json
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest

from dashboard.gantt.bar_styles import Frame
from dashboard.gantt.figure import MAX_NAME, Gantt, gantt
from dashboard.gantt.hover import LINE_LENGTH, MAX_FAILURE_LENGTH
from dashboard.gantt.layout import TALL
from dashboard.gantt.rows import Unfolded
from dashboard.gantt.sections import MAX_ROWS, MAX_SPANS, Choice, section_of
from dashboard.times import in_words, milliseconds
from operations.model import Failure, Status
from operations.records import Baseline
from operations.timeline import SUSPENSIONS, Ending, Span, SpanKind, Timeline, timeline_of
from tests.unit.events import (
    START,
    at,
    back_off,
    completed,
    ended,
    failed,
    fired,
    raised,
    resumed,
    scheduled,
    suspended,
    timeline_with,
    timer,
    turn,
    wait,
)
from tests.unit.histories import RECORDED, recorded

MARKUP = "<script>alert(1)</script> %{x} & $y$"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt; %{x} &amp; $y$"
STYLES = [
    (SpanKind.ACTIVITY, Ending.COMPLETED, "completed (queue + execution)", "green", "solid"),
    (SpanKind.ACTIVITY, Ending.FAILED, "failed (queue + execution)", "red", "crossed"),
    (SpanKind.ACTIVITY, Ending.OPEN, "running (queue + execution)", "blue", "open"),
    (SpanKind.ACTIVITY, Ending.CUT_OFF, "cut off: the instance ended or stalled", "gray", "open"),
    (SpanKind.ACTIVITY, Ending.END_UNKNOWN, "end unknown", "gray", "open"),
    (SpanKind.CHILD, Ending.COMPLETED, "child completed", "green", "solid"),
    (SpanKind.CHILD, Ending.FAILED, "child failed", "red", "crossed"),
    (SpanKind.CHILD, Ending.OPEN, "child running", "blue", "open"),
    (SpanKind.CHILD, Ending.CUT_OFF, "cut off: the instance ended or stalled", "gray", "open"),
    (SpanKind.BACKOFF, Ending.COMPLETED, "back-off before the next attempt", "gray", "solid"),
    (SpanKind.BACKOFF, Ending.OPEN, "back-off before the next attempt", "gray", "open"),
    (SpanKind.BACKOFF, Ending.CUT_OFF, "cut off: the instance ended or stalled", "gray", "open"),
    (SpanKind.TIMER, Ending.COMPLETED, "timer", "violet", "solid"),
    (SpanKind.TIMER, Ending.OPEN, "timer pending", "violet", "open"),
    (SpanKind.TIMER, Ending.CUT_OFF, "cut off: the instance ended or stalled", "gray", "open"),
    (SpanKind.WAIT, Ending.COMPLETED, "event received", "violet", "solid"),
    (SpanKind.WAIT, Ending.OPEN, "waiting for an event", "violet", "open"),
    (SpanKind.WAIT, Ending.TIMED_OUT, "event timed out", "red", "crossed"),
    (SpanKind.WAIT, Ending.CUT_OFF, "cut off: the instance ended or stalled", "gray", "open"),
    (SpanKind.SUSPENSION, Ending.COMPLETED, "suspended", "orange", "solid"),
    (SpanKind.SUSPENSION, Ending.OPEN, "suspended", "orange", "open"),
    (SpanKind.SUSPENSION, Ending.CUT_OFF, "cut off: the instance ended or stalled", "gray", "open"),
]


@dataclass(frozen=True)
class Bar:
    """A bar of a figure; `start` is in seconds after `START`."""

    row: str
    start: float
    duration: float
    label: str
    hover: str
    is_open: bool


def bars(figure: Gantt) -> list[Bar]:
    """Return the bars of a figure in the order of their start."""
    found = [
        Bar(
            row=figure.names[trace["y"][number]],
            start=(base - milliseconds(START)) / 1000,
            duration=trace["x"][number] / 1000,
            label=trace["name"],
            hover=trace["hovertext"][number],
            is_open=trace["meta"]["open"],
        )
        for trace in figure.traces
        for number, base in enumerate(trace["base"])
    ]
    return sorted(found, key=lambda bar: bar.start)


def attempts(figure: Gantt) -> list[int]:
    """Return the number of attempts of each row."""
    return [row["attempts"] for row in figure.rows]


def durations(figure: Gantt) -> list[str | None]:
    """Return the duration of each row in words."""
    return [row["duration"] for row in figure.rows]


def figure_of(timeline: Timeline) -> Gantt:
    """Return the figure of a timeline that starts at `START` by default."""
    section = section_of(timeline.spans)
    return gantt(section, timeline.started_at or START, timeline.ended_at, {})


def span(
    kind: SpanKind = SpanKind.ACTIVITY, ending: Ending = Ending.COMPLETED, **fields: Any
) -> Span:
    """Return a span of two seconds, or an open one."""
    end = None if ending is Ending.OPEN else at(3)
    defaults = {"name": "charge", "lane": 0, "event_id": 0, "scheduled_at": at(1), "ended_at": end}
    return Span(kind, ending=ending, **{**defaults, **fields})


def chart(*spans: Span) -> Gantt:
    """Return the figure of these spans."""
    return figure_of(Timeline(START, None, spans))


@pytest.mark.parametrize(("kind", "ending", "label", "colour", "swatch"), STYLES)
def test_each_kind_and_ending_has_a_style(
    kind: SpanKind, ending: Ending, label: str, colour: str, swatch: str
) -> None:
    """The label, colour and pattern of a bar show its kind and its ending."""
    figure = chart(span(kind, ending))
    assert figure.legend == [(label, f"--st-{colour}-color", swatch)]
    assert figure.traces[0]["marker"]["color"] == f"--st-{colour}-color"
    assert bool(figure.traces[0]["marker"]["pattern"]["shape"]) == (swatch != "solid")


def test_a_lane_is_a_row() -> None:
    """Two calls of one activity have two rows, in the order of their start."""
    figure = figure_of(
        timeline_with(scheduled(0, 1), scheduled(1, 2), completed(1, 3), completed(0, 4))
    )
    assert [(bar.row, bar.start) for bar in bars(figure)] == [("charge", 1), ("charge", 2)]
    assert [row for trace in figure.traces for row in trace["y"]] == [0, 1]
    assert figure.layout["yaxis"]["range"] == [1.5, -0.5]


def test_each_attempt_is_a_bar_in_one_row() -> None:
    """A retried activity shows each attempt, and the back-off between them."""
    history = (
        scheduled(0, 1, call="c"),
        failed(0, 2),
        back_off(1, 2, 5, "c"),
        fired(1, 5),
        scheduled(2, 5, call="c"),
        completed(2, 6),
    )
    figure = figure_of(timeline_with(*history))
    assert (figure.names, attempts(figure)) == (["charge"], [2])
    assert [(bar.start, bar.duration, bar.label) for bar in bars(figure)] == [
        (1, 1, "failed (queue + execution)"),
        (2, 3, "back-off before the next attempt"),
        (5, 1, "completed (queue + execution)"),
    ]


def test_the_hover_text_has_the_number_of_the_attempt() -> None:
    """Only if there are several attempts."""
    figure = chart(span(attempt_number=2, attempt_count=3))
    assert "attempt 2 of 3" in bars(figure)[0].hover
    assert "attempt" not in bars(chart(span()))[0].hover


def test_only_open_bars_are_marked_as_open() -> None:
    """The widget lets the bars of a trace grow that is marked as open."""
    figure = figure_of(timeline_with(scheduled(0, 1), completed(0, 2), scheduled(1, 2, "ship")))
    assert [(bar.row, bar.duration, bar.is_open) for bar in bars(figure)] == [
        ("charge", 1, False),
        ("ship", 0, True),
    ]


@pytest.mark.parametrize("name", RECORDED)
def test_a_trace_is_all_open_or_all_closed(name: str) -> None:
    """In recorded histories no closed bar would grow, and no open bar would stand still."""
    timeline = timeline_of(recorded(name))
    figure = figure_of(timeline)
    open_bars = sum(len(trace["x"]) for trace in figure.traces if trace["meta"]["open"])
    assert open_bars == sum(each.ended_at is None for each in timeline.spans)


@pytest.mark.parametrize("kind", list(SpanKind))
def test_a_name_in_a_hover_text_is_escaped(kind: SpanKind) -> None:
    """Plotly's hover texts allow a few tags; tags in a name are shown as text."""
    hover = bars(chart(span(kind, name=MARKUP)))[0].hover
    assert hover.startswith(f"<b>{ESCAPED}</b><br>")


def test_a_failure_in_a_hover_text_is_escaped() -> None:
    """Its type and its message."""
    hover = bars(chart(span(ending=Ending.FAILED, failure=Failure("<i>", MARKUP))))[0].hover
    assert hover.endswith(f"<br>&lt;i&gt;: {ESCAPED}")


def test_a_failure_is_cut_before_it_is_escaped() -> None:
    """A long message is cut and wrapped, and no entity is cut in two."""
    hover = bars(chart(span(ending=Ending.FAILED, failure=Failure("E", "&" * 1000))))[0].hover
    lines = hover[hover.index("E: ") :].split("<br>")
    assert "".join(lines) == "E: " + "&amp;" * (MAX_FAILURE_LENGTH - 3)
    assert {len(unescape(line)) for line in lines[:-1]} == {LINE_LENGTH}


def test_hover_texts_are_not_templates() -> None:
    """Plotly replaces `%{x}` only in templates; a trace has none."""
    trace = chart(span(name=MARKUP)).traces[0]
    assert trace["hoverinfo"] == "text"
    assert not {"hovertemplate", "texttemplate", "text", "customdata"} & set(trace)


def test_a_figure_has_no_other_markup() -> None:
    """Names of rows are data, which the widget escapes; everywhere else they are escaped."""
    figure = chart(span(name="<u>&</u>"))
    assert figure.names == ["<u>&</u>"]
    assert "<u>" not in json.dumps([figure.traces, figure.layout, figure.legend])


def test_a_running_instance_has_no_end() -> None:
    """The browser moves the end of its axis."""
    figure = figure_of(timeline_with(scheduled(0, 1)))
    assert (figure.start, figure.end) == (milliseconds(START), None)


def test_a_finished_instance_has_its_end() -> None:
    """Its axis is fixed."""
    figure = figure_of(timeline_with(scheduled(0, 1), completed(0, 2), turn(2), ended(2.5)))
    assert figure.end == milliseconds(at(2.5))


def test_a_wait_without_a_deadline_does_not_stretch_the_axis() -> None:
    """Its timer is due in the year 9999, which no bar reaches."""
    figure = figure_of(timeline_with(wait(0, 1)))
    bar = bars(figure)[0]
    assert (bar.row, bar.duration, bar.is_open) == ("event: approval", 0, True)
    assert bar.hover.splitlines()[0].count("no deadline") == 1
    assert "9999" not in json.dumps(vars(figure))


def test_a_wait_with_a_deadline_does_not_reach_it_early() -> None:
    """An open wait has no duration, whenever it times out."""
    bar = bars(figure_of(timeline_with(wait(0, 1, due=60))))[0]
    assert bar.duration == 0
    assert "no deadline" not in bar.hover


def test_a_received_event_ends_its_bar() -> None:
    """A wait lasts until its event."""
    assert bars(figure_of(timeline_with(wait(0, 1), raised("approval", 4))))[0].duration == 3


def test_suspensions_share_the_last_row() -> None:
    """All suspensions of an instance are in one row."""
    history = (scheduled(0, 1), suspended(2), resumed(3), suspended(5), resumed(6))
    figure = figure_of(timeline_with(*history))
    assert figure.names[-1] == "suspended"
    assert [bar.start for bar in bars(figure) if bar.row == "suspended"] == [2, 5]


def test_children_differ_from_activities() -> None:
    """The row of a child can be unfolded."""
    rows = chart(span(), span(SpanKind.CHILD, lane=1, event_id=1, instance_id="c")).rows
    assert [row["unfolded"] for row in rows] == [None, False]


def test_a_child_of_another_application_says_where_it_lives() -> None:
    """In its name and in its hover text, with its id."""
    figure = chart(span(SpanKind.CHILD, name="pay", instance_id="<c>", app_id="billing"))
    assert figure.names == ["pay in billing"]
    assert figure.rows[0]["unfolded"] is None
    assert "<br>instance &lt;c&gt;<br>in application billing" in bars(figure)[0].hover


def test_a_span_without_a_name_has_the_name_of_its_kind() -> None:
    """A timer needs no name."""
    assert figure_of(timeline_with(timer(0, 1, 5))).names == ["timer"]


def test_a_long_name_is_cut() -> None:
    """Another application may name an activity with 64 kB."""
    figure = chart(span(name="x" * 65_536))
    assert figure.names == ["x" * MAX_NAME]
    assert len(json.dumps(vars(figure))) < 5_000


def test_the_legend_has_only_used_styles() -> None:
    """Each style that is used is in the legend once."""
    figure = figure_of(
        timeline_with(scheduled(0, 1), scheduled(1, 1), completed(0, 2), completed(1, 2))
    )
    assert [label for label, _, _ in figure.legend] == ["completed (queue + execution)"]


def test_a_timeline_without_spans_is_a_figure() -> None:
    """It has no rows, and a height."""
    figure = figure_of(timeline_with())
    assert (figure.traces, figure.names, figure.legend) == ([], [], [])
    assert figure.layout["height"] > 0


def test_a_row_shows_its_duration() -> None:
    """From the start of its first bar to the end of its last bar."""
    first, second = span(lane=0, ended_at=at(2)), span(lane=0, scheduled_at=at(4), ended_at=at(6.5))
    assert durations(chart(first, second)) == ["5.50 s"]


def test_an_open_row_has_no_duration() -> None:
    """The widget counts from its start."""
    figure = chart(span(ending=Ending.OPEN))
    assert durations(figure) == [None]
    assert figure.rows[0]["since"] == milliseconds(at(1))


def test_the_hover_text_has_start_and_duration() -> None:
    """The start is relative to the start of the instance."""
    assert bars(chart(span()))[0].hover.endswith("from +1.00 s, for 2.00 s")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 ms"),
        (0, "0 ms"),
        (0.0421, "42 ms"),
        (0.9999, "999 ms"),
        (1, "1.00 s"),
        (2.3, "2.30 s"),
        (59.999, "59.99 s"),
        (60, "1 min 0 s"),
        (75, "1 min 15 s"),
        (3599.9, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (7380, "2 h 3 min"),
        (86400, "1 d 0 h"),
        (200000, "2 d 7 h"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    """At most two units, the larger one first, and never 60 of the smaller one."""
    assert in_words(seconds) == words


def test_five_thousand_rows_are_a_small_figure() -> None:
    """It has the first rows only, and one trace per style."""
    spans = [span(lane=n, event_id=n, ending=list(Ending)[n % 3]) for n in range(5000)]  # no turns
    figure = chart(*spans)
    assert len(figure.names) == len(bars(figure)) == MAX_ROWS
    assert len(figure.traces) == 3
    assert len(json.dumps(vars(figure))) < 50_000


def test_a_row_of_many_attempts_has_its_last_bars() -> None:
    """Its label has the number of all attempts, and the duration of the whole row."""
    spans = [
        span(
            event_id=n,
            attempt_number=n + 1,
            attempt_count=5000,
            scheduled_at=at(n),
            ended_at=at(n + 1),
        )
        for n in range(5000)
    ]
    figure = chart(*spans)
    assert [bar.start for bar in bars(figure)] == list(range(5000 - MAX_SPANS, 5000))
    assert (figure.names, attempts(figure)) == (["charge"], [5000])
    assert durations(figure) == ["1 h 23 min"]


def test_the_axis_of_a_section_ends_with_its_rows() -> None:
    """The first rows of a long run would else be slivers; a section with an open row grows."""
    spans = [
        span(lane=n, event_id=n, scheduled_at=at(n), ended_at=at(n + 1)) for n in range(MAX_ROWS)
    ]
    later = span(lane=900, event_id=900, scheduled_at=at(9000), ended_at=None, ending=Ending.OPEN)
    folded = gantt(section_of([*spans, later]), START, None, {})
    assert (folded.start, folded.end) == (milliseconds(START), milliseconds(at(MAX_ROWS)))
    second = gantt(section_of([*spans, later], Choice(first=MAX_ROWS)), START, None, {})
    assert (second.start, second.end) == (milliseconds(at(9000)), None)


def test_the_row_of_suspensions_is_below_all_others() -> None:
    """Whenever the suspension started."""
    pause = span(SpanKind.SUSPENSION, lane=SUSPENSIONS, name="", scheduled_at=at(0.5))
    assert chart(pause, span()).names == ["charge", "suspended"]


BASELINES = {(SpanKind.ACTIVITY, "charge"): Baseline((*[1.5] * 18, 3.9, 4.0, 4.0))}


def with_baseline(*spans: Span) -> Gantt:
    """Return the figure of these spans, with a baseline for the activity charge."""
    return gantt(section_of(spans), START, None, BASELINES)


def test_a_baseline_is_beside_its_bar() -> None:
    """The widget draws it from p50 to p95, as far as its axis reaches."""
    figure = with_baseline(span())
    start = milliseconds(at(1))
    assert figure.baselines == [{"row": 0, "start": start, "p50": 1500, "p95": 4000}]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "faster than 100 % of 21 attempts in other runs (p50 1.50 s, p95 4.00 s)"),
        (3, "slower than 86 % of 21 attempts in other runs (p50 1.50 s, p95 4.00 s)"),
        (9, "slower than 100 % of 21 attempts in other runs (p50 1.50 s, p95 4.00 s)"),
    ],
)
def test_the_hover_text_compares_an_attempt(seconds: float, words: str) -> None:
    """With those of other runs, in words."""
    hover = with_baseline(span(ended_at=at(1 + seconds))).traces[0]["hovertext"][0]
    assert f"<br>{words}" in hover


def test_an_attempt_that_runs_or_was_cut_off_is_not_ranked() -> None:
    """Its duration is unknown; the usual durations are still named."""
    for ending in (Ending.OPEN, Ending.CUT_OFF):
        hover = with_baseline(span(ending=ending)).traces[0]["hovertext"][0]
        assert "<br>21 attempts in other runs: p50 1.50 s, p95 4.00 s" in hover


def test_a_baseline_that_is_drawn_is_in_the_legend() -> None:
    """Activities without a baseline, and other spans, do not add it to the legend."""
    label = "p50 to p95 of other runs"
    assert label in [label for label, _, _ in with_baseline(span()).legend]
    for other in (span(name="ship"), span(SpanKind.CHILD)):
        assert label not in [label for label, _, _ in with_baseline(other).legend]


def test_a_suspension_is_in_the_legend_once() -> None:
    """Whether it has ended."""
    pauses = [
        span(SpanKind.SUSPENSION, lane=SUSPENSIONS, scheduled_at=at(0), ended_at=at(1)),
        span(SpanKind.SUSPENSION, Ending.OPEN, lane=SUSPENSIONS, scheduled_at=at(2)),
    ]
    assert [label for label, _, _ in chart(*pauses).legend] == ["suspended"]


def test_the_duration_of_a_row_leaves_a_pause_out() -> None:
    """While an attempt runs, a pause does not stop it; the hover text names the pause."""
    pause = span(SpanKind.SUSPENSION, lane=SUSPENSIONS, scheduled_at=at(2), ended_at=at(12))
    retried = [span(ended_at=at(3)), span(event_id=2, scheduled_at=at(12), ended_at=at(14))]
    figure = chart(*retried, pause)
    assert durations(figure) == ["4.00 s", "10.00 s"]  # from 1 to 14, without 3 to 12
    assert [row["paused"] for row in figure.rows] == ["10.00 s", None]
    assert "<br>paused meanwhile for 10.00 s" in bars(figure)[0].hover


def test_open_spans_have_their_deadlines() -> None:
    """A timer, a wait and a back-off; what has ended has none."""
    kinds = (SpanKind.TIMER, SpanKind.WAIT, SpanKind.BACKOFF)
    open_spans = [
        span(kind, Ending.OPEN, lane=n, event_id=n, due=at(60 + n)) for n, kind in enumerate(kinds)
    ]
    figure = chart(*open_spans, span(SpanKind.TIMER, lane=9, event_id=9, due=at(99)))
    assert [(each["row"], each["at"], each["words"]) for each in figure.deadlines] == [
        (0, milliseconds(at(60)), "timer fires"),
        (1, milliseconds(at(61)), "gives up waiting"),
        (2, milliseconds(at(62)), "next attempt"),
    ]


def framed(status: Status, first_turn: float | None, end: float | None) -> Gantt:
    """Return the figure of a run with one call."""
    first_turn_at = None if first_turn is None else at(first_turn)
    ended_at = None if end is None else at(end)
    frame = Frame("order", status, START, first_turn_at, ended_at)
    return gantt(section_of([span()]), START, ended_at, {}, frame=frame)


@pytest.mark.parametrize(
    ("status", "colour"),
    [
        (Status.COMPLETED, "green"),
        (Status.FAILED, "red"),
        (Status.STALLED, "red"),
        (Status.SUSPENDED, "orange"),
        (Status.TERMINATED, "gray"),
    ],
)
def test_the_first_row_is_the_whole_run(status: Status, colour: str) -> None:
    """In the colour of its status, from the start to the end, with its queue time."""
    figure = framed(status, 0.2, 9)
    assert figure.names == ["order", "charge"]
    queue, run, call = figure.traces
    assert (queue["x"], run["x"]) == ([200], [8800])
    assert {queue["marker"]["color"], run["marker"]["color"]} == {f"--st-{colour}-color"}
    assert run["meta"] == {"open": False, "actions": ["select:run"]}
    assert call["y"] == [1]
    assert (figure.rows[0]["duration"], figure.rows[0]["since"]) == ("9.00 s", None)


def test_the_bar_of_a_run_that_goes_on_grows() -> None:
    """Without its first turn it is one bar."""
    figure = framed(Status.RUNNING, None, None)
    assert [trace["meta"]["open"] for trace in figure.traces] == [True, False]
    assert figure.rows[0]["since"] == milliseconds(START)


def fan_out(failed: int = 7, running: int = 3, calls: int = 480) -> list[Span]:
    """Return the calls of one activity that one turn made; the first ones did not complete."""
    endings = [Ending.FAILED] * failed + [Ending.OPEN] * running
    endings += [Ending.COMPLETED] * (calls - failed - running)
    return [
        span(
            ending=ending,
            lane=n,
            event_id=n,
            turn=1,
            ended_at=None if ending is Ending.OPEN else at(2 + n % 8),
        )
        for n, ending in enumerate(endings)
    ]


def test_many_calls_of_one_turn_are_one_row() -> None:
    """With counts by outcome, and one band for each outcome."""
    figure = chart(*fan_out(), span(name="ship", lane=900, event_id=900, turn=2))
    assert figure.names == ["charge × 480", "ship"]  # noqa: RUF001 - a multiplication sign
    row = figure.rows[0]
    assert (row["bad"], row["action"], row["duration"]) == ("7 failed", "open:0", None)
    assert row["words"] == "470 completed, 7 failed, 3 running"
    labels = {trace["name"] for trace in figure.traces if max(trace["y"]) < 0.5}
    assert labels == {"failed (queue + execution)", "running (queue + execution)"}
    assert sum(trace["meta"]["open"] for trace in figure.traces) == 1
    assert sum(len(trace["x"]) for trace in figure.traces) < 40
    assert "<br>470 completed, 7 failed, 3 running<br>" in figure.traces[0]["hovertext"][0]


def test_the_bands_of_a_fan_out_are_in_its_row() -> None:
    """However few calls have an outcome, its band can be seen."""
    drawn = chart(*fan_out(failed=1, running=0)).traces
    edges = []
    for trace in drawn:
        heights = trace["width"] if isinstance(trace["width"], list) else [trace["width"]] * 99
        edges += [(y - h / 2, y + h / 2) for y, h in zip(trace["y"], heights, strict=False)]
    assert min(low for low, _ in edges) >= -0.5
    assert max(high for _, high in edges) <= 0.5
    assert min(high - low for low, high in edges) > 0.05


def test_a_band_is_darker_while_more_calls_are_active() -> None:
    """The bar of a fan-out shows its shape."""
    calls = [
        span(lane=n, event_id=n, turn=1, scheduled_at=at(1), ended_at=at(2 if n < 15 else 9))
        for n in range(16)
    ]
    (trace,) = chart(*calls).traces
    opacities = trace["marker"]["opacity"]
    assert opacities[0] > opacities[-1]


CHILD = span(SpanKind.CHILD, name="pay", event_id=3, lane=3, instance_id="c")


def unfolded_chart(child: Timeline, *more: Span) -> Gantt:
    """Return the figure of a child that is unfolded."""
    section = section_of([CHILD, *more])
    return gantt(section, START, None, {}, unfolded=Unfolded({"3": child}))


def test_the_rows_of_an_unfolded_child_are_below_it() -> None:
    """Indented; the keys of its spans begin with that of the child."""
    child = Timeline(START, None, (span(event_id=5), span(name="b", lane=6, event_id=6)))
    figure = unfolded_chart(child, span(name="ship", lane=8, event_id=8))
    assert [(row["name"], row["depth"], row["action"]) for row in figure.rows] == [
        ("pay", 0, "select:3"),
        ("charge", 1, "select:3.5"),
        ("b", 1, "select:3.6"),
        ("ship", 0, "select:8"),
    ]
    assert figure.rows[0]["unfolded"] is True


def test_an_unfolded_child_has_a_limited_number_of_rows() -> None:
    """A note below them counts the others."""
    spans = tuple(span(name=f"ship_{n}", lane=n, event_id=n) for n in range(120))
    figure = unfolded_chart(Timeline(START, None, spans))
    assert len(figure.rows) == 1 + MAX_ROWS + 1
    assert figure.rows[-1]["name"] == "70 more calls on the page of the child"
    assert "No activity yet." in unfolded_chart(Timeline(START)).names


def test_a_child_that_cannot_be_read_says_why() -> None:
    """Below its row."""
    unread = Unfolded(problems={"3": "Dapr is unavailable"})
    figure = gantt(section_of([CHILD]), START, None, {}, unfolded=unread)
    assert figure.names == ["pay", "Dapr is unavailable"]


def test_rows_of_a_large_chart_are_lower() -> None:
    """A large fan-out fits into a chart that scrolls."""
    few = chart(span()).layout["height"]
    many = chart(*(span(lane=n) for n in range(MAX_ROWS))).layout["height"]
    assert many < MAX_ROWS * few / 3


def test_the_axis_of_a_high_chart_is_above_its_rows() -> None:
    """Below them it would be out of view until someone scrolls."""
    rows = [span(lane=n) for n in range(TALL + 1)]
    sides = [chart(*few).layout["xaxis"]["side"] for few in (rows[:TALL], rows)]
    assert sides == ["bottom", "top"]


EXECUTIONS = [
    (Ending.COMPLETED, "completed", "green", "solid"),
    (Ending.FAILED, "failed", "red", "crossed"),
    (Ending.CUT_OFF, "cut off: the instance ended or stalled", "gray", "open"),
    (Ending.END_UNKNOWN, "end unknown", "gray", "open"),
]


@pytest.mark.parametrize(("ending", "label", "colour", "swatch"), EXECUTIONS)
def test_queue_and_execution_are_two_bars_if_the_start_is_known(
    ending: Ending, label: str, colour: str, swatch: str
) -> None:
    """In one row and one colour; the queue time is drawn paler."""
    figure = chart(span(ending=ending, started_at=at(1.5)))
    shown = [(bar.start, bar.duration, bar.label) for bar in bars(figure)]
    assert shown == [(1, 0.5, "in Dapr's queue"), (1.5, 1.5, label)]
    assert [trace["marker"]["opacity"] for trace in figure.traces] == [0.35, 1]
    theme = f"--st-{colour}-color"
    assert figure.legend == [("in Dapr's queue", theme, "pale"), (label, theme, swatch)]


def test_queue_time_is_in_the_legend_once() -> None:
    """Whatever the endings; a bar that is not split is labelled as both."""
    first, second = span(started_at=at(2)), span(ending=Ending.FAILED, started_at=at(2))
    figure = chart(first, second, span())
    assert [label for label, _, _ in figure.legend] == [
        "in Dapr's queue",
        "completed",
        "failed",
        "completed (queue + execution)",
    ]


def test_the_hover_text_has_queue_and_execution_time() -> None:
    """Both bars have the same text; without a known start it has neither."""
    first, second = bars(chart(span(started_at=at(1.042))))
    assert first.hover == second.hover
    assert "<br>queue 42 ms, execution 1.95 s" in first.hover
    assert "queue 42" not in bars(chart(span()))[0].hover


def test_a_bar_that_is_not_split_is_opaque() -> None:
    """Only queue time is paler."""
    for kind, ending, *_ in STYLES:
        assert {trace["marker"]["opacity"] for trace in chart(span(kind, ending)).traces} == {1}
