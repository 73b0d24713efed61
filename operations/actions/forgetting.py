"""How the engine is had forget an instance with its descendants, which takes it time.

It forgets them one after the other (some milliseconds each), the instance itself last, and stops in
the middle when nobody waits for it any more.
"""

import time
from contextlib import suppress
from dataclasses import dataclass

from operations.actions.holding import Held
from operations.actions.reads import after_the_call
from operations.errors import DaprRefused, DaprUnavailable, OutcomeUnknown, UnknownInstance
from operations.gateway import Gateway
from operations.records import Snapshot

# Seconds, from when a purge is asked for, in which the engine may work on it. Who waits for the
# answer gets it within 5; of a bulk nobody waits for one item.
ANSWERED = 3.5
BULK = 60.0
# Seconds that one call may take: no longer than the instance is certain to be held.
SHORTEST = 1.0
LONGEST = 4.0


@dataclass(frozen=True)
class How:
    """How to purge: also what has not ended (`force`), and with its descendants (`recursive`)."""

    force: bool = False
    recursive: bool = True


class Forgetting:
    """Has the engine forget a family, its root first in the list, `until` a moment."""

    def __init__(
        self,
        gateway: Gateway,
        family: tuple[Snapshot, ...],
        how: How,
        held: Held,
        until: float,
    ) -> None:
        self._gateway = gateway
        self._family = family
        self._how = how
        self._held = held
        self._until = until
        self._instance_id = family[0].instance.instance_id
        self._gone: tuple[Snapshot, ...] | None = None

    def forget(self) -> None:
        """Have the engine forget, and look whether it has.

        While that gets further it is asked again, as long as there is time. Raises `OutcomeUnknown`
        with how far it came, as `Gateway.purge` does, and as `Held.hold_on` does.
        """
        gone = 0
        while unknown := self._asked():
            before, gone = gone, len(self.descendants_gone())
            if gone == before or time.monotonic() > self._until - SHORTEST:
                raise self._told(unknown, gone)

    def descendants_gone(self) -> tuple[Snapshot, ...]:
        """Return those descendants that the engine has no more, as far as it can be asked."""
        if self._gone is None:
            self._gone = self._missing()
        return self._gone

    def _missing(self) -> tuple[Snapshot, ...]:
        gone: list[Snapshot] = []
        with suppress(DaprUnavailable, DaprRefused):  # or the recorder finds them gone
            gone.extend(
                each
                for each in self._family[1:]
                if self._gateway.state(each.instance.instance_id) is None
            )
        return tuple(gone)

    def _asked(self) -> OutcomeUnknown | None:
        """Ask the engine once; return why it is open whether it has forgotten, None if it has."""
        self._held.hold_on()
        self._gone = None
        unknown: OutcomeUnknown | None = None
        try:
            self._gateway.purge(
                self._instance_id,
                recursive=self._how.recursive,
                force=self._how.force and not have_finished(self._family),
                timeout=min(LONGEST, max(SHORTEST, self._until - time.monotonic())),
            )
        except OutcomeUnknown as error:
            unknown = error
        except UnknownInstance:  # somebody else was faster, unless it shows all the same
            unknown = None
        with after_the_call("purge"):
            there = self._gateway.state(self._instance_id)
        if there is None:
            return None
        return unknown or OutcomeUnknown("purge", f"the instance still shows {there.status}")

    def _told(self, unknown: OutcomeUnknown, gone: int) -> OutcomeUnknown:
        if not gone:
            return unknown
        reason = f"{unknown.reason}, and {gone:,} of {len(self._family):,} are gone"
        return OutcomeUnknown("purge", reason, "The same request again goes on with the rest.")


def have_finished(family: tuple[Snapshot, ...]) -> bool:
    """Whether all of a family have ended."""
    return all(each.instance.status.is_finished for each in family)


def ids_of(family: tuple[Snapshot, ...]) -> tuple[str, ...]:
    """Return the ids of a family."""
    return tuple(each.instance.instance_id for each in family)
