"""
Why is it not paid yet? The first unmet condition of an account or a bonus, and every rule
with its words, from the same rows that the engine runs on.

    expl = explain.account(program, host_account="acme", as_of=now)
    expl.first_unmet    'window_not_open', or None: everything is paid

A list of accounts is explained by payouts.explain_many, by the same rules and in a fixed number of queries.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from payouts import due
from payouts.models import Bonus, PayoutSchedule
from payouts.rules.lifecycle import UNPAID, BonusStatus
from referrals import evaluation
from referrals.models import Milestone, MilestoneReached, Program, ReferredAccount
from referrals.rules.facts import Activity
from referrals.rules.lifecycle import AccountStatus, EnrollmentStatus
from referrals.rules.words import Beneficiary, Condition, IfNotActive, Release
from referrals.rules.zones import local_date


@dataclass(frozen=True, slots=True)
class Line:
    """One rule: its words, whether it is met, and since when."""

    code: str
    label: str
    quote: str
    is_met: bool
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The first unmet condition, and the rules that lead to a bonus."""

    first_unmet: str | None
    lines: tuple[Line, ...]


class Asked:
    """What the answer about a bonus rests on besides its own row: asked of the database, one by one."""

    def reason_of_hold(self, bonus: Bonus) -> str:
        """Why the bonus is on hold: the oldest hold that nobody has lifted."""
        return bonus.holds.filter(lifted_at__isnull=True).order_by("pk")[0].reason

    def due_to_referrer(self, bonus: Bonus, schedule: PayoutSchedule, *, as_of: datetime) -> int:
        """What counts towards the minimum of the bonus's referrer, in minor units."""
        mine = due.due(schedule, as_of=as_of).filter(enrollment=bonus.enrollment_id, kind=bonus.kind)
        return due.left(mine, schedule).aggregate(total=Sum("amount_minor"))["total"] or 0


ASKED = Asked()


def account(program: Program, *, host_account: str, as_of: datetime) -> Explanation:
    """Why an account of the host has not brought its bonus yet."""
    found = (
        ReferredAccount.objects.filter(program=program, host_account=host_account)
        .select_related("program", "terms", "rejection_reason", "enrollment__referrer")
        .first()
    )
    if found is None:
        return Explanation("not_attributed", ())
    return Explanation(_first_unmet(found, as_of=as_of), tuple(_lines(found)))


def first_unmet(program: Program, *, host_account: str, as_of: datetime) -> str | None:
    """The code of the first unmet condition; ``None``: nothing is missing (cases/README.md, explain)."""
    return account(program, host_account=host_account, as_of=as_of).first_unmet


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


def _first_unmet(account: ReferredAccount, *, as_of: datetime) -> str | None:
    if (why := by_status(account)) is not None:
        return why
    bonuses = latest(
        Bonus.objects.filter(account=account)
        .select_related("reward", "terms__payout_schedule__terms", "enrollment", "account")
        .order_by("reward__position", "period", "pk")
    )
    for bonus in bonuses:
        if (why := of_bonus(bonus, as_of=as_of)) is not None:
            return why
    if bonuses:
        return None
    return _first_open_milestone(account, as_of=as_of)


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


def _first_open_milestone(account: ReferredAccount, *, as_of: datetime) -> str | None:
    reward = account.terms.rewards.filter(beneficiary=Beneficiary.REFERRER).first()
    if reward is None:
        return None
    required = [each.milestone.code for each in reward.requires.select_related("milestone")]
    return evaluation.evaluate_now(account, as_of=as_of).outcome.first_unmet(required)


def _lines(account: ReferredAccount) -> Iterable[Line]:
    reached = {row.milestone_id: row for row in MilestoneReached.objects.filter(account=account)}
    for milestone in Milestone.objects.filter(terms=account.terms_id):
        row = reached.get(milestone.pk)
        yield Line(
            code=milestone.code,
            label=milestone.label,
            quote=milestone.quote,
            is_met=row is not None and row.holds,
            since=row.since if row else None,
        )
