"""What messages of the same kind have in common."""

import re

MARK = "…"
"""What stands for all that tells one message from another."""

_QUOTED = re.compile(r"""(?<!\w)(?:'[^'\n]*'|"[^"\n]*"|`[^`\n]*`)(?!\w)""")
_WORD = re.compile(r"[\w-]+(?:[.:,/@+][\w-]+)*")
_TELLS_APART = re.compile(r"\d|^[0-9a-fA-F]{8,}$")


def fingerprint(message: str, instance_id: str = "") -> str:
    """Return a message with a mark for each number, id and quoted value.

    A word that holds a digit is taken for an id, and so is the id of the instance that failed.
    """
    if instance_id:
        message = message.replace(instance_id, MARK)
    return _WORD.sub(_marked, _QUOTED.sub(MARK, message))


def _marked(word: re.Match[str]) -> str:
    return MARK if _TELLS_APART.search(word[0]) else word[0]
