"""Cash beyond the limit waits for a tax form, is never lost, and goes by itself once the form is there."""

import time
from datetime import date, datetime, timedelta
from threading import Event

import pytest
from django.db import connection

from payouts import failpoints, program_files, verification, withdrawals
from payouts.models import PayoutChange, TaxFormChange, TaxFormLimit
from payouts.payments import files, orders, planning, reissues, reports, tax_forms, tax_limits
from payouts.payments.candidates import Why
from payouts.rules.lifecycle import Result
from payouts.rules.payees import Rail
from payouts.rules.tax_forms import FormStatus
from payouts.verification.tax_forms import FINDS
from referrals.rules.refusal import WrongField
from tests.payments import CASH, is_paid_to, pays_by, statuses
from tests.payouts.verification.plant import alter, found
from tests.story import Story, at_once, changed, refused

pytestmark = pytest.mark.django_db

QUOTE = "A tax form is needed above it"


def asking(above, host="main", **changes):
    """The program asks for a form above that sum, and pays by a file; Rosa can be paid."""
    story = Story(changes={**CASH, "tax_form": {"above": above, "quote": QUOTE}, **changes}, host=host)
    story.method = pays_by(story)
    is_paid_to(story)
    return story


def earned(story, *months):
    """Rosa has so many bonuses of 100.00 in each of these months' payouts, in 2026; none is sent."""
    for turn, number in enumerate(months):
        for each in range(number):
            story.earn(f"company{turn}-{each}")
        story.pass_to(f"2026-{turn + 3:02}-16T00:05Z")
    return story


def make(story, at=None):
    """The numbers of the payouts that go into files now."""
    at = at or story.now
    made = files.make(story.method, pay_on=at.date() + timedelta(days=2), by=story.fay, at=at)
    return [line.amount_minor for file in made for line in file.lines.order_by("payout")]


def looked_at(story, at=None):
    """What would go, and what waits for a form, each by its amount."""
    at = at or story.now
    planned = planning.plan(story.method, pay_on=at.date() + timedelta(days=2), at=at)
    goes = [payout.amount_minor for part in planned.parts for payout in part.payouts]
    assert set(planned.left_out) <= {Why.TAX_FORM}
    return goes, [payout.amount_minor for payout in planned.left_out.get(Why.TAX_FORM, [])]


def receive(story, valid_until=None, at=None, referrer=None):
    enrollment, at = story.enrollment(referrer), at or story.now
    return tax_forms.receive(enrollment, valid_until=valid_until, by=story.fay, at=at, note="W-9")


def told(story, result):
    for number in PayoutChange.objects.filter(new_status="SENT").values_list("payout", flat=True):
        payout = story.enrollment().payouts.get(pk=number)
        reports.tell(payout, result=result, detail="AC04", by=story.fay, at=story.now)


# --- around the limit ---------------------------------------------------------------------------------


AROUND = [
    # above, bonuses of 100.00 by month, what goes, what waits for a form
    ("0.00", [1], [], [100_00]),
    ("99.99", [1], [], [100_00]),
    ("100.00", [1], [100_00], []),
    ("199.99", [1, 1], [100_00], [100_00]),
    ("200.00", [1, 1], [100_00, 100_00], []),
    # One that is too large by itself lets a smaller one behind it go.
    ("199.99", [2, 1], [100_00], [200_00]),
    # Each would fit, both do not: the older one goes.
    ("250.00", [2, 1], [200_00], [100_00]),
    ("250.00", [1, 2], [100_00], [200_00]),
    ("300.00", [1, 2], [100_00, 200_00], []),
]


@pytest.mark.parametrize(("above", "months", "goes", "waits"), AROUND)
def test_what_goes_around_the_limit_and_the_rest_once_the_form_is_there(above, months, goes, waits):
    story = earned(asking(above), *months)
    assert looked_at(story) == (goes, waits)
    if goes:
        assert make(story) == goes
    with refused("nothing_to_pay"):
        make(story)

    if waits:
        receive(story)
        assert make(story) == waits
    assert set(statuses()) == {"SENDING"}
    assert verification.breaches() == []


def test_without_a_limit_nothing_waits():
    story = earned(asking("100.00"), 1, 1)
    assert looked_at(story) == ([100_00], [100_00])

    program_files.store(changed("smartcat", CASH), host=story.host, now=story.now)

    assert looked_at(story) == ([100_00, 100_00], [])


def test_everybody_has_a_limit_of_their_own():
    story = asking("100.00")
    is_paid_to(story, story.ben)
    story.earn("acme")
    story.earn("beta", link="ben")
    story.pass_to("2026-03-16T00:05Z")

    assert make(story) == [100_00, 100_00]


def test_what_is_withdrawn_counts_and_waits_like_any_other():
    story = Story(changes={"tax_form": {"above": "100.00"}})
    story.method = pays_by(story)
    is_paid_to(story)
    earned(story, 2)
    for _ in range(2):
        withdrawals.withdraw(story.enrollment(), amount_minor=60_00, at=story.now)

    # What is credited to a balance is no cash.
    assert looked_at(story) == ([60_00], [60_00])
    assert make(story) == [60_00]
    assert looked_at(story) == ([], [60_00])


# --- the year -----------------------------------------------------------------------------------------


def test_the_year_turns_in_the_zone_of_the_program():
    """On the island of Kiritimati the new year begins 14 hours early."""
    story = earned(asking("100.00", **{"program.time_zone": "Pacific/Kiritimati"}), 1, 1, 1)
    last = datetime.fromisoformat("2026-12-31T09:59:59Z")
    assert make(story, last) == [100_00]
    with refused("nothing_to_pay"):
        make(story, last)

    assert make(story, last + timedelta(seconds=1)) == [100_00]

    with refused("nothing_to_pay"):
        make(story, last + timedelta(days=364))
    assert make(story, last + timedelta(days=365, seconds=1)) == [100_00]
    assert verification.breaches() == []


# --- what came back -----------------------------------------------------------------------------------


def test_what_came_back_does_not_count_and_its_next_attempt_waits_its_turn():
    story = earned(asking("150.00"), 1, 1)
    make(story)
    files.mark_uploaded(story.program.payment_files.get(), by=story.finn, at=story.now)
    assert looked_at(story) == ([], [100_00])

    told(story, Result.RETURNED)
    assert looked_at(story) == ([100_00], [])
    reissues.reissue(story.enrollment().payouts.all(), by=story.fay, at=story.now)

    # The older one first: that is the second month's, for the first one's next attempt is new.
    assert looked_at(story) == ([100_00], [100_00])
    assert make(story) == [100_00]
    assert [(p.attempt, p.status) for p in story.enrollment().payouts.order_by("pk")] == [
        (1, "REISSUED"),
        (1, "SENDING"),
        (2, "PREPARED"),
    ]
    assert verification.breaches() == []


def test_a_file_that_was_voided_has_sent_nothing():
    story = earned(asking("100.00"), 1, 1)
    make(story)
    files.void(story.program.payment_files.get(), by=story.finn, at=story.now)

    assert looked_at(story) == ([100_00], [100_00])


# --- the form -----------------------------------------------------------------------------------------


def test_how_a_form_stands_day_by_day():
    story = asking("100.00")
    rosas, by = story.enrollment(), story.fay
    noon = datetime.fromisoformat("2026-05-01T12:00Z")

    def stands(at):
        return tax_forms.standing(rosas, at=at).status

    tax_forms.request(rosas, by=by, at=noon)
    receive(story, date(2026, 6, 30), at=noon + timedelta(days=1))
    tax_forms.request(rosas, by=by, at=noon + timedelta(days=2))
    last = datetime.fromisoformat("2026-06-30T23:59:59Z")

    assert stands(noon - timedelta(seconds=1)) is FormStatus.NONE
    assert stands(noon) is FormStatus.REQUESTED
    # A new one was asked for meanwhile: the old one counts on.
    assert stands(noon + timedelta(days=3)) is FormStatus.RECEIVED
    assert stands(last) is FormStatus.RECEIVED
    assert stands(last + timedelta(seconds=1)) is FormStatus.REQUESTED
    receive(story, date(2026, 7, 31), at=last)
    assert stands(datetime.fromisoformat("2026-08-01T00:00Z")) is FormStatus.EXPIRED
    receive(story, at=datetime.fromisoformat("2026-08-02T00:00Z"))
    assert stands(datetime.fromisoformat("2099-01-01T00:00Z")) is FormStatus.RECEIVED
    tax_forms.refuse(rosas, by=by, at=datetime.fromisoformat("2026-08-03T00:00Z"), note="Not signed.")
    assert stands(datetime.fromisoformat("2026-08-03T00:00Z")) is FormStatus.REFUSED


def test_a_form_that_expires_between_the_look_and_the_file_lets_nothing_go():
    story = earned(asking("100.00"), 1, 1)
    receive(story, story.now.date())
    end = story.now.replace(hour=23, minute=59, second=59)
    assert looked_at(story, end) == ([100_00, 100_00], [])

    assert make(story, end + timedelta(seconds=1)) == [100_00]

    assert statuses() == ["SENDING", "PREPARED"]


def test_what_makes_no_sense_is_not_written_down():
    story = earned(asking("100.00"), 2)
    with pytest.raises(WrongField, match="gone by"):
        receive(story, story.now.date() - timedelta(days=1))
    no_reason = {"by": story.fay, "at": story.now, "note": "Not signed."}
    with refused("no_form_there"):
        tax_forms.refuse(story.enrollment(), **no_reason)

    receive(story)
    make(story)
    # What left on the strength of it left rightly.
    with refused("paid_meanwhile"):
        tax_forms.refuse(story.enrollment(), **no_reason)

    tax_forms.refuse(story.enrollment(), **{**no_reason, "at": story.now + timedelta(seconds=1)})
    assert verification.breaches() == []


# --- over the network ---------------------------------------------------------------------------------


class TakesAll:
    """A payment service before the first call: whatever is asked for could be sent."""

    remembers = timedelta(days=30)

    def check(self, payment):
        """It could be sent."""


def test_orders_are_held_back_and_written_once_the_form_is_there(settings):
    settings.PAYPAL_URL = "https://client:secret@pay.example"
    story = Story(changes={**CASH, "tax_form": {"above": "250.00"}})
    story.method = pays_by(story, Rail.PAYPAL_API)
    is_paid_to(story, rail=Rail.PAYPAL_API)
    earned(story, 2, 1)

    def write():
        orders.write(story.method, sender=TakesAll(), at=story.now)
        return statuses()

    assert write() == ["SENDING", "PREPARED"]
    assert write() == ["SENDING", "PREPARED"]
    receive(story)
    assert write() == ["SENDING", "SENDING"]
    assert verification.breaches() == []


# --- two at once --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_two_files_at_once_one_holds_what_fits_and_the_other_nothing():
    story = earned(asking("150.00"), 1, 1)

    done = at_once(*(lambda: make(story) for _ in range(2)))

    assert [each for each in done if each == [100_00]] == [[100_00]]
    assert [each.code for each in done if isinstance(each, files.NothingToPay)] == ["nothing_to_pay"]
    assert statuses() == ["SENDING", "PREPARED"]
    assert verification.breaches() == []


def taken_back_while_a_file_is_made(monkeypatch):
    """Somebody says that the form cannot be used while a file that rests on it is being made."""
    story = earned(asking("100.00"), 2)
    receive(story)
    reach, is_made = failpoints.reach, Event()

    def linger(place):
        reach(place)
        if place == "before_file":
            is_made.set()
            time.sleep(0.5)

    def take_back():
        assert is_made.wait(timeout=20)
        return tax_forms.refuse(story.enrollment(), by=story.fay, at=story.now, note="Not signed.")

    monkeypatch.setattr(failpoints, "reach", linger)
    done = at_once(lambda: make(story), take_back)
    return done, [breach.message for breach in verification.breaches()]


@pytest.mark.django_db(transaction=True)
def test_a_form_is_not_taken_back_from_under_a_file(monkeypatch):
    (made, taken_back), breaches = taken_back_while_a_file_is_made(monkeypatch)

    assert made == [200_00]
    assert isinstance(taken_back, tax_forms.PaidMeanwhile)
    assert breaches == []


@pytest.mark.django_db(transaction=True)
def test_without_taking_turns_it_would_be(monkeypatch):
    """The negative control, where two write at the same time at all."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time.")
    monkeypatch.setattr(tax_limits, "lock", lambda program, *, at: None)

    (made, taken_back), breaches = taken_back_while_a_file_is_made(monkeypatch)

    assert made == [200_00]
    assert isinstance(taken_back, TaxFormChange)
    assert breaches == [FINDS]


# --- the books are asked ------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["no form", "not yet valid", "expired", "refused"])
def test_what_left_beyond_the_limit_without_a_form_is_named(wrong):
    story = earned(asking("150.00"), 1, 1)
    form = receive(story, date(2026, 12, 31))
    make(story)
    assert verification.breaches() == []
    second = story.enrollment().payouts.order_by("pk")[1]

    if wrong == "no form":
        alter(form, status="REQUESTED", valid_until=None, expires_at=None)
    elif wrong == "not yet valid":
        alter(form, changed_at=story.now + timedelta(seconds=1))
    elif wrong == "expired":
        alter(form, expires_at=story.now, without=["tax_form_change_expires_once_received"])
    else:
        alter(form, status="REFUSED", valid_until=None, expires_at=None)

    assert found() == [("I9", FINDS, [second.pk])]


def test_a_limit_that_came_later_makes_nothing_wrong_that_was_right():
    story = earned(asking("1000.00"), 1, 1)
    make(story)
    lower = changed("smartcat", {**CASH, "tax_form": {"above": "10.00"}})

    program_files.store(lower, host=story.host, now=story.now + timedelta(hours=1))

    assert verification.breaches() == []
    assert list(TaxFormLimit.objects.values_list("above_minor", "quote")) == [(1000_00, QUOTE), (10_00, "")]
