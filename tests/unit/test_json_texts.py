"""JSON texts: which texts are JSON, which are equal, and how they are indented."""

import json

import pytest

from operations.json_texts import find_mistake, indented, is_json, same_json, survives_javascript

NUMBERS = '{"n":3544790567247868102,"d":0.23456789012345678901,"e":1e400,"k":1,"k":2}'


@pytest.mark.parametrize("text", [NUMBERS, "1e400", "1" * 5000, '""', " [1] ", '"\\ud800"'])
def test_json_of_any_size_of_numbers_is_json(text: str) -> None:
    """Python could not keep the values of some of these texts."""
    assert is_json(text)


@pytest.mark.parametrize("text", ["", "{", "NaN", "[-Infinity]", "hello", "[" * 100_000, "1 2"])
def test_other_texts_are_not_json(text: str) -> None:
    """NaN and infinities are not JSON, although Python accepts them."""
    assert not is_json(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (None, None),
        ("NaN", "NaN"),
        ('{"a": 1, "b": [true]}', '{"b":[true],"a":1.0}'),
        ("1e400", "10e399"),
        ('"\\u00e9"', '"é"'),
        ("1e99999999999999999999", " 1e99999999999999999999"),
    ],
)
def test_texts_with_the_same_values_are_the_same(one: str | None, other: str | None) -> None:
    """White space, the order of keys and the form of numbers and letters do not matter."""
    assert same_json(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("null", None),
        ("1", "true"),
        ("0", "false"),
        ("0.1", "0.10000000000000000001"),
        ("1e400", "1e401"),
        ('{"k":1,"k":2}', '{"k":2}'),
        ('{"a":1}', '[["a",1]]'),
        ("NaN", " NaN"),
        ('{"a":NaN}', '{"a": NaN}'),
    ],
)
def test_texts_with_other_values_differ(one: str | None, other: str | None) -> None:
    """No number is rounded, and no key is dropped."""
    assert not same_json(one, other)
    assert not same_json(other, one)


def test_indenting_changes_only_white_space() -> None:
    """Numbers and doubled keys stay as they are written."""
    assert indented(NUMBERS) == (
        '{\n  "n": 3544790567247868102,\n  "d": 0.23456789012345678901,\n'
        '  "e": 1e400,\n  "k": 1,\n  "k": 2\n}'
    )


@pytest.mark.parametrize(
    "text", ["{}", "[]", '{"a": [], "b": {"c": [1, [2, {}]]}}', '["{,}", "\\"[:]", "a\\\\"]']
)
def test_the_lines_are_those_of_pythons_indent(text: str) -> None:
    """Brackets and commas in strings do not end a line."""
    assert indented(text) == json.dumps(json.loads(text), indent=2)


def test_escaped_letters_become_readable() -> None:
    """Escapes of control characters, quotes and lone surrogates stay."""
    text = r'["\u00e9\u6f22 \ud83d\ude00", "\u0022\u000a\u202e\ud800\\u00e9"]'
    assert indented(text) == '[\n  "é漢 😀",\n  "\\u0022\\u000a\\u202e\\ud800\\\\u00e9"\n]'


@pytest.mark.parametrize("text", ["12", '"text"', "NaN", "", "{", '{"a": NaN}', "[" * 100_000])
def test_only_objects_and_lists_are_indented(text: str) -> None:
    """Any other text has no lines of its own."""
    assert indented(text) is None


def test_a_deeply_nested_text_is_not_indented() -> None:
    """The spaces would make it a thousand times as long."""
    text = "[" * 900 + ",".join("1" * 5000) + "]" * 900
    assert indented(text) is None
    shallow = json.dumps({"a": {"b": [{"c": list(range(5000))}]}}, separators=(",", ":"))
    assert indented(shallow) == json.dumps(json.loads(shallow), indent=2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Line 1, column 1: expected a value."),
        ('{"a": 1,\n "b": x}', "Line 2, column 7: expected a value."),
        ('{"a" 1}', "Line 1, column 6: expected ':' after the name."),
        ('{"a": 1 "b": 2}', "Line 1, column 9: expected ',' or the end of the object or list."),
        ("{a: 1}", "Line 1, column 2: expected a name in double quotes."),
        (
            '["a\nb"]',
            "Line 1, column 4: found a line break or another control character in",
        ),
        ('\n["a]', "Line 2, column 2: found a text without its closing quote."),
        ("1\n2", "Line 2, column 1: found more text after the end of the value."),
        ('{"NaN": 1,\n"b": NaN}', "Line 2, column 6: found NaN, expected a number."),
        ("[1, -Infinity]", "Line 1, column 5: found -Infinity, expected a number."),
        ("[1,\n\n" + "1" * 5000 + "]", "Line 3, column 1: found an integer of more than"),
        ("NaNx", "Line 1, column 1: found NaN, expected a number."),
        ("[NaN1]", "Line 1, column 2: found NaN, expected a number."),
        ("-Infinityy", "Line 1, column 1: found -Infinity, expected a number."),
        ("[" + "1" * 5000 + ".5, NaN]", "Line 1, column 5006: found NaN, expected a number."),
        ("1" * 5000 + "x", "Line 1, column 1: found an integer of more than"),
        ('{"a": NaN0, "b": "' + "x" * 1000, "Line 1, column 7: found NaN, expected a number."),
        ("[" * 100_000, "Line 1, column 1: the value is nested too deeply."),
    ],
)
def test_a_mistake_has_its_line_and_column(text: str, words: str) -> None:
    """So that a person finds it."""
    assert str(find_mistake(text)).startswith(words)


@pytest.mark.parametrize("text", ['{"a": [1.10, "NaN", null]}', '"x"', " 1 ", "1e400"])
def test_json_has_no_mistake(text: str) -> None:
    """Also if Python would round a number."""
    assert find_mistake(text) is None


@pytest.mark.parametrize("text", ['{"a": [1, -0.5, 1e3, 1.50]}', "[]", "[9007199254740992]"])
def test_javascript_parses_these_without_a_loss(text: str) -> None:
    """The values stay, however they are written."""
    assert survives_javascript(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 1}',
        "[9007199254740993]",
        "[0.12345678901234567890]",
        "[1e400]",
        "[1e9999999999999999999]",
        "[NaN]",
        '"text"',
        "1",
        "",
        "[" * 100_000,
    ],
)
def test_javascript_would_change_these(text: str) -> None:
    """Or it parses no object and no list."""
    assert not survives_javascript(text)
