"""The pages of the dashboard without a browser, with a fake gateway and a ledger in a real file."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.session_state import STREAMLIT_INTERNAL_KEY_PREFIX
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from dashboard import services
from operations.ledger import Ledger
from operations.model import Status
from operations.recorder_report import Outage
from operations.records import RunSummary
from operations.snapshots import read_snapshot
from tests.unit.fakes import FakeGateway, instance
from tests.unit.histories import recorded, recorded_state
from tests.unit.snapshots import NOON, recorded_snapshot, snapshot
from tests.waiting import eventually

APP = Path(services.__file__).parent / "app.py"
OVERVIEW, LIST, FAILURES, ORDER, INSTANCE = (
    f"app_pages/{name}.py"
    for name in ("overview", "instances", "failures", "new_order", "instance")
)
BULK, WAITING, AUDIT, START = (
    f"app_pages/{name}.py" for name in ("bulk", "waiting", "audit", "start")
)
ADDRESSES = {
    OVERVIEW: "",
    LIST: "instances",
    FAILURES: "failures",
    BULK: "bulk",
    WAITING: "waiting",
    AUDIT: "audit",
    START: "start",
    ORDER: "new",
    INSTANCE: "instance",
}


def summary(**fields: Any) -> RunSummary:
    """Return the summary of a run; by default, of a running order."""
    empty: dict[str, Any] = dict.fromkeys(RunSummary.__annotations__)
    return RunSummary(
        **{
            **empty,
            "run_id": 7,
            "app_id": "orders",
            "instance_id": "order_A",
            "workflow": "order_workflow",
            "status": Status.RUNNING,
            "created_at": NOON,
            "revision": 1,
            "is_latest": True,
            **fields,
        }
    )


@dataclass
class Desk:
    """The process of the dashboard, with its gateway and the folder of its ledger."""

    gateway: FakeGateway
    ledger: Ledger
    folder: Path

    def write_heartbeat(self, *outages: Outage) -> None:
        """Write a current heartbeat of the recorder with these outages."""
        self.ledger.write_heartbeat(datetime.now(UTC), outages)

    def expire_heartbeat(self) -> None:
        """Write a heartbeat that is a minute old."""
        self.ledger.write_heartbeat(datetime.now(UTC) - timedelta(minutes=1), ())

    def add(self, *ids: str, status: Status = Status.RUNNING) -> None:
        """Add instances with one status to the engine and to the ledger."""
        snapshots = []
        for number, each in enumerate(ids):
            self.gateway.put(instance(each, status, '{"order_id": "A"}'))
            fields: dict[str, Any] = {"created": number, "read": number + 1, "execution": each}
            snapshots.append(snapshot(status, instance_id=each, **fields))
        self.ledger.runs.ingest(snapshots)

    def record(self) -> None:
        """Record what the engine has now, as the recorder does."""
        snapshots = [read_snapshot(self.gateway, each) for each in self.gateway.instances]
        self.ledger.runs.ingest([each for each in snapshots if each])

    def add_two_runs(self, instance_id: str = "order_A") -> tuple[int, int]:
        """Add a completed and then a running run of one id; return their `run_id`s."""
        self.add(instance_id, status=Status.COMPLETED)
        self.gateway.put(instance(instance_id, Status.RUNNING, '{"order_id": "A"}'))
        fields: dict[str, Any] = {"created": 60, "read": 61, "execution": "second"}
        self.ledger.runs.ingest([snapshot(Status.RUNNING, instance_id=instance_id, **fields)])
        latest = self.ledger.runs.latest(instance_id)
        assert latest
        earlier, _ = self.ledger.runs.adjacent_runs(latest)
        assert earlier
        return earlier.run_id, latest.run_id

    def add_recorded(self, name: str) -> str:
        """Add a recorded instance to the engine and to the ledger; return its id."""
        found = recorded_state(name)
        self.gateway.put(found)
        self.gateway.events[found.instance_id] = recorded(name)
        self.ledger.runs.ingest([recorded_snapshot(name)])
        return found.instance_id

    @contextmanager
    def ledger_away(self) -> Iterator[None]:
        """Make the ledger unavailable: its folder is replaced by a file."""
        elsewhere = self.folder.with_name("away")
        for ledger in (self.ledger, *([services.services().ledger] if self.is_built else [])):
            ledger.close()
        self.folder.rename(elsewhere)
        self.folder.write_text("")
        try:
            yield
        finally:
            self.folder.unlink()
            elsewhere.rename(self.folder)

    @property
    def is_built(self) -> bool:
        """True if the process has opened the ledger."""
        return services._services.cache_info().currsize > 0

    def open(self, page: str = LIST, **query: str | list[str]) -> AppTest:
        """Open a page in a new session."""
        return open_app(page, **query)


def open_app(page: str, **query: str | list[str]) -> AppTest:
    """Open a page of the dashboard in this process, in a new session."""
    app = unscanned(AppTest.from_file(APP, default_timeout=30))
    app.context = {"timezone": "Europe/Berlin"}
    if page != OVERVIEW:
        app._page_hash = calc_hash(ADDRESSES[page])  # as when a browser starts at this page
    app.query_params = dict(query)
    return run(app)


def unscanned(app: AppTest) -> AppTest:
    """Spare an app the search of all installed packages for components: there are none."""
    app._bidi_component_manager = BidiComponentManager()
    return app


def run(app: AppTest) -> AppTest:
    """Rerun a session, which reads the state again."""
    services.state_reader().refresh()
    return app.run()


def until_warned(app: AppTest, text: str) -> None:
    """Rerun a session until a warning contains a text: a problem is an outage after a second."""
    eventually(lambda: text in texts(run(app).warning), 10, f"a warning with {text!r}")


def widget(app: AppTest, name: str) -> dict[str, Any]:
    """Return the data of a widget."""
    data: dict[str, Any] = json.loads(_widget(app, name).json)
    return data


def has_widget(app: AppTest, name: str) -> bool:
    """Return True if the page has a widget."""
    return any(_name(each) == name for each in app.get("bidi_component"))


def follow(app: AppTest, href: str) -> AppTest:
    """Follow a link of a widget, as the browser does."""
    link = urlsplit(href)
    pages = {path: page for page, path in ADDRESSES.items()}
    app.query_params = parse_qs(link.query)
    return run(app.switch_page(pages[link.path]))


def trigger(app: AppTest, name: str, event: str, value: object) -> AppTest:
    """Send an event of a widget, as the browser does."""
    return send(app, triggered(app, name, event, value))


def triggered(app: AppTest, name: str, event: str, value: object) -> WidgetState:
    """Return an event of a widget, as the browser sends it."""
    events_id = f"{STREAMLIT_INTERNAL_KEY_PREFIX}_{_widget(app, name).id}__events"
    events = json.dumps([{"event": event, "value": value}])
    return WidgetState(id=events_id, json_trigger_value=events)


def state(app: AppTest, name: str, value: object) -> WidgetState:
    """Return the state of a widget, as the browser sends it."""
    return WidgetState(id=_widget(app, name).id, json_value=json.dumps(value))


def send(app: AppTest, *states: WidgetState) -> AppTest:
    """Rerun a session with the states of widgets that `AppTest` does not know."""
    all_states = app._tree.get_widget_states()
    all_states.widgets.extend(states)
    services.state_reader().refresh()
    return app._run(all_states)


def ids(app: AppTest) -> list[str]:
    """Return the ids in the table from top to bottom."""
    return [row["id"] for row in widget(app, "table")["rows"]]


def texts(elements: Iterable[Any]) -> str:
    """Return the texts of elements as a person reads them, without the escapes of Markdown."""
    return "\n".join(str(each.value) for each in elements).replace("\\", "").replace("\u2060", "")


def _widget(app: AppTest, name: str) -> Any:
    found = [each.proto for each in app.get("bidi_component") if _name(each) == name]
    shown = texts([*app.exception, *app.error, *app.warning, *app.info, *app.markdown])
    assert found, f"the page has no widget {name!r}; it shows:\n{shown}"
    return found[0]


def _name(element: Any) -> str:
    return str(element.proto.component_name).removeprefix("flowdeck_")
