"""Pages of the audit log, and its filters."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from operations.audit_filter import AuditFilter, AuditPage
from operations.errors import InvalidInput
from operations.ledger import Ledger
from operations.model import Action, Actor, Status
from operations.records import START, AuditEntry, Outcome
from tests.unit.plans import plans
from tests.unit.snapshots import APP, at

pytestmark = pytest.mark.both_databases

ALL = AuditFilter()
ENTRY = AuditEntry(
    at=at(1),
    actor=Actor("ann", "operator"),
    action=Action.PAUSE,
    instance_id="order_A",
    outcome=Outcome.DONE,
    before=Status.RUNNING,
    after=Status.SUSPENDED,
    app_id=APP,
)
START_ENTRY = replace(ENTRY, action=START, before=None, after=Status.RUNNING)


def pages(ledger: Ledger, wanted: AuditFilter, limit: int) -> Iterator[AuditPage]:
    """Yield all pages, from the newest to the oldest."""
    page = ledger.audit_search.page(wanted, limit=limit)
    yield page
    while page.older:
        page = ledger.audit_search.page(wanted, limit=limit, cursor=page.older)
        yield page


def found(ledger: Ledger, wanted: AuditFilter) -> list[AuditEntry]:
    """Return the entries that a filter matches."""
    return list(ledger.audit_search.page(wanted, limit=99).entries)


def test_an_empty_log_has_an_empty_page(ledger: Ledger) -> None:
    """Without pages beside it."""
    assert ledger.audit_search.page(ALL, limit=10) == AuditPage((), None, None)


def test_the_log_has_all_applications(ledger: Ledger) -> None:
    """The newest entry comes first; of equal times the one that was written last."""
    entries = [replace(ENTRY, at=at(second), reason=str(n)) for n, second in enumerate((1, 3, 3))]
    for entry in entries:
        ledger.audit_log.add(entry)
    other = replace(ENTRY, at=at(2), app_id="other")
    ledger.for_app("other").audit_log.add(other)
    assert found(ledger, ALL) == [entries[2], entries[1], other, entries[0]]


PAUSE, RARE = frozenset({"pause"}), frozenset({Outcome.REFUSED, Outcome.UNKNOWN})
OTHERS = [
    (AuditFilter(actor="bob"), replace(ENTRY, actor=Actor("bob", "operator"))),
    (AuditFilter(actions=frozenset({"start"})), START_ENTRY),
    (AuditFilter(actions=frozenset({"start", "purge"})), replace(ENTRY, action="purge")),
    (AuditFilter(outcomes=RARE), replace(ENTRY, outcome=Outcome.REFUSED)),
    (AuditFilter(actions=PAUSE, outcomes=RARE), replace(ENTRY, outcome=Outcome.UNKNOWN)),
    (AuditFilter(instance_id="order_B"), replace(ENTRY, instance_id="order_B")),
    (AuditFilter(since=at(5)), replace(ENTRY, at=at(5))),
    (AuditFilter(until=at(1)), replace(ENTRY, at=at(0.5))),
    (AuditFilter(reason="CARD"), replace(ENTRY, reason="the card was stolen")),
    (AuditFilter(reason="50%"), replace(ENTRY, reason="50% off")),
    (AuditFilter(reason="a\0b"), replace(ENTRY, reason="a\0b")),
    (AuditFilter(bulk_id="b1"), replace(ENTRY, bulk_id="b1")),
]


@pytest.mark.parametrize(("wanted", "entry"), OTHERS, ids=range(len(OTHERS)))
def test_a_filter_selects(ledger: Ledger, wanted: AuditFilter, entry: AuditEntry) -> None:
    """Only the entry that it describes, not the others."""
    ledger.audit_log.add(ENTRY, replace(ENTRY, reason="500 %"), entry)
    assert found(ledger, wanted) == [entry]


def test_pages_have_neither_gap_nor_repetition(ledger: Ledger) -> None:
    """Also of several actions and outcomes, while entries are added; back too."""
    actions, outcomes = (START, "pause", "purge"), (Outcome.DONE, Outcome.REFUSED)
    entries = [
        replace(
            ENTRY,
            at=at(number // 4),
            reason=f"{number}",
            action=actions[number % 3],
            outcome=outcomes[number % 2],
        )
        for number in range(60)
    ]
    ledger.audit_log.add(*entries)
    some = AuditFilter(actions=frozenset(actions[:2]), outcomes=frozenset(outcomes))
    for wanted in (ALL, some):
        there = []
        for page in pages(ledger, wanted, 7):
            there.append(page)
            ledger.audit_log.add(replace(ENTRY, at=at(1000), action="resume"))
        listed = [entry for page in there for entry in page.entries]
        expected = [each for each in entries if each.action in (wanted.actions or actions)]
        assert [each for each in listed if each.action != "resume"] == expected[::-1]
        assert len(set(listed)) == len(listed)
        back = ledger.audit_search.page(wanted, limit=7, cursor=there[-1].newer)
        assert back.entries == there[-2].entries
        assert back.older == there[-2].older


def test_the_way_back_ends_at_the_newest_page(ledger: Ledger) -> None:
    """A page that would not be full is the newest page instead."""
    ledger.audit_log.add(*(replace(ENTRY, at=at(second)) for second in range(10)))
    newest, second, _ = pages(ledger, ALL, 4)
    ledger.audit_log.add(replace(ENTRY, at=at(99)))
    back = ledger.audit_search.page(ALL, limit=4, cursor=second.newer)
    assert back.entries == newest.entries
    assert back.newer
    again = ledger.audit_search.page(ALL, limit=4, cursor=back.newer)
    assert (again.entries[0].at, again.newer) == (at(99), None)


def test_a_page_that_became_empty_leads_back(ledger: Ledger) -> None:
    """If no older entry matches the filter any more."""
    open_entries = [replace(ENTRY, at=at(n), outcome=Outcome.UNKNOWN) for n in range(3)]
    keys = [ledger.audit_log.write_ahead(entry) for entry in open_entries]
    unknown = AuditFilter(outcomes=frozenset({Outcome.UNKNOWN}))
    older = ledger.audit_search.page(unknown, limit=2).older
    ledger.audit_log.complete(keys[0], ENTRY)
    empty = ledger.audit_search.page(unknown, limit=2, cursor=older)
    assert (empty.entries, empty.older) == ((), None)
    back = ledger.audit_search.page(unknown, limit=2, cursor=empty.newer)
    assert back.entries == tuple(open_entries[:0:-1])


def test_an_entry_that_is_completed_comes_once(ledger: Ledger) -> None:
    """It moves up: its time is then that of its outcome."""
    ledger.audit_log.add(*(replace(ENTRY, at=at(second)) for second in range(4)))
    started = replace(ENTRY, at=at(9), outcome=Outcome.UNKNOWN, action="purge")
    key = ledger.audit_log.write_ahead(started)
    all_pages = ledger.audit_search.every(ALL, size=2)
    entries = list(next(all_pages))
    ledger.audit_log.complete(key, replace(started, at=at(10), outcome=Outcome.DONE))
    entries += [entry for page in all_pages for entry in page]
    assert [entry.at for entry in entries] == [at(second) for second in (9, 3, 2, 1, 0)]


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "n" * 400])
def test_an_invalid_cursor_is_refused(ledger: Ledger, cursor: str) -> None:
    """Only cursors of pages are accepted."""
    with pytest.raises(InvalidInput, match="expected the cursor of a page"):
        ledger.audit_search.page(ALL, limit=1, cursor=cursor)


@pytest.mark.sqlite_alone
@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (ALL, "audit_log_newest"),
        (AuditFilter(since=at(0), until=at(9)), "audit_log_newest (at>? AND at<?)"),
        (AuditFilter(actions=frozenset({"purge"})), "audit_log_of_action (action=?)"),
        (AuditFilter(actor="ann"), "audit_log_of_actor (actor_name=?)"),
        (AuditFilter(outcomes=frozenset({Outcome.REFUSED})), "audit_log_of_outcome (outcome=?)"),
        (AuditFilter(reason="card"), "audit_log_with_reason"),
    ],
)
def test_an_index_has_the_entries_in_their_order(
    ledger: Ledger, wanted: AuditFilter, index: str
) -> None:
    """SQLite sorts nothing, and reads no more than a page if most entries match."""
    steps = plans(ledger, lambda each: each.audit_search.page(wanted, limit=9), "audit_log")
    assert len(steps) == 1
    assert index in steps[0]


@pytest.mark.sqlite_alone
def test_the_entries_of_an_instance_are_found_by_their_index(ledger: Ledger) -> None:
    """In one application, and in all."""
    calls = (
        lambda each: each.audit_log.of("order_A", 9),
        lambda each: each.audit_search.page(AuditFilter(instance_id="order_A"), limit=9),
    )
    for call in calls:
        assert "audit_log_of_instance (instance_id=?" in plans(ledger, call, "audit_log")[0]
