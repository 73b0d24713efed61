"""Asks a worker over HTTP whether it answers: daprd notices a stopped process after 15 s only."""

import http.client
import threading
from urllib.parse import urlsplit

from operations.model import Problem, Service

PROBE_TIMEOUT = 5.0
"""Seconds without an answer after which a worker is silent; a busy worker answers sooner."""
NO_ANSWER = "the worker does not answer"
_PATH = "/livez"


class WorkerProbe:
    """The probe of the worker at a URL; without a URL there is nothing to probe.

    Any HTTP answer shows that the process runs. A refused connection is no silence: the process is
    absent, and the sidecar knows it.
    """

    def __init__(self, url: str | None, timeout: float = PROBE_TIMEOUT) -> None:
        self._url = url
        self._timeout = timeout
        self._is_silent = False
        self._probing: threading.Thread | None = None
        self.is_answering = False
        """Whether the last probe got an answer."""

    def problems(self) -> tuple[Problem, ...]:
        """Return the problem that the last probe found, and start the next probe; never waits."""
        if self._url and not (self._probing and self._probing.is_alive()):
            self._probing = threading.Thread(
                target=self._probe, args=[self._url], name="worker-probe", daemon=True
            )
            self._probing.start()
        return (Problem(Service.WORKER, NO_ANSWER),) if self._is_silent else ()

    def _probe(self, url: str) -> None:
        address = urlsplit(url)
        connection = http.client.HTTPConnection(
            address.hostname or "", address.port, timeout=self._timeout
        )
        try:
            connection.request("GET", _PATH)
            connection.getresponse()
            self._is_silent, self.is_answering = False, True
        except TimeoutError:
            self._is_silent, self.is_answering = True, False
        except (OSError, http.client.HTTPException):
            self._is_silent = self.is_answering = False
        finally:
            connection.close()
