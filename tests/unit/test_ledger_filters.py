"""The runs that a filter matches, in each order, and their counts."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from operations.ledger import Ledger, LedgerLimits, SearchLimits, open_ledger
from operations.model import Failure, Status
from operations.records import Count, Filter, Sort
from tests.unit.queries import ids, is_wanted, listed, pages, random_filters, random_runs
from tests.unit.snapshots import at, snapshot, summary

pytestmark = pytest.mark.both_databases

RUNS = random_runs(200)
FILTERS = random_filters(30)
FAILED = frozenset({Status.FAILED})


@pytest.fixture(
    scope="module",
    name="full",
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)],
)
def _full(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    """Return a ledger with runs of all kinds; no test changes it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('full')}/ledger.db"
    else:
        url = request.getfixturevalue("postgres").new()
    with closing(open_ledger(url, limits=LedgerLimits(SearchLimits(seconds=60)))) as ledger:
        ledger.runs.ingest(RUNS)
        yield ledger


@pytest.mark.parametrize("sort", Sort)
def test_a_filter_lists_the_runs_that_it_matches(full: Ledger, sort: Sort) -> None:
    """Whatever conditions it has, each matching run is listed once."""
    for wanted in FILTERS:
        found = [each.instance_id for each in listed(full, wanted, sort)]
        assert len(found) == len(set(found))
        expected = {run.instance.instance_id for run in RUNS if is_wanted(wanted, run)}
        assert set(found) == expected, wanted


def test_counts_are_of_the_runs_that_a_filter_matches(full: Ledger) -> None:
    """The statuses of the filter do not matter."""
    for wanted in FILTERS:
        each = replace(wanted, statuses=frozenset())
        found = [run.instance.status for run in RUNS if is_wanted(each, run)]
        assert full.search.counts(wanted) == {
            status: Count(found.count(status)) for status in Status
        }


@pytest.mark.parametrize("sort", Sort)
def test_a_page_has_the_number_of_runs_before_it(full: Ledger, sort: Sort) -> None:
    """In each order, and under each filter."""
    for wanted in FILTERS[:10]:
        shown = 0
        for page in pages(full, wanted, 7, sort):
            assert page.before == Count(shown)
            shown += len(page.runs)


def test_a_time_range_includes_its_start_and_excludes_its_end(
    ledger: Ledger,
) -> None:
    """Consecutive ranges have each run once."""
    ledger.runs.ingest([snapshot(instance_id=f"i{n}", created=n) for n in range(5)])
    found = ledger.search.page(Filter(since=at(1), until=at(3)), limit=9)
    assert ids(found) == ["i2", "i1"]


@pytest.mark.parametrize("written", ["paid", '"paid"'])
def test_a_custom_status_is_filtered_by_its_text(ledger: Ledger, written: str) -> None:
    """Also if the application wrote it as a JSON string."""
    ledger.runs.ingest([snapshot(custom_status=written), snapshot(instance_id="other")])
    assert ids(ledger.search.page(Filter(custom_status="paid"), limit=9)) == ["order_A"]
    assert summary(ledger).custom_status == "paid"


def test_a_custom_status_that_is_no_string_is_shown_as_json(ledger: Ledger) -> None:
    """Such as an object; an empty string is None."""
    ledger.runs.ingest([snapshot(custom_status='{"step": 1}')])
    ledger.runs.ingest([snapshot(instance_id="none", custom_status='""')])
    assert summary(ledger).custom_status == '{"step": 1}'
    assert summary(ledger, "none").custom_status is None


def test_only_the_last_custom_status_is_found(ledger: Ledger) -> None:
    """Earlier ones are replaced."""
    ledger.runs.ingest([snapshot(custom_status="packing")])
    ledger.runs.ingest([snapshot(custom_status="sent", read=2)])
    assert ids(ledger.search.page(Filter(custom_status="packing"), limit=9)) == []
    assert ids(ledger.search.page(Filter(custom_status="sent"), limit=9)) == ["order_A"]


def record_texts(ledger: Ledger) -> None:
    """Record a run with a text in each field that is searched, and a run without them."""
    full = snapshot(
        Status.FAILED,
        instance_id="order_Kilo",
        input='{"item": "Lamp"}',
        output='{"to": "M\\u00fcnchen"}',
        custom_status="packing",
        failure=Failure("ValueError", 'No "rope" 100%', "stack"),
    )
    ledger.runs.ingest([full, snapshot(instance_id="other", input='"Tür"')])


FOUND = ["LAMP", "münchen", "M\\u00fcnchen", "pack", "valueerr", '"rope"', "00%", "ORDER_k"]


@pytest.mark.parametrize("sought", FOUND)
def test_a_text_is_found_anywhere(ledger: Ledger, sought: str) -> None:
    """In id, payloads, custom status and failure, as plain text or as JSON escapes it."""
    record_texts(ledger)
    assert ids(ledger.search.page(Filter(text=sought), limit=9)) == ["order_Kilo"]
    assert ledger.search.counts(Filter(text=sought))[Status.FAILED] == Count(1)


@pytest.mark.parametrize("sought", ["lump", "L_mp", "0%0", "stack", "\0", "\ud800"])
def test_a_text_that_does_not_occur_is_not_found(ledger: Ledger, sought: str) -> None:
    """No character is a wildcard, and stack traces are not searched."""
    record_texts(ledger)
    assert ids(ledger.search.page(Filter(text=sought), limit=9)) == []


def test_an_unescaped_text_in_json_is_found(ledger: Ledger) -> None:
    """Not every application escapes characters outside ASCII."""
    record_texts(ledger)
    assert ids(ledger.search.page(Filter(text="Tür"), limit=9)) == ["other"]


def record(ledger: Ledger, count: int, *found: int) -> None:
    """Record `count` runs; those whose number is in `found` have the text "sought"."""
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


@pytest.mark.parametrize("sort", Sort)
def test_a_text_lists_each_match_once(ledger: Ledger, sort: Sort) -> None:
    """In each order, page by page."""
    record(ledger, 45, 44, 30, 29, 2)
    wanted = Filter(text="sought", statuses=frozenset({Status.RUNNING}))
    found = [ids(page) for page in pages(ledger, wanted, 3, sort)]
    assert [len(each) for each in found] == [3, 1]
    assert sorted(each for page in found for each in page) == ["i02-x", "i29-x", "i30-x", "i44-x"]


def test_the_way_back_under_a_text_ends_at_the_first_page(ledger: Ledger) -> None:
    """Each page leads to the one that led to it."""
    record(ledger, 45, *range(9))
    wanted = Filter(text="sought")
    there = list(pages(ledger, wanted, 4))
    second = ledger.search.page(wanted, limit=4, cursor=there[2].newer)
    assert ids(second) == ids(there[1])
    first = ledger.search.page(wanted, limit=4, cursor=second.newer)
    assert first == ledger.search.page(wanted, limit=4)


@pytest.mark.parametrize("wanted", [Filter(id_part="i0"), Filter(text="i0")])
def test_a_text_of_two_characters_is_a_prefix_of_an_id(ledger: Ledger, wanted: Filter) -> None:
    """The index cannot search for fewer than 3 characters."""
    record(ledger, 12)
    assert ids(ledger.search.page(wanted, limit=20)) == [f"i{n:02}" for n in range(9, -1, -1)]
    assert ledger.search.counts(wanted)[Status.RUNNING] == Count(10)
    assert ids(ledger.search.page(Filter(id_part="0"), limit=20)) == []


def test_a_text_is_indexed_again_when_it_changes(ledger: Ledger) -> None:
    """Only the current text of a run is found."""
    ledger.runs.ingest([snapshot(custom_status="packing")])
    ledger.runs.ingest([snapshot(custom_status="sending", read=2)])
    assert ids(ledger.search.page(Filter(text="packing"), limit=9)) == []
    assert ids(ledger.search.page(Filter(text="sending"), limit=9)) == ["order_A"]


def test_a_text_beyond_16_kb_is_not_found(ledger: Ledger) -> None:
    """The index has the first 16,384 characters of each text."""
    ledger.runs.ingest([snapshot(input="x" * 16_380 + "seen" + "unseen")])
    assert len(ids(ledger.search.page(Filter(text="xseen"), limit=9))) == 1
    assert ids(ledger.search.page(Filter(text="unseen"), limit=9)) == []


@pytest.mark.parametrize("ledger_limits", [LedgerLimits(SearchLimits(60, text_matches=10))])
def test_counts_under_a_text_are_of_the_newest_matches(ledger: Ledger) -> None:
    """If there are more, each count is capped, and lists in other orders have only these."""
    record(ledger, 12)
    counts = ledger.search.counts(Filter(text="other"))
    assert counts[Status.RUNNING] == Count(10, is_capped=True)
    assert str(counts[Status.FAILED]) == "0+"
    longest = ledger.search.page(Filter(text="other"), limit=20, sort=Sort.LONGEST)
    assert len(longest.runs) == 10


@pytest.mark.parametrize("ledger_limits", [LedgerLimits(SearchLimits(60, count=10))])
def test_counts_stop_at_their_cap(ledger: Ledger) -> None:
    """A capped count says that there are at least so many."""
    record(ledger, 12)
    assert ledger.search.counts(Filter())[Status.RUNNING] == Count(10, is_capped=True)
    last = list(pages(ledger, Filter(), 11))[-1]
    assert last.before == Count(10, is_capped=True)


def test_a_count_as_text() -> None:
    """With a plus if it is capped; a sum is capped if one of its counts is."""
    assert str(Count(9_999)) == "9,999"
    assert str(Count(10_000, is_capped=True)) == "10,000+"
    assert str(Count(10_000, is_capped=True) + Count(5)) == "10,005+"


def test_runs_with_children_are_known(ledger: Ledger) -> None:
    """Children of another application, and those that have a parent there, do not count."""
    parents = [snapshot(instance_id=each) for each in ("one", "other", "none")]
    children = [
        snapshot(instance_id="child", parent_id="one"),
        snapshot(instance_id="remote", parent_id="other", parent_app_id="elsewhere"),
    ]
    elsewhere = replace(snapshot(instance_id="foreign", parent_id="none"), app_id="elsewhere")
    ledger.runs.ingest([*parents, *children, elsewhere])
    runs = ledger.search.page(Filter(), limit=9).runs
    found = ledger.search.parents([each.run_id for each in runs])
    assert [each.instance_id for each in runs if each.run_id in found] == ["one"]
