"""Reservations of instance ids."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from threading import Barrier

import pytest

from operations.ledger import Ledger, Reservation, open_ledger
from operations.model import Actor
from tests.unit.snapshots import APP

pytestmark = pytest.mark.both_databases

WANTED = Reservation("order_A", "order_workflow", '{"n": 1}', Actor("ann", "operator"))
OTHER = replace(WANTED, payload='{"n": 2}', actor=Actor("bob", "admin"))
IDS = [f"order_{number}" for number in range(20)]


@pytest.fixture
def second(ledger: Ledger, ledger_url: str) -> Iterator[Ledger]:
    """Return a second ledger on the same database, as another process would open it."""
    del ledger
    with closing(open_ledger(ledger_url).for_app(APP)) as second:
        yield second


def claimed(ledger: Ledger, wanted: Reservation, latest: Reservation | None = None) -> Reservation:
    """Claim a reservation, and expect that it is granted."""
    start = ledger.reservations.claim(wanted, latest)
    assert start
    return start


def accepted(ledger: Ledger, wanted: Reservation, latest: Reservation | None = None) -> Reservation:
    """Claim a reservation, accept it, and return it as it is read."""
    ledger.reservations.accept(claimed(ledger, wanted, latest))
    start = ledger.reservations.latest(wanted.instance_id)
    assert start
    return start


def test_an_id_that_was_never_started_has_no_reservation(ledger: Ledger) -> None:
    """The result is None."""
    assert ledger.reservations.latest("order_A") is None


def test_a_claim_is_read_by_the_next_process(ledger: Ledger, second: Ledger) -> None:
    """The other process reads the reservation as it was written."""
    start = claimed(ledger, WANTED)
    assert second.reservations.latest("order_A") == start
    assert (start.sequence, start.payload, start.actor.name) == (1, '{"n": 1}', "ann")
    assert not start.is_accepted


def test_the_time_of_acceptance_is_aware_utc(ledger: Ledger) -> None:
    """It is the time of the call."""
    before = datetime.now(UTC)
    start = accepted(ledger, WANTED)
    assert start.accepted_at
    assert start.accepted_at.tzinfo is UTC
    assert before <= start.accepted_at <= datetime.now(UTC)


def test_accepting_twice_keeps_the_first_time(ledger: Ledger) -> None:
    """A reservation is accepted once."""
    start = accepted(ledger, WANTED)
    ledger.reservations.accept(start)
    assert ledger.reservations.latest("order_A") == start


def test_a_released_reservation_is_deleted(ledger: Ledger) -> None:
    """The id can be reserved again."""
    ledger.reservations.release(claimed(ledger, WANTED), "refused")
    assert ledger.reservations.latest("order_A") is None


def test_an_accepted_reservation_is_not_released(ledger: Ledger) -> None:
    """The engine has the instance."""
    start = accepted(ledger, WANTED)
    ledger.reservations.release(start, "refused")
    assert ledger.reservations.latest("order_A") == start


def test_an_id_used_again_has_a_second_reservation(ledger: Ledger) -> None:
    """The next start of an accepted id is another row."""
    first = accepted(ledger, WANTED)
    assert claimed(ledger, OTHER, first).sequence == 2
    latest = ledger.reservations.latest("order_A")
    assert latest
    assert (latest.sequence, latest.payload) == (2, '{"n": 2}')


def test_an_abandoned_claim_is_taken_over(ledger: Ledger) -> None:
    """A reservation that was never accepted is replaced; its sequence stays."""
    abandoned = claimed(ledger, WANTED)
    assert claimed(ledger, OTHER, abandoned).sequence == 1
    latest = ledger.reservations.latest("order_A")
    assert latest
    assert latest.actor.name == "bob"


def test_only_one_takes_over(ledger: Ledger, second: Ledger) -> None:
    """If two processes read the same abandoned claim, the later one gets None."""
    abandoned = claimed(ledger, WANTED)
    assert ledger.reservations.claim(WANTED, abandoned)
    assert second.reservations.claim(WANTED, abandoned) is None


def test_a_lost_claim_changes_nothing(ledger: Ledger) -> None:
    """The former owner can neither accept nor release the new owner's reservation."""
    abandoned = claimed(ledger, WANTED)
    owner = claimed(ledger, OTHER, abandoned)
    ledger.reservations.accept(abandoned)
    ledger.reservations.release(abandoned, "refused")
    assert ledger.reservations.latest("order_A") == owner


def test_a_claim_on_an_id_that_was_claimed_meanwhile_fails(ledger: Ledger, second: Ledger) -> None:
    """Another process has reserved the id since it was read."""
    assert ledger.reservations.claim(WANTED, None)
    assert second.reservations.claim(WANTED, None) is None


def winners(url: str, names: list[str]) -> list[str]:
    """Claim each id from many threads with two engines at once; return the granted ids."""
    with ExitStack() as stack, ThreadPoolExecutor(16) as pool:
        ledgers = [stack.enter_context(closing(open_ledger(url).for_app(APP))) for _ in range(2)]
        barrier = Barrier(16)

        def claim_all(number: int) -> list[str]:
            barrier.wait()
            wanted = [replace(WANTED, instance_id=name) for name in names]
            return [
                each.instance_id
                for each in wanted
                if ledgers[number % 2].reservations.claim(each, None)
            ]

        return [name for won in pool.map(claim_all, range(16)) for name in won]


def test_one_of_many_threads_and_engines_wins_a_claim(ledger_url: str) -> None:
    """Exactly one of many concurrent claims on an id is granted."""
    assert sorted(winners(ledger_url, IDS)) == sorted(IDS)


@pytest.mark.sqlite_alone
def test_one_of_many_processes_wins_a_claim(ledger_url: str) -> None:
    """The same holds for processes, which also create the file at the same time.

    For PostgreSQL, several engines are the same as several processes.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn) as pool:
        won = [name for names in pool.map(winners, [ledger_url] * 2, [IDS] * 2) for name in names]
    assert sorted(won) == sorted(IDS)


def test_a_reservation_has_the_time_for_which_it_is_scheduled(ledger: Ledger) -> None:
    """For a start in the future."""
    due = datetime(2027, 1, 11, 12, 0, 0, tzinfo=UTC)
    claimed(ledger, replace(WANTED, scheduled_for=due))
    start = ledger.reservations.latest("order_A")
    assert start
    assert start.scheduled_for == due
