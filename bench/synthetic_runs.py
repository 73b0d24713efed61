"""Generates finished runs of the order application, in any number."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from operations.history import HistoryEvent
from operations.model import Failure, Instance, Status
from operations.records import Snapshot
from operations.timeline import Timeline, timeline_of
from worker.orders import WORKFLOW, Order, instance_id_of, order_output

SHIPPING = "shipping_workflow"
APP = "orders"
RARE_ITEM = "kaleidoscope"
"""An item of one order in a thousand, so that a search finds few orders."""
END = datetime(2026, 3, 1, tzinfo=UTC)
"""About the start of the last run."""
CONFIRMED = "confirmed"
"""The custom status of a completed order."""
_SPACING = 0.8  # seconds from one start to the next, on average
_ITEMS = ("laptop", "mouse", "keyboard", "monitor", "desk lamp", "headset", "webcam", "USB hub")
_STACK = '  File "/app/worker/activities.py", line {0}, in {1}\n    await self._work(seconds)\n' * 6
_FAILED, _TERMINATED, _SHIPPED, _RETRIED, _UNTRACED = 0.03, 0.01, 0.1, 0.05, 0.02


class SyntheticRuns:
    """Generates runs, the same runs for the same seed; `shift` moves their times."""

    def __init__(self, count: int, seed: int = 1, shift: timedelta = timedelta()) -> None:
        self._count = count
        self._end = END + shift
        self._chance = random.Random(seed)  # noqa: S311 - figures, not secrets

    def __iter__(self) -> Iterator[Snapshot]:
        """Yield the last snapshot of each run, the oldest run first."""
        start = self._end - timedelta(seconds=_SPACING * self._count)
        last = ""
        for number in range(self._count):
            start += timedelta(seconds=self._chance.uniform(0, 2 * _SPACING))
            ships = bool(last) and self._chance.random() < _SHIPPED
            run = _SyntheticRun(self._chance, number, start, parent=last if ships else None)
            last = last if ships else run.instance_id
            yield run.snapshot()


@dataclass
class _SyntheticRun:
    """One run, of an order or of its shipping, from its start to its end."""

    chance: random.Random
    number: int
    at: datetime
    parent: str | None

    def __post_init__(self) -> None:
        self._created, self._events, self._next = self.at, list[HistoryEvent](), 1
        self.instance_id = instance_id_of(f"ORDER-{self.number:06}") + ("-s" if self.parent else "")
        self._order = Order(
            order_id=f"ORDER-{self.number:06}", amount=self._amount(), items=self._items()
        )

    def snapshot(self) -> Snapshot:
        """Return the snapshot that the recorder takes after the end of the run."""
        outcome = self.chance.random()
        self._start()
        failure, output = None, None
        if outcome < _FAILED:
            failure = self._fail("check_inventory")
        elif outcome < _FAILED + _TERMINATED:
            self._schedule("process_order")
        else:
            output = self._succeed()
        ended = Status.COMPLETED if output else Status.FAILED if failure else Status.TERMINATED
        self._event("executionCompleted", payload=output, status=ended, failure=failure)
        stage = CONFIRMED if output else "processing the order and checking the inventory"
        return Snapshot(
            APP,
            Instance(
                instance_id=self.instance_id,
                workflow=SHIPPING if self.parent else WORKFLOW,
                status=ended,
                created_at=self._created,
                last_updated_at=self.at,
                input=self._order.model_dump_json(),
                output=output,
                custom_status=stage,
                failure=failure,
            ),
            self._traced(timeline_of(self._events)),
            self.at + timedelta(seconds=0.3),
            tuple(self._events),
        )

    def _amount(self) -> float:
        return self.chance.randrange(100, 100_000) / 100

    def _items(self) -> list[str]:
        rare = [RARE_ITEM] if self.chance.random() < 0.001 else []  # noqa: PLR2004
        return [*self.chance.choices(_ITEMS, k=self.chance.randint(1, 4)), *rare]

    def _start(self) -> None:
        self._event("workflowStarted", after=0.005)
        self._events.append(
            HistoryEvent(
                -1,
                self._created,
                "executionStarted",
                name=SHIPPING if self.parent else WORKFLOW,
                payload=self._order.model_dump_json(),
                instance_id=self.parent,
                execution_id=self._uuid(),
            )
        )

    def _succeed(self) -> str:
        total = self._order.amount * 1.1
        name = self._order.order_id
        process = {"order_id": name, "status": "processed", "total": total, "processed_at": 1.5}
        check = {"order_id": name, "inventory_status": "available", "checked_at": 1.5}
        sent = {"confirmation_sent": True, "message": f"Order confirmed. Total: ${total:.2f}"}
        self._complete("process_order", 2.0, process)
        if self.chance.random() < _RETRIED:
            self._fail_attempt("check_inventory")
        self._complete("check_inventory", 2.0, check)
        self._complete("send_confirmation", 1.0, sent)
        return json.dumps(order_output(self._order, process, check, sent))

    def _fail(self, activity: str) -> Failure:
        found = self._fail_attempt(activity)
        message = f"{self.instance_id}: Activity task #{self._next} failed: {found.message}"
        return Failure("TaskFailedError", message, _STACK.format(self.number, "order_workflow"))

    def _fail_attempt(self, activity: str) -> Failure:
        failure = Failure(
            self.chance.choice(("InjectedFault", "ConnectionError", "TimeoutError")),
            f"Order '{self._order.order_id}' was refused after {self.chance.random():.3f} s.",
            _STACK.format(self.number, activity),
        )
        scheduled = self._schedule(activity)
        self._event("taskFailed", answers=scheduled, failure=failure, after=self._varied(0.5))
        return failure

    def _complete(self, activity: str, seconds: float, result: dict[str, object]) -> None:
        scheduled, output = self._schedule(activity), json.dumps(result)
        self._event("taskCompleted", answers=scheduled, payload=output, after=self._varied(seconds))
        self._event("workflowStarted")

    def _schedule(self, activity: str) -> int:
        self._event(
            "taskScheduled",
            event_id=self._next,
            name=activity,
            payload=self._order.model_dump_json(),
            task_execution_id=self._uuid(),
        )
        self._next += 1
        return self._next - 1

    def _event(
        self,
        kind: str,
        *,
        event_id: int = -1,
        after: float = 0.002,
        **fields: Any,  # noqa: ANN401 - fields of an event
    ) -> None:
        self.at += timedelta(seconds=after)
        self._events.append(HistoryEvent(event_id, self.at, kind, **fields))

    def _varied(self, seconds: float) -> float:
        return self.chance.lognormvariate(0, 0.2) * seconds

    def _traced(self, timeline: Timeline) -> Timeline:
        """Return the timeline with the start times of most attempts, as if traces had arrived."""
        spans = (
            replace(
                span,
                started_at=span.scheduled_at
                + (span.ended_at - span.scheduled_at) * self.chance.random() / 50,
            )
            if span.ended_at and self.chance.random() > _UNTRACED
            else span
            for span in timeline.spans
        )
        return replace(timeline, spans=tuple(spans))

    def _uuid(self) -> str:
        return str(UUID(int=self.chance.getrandbits(128), version=4))
