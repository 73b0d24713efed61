"""The API on an engine in memory and a real ledger."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.services import Services
from operations.ledger import Ledger
from operations.web.access import AccessRules
from tests.unit.fakes import FakeGateway
from worker.app import create_order_app
from worker.runtime import RuntimeState

TEST_CLIENT = AccessRules(frozenset({"testserver"}))
"""Allows the host that Starlette's test client names."""


@dataclass
class ApiSetup:
    """The services of an API under test, and the calls of its lifespan."""

    gateway: FakeGateway
    ledger: Ledger
    runtime: RuntimeState = RuntimeState.RUNNING
    calls: list[str] = field(default_factory=list)

    def application(self) -> FastAPI:
        """Build the application."""
        return create_order_app(
            Services(self.gateway, lambda: self.ledger),
            lambda: self.runtime,
            start=lambda: self.calls.append("start"),
            stop=lambda: self.calls.append("stop"),
            access=TEST_CLIENT,
        )


@pytest.fixture
def api(gateway: FakeGateway, ledger: Ledger) -> ApiSetup:
    """Return an API with a healthy engine and a healthy ledger."""
    return ApiSetup(gateway, ledger)


@pytest.fixture
def client(api: ApiSetup) -> Iterator[TestClient]:
    """Return a client of the running application."""
    with TestClient(api.application(), raise_server_exceptions=False) as client:
        yield client
