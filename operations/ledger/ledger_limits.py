"""The limits of the ledger: how long a query may take, how many rows are read or kept."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SearchLimits:
    """The limits of pages and counts.

    A query fails after `seconds`. `count` is the cap of each count. `text_matches` is the cap of
    all counts together if the filter has a text; it is also the number of matches that are sorted
    if such a list is sorted by something else than its creation.
    """

    seconds: float = 1.2
    count: int = 10_000
    text_matches: int = 1_000


@dataclass(frozen=True)
class StatisticsLimits:
    """The limits of statistics; a period with more rows is covered by its latest part only.

    After `reading_seconds` no further rows are read; after `seconds` the query fails. `durations`
    and `failures` are the most rows that one query reads, `groups` the most failure groups that it
    returns. A baseline is computed from the latest `baseline_attempts` attempts, at most
    `attempts_of_run` of each run, among the latest `baseline_candidates`; there is none for fewer
    than `fewest_runs` runs. Rows are read in batches of `batch`: more at once cost time, as
    the garbage collector visits all of them.
    """

    seconds: float = 3.0
    reading_seconds: float = 1.5
    durations: int = 300_000
    failures: int = 20_000
    groups: int = 200
    baseline_attempts: int = 200
    baseline_candidates: int = 1000
    attempts_of_run: int = 10
    fewest_runs: int = 20
    batch: int = 1000


@dataclass(frozen=True)
class GenerationLimits:
    """The limits of a run's earlier generations.

    Beyond `attempts` the attempts of the oldest generations are deleted. `listed` is the most
    generations in `EarlierGenerations.newest`.
    """

    attempts: int = 10_000
    listed: int = 50


@dataclass(frozen=True)
class LedgerLimits:
    """All limits of the ledger."""

    search: SearchLimits = SearchLimits()
    statistics: StatisticsLimits = StatisticsLimits()
    generations: GenerationLimits = GenerationLimits()
