"""What the dashboard's server serves beside its pages."""

import gc
from collections.abc import Iterator
from pathlib import Path

import plotly
import pytest
from starlette.testclient import TestClient
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import Runtime
from streamlit.runtime.forward_msg_cache import populate_hash_if_needed

from dashboard.live.updates import PATH, RUN_PAGE
from dashboard.server import PLOTLY_PATH, create_app


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """Return a client of the running server; the process is afterwards what it was."""
    with TestClient(create_app(lambda: "7:")) as client:
        yield client
    Runtime._instance = None
    gc.unfreeze()


def test_the_chart_script_is_the_one_that_plotly_ships(client: TestClient) -> None:
    """Charts need nothing from the internet."""
    answer = client.get(PLOTLY_PATH)
    assert answer.headers["content-type"].startswith("application/javascript")
    shipped = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    assert answer.content == shipped.read_bytes()


def test_the_chart_script_is_kept_by_browsers(client: TestClient) -> None:
    """Nearly five megabytes are sent once a day."""
    assert client.get(PLOTLY_PATH).headers["cache-control"] == "max-age=86400"


def test_health_is_told(client: TestClient) -> None:
    """Who looks after the process can ask it."""
    answer = client.get("/health")
    assert (answer.status_code, answer.text) == (200, "ok")


def test_the_pages_are_served(client: TestClient) -> None:
    """Beside all that there is Streamlit."""
    assert "<title>Streamlit</title>" in client.get("/").text


def test_live_updates_are_served(client: TestClient) -> None:
    """A page of a session that the server does not know is told to run."""
    with client.websocket_connect(PATH) as page:
        page.send_text("unknown")
        assert page.receive_text() == RUN_PAGE


def test_no_message_is_sent_as_a_reference(client: TestClient) -> None:
    """The browser may have dropped the message, and then the page is dead."""
    del client
    message = ForwardMsg()
    message.metadata.delta_path.append(0)
    message.delta.new_element.bidi_component.js_content = "x" * 1_000_000
    populate_hash_if_needed(message)
    assert not message.metadata.cacheable


def test_what_is_loaded_at_the_start_is_left_out_of_collections(client: TestClient) -> None:
    """Streamlit collects garbage after every rerun, which modules would make slow."""
    del client
    assert gc.get_freeze_count() > 10_000
