"""What `make demo` starts, and where it keeps its data."""

import threading
from pathlib import Path

import pytest

from operations.actions import Actions
from operations.ledger import Ledger
from operations.model import Status, is_startable_id
from operations.settings import OperationsSettings
from system.dapr.settings import PROJECT, DaprSettings
from system.demo import use_own_data
from tests.unit.fakes import FakeGateway
from worker.__main__ import demo_workflows
from worker.demo.__main__ import DEMO, Traffic
from worker.demo.activities import DemoActivities
from worker.demo.mix import PAGES, Mix
from worker.orders import WORKFLOW, Order
from worker.settings import WorkerSettings


class Stopping(threading.Event):
    """An event that is set by its last wait, which takes no time."""

    def __init__(self, waits: int) -> None:
        super().__init__()
        self._waits = waits

    def wait(self, timeout: float | None = None) -> bool:
        """Return True after so many waits."""
        del timeout
        self._waits -= 1
        return self._waits < 0


def names() -> set[str]:
    """Return the names of the workflows that the worker of the demo hosts."""
    return {WORKFLOW, *(each.__name__ for each in demo_workflows().workflows)}


def test_the_first_mix_is_worth_a_look() -> None:
    """About a hundred runs of all workflows; some fail, wait, are paused, or start later."""
    first = list(Mix(1).first())
    children = PAGES * sum(each.workflow == "import_catalogue" for each in first)
    assert 60 <= len(first) + children <= 150
    assert {each.workflow for each in first} == names() - {"import_page"}
    assert any(each.is_paused for each in first)
    assert any(each.start_in for each in first)


@pytest.mark.parametrize("seed", range(20))
def test_each_run_can_be_started(seed: int) -> None:
    """Its id is new and allowed, its workflow is hosted, and an order is one."""
    mix = Mix(seed)
    found = [*mix.first(), *(mix.next() for _ in range(50))]
    assert len({each.instance_id for each in found}) == len(found)
    assert all(is_startable_id(each.instance_id) for each in found)
    assert {each.workflow for each in found} <= names()
    for each in found:
        if each.workflow == WORKFLOW:
            Order.model_validate(each.payload)


def test_the_traffic_is_started_by_the_actions(gateway: FakeGateway, ledger: Ledger) -> None:
    """A failed start does not end it; the audit log says who starts."""
    first = list(Mix(7).first())
    Traffic(Actions(gateway, ledger), Mix(7), Stopping(3)).run(is_new=True)
    assert len(gateway.instances) == len(first) + 3
    paused = [each for each in gateway.instances.values() if each.status is Status.SUSPENDED]
    assert len(paused) == 1
    entry = ledger.audit_log.of(paused[0].instance_id, 9)[-1]
    assert entry.actor == DEMO.actor
    before = dict(gateway.instances)
    Traffic(Actions(gateway, ledger), Mix(8), Stopping(2)).run(is_new=False)
    assert len(gateway.instances) == len(before) + 2


def test_all_activities_are_hosted() -> None:
    """Those of the class, and no others."""
    hosted = {each.__name__ for each in demo_workflows().activities}
    assert hosted == {
        name for name in vars(DemoActivities) if not name.startswith("_") and name != "all"
    }


def test_the_demo_has_data_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever the user's settings are."""
    for name in ("LEDGER_URL", "RESOURCES", "DEMO", "FAULT_RATE"):
        monkeypatch.setenv(f"FLOWDECK_{name}", "")
        monkeypatch.delenv(f"FLOWDECK_{name}")
    monkeypatch.setenv("FLOWDECK_HOME", str(tmp_path))
    monkeypatch.setenv("FLOWDECK_LEDGER_URL", "postgresql://user@host/flowdeck")
    monkeypatch.setenv("FLOWDECK_RESOURCES", str(tmp_path))
    use_own_data()
    dapr, operations = DaprSettings.load(), OperationsSettings.load()
    home = tmp_path / "data" / "demo"
    assert (dapr.data, dapr.resources) == (home / "data", PROJECT / "components")
    assert operations.ledger == f"sqlite:///{home / 'data' / 'ledger.db'}"
    worker = WorkerSettings.load()
    assert (worker.demo, worker.fault_rate) == (True, 0.1)
    monkeypatch.setenv("FLOWDECK_FAULT_RATE", "0")
    use_own_data()
    assert WorkerSettings.load().fault_rate == 0
