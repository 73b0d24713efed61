"""The page of bulk jobs: preview, submission, progress."""

import json
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from operations.bulk_job import (
    CANCEL_JOB,
    BulkJob,
    BulkTarget,
    ItemResult,
    JobStatus,
    StopRule,
)
from operations.model import LOCAL_USER, Action, Status
from operations.records import Outcome
from tests.unit.pages import (
    AUDIT,
    BULK,
    FAILURES,
    LIST,
    Desk,
    follow,
    has_widget,
    ids,
    run,
    texts,
    widget,
)
from tests.unit.snapshots import at, snapshot
from tests.unit.test_dashboard_overview import fails

NAMES = [f"order_{number}" for number in range(5)]


def submit(app: AppTest) -> AppTest:
    """Press the button that submits the job."""
    app.button(key="bulk-submit").click()
    return run(app)


def the_job(desk: Desk) -> BulkJob:
    """Return the only job."""
    (job,) = desk.ledger.bulk_jobs.latest(9)
    return job


def test_a_preview_says_who_is_skipped(desk: Desk) -> None:
    """And changes nothing."""
    desk.add(*NAMES)
    desk.add("done", status=Status.COMPLETED)
    app = desk.open(BULK, action="pause", instance=[*NAMES, "done", "gone"])
    assert texts(app.header) == "Pause instances"
    assert "5 of 7 instances" in texts(app.markdown)
    captions = texts(app.caption)
    assert "1 skipped: it is COMPLETED (done)" in captions
    assert "1 skipped: the ledger has no such instance (gone)" in captions
    assert app.button(key="bulk-submit").label == "Pause 5 instances"
    assert desk.ledger.bulk_jobs.latest(9) == ()


def test_a_job_of_another_application_has_no_links(desk: Desk) -> None:
    """Its ids may have other runs here; reruns too."""
    desk.add(*NAMES)
    submit(desk.open(BULK, action="pause", instance=NAMES))
    job = the_job(desk)
    elsewhere = replace(job, bulk_id="elsewhere", total=1)
    target = BulkTarget("order_0", 1, Status.RUNNING)
    jobs = desk.ledger.for_app("billing").bulk_jobs
    jobs.add(elsewhere, [target])
    jobs.write_results("elsewhere", [ItemResult("order_0", Outcome.DONE, new_id="new")])
    (row,) = widget(desk.open(BULK, id="elsewhere"), "bulk_items")["rows"]
    assert (row["href"], row["app"]) == (None, "billing")
    assert row["rerun"] == {"id": "new", "href": None, "app": "billing"}


def test_a_job_is_submitted_with_its_reason(desk: Desk) -> None:
    """The page then shows the job; nothing has been done yet."""
    desk.add(*NAMES)
    app = desk.open(BULK, action="terminate", instance=NAMES)
    app.text_input(key="bulk-reason").input("the bank is down")
    app.number_input(key="bulk-rate").set_value(7)
    submit(app)
    job = the_job(desk)
    assert (job.action, job.reason, job.rate, job.total) == (
        Action.TERMINATE,
        "the bank is down",
        7.0,
        5,
    )
    assert job.actor == LOCAL_USER
    assert app.query_params == {"id": job.bulk_id}
    assert texts(app.header) == "Terminate 5 instances"
    assert [each["outcome"] for each in widget(app, "bulk_items")["rows"]] == ["left"] * 5
    assert not desk.gateway.calls["terminate"]


def test_a_job_that_terminates_may_need_a_reason(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the setting that lets Terminate ask; other actions need none."""
    monkeypatch.setenv("FLOWDECK_CONFIRM_TERMINATE", "true")
    desk.add(*NAMES)
    app = desk.open(BULK, action="terminate", instance=NAMES)
    app.text_input(key="bulk-reason").input(" ")
    assert "Give a reason." in texts(submit(app).error)
    assert not desk.ledger.bulk_jobs.latest(9)
    app.text_input(key="bulk-reason").input("no stock")
    submit(app)
    assert the_job(desk).reason == "no stock"
    submit(desk.open(BULK, action="pause", instance=NAMES))
    assert the_newest(desk).action is Action.PAUSE


def test_every_selected_instance_is_previewed(desk: Desk) -> None:
    """A table with unfolded children has more than a thousand rows."""
    names = [f"order_{number}" for number in range(1050)]
    desk.ledger.runs.ingest([snapshot(instance_id=each, execution=each) for each in names])
    runs = desk.ledger.runs.latest_by_id(names)
    selected = [[runs[each].run_id, each] for each in names]
    app = desk.open(BULK, action="pause", selected=json.dumps(selected))
    assert "1,050 of 1,050 instances" in texts(app.markdown)
    selected[0][0] = 9999
    app = desk.open(BULK, action="pause", selected=json.dumps(selected))
    assert "1,049 of 1,050 instances" in texts(app.markdown)
    assert "another run has taken its id since" in texts(app.caption)
    assert "300 of 300 instances" in texts(
        desk.open(BULK, action="pause", instance=names[:300]).markdown
    )


def test_all_runs_of_a_list_are_selected(desk: Desk) -> None:
    """By the filter in the address."""
    desk.add(*NAMES)
    desk.add("failed_1", "failed_2", status=Status.FAILED)
    listed = desk.open(LIST, status="failed")
    bulk = widget(listed, "table")["bulk"]
    assert bulk == {"query": "status=failed", "total": "2"}
    searched = widget(desk.open(LIST, status="failed", q="d_2"), "table")["bulk"]
    assert searched == {"query": "status=failed&match=d_2", "total": "1"}
    assert "1 of 1 instances" in texts(
        follow(listed, f"bulk?action=purge&{searched['query']}").markdown
    )
    app = follow(listed, f"bulk?action=purge&{bulk['query']}")
    assert "2 of 2 instances" in texts(app.markdown)
    desk.ledger.runs.ingest([snapshot(instance_id="child", parent_id="order_0")])
    everything = widget(desk.open(LIST), "table")["bulk"]
    assert everything == {"query": "all=1", "total": "7"}
    assert "5 of 7 instances" in texts(follow(listed, "bulk?action=pause&all=1").markdown)
    flat = widget(desk.open(LIST, children="1"), "table")["bulk"]
    assert flat == {"query": "children=1&all=1", "total": "8"}
    assert "6 of 8 instances" in texts(
        follow(listed, f"bulk?action=pause&{flat['query']}").markdown
    )


def test_each_filter_of_a_list_selects_on_the_page_of_bulk_jobs(desk: Desk) -> None:
    """A value that is ignored blocks the job: without it, more instances would match."""
    desk.add(*NAMES)
    desk.ledger.runs.ingest([snapshot(Status.COMPLETED, instance_id="slow", read=90)])
    query = {"min_duration": "1m", "ended_since": "2026-01-11T12:01:00Z", "sort": "longest"}
    bulk = widget(desk.open(LIST, **query), "table")["bulk"]
    assert bulk["total"] == "1"
    app = desk.open(LIST)
    follow(app, f"bulk?action=purge&{bulk['query']}")
    assert "1 of 1 instances" in texts(app.markdown)
    follow(app, "bulk?action=purge&status=completed&min_duration=x")
    assert "The address has values that select nothing: min_duration 'x'" in texts(app.warning)
    assert has_widget(follow(app, "bulk?action=purge&children=1&sort=id"), "bulk_jobs")


def test_a_purge_has_options(desk: Desk) -> None:
    """Unfinished instances are eligible by force only."""
    desk.add("order_A")
    app = desk.open(BULK, action="purge", instance="order_A")
    assert app.button(key="bulk-submit").disabled
    app.checkbox(key="bulk-force").check()
    run(app)
    assert "1 of 1 instances" in texts(app.markdown)
    submit(app)
    assert '"force":true' in the_job(desk).task


def test_a_rerun_starts_where_it_is_told(desk: Desk) -> None:
    """By default from the call that failed."""
    name = desk.add_recorded("failed")
    app = desk.open(BULK, action="rerun", instance=name)
    assert app.button(key="bulk-submit").label == "Rerun 1 instance"
    app.radio(key="bulk-start").set_value("first")
    submit(run(app))
    assert '"start":"first"' in the_job(desk).task


def test_an_event_needs_a_name_and_json(desk: Desk) -> None:
    """The message says what is missing."""
    desk.add("order_A")
    app = desk.open(BULK, action="raise", instance="order_A")
    assert "Type the name of the event" in texts(app.caption)
    app.text_input(key="bulk-event").input("approval")
    app.segmented_control(key="bulk-payload-kind").set_value("json")
    run(app)
    app.text_area(key="bulk-payload").input("{yes")
    assert "The payload is not JSON" in texts(run(app).error)
    app.text_area(key="bulk-payload").input('{"yes": 1.10}')
    submit(run(app))
    assert r'"payload":"{\"yes\": 1.10}"' in the_job(desk).task


def test_a_decision_has_a_comment(desk: Desk) -> None:
    """The name of the event may come from the address."""
    desk.add("order_A")
    app = desk.open(BULK, action="raise", instance="order_A", event="approval")
    assert app.text_input(key="bulk-event").value == "approval"
    app.segmented_control(key="bulk-payload-kind").set_value("no")
    app.text_input(key="bulk-comment").input("too „expensive“")
    submit(run(app))
    assert r"{\"approved\": false, \"comment\": \"too „expensive“\"}" in the_job(desk).task


def test_the_page_of_a_job_shows_its_results(desk: Desk) -> None:
    """And offers to cancel it while it runs."""
    desk.add(*NAMES)
    submit(desk.open(BULK, action="terminate", instance=NAMES))
    job = the_job(desk)
    results = [
        ItemResult("order_0", Outcome.DONE),
        ItemResult("order_1", Outcome.REFUSED, "it is COMPLETED"),
        ItemResult("order_2", Outcome.DONE, new_id="order_2-rerun"),
    ]
    desk.ledger.bulk_jobs.write_results(job.bulk_id, results)
    app = desk.open(BULK, id=job.bulk_id)
    rows = widget(app, "bulk_items")["rows"]
    assert [each["outcome"] for each in rows] == ["done", "refused", "done", "left", "left"]
    assert (rows[1]["message"], rows[2]["rerun"]["href"]) == (
        "it is COMPLETED",
        "instance?id=order_2-rerun",
    )
    app.button(key="cancel-bulk").click()
    run(app)
    assert the_job(desk).status is JobStatus.CANCELLING
    (cancelled,) = desk.ledger.audit_log.of_bulk(job.bulk_id)
    assert (cancelled.action, cancelled.actor) == (CANCEL_JOB, LOCAL_USER)
    (row,) = widget(desk.open(AUDIT), "audit_log")["rows"]
    assert (row["id"], row["href"], row["job"]) == ("", None, f"bulk?id={job.bulk_id}")
    desk.ledger.bulk_jobs.finish(job.bulk_id, JobStatus.CANCELLED, at(9))
    run(app)
    assert "cancelled" in texts(app.caption)
    assert not [each for each in app.button if each.label == "Cancel the job"]


def test_a_job_that_waits_says_so(desk: Desk) -> None:
    """It goes on by itself."""
    desk.add("order_A")
    submit(desk.open(BULK, action="terminate", instance="order_A"))
    desk.ledger.bulk_jobs.set_outage(the_job(desk).bulk_id, "no sidecar")
    app = desk.open(BULK, id=the_job(desk).bulk_id)
    assert "then continues by itself. no sidecar" in texts(app.warning)
    assert widget(desk.open(BULK), "bulk_jobs")["jobs"][0]["status"] == "waiting"


def test_the_newest_jobs_are_listed(desk: Desk) -> None:
    """Each leads to its page."""
    assert widget(desk.open(BULK), "bulk_jobs")["jobs"] == []
    desk.add(*NAMES)
    submit(desk.open(BULK, action="pause", instance=NAMES[:2]))
    submit(desk.open(BULK, action="terminate", instance=NAMES[2:]))
    app = desk.open(BULK)
    jobs = widget(app, "bulk_jobs")["jobs"]
    assert [each["title"] for each in jobs] == ["Terminate 3 instances", "Pause 2 instances"]
    assert texts(follow(app, jobs[1]["href"]).header) == "Pause 2 instances"


def test_an_unknown_job(desk: Desk) -> None:
    """The page names it."""
    assert "No bulk job has the id 'xyz'" in texts(desk.open(BULK, id="xyz").info)


@pytest.mark.parametrize(
    "query",
    [
        {"action": "explode", "instance": "a"},
        {"action": "pause"},
        {"instance": "a"},
        {"action": "pause", "selected": '["a"'},
        {"action": "pause", "selected": '["a"]'},
    ],
)
def test_an_incomplete_address_shows_the_jobs(desk: Desk, query: dict[str, Any]) -> None:
    """Nothing is selected by accident."""
    assert has_widget(desk.open(BULK, **query), "bulk_jobs")


def test_the_page_without_a_ledger(desk: Desk) -> None:
    """It says why it is empty."""
    with desk.ledger_away():
        assert "appear as soon as the ledger" in texts(desk.open(BULK).info)
        assert "appears as soon as the ledger" in texts(desk.open(BULK, id="x").info)
        preview = desk.open(BULK, action="pause", instance="a")
        assert "The preview appears as soon as the ledger" in texts(preview.info)


def test_only_current_runs_can_be_selected(desk: Desk) -> None:
    """An earlier run has the id of the latest one."""
    desk.add_two_runs()
    app = desk.open(LIST)
    assert ids(app) == ["order_A", "order_A"]
    assert [each["selectable"] for each in widget(app, "table")["rows"]] == [True, False]


def test_values_that_select_nothing_stop_the_preview(desk: Desk) -> None:
    """Without them the job would act on more instances."""
    desk.add(*NAMES)
    app = desk.open(BULK, action="pause", status="running", attention="stukc")
    assert "attention 'stukc' (expected one of overdue" in texts(app.warning)
    assert not [each for each in app.button if each.key == "bulk-submit"]


def test_another_run_of_a_selected_id_is_skipped(desk: Desk) -> None:
    """The operator selected the run before it."""
    first, second = desk.add_two_runs()
    app = desk.open(BULK, action="pause", selected=json.dumps([[first, "order_A"]]))
    assert "another run has taken its id since" in texts(app.caption)
    assert app.button(key="bulk-submit").disabled
    app = desk.open(BULK, action="pause", selected=json.dumps([[second, "order_A"]]))
    assert not app.button(key="bulk-submit").disabled


def test_two_viewers_submit_two_jobs(desk: Desk) -> None:
    """Although they share the preview."""
    desk.add(*NAMES)
    one, other = (desk.open(BULK, action="pause", instance=NAMES) for _ in range(2))
    submit(one)
    submit(other)
    assert len(desk.ledger.bulk_jobs.latest(9)) == 2


def test_an_id_is_no_markup(desk: Desk) -> None:
    """In the title of the page."""
    app = desk.open(BULK, action="pause", instance="a[b](http://c)")
    assert texts(app.header) == "Pause a[b](http://c)"
    assert "](" not in app.header[0].value


def group_preview(desk: Desk, now: float) -> AppTest:
    """Open the preview of a rerun of a group of twelve runs, from the page of failures."""
    for number in range(12):
        fails(desk, f"run_{number}", now - 100 + number, "No card")
    failures = desk.open(FAILURES)
    (group,) = widget(failures, "failures")["groups"]
    return follow(failures, group["rerunHref"])


def test_a_whole_group_is_rerun_at_a_pace(desk: Desk, now: float) -> None:
    """Each run from its failed step; the job stops when half of the last ten fail again."""
    app = group_preview(desk, now)
    assert texts(app.header) == "Rerun instances"
    assert "12 of 12 instances" in texts(app.markdown)
    assert "stops when 5 of the last 10 reruns have failed again" in texts(app.caption)
    app.number_input(key="bulk-reruns-a-minute").set_value(6)
    submit(app)
    job = the_job(desk)
    assert (job.rate, job.stop_rule) == (0.1, StopRule(5, 10))
    assert '"start":"failed"' in job.task
    assert "at most 6 a minute" in texts(app.caption)
    assert "None has ended yet" in texts(app.caption)


def test_the_rule_can_be_changed_and_left_out(desk: Desk, now: float) -> None:
    """A rule that no job can reach is refused at its fields."""
    app = group_preview(desk, now)
    app.number_input(key="bulk-stop-failed").set_value(11)
    assert "11 of 10 reruns cannot fail" in texts(run(app).error)
    assert "stop_when" in texts(submit(app).error)
    app.number_input(key="bulk-stop-failed").set_value(2)
    submit(run(app))
    assert the_job(desk).stop_rule == StopRule(2, 10)
    other = group_preview(desk, now)
    other.checkbox(key="bulk-stops").uncheck()
    submit(run(other))
    assert the_newest(desk).stop_rule is None


def the_newest(desk: Desk) -> BulkJob:
    """Return the newest job."""
    return desk.ledger.bulk_jobs.latest(1)[0]


def test_one_rerun_needs_no_pace(desk: Desk) -> None:
    """And no rule."""
    app = desk.open(BULK, action="rerun", instance=desk.add_recorded("failed"))
    assert not app.number_input
    submit(app)
    assert the_job(desk).stop_rule is None


def test_a_job_that_stopped_offers_its_rest(desk: Desk, now: float) -> None:
    """The page says why; the rest is previewed before anything happens."""
    submit(group_preview(desk, now))
    job = the_job(desk)
    done = [ItemResult(f"run_{number}", Outcome.DONE, new_id="x") for number in range(5)]
    desk.ledger.bulk_jobs.write_results(job.bulk_id, done)
    desk.ledger.bulk_jobs.finish(
        job.bulk_id, JobStatus.STOPPED, at(9), because="5 of the last 5 reruns have failed again."
    )
    app = desk.open(BULK, id=job.bulk_id)
    assert "stopped by itself: 5 of the last 5 reruns have failed again." in texts(app.warning)
    assert widget(desk.open(BULK), "bulk_jobs")["jobs"][0]["status"] == "stopped"
    rest = desk.open(BULK, action="rerun", rest_of=job.bulk_id)
    assert texts(rest.header) == "Rerun the rest of a bulk job"
    assert "7 of 7 instances" in texts(rest.markdown)
    submit(rest)
    assert the_newest(desk).total == 7


def test_the_rest_of_no_job(desk: Desk) -> None:
    """The page names what is wrong, also while the ledger is away."""
    app = desk.open(BULK, action="rerun", rest_of="x")
    assert "No bulk job has the id 'x'" in texts(app.warning)
    with desk.ledger_away():
        away = desk.open(BULK, action="rerun", rest_of="x")
        assert "The preview appears as soon as the ledger" in texts(away.info)
