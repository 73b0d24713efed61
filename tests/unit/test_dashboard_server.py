"""The web server of the dashboard."""

import gc
import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import plotly
import pytest
import streamlit as st
from starlette.testclient import TestClient, WebSocketDenialResponse
from streamlit.config import get_option
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import Runtime
from streamlit.runtime.forward_msg_cache import populate_hash_if_needed

from dashboard.live.updates import PATH, RERUN_PAGE
from dashboard.server import create_app
from dashboard.static_files import PLOTLY_PATH
from operations.model import Status
from operations.web.access import AccessRules
from tests.unit.pages import Desk


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


STATIC = Path(st.__file__).parent / "static"
SCRIPT = next((STATIC / "static" / "js").glob("index.*.js"))
STYLE = next((STATIC / "static" / "css").glob("index.*.css"))


@pytest.mark.parametrize("file", [SCRIPT, STYLE])
def test_scripts_and_styles_are_compressed(server_client: TestClient, file: Path) -> None:
    """Their names have a hash, so browsers keep them for a year."""
    path = f"/{file.relative_to(STATIC)}"
    for _ in range(2):
        answer = server_client.get(path)
        assert answer.content == file.read_bytes()
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert int(answer.headers["content-length"]) < file.stat().st_size / 2
        assert answer.headers["cache-control"] == "public, immutable, max-age=31536000"
        assert answer.headers["x-frame-options"] == "DENY"
    plain = server_client.get(path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == file.read_bytes()


def test_a_script_is_compressed_once(
    server_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For all viewers."""
    compressed: list[int] = []
    compress = gzip.compress

    def count(body: bytes, level: int, *, mtime: float) -> bytes:
        compressed.append(len(body))
        return compress(body, level, mtime=mtime)

    monkeypatch.setattr(gzip, "compress", count)
    path = f"/static/js/{next((STATIC / 'static' / 'js').glob('react-dom.*.js')).name}"
    assert server_client.get(path).content == server_client.get(path).content
    assert len(compressed) == 1


@pytest.mark.parametrize("path", [f"/static/js/{SCRIPT.name}", f"/{PLOTLY_PATH}", "/", "/new"])
def test_a_file_that_the_browser_has_is_not_sent_again(
    server_client: TestClient, path: str
) -> None:
    """It asks with the ETag."""
    first = server_client.get(path)
    again = server_client.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/static/js/none.js", "/static/none.css"])
def test_an_unknown_script_is_not_kept(server_client: TestClient, path: str) -> None:
    """Streamlit answers with its page."""
    for _ in range(2):
        answer = server_client.get(path)
        assert "content-encoding" not in answer.headers
        assert answer.headers["content-type"].startswith("text/html")


def test_a_part_of_a_script_is_not_compressed(server_client: TestClient) -> None:
    """The range counts the bytes of the file."""
    answer = server_client.get(f"/static/js/{SCRIPT.name}", headers={"range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (206, SCRIPT.read_bytes()[:10])


@pytest.mark.parametrize("path", ["/", "/new", "/instance?id=x"])
def test_a_page_looks_for_its_server_in_one_place(server_client: TestClient, path: str) -> None:
    """Otherwise it asks below its own path first, and gets two answers 404."""
    answer = server_client.get(path)
    scripts = re.findall("<script.*?>", answer.text)
    assert scripts[0] == "<script>"
    assert "BACKEND_BASE_URL" in answer.text.split("<script>")[1]
    assert answer.headers["cache-control"] == "no-cache"
    assert server_client.head(path).content == b""


def test_exports_are_served(server_client: TestClient, desk: Desk) -> None:
    """With the filters of the query; each column of a file has a name."""
    desk.add("order_A")
    desk.add("order_B", status=Status.FAILED)
    runs = server_client.get("/flowdeck/export/runs", params={"status": "FAILED"})
    assert runs.headers["content-disposition"].startswith("attachment; filename=")
    header, row = runs.text.splitlines()
    assert header.startswith("instance_id,workflow,status")
    assert row.startswith("order_B,")
    objects = server_client.get("/flowdeck/export/runs?format=jsonl&payloads=true&id=order_A")
    assert '"instance_id":"order_A"' in objects.text
    assert '"input":null' in objects.text
    log = server_client.get("/flowdeck/export/audit", params={"action": "pause"})
    assert len(log.text.splitlines()) == 1
    assert server_client.head("/flowdeck/export/runs").content == b""


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("format=xlsx", "format: found 'xlsx', expected one of csv, jsonl."),
        ("state=x", "state: found 'x', expected one of status, "),
        ("since=x", "since: found 'x', expected "),
    ],
)
def test_a_wrong_query_of_an_export_is_refused(
    server_client: TestClient, desk: Desk, query: str, message: str
) -> None:
    """The answer is a sentence, not a file."""
    del desk
    answer = server_client.get(f"/flowdeck/export/runs?{query}")
    assert (answer.status_code, answer.text[: len(message)]) == (422, message)
    assert "content-disposition" not in answer.headers


def test_an_export_during_an_outage_is_refused(server_client: TestClient, desk: Desk) -> None:
    """An outage is no empty file."""
    with desk.ledger_away():
        answer = server_client.get("/flowdeck/export/runs")
    assert answer.status_code == 503
    assert "The ledger cannot be reached" in answer.text


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
        for path in ("/", PLOTLY_PATH, "/flowdeck/export/runs", "/health", "/_stcore/health")
    ]
    assert codes == [421, 421, 421, 200, 200]


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
