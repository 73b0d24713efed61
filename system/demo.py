"""`make demo`: the whole system on data of its own, with workflows that start by themselves."""

import os

from operations.settings import PREFIX
from system.dapr.settings import PROJECT, DaprSettings

PROCESS = {"demo": "python -m worker.demo"}
"""The process that the demo adds to the Procfile, and its command."""
_FAULT_RATE = "0.1"  # so that some orders are retried


def use_own_data() -> None:
    """Set the variables of the demo: the user's data, ledger and resources stay untouched."""
    home = DaprSettings.load().data / "demo"
    ledger = home / "data"
    ledger.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        f"{PREFIX}HOME": str(home),
        f"{PREFIX}LEDGER_URL": f"sqlite:///{ledger / 'ledger.db'}",
        f"{PREFIX}RESOURCES": str(PROJECT / "components"),
        f"{PREFIX}DEMO": "true",
    }
    os.environ.setdefault(f"{PREFIX}FAULT_RATE", _FAULT_RATE)
