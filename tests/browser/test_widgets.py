"""The script that all widgets share."""

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from dashboard import widgets
from tests.browser.acts import expect_status
from tests.browser.conftest import OpenPage
from tests.integration.stack import Stack, unique

SHARED = (Path(widgets.__file__).parent / "shared.js").read_text()
SCRIPT = f"""{SHARED.replace("export default function", "function call")}
function showComponent({{ parentElement, data }}) {{
    stateOf({{ parentElement }}, () => ({{ root: element("p") }})).root.textContent = data;
}}
"""
CALLS = """async () => {
    const parentElement = document.body.appendChild(document.createElement("div"));
    const nextTask = () => new Promise(done => setTimeout(done)), texts = [];
    const text = async () => { await nextTask(); texts.push(parentElement.textContent); };
    call({ parentElement, data: "first" });
    await text();
    const remove = call({ parentElement, data: "new" });
    call({ parentElement, data: "old" })();
    await text();
    remove();
    await text();
    call({ parentElement, data: "again" });
    await text();
    return texts;
}"""


def test_a_call_that_is_cleaned_up_at_once_changes_nothing(browser: Browser) -> None:
    """Streamlit may call a widget for old data last, if they changed while its script loaded."""
    page = browser.new_page()
    page.add_script_tag(content=SCRIPT)
    assert page.evaluate(CALLS) == ["first", "new", "", "again"]
    page.close()


def test_the_deadline_of_a_wait_does_not_read_like_an_arrival(browser: Browser) -> None:
    """A workflow gives up waiting for an event; a timer is due."""
    page = browser.new_page()
    page.add_script_tag(content=SCRIPT)
    waits = [
        {"until": 14_000, "givesUp": True},
        {"until": 1000, "givesUp": True},
        {"until": 14_000, "givesUp": False},
    ]
    words = page.evaluate("waits => waits.map(wait => untilWords(wait, 1000))", waits)
    assert words == [", gives up in 13 s", ", gives up now", " · in 13 s"]
    page.close()


SLOW_HEADER = """
const delay = "await new Promise(done => setTimeout(done, 4000));";
window.Blob = class extends Blob {
    constructor(parts, options) {
        super(parts.join("").includes("// The header of") ? [delay, ...parts] : parts, options);
    }
};
"""


@pytest.mark.slow
def test_a_widget_whose_data_change_while_it_loads_is_shown(
    open_page: OpenPage, stack: Stack
) -> None:
    """The last change of an instance comes before the script of its header has loaded."""
    instance_id = stack.start_order_in(timedelta(hours=1), unique("loads"))
    page = open_page(f"/instance?id={instance_id}", script=SLOW_HEADER)
    expect(page.get_by_role("button", name="Terminate")).to_be_enabled()
    stack.post(f"/workflow/terminate/{instance_id}").raise_for_status()
    expect(page.get_by_role("button", name="Terminate")).to_have_count(0)
    expect_status(page, "TERMINATED")
    expect(page.get_by_role("heading", name=instance_id)).to_be_visible()


FAILURES = "\n".join(
    (Path(widgets.__file__).parent / f"{name}.js").read_text()
    for name in ("shared", "sparkline", "failures")
).replace("export default function", "function call")
SHOW_GROUPS = """groups => {
    window.place ??= document.body.appendChild(document.createElement("main"));
    window.marked ??= [];
    const empty = { workflows: [], first: 0, last: 0, trend: [], rerunHref: null, known: null };
    const data = { now: Date.now(), period: "last day", groups: groups.map(([id, runs]) => (
        { ...empty, id, step: id, errorType: "E", message: "", runs, attempts: 9, href: `#${id}` }
    )) };
    const setTriggerValue = (_, { group, note }) => window.marked.push([group, note]);
    call({ parentElement: place, setTriggerValue, data });
    return new Promise(done => setTimeout(done));
}"""


def test_an_update_takes_neither_a_click_nor_what_is_typed(browser: Browser) -> None:
    """Rows that have not changed stay, and a form keeps its text, its focus and its caret."""
    page = browser.new_page()
    page.add_script_tag(content=FAILURES)
    page.evaluate(SHOW_GROUPS, [["charge", 1], ["reserve", 1]])
    page.locator("[data-group=charge] button").hover()
    page.mouse.down()
    page.evaluate(SHOW_GROUPS, [["new", 1], ["charge", 1], ["reserve", 2]])
    page.locator("[data-group=charge] button").hover()
    page.mouse.up()
    note = page.get_by_label("Note on charge")
    expect(note).to_be_focused()
    note.press_sequentially("OP-7")
    note.press("ArrowLeft")
    page.evaluate(SHOW_GROUPS, [["charge", 2], ["new", 1]])
    expect(note).to_be_focused()
    page.keyboard.type("1")
    page.evaluate(SHOW_GROUPS, [["new", 3], ["charge", 3]])
    page.keyboard.press("Enter")
    assert page.evaluate("marked") == [["charge", "OP-17"]]
    link = page.get_by_role("link", name="new failed")
    link.focus()
    page.evaluate(SHOW_GROUPS, [["charge", 3], ["new", 4]])
    expect(link).to_be_focused()
    page.close()
