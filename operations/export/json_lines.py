"""Lines of JSON Lines: each is one JSON object, without a line end in it."""

import json
import re
from collections.abc import Mapping

from operations.json_texts import is_json

_LINE_ENDS = re.compile(r"[\r\n]+")
# Some readers split lines at these too. UTF-8 cannot encode surrogates. All of them occur only
# within strings, where an escape means the same.
_TO_ESCAPE = re.compile("[\x85\u2028\u2029\ud800-\udfff]")


def json_line(values: Mapping[str, object], payloads: Mapping[str, str | None]) -> str:
    """Return an object with the members `values` and then `payloads` as a line of JSON.

    A payload that is JSON stays as it is written, except for its line ends; any other text becomes
    a string, and None becomes null.
    """
    members = json.dumps(values, allow_nan=False, separators=(",", ":"))[1:-1]
    more = (f"{json.dumps(name)}:{_value(text)}" for name, text in payloads.items())
    return f"{{{','.join([members, *more])}}}\n"


def _value(payload: str | None) -> str:
    if payload is None or not is_json(payload):
        return json.dumps(payload)
    return _TO_ESCAPE.sub(_escaped, _LINE_ENDS.sub(" ", payload))


def _escaped(character: re.Match[str]) -> str:
    return json.dumps(character.group())[1:-1]
