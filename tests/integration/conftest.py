"""One system for all tests of a run."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from operations.gateway import DaprGateway
from tests.integration.rich import Rich
from tests.integration.stack import Stack
from tests.postgres.server import Server


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run the system with its default settings, on the second block of ports."""
    system = Stack(tmp_path_factory.mktemp("flowdeck"), 29000, {})
    with system:
        system.start()
        yield system


@pytest.fixture
def gateway(stack: Stack) -> Iterator[DaprGateway]:
    """Open a gateway of the test's own, to see what the engine holds."""
    with closing(DaprGateway(f"127.0.0.1:{stack.ports['dapr gRPC']}")) as gateway:
        yield gateway


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Return what makes a system of the test's own, with settings; it is ended afterwards."""
    with ExitStack() as systems:
        yield lambda **settings: systems.enter_context(Stack(tmp_path, 29020, settings))


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    """Return a PostgreSQL that runs."""
    with Server() as server:
        yield server


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def rich(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rich]:
    """Run the rich application on a block of ports of its own, with a ledger of either kind."""
    on_server = request.param == "postgresql"
    url = request.getfixturevalue("postgres").new() if on_server else ""
    with Rich(Path(tmp_path_factory.mktemp("rich")), 29300, url) as rich:
        yield rich
