"""Isolates all tests from the settings and the signal handlers of the calling process."""

import os
import signal

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run tests that share a system in one process: all browser tests, or those of one module."""
    for item in items:
        folder = item.path.parent.name
        if folder == "browser":
            item.add_marker(pytest.mark.xdist_group(folder))
        elif folder == "integration":
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


def pytest_configure(config: pytest.Config) -> None:
    """Remove all settings from the environment, and disable `.env`, also for child processes.

    A background job of a script ignores SIGINT and SIGQUIT, a job under `nohup` ignores SIGHUP, and
    child processes inherit that.
    """
    del config
    for name in list(os.environ):
        if name.startswith(("FLOWDECK_", "DAPR_", "APP_PORT")):
            del os.environ[name]
    os.environ["FLOWDECK_ENV_FILE"] = ""
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1,localhost"
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
