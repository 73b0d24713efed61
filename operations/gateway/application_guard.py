"""Keeps a gateway from another application whose sidecar has taken the address."""

import time

from operations.errors import DaprUnavailable


class ApplicationGuard:
    """The only application that a gateway may call.

    `app_id` is None if every application may be called, and empty for the first that answers. Reads
    trust an answer for `check_every` seconds; every write asks again. An address changes hands only
    when connections break, so a failed call makes the next check due.
    """

    def __init__(self, endpoint: str, app_id: str | None, check_every: float) -> None:
        self._endpoint = endpoint
        self._check_every = check_every
        self._is_bound = app_id is not None
        self._checked_until = 0.0
        self.app_id = app_id or None
        """The application, None if it is not known yet, or if every application may be called."""

    @property
    def is_due(self) -> bool:
        """Whether the sidecar must be asked for its application before the next call."""
        return self._is_bound and time.monotonic() >= self._checked_until

    def expire(self) -> None:
        """Make the next check due."""
        self._checked_until = 0.0

    def check(self, found: str) -> None:
        """Accept the application that the sidecar names; raise `DaprUnavailable` for another."""
        if not self._is_bound:
            return
        self.app_id = self.app_id or found
        if found != self.app_id:
            self.expire()
            raise DaprUnavailable(
                f"the sidecar at {self._endpoint} now belongs to the application {found!r}, but "
                f"this Flowdeck follows {self.app_id!r}. Give {self.app_id!r} its address back, or "
                f"stop Flowdeck and start it again to follow {found!r}"
            )
        self._checked_until = time.monotonic() + self._check_every
