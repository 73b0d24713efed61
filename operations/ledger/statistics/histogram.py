"""Durations, counted in bins whose width grows with the duration.

The counts of several hours and workflows can be added: the percentiles of a month are computed
without the single durations. This is the method of DDSketch (Masson, Rim, Lee, 2019).
"""

import math
from collections import Counter

ACCURACY = 0.02
"""A percentile differs from a duration by this share of it at most."""

_GROWTH = (1 + ACCURACY) / (1 - ACCURACY)  # the upper limit of a bin divided by the lower one
_LOG_GROWTH = math.log(_GROWTH)
_MICRO = 1e-6  # seconds

Histogram = Counter[int]
"""How many durations lie in each bin."""


def bin_of(duration: int) -> int:
    """Return the bin of a duration in microseconds; those up to 1 microsecond share a bin."""
    return math.ceil(math.log(duration) / _LOG_GROWTH) if duration > 1 else 0


def percentile(histogram: Histogram, share: float) -> float:
    """Return the duration in seconds that this share of all durations does not exceed.

    It has the nearest rank, and is accurate to 2 %. Raise `ValueError` without durations.
    """
    rank, passed = max(1, math.ceil(share * histogram.total())), 0
    for number, count in sorted(histogram.items()):
        passed += count
        if passed >= rank:
            return 2 * _GROWTH**number / (1 + _GROWTH) * _MICRO
    raise ValueError("Found no duration, expected one or more.")
