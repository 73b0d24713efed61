"""One instance that is followed: what is known of it, and when it is to be read."""

import math
from dataclasses import dataclass, replace

from operations.records import Sighting

SETTLING = 0.2  # seconds after a hint, within which the engine may still be at what it hints at


@dataclass
class Followed:
    """An instance that is read when it is `due`, unless it is being read at this moment.

    Then it is read again by when it is `wanted_by`. It was hinted at first, since it was last
    handed out, at `hinted_at`, and settles some time after the last hint. `told` is how many events
    of which execution were read.
    """

    since: float = math.inf
    due: float = math.inf
    is_being_read: bool = False
    wanted_by: float = math.inf
    is_quiet: bool = False
    is_traced: bool = False
    hinted_at: float = math.inf
    settles_at: float = -math.inf
    is_read_for_hint: bool = False
    is_read_settled: bool = False
    last: Sighting | None = None
    told: tuple[str | None, int] = (None, 0)
    is_confirmed: bool = False
    unchanged: int = 0
    troubles: int = 0

    @property
    def kind(self) -> tuple[bool, bool]:
        """What it shares its pace with."""
        return self.is_quiet, self.is_traced

    @property
    def is_hinted(self) -> bool:
        """Whether it was hinted at since it was last handed out."""
        return self.hinted_at < math.inf

    @property
    def traces_tell_of_it(self) -> bool:
        """Whether traces told of all news; of some things that happen there are none."""
        was_hinted = self.is_read_for_hint or self.is_hinted
        return self.is_traced and (was_hinted or self.is_confirmed)

    def hint(self, now: float) -> None:
        """Note that something may have happened to it."""
        self.hinted_at = min(now, self.hinted_at)
        self.settles_at = now + SETTLING

    def hand_out(self, now: float) -> None:
        """Note that it is being read from now on."""
        self.is_being_read = True
        self.is_read_for_hint, self.is_read_settled = self.is_hinted, now >= self.settles_at
        self.hinted_at = math.inf

    def see(self, sighting: Sighting) -> None:
        """Note what was read; its history is not kept."""
        self.is_confirmed = self.tells_the_same(sighting)
        self.unchanged = self.unchanged + 1 if self.is_confirmed else 0
        if sighting.history is not None:
            self.told = sighting.timeline.execution_id, len(sighting.history)
        self.last, self.troubles = replace(sighting, history=None), 0

    def tells_the_same(self, sighting: Sighting) -> bool:
        """Whether a sighting says what the last one said."""
        if self.last is None:
            return False
        known = self.last.instance, self.last.timeline
        return known == (sighting.instance, sighting.timeline)
