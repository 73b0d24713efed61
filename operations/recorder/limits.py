"""The limits that the recorder keeps, with the reason for each; tests pass others."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How often the recorder reads the engine, and how much it keeps; times are in seconds."""

    # Reads of a run.
    brisk: float = 0.5
    """Between two reads of a run that is doing something, while no traces arrive."""
    traced: float = 2.0
    """The same while traces arrive: they tell when to read."""
    quiet: float = 1.0
    """Between two reads of a run that waits for an event, a far timer or a person."""
    slowest: float = 60.0
    """Between two reads of any run at most."""
    soon: float = 5.0
    """A timer that is due within this time counts as work."""
    pending_reads: int = 20
    """Reads without a change, after which a pending run counts as quiet."""
    retry: float = 2.0
    """Before a run that could not be read is read again; doubled with each failure."""
    reserved: float = 10.0
    """For which a reserved id is looked for, should the engine not have it yet."""

    # Reads a second of all runs of a kind, so that thousands of them cost the engine little.
    brisk_reads: float = 400.0
    traced_reads: float = 50.0
    quiet_reads: float = 100.0
    rechecks: float = 10.0
    """Of finished runs, while no traces arrive: an id that was used again is found."""
    traced_rechecks: float = 2.0
    recheck_round: float = 10.0
    """Seconds from the start of one round over all finished runs to that of the next at least."""

    # Hints.
    pressure: float = 0.25
    """Readers that would be busy if each hint led to a read, above which the hints of a run are
    gathered, for as many seconds as there are more: one read then answers them all."""
    gathered: float = 1.0
    """For which they are gathered at most."""
    ending: float = 0.3
    """The same for the hint of an end: a busy engine writes the end some time after its span."""
    strangers: float = 100.0
    """Ids a second that are read because of a hint alone: hints may be forged."""
    queued_hints: int = 10_000
    silence: float = 60.0
    """Without any span, after which traces count as absent: few of them may be sampled."""
    start_times: int = 50_000
    start_time_age: float = 3600.0
    """For which a start time is kept: a paused run takes its results when it is resumed."""

    # Listing.
    list_every: float = 1.0
    list_share: float = 50.0
    """A list that takes one second is made once in so many seconds."""
    list_turn: float = 0.2
    """Of listing, after which something else has its turn."""

    # Readers.
    readers: int = 4
    queued_reads: int = 200
    results_wait: float = 0.3
    """For which a turn waits for the reads under way."""

    # The ledger.
    batch: int = 16
    """Snapshots that one transaction writes: it takes 20 ms at most, and then others may write."""
    archive_size: int = 32 * 2**20
    """Characters of payloads that are kept of the last histories of unfinished runs."""
    ledger_retry: float = 1.0
    """Before a ledger that was away is opened again."""
    rest: float = 0.2
    """Between two turns, unless a hint comes: a reservation and an action are found so soon."""
    heartbeat_every: float = 1.0
    health_every: float = 1.0
    outage_grace: float = 1.0
    """A service that is back within this time was never away."""
