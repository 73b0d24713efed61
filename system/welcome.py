"""Says when the system is ready, where it is, and what to try; until then, what is missing."""

import http.client
import json
import threading
import time
import urllib.error
import urllib.request

from dashboard.settings import DashboardSettings
from system.console import Console
from worker.settings import WorkerSettings

STILL_WAITING = 15.0  # seconds between two lines about what is not ready yet
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def announce_when_ready(
    console: Console, worker: WorkerSettings, dashboard: DashboardSettings
) -> None:
    """Watch worker and dashboard from a thread, and write when they say that all is there."""
    started = time.monotonic()
    api = f"http://{worker.api_host}:{worker.port}"
    page = f"http://{dashboard.page_host}:{dashboard.page_port}"

    def announce() -> None:
        next_line = started + STILL_WAITING
        while problem := _problem("worker", api) or _problem("dashboard", page):
            if time.monotonic() > next_line:
                console.say(f"Not ready yet: {problem}")
                next_line += STILL_WAITING
            time.sleep(0.2)
        console.say(_welcome(page, api, time.monotonic() - started))

    threading.Thread(target=announce, name="welcome", daemon=True).start()


def _problem(name: str, address: str) -> str | None:
    """Return what a process says is not there, or None when all is."""
    try:
        with _DIRECT.open(f"{address}/health", timeout=5):
            return None
    except urllib.error.HTTPError as error:
        return _told(error)
    except (OSError, http.client.HTTPException) as error:
        return f"the {name} does not answer ({error})"


def _told(error: urllib.error.HTTPError) -> str:
    try:
        return ", ".join(json.load(error)["problems"])
    except (ValueError, LookupError, TypeError, OSError, http.client.HTTPException):
        return str(error)


def _welcome(page: str, api: str, seconds: float) -> str:
    order = json.dumps({"order_id": "ORDER001", "amount": 99.99, "items": ["laptop", "mouse"]})
    return f"""
Flowdeck is ready after {seconds:.1f} s. Ctrl-C ends it.

  Dashboard  {page}
  REST API   {api}
  API docs   {api}/docs

Submit an order in the dashboard, or by hand:
  curl -X POST {api}/workflow/start -H "Content-Type: application/json" -d '{order}'
  curl {api}/workflow/status/order_ORDER001
"""
