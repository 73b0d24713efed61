"""What holds for every test: no setting of the person who runs them counts."""

import os

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Forget the settings in the environment, and read no `.env`, here and in every process."""
    del config
    for name in list(os.environ):
        if name.startswith(("FLOWDECK_", "DAPR_", "APP_PORT")):
            del os.environ[name]
    os.environ["FLOWDECK_ENV_FILE"] = ""
