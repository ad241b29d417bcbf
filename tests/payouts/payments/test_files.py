"""Payment files: each payout in one, each the same bytes for ever, each step from one status only."""

import csv
import io
from datetime import timedelta

import pytest
from django.db import IntegrityError, models, transaction

from payouts import destinations, failpoints, holds, ledger, release, verification, withdrawals
from payouts.models import (
    Destination,
    PaymentFile,
    PaymentFileChange,
    PaymentLine,
    Payout,
    PayoutMethod,
    Transfer,
)
from payouts.payments import doubts, files, planning, steps
from payouts.payments.candidates import Why
from payouts.rails import RAILS
from payouts.rails.rail import Writer
from payouts.rules.lifecycle import AccountKind
from payouts.rules.payees import Rail
from payouts.rules.payment_files import CannotBePaid
from referrals import enrollment
from referrals.models import Program
from referrals.rules.refusal import WrongField
from tests.payments import (
    CASH,
    DUE,
    EUROS,
    PAY_ON,
    is_paid_to,
    make,
    pays_by,
    sent,
    statuses,
    told,
    trail,
    with_cash,
    withdrawn,
)
from tests.payouts.verification.plant import alter, guards_down
from tests.story import Story, at_once, nothing_changes, refused

pytestmark = pytest.mark.django_db


def left_out(story):
    planned = ahead(story, pay_on=max(PAY_ON, story.now.date()))
    return {why.value: [payout.pk for payout in left.first] for why, left in planned.left_out.items()}


def ahead(story, *, pay_on=None, named=20):
    return planning.plan(story.method, pay_on=pay_on or story.now.date(), at=story.now, named=named)


def test_a_file_holds_what_waits_and_its_totals_are_stored_before_it_is_offered():
    story = with_cash("acme", "beta", "gamma")

    (file,) = make(story)

    assert (file.status, file.count, file.total_minor, file.currency) == ("MADE", 2, 30_000, "USD")
    assert list(file.lines.values_list("payout__amount_minor", "amount_minor", "is_void")) == [
        (20_000, 20_000, False),
        (10_000, 10_000, False),
    ]
    assert statuses() == ["SENDING", "SENDING"]
    assert list(file.changes.values_list("old_status", "new_status", "changed_by")) == [
        ("", "MADE", story.fay.pk)
    ]
    assert len(file.sha256) == 64


def test_file_lines_and_payouts_come_to_the_same_to_the_cent():
    story = with_cash("acme", "beta", "gamma")
    (file,) = make(story)

    rows = list(csv.reader(io.StringIO(files.remade(file).content.decode())))

    assert [(row[0], row[1], row[3]) for row in rows] == [
        (f"{line.destination.recipient}", f"{line.amount_minor / 100:.2f}", line.reference)
        for line in sorted(file.lines.select_related("destination"), key=lambda line: line.reference)
    ]
    clearing = ledger.account_of(story.enrollment(), kind=AccountKind.CLEARING)
    assert ledger.balance_minor(clearing) == file.total_minor == 30_000


@pytest.mark.parametrize(
    ("rail", "changes"),
    [(Rail.PAYPAL, {}), (Rail.NACHA, {}), (Rail.SEPA, EUROS), (Rail.WISE, EUROS)],
)
def test_a_file_comes_out_the_same_whenever_it_is_downloaded(rail, changes):
    story = with_cash(rail=rail, changes=changes)
    (file,) = make(story)
    first = files.download(file, by=story.fay, at=story.now)

    story.now += timedelta(days=40)
    is_paid_to_another = told(story, story.rosa, rail)
    again = files.download(PaymentFile.objects.get(), by=story.finn, at=story.now)

    assert again.content == first.content
    assert (again.sha256, again.name) == (file.sha256, first.name)
    assert is_paid_to_another.confirmed_at is None
    downloads = PaymentFileChange.objects.filter(old_status="MADE", new_status="MADE")
    assert list(downloads.values_list("changed_by", flat=True)) == [story.fay.pk, story.finn.pk]


def test_a_file_that_comes_out_otherwise_is_refused_loudly(monkeypatch):
    story = with_cash()
    (file,) = make(story)
    wrong = Writer([], 10, lambda payments, sending: RAILS[Rail.WISE].write(payments, sending))
    monkeypatch.setitem(RAILS, Rail.PAYPAL, wrong)

    with refused("not_the_same"):
        files.download(file, by=story.fay, at=story.now)


@pytest.mark.plants_breaches
def test_a_line_changed_behind_the_back_of_the_database_is_not_offered():
    story = with_cash()
    (file,) = make(story)
    alter(file.lines.first(), amount_minor=1_000_000)

    with refused("not_the_same"):
        files.download(file, by=story.fay, at=story.now)


def test_more_than_a_rail_takes_goes_into_the_next_file(monkeypatch):
    story = with_cash("acme", "beta")
    ordinary = RAILS[Rail.PAYPAL]
    monkeypatch.setitem(RAILS, Rail.PAYPAL, Writer(ordinary.currencies, 1, ordinary.write))

    made = make(story)

    assert [(file.count, file.identification) for file in made] == [
        (1, f"PAY-{story.program.pk}-1"),
        (1, f"PAY-{story.program.pk}-2"),
    ]
    assert [file.of_the_day for file in made] == ["A", "B"]


def test_files_are_split_by_reference_and_filled_up_where_one_cannot_be_written(monkeypatch):
    story = withdrawn(*range(500, 511))
    ordinary = RAILS[Rail.PAYPAL]

    def write(payments, sending):
        for each in payments:
            if each.amount_minor == 503:
                raise CannotBePaid(each, "recipient", "it is strange")
        return ordinary.write(payments, sending)

    monkeypatch.setitem(RAILS, Rail.PAYPAL, Writer(ordinary.currencies, 4, write))
    good = Payout.objects.filter(status="PREPARED").exclude(amount_minor=503)
    references = sorted(f"P{payout.pk}" for payout in good)
    total = sum(payout.amount_minor for payout in good)

    planned = ahead(story)
    made = make(story)

    assert (planned.files, planned.count, planned.total_minor) == (3, 10, total)
    assert [(why, left.count) for why, left in planned.left_out.items()] == [(Why.CANNOT_BE_WRITTEN, 1)]
    assert [list(files.remade(file).references) for file in made] == [
        references[:4],
        references[4:8],
        references[8:],
    ]
    assert sum(file.total_minor for file in made) == total
    assert list(Payout.objects.filter(status="PREPARED").values_list("amount_minor", flat=True)) == [503]


def test_what_is_wrong_with_all_of_them_together_is_told_and_not_tried_for_ever(monkeypatch):
    story = withdrawn(500, 501)
    ordinary = RAILS[Rail.PAYPAL]

    def write(payments, sending):
        if len(payments) > 1:
            raise CannotBePaid(payments[0], "reference", "two payments have it")
        return ordinary.write(payments, sending)

    monkeypatch.setitem(RAILS, Rail.PAYPAL, Writer(ordinary.currencies, 4, write))

    with refused("cannot_be_paid"):
        make(story)


def test_of_many_that_drop_out_the_first_are_named_and_all_are_counted():
    story = withdrawn(500, 501, 502)
    destinations.retire(Destination.objects.get(), by=story.fay, at=story.now)

    left = ahead(story, named=2).left_out[Why.NO_DESTINATION]

    assert (left.count, [payout.amount_minor for payout in left.first]) == (3, [500, 501])


def test_files_are_numbered_on_and_those_of_a_day_are_told_apart():
    story = with_cash(rail=Rail.NACHA)
    (first,) = make(story)
    files.void(first, by=story.finn, at=story.now)

    (second,) = make(story)

    assert (first.sequence, first.of_the_day, second.sequence, second.of_the_day) == (1, "A", 2, "B")


@pytest.mark.parametrize(("payer", "letter"), [("1234567890", "B"), ("2234567890", "A")])
def test_files_of_one_company_are_told_apart_over_all_its_programs(payer, letter):
    """The bank sees who sends a file, not of which program it is."""
    first = with_cash("acme", rail=Rail.NACHA)
    make(first)
    other = Story("smartcat", CASH, host="elsewhere")
    method = pays_by(other, Rail.NACHA, payer_identification=payer)

    assert planning.OF_THE_DAY[planning._Drafts(method, pay_on=PAY_ON, at=first.now).today] == letter


# --- what drops out -----------------------------------------------------------------------------------


def test_what_drops_out_is_told_with_its_reason():
    story = Story(changes=CASH)
    for name, link in [("acme", "rosa"), ("beta", "ben")]:
        story.earn(name, link=link)
    carl = story.referrer("carl")
    story.earn("delta", link="carl")
    story.method = pays_by(story)
    pays_by(story, Rail.NACHA)
    is_paid_to(story, story.rosa, Rail.NACHA)
    told(story, story.ben)
    story.pass_to(DUE)
    of = {payout.enrollment.referrer: payout.pk for payout in Payout.objects.all()}

    assert left_out(story) == {
        "OTHER_METHOD": [of[story.rosa]],
        "NOT_CONFIRMED": [of[story.ben]],
        "NO_DESTINATION": [of[carl]],
    }
    with refused("nothing_to_pay"):
        make(story)


def test_a_changed_destination_waits_for_its_time_to_cool():
    story = with_cash()
    is_paid_to(story, story.rosa, recipient="other@mail.example")

    assert list(left_out(story)) == ["COOLING"]
    story.now += timedelta(days=story.method.cooling_days)
    assert left_out(story) == {}


def test_a_suspended_referrer_is_not_paid():
    story = with_cash()
    enrollment.suspend(story.rosa, program=story.program, by=story.sam, at=story.now, reason="a question")

    assert list(left_out(story)) == ["SUSPENDED"]


def test_what_was_taken_back_is_not_sent():
    story = with_cash(changes={"terms.clawback": "BY_STAFF"})
    story.reverse(Payout.objects.order_by("pk")[0].bonuses.get())

    assert left_out(story) == {}
    assert [
        payout.amount_minor for file in make(story) for payout in Payout.objects.filter(lines__file=file)
    ] == [10_000]


def test_a_payout_waits_until_all_that_was_approved_with_it_is_paid():
    story = Story(changes={**CASH, "payout_schedule.release": "AFTER_APPROVAL"})
    late, _ = story.earn("acme"), story.earn("beta")
    story.method = pays_by(story)
    is_paid_to(story)
    story.pass_to(DUE)
    story.approve_all()
    holds.place(late, reason="a question", by=story.fay, at=story.now)
    release.release_due(as_of=story.now, program=story.program)
    assert (statuses(), list(left_out(story))) == (["PREPARED"], ["NOT_WHOLE"])

    holds.lift(late, by=story.fay, at=story.now)
    release.release_due(as_of=story.now, program=story.program)

    (file,) = make(story)
    assert file.total_minor == 20_000


def test_a_payment_that_cannot_be_written_does_not_stop_the_others(monkeypatch):
    story = with_cash()
    # As if an earlier version had taken it.
    monkeypatch.setattr(planning, "trial", lambda method, each, *, at: None)
    strange = is_paid_to(story, story.rosa, recipient="=cmd@mail.example")
    story.now += timedelta(days=3)

    planned = ahead(story)

    assert list(planned.left_out) == [Why.CANNOT_BE_WRITTEN]
    assert "must not begin with '='" in planned.problems[0]
    assert planned.count == 1
    assert strange.masked == "=…@mail.example"


def test_a_day_that_has_gone_by_is_refused():
    story = with_cash()

    with nothing_changes(), pytest.raises(WrongField, match="pay_on: this day has gone by"):
        files.make(story.method, pay_on=PAY_ON - timedelta(days=2), by=story.fay, at=story.now)


def test_a_closed_method_makes_no_files():
    story = with_cash()
    from_before = PayoutMethod.objects.get()
    PayoutMethod.objects.update(closed_at=story.now, closed_by=story.finn)

    with refused("method_closed"):
        files.make(from_before, pay_on=PAY_ON, by=story.fay, at=story.now)


# --- the steps of a file ------------------------------------------------------------------------------


def settled(was_taken):
    def step(story, file):
        doubts.settle_file(file, was_taken=was_taken, by=story.fay, approved_by=story.finn, at=story.now)

    return step


STEPS = {
    "upload": lambda story, file: files.mark_uploaded(file, by=story.finn, at=story.now),
    "void": lambda story, file: files.void(file, by=story.finn, at=story.now),
    "doubt": lambda story, file: files.put_in_doubt(file, by=story.fay, at=story.now),
    "taken": settled(was_taken=True),
    "not taken": settled(was_taken=False),
}
LEADS = {
    ("MADE", "upload"): ("UPLOADED", "SENT"),
    ("MADE", "void"): ("VOIDED", "PREPARED"),
    ("MADE", "doubt"): ("IN_DOUBT", "UNKNOWN"),
    ("IN_DOUBT", "taken"): ("UPLOADED", "SENT"),
    ("IN_DOUBT", "not taken"): ("VOIDED", "FAILED"),
}
BEFORE = {"MADE": None, "UPLOADED": "upload", "VOIDED": "void", "IN_DOUBT": "doubt"}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("status", BEFORE)
def test_every_step_from_every_status(status, step):
    story = with_cash()
    (file,) = make(story)
    if BEFORE[status]:
        STEPS[BEFORE[status]](story, file)
    in_another_tab = PaymentFile.objects.get()

    if (status, step) in LEADS:
        STEPS[step](story, in_another_tab)
        becomes, payouts = LEADS[status, step]
        assert (PaymentFile.objects.get().status, set(statuses())) == (becomes, {payouts})
        assert set(PaymentLine.objects.values_list("is_void", flat=True)) == {becomes == "VOIDED"}
    else:
        with refused("not_in_doubt" if step in {"taken", "not taken"} else "step_not_allowed"):
            STEPS[step](story, in_another_tab)


def test_a_void_file_frees_its_payouts_for_another_and_is_offered_no_more():
    story = with_cash()
    (first,) = make(story)
    files.void(first, by=story.finn, at=story.now)

    (second,) = make(story)

    assert list(second.lines.values_list("payout")) == list(first.lines.values_list("payout"))
    assert [trail(payout) for payout in Payout.objects.all()] == [
        ["PREPARED", "SENDING", "PREPARED", "SENDING"]
    ] * 2
    with refused("step_not_allowed"):
        files.download(PaymentFile.objects.get(pk=first.pk), by=story.fay, at=story.now)


def test_a_file_that_somebody_has_is_voided_by_two_people():
    story = with_cash()
    (file,) = make(story)
    files.download(file, by=story.fay, at=story.now)

    with refused("was_downloaded"):
        files.void(file, by=story.finn, at=story.now)
    with refused("same_person"):
        files.void(file, by=story.finn, approved_by=story.finn, at=story.now)
    files.void(file, by=story.fay, approved_by=story.finn, at=story.now)

    assert set(statuses()) == {"PREPARED"}
    assert file.changes.last().approved_by == story.finn


@pytest.mark.parametrize("was_sent", [True, False])
def test_two_people_settle_one_payout(was_sent):
    story = with_cash("acme")
    (file,) = make(story)
    files.put_in_doubt(file, by=story.fay, at=story.now)
    first = Payout.objects.get()

    with refused("same_person"):
        doubts.settle(first, was_sent=was_sent, by=story.fay, approved_by=story.fay, at=story.now)
    doubts.settle(first, was_sent=was_sent, by=story.fay, approved_by=story.finn, at=story.now)
    with refused("not_in_doubt"):
        doubts.settle(first, was_sent=was_sent, by=story.fay, approved_by=story.finn, at=story.now)

    assert statuses() == ["SENT" if was_sent else "FAILED"]
    step = first.changes.last()
    assert (step.changed_by, step.approved_by) == (story.fay, story.finn)


def test_of_one_payment_among_others_nobody_says_that_it_was_not_sent():
    """Files are taken as a whole: the others would count as sent while this one is tried again."""
    story = with_cash()
    (file,) = make(story)
    files.put_in_doubt(file, by=story.fay, at=story.now)
    first = Payout.objects.order_by("pk")[0]

    with nothing_changes(), refused("taken_as_a_whole"):
        doubts.settle(first, was_sent=False, by=story.fay, approved_by=story.finn, at=story.now)


@pytest.mark.django_db(transaction=True)
def test_of_one_payment_and_its_file_settled_at_once_one_is_seen_by_the_other():
    story = with_cash("acme")
    (file,) = make(story)
    files.put_in_doubt(file, by=story.fay, at=story.now)
    two = {"by": story.fay, "approved_by": story.finn, "at": story.now}

    at_once(
        lambda: doubts.settle(Payout.objects.get(), was_sent=False, **two),
        lambda: doubts.settle_file(PaymentFile.objects.get(), was_taken=True, **two),
    )

    assert verification.breaches() == []
    assert PaymentFile.objects.get().status == "UPLOADED"


def test_who_made_a_file_does_not_say_that_it_was_uploaded():
    story = with_cash()
    (file,) = make(story)

    with nothing_changes(), refused("same_person"):
        files.mark_uploaded(file, by=story.fay, at=story.now)


def test_where_one_person_is_enough_the_same_says_that_it_was_uploaded():
    story = with_cash()
    Program.objects.update(people_needed=1)
    (file,) = make(story)

    files.mark_uploaded(file, by=story.fay, at=story.now)

    assert set(statuses()) == {"SENT"}


def test_a_file_of_which_a_part_was_sent_was_taken():
    story = with_cash()
    (file,) = make(story)
    files.put_in_doubt(file, by=story.fay, at=story.now)
    first = Payout.objects.order_by("pk")[0]
    doubts.settle(first, was_sent=True, by=story.fay, approved_by=story.finn, at=story.now)

    with refused("step_not_allowed"):
        settled(was_taken=False)(story, file)
    settled(was_taken=True)(story, file)

    assert set(statuses()) == {"SENT"}


@pytest.mark.parametrize("status", ["UNKNOWN", "SENDING", "SENT"])
def test_what_may_have_been_sent_is_in_no_other_file(status):
    """Never a blind retry."""
    story = with_cash()
    (file,) = make(story)
    {"UNKNOWN": STEPS["doubt"], "SENT": STEPS["upload"], "SENDING": lambda *_: None}[status](story, file)

    with refused("nothing_to_pay"):
        make(story)


# --- the last line of defence -------------------------------------------------------------------------


def test_a_payout_is_in_one_living_file_says_the_database():
    story = with_cash()
    (file,) = make(story)
    line = file.lines.first()
    line.pk, line.reference = None, "P0"

    with pytest.raises(IntegrityError), transaction.atomic():
        line.save(force_insert=True)


def test_no_payout_grows_once_a_bank_was_told():
    story = with_cash()
    make(story)

    with pytest.raises(IntegrityError, match="keeps what it was made with"), transaction.atomic():
        Payout.objects.update(amount_minor=models.F("amount_minor") + 1)


@pytest.mark.parametrize(
    ("model", "field"),
    [
        (PayoutMethod, "payer_iban"),
        (Destination, "recipient"),
        (PaymentFile, "sha256"),
        (PaymentLine, "reference"),
    ],
)
def test_what_a_file_is_made_of_never_changes(model, field):
    story = with_cash()
    make(story)

    for step in (
        lambda: model.objects.update(**{field: "x"}),
        lambda: model.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError, match="keeps what it was made with"), transaction.atomic():
            step()


# --- a process dies -----------------------------------------------------------------------------------


class PowerFailure(Exception):
    """The process dies here."""


def test_a_file_that_breaks_off_is_not_there_and_the_next_one_is_whole(monkeypatch):
    story = with_cash()

    def die(place):
        if place == "before_file":
            raise PowerFailure

    monkeypatch.setattr(failpoints, "reach", die)
    with nothing_changes(), pytest.raises(PowerFailure):
        make(story)
    monkeypatch.undo()

    (file,) = make(story)
    assert (file.sequence, file.count) == (1, 2)


def test_a_file_that_nobody_marked_is_found_again_byte_by_byte():
    """Made and taken from the page; then the person's machine dies, and nobody knows more."""
    story = with_cash()
    (file,) = make(story)
    taken = files.download(file, by=story.fay, at=story.now).content

    with refused("nothing_to_pay"):
        make(story)

    assert files.download(PaymentFile.objects.get(), by=story.finn, at=story.now).content == taken


# --- withdrawals --------------------------------------------------------------------------------------


def with_withdrawal(**asked):
    story = Story()
    story.earn()
    story.method = pays_by(story, minimum_minor=2_000)
    is_paid_to(story)
    story.pass_to(DUE)
    withdrawals.withdraw(story.enrollment(), amount_minor=4_000, at=story.now, **asked)
    return story


def test_a_withdrawal_is_paid_by_a_file_like_any_payout():
    story = with_withdrawal()

    file = sent(story)

    assert (file.count, file.total_minor) == (1, 4_000)
    payout = Payout.objects.get(withdrawal__isnull=False)
    assert (payout.attempt, trail(payout)) == (1, ["PREPARED", "SENDING", "SENT"])


def test_a_withdrawal_by_another_method_waits_for_it():
    story = with_withdrawal(method=Rail.PAYPAL)
    story.method = pays_by(story, Rail.NACHA)
    is_paid_to(story, rail=Rail.NACHA)
    story.now += timedelta(days=5)

    assert list(ahead(story).left_out) == [Why.OTHER_METHOD]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"method": Rail.SEPA, "amount_minor": 4_000}, "method_not_offered"),
        ({"method": Rail.PAYPAL, "amount_minor": 1_999}, "below_withdrawal_minimum"),
        ({"amount_minor": 1_999}, "below_withdrawal_minimum"),
    ],
)
def test_the_method_of_a_withdrawal_and_its_minimum_are_looked_at(asked, code):
    story = with_withdrawal()

    with refused(code):
        withdrawals.withdraw(story.enrollment(), at=story.now, **asked)


# --- two at once --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_two_people_who_make_a_file_at_once_one_gets_the_payouts():
    story = with_cash("acme", "beta")

    made = at_once(lambda: make(story), lambda: make(story, by=story.finn))

    assert sorted(type(each).__name__ for each in made) == ["NothingToPay", "list"]
    assert PaymentLine.objects.count() == 2


def test_a_destination_that_ended_since_the_look_is_not_paid():
    story = with_cash()
    (part,) = planning.parts(
        story.method, pay_on=PAY_ON, at=story.now, unwritable=planning.Unwritable(named=0)
    )
    destinations.retire(Destination.objects.live().earliest("pk"), by=story.finn, at=story.now)

    with refused("payout_moved"), transaction.atomic():
        files._store(part, by=story.fay, at=story.now)


def made_from_an_old_look(story, monkeypatch):
    """Somebody makes a file; then another, who had looked before, goes on without lock and swap."""
    (part,) = planning.parts(
        story.method, pay_on=PAY_ON, at=story.now, unwritable=planning.Unwritable(named=0)
    )
    make(story)
    part.row.sequence, part.row.identification = 2, "PAY-0-2"
    monkeypatch.setattr(steps, "move", lambda *args, **asked: None)
    files._store(part, by=story.finn, at=story.now)


def test_without_lock_and_swap_the_unique_key_keeps_a_payout_in_one_file(monkeypatch):
    story = with_cash()

    with pytest.raises(IntegrityError), transaction.atomic():
        made_from_an_old_look(story, monkeypatch)


@pytest.mark.plants_breaches
def test_without_the_key_as_well_it_is_in_two_and_the_verifier_finds_it(monkeypatch):
    """Negative control: nothing else stands between."""
    story = with_cash()

    with guards_down(PaymentLine, "payment_line_payout_in_one_live_file"):
        made_from_an_old_look(story, monkeypatch)

    assert [(breach.invariant, breach.count) for breach in verification.breaches()] == [("I9", 2)]


@pytest.mark.django_db(transaction=True)
def test_of_an_upload_and_a_voiding_at_once_one_happens():
    story = with_cash()
    (file,) = make(story)

    done = at_once(
        lambda: files.mark_uploaded(PaymentFile.objects.get(pk=file.pk), by=story.finn, at=story.now),
        lambda: files.void(PaymentFile.objects.get(pk=file.pk), by=story.fay, at=story.now),
    )

    assert sorted(type(each).__name__ for each in done) == ["NoneType", "StepNotAllowed"]
    assert (PaymentFile.objects.get().status, set(statuses())) in [
        ("UPLOADED", {"SENT"}),
        ("VOIDED", {"PREPARED"}),
    ]


def test_nothing_is_booked_before_the_bank_confirms():
    story = with_cash()
    before = Transfer.objects.count()

    sent(story)

    assert Transfer.objects.count() == before
