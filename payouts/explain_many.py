"""
Why the accounts of a list are not paid yet: the answers of payouts.explain for many rows at once.

    rows = explain_many.with_what_is_missing(ReferredAccount.objects.filter(...))[:50]
    told = explain_many.accounts(rows, as_of=now)
    told[row.pk].first_unmet

Queries are fixed: one for the bonuses, and for each version of terms that has a minimum to reach, what
counts towards it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet, Subquery, Sum

from payouts import due
from payouts.explain import Asked, by_status, latest, of_bonus
from payouts.models import Bonus, Hold, PayoutSchedule, Reward, RewardMilestone
from payouts.rules.lifecycle import UNPAID
from referrals.models import MilestoneReached, ReferredAccount
from referrals.rules.words import Beneficiary


class Known(Asked):
    """What the answers about these bonuses rest on, asked once for all of them."""

    def __init__(self, bonuses: Collection[Bonus], *, as_of: datetime) -> None:
        self._totals: dict[tuple[int, int, str], int] = {}
        waiting = [each for each in bonuses if each.status in UNPAID and each.opens_at <= as_of]
        schedules = {each.terms_id: each.terms.payout_schedule for each in waiting}
        for terms, schedule in schedules.items():
            if schedule.minimum_minor is not None:
                referrers = {each.enrollment_id for each in waiting if each.terms_id == terms}
                mine = due.due(schedule, as_of=as_of).filter(enrollment__in=referrers)
                sums = due.left(mine, schedule).order_by().values("enrollment", "kind")
                for row in sums.annotate(total=Sum("amount_minor")):
                    self._totals[terms, row["enrollment"], row["kind"]] = row["total"]

    def reason_of_hold(self, bonus: Bonus) -> str:
        reason: str = bonus.why_held  # type: ignore[attr-defined]  # annotated below
        return reason

    def due_to_referrer(self, bonus: Bonus, schedule: PayoutSchedule, *, as_of: datetime) -> int:
        return self._totals.get((bonus.terms_id, bonus.enrollment_id, bonus.kind), 0)


@dataclass(frozen=True, slots=True)
class Told:
    """The answer about an account of a list."""

    first_unmet: str | None
    bonuses: tuple[Bonus, ...]
    """What it earned: of several with the same reward and period the latest."""
    missing: str
    """The label of the milestone that is waited for; '' where it is something else."""


def with_what_is_missing(accounts: QuerySet[ReferredAccount]) -> QuerySet[ReferredAccount]:
    """Accounts with the first milestone of their reward that they do not have, as they were evaluated."""
    of_terms = Reward.objects.filter(terms=OuterRef(OuterRef("terms")), beneficiary=Beneficiary.REFERRER)
    reached = MilestoneReached.objects.filter(
        account=OuterRef(OuterRef("pk")), milestone=OuterRef("milestone"), holds=True
    )
    missing = RewardMilestone.objects.filter(
        ~Exists(reached), reward=Subquery(of_terms.order_by("position").values("pk")[:1])
    ).order_by("position")
    return accounts.annotate(
        missing_code=Subquery(missing.values("milestone__code")[:1]),
        missing_label=Subquery(missing.values("milestone__label")[:1]),
    )


def accounts(rows: Sequence[ReferredAccount], *, as_of: datetime) -> tuple[dict[int, Told], Known]:
    """
    The first unmet condition of each account, and what the answers rest on.

    :param rows: of ``with_what_is_missing``, with terms, enrollment and rejection reason
    """
    by_account: dict[int, list[Bonus]] = {row.pk: [] for row in rows}
    of_number = {row.pk: row for row in rows}
    for bonus in _bonuses(rows):
        bonus.account = of_number[bonus.account_id]
        bonus.enrollment = bonus.account.enrollment
        by_account[bonus.account_id].append(bonus)
    known = Known([bonus for found in by_account.values() for bonus in found], as_of=as_of)
    return {row.pk: _told(row, latest(by_account[row.pk]), known, as_of=as_of) for row in rows}, known


def _bonuses(rows: Sequence[ReferredAccount]) -> QuerySet[Bonus]:
    holds = Hold.objects.filter(bonus=OuterRef("pk"), lifted_at__isnull=True).order_by("pk")
    return (
        Bonus.objects.filter(account__in=[row.pk for row in rows])
        .select_related("reward", "terms__payout_schedule__terms")
        .annotate(why_held=Subquery(holds.values("reason")[:1]))
        .order_by("reward__position", "period", "pk")
    )


def _told(account: ReferredAccount, bonuses: list[Bonus], known: Known, *, as_of: datetime) -> Told:
    why = by_status(account)
    answers = (of_bonus(bonus, as_of=as_of, known=known) for bonus in bonuses)
    if why is None:
        why = next((answer for answer in answers if answer is not None), None)
    if why is not None or bonuses:
        return Told(why, tuple(bonuses), "")
    code, label = account.missing_code, account.missing_label  # type: ignore[attr-defined]
    return Told(code, (), label or "")
