"""
The conditions in their order, as codes: what an account or a bonus waits for (cases/README.md, explain).

No words and no names here: how it is told, and to whom, is payouts.explain.sentences.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from payouts import due
from payouts.models import Bonus, Hold, Payout, PayoutSchedule, TaxFormLimit
from payouts.payments import tax_limits
from payouts.rules.lifecycle import UNPAID, BonusStatus, PayoutStatus
from referrals.models import EligibilityRule, ReferredAccount, RejectionReason
from referrals.rules.facts import Activity
from referrals.rules.lifecycle import AccountStatus, EnrollmentStatus
from referrals.rules.words import CheckedAt, Condition, IfNotActive, Release
from referrals.rules.zones import local_date

OVERRULED = frozenset(
    {
        *("window_not_open", "awaiting_approval", "next_run", "below_minimum"),
        *("referred_account_paused", "referred_account_past_due"),
    }
)
"""What a bonus does not wait for once its run cancels it (cases/README.md, "A run of the jobs")."""

DID_NOT_ARRIVE = frozenset({PayoutStatus.FAILED, PayoutStatus.RETURNED})


class Asked:
    """What the answer about a bonus rests on besides its own row: asked of the database, one by one."""

    def reason_of_hold(self, bonus: Bonus) -> str:
        """Why the bonus is on hold: the oldest hold that nobody has lifted."""
        return bonus.holds.filter(lifted_at__isnull=True).order_by("pk")[0].reason

    def public_text(self, bonus: Bonus) -> str:
        """What the referrer may read of why it was cancelled; '' if nothing."""
        shown = RejectionReason.objects.filter(terms=bonus.terms_id, code=bonus.cancel_reason, shown=True)
        return shown.values_list("public_text", flat=True).first() or ""

    def needs_senior(self, account: ReferredAccount) -> bool:
        """Whether its review is for a senior: a signal nobody has settled, or an appeal."""
        waits = Q(for_senior=True) | Q(appeal_of__isnull=False)
        return account.reviews.filter(waits, closed_at__isnull=True).exists()

    def due_to_referrer(self, bonus: Bonus, schedule: PayoutSchedule, *, as_of: datetime) -> int:
        """What counts towards the minimum of the bonus's referrer, in minor units."""
        mine = due.due(schedule, as_of=as_of).filter(enrollment=bonus.enrollment_id, kind=bonus.kind)
        return due.left(mine, schedule).aggregate(total=Sum("amount_minor"))["total"] or 0

    def is_not_eligible(self, bonus: Bonus, schedule: PayoutSchedule) -> bool:
        """Whether its referrer is not whom the terms pay, where they look once more when they pay."""
        return Bonus.objects.filter(due.not_eligible(schedule), pk=bonus.pk).exists()

    def form_waited_for(self, payout: Payout, *, as_of: datetime) -> TaxFormLimit | None:
        """Above which sum the program asks for the tax form that a payout waits for, if it waits for one."""
        return tax_limits.held(Payout.objects.filter(pk=payout.pk), at=as_of).get(payout.pk)


ASKED = Asked()


class AskedOnce(Asked):
    """The same, for one answer: what it comes back to is not asked again."""

    def __init__(self) -> None:
        self._holds: dict[int, list[Hold]] = {}
        self._totals: dict[tuple[int, int, str], int] = {}
        self._not_eligible: dict[int, bool] = {}
        self._forms: dict[int, TaxFormLimit | None] = {}

    def holds(self, bonus: Bonus) -> list[Hold]:
        """All holds of a bonus with who placed and who lifted them, the first one first."""
        if bonus.pk not in self._holds:
            rows = Hold.objects.filter(bonus=bonus.pk).select_related("placed_by", "lifted_by")
            self._holds[bonus.pk] = list(rows.order_by("pk"))
        return self._holds[bonus.pk]

    def reason_of_hold(self, bonus: Bonus) -> str:
        return next(hold.reason for hold in self.holds(bonus) if hold.lifted_at is None)

    def due_to_referrer(self, bonus: Bonus, schedule: PayoutSchedule, *, as_of: datetime) -> int:
        key = (bonus.terms_id, bonus.enrollment_id, bonus.kind)
        if key not in self._totals:
            self._totals[key] = super().due_to_referrer(bonus, schedule, as_of=as_of)
        return self._totals[key]

    def is_not_eligible(self, bonus: Bonus, schedule: PayoutSchedule) -> bool:
        # One account has one referrer.
        if bonus.terms_id not in self._not_eligible:
            self._not_eligible[bonus.terms_id] = super().is_not_eligible(bonus, schedule)
        return self._not_eligible[bonus.terms_id]

    def form_waited_for(self, payout: Payout, *, as_of: datetime) -> TaxFormLimit | None:
        if payout.pk not in self._forms:
            self._forms[payout.pk] = super().form_waited_for(payout, as_of=as_of)
        return self._forms[payout.pk]


def of_bonus(bonus: Bonus, *, as_of: datetime, known: Asked = ASKED) -> str | None:
    """
    Why this bonus is not simply paid; ``None``: it is.

    :param known: what was asked already for many bonuses at once
    """
    if bonus.status == BonusStatus.CANCELLED:
        return bonus.cancel_reason
    if bonus.status == BonusStatus.REVERSED:
        return "reversed"
    if bonus.status == BonusStatus.PAID:
        return None
    if waits := held(bonus, as_of=as_of, known=known):
        return waits
    if as_of < bonus.opens_at:
        return "window_not_open"
    schedule = bonus.terms.payout_schedule
    if schedule.release == Release.AFTER_APPROVAL and bonus.status != BonusStatus.APPROVED:
        return "awaiting_approval"
    return "next_run"


def held(bonus: Bonus, *, as_of: datetime, known: Asked = ASKED) -> str | None:
    """Why an unpaid bonus cannot be paid now; ``None``: nothing holds it, or it is not unpaid."""
    if bonus.status not in UNPAID:
        return None
    if bonus.on_hold:
        return known.reason_of_hold(bonus)
    if bonus.enrollment.status == EnrollmentStatus.SUSPENDED:
        return "referrer_suspended"
    if bonus.account.status == AccountStatus.IN_REVIEW:
        return "in_review"
    if as_of < bonus.opens_at:
        return None
    schedule = bonus.terms.payout_schedule
    return _idle(bonus, schedule) or _below_minimum(bonus, schedule, as_of=as_of, known=known)


def overdue_days(bonus: Bonus, *, as_of: datetime, known: Asked = ASKED) -> int:
    """Unpaid so many days after the window closed; 0 while the minimum is not reached."""
    if bonus.status not in UNPAID or held(bonus, as_of=as_of, known=known) == "below_minimum":
        return 0
    today = local_date(as_of, bonus.terms.payout_schedule.zone)
    return max(0, (today - bonus.window_closes_on).days)


def with_eligibility(bonuses: QuerySet[Bonus]) -> QuerySet[Bonus]:
    """Bonuses with ``asks_eligibility``: whether their terms look at the referrer once more."""
    at_release = EligibilityRule.objects.filter(terms=OuterRef("terms"), checked_at=CheckedAt.RELEASE)
    return bonuses.annotate(asks_eligibility=Exists(at_release))


def run_cancels(bonus: Bonus, code: str | None, *, known: Asked = ASKED) -> bool:
    """
    Does the run of its window cancel this bonus, as things stand? As ``due.failures`` says it, of one row.

    :param bonus: of ``with_eligibility``
    :param code: what it waits for, of ``of_bonus``; what is held or blocked waits first
    """
    if bonus.status not in UNPAID or code not in OVERRULED or bonus.on_hold:
        return False
    schedule = bonus.terms.payout_schedule
    if schedule.condition != Condition.NONE and (not bonus.milestones_hold or is_gone(bonus, schedule)):
        return True
    asks: bool = bonus.asks_eligibility  # type: ignore[attr-defined]  # annotated above
    return asks and known.is_not_eligible(bonus, schedule)


def is_gone(bonus: Bonus, schedule: PayoutSchedule) -> bool:
    """Is the account in a state that cancels its bonus under this schedule?"""
    if schedule.condition != Condition.REFERRED_ACCOUNT_ACTIVE:
        return False
    activity = Activity(bonus.account.activity)
    policy = {Activity.PAUSED: schedule.if_paused, Activity.PAST_DUE: schedule.if_past_due}
    return activity == Activity.CANCELLED or policy.get(activity) == IfNotActive.CANCEL


def came_back(bonus: Bonus) -> bool:
    """It was paid, and what was sent failed or came back; nobody has sent it again."""
    if bonus.status != BonusStatus.PAID or bonus.payout is None:
        return False
    return bonus.payout.status in DID_NOT_ARRIVE


def waits_for_form(bonus: Bonus, *, as_of: datetime, known: Asked = ASKED) -> TaxFormLimit | None:
    """It was released, and is not sent before a tax form is there: above which sum; ``None``: no."""
    if bonus.status != BonusStatus.PAID or bonus.payout is None:
        return None
    if bonus.payout.status != PayoutStatus.PREPARED:
        return None
    return known.form_waited_for(bonus.payout, as_of=as_of)


def made_up_wholly(bonus: Bonus) -> bool:
    """It was paid, and all of its payout was kept for what the referrer owed: nothing is sent."""
    if bonus.status != BonusStatus.PAID or bonus.payout is None:
        return False
    return bonus.payout.status == PayoutStatus.CANCELLED


def _idle(bonus: Bonus, schedule: PayoutSchedule) -> str | None:
    if schedule.condition != Condition.REFERRED_ACCOUNT_ACTIVE:
        return None
    waits = {Activity.PAUSED: schedule.if_paused, Activity.PAST_DUE: schedule.if_past_due}
    activity = Activity(bonus.account.activity)
    return f"referred_account_{activity.lower()}" if waits.get(activity) == IfNotActive.WAIT else None


def _below_minimum(bonus: Bonus, schedule: PayoutSchedule, *, as_of: datetime, known: Asked) -> str | None:
    if schedule.minimum_minor is None:
        return None
    total = known.due_to_referrer(bonus, schedule, as_of=as_of)
    return "below_minimum" if total < schedule.minimum_minor else None


def by_status(account: ReferredAccount) -> str | None:
    """What the account itself is waiting or refused for, whatever it has earned; ``None``: nothing."""
    if account.status == AccountStatus.IN_REVIEW:
        return "in_review"
    if account.status in (AccountStatus.NOT_QUALIFIED, AccountStatus.EXPIRED):
        return account.rejection_reason.code if account.rejection_reason else "expired"
    return None


def latest(bonuses: Iterable[Bonus]) -> list[Bonus]:
    """Of several with the same reward and period the latest."""
    return list({(bonus.reward_id, bonus.period): bonus for bonus in bonuses}.values())
