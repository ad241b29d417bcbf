"""Referrers, their enrollments, and the accounts that they brought."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import factory
from django.db.models import F
from factory.django import DjangoModelFactory

from referrals import models as referrals
from tests.factories.programs import (
    TERMS_BEGIN_AT,
    ApiClientFactory,
    HostFactory,
    ProgramFactory,
    UserFactory,
)

SIGNED_UP_AT = datetime(2026, 1, 12, 9, tzinfo=UTC)
DECIDED_AT = datetime(2026, 1, 13, 10, tzinfo=UTC)


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
        step_through(referrals.EnrollmentChange, statuses, enrollment=enrollment, changed_at=enrollment.since)

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
            review = referrals.Review.objects.create(
                account=account, program=account.program, round=0, opened_at=at, due_at=at
            )
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


def step_through(model, statuses, **shared):
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
