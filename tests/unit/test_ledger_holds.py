"""Leases: one process at a time acts on an instance."""

import pytest

from operations.ledger import Ledger

pytestmark = pytest.mark.both_databases


def test_a_hold_shuts_out_others(ledger: Ledger) -> None:
    """While one holds an instance nobody else can, and another instance is free."""
    assert ledger.leases.acquire("order_A")
    assert ledger.leases.acquire("order_A") is None
    assert ledger.leases.acquire("order_B")


def test_a_hold_that_is_given_back_can_be_taken(ledger: Ledger) -> None:
    """After the end of an action the next one may begin."""
    hold = ledger.leases.acquire("order_A")
    assert hold
    ledger.leases.release(hold)
    assert ledger.leases.acquire("order_A")


def test_a_hold_that_was_left_behind_lapses(
    ledger: Ledger,
) -> None:
    """A process that died in the middle of an action shuts nobody out for long."""
    assert ledger.leases.acquire("order_A", seconds=0)
    assert ledger.leases.acquire("order_A")


def test_a_hold_can_be_renewed(ledger: Ledger) -> None:
    """By who has it; what it was before gives back nothing any more."""
    hold = ledger.leases.acquire("order_A")
    assert hold
    renewed = ledger.leases.renew(hold)
    assert renewed
    assert renewed.expires_at > hold.expires_at
    assert ledger.leases.renew(hold) is None
    ledger.leases.release(hold)
    assert ledger.leases.acquire("order_A") is None
    ledger.leases.release(renewed)
    assert ledger.leases.acquire("order_A")


def test_a_hold_that_lapsed_gives_back_nothing(
    ledger: Ledger,
) -> None:
    """Who comes back too late does not end the hold of the next one."""
    late = ledger.leases.acquire("order_A", seconds=0)
    assert late
    assert ledger.leases.acquire("order_A")
    ledger.leases.release(late)
    assert ledger.leases.acquire("order_A") is None
