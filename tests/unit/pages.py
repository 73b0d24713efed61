"""The dashboard's pages without a browser, on an engine in memory and a ledger in a real file."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.session_state import STREAMLIT_INTERNAL_KEY_PREFIX
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from dashboard import services
from operations.ledger import Ledger
from operations.model import Status
from operations.records import Outage, RunSummary
from operations.snapshots import read_snapshot
from tests.unit.fakes import FakeGateway, instance
from tests.unit.histories import recorded, recorded_state
from tests.unit.snapshots import NOON, of_record, snapshot

APP = Path(services.__file__).parent / "app.py"
LIST, ORDER, INSTANCE = (f"app_pages/{name}.py" for name in ("instances", "new_order", "instance"))
ADDRESSES = {ORDER: "new", INSTANCE: "instance"}


def summary(**told: Any) -> RunSummary:
    """Return an entry of a list: by default, of an order that runs."""
    baseline: dict[str, Any] = dict.fromkeys(RunSummary.__annotations__)
    return RunSummary(
        **{
            **baseline,
            "run_id": 7,
            "app_id": "orders",
            "instance_id": "order_A",
            "workflow": "order_workflow",
            "status": Status.RUNNING,
            "created_at": NOON,
            "revision": 1,
            "is_latest": True,
            **told,
        }
    )


@dataclass
class Desk:
    """The dashboard's process, with the engine and the ledger's file that it stands on."""

    gateway: FakeGateway
    ledger: Ledger
    folder: Path

    def write_heartbeat(self, *outages: Outage) -> None:
        """Have the recorder live at this moment, and see these outages."""
        self.ledger.write_heartbeat(datetime.now(UTC), outages)

    def silence(self) -> None:
        """Have the recorder not been heard of for a minute."""
        self.ledger.write_heartbeat(datetime.now(UTC) - timedelta(minutes=1), ())

    def has(self, *ids: str, status: Status = Status.RUNNING) -> None:
        """Have instances of one status, in the engine and in the ledger."""
        seen = []
        for number, each in enumerate(ids):
            self.gateway.put(instance(each, status, '{"order_id": "A"}'))
            told: dict[str, Any] = {"created": number, "seen": number + 1, "execution": each}
            seen.append(snapshot(status, instance_id=each, **told))
        self.ledger.runs.ingest(seen)

    def record(self) -> None:
        """Record what the engine has now, as the recorder does."""
        snapshots = [read_snapshot(self.gateway, each) for each in self.gateway.instances]
        self.ledger.runs.ingest([each for each in snapshots if each])

    def has_two_runs(self, instance_id: str = "order_A") -> tuple[int, int]:
        """Have an id that was used twice: completed, then running; return the lives' keys."""
        self.has(instance_id, status=Status.COMPLETED)
        self.gateway.put(instance(instance_id, Status.RUNNING, '{"order_id": "A"}'))
        told: dict[str, Any] = {"created": 60, "seen": 61, "execution": "second"}
        later = snapshot(Status.RUNNING, instance_id=instance_id, **told)
        self.ledger.runs.ingest([later])
        latest = self.ledger.runs.latest(instance_id)
        assert latest
        earlier, _ = self.ledger.runs.adjacent_runs(latest)
        assert earlier
        return earlier.run_id, latest.run_id

    def has_recorded(self, name: str) -> str:
        """Have an instance that was recorded, in the engine and in the ledger; return its id."""
        found = recorded_state(name)
        self.gateway.put(found)
        self.gateway.events[found.instance_id] = recorded(name)
        self.ledger.runs.ingest([of_record(name)])
        return found.instance_id

    @contextmanager
    def ledger_away(self) -> Iterator[None]:
        """Have the ledger's file where nobody finds it."""
        elsewhere = self.folder.with_name("away")
        for each in (self.ledger, *([services.services().ledger] if self.is_built else [])):
            each.close()
        self.folder.rename(elsewhere)
        self.folder.write_text("")  # where no folder can be
        try:
            yield
        finally:
            self.folder.unlink()
            elsewhere.rename(self.folder)

    @property
    def is_built(self) -> bool:
        """Whether the process has opened the ledger."""
        return services._services.cache_info().currsize > 0

    def open(self, page: str = LIST, **query: str | list[str]) -> AppTest:
        """Return a session of its own that has opened a page."""
        app = unscanned(AppTest.from_file(APP, default_timeout=30))
        app.context = {"timezone": "Europe/Berlin"}
        if page != LIST:
            app._page_hash = calc_hash(ADDRESSES[page])  # as a browser does that begins there
        app.query_params = dict(query)
        return run(app)


def unscanned(app: AppTest) -> AppTest:
    """Spare an app the look through all that is installed for parts of pages: there are none."""
    app._bidi_component_manager = BidiComponentManager()
    return app


def run(app: AppTest) -> AppTest:
    """Have a session run again, with a look of its own."""
    services.state_watcher().refresh()
    return app.run()


def widget(app: AppTest, name: str) -> dict[str, Any]:
    """Return the data that a part of the page was given."""
    data: dict[str, Any] = json.loads(_widget(app, name).json)
    return data


def has_widget(app: AppTest, name: str) -> bool:
    """Whether the page has a part."""
    return any(_name(each) == name for each in app.get("bidi_component"))


def trigger(app: AppTest, name: str, event: str, value: object) -> AppTest:
    """Send what the browser sends when something is done in a part of the page."""
    widget = f"{STREAMLIT_INTERNAL_KEY_PREFIX}_{_widget(app, name).id}__events"
    told = json.dumps([{"event": event, "value": value}])
    return send(app, WidgetState(id=widget, json_trigger_value=told))


def state(app: AppTest, name: str, value: object) -> WidgetState:
    """Return what the browser says of the state of a part of the page."""
    return WidgetState(id=_widget(app, name).id, json_value=json.dumps(value))


def send(app: AppTest, *states: WidgetState) -> AppTest:
    """Have a session run again with states of widgets that `AppTest` does not know."""
    told = app._tree.get_widget_states()
    told.widgets.extend(states)
    services.state_watcher().refresh()
    return app._run(told)


def ids(app: AppTest) -> list[str]:
    """Return the ids in the table, from its top."""
    return [row["id"] for row in widget(app, "table")["rows"]]


def texts(elements: Iterable[Any]) -> str:
    """Return what elements say, as a person reads it: without what keeps Markdown away."""
    return "\n".join(str(each.value) for each in elements).replace("\\", "").replace("\u2060", "")


def _widget(app: AppTest, name: str) -> Any:
    return next(each.proto for each in app.get("bidi_component") if _name(each) == name)


def _name(element: Any) -> str:
    return str(element.proto.component_name).removeprefix("flowdeck_")
