"""Durations, counted in buckets whose width grows with the duration.

Histograms of several hours and workflows merge without loss: percentiles of a month need no single
duration. This is the method of DDSketch (Masson, Rim, Lee, 2019).
"""

import json
import math
from collections import Counter
from collections.abc import Iterable

ACCURACY = 0.01
"""A percentile differs from a duration by this share of it at most."""

_GROWTH = (1 + ACCURACY) / (1 - ACCURACY)  # the upper limit of a bucket divided by the lower one
_LOG_GROWTH = math.log(_GROWTH)
_MICRO = 1e-6  # seconds


class Histogram:
    """Counts durations in microseconds; those up to 1 microsecond share a bucket."""

    def __init__(self, durations: Iterable[int] = ()) -> None:
        self.longest = 0
        """The longest duration in microseconds."""
        self.buckets = Counter[int]()
        """How many durations lie in each bucket."""
        for duration in durations:
            self.add(duration)

    @property
    def count(self) -> int:
        """The number of durations."""
        return self.buckets.total()

    def add(self, duration: int) -> None:
        """Count a duration in microseconds."""
        bucket = math.ceil(math.log(duration) / _LOG_GROWTH) if duration > 1 else 0
        self.buckets[bucket] += 1
        self.longest = max(self.longest, duration)

    def merge(self, other: "Histogram") -> None:
        """Count the durations of another histogram too."""
        self.buckets.update(other.buckets)
        self.longest = max(self.longest, other.longest)

    def percentiles(self, *shares: float) -> list[float]:
        """Return the durations in seconds that these shares of all do not exceed; nearest rank.

        Each differs from one of the durations by `ACCURACY` at most. There must be a duration.
        """
        ranks = [max(1, math.ceil(share * self.count)) for share in shares]
        return [self._at_rank(rank) for rank in ranks]

    def to_json(self) -> str | None:
        """Return the longest duration and the buckets as JSON, None if there are no durations."""
        if not self.buckets:
            return None
        return json.dumps([self.longest, *sorted(self.buckets.items())], separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | None) -> "Histogram":
        """Return the histogram that `to_json` has written."""
        histogram = cls()
        if text:
            histogram.longest, *buckets = json.loads(text)
            histogram.buckets.update(dict(buckets))
        return histogram

    def _at_rank(self, rank: int) -> float:
        passed = 0
        for bucket, count in sorted(self.buckets.items()):
            passed += count
            if passed >= rank:
                middle = 2 * _GROWTH**bucket / (1 + _GROWTH)
                return min(middle, self.longest) * _MICRO
        raise ValueError(f"Found the rank {rank}, expected one from 1 to {passed}.")
