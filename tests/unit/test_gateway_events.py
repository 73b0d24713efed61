"""Dapr's history events become records without loss."""

from base64 import b64decode, b64encode
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue

from operations.gateway import DaprGateway
from operations.gateway.history_events import to_history, to_history_event
from operations.gateway.stubs import pb
from operations.history import HistoryEvent, TimerOrigin
from operations.model import Failure, Status
from tests.unit.protobuf import message
from tests.unit.sidecar import NOON, Sidecar, timestamp_of

TEXT = StringValue(value='"text"')
DETAILS = pb.TaskFailureDetails(
    errorType="ValueError", errorMessage="No such item.", stackTrace=StringValue(value="line 1")
)
FAILURE = Failure("ValueError", "No such item.", "line 1")
RERUN = pb.RerunParentInstanceInfo(instanceID="order_A")


def sent(kind: str, **fields: Any) -> pb.HistoryEvent:
    """Return an event as Dapr sends it."""
    event = pb.HistoryEvent(eventId=7, timestamp=timestamp_of(NOON))
    body = getattr(event, kind)
    body.SetInParent()
    body.MergeFrom(type(body)(**fields))
    return event


EVENTS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "executionStarted",
        {
            "name": "parallel",
            "input": TEXT,
            "workflowInstance": pb.WorkflowInstance(
                instanceId="order_B", executionId=StringValue(value="e-1")
            ),
            "parentInstance": pb.ParentInstanceInfo(
                taskScheduledId=3, workflowInstance=pb.WorkflowInstance(instanceId="order_A")
            ),
            "scheduledStartTimestamp": timestamp_of(NOON),
        },
        {
            "name": "parallel",
            "payload": '"text"',
            "execution_id": "e-1",
            "instance_id": "order_A",
            "fire_at": NOON,
        },
    ),
    (
        "executionCompleted",
        {"workflowStatus": pb.ORCHESTRATION_STATUS_COMPLETED, "result": TEXT},
        {"status": Status.COMPLETED, "payload": '"text"'},
    ),
    (
        "executionCompleted",
        {"workflowStatus": pb.ORCHESTRATION_STATUS_FAILED, "failureDetails": DETAILS},
        {"status": Status.FAILED, "failure": FAILURE},
    ),
    ("executionTerminated", {"input": TEXT}, {"payload": '"text"'}),
    ("executionSuspended", {"input": TEXT}, {"payload": '"text"'}),
    ("executionResumed", {"input": TEXT}, {"payload": '"text"'}),
    (
        "executionStalled",
        {"reason": pb.StalledReason.PAYLOAD_SIZE_EXCEEDED, "description": "too large"},
        {"failure": Failure("PAYLOAD_SIZE_EXCEEDED", "too large")},
    ),
    ("executionStalled", {"reason": 99}, {"failure": Failure("UNKNOWN", "")}),
    (
        "taskScheduled",
        {
            "name": "work",
            "input": TEXT,
            "taskExecutionId": "t-1",
            "rerunParentInstanceInfo": RERUN,
        },
        {"name": "work", "payload": '"text"', "task_execution_id": "t-1", "rerun_of": "order_A"},
    ),
    (
        "taskCompleted",
        {"taskScheduledId": 0, "taskExecutionId": "t-1", "result": TEXT},
        {"answers": 0, "task_execution_id": "t-1", "payload": '"text"'},
    ),
    (
        "taskFailed",
        {"taskScheduledId": 3, "taskExecutionId": "t-1", "failureDetails": DETAILS},
        {"answers": 3, "task_execution_id": "t-1", "failure": FAILURE},
    ),
    (
        "timerCreated",
        {"fireAt": timestamp_of(NOON), "name": "nap", "createTimer": pb.TimerOriginCreateTimer()},
        {"fire_at": NOON, "name": "nap", "origin": TimerOrigin.OWN},
    ),
    (
        "timerCreated",
        {
            "fireAt": timestamp_of(NOON),
            "externalEvent": pb.TimerOriginExternalEvent(name="approval"),
            "rerunParentInstanceInfo": RERUN,
        },
        {
            "fire_at": NOON,
            "name": "approval",
            "origin": TimerOrigin.EXTERNAL_EVENT,
            "rerun_of": "order_A",
        },
    ),
    (
        "timerCreated",
        {
            "fireAt": timestamp_of(NOON),
            "activityRetry": pb.TimerOriginActivityRetry(taskExecutionId="t-1"),
        },
        {"fire_at": NOON, "task_execution_id": "t-1", "origin": TimerOrigin.ACTIVITY_RETRY},
    ),
    (
        "timerCreated",
        {
            "fireAt": timestamp_of(NOON),
            "childWorkflowRetry": pb.TimerOriginChildWorkflowRetry(instanceId="order_B"),
        },
        {"fire_at": NOON, "instance_id": "order_B", "origin": TimerOrigin.CHILD_RETRY},
    ),
    ("timerCreated", {"fireAt": timestamp_of(NOON)}, {"fire_at": NOON, "origin": None}),
    ("timerFired", {"timerId": 3, "fireAt": timestamp_of(NOON)}, {"answers": 3, "fire_at": NOON}),
    ("eventRaised", {"name": "approval", "input": TEXT}, {"name": "approval", "payload": '"text"'}),
    (
        "eventSent",
        {"instanceId": "order_B", "name": "approval", "input": TEXT},
        {"instance_id": "order_B", "name": "approval", "payload": '"text"'},
    ),
    (
        "childWorkflowInstanceCreated",
        {
            "instanceId": "order_B",
            "name": "parallel",
            "input": TEXT,
            "rerunParentInstanceInfo": RERUN,
        },
        {
            "instance_id": "order_B",
            "name": "parallel",
            "payload": '"text"',
            "rerun_of": "order_A",
        },
    ),
    (
        "childWorkflowInstanceCompleted",
        {"taskScheduledId": 3, "result": TEXT},
        {"answers": 3, "payload": '"text"'},
    ),
    (
        "childWorkflowInstanceFailed",
        {"taskScheduledId": 3, "failureDetails": DETAILS},
        {"answers": 3, "failure": FAILURE},
    ),
    ("continueAsNew", {"input": TEXT}, {"payload": '"text"'}),
    ("detachedWorkflowInstanceCreated", {"instanceId": "order_B"}, {"instance_id": "order_B"}),
    ("workflowStarted", {}, {}),
    (
        "workflowStarted",
        {"version": pb.WorkflowVersion(name="version_two", patches=["one", "two"])},
        {"version": "version_two", "patches": ("one", "two")},
    ),
    (
        "executionStarted",
        {"name": "order", "version": StringValue(value="1.2")},
        {"name": "order", "version": "1.2"},
    ),
    ("workflowCompleted", {}, {}),
]


@pytest.mark.parametrize(
    ("kind", "target", "app_id"),
    [
        ("childWorkflowInstanceCreated", "billing", "billing"),
        ("taskScheduled", "billing", "billing"),
        ("taskScheduled", "orders", None),
        ("taskScheduled", "", None),
        ("childWorkflowInstanceCompleted", "billing", None),
    ],
)
def test_a_call_names_the_other_application_that_it_was_made_to(
    kind: str, target: str, app_id: str | None
) -> None:
    """An answer names the caller, which is no other application."""
    event = sent(kind)
    event.router.sourceAppID = "orders"
    if target:
        event.router.targetAppID = target
    assert to_history_event(event).app_id == app_id


@pytest.mark.parametrize(("kind", "fields", "expected"), EVENTS)
def test_an_event_has_all_its_fields(
    kind: str, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Each kind of event sets the fields for which it has values, and no others."""
    assert to_history_event(sent(kind, **fields)) == HistoryEvent(7, NOON, kind, **expected)


def test_the_table_has_every_kind_of_event() -> None:
    """A kind that an update of the SDK adds needs a row in the table."""
    kinds = pb.HistoryEvent.DESCRIPTOR.oneofs_by_name["eventType"].fields
    assert {kind for kind, _, _ in EVENTS} == {field.name for field in kinds}


def test_every_origin_of_a_timer_is_known() -> None:
    """No timer of this version of Dapr has an unknown origin."""
    origins = pb.TimerCreatedEvent.DESCRIPTOR.oneofs_by_name["origin"].fields
    assert {field.name for field in origins} == set(TimerOrigin)


ALWAYS_SET = {"event_id", "timestamp", "kind", "answers", "status", "failure"}
"""Fields that every event has, and numbers that may be 0."""


@pytest.mark.parametrize("kind", sorted({kind for kind, _, _ in EVENTS}))
def test_fields_that_an_event_lacks_are_none(kind: str) -> None:
    """An empty message becomes neither empty texts nor the year 1970."""
    values = asdict(to_history_event(sent(kind)))
    assert {value for field, value in values.items() if field not in ALWAYS_SET} == {None}


def test_an_empty_payload_is_not_none() -> None:
    """An empty result is not a missing result."""
    event = to_history_event(sent("taskCompleted", result=StringValue(value="")))
    assert event.payload == ""


def later_event(*fields: bytes) -> pb.HistoryEvent:
    """Return an event of a later Dapr, which has these fields and the common ones."""
    known = pb.HistoryEvent(eventId=7, timestamp=timestamp_of(NOON)).SerializeToString()
    return pb.HistoryEvent.FromString(known + b"".join(fields))


def test_an_event_of_a_later_dapr_is_kept() -> None:
    """A kind that the SDK does not know arrives as a field without a name."""
    inner = message(1, "späte Sendung".encode()) + message(2, message(1, b"\x00\xff"))
    event = later_event(message(99, inner))
    raw = b64encode(event.SerializeToString()).decode()
    payload = '99 {\n  1: "sp\\303\\244te Sendung"\n  2 {\n    1: "\\000\\377"\n  }\n}'
    kind = "unknown kind (field 99)"
    assert to_history_event(event) == HistoryEvent(7, NOON, kind, payload=payload, raw=raw)
    assert pb.HistoryEvent.FromString(b64decode(raw)) == event


def test_an_unknown_event_lists_all_its_field_numbers() -> None:
    """Any of the fields may be the kind."""
    event = to_history_event(later_event(message(99, b"a"), message(98, b"b"), message(98, b"c")))
    assert event.kind == "unknown kind (fields 98, 99)"
    assert event.payload == '99: "a"\n98: "b"\n98: "c"'


def test_an_event_without_a_kind_is_kept() -> None:
    """Its kind is unknown, and it has no payload."""
    event = to_history_event(later_event())
    assert (event.kind, event.payload) == ("unknown kind", None)
    assert event.raw


def test_a_stack_trace_contains_the_causes() -> None:
    """Inner failures are read to the innermost."""
    inner = pb.TaskFailureDetails(
        errorType="OSError", errorMessage="No disk.", innerFailure=DETAILS
    )
    outer = pb.TaskFailureDetails(
        errorType="TaskFailedError",
        errorMessage="It failed.",
        stackTrace=StringValue(value="line 9"),
        innerFailure=inner,
    )
    assert to_history_event(sent("taskFailed", failureDetails=outer)).failure == Failure(
        "TaskFailedError",
        "It failed.",
        "line 9\nCaused by OSError: No disk.\nCaused by ValueError: No such item.\nline 1",
    )


@pytest.mark.parametrize(
    ("seconds", "year"), [(253402300799, 9999), (253402300800, 9999), (-(2**62), 1)]
)
def test_a_time_beyond_the_calendar_is_clamped(seconds: int, year: int) -> None:
    """A wait without a deadline is due in the year 9999; later times are clamped to it."""
    due = to_history_event(sent("timerCreated", fireAt=Timestamp(seconds=seconds))).fire_at
    assert due
    assert (due.year, due.tzinfo) == (year, UTC)


def sent_at(seconds: float | None, kind: str = "eventRaised") -> pb.HistoryEvent:
    """Return an event so many seconds after noon, without a time for None."""
    event = sent(kind)
    if seconds is None:
        event.ClearField("timestamp")
    else:
        event.timestamp.FromDatetime(NOON + timedelta(seconds=seconds))
    return event


@pytest.mark.parametrize(
    ("times", "shown"),
    [
        ((1, 2, None, None, 3), (1, 2, 2, 2, 3)),
        ((2, 1, None, 3), (2, 1, 1, 3)),
        ((None, None, 2, 1), (2, 2, 2, 1)),
    ],
)
def test_an_event_without_a_time_has_the_time_of_the_event_before_it(
    times: tuple[float | None, ...], shown: tuple[float, ...]
) -> None:
    """Or of the first event with a time, if none is before it; the order stays."""
    events = [sent_at(time, "timerFired") for time in times]
    for number, event in enumerate(events):
        event.eventId = number
    history = to_history(events)
    assert [event.event_id for event in history] == list(range(len(events)))
    assert [(event.timestamp - NOON).total_seconds() for event in history] == list(shown)


@pytest.mark.parametrize("missing", [None, Timestamp(), Timestamp(seconds=-62135596800)])
def test_an_absent_time_and_1970_and_the_year_1_are_no_time(missing: Timestamp | None) -> None:
    """Each SDK leaves out the time of an event in its own way."""
    carried = sent_at(None)
    if missing is not None:
        carried.timestamp.CopyFrom(missing)
    start, event = to_history([sent_at(1, "executionStarted"), carried])
    assert event.timestamp == start.timestamp


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("parent", "trace_id"),
    [(f"00-{TRACE}-00f067aa0ba902b7-01", TRACE), ("", None), ("nonsense", None)],
)
def test_a_start_has_the_id_of_its_trace(parent: str, trace_id: str | None) -> None:
    """If Dapr sampled the trace; other events do not repeat it."""
    context = pb.TraceContext(traceParent=parent)
    started, scheduled = (
        to_history_event(sent(kind, parentTraceContext=context))
        for kind in ("executionStarted", "taskScheduled")
    )
    assert (started.trace_id, scheduled.trace_id) == (trace_id, None)


def test_a_history_without_any_time_is_read() -> None:
    """Its events stay in the year 1970."""
    (event,) = to_history([sent_at(None)])
    assert event.timestamp == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_history_is_read_in_its_order(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """The events keep the sidecar's order, which is not the order of their times."""
    events = [sent("workflowStarted"), sent("executionStarted", name="late"), sent("timerFired")]
    events[0].timestamp.FromDatetime(datetime(2027, 1, 1, tzinfo=UTC))
    sidecar.answers["GetInstanceHistory"] = pb.GetInstanceHistoryResponse(events=events)
    kinds = [event.kind for event in dapr.history("order_A")]
    assert kinds == ["workflowStarted", "executionStarted", "timerFired"]
    assert sidecar.request == pb.GetInstanceHistoryRequest(instanceId="order_A")


def test_a_history_of_many_mebibytes_arrives(sidecar: Sidecar) -> None:
    """The gateway accepts more than gRPC's default of 4 MiB."""
    large = sent("taskCompleted", result=StringValue(value="x" * 2**20))
    sidecar.answers["GetInstanceHistory"] = pb.GetInstanceHistoryResponse(events=[large] * 20)
    gateway = DaprGateway(sidecar.endpoint)
    history = gateway.history("order_A")
    gateway.close()
    assert sum(len(event.payload or "") for event in history) == 20 * 2**20
