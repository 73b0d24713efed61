"""Reads from the ledger what fills the fields of the page "Start"."""

from dataclasses import dataclass
from itertools import islice

from dashboard.listing.table_data import RUN_ID
from dashboard.services import services, state_reader
from operations.errors import DaprRefused, QueryTimeout, Unavailable
from operations.json_texts import indented
from operations.ledger import Ledger
from operations.records import Filter, RunSummary

_ERRORS = (Unavailable, QueryTimeout, DaprRefused)
_NEWEST = 20  # runs of a workflow that are searched for an input
_PAGES = 10  # of this many runs: other applications of the ledger may have runs of this name
_MAX_INDENTED = 100_000  # characters


@dataclass(frozen=True)
class Prefill:
    """The workflow and the input of an earlier run; `source` says in words which run it is.

    `missing` says what the address names and the ledger does not have.
    """

    workflow: str = ""
    text: str = ""
    source: str = ""
    missing: str = ""


def last_input(workflow: str) -> Prefill:
    """Return the input of the newest run of a workflow, an empty one if it cannot be read."""
    try:
        return state_reader().query(
            ("last input", workflow),
            lambda: _last_input(services().ledger, workflow),
            size=lambda found: len(found.text),
        )
    except _ERRORS:
        return Prefill(workflow)


def read_prefill(like: str, run_id: str, workflow: str) -> Prefill:
    """Return the values of a run by its `run_id`, else by the id `like`, else of a workflow."""
    if not (run_id or like):
        return last_input(workflow) if workflow else Prefill()
    try:
        return _like_run(services().ledger, like, run_id) or Prefill(
            workflow, missing=f"The ledger has no {f'run {run_id}' if run_id else like}."
        )
    except _ERRORS:
        return Prefill(workflow)


def _like_run(ledger: Ledger, like: str, run_id: str) -> Prefill | None:
    if not run_id:
        run = ledger.runs.latest(like)
    else:
        run = ledger.runs.get(int(run_id)) if RUN_ID.fullmatch(run_id) else None
    return _like(ledger, run) if run else None


def _last_input(ledger: Ledger, workflow: str) -> Prefill:
    wanted, app_id = Filter(workflows=frozenset({workflow})), ledger.app_id()
    pages = islice(ledger.search.every(wanted, size=_NEWEST), _PAGES)
    own = (run for page in pages for run in page if run.app_id == app_id)
    for run in islice(own, _NEWEST):
        if (found := _like(ledger, run)).text:
            return found
    return Prefill(workflow)


def _like(ledger: Ledger, run: RunSummary) -> Prefill:
    details = ledger.runs.payloads([run.run_id]).get(run.run_id)
    text = (details.input if details else None) or ""
    source = f"The input of {run.instance_id}" if text else f"{run.instance_id} has no input"
    lines = indented(text) if len(text) <= _MAX_INDENTED else None
    return Prefill(run.workflow, lines or text, source)
