"""The API conforms to its OpenAPI document, tested with schemathesis."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.http_client import http_client
from tests.integration.stack import AT_ONCE, Stack

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
QUICK = ("--phases=examples,coverage",)
THOROUGH = ("--phases=examples,coverage,fuzzing,stateful", "--max-examples=50")
LOADED = re.compile(r"""(?:src|href|url|spec-url)\s*[=:]\s*["'](/[^"']*)""")
# A schema cannot describe valid cursors, nor that a period must have a length, a bulk job an
# instance (or another job), and a start a time that is not too far ahead, so such requests may be
# refused.
CONFIG = "".join(
    f"""
[[operations]]
include-name = "{operation}"
checks.positive_data_acceptance.expected-statuses = ["200", "404", "409", "422"]
"""
    for operation in (
        "GET /workflows",
        "GET /audit",
        "GET /statistics",
        "GET /statistics/series",
        "GET /failures",
        "POST /bulk/start",
        "POST /bulk/preview",
        "POST /workflow/start/{instance_id}",
    )
)


def test_the_api_conforms_to_its_openapi_document(stack: Stack, tmp_path: Path) -> None:
    """Every answer, to valid and invalid requests, is documented."""
    check(stack.url, tmp_path, QUICK)


@pytest.mark.slow
def test_random_requests_get_documented_answers(
    second: Callable[..., Stack], tmp_path: Path
) -> None:
    """Also sequences of requests, in which one uses the instance of another."""
    system = second(**AT_ONCE)
    system.start()
    check(system.url, tmp_path, THOROUGH)


def check(url: str, folder: Path, phases: tuple[str, ...]) -> None:
    """Run schemathesis in a folder; fail with its report."""
    (folder / "schemathesis.toml").write_text(CONFIG)
    run = subprocess.run(
        [
            SCHEMATHESIS,
            "run",
            f"{url}/openapi.json",
            *phases,
            "--checks=all",
            "--generation-database=none",
            "--seed=1",
            "--no-color",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    assert "Tested: 31" in run.stdout, "an endpoint was left out"


def test_the_pages_of_the_api_load_no_other_host(stack: Stack) -> None:
    """`/docs` and `/redoc` load all files from the API itself."""
    for page in ("/docs", "/redoc"):
        html = http_client.get(f"{stack.url}{page}").text
        assert "//" not in html, "an address with a host"
        files = LOADED.findall(html)
        assert any(file.endswith(".js") for file in files)
        for file in files:
            assert http_client.get(stack.url + file).status_code == 200, file
