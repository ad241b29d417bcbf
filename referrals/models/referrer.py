"""
Referrers, their enrollments, and the links and codes by which they bring others.

Only referrals.enrollment writes enrollments, links and codes; a link or code is never
deleted and never reused, old ones stay as rows with an end.
"""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from referrals.models.host import Host
from referrals.models.program import Program
from referrals.rules.lifecycle import EnrollmentStatus


class Referrer(models.Model):
    """A person or account of the host product that refers."""

    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="referrers")
    host_account = models.CharField("account at the host", max_length=100)
    name = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=254, blank=True)
    kind = models.CharField(max_length=32, default="CLIENT")
    country = models.CharField(max_length=2, blank=True)
    tier = models.CharField(max_length=64, blank=True)
    is_partner = models.BooleanField(default=False)
    marketing_opt_out = models.BooleanField(default=False)
    locale = models.CharField(max_length=16, blank=True)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="referrer"
    )

    class Meta:
        permissions = [("see_as_referrer", "Can look at a referrer's page as the referrer sees it")]
        constraints = [
            models.UniqueConstraint(fields=["host", "host_account"], name="referrer_once_per_host"),
        ]

    def __str__(self) -> str:
        return self.name or self.host_account


class Enrollment(models.Model):
    """A referrer in a program: own state, links and codes."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="enrollments")
    referrer = models.ForeignKey(Referrer, on_delete=models.PROTECT, related_name="enrollments")
    status = models.CharField(max_length=9, choices=EnrollmentStatus.choices(), editable=False)
    since = models.DateTimeField("status since")
    suspended_because = models.CharField(max_length=500, blank=True)
    withdrawal_minimum_minor = models.BigIntegerField(
        default=0, help_text="The referrer's own minimum withdrawal, in minor units."
    )

    class Meta:
        permissions = [("suspend_enrollment", "Can suspend a referrer in a program and let them go on")]
        constraints = [
            models.UniqueConstraint(fields=["program", "referrer"], name="enrollment_once_per_program"),
            models.CheckConstraint(
                name="enrollment_status_known", condition=Q(status__in=EnrollmentStatus.values())
            ),
            models.CheckConstraint(
                name="enrollment_withdrawal_minimum_not_negative",
                condition=Q(withdrawal_minimum_minor__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.referrer} in {self.program}"


class EnrollmentChange(models.Model):
    """A step in the life of an enrollment. Append-only."""

    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="changes")
    old_status = models.CharField(max_length=9, blank=True)
    new_status = models.CharField(max_length=9, choices=EnrollmentStatus.choices())
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.old_status} to {self.new_status}"


class FunnelCount(models.Model):
    """How many accounts of a referrer have a milestone now; always equal to their sum."""

    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="funnel_counts")
    milestone = models.CharField("code of the milestone", max_length=64)
    accounts = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["enrollment", "milestone"], name="funnel_count_once"),
            models.CheckConstraint(name="funnel_count_not_negative", condition=Q(accounts__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.milestone}: {self.accounts}"


class ValidFromUntil(models.QuerySet[models.Model]):
    def current(self) -> Self:
        return self.filter(valid_until__isnull=True)

    def made_by(self, *, at: datetime) -> Self:
        return self.filter(valid_from__lte=at)


class ReferralLink(models.Model):
    """The slug of a link that a referrer shares."""

    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+")
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="links")
    text = models.CharField(max_length=64)
    folded = models.CharField(max_length=64, editable=False)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField(null=True, help_text="Exclusive; empty: valid now.")

    objects = ValidFromUntil.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["host", "folded"],
                name="referral_link_never_reused",
                violation_error_message="This link is already taken.",
            ),
            models.UniqueConstraint(
                fields=["enrollment"],
                condition=Q(valid_until__isnull=True),
                name="referral_link_one_at_a_time",
            ),
            models.CheckConstraint(
                name="referral_link_ends_after_it_begins",
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
            ),
        ]

    def __str__(self) -> str:
        return self.text


class ReferralCode(models.Model):
    """A code that can be told on the phone."""

    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+")
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="codes")
    text = models.CharField(max_length=64)
    folded = models.CharField(max_length=64, editable=False)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField(null=True, help_text="Exclusive; empty: valid now.")

    objects = ValidFromUntil.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["host", "folded"],
                name="referral_code_never_reused",
                violation_error_message="This code is already taken.",
            ),
            models.UniqueConstraint(
                fields=["enrollment"],
                condition=Q(valid_until__isnull=True),
                name="referral_code_one_at_a_time",
            ),
            models.CheckConstraint(
                name="referral_code_ends_after_it_begins",
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
            ),
        ]

    def __str__(self) -> str:
        return self.text


class Touch(models.Model):
    """A link opened by a visitor: what attribution chooses from."""

    link = models.ForeignKey(ReferralLink, on_delete=models.PROTECT, related_name="touches")
    visitor = models.CharField(max_length=100)
    touched_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "touches"
        indexes = [
            # A sign-up asks for the links that its visitor opened.
            models.Index(fields=["visitor", "touched_at"], name="touch_of_visitor"),
        ]

    def __str__(self) -> str:
        return f"Link {self.link_id}, {self.touched_at:%b} {self.touched_at.day}, {self.touched_at.year}"
