"""The Go application of the tests uses the modules of Dapr's build."""

import re

from system.dapr.settings import PROJECT

APPLICATION, DAPR = PROJECT / "tests" / "integration" / "golang", PROJECT / "system" / "dapr"


def required(go_mod: str) -> set[tuple[str, str]]:
    """Return the modules that a go.mod requires, with their versions."""
    return set(re.findall(r"^(?:require |\t)(\S+\.\S+/\S+) (v\S+)", go_mod, re.MULTILINE))


def test_the_application_requires_the_versions_that_dapr_requires() -> None:
    """Other versions would be downloaded in addition."""
    ours, daprs = (required((each / "go.mod").read_text()) for each in (APPLICATION, DAPR))
    assert "github.com/dapr/durabletask-go" in {name for name, _ in ours}
    assert ours - daprs == set()


def test_the_application_s_sums_are_a_subset_of_dapr_s() -> None:
    """The tests use no module that Dapr's build does not use."""
    ours, daprs = ((each / "go.sum").read_text().splitlines() for each in (APPLICATION, DAPR))
    assert set(ours) - set(daprs) == set()
