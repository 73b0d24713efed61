"""The live table of instances: what there is, in which state, and one click to act on it."""

from datetime import UTC, datetime

import streamlit as st

from dashboard.acting import act, tell_all
from dashboard.charts import milliseconds
from dashboard.live import banner, bell, no_action
from dashboard.parts import part
from dashboard.rows import row
from dashboard.session import house, watch
from operations.errors import InvalidInput, LedgerUnavailable
from operations.model import Action, Status
from operations.records import Filter, Page

PER_PAGE = 50
MOST_SOUGHT = 256  # characters: no id is as long, and a database may refuse more
ORDER = (
    Status.RUNNING,
    Status.SUSPENDED,
    Status.PENDING,
    Status.FAILED,
    Status.COMPLETED,
    Status.TERMINATED,
)  # the others are shown when there are any

chips, table = part("chips"), part("table")


def wanted() -> Filter:
    """Return the filter that the address asks for."""
    asked = {word.upper() for word in st.query_params.get_all("status")}
    statuses = frozenset(Status(word) for word in asked & set(Status))
    return Filter(statuses=statuses, text=st.query_params.get("q", "").strip()[:MOST_SOUGHT])


def toggle() -> None:
    """Show a status, or show it no longer."""
    status = st.session_state["chips"]["toggle"]["status"]
    chosen = wanted().statuses
    chosen = chosen ^ {Status(status)} if status else frozenset()
    st.query_params["status"] = sorted(each.lower() for each in chosen)
    to_newest()


def to_newest() -> None:
    """Show the first page."""
    st.query_params.pop("at", None)


def turn(cursor: str | None) -> None:
    """Turn to the page of a cursor."""
    if cursor is None:
        to_newest()
    else:
        st.query_params["at"] = cursor


def clicked() -> None:
    """Do what a row's button asks for, to the instance whose id the button carries."""
    click = st.session_state["table"]["act"]
    st.session_state["handled"] = click["click"]
    act(Action(click["action"]), click["id"])


def opened() -> None:
    """Note which instance's page is wanted."""
    st.session_state["opened"] = st.session_state["table"]["open"]


def read(shown: Filter, cursor: str | None) -> tuple[Page, dict[Status, int]]:
    """Return a page of entries and the counts by status."""
    instances = house().ledger.instances
    return instances.page(shown, limit=PER_PAGE, cursor=cursor), instances.counts(shown)


def search() -> None:
    """Ask for a part of the id."""
    st.text_input(
        "Search by id",
        key="q",
        bind="query-params",
        placeholder="Search by id",
        label_visibility="collapsed",
        icon=":material/search:",
        on_change=to_newest,
        type="search",
        live=True,
        width=340,
    )


@st.fragment
def live() -> None:
    """Show the list as it is now."""
    if instance_id := st.session_state.pop("opened", None):
        st.switch_page("app_pages/instance.py", query_params={"id": instance_id})
    look = watch().look()
    with st.container(horizontal=True, vertical_alignment="center"):
        search()
        bell(look)
    banner(look)
    tell_all()
    shown, cursor = wanted(), st.query_params.get("at")
    try:
        page, counts = watch().ask(("list", shown, cursor), lambda: read(shown, cursor))
    except InvalidInput:
        to_newest()
        st.rerun()
    except LedgerUnavailable:
        st.info("The list will be here as soon as the ledger can be read.")
        return
    if page.newer is None:  # the newest page has no cursor, or it would not stay the newest
        cursor = None
        to_newest()
    chips(
        key="chips",
        data={
            "counts": [(status, counts.get(status, 0)) for status in in_order(counts)],
            "selected": sorted(shown.statuses),
        },
        on_toggle_change=toggle,
    )
    table(
        key="table",
        data={
            "rows": [row(entry) for entry in page.entries],
            "view": repr((sorted(shown.statuses), shown.text, cursor)),
            "now": milliseconds(datetime.now(UTC)),
            "handled": st.session_state.get("handled", 0),
            "empty": empty(shown),
            "away": no_action(look),
        },
        on_act_change=clicked,
        on_open_change=opened,
    )
    pager(page, shown, counts)


def in_order(counts: dict[Status, int]) -> list[Status]:
    """Return the statuses that can be filtered by: the usual ones, and others that there are."""
    return [*ORDER, *(status for status in Status if status not in ORDER and counts.get(status))]


def empty(shown: Filter) -> tuple[str, str]:
    """Return what is said of a list without rows."""
    if shown.statuses or shown.text:
        return "Nothing matches", "No instance has this status and this id. Loosen the filter."
    return "No instances yet", "Submit one with “New order”; it will be here at once."


def pager(page: Page, shown: Filter, counts: dict[Status, int]) -> None:
    """Lead to the pages beside this one."""
    total = sum(n for status, n in counts.items() if not shown.statuses or status in shown.statuses)
    if not (page.newer or page.older or st.query_params.get("at")):
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="right"):
        st.caption(f"{len(page.entries)} of {total:,}")
        newer, older = ("← Newer", page.newer), ("Older →", page.older)
        for label, cursor in (newer, older):
            st.button(
                label,
                on_click=turn,
                args=(cursor,),
                disabled=cursor is None,
            )


live()
