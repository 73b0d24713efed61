"""The process of the worker: what it logs when it ends."""

import logging

import pytest
import uvicorn

from tests.unit.conftest import LogLines
from worker.__main__ import _SDK_LOGGERS, hush_sdk


@pytest.mark.parametrize("name", ["durabletask-worker", "WorkflowRuntime"])
def test_the_sdk_logs_no_error_of_grpc_while_the_worker_ends(
    log_lines: LogLines, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Ctrl-C under `dapr run` ends the sidecar as well; before, its errors are logged."""
    for each in _SDK_LOGGERS:
        monkeypatch.setattr(logging.getLogger(each), "filters", [])
    server = uvicorn.Server(uvicorn.Config("app"))
    hush_sdk(server)
    log_lines.configure("info")
    logging.getLogger(name).warning("gRPC error (UNAVAILABLE)")
    assert "gRPC error (UNAVAILABLE)" in log_lines.text()
    server.should_exit = True
    logging.getLogger(name).warning("gRPC error (UNAVAILABLE)")
    assert not log_lines.text()
