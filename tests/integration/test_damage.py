"""The ledger's file is damaged, and Dapr's state store is deleted, under a running system."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.http_client import http_client
from tests.integration.stack import AT_ONCE, RECOVERY, Stack, unique
from tests.ports import first_port
from tests.waiting import STARTUP, eventually


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run one system for the tests that damage its files, on ports from 29040."""
    with Stack(tmp_path_factory.mktemp("damaged"), first_port(29040), AT_ONCE) as system:
        system.start()
        yield system


def listed(stack: Stack) -> set[str]:
    """Return the ids of the list, an empty set while the list cannot be read."""
    try:
        body: dict[str, Any] = http_client.get(f"{stack.url}/workflows").json()
    except httpx.HTTPError:
        return set()
    return {each["instance_id"] for each in body.get("workflows", ())}


def is_started(stack: Stack, order: dict[str, Any]) -> bool:
    """Start an order, and return True if the API has accepted it."""
    try:
        return stack.post("/workflow/start", order).status_code == 200
    except httpx.HTTPError:  # the worker is starting
        return False


def overwrite(file: Path) -> None:
    """Overwrite a file."""
    with file.open("r+b") as opened:
        opened.write(b"no database " * 100_000)


def truncate(file: Path) -> None:
    """Cut a file in the middle."""
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)


@pytest.mark.parametrize("make", [overwrite, pytest.param(truncate, marks=pytest.mark.slow)])
def test_orders_continue_while_a_damaged_ledger_is_replaced(
    own: Stack, make: Callable[[Path], None]
) -> None:
    """A worker that restarts meanwhile too; the recorder keeps the file, and fills a new one."""
    ledger = own.folder / "data" / "ledger.db"
    own.wait_until_healthy(RECOVERY)
    kept_before = set(ledger.parent.glob("ledger.db.damaged-*Z"))
    first = own.start_order(unique("BEFORE"))
    later = own.start_order_in(timedelta(seconds=5), unique("LATER"))
    with closing(sqlite3.connect(ledger)) as other:  # else the log alone would restore the file
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    make(ledger)
    own.kill("worker")
    order = {"order_id": unique("AFTER"), "amount": 1, "items": ["pen"]}
    eventually(lambda: is_started(own, order), RECOVERY, "an order starts")
    wanted = {first, later, f"order_{order['order_id']}"}
    eventually(lambda: wanted <= listed(own), RECOVERY, "the list is back")
    for each in wanted:
        own.wait_for(each, "COMPLETED", RECOVERY)
    (kept,) = set(ledger.parent.glob("ledger.db.damaged-*Z")) - kept_before
    assert str(kept) in own.log("recorder")
    eventually(own.is_served, STARTUP, "the dashboard answers")
    own.wait_until_healthy(RECOVERY)


def test_a_deleted_state_store_is_reported(own: Stack) -> None:
    """`/health` and the recorder name the file until it is back, or daprd has another one."""
    store = own.folder / "data" / "dapr.db"
    own.wait_until_healthy(RECOVERY)
    store.rename(own.folder / "elsewhere.db")
    code, body = own.health()
    assert code == 503
    assert f"the state store's file {store} was deleted or replaced" in body["problems"][0]
    eventually(lambda: "state store is away" in own.log("recorder"), 15, "the recorder reports it")
    shutil.copy(own.folder / "elsewhere.db", store)
    assert own.health()[0] == 503
    (own.folder / "elsewhere.db").rename(store)
    own.wait_until_healthy(RECOVERY)
    store.unlink()
    assert own.health()[0] == 503
    own.kill("daprd")
    own.wait_until_healthy(RECOVERY)
