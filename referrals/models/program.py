"""
Programs and their terms: everything a published text says, as rows.

``Terms`` is one version of the rules of a program. Once published, the row and all its
children never change: triggers of the database refuse it, a fingerprint proves it, and a
change is a new version. Only payouts.program_files writes terms.
"""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q

from referrals.models.host import Host
from referrals.rules import words


class Program(models.Model):
    """One referral offer: a slug, a currency, a time zone."""

    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="programs")
    slug = models.SlugField(max_length=64)
    name = models.CharField(max_length=200)
    status = models.CharField(
        max_length=8, choices=words.ProgramStatus.choices(), default=words.ProgramStatus.ACTIVE.value
    )
    currency = models.CharField(max_length=3)
    time_zone = models.CharField(max_length=64)
    landing_url = models.URLField(max_length=500)
    undo_minutes = models.PositiveSmallIntegerField(
        default=10, help_text="A decision takes effect so many minutes later."
    )
    sla_calling_hours = models.PositiveSmallIntegerField(
        "SLA, hours",
        default=16,
        help_text="A company should be decided about within so many of its calling hours: 16 are two days.",
    )
    calls_from = models.TimeField(
        "calls from", null=True, blank=True, help_text="On the company's clock; empty: as the terms say."
    )
    calls_until = models.TimeField("calls until", null=True, blank=True, help_text="Exclusive.")
    second_look_percent = models.PositiveSmallIntegerField(
        "second looks, percent",
        default=5,
        help_text="So many of a hundred decisions are looked at again by a senior who does not know them.",
    )
    people_needed = models.PositiveSmallIntegerField(
        default=2,
        choices=[(1, "One person"), (2, "Preparer and approver"), (3, "Preparer, approver and qualifier")],
        help_text="How many different people it takes to pay a bonus that needs an approval.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["host", "slug"], name="program_slug_once_per_host"),
            models.CheckConstraint(
                name="program_status_known", condition=Q(status__in=words.ProgramStatus.values())
            ),
            models.CheckConstraint(
                name="program_undo_at_most_a_day", condition=Q(undo_minutes__gte=0, undo_minutes__lte=1440)
            ),
            models.CheckConstraint(
                name="program_needs_one_to_three_people",
                condition=Q(people_needed__gte=1, people_needed__lte=3),
            ),
            models.CheckConstraint(
                name="program_calls_from_before_until",
                condition=Q(calls_from__isnull=True, calls_until__isnull=True)
                | Q(calls_from__isnull=False, calls_until__isnull=False, calls_from__lt=F("calls_until")),
                violation_error_message="Give both times, the earlier one first, or neither.",
            ),
            models.CheckConstraint(
                name="program_second_look_percent", condition=Q(second_look_percent__lte=100)
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class TermsQuerySet(models.QuerySet["Terms"]):
    def published(self) -> Self:
        return self.filter(published_at__isnull=False)

    def in_force(self, *, at: datetime) -> Self:
        """Published and begun at that instant, the latest first."""
        return self.published().filter(effective_from__lte=at).order_by("-effective_from", "-version")

    def latest_first(self) -> Self:
        return self.published().order_by("-effective_from", "-version")


class Terms(models.Model):
    """One frozen version of a program's rules; a referred account keeps the terms it signed up under."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="terms")
    version = models.PositiveIntegerField()
    effective_from = models.DateTimeField()
    published_at = models.DateTimeField(null=True, editable=False)
    sha256 = models.CharField("fingerprint", max_length=64, blank=True, editable=False)
    currency = models.CharField(max_length=3)
    time_zone = models.CharField(max_length=64)

    referred_kind = models.CharField(max_length=10, choices=words.Kind.choices())
    enrollment_mode = models.CharField(max_length=10, choices=words.EnrollmentMode.choices())
    enrollment_closes_at = models.DateTimeField(
        null=True, blank=True, help_text="From this instant nobody joins and no sign-up is taken in."
    )
    earn_by = models.DateTimeField(
        null=True, blank=True, help_text="Exclusive: no event from then on counts."
    )
    qualified_by = models.CharField(max_length=64, help_text="STAFF or the code of a milestone.")
    expired_reason = models.CharField(max_length=64, blank=True)
    stacking = models.CharField(max_length=8, choices=words.Stacking.choices())
    clawback = models.CharField(max_length=8, choices=words.Clawback.choices())
    quote = models.TextField(blank=True)

    link_counts = models.BooleanField()
    code_counts = models.BooleanField()
    manual_counts = models.BooleanField("attribution by staff counts")
    touch = models.CharField(max_length=5, choices=words.TouchOrder.choices())
    window_days = models.PositiveIntegerField(help_text="A link counts so many times 24 hours.")
    code_beats_link = models.BooleanField()
    old_links_work = models.BooleanField()
    old_codes_work = models.BooleanField()
    attribution_quote = models.TextField(blank=True)

    evidence_quote = models.TextField(blank=True)

    same_account = models.CharField(max_length=6, choices=words.SelfReferralRule.choices())
    same_email = models.CharField(max_length=6, choices=words.SelfReferralRule.choices())
    same_domain = models.CharField(max_length=6, choices=words.SelfReferralRule.choices())
    self_referral_reason = models.CharField(max_length=64, blank=True)
    self_referral_quote = models.TextField(blank=True)

    objects = TermsQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "terms"
        constraints = [
            models.UniqueConstraint(fields=["program", "version"], name="terms_version_once_per_program"),
            models.CheckConstraint(
                name="terms_published_with_fingerprint",
                condition=Q(published_at__isnull=True) | ~Q(sha256=""),
            ),
            models.CheckConstraint(name="terms_window_positive", condition=Q(window_days__gte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.program} terms {self.version}"

    @property
    def qualified_by_staff(self) -> bool:
        return self.qualified_by == "STAFF"


class RequiredEvidence(models.Model):
    """What a referred account must tell of itself."""

    terms = models.ForeignKey(Terms, on_delete=models.PROTECT, related_name="required_evidence")
    field = models.CharField(max_length=16, choices=words.Evidence.choices())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["terms", "field"], name="required_evidence_once"),
        ]

    def __str__(self) -> str:
        return self.field


class RejectionReason(models.Model):
    """Why an account does not count: one text for staff, one for the referrer."""

    terms = models.ForeignKey(Terms, on_delete=models.PROTECT, related_name="rejection_reasons")
    position = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=64)
    internal_text = models.TextField()
    public_text = models.TextField()
    shown = models.BooleanField(help_text="The referrer may read the public text.")
    reopenable = models.BooleanField()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["terms", "code"], name="rejection_reason_code_once"),
        ]

    def __str__(self) -> str:
        return self.code


class EligibilityRule(models.Model):
    """What a referrer must be, and when it is looked at."""

    terms = models.ForeignKey(Terms, on_delete=models.PROTECT, related_name="eligibility")
    position = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=64)
    attribute = models.CharField(max_length=20, choices=words.Attribute.choices())
    operator = models.CharField(max_length=6, choices=words.Operator.choices())
    checked_at = models.CharField(max_length=10, choices=words.CheckedAt.choices())
    reason = models.CharField(max_length=64, blank=True)
    quote = models.TextField(blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["terms", "code"], name="eligibility_rule_code_once"),
        ]

    def __str__(self) -> str:
        return self.code


class EligibilityValue(models.Model):
    """One value that an eligibility rule compares with; yes and no are 'true' and 'false'."""

    rule = models.ForeignKey(EligibilityRule, on_delete=models.PROTECT, related_name="values")
    position = models.PositiveSmallIntegerField()
    value = models.CharField(max_length=100)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["rule", "value"], name="eligibility_value_once"),
        ]

    def __str__(self) -> str:
        return self.value


class Criterion(models.Model):
    """A condition of qualification, checked automatically or by staff."""

    terms = models.ForeignKey(Terms, on_delete=models.PROTECT, related_name="criteria")
    position = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=64)
    source = models.CharField(max_length=10, choices=words.CriterionSource.choices())
    check_kind = models.CharField("check", max_length=16, choices=words.Check.choices(), blank=True)
    match_host_account = models.BooleanField(default=False)
    match_email = models.BooleanField(default=False)
    match_domain = models.BooleanField(default=False)
    existing_any = models.BooleanField(default=False)
    existing_companies = models.BooleanField(default=False)
    existing_freelancers = models.BooleanField(default=False)
    question = models.TextField(blank=True, help_text="Asked so that yes is good.")
    asked = models.CharField(max_length=12, choices=words.Asked.choices(), default=words.Asked.ALWAYS.value)
    required = models.BooleanField(default=True)
    reason = models.CharField(max_length=64)
    quote = models.TextField(blank=True)

    class Meta:
        ordering = ["position"]
        verbose_name_plural = "criteria"
        constraints = [
            models.UniqueConstraint(fields=["terms", "code"], name="criterion_code_once"),
            models.CheckConstraint(
                name="criterion_checks_or_asks",
                condition=Q(source="AUTOMATIC", question="") & ~Q(check_kind="")
                | Q(source="STAFF", check_kind="") & ~Q(question=""),
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Milestone(models.Model):
    """A named point of progress, worked out from facts and decisions."""

    terms = models.ForeignKey(Terms, on_delete=models.PROTECT, related_name="milestones")
    position = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=64)
    label = models.CharField(max_length=200)
    definition = models.TextField()
    funnel = models.PositiveSmallIntegerField(
        null=True, help_text="Place among the counters; empty: no counter."
    )
    needs_all = models.BooleanField(help_text="All tests must hold; else any of them.")
    quote = models.TextField(blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["terms", "code"], name="milestone_code_once"),
            models.UniqueConstraint(fields=["terms", "funnel"], name="milestone_funnel_place_once"),
        ]

    def __str__(self) -> str:
        return self.code


class MilestoneAfter(models.Model):
    """A milestone that holds only while another holds too."""

    milestone = models.ForeignKey(Milestone, on_delete=models.PROTECT, related_name="after")
    position = models.PositiveSmallIntegerField()
    earlier = models.ForeignKey(Milestone, on_delete=models.PROTECT, related_name="before")

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["milestone", "earlier"], name="milestone_after_once"),
            models.CheckConstraint(name="milestone_not_after_itself", condition=~Q(milestone=F("earlier"))),
        ]

    def __str__(self) -> str:
        return f"{self.milestone_id} after {self.earlier_id}"


class MilestoneTest(models.Model):
    """One way to reach a milestone."""

    milestone = models.ForeignKey(Milestone, on_delete=models.PROTECT, related_name="tests")
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=10, choices=words.TestKind.choices())
    product = models.CharField(max_length=64, blank=True)
    category = models.CharField(max_length=64, blank=True)
    at_least_minor = models.BigIntegerField(null=True)
    before = models.DateTimeField(null=True, help_text="Exclusive.")
    within_days = models.PositiveIntegerField(
        null=True, help_text="Up to the end of the n-th day after the day of sign-up."
    )

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["milestone", "position"], name="milestone_test_position_once"),
        ]

    def __str__(self) -> str:
        return f"{self.milestone_id}.{self.position} {self.kind}"


class MilestoneTestEvent(models.Model):
    """An event type that a test counts, or that takes back what it counted."""

    test = models.ForeignKey(MilestoneTest, on_delete=models.PROTECT, related_name="events")
    event_type = models.CharField(max_length=32)
    undoes = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["test", "event_type", "undoes"], name="milestone_test_event_once"
            ),
        ]

    def __str__(self) -> str:
        return self.event_type


class CallingRules(models.Model):
    """When referred accounts are called, and when they are given up as unreachable."""

    terms = models.OneToOneField(Terms, on_delete=models.PROTECT, related_name="calling")
    opens = models.TimeField(help_text="In the called account's zone.")
    closes = models.TimeField()
    max_attempts = models.PositiveSmallIntegerField()
    give_up_after_business_days = models.PositiveSmallIntegerField()
    unreachable_reason = models.CharField(max_length=64)
    quote = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "calling rules"

    def __str__(self) -> str:
        return f"{self.opens:%H:%M}-{self.closes:%H:%M}"


class CallingDay(models.Model):
    """A day of the week on which calls are made."""

    calling = models.ForeignKey(CallingRules, on_delete=models.PROTECT, related_name="days")
    weekday = models.CharField(max_length=3, choices=words.Weekday.choices())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["calling", "weekday"], name="calling_day_once"),
        ]

    def __str__(self) -> str:
        return self.weekday


class CallOutcome(models.Model):
    """How a call ended, and what follows. Belongs to the program: it may change at any time."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="call_outcomes")
    position = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=64)
    label = models.CharField(max_length=200)
    connected = models.BooleanField()
    final = models.BooleanField(default=False)
    retry_after_hours = models.PositiveIntegerField(null=True, blank=True)
    next_step = models.TextField(blank=True)
    in_use = models.BooleanField(default=True, editable=False)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["program", "code"], name="call_outcome_code_once"),
        ]

    def __str__(self) -> str:
        return self.code


class ShareText(models.Model):
    """A text that a referrer may share, with ``{link}`` where the link goes."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="share_texts")
    position = models.PositiveSmallIntegerField()
    language = models.CharField(max_length=16)
    channel = models.CharField(max_length=8, choices=words.Channel.choices())
    text = models.TextField()

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return f"{self.language} {self.channel}"
