"""One instance that is followed: what is known of it, and when it is to be read."""

import math
from dataclasses import dataclass, replace

from operations.records import Snapshot

SETTLING = 0.2  # seconds after a hint, within which the engine may still be at what it hints at


@dataclass
class Followed:
    """An instance that is read when it is `due`, unless it is being read at this moment.

    What happens to it       | What is remembered of that
    -------------------------|------------------------------------------------------------------
    it is followed           | `since` when; `is_backlog` if it is no news, and may wait
    it is hinted at          | `hinted_at` first since it was handed out, `unread_since` first
      (at any moment)        |   since it was read; `settles_at` is some time after the last hint
    it is handed out         | `is_being_read`; `is_read_for_hint`, and whether `is_read_settled`;
                             |   who wants it meanwhile says by when: `wanted_by`
    then: it is seen         | `last`, without history; `told`: how many events of which execution;
                             |   `unchanged`: how often it was the same; `is_confirmed` if it is,
                             |   and surely in the ledger; how it goes on: `is_quiet`, `is_traced`
    or it cannot be read     | `troubles`: how often in a row
    or it is over            | nothing: it is forgotten, unless it was wanted meanwhile
    """

    since: float = math.inf
    due: float = math.inf
    is_backlog: bool = False
    is_quiet: bool = False
    is_traced: bool = False
    hinted_at: float = math.inf
    unread_since: float = math.inf
    settles_at: float = -math.inf
    is_being_read: bool = False
    is_read_for_hint: bool = False
    is_read_settled: bool = False
    wanted_by: float = math.inf
    last: Snapshot | None = None
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
        self.unread_since = min(now, self.unread_since)
        self.settles_at = now + SETTLING

    def hand_out(self, now: float) -> None:
        """Note that it is being read from now on."""
        self.is_being_read = True
        self.is_read_for_hint, self.is_read_settled = self.is_hinted, now >= self.settles_at
        self.hinted_at = math.inf

    def see(self, snapshot: Snapshot, *, is_taken: bool) -> None:
        """Note what was read, and whether the ledger has taken it; its history is not kept."""
        self.is_confirmed = is_taken and self.tells_the_same(snapshot)
        self.unchanged = self.unchanged + 1 if self.is_confirmed else 0
        self.last, self.troubles = replace(snapshot, history=None), 0
        if is_taken:
            self.unread_since = self.hinted_at
            if snapshot.history is not None:
                self.told = snapshot.timeline.execution_id, len(snapshot.history)

    def tells_the_same(self, snapshot: Snapshot) -> bool:
        """Whether a snapshot says what the last one said."""
        if self.last is None:
            return False
        known = self.last.instance, self.last.timeline
        return known == (snapshot.instance, snapshot.timeline)
