"""Says when the system is ready, where it is, and what to try; until then, what is missing."""

import http.client
import json
import threading
import time
import urllib.error
import urllib.request

from system.console import Console
from worker.settings import WorkerSettings

STILL_WAITING = 15.0  # seconds between two lines about what is not ready yet
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def announce_when_ready(console: Console, worker: WorkerSettings) -> None:
    """Watch the worker from a thread, and write when it says that all is there."""
    started = time.monotonic()

    def announce() -> None:
        next_line = started + STILL_WAITING
        while (problem := _problem(worker)) is not None:
            if time.monotonic() > next_line:
                console.say(f"Not ready yet: {problem}")
                next_line += STILL_WAITING
            time.sleep(0.2)
        console.say(_welcome(worker, time.monotonic() - started))

    threading.Thread(target=announce, name="welcome", daemon=True).start()


def _problem(worker: WorkerSettings) -> str | None:
    """Return what the worker says is not there, or None when all is."""
    try:
        with _DIRECT.open(f"{_address(worker)}/health", timeout=5):
            return None
    except urllib.error.HTTPError as error:
        return _told(error)
    except (OSError, http.client.HTTPException) as error:
        return f"the worker does not answer ({error})"


def _told(error: urllib.error.HTTPError) -> str:
    try:
        return ", ".join(json.load(error)["problems"])
    except (ValueError, LookupError, TypeError, OSError, http.client.HTTPException):
        return str(error)


def _address(worker: WorkerSettings) -> str:
    return f"http://{worker.api_host}:{worker.port}"


def _welcome(worker: WorkerSettings, seconds: float) -> str:
    address = _address(worker)
    order = json.dumps({"order_id": "ORDER001", "amount": 99.99, "items": ["laptop", "mouse"]})
    return f"""
Flowdeck is ready after {seconds:.1f} s. Ctrl-C ends it.

  REST API   {address}
  API docs   {address}/docs

Try it:
  curl -X POST {address}/workflow/start -H "Content-Type: application/json" -d '{order}'
  curl {address}/workflow/status/order_ORDER001
"""
