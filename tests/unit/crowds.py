"""Very many lives at once, past the recorder: what a plan is chosen for."""

from datetime import timedelta
from typing import Any

from sqlalchemy import insert

from operations.ledger import Ledger
from operations.ledger.db.sessions import writing
from operations.ledger.micros import micros_of
from operations.ledger.tables import details, runs, waits
from tests.unit.snapshots import APP, at

MANY = 20_000
_AT_ONCE = 2000


def crowd(ledger: Ledger, count: int = MANY) -> None:
    """Add lives a second apart: most have completed, a tenth failed, a hundredth runs.

    What runs waits for an approval, and for a parcel of its own. Half have a custom status; a few
    have the parent `parent`, or are reruns of `source`.
    """
    for first in range(0, count, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, count))
        with writing(ledger._engine) as connection:
            connection.execute(insert(runs), [_life(number) for number in numbers])
            connection.execute(insert(details), [_details(number) for number in numbers])
            open_ones = filter(is_running, numbers)
            connection.execute(insert(waits), [row for each in open_ones for row in _waits(each)])


def is_running(number: int) -> bool:
    """Whether one has not ended."""
    return number % 100 == 0


def _life(number: int) -> dict[str, Any]:
    is_open, failed = is_running(number), number % 10 == 1
    created, took = at(number), timedelta(seconds=number % 997)
    return {
        "run_id": number + 1,
        "app_id": APP,
        "instance_id": f"crowd_{number}",
        "execution_id": f"e{number}",
        "workflow": "audit" if number % 10 == 3 else "order_workflow",
        "status": "RUNNING" if is_open else "FAILED" if failed else "COMPLETED",
        "created_at": created,
        "started_at": created,
        "ended_at": None if is_open else created + took,
        "ended_micros": -1 if is_open else micros_of(created + took),
        "took_micros": -1 if is_open else took // timedelta(microseconds=1),
        "read_at": created,
        "waits_for": f"event approval, event parcel {number}" if is_open else None,
        "failure_type": "ValueError" if failed else None,
        "custom_status": "confirmed" if number % 2 else None,
        "parent_id": "parent" if number % 2000 == 7 else None,
        "rerun_of": "source" if number % 2000 == 8 else None,
        "revision": number,
        "is_latest": True,
        "is_archived": not is_open,
    }


def _details(number: int) -> dict[str, Any]:
    return {"run_id": number + 1, "input": f'{{"number": {number}, "item": "laptop"}}'}


def _waits(number: int) -> list[dict[str, Any]]:
    told = {"run_id": number + 1, "status": "RUNNING", "created_at": at(number)}
    return [{**told, "name": name} for name in ("approval", f"parcel {number}")]
