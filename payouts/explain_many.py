"""
Why the accounts of a list are not paid yet: the answers of payouts.explain for many rows at once.

    rows = explain_many.with_what_is_missing(ReferredAccount.objects.filter(...))[:50]
    told = explain_many.accounts(rows, as_of=now)
    told[row.pk].first_unmet

    told[row.pk].headline

Queries are fixed: one for the bonuses, and for each version of terms that has a minimum to reach, what
counts towards it; for each that looks at the referrer once more, who is not whom it pays; where payouts wait,
which of them wait for a tax form, for each program that asks for one.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, When

from payouts import due
from payouts.explain import Asked, Headline, conditions, headlines, latest
from payouts.explain.sentences import Says
from payouts.models import Bonus, Hold, Payout, PayoutSchedule, Reward, RewardMilestone, TaxFormLimit
from payouts.payments import tax_limits
from payouts.rules.lifecycle import UNPAID, PayoutStatus
from referrals.models import (
    MilestoneReached,
    MilestoneTest,
    ReferredAccount,
    RejectionReason,
    Review,
)
from referrals.rules.words import Beneficiary, TestKind


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

        self._not_eligible: set[int] = set()
        for terms, mine_of in self._asking(bonuses).items():
            failing = due.not_eligible(mine_of[0].terms.payout_schedule)
            rows_of = Bonus.objects.filter(failing, pk__in=[each.pk for each in mine_of], terms=terms)
            self._not_eligible |= set(rows_of.values_list("pk", flat=True))

        payouts = [each.payout for each in bonuses if each.payout]
        prepared = [each.pk for each in payouts if each.status == PayoutStatus.PREPARED]
        rows = Payout.objects.filter(pk__in=prepared)
        self._forms = tax_limits.held(rows, at=as_of) if prepared else {}

    @staticmethod
    def _asking(bonuses: Collection[Bonus]) -> dict[int, list[Bonus]]:
        """The unpaid ones whose terms look at the referrer once more, by their terms."""
        asking: dict[int, list[Bonus]] = {}
        for each in bonuses:
            if each.status in UNPAID and each.asks_eligibility:  # type: ignore[attr-defined]
                asking.setdefault(each.terms_id, []).append(each)
        return asking

    def is_not_eligible(self, bonus: Bonus, schedule: PayoutSchedule) -> bool:
        return bonus.pk in self._not_eligible

    def form_waited_for(self, payout: Payout, *, as_of: datetime) -> TaxFormLimit | None:
        return self._forms.get(payout.pk)

    def reason_of_hold(self, bonus: Bonus) -> str:
        reason: str = bonus.why_held  # type: ignore[attr-defined]  # annotated below
        return reason

    def public_text(self, bonus: Bonus) -> str:
        return bonus.public_text or ""  # type: ignore[attr-defined]  # annotated below

    def needs_senior(self, account: ReferredAccount) -> bool:
        waits: bool = account.for_senior  # type: ignore[attr-defined]  # annotated below
        return waits

    def due_to_referrer(self, bonus: Bonus, schedule: PayoutSchedule, *, as_of: datetime) -> int:
        return self._totals.get((bonus.terms_id, bonus.enrollment_id, bonus.kind), 0)


@dataclass(frozen=True, slots=True)
class Told:
    """The answer about an account of a list."""

    headline: Headline
    bonuses: tuple[Bonus, ...]
    """What it earned: of several with the same reward and period the latest."""
    lines: tuple[Headline, ...]
    """The answer about each of these bonuses."""

    @property
    def first_unmet(self) -> str | None:
        """The code of the first unmet condition; ``None``: nothing is missing."""
        return self.headline.code


def with_what_is_missing(accounts: QuerySet[ReferredAccount]) -> QuerySet[ReferredAccount]:
    """Accounts with the first milestone of their reward that they do not have, as they were evaluated."""
    of_terms = Reward.objects.filter(terms=OuterRef(OuterRef("terms")), beneficiary=Beneficiary.REFERRER)
    first = Subquery(of_terms.order_by("position").values("pk")[:1])
    reached = MilestoneReached.objects.filter(
        account=OuterRef(OuterRef("pk")), milestone=OuterRef("milestone"), holds=True
    )
    missing = RewardMilestone.objects.filter(~Exists(reached), reward=first).order_by("position")
    decided = MilestoneTest.objects.filter(milestone=OuterRef("milestone"), kind=TestKind.QUALIFIED)
    reward = Reward.objects.filter(terms=OuterRef("terms"), beneficiary=Beneficiary.REFERRER)
    living = Bonus.objects.living().filter(
        enrollment=OuterRef("enrollment"), reward__code=OuterRef("reward_code")
    )
    counted = living.order_by().values("enrollment").annotate(number=Count("pk")).values("number")
    waits = Q(for_senior=True) | Q(appeal_of__isnull=False)
    reviews = Review.objects.filter(waits, account=OuterRef("pk"), closed_at__isnull=True)
    return accounts.select_related("pending_decision").annotate(
        missing_code=Subquery(missing.values("milestone__code")[:1]),
        missing_label=Subquery(missing.values("milestone__label")[:1]),
        missing_by_staff=Subquery(missing.annotate(by_staff=Exists(decided)).values("by_staff")[:1]),
        reward_code=Subquery(reward.order_by("position").values("code")[:1]),
        reward_cap=Subquery(reward.order_by("position").values("cap")[:1]),
        for_senior=Exists(reviews),
        # Counted only where it matters.
        reward_living=Case(
            When(reward_cap__isnull=False, then=Subquery(counted, output_field=IntegerField()))
        ),
    )


def accounts(rows: Sequence[ReferredAccount], *, as_of: datetime) -> dict[int, Told]:
    """
    Why these accounts have not brought their bonus yet.

    :param rows: annotated by ``with_what_is_missing``, with enrollment and rejection reason
    """
    by_account: dict[int, list[Bonus]] = {row.pk: [] for row in rows}
    of_number = {row.pk: row for row in rows}
    for bonus in _bonuses(rows):
        bonus.account = of_number[bonus.account_id]
        bonus.enrollment = bonus.account.enrollment
        by_account[bonus.account_id].append(bonus)
    known = Known([bonus for found in by_account.values() for bonus in found], as_of=as_of)
    return {row.pk: _told(row, latest(by_account[row.pk]), known, as_of=as_of) for row in rows}


def all_bonuses(account: ReferredAccount, *, as_of: datetime) -> tuple[Told, dict[Bonus, Headline]]:
    """
    The answer about one account, and about each of its bonuses, those that came to nothing too.

    :param account: as above
    """
    bonuses = list(_bonuses([account]))
    for bonus in bonuses:
        bonus.account, bonus.enrollment = account, account.enrollment
    known = Known(bonuses, as_of=as_of)
    each = {bonus: headlines.of_bonus(bonus, as_of=as_of, known=known) for bonus in bonuses}
    return _told(account, latest(bonuses), known, as_of=as_of), each


def of_account_alone(account: ReferredAccount) -> Headline:
    """
    What is missing, to somebody who sees no money: nothing is said of what it earned.

    :param account: as above
    """
    known = Known([], as_of=account.signed_up_at)
    stands = headlines.of_status(account, known=known)
    return stands or _without_bonus(account, says=Says.CONDITIONS_MET)


def with_reasons(bonuses: QuerySet[Bonus]) -> QuerySet[Bonus]:
    """Bonuses with what the answers about them rest on, for a list of them."""
    waits = Q(for_senior=True) | Q(appeal_of__isnull=False)
    reviews = Review.objects.filter(waits, account=OuterRef("account"), closed_at__isnull=True)
    return _explained(bonuses).annotate(for_senior=Exists(reviews))


def of_bonuses(rows: Sequence[Bonus], *, as_of: datetime) -> list[Headline]:
    """
    The answer about each of these bonuses.

    :param rows: of ``with_reasons``, with account and enrollment
    """
    known = Known(rows, as_of=as_of)
    for bonus in rows:
        bonus.account.for_senior = bonus.for_senior  # type: ignore[attr-defined]
    return [headlines.of_bonus(bonus, as_of=as_of, known=known) for bonus in rows]


def _bonuses(rows: Sequence[ReferredAccount]) -> QuerySet[Bonus]:
    found = _explained(Bonus.objects.filter(account__in=[row.pk for row in rows]))
    return found.order_by("reward__position", "period", "pk")


def _explained(bonuses: QuerySet[Bonus]) -> QuerySet[Bonus]:
    holds = Hold.objects.filter(bonus=OuterRef("pk"), lifted_at__isnull=True).order_by("pk")
    public = RejectionReason.objects.filter(
        terms=OuterRef("terms_id"), code=OuterRef("cancel_reason"), shown=True
    )
    joined = bonuses.select_related("reward", "terms__payout_schedule__terms", "batch", "payout")
    return conditions.with_eligibility(joined).annotate(
        why_held=Subquery(holds.values("reason")[:1]),
        public_text=Subquery(public.values("public_text")[:1]),
    )


def _told(account: ReferredAccount, bonuses: list[Bonus], known: Known, *, as_of: datetime) -> Told:
    lines = tuple(headlines.of_bonus(bonus, as_of=as_of, known=known) for bonus in bonuses)
    headed = headlines.of_status(account, known=known)
    if headed is None:
        headed = next((line for line in lines if line.code is not None), None)
    if headed is None:
        headed = next(
            (line for bonus, line in zip(bonuses, lines, strict=True) if conditions.came_back(bonus)), None
        )
    if headed is None:
        told = zip(bonuses, lines, strict=True)
        waits = (line for b, line in told if conditions.waits_for_form(b, as_of=as_of, known=known))
        headed = next(waits, None)
    if headed is None and bonuses:
        headed = headlines.nothing_missing(Says.PAID_ALL)
    return Told(headed or _without_bonus(account), tuple(bonuses), lines)


def _without_bonus(account: Any, *, says: Says = Says.WORKED_OUT) -> Headline:
    """What is missing of an account that has no bonus, as it was annotated."""
    if account.reward_code is None:
        return headlines.nothing_missing(Says.NO_REWARD)
    if account.missing_code is not None:
        label = account.missing_label or ""
        return headlines.still_to_come(account.missing_code, label, by_staff=account.missing_by_staff)
    if says is Says.WORKED_OUT and account.reward_cap and (account.reward_living or 0) >= account.reward_cap:
        return headlines.nothing_missing(Says.CAPPED, cap=account.reward_cap)
    return headlines.nothing_missing(says)
