"""Closing a month of the books: who, when, what is refused, and that the database keeps it closed."""

import time
from datetime import UTC, date, datetime, timedelta
from functools import partial
from threading import Event

import pytest
from django.db import IntegrityError, connection, models, transaction

from payouts import batches, closing, holds, journal, proposals, release, withdrawals
from payouts.models import Bonus, ClosedBalance, LedgerAccount, MonthClose, Payout, Transfer
from payouts.rules.lifecycle import AccountKind
from referrals.models import Proposal
from tests.payouts.verification.plant import alter
from tests.story import Story, at_once, nothing_changes, refused

pytestmark = pytest.mark.django_db

FEBRUARY, MARCH, APRIL = date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 1)
DUE = "2026-03-16T00:05Z"


def paid_story(changes=None) -> Story:
    """A bonus earned in February, paid in March, and April has come."""
    story = Story("smartcat", {"terms.clawback": "BY_STAFF", **(changes or {})})
    story.earn()
    story.pass_to(DUE)
    story.now = datetime(2026, 4, 2, 9, tzinfo=UTC)
    return story


@pytest.fixture
def story() -> Story:
    return paid_story()


def close(story, month=FEBRUARY, **changed):
    people = {"by": story.fay, "confirmed_by": story.finn, **changed}
    return closing.close(story.program, month=month, at=story.now, **people)


def reopen(story, closed, **changed):
    people = {"by": story.fay, "confirmed_by": story.finn, "reason": "a late invoice", **changed}
    closing.reopen(closed, at=story.now, **people)


@transaction.atomic
def post_at(story, at):
    """Rows behind the back of every check but the database's."""
    last = Transfer.objects.latest("pk")
    accounts = LedgerAccount.objects.filter(program=story.program)
    spent = story.enrollment().spends.create(
        amount_minor=100, currency="USD", service="translation", spent_at=story.now
    )
    return Transfer.objects.create(
        debit=accounts.get(enrollment=story.enrollment(), kind=AccountKind.BALANCE),
        credit=accounts.get(kind=AccountKind.SERVICES),
        amount_minor=100,
        currency=last.currency,
        kind="SPENT",
        posted_at=at,
        spend=spent,
    )


# --- closing --------------------------------------------------------------------------------------------


def test_a_closed_month_keeps_what_its_accounts_held(story):
    closed = close(story)

    assert (closed.month, closed.ends_at) == (FEBRUARY, datetime(2026, 3, 1, tzinfo=UTC))
    assert (closed.closed_by, closed.confirmed_by, closed.closed_at) == (story.fay, story.finn, story.now)
    assert (closed.transfers, len(closed.balances_sha256)) == (1, 64)
    rows = closed.balances.values_list("kind", "currency", "debits_minor", "credits_minor")
    assert sorted(rows) == [("EXPENSE", "USD", 10_000, 0), ("PAYABLE", "USD", 0, 10_000)]


def test_months_are_closed_in_order(story):
    assert closing.next_month(story.program) == FEBRUARY
    with refused("not_the_next_month") as refusal:
        close(story, MARCH)
    assert "February 2026 is next" in str(refusal.value)

    close(story)
    assert closing.next_month(story.program) == MARCH
    with refused("not_the_next_month"):
        close(story)
    close(story, MARCH)
    assert MonthClose.objects.get(month=MARCH).balances.get(kind="PAYABLE").debits_minor == 10_000


def test_a_month_that_goes_on_is_not_closed(story):
    close(story)
    close(story, MARCH)

    with refused("month_not_over"):
        close(story, APRIL)


def test_the_month_is_over_when_it_is_over_in_the_zone_of_the_program():
    story = Story("smithai")
    story.earn()
    story.now = datetime(2026, 3, 1, 7, 59, tzinfo=UTC)
    with refused("month_not_over"):
        close(story)

    story.now += timedelta(minutes=1)
    assert close(story).ends_at == datetime(2026, 3, 1, 8, tzinfo=UTC)


def test_where_nothing_was_posted_there_is_nothing_to_close():
    story = Story()

    with refused("not_the_next_month") as refusal:
        close(story)
    assert "Nothing was ever posted" in str(refusal.value)


def test_it_takes_two_people(story):
    with refused("same_person"):
        close(story, confirmed_by=story.fay)

    with pytest.raises(IntegrityError), transaction.atomic():
        MonthClose.objects.create(
            program=story.program,
            month=FEBRUARY,
            ends_at=datetime(2026, 3, 1, tzinfo=UTC),
            closed_at=story.now,
            closed_by=story.fay,
            confirmed_by=story.fay,
            transfers=0,
            balances_sha256="",
        )


def test_one_person_asks_and_another_closes(story):
    proposal = closing.propose_closing(story.program, month=FEBRUARY, by=story.fay, at=story.now)
    with refused("already_proposed"):
        closing.propose_closing(story.program, month=FEBRUARY, by=story.finn, at=story.now)
    with refused("same_person"):
        proposals.confirm(proposal, by=story.fay, at=story.now)

    proposals.confirm(proposal, by=story.finn, at=story.now)

    closed = MonthClose.objects.get()
    assert (closed.closed_by, closed.confirmed_by, closed.month) == (story.fay, story.finn, FEBRUARY)


def test_what_is_refused_at_confirmation_confirms_nothing(story):
    proposal = closing.propose_closing(story.program, month=FEBRUARY, by=story.fay, at=story.now)
    close(story)

    with refused("not_the_next_month"):
        proposals.confirm(proposal, by=story.finn, at=story.now)
    assert Proposal.objects.get().confirmed_at is None


# --- what comes first -----------------------------------------------------------------------------------


def unsettled(story, month):
    return [
        (each.code, each.count, each.amount_minor, each.blocks)
        for each in closing.unsettled(story.program, month)
    ]


def test_what_can_be_paid_and_is_overdue_comes_first():
    story = Story("smartcat")
    story.earn()
    story.now = datetime(2026, 4, 2, 9, tzinfo=UTC)
    story.evaluate()
    close(story)

    assert unsettled(story, MARCH) == [("overdue", 1, 10_000, True)]
    with refused("not_ready_to_close") as refusal:
        close(story, MARCH)
    assert "1 overdue" in str(refusal.value)
    release.release_due(as_of=story.now)
    close(story, MARCH)


def test_what_is_on_hold_is_told_and_stops_nothing():
    story = Story("smartcat")
    holds.place(story.earn(), reason="a question", by=story.fay, at=story.now)
    story.now = datetime(2026, 4, 2, 9, tzinfo=UTC)
    close(story)

    assert unsettled(story, MARCH) == [("waiting", 1, 10_000, False)]
    close(story, MARCH)


def test_open_batches_come_first():
    story = Story("smartcat", {"payout_schedule.release": "AFTER_APPROVAL"})
    story.earn()
    story.pass_to(DUE)
    close(story)
    story.now = datetime(2026, 4, 2, 9, tzinfo=UTC)

    assert ("open_batches", 1, 10_000, True) in unsettled(story, MARCH)
    with refused("not_ready_to_close"):
        close(story, MARCH)
    story.approve_all()
    release.release_due(as_of=story.now)
    batches.close_paid_out(at=story.now)
    close(story, MARCH)


def test_a_draft_whose_lines_are_all_held_stops_nothing():
    story = Story("smartcat", {"payout_schedule.release": "AFTER_APPROVAL"})
    bonus = story.earn()
    story.pass_to(DUE)
    close(story)
    bonus.refresh_from_db()
    assert bonus.batch.status == "DRAFT"
    holds.place(bonus, reason="a question", by=story.fay, at=story.now)
    story.now = datetime(2026, 4, 2, 9, tzinfo=UTC)

    assert unsettled(story, MARCH) == [("waiting", 1, 10_000, False)]
    close(story, MARCH)


@pytest.mark.parametrize("status", ["UNKNOWN", "SENDING"])
def test_payouts_of_which_nothing_is_known_come_first(status):
    story = paid_story({"rewards.new_customer.kind": "CASH"})
    close(story)
    payout = Payout.objects.get()
    alter(payout, status=status)

    assert unsettled(story, MARCH) == [("unknown_payouts", 1, 10_000, True)]
    with refused("not_ready_to_close"):
        close(story, MARCH)
    alter(payout, status="PREPARED")


def test_a_withdrawal_of_which_nothing_is_known_comes_first():
    story = paid_story()
    withdrawals.withdraw(story.enrollment(), amount_minor=4_000, at=story.now)
    payout = Payout.objects.get(withdrawal__isnull=False)
    alter(payout, status="SENDING")

    assert unsettled(story, APRIL) == [("unknown_payouts", 1, 4_000, True)]
    alter(payout, status="PREPARED")


# --- closed ---------------------------------------------------------------------------------------------


def test_the_database_takes_nothing_into_a_closed_month(story):
    closed = close(story)
    last_instant = closed.ends_at - timedelta(microseconds=1)

    with pytest.raises(IntegrityError, match="closed month"), transaction.atomic():
        post_at(story, last_instant)
    with pytest.raises(IntegrityError, match="closed month"), transaction.atomic():
        post_at(story, datetime(2025, 12, 31, tzinfo=UTC))
    post_at(story, closed.ends_at)


def test_the_books_of_other_programs_stay_open(story):
    close(story)
    other = Story("smithai", host="other")

    other.earn()

    assert Transfer.objects.filter(debit__program=other.program).get().posted_at.month == 2


def test_facts_that_are_told_late_book_into_the_open_month(story):
    close(story)
    late = story.sign_up("late", occurred_at=datetime(2026, 2, 20, 10, tzinfo=UTC))
    story.decide(late)
    story.tell(late, "subscription.started")
    story.wait(minutes=11)

    assert late.bonuses.get().transfers.get().posted_at == story.now


def test_a_run_as_of_a_closed_day_is_refused_in_words_and_pays_nothing():
    story = Story("smartcat")
    bonus = story.earn()
    story.now = datetime(2026, 4, 2, 9, tzinfo=UTC)
    holds.place(bonus, reason="a question", by=story.fay, at=story.now)
    close(story)
    close(story, MARCH)
    holds.lift(bonus, by=story.fay, at=story.now)

    tally = release.release_due(as_of=datetime(2026, 3, 20, tzinfo=UTC))

    assert (tally.done, tally.failed) == (0, 1)
    assert "The books are closed up to the end of March 2026" in str(tally.failing)
    bonus.refresh_from_db()
    assert (bonus.status, bonus.on_hold) == ("ACTIVATED", False)
    assert release.release_due(as_of=story.now).done == 1


def test_a_reversal_as_of_a_closed_day_is_refused_in_words(story):
    close(story)
    close(story, MARCH)
    story.now = datetime(2026, 3, 20, tzinfo=UTC)

    with refused("month_closed") as refusal, transaction.atomic():
        story.reverse(Bonus.objects.get())
    assert "closed at 2026-03-20" in str(refusal.value)


@pytest.mark.parametrize("way", ["withdraw", "spend"])
def test_what_a_referrer_does_as_of_a_closed_day_is_refused_in_words(story, way):
    close(story)
    close(story, MARCH)
    told = {"amount_minor": 100, "at": datetime(2026, 3, 20, tzinfo=UTC)}
    if way == "spend":
        told["service"] = "a plan"

    with refused("month_closed") as refusal:
        getattr(withdrawals, way)(story.enrollment(), **told)
    assert "March 2026" in str(refusal.value)


def test_a_reversal_books_into_the_open_month_and_is_told_beside_the_closed_one(story):
    close(story)
    march = close(story, MARCH)
    story.reverse(Bonus.objects.get())

    assert closing.is_as_closed(march)
    assert closing.differences(march) == []
    [back] = closing.taken_back_since(march)
    assert (back.kind, back.posted_at) == ("REVERSED", story.now)


def test_rows_of_a_closed_month_cannot_be_deleted_or_changed(story):
    closed = close(story)

    balances = ClosedBalance.objects.all()
    for step in (partial(balances._raw_delete, "default"), partial(balances.update, debits_minor=1)):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            step()
    with pytest.raises(models.ProtectedError):
        closed.delete()


# --- open again -----------------------------------------------------------------------------------------


def test_two_people_open_the_last_closed_month_again(story):
    february, march = close(story), close(story, MARCH)
    with refused("same_person"):
        reopen(story, march, confirmed_by=story.fay)
    with refused("not_the_last_closed"):
        reopen(story, february)

    reopen(story, march)

    assert (march.reopened_by, march.reopening_confirmed_by) == (story.fay, story.finn)
    assert march.reopened_because == "a late invoice"
    post_at(story, datetime(2026, 3, 20, tzinfo=UTC))
    assert closing.next_month(story.program) == MARCH
    with refused("not_the_last_closed"):
        reopen(story, march)


def test_what_changed_while_it_was_open_is_told(story):
    close(story)
    march = close(story, MARCH)
    reopen(story, march)
    post_at(story, datetime(2026, 3, 20, tzinfo=UTC))

    assert not closing.is_as_closed(march)
    changed = {
        each.kind: (each.closed.owed_minor, each.now.owed_minor) for each in closing.differences(march)
    }
    assert changed == {"BALANCE": (10_000, 9_900), "SERVICES": (0, 100)}
    again = close(story, MARCH)
    assert closing.is_as_closed(again)
    assert again.transfers == march.transfers + 1


def test_the_database_wants_two_people_and_a_reason(story):
    closed = close(story)
    for wrong in (
        {"reopening_confirmed_by": story.fay},
        {"reopened_because": ""},
        {"reopened_by": None},
    ):
        right = {
            "reopened_at": story.now,
            "reopened_by": story.fay,
            "reopening_confirmed_by": story.finn,
            "reopened_because": "a late invoice",
        }
        with pytest.raises(IntegrityError), transaction.atomic():
            MonthClose.objects.filter(pk=closed.pk).update(**{**right, **wrong})


def test_opening_again_is_proposed_once(story):
    closed = close(story)
    proposal = closing.propose_reopening(closed, by=story.finn, at=story.now, reason="an invoice")
    with refused("already_proposed"):
        closing.propose_reopening(closed, by=story.fay, at=story.now, reason="an invoice")

    proposals.confirm(proposal, by=story.fay, at=story.now)

    closed.refresh_from_db()
    assert (closed.reopened_by, closed.reopening_confirmed_by) == (story.finn, story.fay)


# --- at once --------------------------------------------------------------------------------------------


AT = datetime(2026, 3, 20, tzinfo=UTC)


def posting_slowly(story, posted):
    """Post into March, and linger before the transaction ends."""

    def post():
        with transaction.atomic():
            post_at(story, AT)
            posted.set()
            time.sleep(0.3)

    return post


def closing_after(story, posted):
    def wait_and_close():
        assert posted.wait(timeout=20)
        return close(story, MARCH)

    return wait_and_close


@pytest.mark.django_db(transaction=True)
def test_a_closing_waits_for_whoever_is_posting_and_counts_it():
    story, posted = paid_story(), Event()
    close(story)

    _, march = at_once(posting_slowly(story, posted), closing_after(story, posted))

    assert march.transfers == 3
    assert closing.is_as_closed(march)


@pytest.mark.django_db(transaction=True)
@pytest.mark.plants_breaches
def test_without_its_lock_a_closing_misses_what_is_being_posted(monkeypatch):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    story, posted = paid_story(), Event()
    close(story)
    monkeypatch.setattr(closing, "_alone", lambda: None)

    _, march = at_once(posting_slowly(story, posted), closing_after(story, posted))

    assert march.transfers == 2
    assert not closing.is_as_closed(march)


@pytest.mark.django_db(transaction=True)
def test_posting_and_closing_at_once_agree():
    """Either the closing counts the transfer, or the transfer is refused: never a third thing."""
    story = paid_story()
    close(story)

    for _ in range(3):
        at_once(partial(post_at, story, AT), partial(close, story, MARCH), partial(post_at, story, AT))
        march = MonthClose.objects.standing().get(month=MARCH)
        assert closing.is_as_closed(march)
        reopen(story, march)


def test_the_journal_of_a_period_begins_with_what_was_brought_forward(story):
    text = "".join(journal.write(as_of=story.now, since=datetime(2026, 3, 1, tzinfo=UTC)))

    assert text.count('"Brought forward"') == 1
    assert "2026-02-28 * " in text
    assert text.count("\n  transfer: ") == 1


def test_nothing_is_closed_by_a_look(story):
    with nothing_changes():
        closing.unsettled(story.program, FEBRUARY)
        closing.next_month(story.program)
