"""The tests' application in Go stands on the modules that the engine is built from."""

import re

from engine.settings import PROJECT

APPLICATION, ENGINE = PROJECT / "tests" / "integration" / "golang", PROJECT / "engine"


def required(go_mod: str) -> set[tuple[str, str]]:
    """Return the modules that a go.mod requires, with their versions."""
    return set(re.findall(r"^(?:require |\t)(\S+\.\S+/\S+) (v\S+)", go_mod, re.MULTILINE))


def test_the_sdk_is_of_the_version_that_the_engine_names() -> None:
    """And so is all that it needs: else each would have a cache of its own."""
    ours, engines = (required((each / "go.mod").read_text()) for each in (APPLICATION, ENGINE))
    assert "github.com/dapr/durabletask-go" in {name for name, _ in ours}
    assert ours - engines == set()


def test_its_modules_are_those_that_the_engine_knows() -> None:
    """By their sums."""
    ours, engines = ((each / "go.sum").read_text().splitlines() for each in (APPLICATION, ENGINE))
    assert set(ours) - set(engines) == set()
