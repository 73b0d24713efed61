"""Which hosts and origins a request may name."""

import pytest

from operations.web.access import AccessRules
from worker.settings import WorkerSettings

BEHIND_TLS = AccessRules(public_url="https://flow.example")


def rules(**settings: object) -> AccessRules:
    """Return the rules of a server with these settings."""
    loaded = WorkerSettings.model_validate(settings)
    return AccessRules.of(loaded, loaded.api_host)


def code(access: AccessRules, method: str = "POST", **headers: str) -> int:
    """Return the status code of the refusal of a request, 200 if it is allowed."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    refusal = access.refusal(method, sent)
    return refusal.status_code if refusal else 200


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "localhost.", "127.0.0.1:8501", "127.8.8.8", "[::1]:80"]
)
def test_the_loopback_is_allowed(host: str) -> None:
    """By each of its names, at any port: a port may be forwarded."""
    assert code(AccessRules(), host=host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "",
        "other.example",
        "127.0.0.1.other.example",
        "localhost.other.example",
        "10.0.0.1:8000",
        "[::2]",
        "other.example@localhost",
        "localhost@other.example",
        "localhost/other.example",
        "other.example#localhost",
        "localhost:http",
        "a b",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_any_other_host_is_refused(method: str, host: str) -> None:
    """Otherwise a site could give this server its own name, and read everything."""
    refusal = AccessRules().refusal(method, {"host": host})
    assert refusal
    assert refusal.status_code == 421
    assert "FLOWDECK_ALLOWED_HOSTS" in refusal.message
    assert "FLOWDECK_PUBLIC_URL" in refusal.message


def test_settings_allow_other_hosts() -> None:
    """The names of a setting, the host of the public URL, and the address of the server."""
    access = rules(
        allowed_hosts="Flow.internal, 10.0.0.9",
        public_url="https://flow.example",
        api_host="10.0.0.1",
        access_is_guarded=True,
    )
    allowed = ("flow.INTERNAL:1", "10.0.0.9", "flow.example", "10.0.0.1:8000", "localhost")
    assert [code(access, host=host) for host in allowed] == [200] * 5
    assert code(access, host="internal") == 421


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "ANYTHING"])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://other.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://localhost:8501"},
        {"origin": "http://localhost.other.example:8000"},
        {"origin": "file://"},
        {"origin": "http://localhost:8000/"},
        {"origin": "http://localhost:\t8000"},
        {"origin": "http://localhost:8000, https://other.example"},
        {"sec_fetch_site": "same-origin, cross-site"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site", "origin": "http://localhost:8000"},
    ],
)
def test_other_pages_cannot_change_anything(method: str, headers: dict[str, str]) -> None:
    """Also a page on another port of this machine."""
    assert code(AccessRules(), method, host="localhost:8000", **headers) == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://localhost:8000"},
        {"origin": "HTTP://LOCALHOST:8000"},
        {"origin": "http://localhost:8000", "sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
    ],
)
def test_own_pages_and_programs_are_allowed(headers: dict[str, str]) -> None:
    """Programs such as curl send no origin."""
    assert code(AccessRules(), host="localhost:8000", **headers) == 200


def test_other_pages_may_link_here() -> None:
    """A read changes nothing, and the browser does not show its answer to the other page."""
    headers = {"origin": "https://other.example", "sec_fetch_site": "cross-site"}
    assert code(AccessRules(), "GET", host="localhost", **headers) == 200


def test_other_pages_cannot_open_a_websocket() -> None:
    """A browser shows its messages to any page."""
    headers = {"host": "localhost", "origin": "https://other.example"}
    refusal = AccessRules().refusal("GET", headers, is_websocket=True)
    assert refusal
    assert refusal.status_code == 403


@pytest.mark.parametrize("host", ["flow.example", "flow.example:443", "127.0.0.1:8501"])
def test_behind_a_tls_proxy_the_origin_is_the_public_url(host: str) -> None:
    """Whether the proxy passes the browser's host on or not."""
    assert code(BEHIND_TLS, host=host, origin="https://flow.example") == 200
    assert code(BEHIND_TLS, host=host, origin="https://other.example") == 403
    assert code(BEHIND_TLS, host=host, origin="http://flow.example") == 403


def test_a_proxy_may_serve_an_allowed_host() -> None:
    """With TLS or without, if it passes the host on."""
    access = rules(allowed_hosts="flow.internal")
    for scheme in ("http", "https"):
        assert code(access, host="flow.internal", origin=f"{scheme}://flow.internal") == 200
    assert code(access, host="flow.internal", origin="https://flow.internal:444") == 403
