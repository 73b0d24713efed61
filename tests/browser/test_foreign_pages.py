"""Pages of other sites cannot act through the viewer's browser; the own pages behind TLS can."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.browser.acts import expect_bars, expect_status, open_instance, press, row
from tests.browser.chromium import FLAGS, find
from tests.browser.conftest import DEFAULTS, LIST, PUBLIC_HOST, OpenPage, settle
from tests.http_client import http_client
from tests.integration.stack import Stack, unique
from tests.tls_proxy import tls_proxy

HANDSHAKE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
}
"""The headers of a request that opens a websocket."""


def test_a_form_of_another_site_cannot_terminate(open_page: OpenPage, stack: Stack) -> None:
    """The API answers 403 to Chromium's request, and the order goes on."""
    instance_id = stack.start_order(unique("forged"))
    page = open_page("/new")
    terminate = f"{stack.url}/workflow/terminate/{instance_id}"
    with page.context.new_page() as foreign:
        foreign.set_content(f'<form method="post" action="{terminate}"><button>Win</button></form>')
        foreign.get_by_role("button").click()
        expect(foreign.locator("body")).to_contain_text("ForeignOrigin")
    assert stack.status(instance_id)["status"] == "RUNNING"


@pytest.mark.parametrize(
    "element", ['<iframe src="{}"></iframe>', '<img src="{}/favicon.png">'], ids=["frame", "image"]
)
def test_another_site_cannot_show_a_page(open_page: OpenPage, stack: Stack, element: str) -> None:
    """A viewer could click on a button in an invisible frame; an image says that a server runs."""
    page = open_page("/new")
    with page.context.new_page() as foreign:
        with foreign.expect_event("requestfailed") as failed:
            foreign.set_content(element.format(stack.page))
        assert str(failed.value.failure).startswith("net::ERR_BLOCKED_BY_RESPONSE")


@pytest.fixture
def public_page(playwright: Playwright, stack: Stack, tmp_path: Path) -> Iterator[Page]:
    """Return a page that a proxy serves by TLS; a script error or a refused script fails a test."""
    failures = []
    resolve = f"--host-resolver-rules=MAP {PUBLIC_HOST} 127.0.0.1"
    chromium = playwright.chromium.launch(executable_path=find(), args=[*FLAGS, resolve])
    with tls_proxy(tmp_path, PUBLIC_HOST, stack.page_port + 1, stack.page_port), chromium:
        page = chromium.new_page(**DEFAULTS, ignore_https_errors=True)
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on(
            "console",
            lambda message: failures.append(message.text) if message.type == "error" else None,
        )
        page.goto(f"https://{PUBLIC_HOST}:{stack.page_port + 1}{LIST}")
        settle(page)
        yield page
    assert not failures


def test_pages_work_behind_a_tls_proxy(public_page: Page, stack: Stack) -> None:
    """The origin is https, while the server sees http and a host of the proxy's own."""
    expect(public_page.get_by_role("status").get_by_text("Live")).to_be_visible()
    instance_id = stack.start_order(unique("secure"))
    expect_status(row(public_page, instance_id), "RUNNING")
    press(public_page, "Terminate", instance_id)
    expect_status(row(public_page, instance_id), "TERMINATED")
    open_instance(public_page, instance_id)
    expect_bars(public_page, 2)
    foreign = {"host": f"{PUBLIC_HOST}:{stack.page_port + 1}", "origin": "https://other.example"}
    answer = http_client.post(stack.page, headers=foreign)
    assert (answer.status_code, answer.json()["error"]) == (403, "ForeignOrigin")


@pytest.mark.parametrize("path", ["/flowdeck/live", "/_stcore/stream"])
def test_another_site_cannot_open_a_websocket(stack: Stack, path: str) -> None:
    """The answer is 403 with the name of the setting, and the log has no error."""
    headers = {**HANDSHAKE, "origin": "https://other.example"}
    answer = http_client.get(stack.page + path, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (403, "ForeignOrigin")
    assert "FLOWDECK_PUBLIC_URL" in answer.json()["detail"]
    assert "handshake" not in stack.log("dashboard")


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_pages_of_the_api_run_under_their_policy(
    browser: Browser, stack: Stack, path: str
) -> None:
    """Swagger UI and ReDoc show the endpoints, and no script or style is refused.

    The logo in ReDoc's menu is on another server, and is refused.
    """
    refused: list[str] = []
    with browser.new_page() as page:
        page.on("console", lambda message: refused.append(message.text))
        page.on("pageerror", lambda error: refused.append(str(error)))
        page.goto(stack.url + path)
        shown = page.get_by_text("Liveness check").filter(visible=True)
        expect(shown.first).to_be_visible()
    refused = [text for text in refused if "Content Security Policy" in text]
    assert [text for text in refused if "cdn.redoc.ly/redoc/logo" not in text] == []
