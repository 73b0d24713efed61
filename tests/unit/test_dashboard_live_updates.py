"""Live updates: when the server reads the version, and which pages it reruns."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.TextInput_pb2 import TextInput
from streamlit.runtime import Runtime
from streamlit.runtime.app_session import AppSession

from dashboard.live.updates import (
    LIVE,
    PATH,
    RERUN_PAGE,
    TRY_AGAIN_LATER,
    Intervals,
    LiveUpdates,
)
from tests.waiting import eventually

SECONDS = 10
AT_ONCE = Intervals(read=0.001, update=0.001)
UNREPORTED = replace(AT_ONCE, report_timeout=0.05)
SCRIPT = """
import streamlit as st
from pathlib import Path
from dashboard.live.fragment_reruns import keep_texts, register_fragment

@st.fragment
def live():
    version = Path({file!r}).read_text()
    register_fragment(version)
    keep_texts()
    st.text(version + " for " + st.text_input("q", key="q", bind="query-params"))

live()
"""


class FakeSession:
    """A page that shows a version; a rerun makes it show the system's."""

    def __init__(self, system: "LiveSystem", version: str) -> None:
        self._system = system
        self.version = version
        self.render_id = "r"
        self.reruns: list[str] = []

    async def wait_until_settled(self) -> None:
        """No request is in progress."""

    def rerun(self) -> None:
        """Show the system's version."""
        self.version = self._system.version
        self.reruns.append(self.version)


class LiveSystem:
    """A system whose version the tests set, and live updates that read it."""

    def __init__(self) -> None:
        self.version = "1"
        self.reads = 0
        self.sessions: dict[str, FakeSession] = {}
        self.updates = LiveUpdates(self._read, AT_ONCE, self.sessions.get)

    @contextmanager
    def page(self, client: TestClient, name: str, version: str) -> Iterator[FakeSession]:
        """Open a page that shows a version."""
        session = self.sessions.setdefault(name, FakeSession(self, version))
        with client.websocket_connect(PATH) as socket:
            socket.send_text(name)
            socket.send_text(session.render_id)
            yield session

    def wait_for_read(self) -> None:
        """Wait until a read that started after this call has ended."""
        before = self.reads
        eventually(lambda: self.reads > before + 1, SECONDS, "a read of the version")

    def _read(self) -> str:
        self.reads += 1
        return self.version


@pytest.fixture
def system() -> LiveSystem:
    """Return a system with live updates without delays."""
    return LiveSystem()


@pytest.fixture
def live_client(system: LiveSystem) -> Iterator[TestClient]:
    """Return a client whose connections share one event loop, as on a server."""
    with TestClient(Starlette(routes=[system.updates.route])) as client:
        yield client


def expect_reruns(session: FakeSession, *versions: str) -> None:
    """Wait until a page was rerun for exactly these versions."""
    eventually(lambda: session.reruns == [*versions], SECONDS, f"reruns for {versions}")


def test_a_page_that_shows_an_old_version_is_rerun(
    system: LiveSystem, live_client: TestClient
) -> None:
    """As soon as it connects, for example after its tab was hidden."""
    with system.page(live_client, "a", "0") as page:
        expect_reruns(page, "1")


def test_a_current_page_is_not_rerun(system: LiveSystem, live_client: TestClient) -> None:
    """Its first rerun is for the next version."""
    with system.page(live_client, "a", "1") as page:
        system.wait_for_read()
        assert page.reruns == []
        system.version = "2"
        expect_reruns(page, "2")


def test_a_page_that_does_not_show_its_last_render_is_not_rerun(
    system: LiveSystem, live_client: TestClient
) -> None:
    """The browser reports each render that it shows."""
    page = system.sessions["a"] = FakeSession(system, "0")
    page.render_id = "second"
    with live_client.websocket_connect(PATH) as socket:
        for text in ("a", "first"):
            socket.send_text(text)
        assert socket.receive_text() == LIVE
        system.wait_for_read()
        assert page.reruns == []
        socket.send_text("second")
        expect_reruns(page, "1")


def test_a_page_that_reports_nothing_is_rerun_later(system: LiveSystem) -> None:
    """Its report may be lost."""
    page = system.sessions["a"] = FakeSession(system, "0")
    updates = LiveUpdates(lambda: "1", UNREPORTED, system.sessions.get)
    with (
        TestClient(Starlette(routes=[updates.route])) as client,
        client.websocket_connect(PATH) as socket,
    ):
        socket.send_text("a")
        expect_reruns(page, "1")


def test_each_change_reruns_each_page(system: LiveSystem, live_client: TestClient) -> None:
    """Including a change back to an earlier version."""
    with system.page(live_client, "a", "1") as one, system.page(live_client, "b", "1") as other:
        for number, version in enumerate(("2", "2 sidecar", "2"), start=1):
            system.version = version
            for page in (one, other):
                eventually(lambda p=page, n=number: len(p.reruns) == n, SECONDS, "a rerun")  # type: ignore[misc]
        assert one.reruns == other.reruns == ["2", "2 sidecar", "2"]


def test_a_page_of_an_unknown_session_must_rerun(
    system: LiveSystem, live_client: TestClient
) -> None:
    """As after a restart of the server; the message is repeated in case the browser misses it."""
    del system
    with live_client.websocket_connect(PATH) as socket:
        socket.send_text("of another process")
        assert [socket.receive_text(), socket.receive_text()] == [RERUN_PAGE, RERUN_PAGE]


def test_a_page_of_a_known_session_is_live(system: LiveSystem, live_client: TestClient) -> None:
    """It says so only now: after a restart of the server a page must rerun first."""
    system.sessions["a"] = FakeSession(system, "1")
    with live_client.websocket_connect(PATH) as socket:
        socket.send_text("a")
        assert socket.receive_text() == LIVE


def test_all_pages_share_one_reader(system: LiveSystem, live_client: TestClient) -> None:
    """A second page starts no second task."""
    with system.page(live_client, "a", "0") as one:
        expect_reruns(one, "1")
        reading = system.updates._reading
        with system.page(live_client, "b", "0") as other:
            expect_reruns(other, "1")
            assert system.updates._reading is reading


def test_without_an_open_page_nothing_is_read(system: LiveSystem, live_client: TestClient) -> None:
    """Reading starts with the first page and stops with the last."""
    assert (system.updates._reading, system.reads) == (None, 0)
    with system.page(live_client, "a", "0") as page:
        expect_reruns(page, "1")
    eventually(lambda: system.updates._reading is None, SECONDS, "the end of the reads")
    before = system.reads
    with system.page(live_client, "b", "1"):
        eventually(lambda: system.reads > before, SECONDS, "a read")


def test_a_page_that_closes_at_once_leaves_nothing(
    system: LiveSystem, live_client: TestClient
) -> None:
    """A page that closes before it has sent its session is no error and is no longer counted."""
    with live_client.websocket_connect(PATH):
        eventually(lambda: system.reads, SECONDS, "a read")
    eventually(lambda: system.updates._open_pages == 0, SECONDS, "no open page")
    assert system.updates._reading is None


def test_the_number_of_open_pages_is_limited() -> None:
    """One more is closed, so that it connects again later; each costs a task and some memory."""
    updates = LiveUpdates(lambda: "1", AT_ONCE, lambda _: None, max_pages=2)
    with TestClient(Starlette(routes=[updates.route])) as client:
        with client.websocket_connect(PATH), client.websocket_connect(PATH):
            with client.websocket_connect(PATH) as third, pytest.raises(WebSocketDisconnect) as end:
                third.receive_text()
            assert end.value.code == TRY_AGAIN_LATER
        eventually(lambda: updates._open_pages == 0, SECONDS, "no open page")
        with client.websocket_connect(PATH) as later:
            later.send_text("a")
            assert later.receive_text() == RERUN_PAGE


@dataclass(frozen=True)
class Rerun:
    """What a browser receives during one rerun of a page or of a fragment."""

    session_id: str
    texts: list[str]
    fields: list[TextInput]
    finished: int


class Browser:
    """The messages of a browser and of Streamlit's server."""

    def __init__(self, socket: WebSocketTestSession) -> None:
        self._socket = socket

    def run_page(self, query: str, **values: str) -> None:
        """Request a rerun of the whole page, with the values of its fields by their ids."""
        message = BackMsg()
        message.rerun_script.query_string = query
        for widget_id, value in values.items():
            state = message.rerun_script.widget_states.widgets.add()
            state.id, state.string_value = widget_id, value
        self._socket.send_bytes(message.SerializeToString())

    def next_rerun(self) -> Rerun:
        """Wait for the end of the next rerun, and return it."""
        session_id, texts, fields = "", [], []
        while True:
            message = ForwardMsg.FromString(self._socket.receive_bytes())
            if message.HasField("new_session"):
                session_id = message.new_session.initialize.session_id
            elif message.delta.new_element.HasField("text"):
                texts.append(message.delta.new_element.text.body)
            elif message.delta.new_element.HasField("text_input"):
                fields.append(message.delta.new_element.text_input)
            elif message.HasField("script_finished"):
                return Rerun(session_id, texts, fields, message.script_finished)


def write_version(file: Path, version: str) -> None:
    """Replace the file, so that no reader finds it empty."""
    new = file.with_suffix(".new")
    new.write_text(version)
    new.replace(file)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the file with the version."""
    file = tmp_path / "version"
    write_version(file, "1")
    return file


@pytest.fixture
def streamlit_client(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    """Return a client of a Streamlit server with a page that has a live fragment.

    The first `st.App` of a process decides where Streamlit reads its configuration.
    """
    monkeypatch.setattr("streamlit.config._main_script_path", None)
    script = tmp_path / "app.py"
    script.write_text(SCRIPT.format(file=str(file)))
    updates = LiveUpdates(file.read_text, UNREPORTED)  # the tests report no renders
    with TestClient(st.App(script, routes=[updates.route])) as client:
        yield client
        # Streamlit leaves the event loop of a session open that ends while its script runs.
        eventually(lambda: not any(_is_running(each) for each in _sessions()), SECONDS, "the end")
    Runtime._instance = None


def _sessions() -> list[AppSession]:
    return [each.session for each in Runtime.instance()._session_mgr.list_sessions()]


def _is_running(session: AppSession) -> bool:
    return session._scriptrunner is not None


def test_streamlit_reruns_the_live_fragment(streamlit_client: TestClient, file: Path) -> None:
    """The browser asks for nothing. Fails if Streamlit changes what `fragment_reruns` uses."""
    with streamlit_client.websocket_connect("/_stcore/stream") as socket:
        browser = Browser(socket)
        browser.run_page("q=kept")
        rerun = browser.next_rerun()
        assert rerun.texts == ["1 for kept"]
        assert rerun.finished == ForwardMsg.FINISHED_SUCCESSFULLY
        with streamlit_client.websocket_connect(PATH) as live:
            live.send_text(rerun.session_id)
            write_version(file, "2")
            rerun = browser.next_rerun()
    assert rerun.texts == ["2 for kept"]
    assert rerun.finished == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
    # The browser may receive this rerun before it has shown the field with the text of the address.
    assert [(field.value, field.set_value) for field in rerun.fields] == [("kept", True)]


def test_a_rerun_from_the_server_keeps_what_was_typed(
    streamlit_client: TestClient, file: Path
) -> None:
    """The address that the server knows may be older than the text of the field."""
    with streamlit_client.websocket_connect("/_stcore/stream") as socket:
        browser = Browser(socket)
        browser.run_page("q=old")
        rerun = browser.next_rerun()
        browser.run_page("q=old", **{rerun.fields[0].id: "new"})
        assert browser.next_rerun().texts == ["1 for new"]
        with streamlit_client.websocket_connect(PATH) as live:
            live.send_text(rerun.session_id)
            for version in ("2", "3"):
                write_version(file, version)
                reruns = [browser.next_rerun()]
                while reruns[-1].texts != [f"{version} for new"]:  # a version may be shown twice
                    reruns.append(browser.next_rerun())
                assert all(each.texts[0].endswith(" for new") for each in reruns)
                assert not any(each.fields[0].set_value for each in reruns)
