"""The pages of a Flowdeck that is attached to an application of its own sidecar."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from system.dapr.settings import DaprSettings
from tests.browser.acts import bars, expect_status, open_instance, press, row
from tests.browser.conftest import DEFAULTS, LIST, PATIENCE, settle
from tests.integration.attached import Attached
from tests.integration.stack import Stack, unique


@pytest.fixture
def attached(stack: Stack, tmp_path: Path) -> Iterator[Attached]:
    """Attach a second Flowdeck to the application of the browser tests."""
    address = f"127.0.0.1:{stack.ports['dapr gRPC']}"
    with Attached(tmp_path, address, DAPR_API_TOKEN=stack.token) as attached:
        attached.says("Flowdeck is attached.")
        yield attached
        assert attached.end() == 0


@pytest.fixture
def page(attached: Attached, browser: Browser) -> Iterator[Page]:
    """Open the list of the attached Flowdeck."""
    context = browser.new_context(**DEFAULTS)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(attached.page + LIST)
    settle(page)
    yield page
    context.close()


@pytest.mark.slow
def test_an_attached_dashboard(stack: Stack, attached: Attached, page: Page) -> None:
    """It shows and acts on the application's instances, has no order form, and says outages."""
    instance_id = stack.start_order(unique("foreign"))
    expect_status(row(page, instance_id), "RUNNING")
    expect(page.get_by_role("link", name="New order")).to_have_count(0)
    press(page, "Pause", instance_id)
    expect_status(row(page, instance_id), "SUSPENDED")
    open_instance(page, instance_id)
    expect(bars(page).first).to_be_visible()
    expect(page.locator(".live-updates .application")).to_have_text(DaprSettings().app_id)
    status = page.get_by_role("status")
    with stack.frozen("daprd"):
        expect(status).to_have_text(re.compile("^Dapr sidecar unavailable"))
        expect(page.get_by_role("heading", name=instance_id)).to_be_visible()
    expect(status).to_have_text("Live")
    page.get_by_role("button", name="Resume").click()
    expect_status(page, "RUNNING")
    page.goto(f"{attached.page}/new")
    expect(page.get_by_text("this Flowdeck is attached to an application")).to_be_visible()
    expect(page.get_by_role("link", name="New order")).to_have_count(0)
    page.get_by_role("link", name="Show the instances").click()
    expect(row(page, instance_id)).to_be_visible()
