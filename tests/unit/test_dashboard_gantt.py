"""Timelines as Gantt figures."""

import json
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest

from dashboard.durations import in_words, milliseconds
from dashboard.gantt.figure import Gantt, gantt
from dashboard.gantt.hover import LINE_LENGTH, MAX_FAILURE_LENGTH
from operations.model import Failure
from operations.records import Baseline
from operations.timeline import SUSPENSIONS, Ending, Span, SpanKind, Timeline, timeline_of
from tests.unit.events import (
    BEGIN,
    at,
    back_off,
    completed,
    ended,
    failed,
    fired,
    raised,
    read,
    resumed,
    scheduled,
    suspended,
    timer,
    turn,
    wait,
)
from tests.unit.histories import RECORDED, recorded

MARKUP = "<script>alert(1)</script> %{x} & $y$"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt; %{x} &amp; $y$"
LOOKS = [
    (SpanKind.ACTIVITY, Ending.COMPLETED, "completed (queue + run)", "green", "solid"),
    (SpanKind.ACTIVITY, Ending.FAILED, "failed (queue + run)", "red", "crossed"),
    (SpanKind.ACTIVITY, Ending.OPEN, "under way (queue + run)", "blue", "open"),
    (SpanKind.ACTIVITY, Ending.CUT_OFF, "cut off by the end", "gray", "open"),
    (SpanKind.ACTIVITY, Ending.UNSEEN, "end not seen", "gray", "open"),
    (SpanKind.CHILD, Ending.COMPLETED, "child completed", "green", "solid"),
    (SpanKind.CHILD, Ending.FAILED, "child failed", "red", "crossed"),
    (SpanKind.CHILD, Ending.OPEN, "child under way", "blue", "open"),
    (SpanKind.CHILD, Ending.CUT_OFF, "cut off by the end", "gray", "open"),
    (SpanKind.BACKOFF, Ending.COMPLETED, "before the next attempt", "gray", "solid"),
    (SpanKind.BACKOFF, Ending.OPEN, "before the next attempt", "gray", "open"),
    (SpanKind.BACKOFF, Ending.CUT_OFF, "cut off by the end", "gray", "open"),
    (SpanKind.TIMER, Ending.COMPLETED, "timer", "violet", "solid"),
    (SpanKind.TIMER, Ending.OPEN, "timer under way", "violet", "open"),
    (SpanKind.TIMER, Ending.CUT_OFF, "cut off by the end", "gray", "open"),
    (SpanKind.WAIT, Ending.COMPLETED, "event came", "violet", "solid"),
    (SpanKind.WAIT, Ending.OPEN, "waiting for an event", "violet", "open"),
    (SpanKind.WAIT, Ending.TIMED_OUT, "event did not come in time", "red", "crossed"),
    (SpanKind.WAIT, Ending.CUT_OFF, "cut off by the end", "gray", "open"),
    (SpanKind.SUSPENSION, Ending.COMPLETED, "suspended", "orange", "solid"),
    (SpanKind.SUSPENSION, Ending.OPEN, "suspended", "orange", "open"),
    (SpanKind.SUSPENSION, Ending.CUT_OFF, "cut off by the end", "gray", "open"),
]


@dataclass(frozen=True)
class Bar:
    """A bar of a figure: where it is (seconds after the beginning), and what is said of it."""

    row: str
    start: float
    lasts: float
    says: str
    told: str
    is_open: bool


def bars(figure: Gantt) -> list[Bar]:
    """Return the bars of a figure in the order in which they begin."""
    found = [
        Bar(
            row=figure.names[trace["y"][number]],
            start=(base - milliseconds(BEGIN)) / 1000,
            lasts=trace["x"][number] / 1000,
            says=trace["name"],
            told=trace["hovertext"][number],
            is_open=trace["meta"]["open"],
        )
        for trace in figure.traces
        for number, base in enumerate(trace["base"])
    ]
    return sorted(found, key=lambda bar: bar.start)


def drawn(timeline: Timeline) -> Gantt:
    """Return the Gantt of an instance that began at the beginning."""
    return gantt(timeline, timeline.started_at or BEGIN, {})


def span(
    kind: SpanKind = SpanKind.ACTIVITY, ending: Ending = Ending.COMPLETED, **told: Any
) -> Span:
    """Return a span of two seconds, or one that is open."""
    end = None if ending is Ending.OPEN else at(3)
    baseline = {"name": "charge", "lane": 0, "event_id": 0, "scheduled_at": at(1), "ended_at": end}
    return Span(kind, ending=ending, **{**baseline, **told})


def only(*spans: Span) -> Gantt:
    """Return the Gantt of these spans."""
    return drawn(Timeline(BEGIN, None, spans))


@pytest.mark.parametrize(("kind", "ending", "says", "colour", "swatch"), LOOKS)
def test_each_kind_and_ending_has_a_look(
    kind: SpanKind, ending: Ending, says: str, colour: str, swatch: str
) -> None:
    """What a bar is, and how it ended, is told by its words, its colour and its pattern."""
    figure = only(span(kind, ending))
    assert figure.legend == [(says, f"--st-{colour}-color", swatch)]
    assert figure.traces[0]["marker"]["color"] == f"--st-{colour}-color"
    assert bool(figure.traces[0]["marker"]["pattern"]["shape"]) == (swatch != "solid")


def test_a_lane_is_a_row() -> None:
    """Two calls of one activity stand in two rows, in the order in which they began."""
    figure = drawn(read(scheduled(0, 1), scheduled(1, 2), completed(1, 3), completed(0, 4)))
    assert [(bar.row, bar.start) for bar in bars(figure)] == [("charge", 1), ("charge", 2)]
    assert [row for trace in figure.traces for row in trace["y"]] == [0, 1]
    assert figure.layout["yaxis"]["tickvals"] == [0, 1]


def test_attempts_are_bars_of_their_own_in_one_row() -> None:
    """A retried activity shows each attempt, and the back-off between them."""
    history = (
        scheduled(0, 1, call="c"),
        failed(0, 2),
        back_off(1, 2, 5, "c"),
        fired(1, 5),
        scheduled(2, 5, call="c"),
        completed(2, 6),
    )
    figure = drawn(read(*history))
    assert figure.names == ["charge"]
    assert [(bar.start, bar.lasts, bar.says) for bar in bars(figure)] == [
        (1, 1, "failed (queue + run)"),
        (2, 3, "before the next attempt"),
        (5, 1, "completed (queue + run)"),
    ]


def test_an_attempt_tells_its_number() -> None:
    """Where there are several attempts, each says which one it is."""
    figure = only(span(attempt_number=2, attempt_count=3))
    assert "attempt 2 of 3" in bars(figure)[0].told
    assert "attempt" not in bars(only(span()))[0].told


def test_open_bars_are_marked_and_the_others_are_not() -> None:
    """The part in the browser lets the bars of a trace grow that is marked as open."""
    figure = drawn(read(scheduled(0, 1), completed(0, 2), scheduled(1, 2, "ship")))
    assert [(bar.row, bar.lasts, bar.is_open) for bar in bars(figure)] == [
        ("charge", 1, False),
        ("ship", 0, True),
    ]


@pytest.mark.parametrize("name", RECORDED)
def test_a_trace_is_all_open_or_all_closed(name: str) -> None:
    """No closed bar of a real history would grow, and no open one stand still."""
    timeline = timeline_of(recorded(name))
    figure = drawn(timeline)
    open_bars = sum(len(trace["x"]) for trace in figure.traces if trace["meta"]["open"])
    assert open_bars == sum(each.ended_at is None for each in timeline.spans)


@pytest.mark.parametrize("kind", list(SpanKind))
def test_a_name_is_no_markup_where_it_is_pointed_at(kind: SpanKind) -> None:
    """Plotly's hover texts take a few tags: a name's are shown as letters."""
    told = bars(only(span(kind, name=MARKUP)))[0].told
    assert told.startswith(f"<b>{ESCAPED}</b><br>")


def test_an_error_is_no_markup_where_it_is_pointed_at() -> None:
    """Nor are an error's type and message."""
    told = bars(only(span(ending=Ending.FAILED, failure=Failure("<i>", MARKUP))))[0].told
    assert told.endswith(f"<br>&lt;i&gt;: {ESCAPED}")


def test_an_error_is_cut_before_it_is_escaped() -> None:
    """A long message is cut, and broken into lines, and no entity is cut in two."""
    told = bars(only(span(ending=Ending.FAILED, failure=Failure("E", "&" * 1000))))[0].told
    lines = told[told.index("E: ") :].split("<br>")
    assert "".join(lines) == "E: " + "&amp;" * (MAX_FAILURE_LENGTH - 3)
    assert {len(unescape(line)) for line in lines[:-1]} == {LINE_LENGTH}


def test_texts_are_no_templates() -> None:
    """Plotly fills in `%{x}` in templates alone: there is none."""
    trace = only(span(name=MARKUP)).traces[0]
    assert trace["hoverinfo"] == "text"
    assert not {"hovertemplate", "texttemplate", "text", "customdata"} & set(trace)


def test_no_markup_stands_elsewhere_in_a_figure() -> None:
    """The names of rows are data; whatever else holds a name has it escaped."""
    figure = only(span(name="<u>&</u>"))
    assert figure.names == ["<u>&</u>"]
    assert "<u>" not in json.dumps([figure.traces, figure.layout, figure.legend])


def test_an_instance_that_runs_has_no_end() -> None:
    """The axis of what still runs is the browser's to move."""
    figure = drawn(read(scheduled(0, 1)))
    assert (figure.start, figure.end) == (milliseconds(BEGIN), None)


def test_an_instance_that_has_ended_has_its_end() -> None:
    """The axis of what has ended rests."""
    figure = drawn(read(scheduled(0, 1), completed(0, 2), turn(2), ended(2.5)))
    assert figure.end == milliseconds(at(2.5))


def test_a_wait_without_end_does_not_stretch() -> None:
    """The timer of an endless wait is due in the year 9999, where no bar leads."""
    figure = drawn(read(wait(0, 1)))
    bar = bars(figure)[0]
    assert (bar.row, bar.lasts, bar.is_open) == ("event: approval", 0, True)
    assert bar.told.splitlines()[0].count("no deadline") == 1
    assert "9999" not in json.dumps(vars(figure))


def test_a_wait_with_an_end_has_a_deadline() -> None:
    """Nor does a wait that times out reach to that time before it has come."""
    bar = bars(drawn(read(wait(0, 1, due=60))))[0]
    assert bar.lasts == 0
    assert "no deadline" not in bar.told


def test_an_event_that_came_ends_its_bar() -> None:
    """A wait that was answered lasts until the answer."""
    assert bars(drawn(read(wait(0, 1), raised("approval", 4))))[0].lasts == 3


def test_pauses_share_the_last_row() -> None:
    """All pauses of an instance stand in one row of their own."""
    history = (scheduled(0, 1), suspended(2), resumed(3), suspended(5), resumed(6))
    figure = drawn(read(*history))
    assert figure.names[-1] == "suspended"
    assert [bar.start for bar in bars(figure) if bar.row == "suspended"] == [2, 5]


def test_children_are_told_from_activities() -> None:
    """A child's row begins with an arrow."""
    assert only(span(SpanKind.CHILD, name="pay")).names == ["↳ pay"]


def test_a_span_without_a_name_is_called_after_its_kind() -> None:
    """A timer needs no name."""
    assert drawn(read(timer(0, 1, 5))).names == ["timer"]


def test_a_legend_holds_only_what_is_there() -> None:
    """Each look that is used is in the legend once."""
    figure = drawn(read(scheduled(0, 1), scheduled(1, 1), completed(0, 2), completed(1, 2)))
    assert [says for says, _, _ in figure.legend] == ["completed (queue + run)"]


def test_nothing_to_show_is_a_figure_all_the_same() -> None:
    """An instance without spans has no rows, and a height."""
    figure = drawn(read())
    assert (figure.traces, figure.names, figure.legend) == ([], [], [])
    assert figure.layout["height"] > 0


def test_a_row_tells_how_long_it_took() -> None:
    """Beside each row stands its duration, from its first bar to the end of its last one."""
    first, second = span(lane=0, ended_at=at(2)), span(lane=0, scheduled_at=at(4), ended_at=at(6.5))
    texts = [each["text"] for each in only(first, second).layout["annotations"]]
    assert texts == ["5.50 s"]


def test_an_open_row_has_no_duration() -> None:
    """What is not over took no time yet that could be written down."""
    figure = only(span(ending=Ending.OPEN))
    assert [each["text"] for each in figure.layout["annotations"]] == ["…"]


def test_a_bar_tells_when_it_began_and_how_long_it_took() -> None:
    """Times in a hover text count from the instance's start."""
    assert bars(only(span()))[0].told.endswith("from +1.00 s, for 2.00 s")


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
def test_durations_are_told_in_words(seconds: float, words: str) -> None:
    """Two units at most, the larger one first, and never sixty of the smaller."""
    assert in_words(seconds) == words


def test_a_thousand_spans_are_one_figure_of_few_traces() -> None:
    """A great fan-out has a row for each, and a trace for each look."""
    spans = [span(lane=n, event_id=n, ending=list(Ending)[n % 3]) for n in range(1000)]
    figure = only(*spans)
    assert len(figure.names) == len(bars(figure)) == 1000
    assert len(figure.traces) == 3
    assert len(json.dumps(vars(figure))) < 500_000


def test_the_row_of_pauses_is_below_all_others() -> None:
    """Wherever a pause began, its row comes last."""
    pause = span(SpanKind.SUSPENSION, lane=SUSPENSIONS, name="", scheduled_at=at(0.5))
    assert only(pause, span()).names == ["charge", "suspended"]


USUAL = {"charge": Baseline(median=1.5, p95=4, runs=20)}


def with_baseline(*spans: Span) -> Gantt:
    """Return the Gantt of these spans, where the past tells how long a charge takes."""
    return gantt(Timeline(BEGIN, None, spans), BEGIN, USUAL)


def test_a_baseline_is_drawn_behind_its_bar() -> None:
    """It begins where the run began, is drawn first, and rests."""
    first, second = with_baseline(span()).traces
    assert (first["base"], first["x"], first["y"]) == (second["base"], [4000], second["y"])
    assert first["meta"] == {"open": False}
    assert first["hoverinfo"] == "skip"


def test_the_hover_text_has_the_baseline() -> None:
    """The hover text says it in words."""
    told = with_baseline(span()).traces[1]["hovertext"][0]
    assert "<br>past runs: p50 1.50 s, p95 4.00 s" in told


def test_a_baseline_that_is_drawn_is_in_the_legend() -> None:
    """Activities of which nothing is known, and what is no activity, have none."""
    words = "as long as 95 % of past runs"
    assert words in [says for says, _, _ in with_baseline(span()).legend]
    for other in (span(name="ship"), span(SpanKind.CHILD)):
        assert words not in [says for says, _, _ in with_baseline(other).legend]


def test_many_rows_are_lower_than_few() -> None:
    """A great fan-out stays a picture that can be scrolled."""
    few = only(span()).layout["height"]
    many = only(*(span(lane=n) for n in range(100))).layout["height"]
    assert many < 100 * few / 3


RUNS = [
    (Ending.COMPLETED, "completed", "green", "solid"),
    (Ending.FAILED, "failed", "red", "crossed"),
    (Ending.CUT_OFF, "cut off by the end", "gray", "open"),
    (Ending.UNSEEN, "end not seen", "gray", "open"),
]


@pytest.mark.parametrize(("ending", "says", "colour", "swatch"), RUNS)
def test_queue_and_run_are_two_bars_where_the_begin_is_known(
    ending: Ending, says: str, colour: str, swatch: str
) -> None:
    """In one row and one colour, the queue about a third as strong, as the legend says."""
    figure = only(span(ending=ending, started_at=at(1.5)))
    told = [(bar.start, bar.lasts, bar.says) for bar in bars(figure)]
    assert told == [(1, 0.5, "in Dapr's queue"), (1.5, 1.5, says)]
    assert [trace["marker"]["opacity"] for trace in figure.traces] == [0.35, 1]
    theme = f"--st-{colour}-color"
    assert figure.legend == [("in Dapr's queue", theme, "queued"), (says, theme, swatch)]


def test_the_queue_is_in_the_legend_once() -> None:
    """However the runs ended; and what is not told apart says so beside it."""
    first, second = span(started_at=at(2)), span(ending=Ending.FAILED, started_at=at(2))
    figure = only(first, second, span())
    assert [says for says, _, _ in figure.legend] == [
        "in Dapr's queue",
        "completed",
        "failed",
        "completed (queue + run)",
    ]


def test_queue_and_run_are_told_of_a_bar_that_is_pointed_at() -> None:
    """Both parts say the same; where they are not told apart nothing is said of them."""
    first, second = bars(only(span(started_at=at(1.042))))
    assert first.told == second.told
    assert "<br>queue 42 ms, execution 1.96 s" in first.told
    assert "queue 42" not in bars(only(span()))[0].told


def test_what_is_not_drawn_in_parts_is_drawn_as_strong_as_it_is() -> None:
    """Only a queue is fainter."""
    for kind, ending, *_ in LOOKS:
        assert {trace["marker"]["opacity"] for trace in only(span(kind, ending)).traces} == {1}
