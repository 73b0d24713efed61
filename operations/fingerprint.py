"""Fingerprints of failure messages: failures of one failure group have the same fingerprint."""

import re

PLACEHOLDER = "…"
"""Replaces numbers, ids and quoted values."""

_QUOTED = re.compile(r"""(?<!\w)(?:'[^'\n]*'|"[^"\n]*"|`[^`\n]*`)(?!\w)""")
_WORD = re.compile(r"[\w-]+(?:[.:,/@+][\w-]+)*")
_ID_LIKE = re.compile(r"\d|^[0-9a-fA-F]{8,}$")


def fingerprint(message: str, instance_id: str = "") -> str:
    """Return a message in which a placeholder replaces each number, id and quoted value.

    A word with a digit counts as an id, as does the id of the failed instance.
    """
    if instance_id:
        message = message.replace(instance_id, PLACEHOLDER)
    return _WORD.sub(_replaced, _QUOTED.sub(PLACEHOLDER, message))


def _replaced(word: re.Match[str]) -> str:
    return PLACEHOLDER if _ID_LIKE.search(word[0]) else word[0]
