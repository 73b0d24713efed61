"""The endpoints of bulk jobs."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from api.schemas.bulk import ItemsResponse, JobSchema, JobsResponse, PreviewResponse
from operations.bulk_job import ItemResult, JobStatus
from operations.ledger import Ledger
from operations.model import Status
from operations.records import Outcome
from tests.unit.snapshots import at, snapshot

NAMES = [f"i{number}" for number in range(3)]


@pytest.fixture
def waiting(ledger: Ledger) -> None:
    """Record three running instances and a failed one."""
    for number, name in enumerate([*NAMES, "failed"]):
        status = Status.FAILED if name == "failed" else Status.RUNNING
        ledger.runs.ingest(
            [snapshot(status, instance_id=name, execution=name, created=number, read=number + 1)]
        )


def post(client: TestClient, path: str, **body: Any) -> dict[str, Any]:
    """Return the body of a successful answer."""
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.usefixtures("waiting")
def test_a_preview_changes_nothing(client: TestClient, ledger: Ledger) -> None:
    """It says who is skipped and why."""
    body = post(client, "/bulk/preview", action="pause", instances=[*NAMES, "failed", "gone"])
    PreviewResponse.model_validate(body)
    assert (body["eligible"], body["capped"], body["descendants"]) == (3, False, 0)
    assert {each["reason"]: each["ids"] for each in body["skipped"]} == {
        "it is FAILED": ["failed"],
        "the ledger has no such instance": ["gone"],
    }
    assert ledger.bulk_jobs.latest(9) == ()


@pytest.mark.usefixtures("waiting")
def test_a_job_is_stored_followed_and_cancelled(client: TestClient, ledger: Ledger) -> None:
    """The process of the recorder carries it out."""
    body = post(
        client,
        "/bulk/start?status=RUNNING",
        action="terminate",
        reason="a test",
        rate=5,
        bulk_id="j1",
    )
    JobSchema.model_validate(body)
    assert (body["bulk_id"], body["status"], body["total"], body["left"]) == ("j1", "running", 3, 3)
    assert (body["actor"], body["reason"], body["rate"]) == ("api", "a test", 5)
    ledger.bulk_jobs.write_results("j1", [ItemResult("i1", Outcome.REFUSED, "gone")])
    job = client.get("/bulk/j1").json()
    assert (job["left"], job["results"]) == (2, {"refused": 1})
    assert client.post("/bulk/j1/cancel").json()["status"] == "cancelling"
    (entry,) = client.get("/audit", params={"bulk": "j1"}).json()["entries"]
    assert (entry["action"], entry["actor"]) == ("cancel bulk job", "api")
    jobs = client.get("/bulk").json()
    JobsResponse.model_validate(jobs)
    assert [each["bulk_id"] for each in jobs["jobs"]] == ["j1"]


@pytest.mark.usefixtures("waiting")
def test_the_instances_of_a_job_have_pages(client: TestClient, ledger: Ledger) -> None:
    """In the order in which they were selected."""
    post(client, "/bulk/start", action="terminate", instances=NAMES, bulk_id="j1")
    ledger.bulk_jobs.write_results("j1", [ItemResult("i1", Outcome.DONE, new_id="x")])
    first = client.get("/bulk/j1/instances", params={"limit": 2}).json()
    ItemsResponse.model_validate(first)
    assert [each["instance_id"] for each in first["instances"]] == ["i0", "i1"]
    assert first["instances"][1]["new_instance_id"] == "x"
    rest = client.get("/bulk/j1/instances", params={"limit": 2, "after": first["next"]}).json()
    assert ([each["instance_id"] for each in rest["instances"]], rest["next"]) == (["i2"], None)
    done = client.get("/bulk/j1/instances", params={"outcome": "done"}).json()
    assert [each["position"] for each in done["instances"]] == [1]


@pytest.mark.usefixtures("waiting")
def test_the_same_request_again_returns_the_job(client: TestClient) -> None:
    """Another task with its id is refused."""
    task = {"action": "terminate", "instances": NAMES, "bulk_id": "j1"}
    first = post(client, "/bulk/start", **task)
    assert post(client, "/bulk/start", **task) == first
    answer = client.post("/bulk/start", json={**task, "action": "pause"})
    assert answer.status_code == 422
    assert 'bulk_id: found "j1"' in answer.json()["detail"][0]["message"]


@pytest.mark.usefixtures("waiting")
def test_an_event_keeps_its_payload(client: TestClient, ledger: Ledger) -> None:
    """As it was written."""
    content = (
        '{"action":"raise","event":"go","payload":{"d":1.10},"instances":["i0"],"bulk_id":"j"}'
    )
    answer = client.post(
        "/bulk/start", content=content, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 200, answer.text
    job = ledger.bulk_jobs.get("j")
    assert job
    assert r'"payload":"{\"d\":1.10}"' in job.task


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/bulk/start", {"action": "pause"}, "instances: found 0, expected ids, or parameters"),
        ("/bulk/start?status=RUNNING", {"action": "pause", "instances": ["i0"]}, "only one of"),
        ("/bulk/start", {"action": "pause", "instances": ["i0"], "rest_of": "j"}, "only one of"),
        (
            "/bulk/start",
            {"action": "pause", "instances": ["i0"], "stop_when": {"failed": 1, "of": 2}},
            "stop_when: found",
        ),
        (
            "/bulk/start",
            {"action": "rerun", "instances": ["failed"], "stop_when": {"failed": 1}},
            "stop_when",
        ),
        ("/bulk/start", {"action": "explode", "instances": ["i0"]}, "action: found"),
        ("/bulk/start", {"action": "raise", "instances": ["i0"]}, "event"),
        (
            "/bulk/start",
            {"action": "pause", "instances": ["gone"]},
            "at least one eligible instance",
        ),
        ("/bulk/start", {"action": "pause", "instances": ["i0"], "rate": 0}, "rate: found 0"),
        ("/bulk/start", {"action": "pause", "instances": ["i0"], "reason": "x" * 501}, "reason"),
        ("/bulk/start?limit=3", {"action": "pause", "instances": ["i0"]}, "limit"),
    ],
)
@pytest.mark.usefixtures("waiting")
def test_a_wrong_request_is_refused(
    client: TestClient, path: str, body: dict[str, Any], message: str
) -> None:
    """The message names the value; no job is stored."""
    answer = client.post(path, json=body)
    assert answer.status_code == 422, answer.text
    assert message in answer.text.replace("\\", "")
    assert client.get("/bulk").json() == {"jobs": []}


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", "/bulk/x"), ("get", "/bulk/x/instances"), ("post", "/bulk/x/cancel")],
)
def test_an_unknown_job_is_refused(client: TestClient, method: str, path: str) -> None:
    """The message has its id."""
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["error"]) == (404, "UnknownBulkJob")
    assert "'x'" in answer.json()["detail"]


@pytest.mark.usefixtures("waiting")
def test_a_job_of_reruns_says_when_and_why_it_stops(client: TestClient, ledger: Ledger) -> None:
    """The rest of it is a selection of its own."""
    task = {"action": "rerun", "rerun_from": "first", "instances": ["failed"], "bulk_id": "j1"}
    body = post(client, "/bulk/start", **task, rate=0.5, stop_when={"failed": 5, "of": 10})
    assert (body["rate"], body["stop_when"], body["stopped_because"]) == (
        0.5,
        {"failed": 5, "of": 10},
        None,
    )
    rest = {"action": "rerun", "rerun_from": "first", "rest_of": "j1"}
    assert "a job that is over" in client.post("/bulk/preview", json=rest).text
    ledger.bulk_jobs.finish("j1", JobStatus.STOPPED, at(9), because="5 have failed.")
    stopped = client.get("/bulk/j1").json()
    JobSchema.model_validate(stopped)
    assert (stopped["status"], stopped["stopped_because"]) == ("stopped", "5 have failed.")
    assert post(client, "/bulk/preview", **rest)["eligible"] == 1
    answer = client.post("/bulk/start", json={**rest, "rest_of": "x"})
    assert (answer.status_code, answer.json()["error"]) == (404, "UnknownBulkJob")
