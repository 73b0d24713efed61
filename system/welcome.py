"""Prints the addresses once the system is ready; until then, what is missing."""

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping

from dashboard.settings import DashboardSettings
from system.console import Console
from system.environment import http_url
from worker.settings import WorkerSettings

STILL_WAITING = 15.0  # seconds between two lines about a system that is not ready yet
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def announce_when_ready(
    console: Console, worker: WorkerSettings, dashboard: DashboardSettings
) -> None:
    """Check worker and dashboard in a thread, and print the addresses once both are healthy."""
    started = time.monotonic()
    api = http_url(worker.api_host, worker.port)
    page = http_url(dashboard.page_host, dashboard.page_port)

    def announce() -> None:
        next_line = started + STILL_WAITING
        while problem := _problem("worker", api) or _problem("dashboard", page):
            if console.is_ending:
                return
            if time.monotonic() > next_line:
                console.say(f"Not ready yet: {problem}")
                next_line += STILL_WAITING
            time.sleep(0.2)
        if not console.is_ending:
            console.say(_welcome(page, api, time.monotonic() - started))
            console.is_ready = True

    threading.Thread(target=announce, name="welcome", daemon=True).start()


def wait_until_answered(console: Console, addresses: Mapping[str, str]) -> bool:
    """Wait until every process answers, healthy or not; return False if the system ends before."""
    while not all(map(_answers, addresses.values())):
        if console.is_ending:
            return False
        time.sleep(0.2)
    return True


def _answers(address: str) -> bool:
    try:
        with _DIRECT.open(f"{address}/health", timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, http.client.HTTPException):
        return False


def _problem(name: str, address: str) -> str | None:
    """Return the problems that a process reports, or None if it is healthy."""
    try:
        with _DIRECT.open(f"{address}/health", timeout=5):
            return None
    except urllib.error.HTTPError as error:
        return _reported(error)
    except (OSError, http.client.HTTPException) as error:
        return f"the {name} does not answer ({error})"


def _reported(error: urllib.error.HTTPError) -> str:
    try:
        return ", ".join(json.load(error)["problems"])
    except (ValueError, LookupError, TypeError, OSError, http.client.HTTPException):
        return str(error)


def _welcome(page: str, api: str, seconds: float) -> str:
    order = json.dumps({"order_id": "ORDER001", "amount": 99.99, "items": ["laptop", "mouse"]})
    return f"""
Flowdeck is ready after {seconds:.1f} s. Press Ctrl-C to stop it.

  Dashboard  {page}
  REST API   {api}
  API docs   {api}/docs

Submit an order in the dashboard, or here:
  curl -X POST {api}/workflow/start -H "Content-Type: application/json" -d '{order}'
  curl {api}/workflow/status/order_ORDER001
"""
