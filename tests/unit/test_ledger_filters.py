"""Which lives a filter lets through, in whichever order, and what is asked of the database."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy import text

from operations.ledger import Ledger, open_ledger
from operations.ledger.db.sessions import writing
from operations.model import Failure, Status
from operations.records import Count, Filter, Sort
from tests.unit.plans import plans
from tests.unit.questions import any_filters, ids, is_wanted, listed, mixed, pages
from tests.unit.snapshots import at, snapshot, summary

pytestmark = pytest.mark.both_databases

LIVES = mixed(200)
FILTERS = any_filters(30)
FAILED = frozenset({Status.FAILED})


@pytest.fixture(scope="module", name="full")
def _full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Return a ledger with lives of all kinds, which no test changes."""
    url = f"sqlite:///{tmp_path_factory.mktemp('full')}/ledger.db"
    with closing(open_ledger(url)) as ledger:
        ledger.runs.ingest(LIVES)
        yield ledger


@pytest.mark.parametrize("sort", Sort)
def test_a_mixed_filter_shows_what_it_says(full: Ledger, sort: Sort) -> None:
    """Whatever is asked for together, each life that it is true of is shown once."""
    for wanted in FILTERS:
        found = [each.instance_id for each in listed(full, wanted, sort)]
        assert len(found) == len(set(found))
        told = {run.instance.instance_id for run in LIVES if is_wanted(wanted, run)}
        assert set(found) == told, wanted


def test_counts_are_of_the_same_filter(full: Ledger) -> None:
    """Each status has as many as a list of it alone would show, whichever are wanted."""
    for wanted in FILTERS:
        each = replace(wanted, statuses=frozenset())
        told = [run.instance.status for run in LIVES if is_wanted(each, run)]
        assert full.runs.counts(wanted) == {status: Count(told.count(status)) for status in Status}


@pytest.mark.parametrize("sort", Sort)
def test_a_page_tells_how_many_come_before_it(full: Ledger, sort: Sort) -> None:
    """In each order, and under each filter."""
    for wanted in FILTERS[:10]:
        shown = 0
        for page in pages(full, wanted, 7, sort):
            assert page.before == Count(shown)
            shown += len(page.runs)


def test_a_time_range_begins_with_its_first_moment_and_ends_before_its_last(
    ledger: Ledger,
) -> None:
    """So that ranges in a row hold each life once."""
    ledger.runs.ingest([snapshot(instance_id=f"i{n}", created=n) for n in range(5)])
    found = ledger.runs.page(Filter(since=at(1), until=at(3)), limit=9)
    assert ids(found) == ["i2", "i1"]


@pytest.mark.parametrize("said", ["paid", '"paid"'])
def test_a_custom_status_is_asked_for_as_it_reads(ledger: Ledger, said: str) -> None:
    """Whether the application wrote it as a text or as JSON."""
    ledger.runs.ingest([snapshot(custom_status=said), snapshot(instance_id="other")])
    assert ids(ledger.runs.page(Filter(custom_status="paid"), limit=9)) == ["order_A"]
    assert summary(ledger).custom_status == "paid"


def test_a_custom_status_that_is_no_text_is_kept_as_it_is_written(ledger: Ledger) -> None:
    """Such as an object; an empty one is none."""
    ledger.runs.ingest([snapshot(custom_status='{"step": 1}')])
    ledger.runs.ingest([snapshot(instance_id="none", custom_status='""')])
    assert summary(ledger).custom_status == '{"step": 1}'
    assert summary(ledger, "none").custom_status is None


def test_a_custom_status_is_the_last_one(ledger: Ledger) -> None:
    """The ones before are not found any more."""
    ledger.runs.ingest([snapshot(custom_status="packing")])
    ledger.runs.ingest([snapshot(custom_status="sent", seen=2)])
    assert ids(ledger.runs.page(Filter(custom_status="packing"), limit=9)) == []
    assert ids(ledger.runs.page(Filter(custom_status="sent"), limit=9)) == ["order_A"]


def say(ledger: Ledger) -> None:
    """Record one life that has something in each place that is searched, and one that has not."""
    full = snapshot(
        Status.FAILED,
        instance_id="order_Kilo",
        input='{"item": "Lamp"}',
        output='{"to": "M\\u00fcnchen"}',
        custom_status="packing",
        failure=Failure("ValueError", 'No "rope" 100%', "stack"),
    )
    ledger.runs.ingest([full, snapshot(instance_id="other", input='"Tür"')])


FOUND = ["LAMP", "münchen", "M\\u00fcnchen", "pack", "valueerr", '"rope"', "0%", "ORDER_k"]


@pytest.mark.parametrize("sought", FOUND)
def test_a_text_is_found_anywhere(ledger: Ledger, sought: str) -> None:
    """In the id, the payloads, the custom status and the failure, as it reads or as JSON has it."""
    say(ledger)
    assert ids(ledger.runs.page(Filter(anywhere=sought), limit=9)) == ["order_Kilo"]
    assert ledger.runs.counts(Filter(anywhere=sought))[Status.FAILED] == Count(1)


@pytest.mark.parametrize("sought", ["lump", "L_mp", "0%0", "stack", "\0", "\ud800"])
def test_what_stands_nowhere_is_not_found(ledger: Ledger, sought: str) -> None:
    """No character stands for others, and a stack is not searched."""
    say(ledger)
    assert ids(ledger.runs.page(Filter(anywhere=sought), limit=9)) == []


def test_a_text_that_json_need_not_escape_is_found_as_it_is(ledger: Ledger) -> None:
    """Not every application escapes what is not ASCII."""
    say(ledger)
    assert ids(ledger.runs.page(Filter(anywhere="Tür"), limit=9)) == ["other"]


@pytest.fixture
def short_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one request look at 10 lives."""
    monkeypatch.setattr("operations.ledger.search.filters.PAYLOADS", 10)
    monkeypatch.setattr("operations.ledger.search.filters.ROWS", 10)


def remember(ledger: Ledger, count: int, *found: int) -> None:
    """Record so many lives, of which some say what is sought."""
    ledger.runs.ingest(
        [
            snapshot(
                instance_id=f"i{n:02}" + ("-x" if n in found else ""),
                created=n,
                input="sought" if n in found else "other",
            )
            for n in range(count)
        ]
    )


@pytest.mark.usefixtures("short_reach")
@pytest.mark.parametrize("wanted", [Filter(anywhere="sought"), Filter(text="-x")])
def test_a_search_looks_so_far_and_goes_on_from_there(ledger: Ledger, wanted: Filter) -> None:
    """A page may have less than there is room for, or nothing; each life is found once."""
    remember(ledger, 45, 44, 30, 29, 2)
    found = [ids(page) for page in pages(ledger, wanted, 5)]
    assert found == [["i44-x"], ["i30-x", "i29-x"], [], [], ["i02-x"]]


@pytest.mark.usefixtures("short_reach")
def test_a_search_that_finds_enough_fills_its_pages(ledger: Ledger) -> None:
    """What it finds within reach is shown page by page."""
    remember(ledger, 12)
    sizes = [len(page.runs) for page in pages(ledger, Filter(anywhere="other"), 4)]
    assert sizes == [4, 4, 4]


@pytest.mark.usefixtures("short_reach")
def test_the_way_back_of_a_search_ends_at_the_first_page(ledger: Ledger) -> None:
    """Though no page on the way is full."""
    remember(ledger, 45, 44, 30, 29, 2)
    wanted = Filter(text="-x")
    page = list(pages(ledger, wanted, 5))[-1]
    seen = [ids(page)]
    while page.newer:
        page = ledger.runs.page(wanted, limit=5, cursor=page.newer)
        seen.append(ids(page))
    assert [each for found in seen for each in found] == ["i02-x", "i30-x", "i29-x", "i44-x"]
    assert page == ledger.runs.page(wanted, limit=5)


@pytest.mark.usefixtures("short_reach")
def test_a_search_counts_as_far_as_it_looks(ledger: Ledger) -> None:
    """And says that there may be more."""
    remember(ledger, 45, 44, 43, 30, 2)
    counts = ledger.runs.counts(Filter(text="-x"))
    assert counts[Status.RUNNING] == Count(2, is_capped=True)
    assert str(counts[Status.FAILED]) == "0+"


def test_counts_stop_at_their_cap(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads more than that there are as many."""
    monkeypatch.setattr("operations.ledger.search.counts.CAP", 10)
    remember(ledger, 12)
    assert ledger.runs.counts(Filter())[Status.RUNNING] == Count(10, is_capped=True)
    last = list(pages(ledger, Filter(), 11))[-1]
    assert last.before == Count(10, is_capped=True)


def test_a_count_reads_as_people_write_it() -> None:
    """With a plus where there may be more; a sum is capped if a part of it is."""
    assert str(Count(9_999)) == "9,999"
    assert str(Count(10_000, is_capped=True)) == "10,000+"
    assert str(Count(10_000, is_capped=True) + Count(5)) == "10,005+"


def there_and_back(ledger: Ledger, wanted: Filter, sort: Sort) -> None:
    """Ask for the first page, the one after it, the first again, and the counts."""
    first = ledger.runs.page(wanted, limit=1, sort=sort)
    second = ledger.runs.page(wanted, limit=1, cursor=first.older, sort=sort)
    ledger.runs.page(wanted, limit=1, cursor=second.newer, sort=sort)
    ledger.runs.counts(wanted)


BY_KEY = "SEARCH instances USING INTEGER PRIMARY KEY (rowid=?)"


def steps(ledger: Ledger, wanted: Filter, sort: Sort = Sort.NEWEST) -> list[str]:
    """Return what SQLite does with the lives to answer this, and whether it sorts.

    To take a life by its key once it has been found is nothing.
    """
    assert len(listed(ledger, wanted)) > 2
    found = plans(ledger, lambda ledger: there_and_back(ledger, wanted, sort))
    return [step for step in found if re.search("instances|waits|TEMP", step) and step != BY_KEY]


OF_CREATION = [
    (Filter(), "newest"),
    (Filter(since=at(5)), "newest"),
    (Filter(since=at(5), until=at(45)), "newest"),
    (Filter(text="id"), "newest"),
    (Filter(anywhere="id"), "newest"),
    (Filter(statuses=FAILED), "newest_of_status"),
    (Filter(statuses=frozenset({Status.FAILED, Status.RUNNING})), "newest_of_status"),
    (Filter(statuses=FAILED, since=at(5)), "newest_of_status"),
    (Filter(statuses=FAILED, until=at(45)), "newest_of_status"),
    (Filter(workflows=frozenset({"audit"})), "newest_of_workflow"),
    (Filter(workflows=frozenset({"audit"}), statuses=FAILED), "newest_of_workflow"),
    (Filter(workflows=frozenset({"audit"}), since=at(5)), "newest_of_workflow"),
    (Filter(custom_status="confirmed"), "newest_of_custom_status"),
    (Filter(custom_status="confirmed", statuses=FAILED), "newest_of_custom_status"),
    (Filter(waits_for="approval"), "waits_newest"),
    (Filter(waits_for="approval", statuses=frozenset({Status.RUNNING})), "waits_newest"),
    (Filter(waits_for="approval", since=at(5), until=at(45)), "waits_newest"),
    (Filter(parent_id="id_001"), "newest_of_parent_id"),
    (Filter(parent_id="id_001", statuses=FAILED, until=at(45)), "newest_of_parent_id"),
    (Filter(rerun_of="id_002", workflows=frozenset({"audit"})), "newest_of_rerun_of"),
    (Filter(failure_type="ValueError"), "newest_of_failure_type"),
]


def by_indexes(ledger: Ledger, wanted: Filter, index: str, sort: Sort) -> bool:
    """Whether an index leads to what is wanted, and to each status alone for the counts."""
    used = [re.search(r"INDEX (?:instances_)?(\w+)", step) for step in steps(ledger, wanted, sort)]
    of_status = "newest_of_status" if index == "newest" else index
    names = {each[1] if each else "" for each in used}
    return {index} <= names <= {index, of_status}


@pytest.mark.parametrize("sort", [Sort.NEWEST, Sort.OLDEST])
@pytest.mark.parametrize(("wanted", "index"), OF_CREATION, ids=range(len(OF_CREATION)))
def test_an_index_leads_to_what_is_wanted(
    full: Ledger, wanted: Filter, index: str, sort: Sort
) -> None:
    """Nothing is sorted, and nothing read that is not wanted."""
    assert by_indexes(full, wanted, index, sort)


@pytest.mark.sqlite_alone
def test_statistics_lead_the_database_nowhere_else(ledger: Ledger) -> None:
    """Whether somebody has had it look at its tables or not."""
    ledger.runs.ingest(LIVES)
    with writing(ledger._engine) as connection:
        connection.execute(text("ANALYZE"))
    assert all(by_indexes(ledger, *each, Sort.NEWEST) for each in OF_CREATION)


BY_END = [
    Filter(),
    Filter(statuses=FAILED),
    Filter(workflows=frozenset({"audit"}), since=at(5)),
    Filter(custom_status="confirmed"),
]


@pytest.mark.sqlite_alone
@pytest.mark.parametrize("wanted", BY_END, ids=range(len(BY_END)))
@pytest.mark.parametrize(("sort", "index"), [(Sort.ENDED, "ended"), (Sort.LONGEST, "longest")])
def test_another_order_has_an_index_of_its_own(
    full: Ledger, wanted: Filter, sort: Sort, index: str
) -> None:
    """What is asked for besides is looked at on the way."""

    def ask(ledger: Ledger) -> None:
        page = ledger.runs.page(wanted, limit=1, sort=sort)
        ledger.runs.page(wanted, limit=1, cursor=page.older, sort=sort)

    told = [step for step in plans(full, ask) if "instances" in step or "TEMP" in step]
    found = [step for step in told if step != BY_KEY]
    assert found
    assert all(f"INDEX instances_{index}" in step for step in found), found


@pytest.mark.sqlite_alone
def test_what_few_lives_have_is_found_before_it_is_sorted(full: Ledger) -> None:
    """The children of one parent are few, in whichever order."""
    wanted = Filter(parent_id="id_001")
    found = plans(full, lambda ledger: ledger.runs.page(wanted, limit=1, sort=Sort.LONGEST))
    assert "INDEX instances_newest_of_parent_id" in found[0]
