"""One system for all tests of a run."""

from collections.abc import Iterator

import pytest

from tests.integration.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run the system with its default settings, on the second block of ports."""
    running = Stack(tmp_path_factory.mktemp("flowdeck"), 29000, {})
    try:
        running.start()
        yield running
    finally:
        running.stop()
