"""A tab that stays open keeps no page that was left."""

from playwright.sync_api import Page, expect

from tests.browser.acts import back_to_list, row
from tests.browser.conftest import PATIENCE, OpenPage
from tests.integration.stack import Stack, unique
from tests.waiting import eventually

FADE = """async () => {
    const tabs = document.querySelector("[data-testid=stTabs] [role=tablist]");
    const tab = tabs.querySelector("[role=tab]");
    globalThis.left = new WeakRef(tabs);
    const happens = (each, name) => new Promise((done) =>
        each.addEventListener(name, ({ target }) => target === each && done()));
    const runs = Promise.all([tabs, tab].map((each) => happens(each, "transitionrun")));
    for (const { style } of [tabs, tab]) {
        style.transition = "opacity 600s";
        style.opacity = "0.5";
    }
    await runs;
    const isCancelled = happens(tab, "transitioncancel");
    tab.style.transition = "none";
    await isCancelled;
}"""
"""Lets the tabs fade, as Streamlit does with elements that it replaces; one tab stops at once."""


def is_forgotten(page: Page) -> bool:
    """Collect garbage, and return whether the faded tabs are gone."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.detach()
    return bool(page.evaluate("left.deref() === undefined"))


def test_a_page_that_is_left_while_it_fades_is_forgotten(open_page: OpenPage, stack: Stack) -> None:
    """Its elements would add megabytes to the memory of the tab with every visit."""
    instance_id = stack.start_order(unique("left"))
    page = open_page(f"/instance?id={instance_id}")
    expect(page.get_by_role("tab", name="History")).to_be_visible()
    loaded = "Boolean(globalThis.flowdeckRerunPage)"
    eventually(lambda: page.evaluate(loaded), PATIENCE / 1000, "the script has loaded")
    page.evaluate(FADE)
    back_to_list(page).click()
    row(page, instance_id).get_by_role("link", name=instance_id).click()
    # Streamlit's tables keep the page of the one that was drawn last.
    expect(page.get_by_test_id("data-grid-canvas").first).to_be_visible()
    eventually(lambda: is_forgotten(page), PATIENCE / 1000, "the page is forgotten")
