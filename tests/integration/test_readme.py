"""The curl lines of README and docs work as described."""

import json
import re
import subprocess
from dataclasses import dataclass

import pytest

from system.dapr.settings import PROJECT
from tests.integration.stack import Stack

ENDS = {
    "From start to end:": ["RUNNING", "COMPLETED"],
    "Pause and resume:": ["SUSPENDED", "COMPLETED"],
    "Five at once:": ["COMPLETED"] * 5,
    "Terminate:": ["TERMINATED"],
    "Start a workflow by its name:": [],
    "Preview a bulk job:": [],
}
"""The last statuses of a block, by the line above the block; COMPLETED for other blocks."""


@dataclass(frozen=True)
class Block:
    """A shell block of a page, with the line above it as its title."""

    page: str
    title: str
    script: str


def _blocks() -> list[Block]:
    """Return every shell block with a curl line in the README and in docs/."""
    return [
        Block(path.name, text[: found.start()].rstrip().splitlines()[-1], found[1])
        for path in (PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md")))
        for text in [path.read_text()]
        for found in re.finditer(r"```bash\n(.*?)```", text, re.DOTALL)
        if "curl" in found[1]
    ]


BLOCKS = _blocks()


def _run(script: str, stack: Stack) -> str:
    """Run a block as a reader would, against the tests' system."""
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
    """Return the JSON bodies in curl's output, and skip any text between them."""
    decoder, bodies, position = json.JSONDecoder(), [], output.find("{")
    while position >= 0:
        body, end = decoder.raw_decode(output, position)
        bodies.append(body)
        position = output.find("{", end)
    return bodies


@pytest.mark.parametrize("block", BLOCKS, ids=[f"{each.page}: {each.title}" for each in BLOCKS])
def test_a_block_of_curl_lines_works(stack: Stack, block: Block) -> None:
    """Every curl line gets an answer without an error, and the last statuses are as expected."""
    answers = _answers(_run(block.script, stack))
    assert len(answers) >= len(re.findall(r"^\s*curl", block.script, re.MULTILINE))
    assert not [answer for answer in answers if "error" in answer]
    statuses = [str(answer["runtime_status"]) for answer in answers if "created_at" in answer]
    expected = ENDS.get(block.title, ["COMPLETED"])
    assert statuses[-len(expected) :] == [f"WorkflowStatus.{status}" for status in expected]


def test_every_expected_end_belongs_to_a_block() -> None:
    """A renamed title would silently weaken the test of its block."""
    assert set(ENDS) <= {block.title for block in BLOCKS}
    assert {block.page for block in BLOCKS} == {"README.md", "api.md"}
