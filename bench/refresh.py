"""Compares two ways to refresh the list: the ledger's page, and a read of every instance."""

import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from bench.load import gateway_of, ledger_url, run_orders, system
from operations.gateway import DaprGateway
from operations.ledger import Ledger, open_ledger
from operations.recorder.recorder import FollowedApplication, Recorder
from operations.records import Filter
from tests.waiting import eventually

INSTANCES = 2000
AT_ONCE = 16
ROUNDS = 5
PAGE = 50
PATIENCE = 120.0  # seconds for the recorder to read all instances


def measure() -> None:
    """Print how long each refresh takes, and how quickly the recorder fills an empty ledger."""
    with system(traces=True) as stack, closing(gateway_of(stack)) as gateway:
        run_orders(gateway, INSTANCES)
        with closing(open_ledger(ledger_url(stack), gateway.app_id)) as ledger:
            eventually(lambda: _has_all(ledger), PATIENCE, "the ledger has all instances")
            naive = _median(lambda: _naive(gateway))
            page = _median(lambda: _page(ledger))
        print(
            f"a refresh over {INSTANCES} instances: list all ids and read each state "
            f"{naive:.3f} s; the ledger's page and counts {page * 1000:.1f} ms "
            f"({naive / page:.0f} times as quick, and no call to the engine)"
        )
        _catch_up(gateway)


def _naive(gateway: DaprGateway) -> None:
    """List all ids and read each state, as a page without a ledger must do for each refresh."""
    token, ids = "", list[str]()
    while True:
        page = gateway.ids(token=token)
        ids.extend(page.ids)
        if page.next is None:
            break
        token = page.next
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(gateway.state, ids))


def _page(ledger: Ledger) -> None:
    ledger.search.page(Filter(), limit=PAGE)
    ledger.search.counts(Filter())


def _has_all(ledger: Ledger) -> bool:
    return len(ledger.runs.finished()) >= INSTANCES


def _median(action: Callable[[], None]) -> float:
    return statistics.median(_seconds(action) for _ in range(ROUNDS))


def _seconds(action: Callable[[], None]) -> float:
    started = time.monotonic()
    action()
    return time.monotonic() - started


def _catch_up(gateway: DaprGateway) -> None:
    """Let a recorder fill an empty ledger while the engine is idle."""
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(open_ledger(f"sqlite:///{Path(folder) / 'ledger.db'}", gateway.app_id)) as ledger,
        closing(Recorder(FollowedApplication(gateway), ledger)) as recorder,
    ):
        seconds = _seconds(lambda: _turn_until_all(recorder, ledger))
        print(f"an empty ledger catches up: {INSTANCES / seconds:.0f} instances a second")


def _turn_until_all(recorder: Recorder, ledger: Ledger) -> None:
    while ledger.heartbeat().backlog != 0:
        recorder.cycle()
