"""The pages of a Flowdeck that is attached to an application of its own sidecar."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from system.dapr.settings import DaprSettings
from tests.browser.acts import bars, expect_bars, expect_status, open_instance, press, row
from tests.browser.conftest import DEFAULTS, LIST, PATIENCE, settle
from tests.integration.attached import FIRST, Attached
from tests.integration.rich import Rich
from tests.integration.stack import Stack, unique

STRANGE = "<b>Straße</b> & \u202e'quotes\"' 100 % 🚚"


@pytest.fixture
def attached(stack: Stack, tmp_path: Path) -> Iterator[Attached]:
    """Attach a second Flowdeck to the application of the browser tests."""
    address = f"127.0.0.1:{stack.ports['dapr gRPC']}"
    with Attached(tmp_path, address, DAPR_API_TOKEN=stack.token) as attached:
        attached.says("Flowdeck is attached.")
        yield attached
        assert attached.end() == 0


@pytest.fixture
def rich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rich]:
    """Run an application whose workflows are no orders; no spans arrive."""
    with Rich(tmp_path_factory.mktemp("rich"), FIRST) as rich, rich.without_recorder():
        yield rich


@pytest.fixture
def attached_to_rich(rich: Rich, tmp_path: Path) -> Iterator[Attached]:
    """Attach a Flowdeck to that application."""
    with Attached(tmp_path, rich.endpoint) as attached:
        attached.says("Flowdeck is attached.")
        yield attached
        assert attached.end() == 0


def opened(browser: Browser, attached: Attached) -> Iterator[Page]:
    """Open the list of an attached Flowdeck; a script error fails the test."""
    failures: list[str] = []
    context = browser.new_context(**DEFAULTS)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(attached.page + LIST)
    settle(page)
    yield page
    context.close()
    assert not failures


@pytest.fixture
def page(attached: Attached, browser: Browser) -> Iterator[Page]:
    """Open the list of the Flowdeck that is attached to the orders."""
    yield from opened(browser, attached)


@pytest.fixture
def foreign_page(attached_to_rich: Attached, browser: Browser) -> Iterator[Page]:
    """Open the list of the Flowdeck that is attached to the rich application."""
    yield from opened(browser, attached_to_rich)


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


@pytest.mark.slow
def test_all_pages_of_a_foreign_application(
    rich: Rich, attached_to_rich: Attached, foreign_page: Page
) -> None:
    """Without spans and orders, with names and payloads of any shape; one event is raised."""
    page, shown = foreign_page, attached_to_rich
    expect(page.get_by_text("No instances yet")).to_be_visible()
    strange = json.dumps({STRANGE: [STRANGE * 50, None, 1e300]})
    waiting = rich.start("waiting", strange)
    ended, parent = rich.start("parallel", "0.1"), rich.start("parent", "0.1")
    failed = rich.start("failing", json.dumps(STRANGE))
    unknown = unique("ü 🚚 & <i>")
    rich.gateway.start(STRANGE, unknown, "null")  # the worker has no such workflow
    for each, status in (
        (waiting, "RUNNING"),
        (ended, "COMPLETED"),
        (parent, "COMPLETED"),
        (failed, "FAILED"),
        (unknown, "FAILED"),
    ):
        expect_status(row(page, each), status)
    visit(page, "Overview")
    expect(page.locator(".overview tbody tr").filter(has_text="parallel")).to_be_visible()
    expect(page.locator(".attention li").filter(has_text="fail failed")).to_be_visible()
    visit(page, "Failures")
    expect(page.locator("li[data-group]").filter(has_text="fail failed")).to_be_visible()
    visit(page, "Start")
    expect(page.get_by_role("button", name="Start workflow")).to_be_visible()
    for each, count in ((ended, 3), (parent, 1), (failed, 1)):
        page.goto(f"{shown.page}/instance?id={each}")
        settle(page)
        expect_bars(page, count)
    page.goto(f"{shown.page}/instance?id={quote(unknown)}")
    expect_status(page, "FAILED")
    visit(page, "Waiting")
    row(page, waiting).get_by_role("link", name="Raise an event").click()
    page.get_by_role("button", name="Raise an event to 1 instance").click()
    expect(page.get_by_text("1 done", exact=True)).to_be_visible()
    page.get_by_role("link", name="All bulk jobs").click()
    expect(page.locator(".jobs li")).to_contain_text("Raise an event to 1 instance")
    visit(page, "Audit log")
    expect(row(page, waiting).first).to_contain_text("raise")
    visit(page, "Instances")
    expect_status(row(page, waiting), "COMPLETED")


def visit(page: Page, name: str) -> None:
    """Open a page by the navigation; it has a heading, no exception, and the application's name."""
    page.get_by_role("link", name=name, exact=True).click()
    expect(page).to_have_title(f"{name} · Flowdeck")
    settle(page)
    expect(page.get_by_role("heading").first).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.locator(".live-updates .application")).to_have_text(DaprSettings().app_id)
