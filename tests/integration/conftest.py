"""The running systems of the integration tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from operations.gateway import DaprGateway
from tests.integration.rich import Rich
from tests.integration.stack import Stack
from tests.ports import first_port
from tests.postgres.server import Server


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run one system for all tests, with its default settings, on ports from 29000."""
    system = Stack(tmp_path_factory.mktemp("flowdeck"), first_port(29000), {})
    with system:
        system.start()
        yield system


@pytest.fixture
def gateway(stack: Stack) -> Iterator[DaprGateway]:
    """Open a gateway to the engine of `stack`."""
    with closing(stack.gateway()) as gateway:
        yield gateway


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Return a function that creates a second system with settings; it is stopped at the end."""
    with ExitStack() as systems:
        yield lambda **settings: systems.enter_context(Stack(tmp_path, first_port(29020), settings))


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    """Run a PostgreSQL server."""
    with Server() as server:
        yield server


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]
)
def rich(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rich]:
    """Run the rich application on ports from 29300, with its ledger on SQLite or PostgreSQL."""
    on_postgresql = request.param == "postgresql"
    url = request.getfixturevalue("postgres").new() if on_postgresql else ""
    with Rich(Path(tmp_path_factory.mktemp("rich")), first_port(29300), url) as rich:
        yield rich
