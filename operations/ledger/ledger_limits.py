"""The limits of the ledger: how long a query may take, how many rows are read or kept."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SearchLimits:
    """The limits of pages and counts.

    A query fails after `seconds`, a query of an export after `export_seconds`: it may read all rows
    to find the few that match. `count` is the cap of each count. `text_matches` is the cap of
    all counts together if the filter has a text. It is also the number of matches that such a list
    has in another order than by creation.
    """

    seconds: float = 1.2
    count: int = 10_000
    text_matches: int = 1_000
    export_seconds: float = 10.0


@dataclass(frozen=True)
class StatisticsLimits:
    """The limits of statistics.

    A query fails after `seconds`, a query of baselines, for which a page waits, after
    `baseline_seconds`. `groups` is the most failure groups that one query returns. The baseline of
    an activity has the latest `baseline_attempts` attempts, at most `attempts_of_run` of each run,
    among the latest `baseline_candidates`; the baseline of a workflow has as many runs. There is
    none for fewer than `fewest_runs` runs.
    """

    seconds: float = 3.0
    baseline_seconds: float = 0.5
    groups: int = 200
    baseline_attempts: int = 200
    baseline_candidates: int = 1000
    attempts_of_run: int = 10
    fewest_runs: int = 20


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
