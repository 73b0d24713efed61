"""The preview of a bulk job: its options, its effects, and the button that submits it."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from dashboard.bulk.bulk_address import event, selected_runs, show_job
from dashboard.bulk.jobs_data import title
from dashboard.bulk.pace_fields import chosen_pace, show_pace
from dashboard.markdown import plain
from dashboard.services import services, state_reader, viewer
from dashboard.terminate_question import asks_before_terminate
from operations.actions import PurgeOptions, RerunFrom
from operations.actions.bulk import BulkJobs, BulkPreview, BulkTask, Selection, SkippedInstances
from operations.actions.context import MAX_EVENT_NAME_LENGTH, MAX_REASON_LENGTH
from operations.bulk_job import BulkTarget
from operations.errors import FlowdeckError, InvalidInput, QueryTimeout, Unavailable
from operations.json_texts import is_json
from operations.model import Action

DONE_WORDS = {
    Action.PAUSE: "paused",
    Action.RESUME: "resumed",
    Action.TERMINATE: "terminated",
    Action.PURGE: "archived and purged",
    Action.RERUN: "run again",
    Action.RAISE: "sent the event",
}
_PAYLOADS = {"yes": "Approve", "no": "Reject", "json": "JSON"}
_RERUNS = {
    RerunFrom.FAILED: "from the call that failed",
    RerunFrom.FIRST: "from the first call",
}
_BULK_ID, _ERROR = "bulk-id", "bulk-error"  # in the session state


def bulk_jobs() -> BulkJobs:
    """Return the bulk jobs of this process; raise `LedgerUnavailable`."""
    return BulkJobs(services().actions, services().ledger)


def rest_runs(bulk_id: str) -> dict[str, int]:
    """Return the instances on which a job that is over has not acted, with their `run_id`s.

    Raise `UnknownBulkJob`, `InvalidInput` and `LedgerUnavailable`.
    """
    targets = state_reader().query(("rest", bulk_id), lambda: bulk_jobs().rest_of(bulk_id))
    return {each.instance_id: each.run_id for each in targets}


def show_preview(
    action: Action, selection: Selection, runs: Mapping[str, int] | None = None
) -> None:
    """Show the options and the effects of a job on the selected instances.

    `runs` has the `run_id` of each selected instance; by default the address has them.
    """
    task = _task(action)
    if task is None:
        return
    try:
        preview = state_reader().query(
            ("preview", task, selection), lambda: bulk_jobs().preview(task, selection)
        )
        preview = replace(preview, bulk_id=_bulk_id(task, selection))
        preview = _without_later_runs(preview, selected_runs() if runs is None else runs)
    except Unavailable:
        st.info("The preview appears as soon as the ledger can be read.")
    except (QueryTimeout, InvalidInput) as error:
        st.warning(plain(str(error)))
    else:
        if preview.total:
            _show_effects(preview)
            _show_button(preview)
        else:
            st.info("No instance matches.")


def _bulk_id(task: BulkTask, selection: Selection) -> str:
    """Return the id of the job that this session submits: the preview is shared by all viewers."""
    known = st.session_state.get(_BULK_ID)
    if known is None or known[:2] != (task, selection):
        known = st.session_state[_BULK_ID] = (task, selection, secrets.token_hex(8))
    return str(known[2])


def _without_later_runs(preview: BulkPreview, wanted: Mapping[str, int]) -> BulkPreview:
    """Skip the instances whose id has another run than the wanted one."""
    eligible, later = list[BulkTarget](), list[str]()
    for each in preview.eligible:
        if wanted.get(each.instance_id, each.run_id) == each.run_id:
            eligible.append(each)
        else:
            later.append(each.instance_id)
    if not later:
        return preview
    skipped = SkippedInstances("another run has taken its id since", len(later), tuple(later[:5]))
    return replace(preview, eligible=tuple(eligible), skipped=(*preview.skipped, skipped))


def _task(action: Action) -> BulkTask | None:
    """Show the options of an action, and return the task; None while they are incomplete."""
    if action is Action.PURGE:
        force = st.checkbox(
            "Also instances that are still running: they end without a result", key="bulk-force"
        )
        recursive = st.checkbox("Also their descendants", value=True, key="bulk-recursive")
        return BulkTask(action, options=PurgeOptions(force=force, recursive=recursive))
    if action is Action.RERUN:
        start = st.radio(
            "Run again", list(_RERUNS), format_func=_RERUNS.__getitem__, key="bulk-start"
        )
        return BulkTask(action, start=RerunFrom(start))
    if action is Action.RAISE:
        return _event()
    return BulkTask(action)


def _event() -> BulkTask | None:
    name = st.text_input(
        "Event", event()[:MAX_EVENT_NAME_LENGTH], key="bulk-event", max_chars=MAX_EVENT_NAME_LENGTH
    ).strip()
    kind = st.segmented_control(
        "Payload",
        list(_PAYLOADS),
        default="yes",
        format_func=_PAYLOADS.__getitem__,
        key="bulk-payload-kind",
        required=True,
    )
    payload = _json_payload() if kind == "json" else _decision(is_approved=kind == "yes")
    if not name:
        st.caption("Type the name of the event.")
        return None
    if payload and not is_json(payload):
        st.error("The payload is not JSON.")
        return None
    return BulkTask(Action.RAISE, event=name, payload=payload or None)


def _json_payload() -> str:
    return st.text_area(
        "JSON (empty: no payload)", key="bulk-payload", placeholder='{"approved": true}'
    ).strip()


def _decision(*, is_approved: bool) -> str:
    """Return the payload of a decision, with the comment if there is one."""
    comment = st.text_input("Comment (optional)", key="bulk-comment").strip()
    payload = {"approved": is_approved} | ({"comment": comment} if comment else {})
    text = json.dumps(payload, ensure_ascii=False)
    st.code(text, "json")
    return text


def _show_effects(preview: BulkPreview) -> None:
    """Say how many instances are eligible, which are skipped and why, and what else is affected."""
    number = len(preview.eligible)
    words = (
        f"**{number:,} of {preview.total:,} instances** will be {DONE_WORDS[preview.task.action]}."
    )
    if preview.also_affected:
        words += f" {preview.also_affected}"
    st.markdown(words)
    for skipped in preview.skipped:
        more = f" and {skipped.count - len(skipped.ids):,} more" * (
            skipped.count > len(skipped.ids)
        )
        ids = plain(", ".join(skipped.ids))
        st.caption(f"{skipped.count:,} skipped: {plain(skipped.reason)} ({ids}{more})")
    if preview.is_capped:
        again = " A second job may raise the event twice." * (preview.task.action is Action.RAISE)
        st.info(f"This job takes only the first {preview.total:,} matching instances.{again}")


def _show_button(preview: BulkPreview) -> None:
    number = len(preview.eligible)
    st.text_input("Reason (for the audit log)", key="bulk-reason", max_chars=MAX_REASON_LENGTH)
    show_pace(preview.task.action, number)
    if error := st.session_state.pop(_ERROR, None):
        st.error(plain(error))
    st.button(
        title(preview.task.action, number),
        type="primary",
        disabled=not number,
        key="bulk-submit",
        on_click=_submit,
        args=(preview,),
    )


def _submit(preview: BulkPreview) -> None:
    """Submit the job, once however often the button is clicked, and show it."""
    reason, action = st.session_state["bulk-reason"].strip(), preview.task.action
    if action is Action.TERMINATE and asks_before_terminate() and not reason:
        st.session_state[_ERROR] = "Give a reason."
        return
    pace = chosen_pace(action, len(preview.eligible))
    try:
        job = bulk_jobs().submit(
            preview, viewer(), reason, rate=pace.rate, stop_rule=pace.stop_rule
        )
    except FlowdeckError as error:
        st.session_state[_ERROR] = str(error)
    else:
        st.session_state.pop(_BULK_ID, None)
        state_reader().refresh()
        show_job(job.bulk_id)
