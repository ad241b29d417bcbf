"""Bonuses in every status, with their trail, their payout and their transfers."""

from datetime import UTC, date, datetime, timedelta

import factory
from factory.django import DjangoModelFactory

from payouts import models as payouts
from referrals import models as referrals
from tests.factories.accounts import DECIDED_AT, ReferredAccountFactory, step_through
from tests.factories.programs import OF_PROGRAM, UserFactory, open_accounts

OPENS_AT = datetime(2026, 2, 16, tzinfo=UTC)
PAID_AT = datetime(2026, 2, 16, 0, 5, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 12, tzinfo=UTC)
PAID_INTO = {"ACCOUNT_BALANCE": "BALANCE", "ACCOUNT_CREDIT": "CREDIT", "CASH": "CLEARING"}


class BonusFactory(DjangoModelFactory):
    """
    An activated bonus of a qualified account, booked, that waits for its window.

    ``booked=False`` leaves out its transfer and its trail.
    """

    class Meta:
        model = payouts.Bonus
        skip_postgeneration_save = True

    account = factory.SubFactory(ReferredAccountFactory, status="QUALIFIED", evaluated=True)
    enrollment = factory.SelfAttribute("account.enrollment")
    terms = factory.SelfAttribute("account.terms")
    reward = factory.LazyAttribute(
        lambda bonus: bonus.terms.rewards.filter(beneficiary="REFERRER").earliest("position")
    )
    kind = factory.SelfAttribute("reward.kind")
    amount_minor = factory.SelfAttribute("reward.amount_minor")
    currency = factory.SelfAttribute("terms.currency")
    decision = factory.LazyAttribute(lambda bonus: bonus.account.decisions.last())
    qualified_by = factory.LazyAttribute(lambda bonus: bonus.decision and bonus.decision.decided_by)
    people_needed = factory.SelfAttribute("account.program.people_needed")
    milestone_at = DECIDED_AT
    activated_at = factory.SelfAttribute("milestone_at")
    anchor_at = factory.SelfAttribute("activated_at")
    created_at = factory.LazyAttribute(lambda bonus: bonus.activated_at + timedelta(minutes=10))
    window_opens_on = date(2026, 2, 16)
    window_closes_on = date(2026, 2, 28)
    opens_at = OPENS_AT
    explanation = factory.LazyFunction(dict)
    status = "ACTIVATED"

    @factory.post_generation
    def booked(bonus, create, extracted, **changes):
        if extracted is not False:
            step_through(payouts.BonusChange, ["", "ACTIVATED"], bonus=bonus, changed_at=bonus.created_at)
            _book(bonus, "ACTIVATED", "EXPENSE", "PAYABLE", at=bonus.created_at)


def booked_bonus(**changes: object) -> payouts.Bonus:
    """An activated bonus, with its trail and its transfer."""
    return BonusFactory(**changes)


def paid_bonus(*, at: datetime = PAID_AT, **changes: object) -> payouts.Bonus:
    """A bonus paid in a batch of its own: approved by the schedule, or else by two people."""
    bonus = booked_bonus(**changes)
    automatic = bonus.terms.payout_schedule.release == "AUTOMATIC"
    bonus.prepared_by, bonus.approved_by = (None, None) if automatic else (UserFactory(), UserFactory())
    bonus.batch = payouts.PayoutBatch.objects.create(
        program=bonus.enrollment.program,
        run_on=at.date(),
        kind=bonus.kind,
        currency=bonus.currency,
        sequence=payouts.PayoutBatch.objects.count() + 1,
        status="RELEASED",
        automatic=automatic,
        people_needed=bonus.people_needed,
        prepared_by=bonus.prepared_by,
        approved_by=bonus.approved_by,
    )
    approval = [] if automatic else ["DRAFT", "AWAITING_APPROVAL"]
    statuses = ["", *approval, "APPROVED", "RELEASED"]
    step_through(payouts.BatchChange, statuses, batch=bonus.batch, changed_at=at)

    bonus.payout = payouts.Payout.objects.create(
        batch=bonus.batch,
        enrollment=bonus.enrollment,
        amount_minor=bonus.amount_minor,
        currency=bonus.currency,
        status="PREPARED" if bonus.kind == "CASH" else "CREDITED",
        created_at=at,
    )
    step_through(payouts.PayoutChange, ["", bonus.payout.status], payout=bonus.payout, changed_at=at)

    _book(bonus, "RELEASED", "PAYABLE", PAID_INTO[bonus.kind], at=at)
    step_through(payouts.BonusChange, ["ACTIVATED", "APPROVED", "PAID"], bonus=bonus, changed_at=at)
    bonus.status, bonus.paid_at, bonus.released_on = "PAID", at, at.date()
    bonus.days_late = max(0, (bonus.released_on - bonus.window_closes_on).days)
    bonus.save()
    return bonus


def reversed_bonus(*, at: datetime = LATER, **changes: object) -> payouts.Bonus:
    """A paid bonus that two people took back."""
    bonus = paid_bonus(**changes)
    source = "CASH_OWED" if bonus.kind == "CASH" else PAID_INTO[bonus.kind]
    _book(bonus, "REVERSED", source, "EXPENSE", at=at, reverses="RELEASED")
    two_people = {"changed_by": UserFactory(), "approved_by": UserFactory()}
    step_through(payouts.BonusChange, ["PAID", "REVERSED"], bonus=bonus, changed_at=at, **two_people)
    bonus.status = "REVERSED"
    bonus.save(update_fields=["status"])
    return bonus


def cancelled_bonus(*, at: datetime = PAID_AT, **changes: object) -> payouts.Bonus:
    """A bonus whose milestone no longer held when it was due."""
    bonus = booked_bonus(**changes)
    _book(bonus, "CANCELLED", "PAYABLE", "EXPENSE", at=at, reverses="ACTIVATED")
    reason = "milestone_no_longer_holds"
    step_through(payouts.BonusChange, ["ACTIVATED", "CANCELLED"], bonus=bonus, changed_at=at, reason=reason)
    bonus.status, bonus.cancel_reason = "CANCELLED", reason
    bonus.save(update_fields=["status", "cancel_reason"])
    return bonus


def ledger_account(kind: str, *, enrollment: referrals.Enrollment) -> payouts.LedgerAccount:
    """The account of that kind in the books: the program's, or the referrer's, opened if need be."""
    open_accounts(program=enrollment.program, enrollment=enrollment)
    owner = None if kind in OF_PROGRAM else enrollment
    return payouts.LedgerAccount.objects.get(kind=kind, program=enrollment.program, enrollment=owner)


def _book(bonus, kind, debit, credit, *, at, reverses=None):
    payouts.Transfer.objects.create(
        debit=ledger_account(debit, enrollment=bonus.enrollment),
        credit=ledger_account(credit, enrollment=bonus.enrollment),
        amount_minor=bonus.amount_minor,
        currency=bonus.currency,
        kind=kind,
        posted_at=at,
        bonus=bonus,
        reverses=bonus.transfers.get(kind=reverses) if reverses else None,
    )
