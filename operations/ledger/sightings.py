"""How what was seen of instances comes into the ledger."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from operations.database import writing
from operations.ledger.attempts import write_attempts
from operations.ledger.details import keep_history, write_details
from operations.ledger.growth import Seen, gone, grown, opened
from operations.ledger.lives import Life, Unknown, is_final, is_old_news, place
from operations.ledger.pulse import next_revision, set_revision
from operations.ledger.rows import (
    earlier_lives,
    insert_lives,
    latest_lives,
    touch_lives,
    update_lives,
)
from operations.ledger.starts import latest_starts
from operations.ledger.waits import drop_waits, write_waits
from operations.records import Sighting


def record(engine: Engine, sightings: Sequence[Sighting]) -> set[str]:
    """Write sightings, all or none; return the ids of those that came too late to be written."""
    late: set[str] = set()
    if not sightings:
        return late
    with writing(engine) as connection:
        revision = next_revision(connection)
        changes = [_record(connection, revision, batch, late) for batch in _batches(sightings)]
        if any(changes):
            set_revision(connection, revision)
    return late


def mark_purged(engine: Engine, gone_at: Mapping[str, datetime]) -> None:
    """Note which ids the engine had no more at which time, unless they were seen later."""
    with writing(engine) as connection:
        revision = next_revision(connection)
        lives = [
            replace(life, entry=gone(life.entry, at))
            for life in latest_lives(connection, gone_at)
            for at in [gone_at[life.entry.instance_id]]
            if life.entry.purged_at is None and life.seen_at <= at
        ]
        if lives:
            update_lives(connection, revision, lives)
            drop_waits(connection, [life.entry.key for life in lives])
            set_revision(connection, revision)


def keep_histories(engine: Engine, sightings: Sequence[Sighting]) -> None:
    """Write the histories of the latest lives that are not archived."""
    by_id = {each.instance.instance_id: each for each in sightings}
    with writing(engine) as connection:
        next_revision(connection)  # so that nobody else writes these lives meanwhile
        for life in latest_lives(connection, by_id):
            if not life.is_archived:
                keep_history(connection, life.entry.key, by_id[life.entry.instance_id])


def _batches(sightings: Sequence[Sighting]) -> Iterator[list[Sighting]]:
    """Return sightings in their order, and in each batch one at most of an instance."""
    batch: dict[str, Sighting] = {}
    for sighting in sightings:
        if sighting.instance.instance_id in batch:
            yield list(batch.values())
            batch = {}
        batch[sighting.instance.instance_id] = sighting
    yield list(batch.values())


def _record(
    connection: Connection, revision: int, batch: Sequence[Sighting], late: set[str]
) -> bool:
    """Write sightings of different instances; return whether that changed anything.

    The ids of those that come too late are added to `late`.
    """
    known = _known(connection, batch)
    placed = [(each, place(known[each.instance.instance_id], each)) for each in batch]
    grows = [
        Seen(life.entry.key, life, grown(life, sighting), sighting)
        for sighting, life in placed
        if isinstance(life, Life) and not is_old_news(life, sighting)
    ]
    late.update(each.instance.instance_id for each, at in placed if _is_too_late(at, each))
    opens = [
        *_open_next(connection, revision, known, [s for s, at in placed if at is Unknown.NEXT]),
        *_open_earlier(connection, revision, [s for s, at in placed if at is Unknown.EARLIER]),
    ]
    changed = {
        *write_details(connection, [*grows, *opens]),
        *write_attempts(connection, [*grows, *opens]),
        *write_waits(connection, [*grows, *opens]),
        *(each.key for each in grows if each.tells_more),
    }
    update_lives(connection, revision, [each.after for each in grows if each.key in changed])
    touch_lives(connection, [each.after for each in grows if each.key not in changed])
    return bool(changed or opens)


def _is_too_late(found: Life | Unknown, sighting: Sighting) -> bool:
    """Whether a sighting is not to be written, and may tell what is not known all the same."""
    if isinstance(found, Life):
        is_all_known = found.is_archived and is_final(sighting)
        return is_old_news(found, sighting) and not is_all_known
    return found is Unknown.STALE


def _known(connection: Connection, batch: Sequence[Sighting]) -> dict[str, list[Life]]:
    """Return, by id, the latest life and those that have the execution id that was seen."""
    known: dict[str, list[Life]] = defaultdict(list)
    for life in latest_lives(connection, (each.instance.instance_id for each in batch)):
        known[life.entry.instance_id].append(life)
    others = (
        (each.instance.instance_id, each.timeline.execution_id)
        for each in batch
        if each.timeline.execution_id
        for latest in known[each.instance.instance_id]
        if latest.entry.execution_id != each.timeline.execution_id
    )
    for life in earlier_lives(connection, list(others)):
        known[life.entry.instance_id].append(life)
    return known


def _open_next(
    connection: Connection,
    revision: int,
    known: dict[str, list[Life]],
    sightings: Sequence[Sighting],
) -> list[Seen]:
    """Open lives; the engine has no more of the ones that they follow."""
    starts = latest_starts(connection, [each.instance.instance_id for each in sightings])
    lives, superseded = [], []
    for sighting in sightings:
        instance_id = sighting.instance.instance_id
        before = next((life for life in known[instance_id] if life.entry.is_latest), None)
        if before:
            superseded.append(_superseded(before, sighting.seen_at))
        lives.append(opened(sighting, before.entry if before else None, starts.get(instance_id)))
    update_lives(connection, revision, superseded)
    drop_waits(connection, [life.entry.key for life in superseded])
    return _inserted(connection, revision, lives, sightings)


def _open_earlier(
    connection: Connection, revision: int, sightings: Sequence[Sighting]
) -> list[Seen]:
    """Add lives that are over, and that others have followed meanwhile."""
    lives = [_superseded(opened(each, None, None), each.seen_at) for each in sightings]
    return _inserted(connection, revision, lives, sightings)


def _inserted(
    connection: Connection, revision: int, lives: Sequence[Life], sightings: Sequence[Sighting]
) -> list[Seen]:
    keys = insert_lives(connection, revision, lives)
    return [
        Seen(key, None, life, sighting)
        for key, life, sighting in zip(keys, lives, sightings, strict=True)
    ]


def _superseded(life: Life, at: datetime) -> Life:
    entry = life.entry if life.entry.purged_at else gone(life.entry, at)
    return replace(life, entry=replace(entry, is_latest=False))
