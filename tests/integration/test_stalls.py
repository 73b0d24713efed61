"""Stalled instances and the setting for daprd's limit, on an engine of its own."""

import json
from pathlib import Path

import pytest

from operations.model import Status
from tests.integration.rich import Rich
from tests.integration.richapp import EVENT
from tests.ports import first_port
from tests.waiting import eventually

pytestmark = pytest.mark.slow


def test_a_stalled_instance_goes_on_after_a_restart_with_a_larger_limit(tmp_path: Path) -> None:
    """Nothing is lost: the event that stalled it ends it, and its run has no failure."""
    with Rich(tmp_path, first_port(29360), FLOWDECK_DAPR_MAX_BODY_SIZE="1Mi") as rich:
        instance_id = rich.start("waiting")
        rich.gateway.raise_event(instance_id, "other", json.dumps("x" * 600_000))
        eventually(
            lambda: rich.gateway.history_size(instance_id).raised_events == 1, 20, "it has arrived"
        )
        payload = json.dumps("y" * 600_000)
        rich.gateway.raise_event(instance_id, EVENT, payload)
        assert rich.recorded(instance_id, Status.STALLED, 30).error_type == "PAYLOAD_SIZE_EXCEEDED"
        with rich.without_sidecar(FLOWDECK_DAPR_MAX_BODY_SIZE="4Mi"):
            pass
        run = rich.recorded(instance_id, Status.COMPLETED, 60)
        assert (run.error_type, run.error_message) == (None, None)
        assert rich.ended(instance_id).output == payload
