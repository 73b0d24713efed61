"""The limits of the recorder; tests pass other values."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RecorderLimits:
    """How often the recorder reads the engine, and how much it keeps; times are in seconds."""

    # Reads of one run.
    active_interval: float = 0.5
    """Time between two reads of a run that is active, while no traces arrive."""
    traced_interval: float = 2.0
    """The same while traces arrive: hints trigger the other reads."""
    quiet_interval: float = 1.0
    """Time between two reads of a run that waits for an event, a distant timer or a person."""
    longest: float = 60.0
    """The longest time between two reads of any run."""
    soon: float = 5.0
    """A run with a timer that is due within this time counts as active."""
    pending_reads: int = 20
    """Reads without a change, after which a pending run counts as quiet."""
    retry: float = 2.0
    """Time before a failed read is repeated; doubled with each failure."""
    lost_reads: int = 3
    """Failed reads in a row that lack a part of the history, after which it counts as lost."""
    reserved: float = 10.0
    """How long a reserved id is read again while the engine does not have it yet."""

    # Reads a second of all runs of a kind, so that thousands of runs cost the engine little.
    active_reads: float = 80.0
    traced_reads: float = 50.0
    quiet_reads: float = 100.0
    rechecks: float = 10.0
    """Reads a second of finished runs while no traces arrive: they find ids that were reused."""
    traced_rechecks: float = 2.0
    recheck_round: float = 10.0
    """The shortest time from the start of a round over all finished runs to the next round."""

    # Hints.
    busy_readers: float = 0.6
    """How many readers the reads that hints trigger may keep busy. Each further reader delays such
    a read by a second; the read then answers all hints of its run that arrived meanwhile."""
    longest_hint_delay: float = 3.0
    """The longest time for which a read waits for further hints."""
    longest_end_delay: float = 0.3
    """The same for the hint of an end: a busy engine writes the end some time after its trace
    span."""
    unfollowed_reads: float = 100.0
    """Reads a second of ids that are not followed: hints may be forged."""
    queued_hints: int = 10_000
    untraced_after: float = 60.0
    """Time without any trace span after which traces count as absent; Dapr may sample few."""
    start_times: int = 50_000
    start_time_age: float = 3600.0
    """How long a start time is kept: a paused run processes results only when it is resumed."""

    # Listing.
    list_every: float = 1.0
    list_pause_factor: float = 50.0
    """A list that takes one second is read once in this many seconds."""
    list_time: float = 0.2
    """The longest time that one cycle of the recorder spends on listing."""

    # Readers.
    readers: int = 4
    queued_reads: int = 200
    results_wait: float = 0.3
    """How long a cycle waits for the reads in progress."""

    # The ledger.
    batch: int = 16
    """Snapshots in one transaction: it takes at most 20 ms, after which others may write."""
    archive_size: int = 32 * 2**20
    """Characters of payloads in the kept histories of unfinished runs; an event counts 500 more."""
    ledger_retry: float = 1.0
    """Time before the recorder opens the ledger again after an outage."""
    damage_memory: float = 600.0
    """How long a file that was checked and is not damaged is not checked again."""
    damage_patience: float = 5.0
    """How long the check of a file that is reported as damaged waits while the file is locked."""
    damage_retry: float = 10.0
    """Time before a file that cannot be checked, for example a locked one, is tried again."""
    pause: float = 0.2
    """Time between two cycles without hints; it bounds the lag of reservations and actions."""
    analyze_every: float = 300.0
    """Time between two refreshes of the statistics by which SQLite chooses its indexes."""
    heartbeat_every: float = 1.0
    health_every: float = 1.0
    outage_grace: float = 1.0
    """Shorter problems of a service are not outages."""
