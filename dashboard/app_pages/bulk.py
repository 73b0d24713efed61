"""The page of bulk jobs: the preview of a new one, the progress of one, or the newest jobs."""

from contextlib import suppress
from datetime import UTC, datetime

import streamlit as st

from dashboard.action_results import messages, show_messages
from dashboard.bulk.bulk_address import (
    PARAMETERS,
    action,
    filter_query,
    job_id,
    rest_of,
    selection,
)
from dashboard.bulk.jobs_data import (
    can_be_cancelled,
    item_rows,
    jobs_data,
    progress_words,
    rate_words,
    rest_address,
    status_word,
    stop_words,
    title,
)
from dashboard.bulk.preview import rest_runs, show_preview
from dashboard.listing.address_filter import ignored_filters
from dashboard.live.banner import why_no_actions
from dashboard.live.page_head import page_head
from dashboard.markdown import plain
from dashboard.services import services, state_reader, viewer
from dashboard.times import milliseconds
from dashboard.widgets import widget
from operations.bulk_job import BulkJob
from operations.errors import FlowdeckError, LedgerUnavailable
from operations.model import Action
from operations.records import Outcome

NEWEST = 50  # jobs in the list
PER_PAGE = 200  # instances on a page of a job
AFTER = "bulk-after"  # in the session state: the position before the first instance of the page

jobs_widget, items_widget = widget("bulk_jobs"), widget("bulk_items")


@st.fragment
def live_jobs() -> None:
    """Show the newest jobs."""
    page_head("Bulk jobs", state_reader().state(), PARAMETERS)
    try:
        jobs = state_reader().query(
            ("bulk jobs",), lambda: services().ledger.bulk_jobs.latest(NEWEST)
        )
    except LedgerUnavailable:
        st.info("The bulk jobs appear as soon as the ledger can be read.")
    else:
        jobs_widget(key="bulk-jobs", data=jobs_data(jobs, datetime.now(UTC)))
    show_messages()


@st.fragment
def live_job(bulk_id: str) -> None:
    """Show one job."""
    try:
        job = state_reader().query(
            ("bulk job", bulk_id), lambda: services().ledger.bulk_jobs.get(bulk_id)
        )
    except LedgerUnavailable:
        page_head("Bulk job", state_reader().state(), PARAMETERS)
        st.info("The bulk job appears as soon as the ledger can be read.")
        return
    if job is None:
        page_head("Bulk job", state_reader().state(), PARAMETERS)
        st.info(plain(f"No bulk job has the id {bulk_id!r}."), icon=":material/search_off:")
        return
    page_head(title(job.action, job.total), state_reader().state(), PARAMETERS)
    show_job(job)
    show_messages()


def show_job(job: BulkJob) -> None:
    """Show the progress of a job, and the results of its instances."""
    by = f"By {job.actor.name}" + (f": “{job.reason}”" if job.reason else "")
    st.caption(f"{plain(by)} · {status_word(job)} · {rate_words(job, datetime.now(UTC))}")
    st.progress((job.total - job.left) / max(1, job.total), text=progress_words(job))
    with st.container():
        if job.waits_for and not job.status.is_over:
            words = "The job waits for the end of an outage, then continues by itself."
            st.warning(f"{words} {plain(job.waits_for)}")
        show_stop_rule(job)
    with st.container(horizontal=True):
        if can_be_cancelled(job):
            st.button(
                "Cancel the job",
                key="cancel-bulk",
                icon=":material/close:",
                on_click=cancel,
                args=(job.bulk_id,),
                help="Actions in progress run to their end. What is done stays done.",
            )
        if job.status.is_over and job.left:
            st.page_link(
                "app_pages/bulk.py",
                label="Continue with the rest…",
                icon=":material/play_arrow:",
                query_params=rest_address(job),
            )
        st.page_link("app_pages/bulk.py", label="All bulk jobs")
    outcomes = [each.value for each in Outcome if job.counts.get(each)]
    chosen = st.segmented_control(
        "Results", ["all", *outcomes], default="all", key="bulk-outcome", required=True
    )
    show_items(job, Outcome(chosen) if chosen in outcomes else None)


def show_stop_rule(job: BulkJob) -> None:
    """Say why a job has stopped by itself, or when it will."""
    if job.stopped_because:
        st.warning(
            f"The job has stopped by itself: {plain(job.stopped_because)} The other instances "
            "stay as they are.",
            icon=":material/front_hand:",
        )
    elif (rule := job.stop_rule) and not job.status.is_over:
        with suppress(LedgerUnavailable):
            ended = state_reader().query(
                ("bulk reruns", job.bulk_id),
                lambda: services().ledger.bulk_jobs.ended_reruns(job, rule.of),
            )
            st.caption(stop_words(rule, ended))


def cancel(bulk_id: str) -> None:
    """Ask for the end of a job."""
    try:
        services().ledger.bulk_jobs.cancel(bulk_id, viewer())
    except LedgerUnavailable as error:
        messages().append((str(error), ":material/warning:"))
    state_reader().refresh()


def show_items(job: BulkJob, outcome: Outcome | None) -> None:
    """Show a page of the instances of a job."""
    after = st.session_state.get(AFTER, {}).get((job.bulk_id, outcome), -1)
    try:
        items = state_reader().query(
            ("bulk items", job.bulk_id, outcome, after),
            lambda: services().ledger.bulk_jobs.items(
                job.bulk_id, after=after, limit=PER_PAGE, outcome=outcome
            ),
        )
    except LedgerUnavailable:
        st.info("The results appear as soon as the ledger can be read.")
        return
    now = milliseconds(datetime.now(UTC))
    rows = item_rows(items, job.app_id, state_reader().state().app_id)
    items_widget(key="bulk-items", data={"rows": rows, "now": now})
    if after >= 0 or len(items) == PER_PAGE:
        with st.container(horizontal=True, horizontal_alignment="right"):
            for label, position, is_off in (
                ("First page", -1, after < 0),
                ("Next page", items[-1].position if items else after, len(items) < PER_PAGE),
            ):
                st.button(
                    label,
                    disabled=is_off,
                    on_click=turn_page,
                    args=(job.bulk_id, outcome, position),
                )


def turn_page(bulk_id: str, outcome: Outcome | None, after: int) -> None:
    """Show the page of instances after a position."""
    st.session_state[AFTER] = {(bulk_id, outcome): after}


def preview_head(action: Action, of: str) -> None:
    """Show the head of the preview of a job."""
    page_head(title(action, of), state_reader().state(), PARAMETERS)
    if why_no_actions(state_reader().state()):
        st.caption("You can start the job now: it waits for the end of the outage.")


def show_rest(action: Action, bulk_id: str) -> None:
    """Show the preview of a job on the rest of another one."""
    preview_head(action, "the rest of a bulk job")
    try:
        runs = rest_runs(bulk_id)
    except LedgerUnavailable:
        st.info("The preview appears as soon as the ledger can be read.")
    except FlowdeckError as error:
        st.warning(plain(str(error)))
    else:
        show_preview(action, tuple(runs), runs)


wanted, selected = action(), selection()
if found := job_id():
    live_job(found)
elif wanted and (rest := rest_of()):
    show_rest(wanted, rest)
elif wanted and selected is not None:
    only = selected[0] if isinstance(selected, tuple) and len(selected) == 1 else None
    preview_head(wanted, plain(only or "instances"))
    if ignored := ignored_filters(filter_query()):
        st.warning(
            f"The address has values that select nothing: {'; '.join(ignored)}. Correct them."
        )
    else:
        show_preview(wanted, selected)
else:
    live_jobs()
