"""Groups failures that are alike: of one step, with one error type, and with similar messages."""

import hashlib
import json
import re
from dataclasses import astuple, dataclass
from enum import StrEnum
from functools import lru_cache

from operations.model import Failure

MARK_KNOWN, UNMARK_KNOWN = "mark as known", "unmark as known"
"""The actions of audit entries for failure groups, whose id they have as `instance_id`."""
PLACEHOLDER = "…"
"""Replaces numbers, ids and quoted values in a fingerprint."""
MAX_MESSAGE = 500
"""The most characters of a group's fingerprint."""

_QUOTED = re.compile(r"""(?<!\w)(?:'[^'\n]*'|"[^"\n]*"|`[^`\n]*`)(?!\w)""")
_WORD = re.compile(r"[\w-]+(?:[.:,/@+][\w-]+)*")
_SDK_PREFIXES = re.compile(r"(?:(?:\S+: )?(?:Activity|Sub-orchestration) task #\d+ failed: )+")
_ID_LIKE = re.compile(r"\d|^[0-9a-fA-F]{8,}$")
_MAX_NAME = 255
_MAX_READ = 10_000  # characters of a message: a quoted value may be long


class FailedKind(StrEnum):
    """What failed."""

    ACTIVITY = "activity"
    CHILD = "child"
    WORKFLOW = "workflow"
    """The code of the workflow itself."""


@dataclass(frozen=True)
class GroupKey:
    """What the failures of a group have in common.

    `name` names the activity, child or workflow that failed; `fingerprint` is the text that the
    messages share.
    """

    app_id: str
    kind: FailedKind
    name: str
    error_type: str
    fingerprint: str

    @property
    def group_id(self) -> str:
        """The id of the group: 16 characters, the same for equal keys on every machine."""
        text = json.dumps(astuple(self), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def group_of(
    app_id: str, kind: FailedKind, name: str, failure: Failure, instance_id: str
) -> GroupKey:
    """Return the key of the group of a failure."""
    shared = _shared_message(failure.message[:_MAX_READ], instance_id)
    return GroupKey(app_id, kind, name[:_MAX_NAME], failure.error_type[:_MAX_NAME], shared)


@lru_cache(maxsize=256)
def _shared_message(message: str, instance_id: str) -> str:
    return fingerprint(original_message(message), instance_id)[:MAX_MESSAGE]


def original_message(message: str) -> str:
    """Return the message of the first failure, without what the SDK for Python puts before it.

    A workflow whose activity failed has the message "order_A: Activity task #3 failed: No card.".
    """
    prefixes = _SDK_PREFIXES.match(message)
    return message[prefixes.end() :] if prefixes else message


def fingerprint(message: str, instance_id: str = "") -> str:
    """Return a message in which a placeholder replaces each number, id and quoted value.

    Failures of one failure group have the same fingerprint. A word with a digit counts as an id,
    as does the id of the failed instance.
    """
    if instance_id:
        word = rf"(?<![\w-]){re.escape(instance_id)}(?![\w-])"
        message = re.sub(word, PLACEHOLDER, message)
    return _WORD.sub(_replaced, _QUOTED.sub(PLACEHOLDER, message))


def _replaced(word: re.Match[str]) -> str:
    return PLACEHOLDER if _ID_LIKE.search(word[0]) else word[0]
