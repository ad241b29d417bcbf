"""
Sign-ups and referred accounts.

Every sign-up told is kept; a ``ReferredAccount`` is made from one that has a referrer, at
once or by staff later. Only referrals.qualification moves an account's status, only
referrals.evaluation writes what follows from facts.
"""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from referrals.models.program import Criterion, Milestone, Program, RejectionReason, Terms
from referrals.models.referrer import Enrollment, Touch
from referrals.rules.facts import Activity
from referrals.rules.lifecycle import AccountStatus, Cause
from referrals.rules.words import AnswerSource, AttributionMethod, Result


class SignUp(models.Model):
    """A sign-up as the host told it, with what it said of itself."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="sign_ups")
    host_account = models.CharField("account at the host", max_length=100)
    occurred_at = models.DateTimeField()
    told_at = models.DateTimeField()
    visitor = models.CharField(max_length=100, blank=True)
    link = models.CharField("link of the form", max_length=100, blank=True)
    code = models.CharField("typed code", max_length=100, blank=True)
    kind = models.CharField(max_length=10, blank=True)
    company_name = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=254, blank=True)
    website = models.CharField(max_length=500, blank=True)
    phone = models.CharField(max_length=50, blank=True)
    country = models.CharField(max_length=2, blank=True)
    contact = models.CharField(max_length=200, blank=True)
    registration = models.CharField("registration number", max_length=64, blank=True)
    repeats = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="repetitions", editable=False,
        help_text="The first sign-up of the same account: only that one counts.",
    )  # fmt: skip

    class Meta:
        permissions = [("attribute_signup", "Can propose whose referral a sign-up was")]
        constraints = [
            models.UniqueConstraint(
                fields=["program", "host_account"],
                condition=Q(repeats__isnull=True),
                name="sign_up_counts_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.host_account}, {self.occurred_at:%b} {self.occurred_at.day}, {self.occurred_at.year}"


class ReferredAccountQuerySet(models.QuerySet["ReferredAccount"]):
    def awaiting_a_decision(self) -> Self:
        return self.filter(
            status__in=[AccountStatus.SIGNED_UP, AccountStatus.IN_REVIEW], pending_decision__isnull=True
        )

    def with_decisions_due(self, *, as_of: datetime) -> Self:
        """Accounts whose decision can no longer be undone."""
        return self.filter(pending_decision__takes_effect_at__lte=as_of)

    def to_evaluate(self, *, as_of: datetime) -> Self:
        """Accounts about which something changed, or whose time has come."""
        return self.filter(Q(needs_evaluation=True) | Q(evaluate_at__lte=as_of))


class ReferredAccount(models.Model):
    """A company or person that signed up through a referral, in one program."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="accounts")
    terms = models.ForeignKey(Terms, on_delete=models.PROTECT, related_name="accounts")
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="accounts")
    sign_up = models.OneToOneField(SignUp, on_delete=models.PROTECT, related_name="account")
    host_account = models.CharField("account at the host", max_length=100)
    kind = models.CharField(max_length=10, blank=True)
    company_name = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=254, blank=True)
    domain = models.CharField("company domain", max_length=253, blank=True, editable=False)
    website = models.CharField(max_length=500, blank=True)
    phone = models.CharField(max_length=50, blank=True)
    country = models.CharField(max_length=2, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    contact = models.CharField(max_length=200, blank=True)
    registration = models.CharField("registration number", max_length=64, blank=True)
    name_key = models.CharField(
        max_length=200, blank=True, editable=False, help_text="The name as it is compared and searched."
    )
    phone_key = models.CharField(
        max_length=20, blank=True, editable=False, help_text="The digits of the phone, the last one first."
    )

    signed_up_at = models.DateTimeField()
    entered_at = models.DateTimeField("came into the program at")
    attribution_method = models.CharField(max_length=6, choices=AttributionMethod.choices())
    attribution_rule = models.CharField(max_length=64, help_text="The rule that decided between several.")
    # Nobody asks for accounts by these: no index.
    touch = models.ForeignKey(
        Touch, on_delete=models.PROTECT, null=True, related_name="+", editable=False, db_index=False
    )
    attributed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        editable=False,
        db_index=False,
    )
    attribution_approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        editable=False,
        db_index=False,
    )

    status = models.CharField(max_length=16, choices=AccountStatus.choices(), editable=False)
    rejection_reason = models.ForeignKey(
        RejectionReason, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    pending_decision = models.OneToOneField(
        "referrals.Decision", on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    may_expire = models.BooleanField(default=True, editable=False)
    review_round = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="Counts reopenings: calls count within their round."
    )
    account_match = models.BooleanField("same account as the referrer", default=False, editable=False)
    email_match = models.BooleanField("same e-mail as the referrer", default=False, editable=False)
    domain_match = models.BooleanField("same domain as the referrer", default=False, editable=False)

    activity = models.CharField(
        max_length=9, choices=Activity.choices(), default=Activity.ACTIVE.value, editable=False
    )
    activity_at = models.DateTimeField(null=True, editable=False)
    facts_changed = models.PositiveIntegerField(default=1, editable=False)
    facts_evaluated = models.PositiveIntegerField(default=0, editable=False)
    # A column of its own, so that the index over it stays as it is while one fact follows another: PostgreSQL
    # then leaves all the other indexes of the row alone, too.
    needs_evaluation = models.GeneratedField(
        expression=~Q(facts_changed=F("facts_evaluated")),  # type: ignore[arg-type]  # the stubs know no Q
        output_field=models.BooleanField(),
        db_persist=True,
    )
    evaluate_at = models.DateTimeField(
        null=True, editable=False, help_text="When time alone changes something: a deadline, a month's day."
    )

    objects = ReferredAccountQuerySet.as_manager()

    class Meta:
        permissions = [
            ("decide_referredaccount", "Can log calls, decide, and ask for a waiver"),
            ("reopen_referredaccount", "Can reopen and revoke, and undo what others decided"),
            ("waive_referredaccount", "Can confirm that a check is waived"),
            ("contact_referredaccount", "Can see phone, e-mail and contact"),
            ("appeal_referredaccount", "Can take up an appeal of the referrer"),
            ("lead_referredaccount", "Can see the board and assign companies"),
            ("bulkdecide_referredaccount", "Can refuse many accounts at once"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["program", "host_account"],
                name="referred_account_once_per_program",
                violation_error_message="This account is already in the program.",
            ),
            models.CheckConstraint(
                name="referred_account_status_known", condition=Q(status__in=AccountStatus.values())
            ),
            models.CheckConstraint(
                name="referred_account_reason_only_when_closed",
                condition=Q(status="NOT_QUALIFIED", rejection_reason__isnull=False)
                | Q(status="EXPIRED")
                | Q(status__in=["SIGNED_UP", "IN_REVIEW", "QUALIFIED"], rejection_reason__isnull=True),
            ),
            models.CheckConstraint(
                name="referred_account_decision_pends_only_before_one",
                condition=Q(pending_decision__isnull=True) | Q(status__in=["SIGNED_UP", "IN_REVIEW"]),
            ),
            models.CheckConstraint(
                name="referred_account_attributed_by_two_people",
                condition=Q(attributed_by__isnull=True, attribution_approved_by__isnull=True)
                | Q(attributed_by__isnull=False, attribution_approved_by__isnull=False)
                & ~Q(attributed_by=F("attribution_approved_by")),
            ),
            models.CheckConstraint(
                name="referred_account_by_staff_iff_manual",
                condition=Q(attribution_method="MANUAL", attributed_by__isnull=False)
                | ~Q(attribution_method="MANUAL") & Q(attributed_by__isnull=True),
            ),
        ]
        indexes = [
            # The call desk's queue; nearly all rows of an old program are decided.
            models.Index(
                fields=["signed_up_at", "id"],
                condition=Q(status="IN_REVIEW"),
                name="referred_account_in_review",
            ),
            # The sweep over changed facts: nearly all rows are clean.
            models.Index(
                fields=["id"], condition=Q(needs_evaluation=True), name="referred_account_to_evaluate"
            ),
            models.Index(
                fields=["evaluate_at"],
                condition=Q(evaluate_at__isnull=False),
                name="referred_account_evaluate_at",
            ),
            # Staff filter a long list, the last ones first.
            models.Index(fields=["status", "id"], name="referred_account_status"),
            models.Index(
                fields=["activity", "id"],
                condition=~Q(activity="ACTIVE"),
                name="referred_account_not_active",
            ),
            models.Index(
                fields=["id"],
                condition=Q(account_match=True) | Q(email_match=True) | Q(domain_match=True),
                name="referred_account_flagged",
            ),
            # Facts find their accounts; screening finds the same company.
            models.Index(fields=["host_account"], name="referred_account_host_account"),
            models.Index(fields=["program", "email"], name="referred_account_email"),
            models.Index(fields=["program", "domain"], name="referred_account_domain"),
            # Names and numbers are looked for by how they begin.
            models.Index(
                fields=["name_key"], opclasses=["varchar_pattern_ops"], name="referred_account_name"
            ),
            models.Index(
                fields=["phone_key"], opclasses=["varchar_pattern_ops"], name="referred_account_phone"
            ),
            # Most companies tell no registration number.
            models.Index(
                fields=["registration"], condition=~Q(registration=""), name="referred_account_registered"
            ),
        ]

    def __str__(self) -> str:
        return self.company_name or self.host_account


class CriterionResult(models.Model):
    """What was found about one criterion of an account, by whom. Append-only; the latest counts."""

    account = models.ForeignKey(ReferredAccount, on_delete=models.PROTECT, related_name="criterion_results")
    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="results")
    result = models.CharField(max_length=7, choices=Result.choices())
    found_at = models.DateTimeField()
    found_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    decision = models.ForeignKey(
        "referrals.Decision", on_delete=models.PROTECT, null=True, related_name="criterion_results"
    )
    source = models.CharField(
        max_length=8,
        blank=True,
        choices=AnswerSource.choices(),
        help_text="Where the answer comes from; empty: it is no answer, but a check or a waiver.",
    )

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="criterion_result_of_a_decision_has_a_source",
                condition=Q(decision__isnull=True) | ~Q(source=""),
            ),
            models.CheckConstraint(
                name="criterion_result_waived_by_two_people",
                condition=~Q(result="WAIVED")
                | Q(found_by__isnull=False, approved_by__isnull=False) & ~Q(found_by=F("approved_by")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.criterion_id}: {self.result}"


class MilestoneReached(models.Model):
    """
    Since when an account has a milestone. Derived from facts, recomputable.

    A bonus freezes what it used; this row follows the facts.
    """

    account = models.ForeignKey(ReferredAccount, on_delete=models.PROTECT, related_name="milestones_reached")
    milestone = models.ForeignKey(Milestone, on_delete=models.PROTECT, related_name="reached")
    first_at = models.DateTimeField(help_text="The first instant at which it held.")
    holds = models.BooleanField()
    since = models.DateTimeField(help_text="It holds, or no longer holds, since then.")

    class Meta:
        verbose_name_plural = "milestones reached"
        constraints = [
            models.UniqueConstraint(fields=["account", "milestone"], name="milestone_reached_once"),
        ]

    def __str__(self) -> str:
        return f"{self.milestone_id} since {self.since}"


class StatusChange(models.Model):
    """A step in the life of an account, or a decision that came and went. Append-only."""

    account = models.ForeignKey(ReferredAccount, on_delete=models.PROTECT, related_name="status_changes")
    old_status = models.CharField(max_length=16, choices=AccountStatus.choices())
    new_status = models.CharField(max_length=16, choices=AccountStatus.choices())
    cause = models.CharField(max_length=10, choices=Cause.choices())
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    reason = models.ForeignKey(RejectionReason, on_delete=models.PROTECT, null=True, related_name="+")
    decision = models.ForeignKey(
        "referrals.Decision", on_delete=models.PROTECT, null=True, related_name="status_changes"
    )

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="status_change_approved_by_another",
                condition=Q(approved_by__isnull=True) | ~Q(changed_by=F("approved_by")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.old_status} to {self.new_status}"
