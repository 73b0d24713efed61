"""Which instances are followed, and when each is read next."""

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from operations.recorder.followed import Followed
from operations.recorder.pace import again_after, again_in, is_quiet
from operations.records import Snapshot

BACKLOG = 0.25  # of the reads, at least, while there is much to catch up with

_Queue = list[tuple[float, str]]  # a heap, with due times that hold no more


class Following:
    """The unfinished instances, each with its own due time (seconds of a monotonic clock).

    Those that wait for an event, a far timer or a person are read less often, and the more there
    are the less often, so that they cost the engine little however many they are. So are those that
    do something and are traced: a hint tells when to look. What only a list told of, while there
    is much to catch up with, is read after all that lives, with a part of the reads in any case.
    """

    def __init__(self) -> None:
        self._followed: dict[str, Followed] = {}
        self._queue: _Queue = []
        self._backlog: _Queue = []
        self._many: Counter[tuple[bool, bool]] = Counter()  # how many there are of each kind

    def __len__(self) -> int:
        return len(self._followed)

    def __contains__(self, instance_id: object) -> bool:
        return instance_id in self._followed

    def never_read(self, since: float) -> int:
        """How many followed since then, or before, have not been read, but for what cannot be."""
        every = self._followed.values()
        return sum(
            1 for each in every if each.since <= since and each.last is None and not each.troubles
        )

    def follow(
        self,
        ids: Iterable[str],
        now: float,
        by: float | None = None,
        *,
        is_backlog: bool = False,
    ) -> None:
        """Follow these from now on, and read them now, or by then.

        Those that are followed already keep their due time.
        """
        for instance_id in ids:
            if instance_id not in self._followed:
                self._followed[instance_id] = followed = Followed(since=now, is_backlog=is_backlog)
                self._many[followed.kind] += 1
                self._put(instance_id, now if by is None else by)

    def wake(self, instance_id: str, by: float) -> None:
        """Read it by then, also if it is being read at this moment."""
        self.follow([instance_id], by)
        followed = self._followed[instance_id]
        followed.unchanged, followed.is_confirmed = 0, False
        if followed.is_being_read:
            followed.wanted_by = min(by, followed.wanted_by)
        elif by < followed.due or followed.is_backlog:
            followed.is_backlog = False
            self._put(instance_id, by)

    def hint(self, instance_id: str, now: float, by: float) -> None:
        """Read it by then, for a trace hinted at it; others will, so it need not be asked often."""
        self.wake(instance_id, by)
        followed = self._followed[instance_id]
        followed.hint(now)
        self._classify(followed, quiet=followed.is_quiet, traced=True)

    def waits(self, now: float) -> Iterator[float]:
        """Return how many seconds ago each was hinted at of which no news was written since."""
        every = self._followed.values()
        return (now - each.unread_since for each in every if each.unread_since < math.inf)

    def due(self, now: float, most: int) -> list[str]:
        """Hand out ids that are due, the longest overdue first, to be read and reported on."""
        kept = min(len(self._backlog), round(most * BACKLOG))
        ids = list(islice(self._hand_out(self._queue, now), most - kept))
        ids.extend(islice(self._hand_out(self._backlog, now), most - len(ids)))
        return ids

    def _hand_out(self, queue: _Queue, now: float) -> Iterator[str]:
        while queue and queue[0][0] <= now:
            due, instance_id = heapq.heappop(queue)
            followed = self._followed.get(instance_id)
            if followed and followed.due == due and not followed.is_being_read:
                followed.hand_out(now)
                yield instance_id

    def last(self, instance_id: str) -> Snapshot | None:
        """Return what was last seen of it, without its history."""
        followed = self._followed.get(instance_id)
        return followed.last if followed else None

    def told(self, snapshot: Snapshot) -> int:
        """Return how many of an instance's events had been read before."""
        execution_id, told = self._followed[snapshot.instance.instance_id].told
        return told if execution_id == snapshot.timeline.execution_id else 0

    def is_known(self, snapshot: Snapshot) -> bool:
        """Whether the ledger has surely got this: what came late to it may have been no news."""
        followed = self._followed[snapshot.instance.instance_id]
        return followed.is_confirmed and followed.tells_the_same(snapshot)

    def seen(self, snapshot: Snapshot, now: float, *, is_taken: bool = True) -> None:
        """Report what was seen, and whether it is in the ledger now: it goes on."""
        instance_id = snapshot.instance.instance_id
        followed = self._followed[instance_id]
        followed.see(snapshot, is_taken=is_taken)
        quiet = is_quiet(snapshot, followed.unchanged)
        traced = followed.traces_tell_of_it
        self._classify(followed, quiet=quiet, traced=traced)
        many, settled = self._many[followed.kind], followed.is_read_settled
        pace = again_in(snapshot, many, quiet=quiet, traced=traced and settled)
        self._report(instance_id, now + pace)

    def troubled(self, instance_id: str, now: float) -> int:
        """Report that it could not be read; return how often in a row that was so."""
        followed = self._followed[instance_id]
        followed.last = None
        followed.troubles += 1
        self._report(instance_id, now + again_after(followed.troubles))
        return followed.troubles

    def unread(self, instance_id: str, now: float) -> None:
        """Report that it was not read."""
        self._report(instance_id, now)

    def over(self, instance_id: str) -> None:
        """Report that there is no more to come: follow it no longer, unless it was woken since."""
        followed = self._followed[instance_id]
        if followed.wanted_by < math.inf:
            followed.last, followed.unread_since = None, followed.hinted_at
            self._report(instance_id, math.inf)
        else:
            self._many[followed.kind] -= 1
            del self._followed[instance_id]

    def _classify(self, followed: Followed, *, quiet: bool, traced: bool) -> None:
        self._many[followed.kind] -= 1
        followed.is_quiet, followed.is_traced = quiet, traced
        self._many[followed.kind] += 1

    def _report(self, instance_id: str, due: float) -> None:
        followed = self._followed[instance_id]
        by, followed.wanted_by, followed.is_being_read = followed.wanted_by, math.inf, False
        followed.is_backlog = False
        if by < math.inf:
            followed.is_confirmed = False
        self._put(instance_id, min(by, due))

    def _put(self, instance_id: str, due: float) -> None:
        followed = self._followed[instance_id]
        followed.due = due
        heapq.heappush(self._backlog if followed.is_backlog else self._queue, (due, instance_id))
