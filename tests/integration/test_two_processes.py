"""Two processes that share a ledger and an engine start the same order at the same moment."""

import os
import subprocess
import sys

import pytest

from system.dapr.settings import PROJECT
from tests.integration.stack import Stack, unique

# Each process prints "ready", waits for the end of its standard input, then starts the order.
STARTER = """
import os, sys
from operations.actions import ActionContext, Actions, StartRequest
from operations.gateway import DaprGateway
from operations.ledger import open_ledger
from operations.model import LOCAL_USER

endpoint, ledger, order_id = sys.argv[1:]
gateway = DaprGateway(endpoint, api_token=os.environ["DAPR_API_TOKEN"])
actions = Actions(gateway, open_ledger(ledger, gateway.app_id))
print("ready", flush=True)
sys.stdin.read()
order = {"order_id": order_id, "amount": 1.0, "items": ["pen"]}
request = StartRequest("order_workflow", f"order_{order_id}", order)
print(actions.start(request, ActionContext(LOCAL_USER)).created)
"""


@pytest.mark.slow
def test_the_same_start_from_two_processes_gives_one_order(stack: Stack) -> None:
    """Of eight processes that start the same order at once, exactly one creates it."""
    order_id = unique("PROCESSES")
    endpoint = f"127.0.0.1:{stack.ports['dapr gRPC']}"
    ledger = f"sqlite:///{stack.folder}/data/ledger.db"
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", STARTER, endpoint, ledger, order_id],
            cwd=PROJECT,
            env={**os.environ, "DAPR_API_TOKEN": stack.token},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    for starter in starters:
        assert starter.stdout
        assert starter.stdout.readline() == "ready\n"
    for starter in starters:
        assert starter.stdin
        starter.stdin.close()
    answers = []
    for starter in starters:
        with starter:
            assert starter.stdout
            answers.append(starter.stdout.read().splitlines()[-1:])
    assert sorted(answers) == [["False"]] * 7 + [["True"]]
    stack.wait_for(f"order_{order_id}", "COMPLETED")
