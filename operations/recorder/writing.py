"""How what was seen comes into the ledger, and what did not."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from operations.errors import LedgerUnavailable
from operations.ledger import Runs
from operations.recorder.readers import Look


@dataclass(frozen=True)
class Unwritten:
    """The looks, by id, whose snapshot the ledger cannot hold, and the ids whose it took as old.

    Old is what looks older than what another process has seen, whose clock may differ.
    """

    troubles: dict[str, Look] = field(default_factory=dict)
    old: set[str] = field(default_factory=set)

    def __contains__(self, instance_id: object) -> bool:
        return instance_id in self.troubles or instance_id in self.old


def write(instances: Runs, looks: Sequence[Look]) -> Unwritten:
    """Write snapshots, and return which are not in the ledger; raises `LedgerUnavailable`."""
    unwritten = Unwritten()
    _write(instances, looks, unwritten)
    return unwritten


def _write(instances: Runs, looks: Sequence[Look], unwritten: Unwritten) -> None:
    try:
        old = instances.ingest([look.snapshot for look in looks if look.snapshot])
        unwritten.old.update(old)
    except LedgerUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - one must not stop the others
        if len(looks) == 1:
            unwritten.troubles[looks[0].instance_id] = replace(looks[0], trouble=error)
            return
        for look in looks:
            _write(instances, [look], unwritten)
