"""What a refresh of the list costs: the ledger's page beside what one would write first."""

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
from operations.recorder.recorder import Application, Recorder
from operations.records import Filter
from tests.waiting import eventually

INSTANCES = 2000
AT_ONCE = 16
ROUNDS = 5
PAGE = 50
PATIENCE = 120.0  # seconds for the recorder to have read all


def measure() -> None:
    """Print what a refresh takes either way, and how quickly an empty ledger is filled."""
    with system(traces=True) as stack, closing(gateway_of(stack)) as gateway:
        run_orders(gateway, INSTANCES)
        with closing(open_ledger(ledger_url(stack), gateway.app_id)) as ledger:
            eventually(lambda: _has_all(ledger), PATIENCE, "the ledger has all")
            naive = _median(lambda: _naive(gateway))
            page = _median(lambda: _page(ledger))
        print(
            f"a refresh over {INSTANCES} instances: list all ids and read each state "
            f"{naive:.3f} s; the ledger's page and counts {page * 1000:.1f} ms "
            f"({naive / page:.0f} times as quick, and no call to the engine)"
        )
        _catch_up(gateway)


def _naive(gateway: DaprGateway) -> None:
    """List all ids, and read each state, as a page without a ledger would at each refresh."""
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


def _median(act: Callable[[], None]) -> float:
    return statistics.median(_seconds(act) for _ in range(ROUNDS))


def _seconds(act: Callable[[], None]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def _catch_up(gateway: DaprGateway) -> None:
    """Have a recorder fill an empty ledger beside an engine that is at rest."""
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(open_ledger(f"sqlite:///{Path(folder) / 'ledger.db'}")) as ledger,
        closing(Recorder(Application(gateway), ledger)) as recorder,
    ):
        seconds = _seconds(lambda: _turn_until_all(recorder, ledger))
        print(f"an empty ledger catches up: {INSTANCES / seconds:.0f} instances a second")


def _turn_until_all(recorder: Recorder, ledger: Ledger) -> None:
    while ledger.heartbeat().backlog != 0:
        recorder.turn()
