"""The web server of the dashboard."""

import gc
from collections.abc import Iterator
from pathlib import Path

import plotly
import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse
from streamlit.config import get_option
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import Runtime
from streamlit.runtime.forward_msg_cache import populate_hash_if_needed

from dashboard.live.updates import PATH, RERUN_PAGE
from dashboard.server import PLOTLY_PATH, create_app
from operations.web.access import AccessRules


@pytest.fixture(scope="module")
def server_client() -> Iterator[TestClient]:
    """Return a client of the running server, whose global state is reset afterwards."""
    access = AccessRules(frozenset({"testserver"}))
    with TestClient(create_app(lambda: "7:", access)) as client:
        yield client
    Runtime._instance = None
    gc.unfreeze()


def test_the_chart_script_is_the_one_that_plotly_ships(server_client: TestClient) -> None:
    """Charts load nothing from the internet."""
    answer = server_client.get(PLOTLY_PATH)
    assert answer.headers["content-type"].startswith("application/javascript")
    shipped = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    assert answer.content == shipped.read_bytes()


def test_browsers_cache_the_chart_script(server_client: TestClient) -> None:
    """Nearly 5 MB are sent once a day."""
    assert server_client.get(PLOTLY_PATH).headers["cache-control"] == "max-age=86400"


def test_health_is_served(server_client: TestClient) -> None:
    """A supervisor can poll it."""
    answer = server_client.get("/health")
    assert (answer.status_code, answer.text) == (200, "ok")


def test_the_pages_are_served(server_client: TestClient) -> None:
    """By Streamlit, under the same port."""
    assert "<title>Streamlit</title>" in server_client.get("/").text


def test_live_updates_are_served(server_client: TestClient) -> None:
    """A page of an unknown session gets the message to rerun."""
    with server_client.websocket_connect(PATH) as page:
        page.send_text("unknown")
        assert page.receive_text() == RERUN_PAGE


def test_no_message_is_sent_as_a_reference(server_client: TestClient) -> None:
    """If the browser has dropped the message, a reference breaks the page."""
    del server_client
    message = ForwardMsg()
    message.metadata.delta_path.append(0)
    message.delta.new_element.bidi_component.js_content = "x" * 1_000_000
    populate_hash_if_needed(message)
    assert not message.metadata.cacheable


def test_loaded_modules_are_frozen(server_client: TestClient) -> None:
    """Streamlit collects garbage after every rerun, which modules would slow down."""
    del server_client
    assert gc.get_freeze_count() > 10_000


def test_uploads_are_refused(server_client: TestClient) -> None:
    """No page has an upload, and Streamlit would keep 200 MiB of each in memory."""
    path = "/_stcore/upload_file/session/file"
    for method in ("PUT", "POST", "DELETE"):
        assert server_client.request(method, path).status_code == 405
    assert get_option("server.maxUploadSize") == 1


FOREIGN = ({"origin": "https://other.example"}, {"origin": "null"}, {"host": "other.example"})


@pytest.mark.parametrize("path", [PATH, "/_stcore/stream"])
@pytest.mark.parametrize("headers", FOREIGN)
def test_other_pages_cannot_connect(
    server_client: TestClient, path: str, headers: dict[str, str]
) -> None:
    """Neither to the websocket of live updates nor to Streamlit's, through which pages act."""
    with (
        pytest.raises(WebSocketDenialResponse) as denied,
        server_client.websocket_connect(path, headers=headers),
    ):
        pass
    assert denied.value.status_code == (421 if "host" in headers else 403)
    assert "FLOWDECK_PUBLIC_URL" in denied.value.json()["detail"]
    assert denied.value.headers["x-frame-options"] == "DENY"


def test_another_host_gets_no_page(server_client: TestClient) -> None:
    """Only the answers of probes, which are always the same."""
    codes = [
        server_client.get(path, headers={"host": "10.1.2.3"}).status_code
        for path in ("/", PLOTLY_PATH, "/health", "/_stcore/health")
    ]
    assert codes == [421, 421, 200, 200]


@pytest.mark.parametrize("path", ["/", "/health", f"/{PLOTLY_PATH}", "/_stcore/nope", "/media/x"])
def test_every_response_restricts_the_browser(server_client: TestClient, path: str) -> None:
    """No page shows it in a frame; it runs only scripts of Streamlit and of widgets."""
    sent = server_client.get(path).headers
    assert (sent["x-frame-options"], sent["x-content-type-options"]) == ("DENY", "nosniff")
    assert sent["referrer-policy"] == "same-origin"
    policy = dict(part.split(" ", 1) for part in sent["content-security-policy"].split("; "))
    assert policy["frame-ancestors"] == "'none'"
    assert policy["script-src"].startswith("'self' blob: 'sha256-")
    assert "unsafe" not in policy["script-src"]
