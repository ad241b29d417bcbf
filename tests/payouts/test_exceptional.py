"""What somebody should look at before a batch is approved: found, counted, and nothing else beside it."""

from datetime import date, timedelta

import pytest

from payouts import (
    batch_content,
    batches,
    earlier_months,
    exceptional,
    holds,
    signing,
    withdrawals,
)
from payouts.models import Bonus, Payout, PayoutBatch
from referrals.models import Comparison, ReferredAccount, Signal
from referrals.rules.words import SignalKind
from tests.factories import (
    OPENS_AT,
    AccountEventFactory,
    EnrollmentFactory,
    ProgramFactory,
    ReferredAccountFactory,
    UserFactory,
    booked_bonus,
    paid_bonus,
)
from tests.payments import CASH, DUE, is_paid_to, pays_by
from tests.story import Story

# Rows are planted to be found: what the books say of them is tested elsewhere.
pytestmark = [pytest.mark.django_db, pytest.mark.plants_breaches]

NOW = OPENS_AT + timedelta(hours=1)


def drafted(count=2, **schedule):
    """A draft with bonuses of Rosa, who was paid before, so that nothing is exceptional."""
    asked = {f"terms__schedule__{name}": value for name, value in schedule.items()}
    program = ProgramFactory(terms__schedule__release="AFTER_APPROVAL", **asked)
    rosa = EnrollmentFactory(program=program, referrer__name="Rosa")
    paid_bonus(account__enrollment=rosa, at=NOW - timedelta(minutes=30))
    for _ in range(count):
        booked_bonus(account__enrollment=rosa)
    batches.prepare(as_of=NOW, program=program)
    return PayoutBatch.objects.in_draft().get(program=program)


def found(batch, *, now=NOW):
    """Code to how many lines, and what is said of them."""
    schedules = batch_content.schedules(batch)
    asked = exceptional.Asked(batch, schedules, signing.limit_minor(batch.program), now)
    return {
        each.kind.code: (each.count, [finding.bonus.pk for finding in each.findings])
        for each in exceptional.of_batch(asked)
    }


def first(batch):
    return Bonus.objects.filter(batch=batch).earliest("pk")


def test_an_ordinary_batch_has_nothing_to_look_at():
    assert found(drafted()) == {}


def test_nothing_was_paid_to_the_referrer_before():
    batch = drafted()
    ben = EnrollmentFactory(program=batch.program, referrer__name="Ben")
    several = [booked_bonus(account__enrollment=ben).pk for _ in range(2)]
    batches.prepare(as_of=NOW, program=batch.program)

    # Two lines, one referrer.
    assert found(batch) == {"first_payout": (2, several[:1])}


@pytest.mark.parametrize("status", ["FAILED", "RETURNED", "REISSUED"])
def test_what_came_back_was_not_paid(status):
    batch = drafted()
    Payout.objects.update(status=status)

    assert list(found(batch)) == ["first_payout"]


def test_a_paid_batch_still_tells_whose_first_payout_it_was():
    bonus = paid_bonus()
    later = paid_bonus(account__enrollment=bonus.enrollment, at=NOW)

    assert [list(found(each.batch)) for each in (bonus, later)] == [["first_payout"], []]


@pytest.mark.parametrize(("limit", "is_found"), [(None, False), (20_000, False), (19_999, True)])
def test_more_than_the_limit_goes_to_one_referrer(limit, is_found):
    batch = drafted()
    signing.set_rules(batch.program, limit_minor=limit, tiers={})

    assert found(batch) == ({"above_limit": (2, [first(batch).pk])} if is_found else {})


def alter(bonus, **changes):
    ReferredAccount.objects.filter(pk=bonus.account_id).update(**changes)


def by_hand(bonus):
    alter(
        bonus,
        attribution_method="MANUAL",
        attributed_by=UserFactory(),
        attribution_approved_by=UserFactory(),
    )


def alike(bonus):
    alter(bonus, domain_match=True)


def signalled(bonus):
    Signal.objects.create(account=bonus.account, kind="EMPLOYEE", raised_at=NOW)


def the_same(bonus):
    other = ReferredAccountFactory(enrollment=bonus.enrollment)
    for verdict in ("DIFFERENT", "SAME"):
        Comparison.objects.create(
            account=bonus.account, other=other, verdict=verdict, compared_by=UserFactory(), compared_at=NOW
        )


def refunded(bonus):
    AccountEventFactory(
        client__host=bonus.account.program.host,
        host_account=bonus.account.host_account,
        type="invoice.refunded",
        occurred_at=NOW - timedelta(days=1),
        received_at=NOW,
    )


def held(bonus):
    holds.place(bonus, reason="a question", by=UserFactory(), at=NOW)


def gone(bonus):
    Bonus.objects.filter(pk=bonus.pk).update(milestones_hold=False)


def in_review(bonus):
    Bonus.objects.filter(pk=bonus.pk).update(under_review=True)


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (by_hand, ["by_hand"]),
        (alike, ["looks_alike"]),
        (signalled, ["looks_alike"]),
        (the_same, ["looks_alike"]),
        (refunded, ["refunds"]),
        (held, ["held"]),
        (gone, ["cancelled"]),
        (in_review, ["waits"]),
    ],
)
def test_a_line_is_found_and_the_one_beside_it_is_not(change, codes):
    batch = drafted()
    bonus = first(batch)
    change(bonus)

    assert found(batch) == {code: (1, [bonus.pk]) for code in codes}


def test_what_was_settled_or_found_different_is_not_asked_again():
    batch = drafted()
    bonus = first(batch)
    alike(bonus)
    Signal.objects.create(
        account=bonus.account,
        kind=SignalKind.SELF_REFERRAL,
        raised_at=NOW,
        settled_at=NOW,
        settled_by=UserFactory(),
    )
    other = ReferredAccountFactory(enrollment=bonus.enrollment)
    for verdict in ("SAME", "DIFFERENT"):
        Comparison.objects.create(
            account=bonus.account, other=other, verdict=verdict, compared_by=UserFactory(), compared_at=NOW
        )

    assert found(batch) == {}


@pytest.mark.parametrize(
    ("activity", "code"), [("CANCELLED", "cancelled"), ("PAUSED", "waits"), ("PAST_DUE", None)]
)
def test_what_the_account_does_decides_as_the_schedule_says(activity, code):
    batch = drafted(condition="REFERRED_ACCOUNT_ACTIVE", if_paused="WAIT", if_past_due="PAY")
    bonus = first(batch)
    alter(bonus, activity=activity)

    assert found(batch) == ({code: (1, [bonus.pk])} if code else {})


@pytest.mark.parametrize(("withdrawn", "is_found"), [(6_000, True), (None, False)])
def test_what_was_taken_back_and_is_not_made_up_is_owed(withdrawn, is_found):
    story = Story(changes={"payout_schedule.release": "AFTER_APPROVAL", "terms.clawback": "BY_STAFF"})
    bonus = story.earn("acme")
    story.pass_to("2026-03-16T00:05Z")
    story.approve_all()
    story.pass_to("2026-03-17T00:05Z")
    if withdrawn:
        withdrawals.withdraw(story.enrollment(), amount_minor=withdrawn, at=story.now)
    bonus.refresh_from_db()
    story.reverse(bonus)
    later = story.earn("beta")
    story.pass_to("2026-04-16T00:05Z")

    told = found(PayoutBatch.objects.in_draft().get(), now=story.now)

    assert told == ({"below_zero": (1, [later.pk])} if is_found else {})


@pytest.mark.parametrize(
    ("policy", "days", "codes"),
    [("NEXT_RUN", 12, []), ("NEXT_RUN", 13, ["overdue"]), ("HOLD", 13, ["will_be_held", "overdue"])],
)
def test_what_is_late_is_told_by_the_day_of_its_zone(policy, days, codes):
    batch = drafted(late_policy=policy)

    assert list(found(batch, now=OPENS_AT + timedelta(days=days))) == codes


def test_who_was_asked_about_a_late_line_is_not_asked_again():
    batch = drafted(late_policy="HOLD")
    later = OPENS_AT + timedelta(days=13)
    holds.place_on_late(Bonus.objects.filter(batch=batch), at=later)
    for bonus in Bonus.objects.filter(batch=batch):
        holds.lift(bonus, by=UserFactory(), at=later)

    assert list(found(batch, now=later)) == ["overdue"]


@pytest.mark.parametrize("count", [2, 50])
def test_it_costs_two_questions_however_many_lines_there_are(count, django_assert_num_queries):
    batch = drafted(count)
    Bonus.objects.filter(batch=batch).update(milestones_hold=False)
    asked = exceptional.Asked(batch, batch_content.schedules(batch), 1, NOW)

    with django_assert_num_queries(2):
        told = exceptional.of_batch(asked)
        sentences = [finding.sentence for each in told for finding in each.findings]

    assert [(each.kind.code, each.count) for each in told] == [("above_limit", count), ("cancelled", count)]
    assert len(sentences) == count + 1


def test_of_many_the_first_are_named_and_all_are_counted(monkeypatch):
    monkeypatch.setattr(exceptional, "SHOWN", 3)
    batch = drafted(5)
    Bonus.objects.filter(batch=batch).update(milestones_hold=False)

    count, named = found(batch)["cancelled"]

    assert (count, len(named)) == (5, 3)


def test_a_rare_kind_is_named_although_a_common_one_is_not_named_to_the_end(monkeypatch):
    monkeypatch.setattr(exceptional, "SHOWN", 3)
    batch = drafted(6)
    Bonus.objects.filter(batch=batch).update(milestones_hold=False)
    last = Bonus.objects.filter(batch=batch).latest("pk")
    by_hand(last)
    asked = exceptional.Asked(batch, batch_content.schedules(batch), None, NOW)

    told = {each.kind.code: each for each in exceptional.of_batch(asked)}

    assert [finding.bonus.pk for finding in told["by_hand"].findings] == [last.pk]
    assert {code: each.has_more for code, each in told.items()} == {"by_hand": False, "cancelled": True}


# --- earlier months -----------------------------------------------------------------------------------------


def test_a_batch_is_compared_with_the_three_months_before():
    batch = drafted()
    rosa = first(batch).enrollment
    for month, bonuses in [(1, 1), (12, 3), (10, 1)]:
        year = 2026 if month == 1 else 2025
        for _ in range(bonuses):
            _paid_on(rosa, year, month)

    months = earlier_months.before(batch)

    assert [(month.first_day.isoformat()[:7], month.amount_minor) for month in months] == [
        ("2026-01", 10_000),
        ("2025-12", 30_000),
        ("2025-11", 0),
    ]


def _paid_on(enrollment, year, month):
    bonus = paid_bonus(account__enrollment=enrollment)
    PayoutBatch.objects.filter(pk=bonus.batch_id).update(run_on=date(year, month, 16))


@pytest.mark.parametrize(
    ("amount", "before", "percent"),
    [(15_500, 10_000, 55), (15_000, 10_000, None), (15_199, 10_000, 51), (1, 0, None), (5, 10, None)],
)
def test_half_more_than_the_month_before_is_striking(amount, before, percent):
    months = [earlier_months.Month(date(2026, 1, 1), before)]

    assert earlier_months.percent_above(amount, months) == percent


def test_the_referrer_is_paid_elsewhere_since_a_few_days():
    story = Story(changes={**CASH, "payout_schedule.release": "AFTER_APPROVAL"})
    story.earn()
    pays_by(story)
    is_paid_to(story)
    story.pass_to(DUE)
    batches.prepare(as_of=story.now, program=story.program)
    batch = PayoutBatch.objects.in_draft().get(program=story.program)
    assert "paid_elsewhere" not in found(batch, now=story.now)

    is_paid_to(story, recipient="somebody@mail.example")

    line = first(batch).pk
    assert found(batch, now=story.now)["paid_elsewhere"] == (1, [line])
    assert "paid_elsewhere" not in found(batch, now=story.now + timedelta(days=8))
