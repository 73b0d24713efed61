"""What one question to the ledger may cost."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SearchLimits:
    """The limits of pages and counts.

    `count` is the cap of each count. `text_matches` is the cap under a text, for all statuses
    together; it is also how many matches are sorted by another key than that of creation.
    """

    seconds: float = 1.2
    count: int = 10_000
    text_matches: int = 1_000


@dataclass(frozen=True)
class StatisticsLimits:
    """The limits of statistics, which cover the latest part of a period where it holds more.

    After `reading_seconds` no further rows are read; after `seconds` the question fails.
    `durations` and `failures` are rows that one question reads, `groups` the failure groups that it
    returns. A baseline is that of the latest `baseline_runs`, and of `fewest_runs` at least.
    """

    seconds: float = 3.0
    reading_seconds: float = 1.5
    durations: int = 300_000
    failures: int = 20_000
    groups: int = 200
    baseline_runs: int = 200
    fewest_runs: int = 5
