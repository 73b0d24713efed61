"""What holds for every test: neither settings nor signals of who runs them count."""

import os
import signal

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Forget the settings in the environment, and read no `.env`, here and in every process.

    A script's background job ignores SIGINT and SIGQUIT, and so would all that the tests start.
    """
    del config
    for name in list(os.environ):
        if name.startswith(("FLOWDECK_", "DAPR_", "APP_PORT")):
            del os.environ[name]
    os.environ["FLOWDECK_ENV_FILE"] = ""
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1,localhost"
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
