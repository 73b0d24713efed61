"""Leases: one process at a time acts on an instance."""

import pytest

from operations.ledger import Ledger

pytestmark = pytest.mark.both_databases


def test_a_lease_excludes_others(ledger: Ledger) -> None:
    """Nobody else can acquire the lease of the instance; another instance is free."""
    assert ledger.leases.acquire("order_A")
    assert ledger.leases.acquire("order_A") is None
    assert ledger.leases.acquire("order_B")


def test_a_released_lease_can_be_acquired(ledger: Ledger) -> None:
    """The next action can start after the end of an action."""
    lease = ledger.leases.acquire("order_A")
    assert lease
    ledger.leases.release(lease)
    assert ledger.leases.acquire("order_A")


def test_a_lease_expires(ledger: Ledger) -> None:
    """A process that died during an action does not block others for long."""
    assert ledger.leases.acquire("order_A", seconds=0)
    assert ledger.leases.acquire("order_A")


def test_a_lease_can_be_renewed(ledger: Ledger) -> None:
    """By its owner; the lease from before the renewal releases nothing."""
    lease = ledger.leases.acquire("order_A")
    assert lease
    renewed = ledger.leases.renew(lease)
    assert renewed
    assert renewed.expires_at > lease.expires_at
    assert ledger.leases.renew(lease) is None
    ledger.leases.release(lease)
    assert ledger.leases.acquire("order_A") is None
    ledger.leases.release(renewed)
    assert ledger.leases.acquire("order_A")


def test_an_expired_lease_releases_nothing(ledger: Ledger) -> None:
    """A late release does not end the lease of the next owner."""
    late = ledger.leases.acquire("order_A", seconds=0)
    assert late
    assert ledger.leases.acquire("order_A")
    ledger.leases.release(late)
    assert ledger.leases.acquire("order_A") is None
