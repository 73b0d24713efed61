"""The README's curl lines do what the README says."""

import json
import re
import subprocess

import pytest

from system.dapr.settings import PROJECT
from tests.integration.stack import Stack

README = (PROJECT / "README.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
SCENARIOS = [block for block in BLOCKS if "curl" in block]


def _run(script: str, stack: Stack) -> str:
    """Run a block as a reader would paste it, against the tests' system."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("http://localhost:8000", stack.url)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _answers(output: str) -> list[dict[str, object]]:
    """Return the JSON bodies in what curl printed, whatever is between them."""
    decoder, found, place = json.JSONDecoder(), [], output.find("{")
    while place >= 0:
        body, end = decoder.raw_decode(output, place)
        found.append(body)
        place = output.find("{", end)
    return found


@pytest.mark.parametrize("block", SCENARIOS, ids=[str(n) for n in range(len(SCENARIOS))])
def test_a_block_of_curl_lines_works(stack: Stack, block: str) -> None:
    """Every curl line of the README gets a good answer, and what it ends with has come true."""
    answers = _answers(_run(block, stack))
    assert len(answers) >= len(re.findall(r"^\s*curl", block, re.MULTILINE))
    assert not [answer for answer in answers if "error" in answer]
    seen = [str(answer["runtime_status"]) for answer in answers if "created_at" in answer]
    expected = ENDS.get(_title(block), ["COMPLETED"])
    assert seen[-len(expected) :] == [f"WorkflowStatus.{status}" for status in expected]


ENDS = {
    "A complete life:": ["RUNNING", "COMPLETED"],
    "Pause and resume:": ["SUSPENDED", "COMPLETED"],
    "Five at once:": ["COMPLETED"] * 5,
    "End one for good:": ["TERMINATED"],
}
"""The statuses that a block shows last, by the line above it."""


def _title(block: str) -> str:
    return README.split(f"```bash\n{block}")[0].rstrip().splitlines()[-1]


def test_the_readme_shows_every_setting() -> None:
    """The README and `.env.example` list the same settings."""
    example = (PROJECT / ".env.example").read_text()
    settings = set(re.findall(r"^#?((?:FLOWDECK|DAPR)_[A-Z_]+)=", example, re.MULTILINE))
    table = set(re.findall(r"^\| `((?:FLOWDECK|DAPR)_[A-Z_]+)`", README, re.MULTILINE))
    assert settings == table
    assert len(settings) >= 15
