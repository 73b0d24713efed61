"""The lease that an action holds on its instance: two pauses at once would break an instance."""

import time

from operations.actions.context import ActionLimits
from operations.errors import ActionInProgress
from operations.ledger.leases import Lease, Leases
from operations.model import Action


class InstanceLease:
    """The lease on one instance for one action; not held until it is acquired."""

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
    def is_held(self) -> bool:
        """Whether the lease was acquired."""
        return self._lease is not None

    def acquire(self) -> None:
        """Wait for the lease; raises `ActionInProgress` and `LedgerUnavailable`."""
        deadline = time.monotonic() + self._limits.lease_wait
        while not self._holds(self._leases.acquire(self._instance_id, self._limits.lease)):
            if time.monotonic() > deadline:
                raise ActionInProgress(self._action, self._instance_id)
            time.sleep(self._limits.poll_interval)

    def renew_if_due(self) -> None:
        """Renew the lease once half of it is over; an action that takes long calls this often.

        Raises `ActionInProgress` if another action has acquired it, and `LedgerUnavailable`.
        """
        if (
            self._lease
            and time.monotonic() >= self._renew_at
            and not self._holds(self._leases.renew(self._lease, self._limits.lease))
        ):
            raise ActionInProgress(self._action, self._instance_id)

    def release(self) -> None:
        """Release the lease, if it is held; raises `LedgerUnavailable`."""
        if self._lease:
            self._leases.release(self._lease)

    def _holds(self, lease: Lease | None) -> bool:
        if lease is None:
            return False
        self._lease, self._renew_at = lease, time.monotonic() + self._limits.lease / 2
        return True
