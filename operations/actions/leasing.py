"""The lease of an action on its instance: two pauses at once would break the instance."""

import time

from operations.actions.context import ActionLimits
from operations.errors import ActionInProgress
from operations.ledger.leases import Lease, Leases
from operations.model import Action


class InstanceLease:
    """The lease of one action on one instance."""

    def __init__(
        self, leases: Leases, limits: ActionLimits, action: Action, instance_id: str
    ) -> None:
        self._leases = leases
        self._limits = limits
        self._action = action
        self._instance_id = instance_id
        self._lease: Lease | None = None
        self._renew_at = 0.0

    @property
    def is_acquired(self) -> bool:
        """Whether the lease was acquired."""
        return self._lease is not None

    def acquire(self) -> None:
        """Wait for the lease; raise `ActionInProgress` and `LedgerUnavailable`."""
        deadline = time.monotonic() + self._limits.lease_wait
        while not self._store(self._leases.acquire(self._instance_id, self._limits.lease)):
            if time.monotonic() > deadline:
                raise ActionInProgress(self._action, self._instance_id)
            time.sleep(self._limits.poll_interval)

    def renew_if_due(self) -> None:
        """Renew the lease after half of its time; a long action calls this often.

        Raise `ActionInProgress` if another action has acquired the lease, and `LedgerUnavailable`.
        """
        if (
            self._lease
            and time.monotonic() >= self._renew_at
            and not self._store(self._leases.renew(self._lease, self._limits.lease))
        ):
            raise ActionInProgress(self._action, self._instance_id)

    def release(self) -> None:
        """Release the lease, if it was acquired; raise `LedgerUnavailable`."""
        if self._lease:
            self._leases.release(self._lease)

    def _store(self, lease: Lease | None) -> bool:
        """Store an acquired or renewed lease; return False if there is none."""
        if lease is None:
            return False
        self._lease, self._renew_at = lease, time.monotonic() + self._limits.lease / 2
        return True
