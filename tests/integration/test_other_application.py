"""A system whose application id changes while its ledger stays."""

from collections.abc import Callable

import pytest

from tests.http_client import http_client
from tests.integration.stack import AT_ONCE, RECOVERY, Stack, unique
from tests.waiting import eventually


def purges(stack: Stack) -> dict[str, tuple[str, str | None]]:
    """Return the status of each listed run and when it was purged, by instance id."""
    body = http_client.get(f"{stack.url}/workflows").json()
    return {each["instance_id"]: (each["status"], each["purged_at"]) for each in body["workflows"]}


@pytest.mark.slow
def test_the_runs_of_another_application_are_left_alone(second: Callable[..., Stack]) -> None:
    """They are neither purged nor followed, and continue when their application is back."""
    with second(FLOWDECK_PROCESS_SECONDS="60") as system:
        system.start()
        running = system.start_order(unique("MINE"))
        eventually(lambda: purges(system) == {running: ("RUNNING", None)}, 15, "it is recorded")
        system.stop()
    with second(FLOWDECK_APP_ID="another", **AT_ONCE) as system:
        system.start()
        other = system.start_order(unique("OTHER"))
        expected = {running: ("RUNNING", None), other: ("COMPLETED", None)}
        eventually(lambda: purges(system) == expected, RECOVERY, "it is recorded")
        system.stop()
    with second(**AT_ONCE) as system:
        system.start()
        expected = {running: ("COMPLETED", None), other: ("COMPLETED", None)}
        eventually(lambda: purges(system) == expected, RECOVERY, "the first one has ended")
