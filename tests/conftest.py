"""Isolates all tests from the settings and the signal handlers of the calling process."""

import os
import signal

import pytest


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
