"""Actions on an engine in memory and a real ledger, with limits that a test can choose."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from operations.actions import ActionContext, ActionLimits, Actions
from operations.ledger import Ledger
from tests.unit.fakes import FakeGateway
from tests.unit.runs import ANN

BY_ANN = ActionContext(ANN)
LIMITS = ActionLimits(poll_interval=0.001)


@pytest.fixture
def actions(gateway: FakeGateway, ledger: Ledger) -> Actions:
    """Return the actions on an engine without instances and an empty ledger."""
    return Actions(gateway, ledger, LIMITS)


@pytest.fixture
def limited(gateway: FakeGateway, ledger: Ledger) -> Callable[..., Actions]:
    """Return a function that makes actions with other limits."""

    def make(**limits: Any) -> Actions:
        return Actions(gateway, ledger, replace(LIMITS, **limits))

    return make
