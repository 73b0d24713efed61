"""The command `dapr run …` of docs/operating.md, without the Dapr CLI.

The test starts daprd with the command's flags and the application with the CLI's variables.
"""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from system.dapr.build import ensure
from system.dapr.settings import PROJECT
from tests.http_client import http_client
from tests.integration.stack import Stack
from tests.ports import first_port
from tests.waiting import STARTUP, eventually

APP_PORT, GRPC_PORT, HTTP_PORT, INTERNAL_PORT = range(first_port(29080), first_port(29084))
DOCUMENTED = re.compile(
    r"^dapr run --app-id (\S+) --app-port 8000 --config (\S+) --resources-path (\S+) -- (.+)$",
    re.MULTILINE,
)


@pytest.fixture
def url(stack: Stack, tmp_path: Path) -> Iterator[str]:
    """Run a sidecar and a worker as the CLI does, with the system's placement and scheduler."""
    (tmp_path / "data").mkdir()
    documented = DOCUMENTED.search((PROJECT / "docs" / "operating.md").read_text())
    assert documented
    app_id, config, resources, application = documented.groups()
    program, *arguments = shlex.split(application)
    daprd = [
        str(ensure(print) / "daprd"),
        f"--app-id=test-of-{app_id}",
        f"--app-port={APP_PORT}",
        f"--config={PROJECT / config}",
        f"--resources-path={PROJECT / resources}",
        f"--placement-host-address=127.0.0.1:{stack.ports['placement']}",
        f"--scheduler-host-address=127.0.0.1:{stack.ports['scheduler']}",
        "--dapr-listen-addresses=127.0.0.1",
        f"--dapr-grpc-port={GRPC_PORT}",
        f"--dapr-http-port={HTTP_PORT}",
        f"--dapr-internal-grpc-port={INTERNAL_PORT}",
        "--dapr-internal-grpc-listen-address=127.0.0.1",
        "--enable-metrics=false",
    ]
    variables = {
        "APP_PORT": str(APP_PORT),
        "DAPR_GRPC_PORT": str(GRPC_PORT),
        "DAPR_HTTP_PORT": str(HTTP_PORT),
        "PYTHONPATH": str(PROJECT),
    }
    environment = {**os.environ, **variables, "DAPR_HOST_IP": "127.0.0.1"}
    with ExitStack() as running:
        for command in (daprd, [str(PROJECT / program), *arguments]):
            process = subprocess.Popen(
                command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL
            )
            running.callback(_end, process)
        yield f"http://127.0.0.1:{APP_PORT}"


def _end(process: "subprocess.Popen[bytes]") -> None:
    psutil.Process(process.pid).kill()
    process.wait()


@pytest.mark.slow
def test_an_order_completes_under_dapr_run(url: str) -> None:
    """The worker reads its ports from Dapr's variables; the state store is relative to daprd."""
    eventually(lambda: _code(f"{url}/health") == 200, STARTUP, "the worker is healthy")
    order = {"order_id": "ORDER001", "amount": 99.99, "items": ["laptop", "mouse"]}
    started = http_client.post(f"{url}/workflow/start", json=order)
    assert started.status_code == 200, started.text
    status = f"{url}/workflow/status/order_ORDER001"
    eventually(
        lambda: http_client.get(status).json().get("status") == "COMPLETED",
        20,
        "the order is COMPLETED",
    )


def _code(url: str) -> int:
    try:
        return http_client.get(url).status_code
    except httpx.HTTPError:
        return 0
