"""
Rows for tests. A bare factory gives the most ordinary valid row, and the books and trails agree with it.

The story they tell by default: an account signs up on January 12, 2026, is qualified by staff the next day,
and the bonus is due from February 16 to 28.
"""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import factory
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db.models import F
from factory.django import DjangoModelFactory

from payouts import models as payouts
from referrals import models as referrals

TERMS_BEGIN_AT = datetime(2025, 1, 1, tzinfo=UTC)
SIGNED_UP_AT = datetime(2026, 1, 12, 9, tzinfo=UTC)
DECIDED_AT = datetime(2026, 1, 13, 10, tzinfo=UTC)
OPENS_AT = datetime(2026, 2, 16, tzinfo=UTC)
PAID_AT = datetime(2026, 2, 16, 0, 5, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 12, tzinfo=UTC)


class UserFactory(DjangoModelFactory):
    """A member of staff without any permission; log in with ``force_login``."""

    class Meta:
        model = get_user_model()

    username = factory.Sequence("person{}".format)
    email = factory.LazyAttribute("{0.username}@company.example".format)
    password = factory.LazyFunction(lambda: make_password(None))
    is_staff = True


class HostFactory(DjangoModelFactory):
    class Meta:
        model = referrals.Host

    slug = factory.Sequence("host{}".format)
    name = factory.LazyAttribute("The product {0.slug}".format)


class ApiClientFactory(DjangoModelFactory):
    class Meta:
        model = referrals.ApiClient

    host = factory.SubFactory(HostFactory)
    name = factory.Sequence("client{}".format)


class TermsFactory(DjangoModelFactory):
    """
    Published terms: one question, two milestones with a counter, one bonus for ``qualified``.

    ``reward=``, ``schedule=`` and ``criterion=`` change these rows: ``TermsFactory(reward__cap=2)``.
    ``published=False`` leaves a draft, to which rows can still be added.
    """

    class Meta:
        model = referrals.Terms
        skip_postgeneration_save = True

    program = factory.SubFactory("tests.factories.ProgramFactory", terms=None)
    version = factory.LazyAttribute(lambda terms: terms.program.terms.count() + 1)
    effective_from = TERMS_BEGIN_AT
    currency = factory.SelfAttribute("program.currency")
    time_zone = factory.SelfAttribute("program.time_zone")
    referred_kind = "COMPANY"
    enrollment_mode = "OPEN"
    qualified_by = "STAFF"
    stacking = "SUM"
    clawback = "BY_STAFF"
    link_counts = True
    code_counts = True
    manual_counts = True
    touch = "LAST"
    window_days = 30
    code_beats_link = True
    old_links_work = True
    old_codes_work = True
    same_account = "FLAG"
    same_email = "FLAG"
    same_domain = "FLAG"

    @factory.post_generation
    def reasons(terms, create, extracted, **changes):
        for position, code in enumerate(["already_registered", "unreachable"]):
            referrals.RejectionReason.objects.create(
                terms=terms,
                position=position,
                code=code,
                internal_text=f"Internal: {code}.",
                public_text=f"Public: {code}.",
                shown=True,
                reopenable=True,
            )

    @factory.post_generation
    def criterion(terms, create, extracted, **changes):
        ordinary = {
            "code": "new_customer",
            "source": "STAFF",
            "question": "Has nobody there used us before?",
            "reason": "already_registered",
        }
        referrals.Criterion.objects.create(terms=terms, position=0, **ordinary | changes)

    @factory.post_generation
    def milestones(terms, create, extracted, **changes):
        # Where a milestone qualifies, no milestone may ask for a decision.
        kinds = {
            "signed_up": "SIGNED_UP",
            "qualified": "QUALIFIED" if terms.qualified_by_staff else "OCCURRED",
        }
        for position, (code, kind) in enumerate(kinds.items()):
            milestone = referrals.Milestone.objects.create(
                terms=terms,
                position=position,
                code=code,
                label=code,
                definition=f"Companies: {code}.",
                funnel=position + 1,
                needs_all=False,
            )
            test = referrals.MilestoneTest.objects.create(milestone=milestone, position=0, kind=kind)
            if kind == "OCCURRED":
                referrals.MilestoneTestEvent.objects.create(test=test, event_type="subscription.started")

    @factory.post_generation
    def reward(terms, create, extracted, **changes):
        ordinary = {
            "code": "welcome",
            "beneficiary": "REFERRER",
            "kind": "ACCOUNT_BALANCE",
            "amount_minor": 10_000,
            "recurrence": "ONCE",
            "withdrawable": changes.get("kind") != "ACCOUNT_CREDIT",
            "transferable": True,
            "fee_exempt": False,
        }
        reward = payouts.Reward.objects.create(terms=terms, position=0, **ordinary | changes)
        qualified = terms.milestones.get(code="qualified")
        payouts.RewardMilestone.objects.create(reward=reward, position=0, milestone=qualified)

    @factory.post_generation
    def schedule(terms, create, extracted, **changes):
        ordinary = {
            "anchor": "BONUS_ACTIVATED",
            "month_offset": 1,
            "opens_kind": "DAY_OF_MONTH",
            "opens_n": 16,
            "closes_kind": "DAY_OF_MONTH",
            "closes_n": -1,
            "condition": "MILESTONE_HOLDS",
            "if_paused": "WAIT",
            "if_past_due": "WAIT",
            "release": "AUTOMATIC",
            "late_policy": "NEXT_RUN",
        }
        payouts.PayoutSchedule.objects.create(terms=terms, **ordinary | changes)

    @factory.post_generation
    def published(terms, create, extracted, **changes):
        if extracted is not False:
            terms.published_at, terms.sha256 = TERMS_BEGIN_AT, "f" * 64
            terms.save(update_fields=["published_at", "sha256"])


class ProgramFactory(DjangoModelFactory):
    """An active program with published terms; ``terms__schedule__release=`` and the like change these."""

    class Meta:
        model = referrals.Program
        skip_postgeneration_save = True

    host = factory.SubFactory(HostFactory)
    slug = factory.Sequence("program{}".format)
    name = "Refer a client"
    status = "ACTIVE"
    currency = "USD"
    time_zone = "UTC"
    landing_url = "https://app.company.example/sign-up"
    accounts = factory.PostGeneration(lambda program, *_, **__: _open_accounts(program=program))
    terms = factory.RelatedFactory(TermsFactory, factory_related_name="program")


class ReferrerFactory(DjangoModelFactory):
    class Meta:
        model = referrals.Referrer

    host = factory.SubFactory(HostFactory)
    host_account = factory.Sequence("referrer{}".format)
    name = factory.LazyAttribute("Name of {0.host_account}".format)
    email = factory.LazyAttribute("{0.host_account}@referrers.example".format)


class EnrollmentFactory(DjangoModelFactory):
    """A referrer in a program, with the link and code that carry the referrer's name."""

    class Meta:
        model = referrals.Enrollment
        skip_postgeneration_save = True

    program = factory.SubFactory(ProgramFactory)
    referrer = factory.SubFactory(ReferrerFactory, host=factory.SelfAttribute("..program.host"))
    status = "ACTIVE"
    since = TERMS_BEGIN_AT

    @factory.post_generation
    def trail(enrollment, create, extracted, **changes):
        statuses = ["", "ACTIVE"]
        if enrollment.status in {"INVITED", "DECLINED", "EXPIRED"}:
            statuses = ["", "INVITED"]
        if enrollment.status not in statuses:
            statuses.append(enrollment.status)
        _step_through(
            referrals.EnrollmentChange, statuses, enrollment=enrollment, changed_at=enrollment.since
        )

    @factory.post_generation
    def link_and_code(enrollment, create, extracted, **changes):
        text = f"{enrollment.referrer.host_account}-{enrollment.program_id}"
        shared = {"host": enrollment.program.host, "enrollment": enrollment, "valid_from": enrollment.since}
        referrals.ReferralLink.objects.create(text=text, folded=text, **shared)
        referrals.ReferralCode.objects.create(text=text, folded=text.replace("-", ""), **shared)


class SignUpFactory(DjangoModelFactory):
    """A sign-up that the host told at once."""

    class Meta:
        model = referrals.SignUp

    program = factory.SubFactory(ProgramFactory)
    host_account = factory.Sequence("account{}".format)
    occurred_at = SIGNED_UP_AT
    told_at = factory.SelfAttribute("occurred_at")


class ReferredAccountFactory(DjangoModelFactory):
    """
    An account that waits for its review, and is not evaluated yet.

    Another ``status`` brings the trail, the review and the decision that lead to it; ``evaluated=True``
    the milestones and counters that follow.
    """

    class Meta:
        model = referrals.ReferredAccount
        skip_postgeneration_save = True

    enrollment = factory.SubFactory(EnrollmentFactory)
    program = factory.SelfAttribute("enrollment.program")
    terms = factory.LazyAttribute(lambda account: account.program.terms.latest_first().get())
    host_account = factory.Sequence("account{}".format)
    sign_up = factory.SubFactory(
        SignUpFactory,
        program=factory.SelfAttribute("..program"),
        host_account=factory.SelfAttribute("..host_account"),
        occurred_at=factory.SelfAttribute("..signed_up_at"),
    )
    kind = "COMPANY"
    company_name = factory.LazyAttribute("Company {0.host_account}".format)
    domain = factory.LazyAttribute("{0.host_account}.example".format)
    email = factory.LazyAttribute("office@{0.domain}".format)
    website = factory.LazyAttribute("https://{0.domain}".format)
    phone = "+12025550123"
    country = "US"
    signed_up_at = SIGNED_UP_AT
    entered_at = factory.SelfAttribute("signed_up_at")
    attribution_method = "LINK"
    attribution_rule = "last_link"
    status = "IN_REVIEW"
    rejection_reason = factory.LazyAttribute(
        lambda account: account.terms.rejection_reasons.first() if account.status == "NOT_QUALIFIED" else None
    )

    @factory.post_generation
    def trail(account, create, extracted, **changes):
        status, at = account.status, account.signed_up_at
        if status == "EXPIRED":
            _log(account, "SIGNED_UP", "EXPIRED", cause="EXPIRED", at=at)
        elif status == "QUALIFIED" and not account.terms.qualified_by_staff:
            AccountEventFactory(
                client__host=account.program.host, host_account=account.host_account, occurred_at=at
            )
            _log(account, "SIGNED_UP", "QUALIFIED", cause="MILESTONE", at=at)
        elif status != "SIGNED_UP":
            _log(account, "SIGNED_UP", "IN_REVIEW", cause="SCREENED", at=at)
            review = referrals.Review.objects.create(account=account, round=0, opened_at=at)
            if status != "IN_REVIEW":
                decision = _decided(account)
                review.closed_at = decision.takes_effect_at
                review.save(update_fields=["closed_at"])

    @factory.post_generation
    def evaluated(account, create, extracted, **changes):
        if not extracted:
            return
        account.facts_evaluated = account.facts_changed
        account.save(update_fields=["facts_evaluated"])
        reached = {"signed_up": account.signed_up_at}
        if account.status == "QUALIFIED":
            decision = account.decisions.last()
            reached["qualified"] = decision.decided_at if decision else account.signed_up_at
        for code, at in reached.items():
            referrals.MilestoneReached.objects.create(
                account=account,
                milestone=account.terms.milestones.get(code=code),
                first_at=at,
                holds=True,
                since=at,
            )
            counter, _ = referrals.FunnelCount.objects.get_or_create(
                enrollment=account.enrollment, milestone=code
            )
            referrals.FunnelCount.objects.filter(pk=counter.pk).update(accounts=F("accounts") + 1)


class AccountEventFactory(DjangoModelFactory):
    """A fact that the host told at once, about an account that need not exist."""

    class Meta:
        model = referrals.AccountEvent

    client = factory.SubFactory(ApiClientFactory)
    host = factory.SelfAttribute("client.host")
    event_id = factory.Sequence("event-{}".format)
    host_account = factory.Sequence("account{}".format)
    type = "subscription.started"
    occurred_at = DECIDED_AT
    received_at = factory.SelfAttribute("occurred_at")
    body_sha256 = "e" * 64


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
            _step_through(payouts.BonusChange, ["", "ACTIVATED"], bonus=bonus, changed_at=bonus.created_at)
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
    _step_through(payouts.BatchChange, statuses, batch=bonus.batch, changed_at=at)

    bonus.payout = payouts.Payout.objects.create(
        batch=bonus.batch,
        enrollment=bonus.enrollment,
        amount_minor=bonus.amount_minor,
        currency=bonus.currency,
        status="PREPARED" if bonus.kind == "CASH" else "CREDITED",
        created_at=at,
    )
    _step_through(payouts.PayoutChange, ["", bonus.payout.status], payout=bonus.payout, changed_at=at)

    _book(bonus, "RELEASED", "PAYABLE", PAID_INTO[bonus.kind], at=at)
    _step_through(payouts.BonusChange, ["ACTIVATED", "APPROVED", "PAID"], bonus=bonus, changed_at=at)
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
    _step_through(payouts.BonusChange, ["PAID", "REVERSED"], bonus=bonus, changed_at=at, **two_people)
    bonus.status = "REVERSED"
    bonus.save(update_fields=["status"])
    return bonus


def cancelled_bonus(*, at: datetime = PAID_AT, **changes: object) -> payouts.Bonus:
    """A bonus whose milestone no longer held when it was due."""
    bonus = booked_bonus(**changes)
    _book(bonus, "CANCELLED", "PAYABLE", "EXPENSE", at=at, reverses="ACTIVATED")
    reason = "milestone_no_longer_holds"
    _step_through(payouts.BonusChange, ["ACTIVATED", "CANCELLED"], bonus=bonus, changed_at=at, reason=reason)
    bonus.status, bonus.cancel_reason = "CANCELLED", reason
    bonus.save(update_fields=["status", "cancel_reason"])
    return bonus


def ledger_account(kind: str, *, enrollment: referrals.Enrollment) -> payouts.LedgerAccount:
    """The account of that kind in the books: the program's, or the referrer's, opened if need be."""
    _open_accounts(program=enrollment.program, enrollment=enrollment)
    owner = None if kind in OF_PROGRAM else enrollment
    return payouts.LedgerAccount.objects.get(kind=kind, program=enrollment.program, enrollment=owner)


OF_PROGRAM = ["EXPENSE", "CLEARING", "SERVICES"]
OF_REFERRER = ["PAYABLE", "BALANCE", "CREDIT", "CASH_OWED"]
PAID_INTO = {"ACCOUNT_BALANCE": "BALANCE", "ACCOUNT_CREDIT": "CREDIT", "CASH": "CLEARING"}


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


def _open_accounts(*, program, enrollment=None):
    payouts.LedgerAccount.objects.bulk_create(
        (
            payouts.LedgerAccount(
                kind=kind, program=program, enrollment=enrollment, currency=program.currency
            )
            for kind in (OF_REFERRER if enrollment else OF_PROGRAM)
        ),
        ignore_conflicts=True,
    )


def _step_through(model, statuses, **shared):
    """Write the trail that leads through these statuses."""
    for old, new in pairwise(statuses):
        model.objects.create(old_status=old, new_status=new, **shared)


def _log(account, old, new, *, cause, at, by=None, decision=None):
    referrals.StatusChange.objects.create(
        account=account,
        old_status=old,
        new_status=new,
        cause=cause,
        changed_at=at,
        changed_by=by,
        decision=decision,
        reason=account.rejection_reason if new == "NOT_QUALIFIED" else None,
    )


def _decided(account):
    """Write the decision that led to the account's status, and that it took effect."""
    at = max(DECIDED_AT, account.signed_up_at)
    clerk = UserFactory()
    questions = account.terms.criteria.values_list("code", flat=True)
    decision = referrals.Decision.objects.create(
        account=account,
        result=account.status,
        reason=account.rejection_reason,
        decided_by=clerk,
        decided_at=at,
        takes_effect_at=at + timedelta(minutes=account.program.undo_minutes),
        snapshot={"criteria": dict.fromkeys(questions, "PASS")},
    )
    _log(
        account,
        "IN_REVIEW",
        account.status,
        cause="DECIDED",
        at=decision.takes_effect_at,
        by=clerk,
        decision=decision,
    )
    return decision
