"""
What an outcome is worth: which bonuses are earned, from when, and which benefits.

The evaluator says what was reached and when; here it becomes drafts of bonuses. A draft
says when the bonus is activated and from which instant its window is counted; the window
itself is the schedule's.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from referrals.rules.facts import Activity, Fact, activity
from referrals.rules.milestones import History, Outcome, is_holding
from referrals.rules.words import Beneficiary, Recurrence, Stacking
from referrals.rules.zones import day_of_months, first_instant, local_date


@dataclass(frozen=True, slots=True)
class RewardRule:
    """A row of the terms: who gets what for which milestones."""

    code: str
    beneficiary: str
    requires: tuple[str, ...]
    kind: str
    amount_minor: int | None = None
    quantity: int | None = None
    product: str = ""
    recurrence: str = Recurrence.ONCE
    each_month_on: int | None = None
    cap: int | None = None


@dataclass(frozen=True, slots=True)
class EarlierBonus:
    """A bonus that the account already has, cancelled ones too."""

    reward: str
    period: str
    is_cancelled: bool
    activated_at: datetime


@dataclass(frozen=True, slots=True)
class BonusDraft:
    """A bonus that has been earned and is not there yet."""

    reward: RewardRule
    period: str
    activated_at: datetime
    milestone_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """All that is known of a qualified account when its bonuses are worked out."""

    outcome: Outcome
    facts: Sequence[Fact]
    qualified_at: datetime | None
    """The latest decision that qualified it, by the instant it was made; none where a milestone did."""
    zone: ZoneInfo
    as_of: datetime


def earned(
    rewards: Iterable[RewardRule], *, stacking: str, progress: Progress, earlier: Collection[EarlierBonus]
) -> list[BonusDraft]:
    """The bonuses of a qualified account that should be there and are not, in the order of the file."""
    of_referrer = [reward for reward in rewards if reward.beneficiary == Beneficiary.REFERRER]
    once = [reward for reward in of_referrer if reward.recurrence == Recurrence.ONCE]
    if stacking == Stacking.HIGHEST:
        once = _highest(once, outcome=progress.outcome, earlier=earlier)
    drafts: list[BonusDraft] = []
    for reward in of_referrer:
        if reward.recurrence == Recurrence.MONTHLY:
            drafts += _monthly(reward, progress=progress, earlier=earlier)
        elif reward in once and (draft := _once(reward, progress=progress, earlier=earlier)):
            drafts.append(draft)
    return drafts


def next_month_day(rewards: Iterable[RewardRule], *, zone: ZoneInfo, as_of: datetime) -> datetime | None:
    """The next instant at which a monthly reward is looked at; ``None``: there is none."""
    today = local_date(as_of, zone)
    ahead = today + timedelta(days=62)
    instants = (
        first_instant(day, zone)
        for each_month_on in {r.each_month_on for r in rewards if r.recurrence == Recurrence.MONTHLY}
        for day in day_of_months(each_month_on or 1, since=today, until=ahead)
    )
    return min((instant for instant in instants if instant > as_of), default=None)


def discount_minor(
    reward: RewardRule, *, earned_at: datetime, facts: Iterable[Fact], types: Collection[str]
) -> int:
    """
    The smaller of the discount and the bill of that very instant, in minor units.

    :param types: the event types of the milestones that the reward requires
    """
    bill = sum(
        fact.amount_minor
        for fact in facts
        if fact.occurred_at == earned_at and fact.type in types and reward.product in ("", fact.product)
    )
    full = reward.amount_minor or 0
    return min(full, bill) if bill else full


def _highest(
    once: list[RewardRule], *, outcome: Outcome, earlier: Collection[EarlierBonus]
) -> list[RewardRule]:
    """Of the rewards whose milestones hold now the highest; none while another bonus lives."""
    codes = {reward.code for reward in once}
    if any(bonus.reward in codes and not bonus.is_cancelled for bonus in earlier):
        return []
    holding = [reward for reward in once if is_holding(outcome.together(reward.requires))]
    # max() keeps the first of equals: the first in the file.
    return [max(holding, key=lambda reward: reward.amount_minor or 0)] if holding else []


def _once(reward: RewardRule, *, progress: Progress, earlier: Collection[EarlierBonus]) -> BonusDraft | None:
    before = [bonus for bonus in earlier if bonus.reward == reward.code]
    history = progress.outcome.together(reward.requires)
    if not history or any(not bonus.is_cancelled for bonus in before):
        return None
    if not before:
        return _draft(reward, milestone_at=history[0].since, qualified_at=progress.qualified_at)
    if not is_holding(history):
        return None
    # Cancelled, and earned again: only by a new stretch or a new decision.
    again = _draft(reward, milestone_at=history[-1].since, qualified_at=progress.qualified_at)
    return again if all(again.activated_at > bonus.activated_at for bonus in before) else None


def _draft(reward: RewardRule, *, milestone_at: datetime, qualified_at: datetime | None) -> BonusDraft:
    activated_at = max(milestone_at, qualified_at or milestone_at)
    return BonusDraft(reward, "", activated_at=activated_at, milestone_at=milestone_at)


def _monthly(
    reward: RewardRule, *, progress: Progress, earlier: Collection[EarlierBonus]
) -> list[BonusDraft]:
    history = progress.outcome.together(reward.requires)
    if not history:
        return []
    periods = {bonus.period for bonus in earlier if bonus.reward == reward.code}
    reached_on = local_date(history[0].since, progress.zone)
    today = local_date(progress.as_of, progress.zone)
    drafts = []
    for day in day_of_months(reward.each_month_on or 1, since=reached_on, until=today):
        period, begins = f"{day:%Y-%m}", first_instant(day, progress.zone)
        if begins <= progress.as_of and period not in periods and _counts(begins, history, progress):
            drafts.append(BonusDraft(reward, period, activated_at=begins, milestone_at=begins))
    return drafts


def _counts(begins: datetime, history: History, progress: Progress) -> bool:
    """Do a month's day find the account qualified, holding its milestones, and active?"""
    return (
        (progress.qualified_at is None or progress.qualified_at <= begins)
        and any(stretch.covers(begins) for stretch in history)
        and activity(progress.facts, as_of=begins).activity == Activity.ACTIVE
    )


def granted(rewards: Iterable[RewardRule], *, outcome: Outcome) -> list[tuple[RewardRule, datetime]]:
    """The benefits of the referred account that have been earned, with the instant of each."""
    of_referred = (reward for reward in rewards if reward.beneficiary == Beneficiary.REFERRED)
    reached = ((reward, outcome.together(reward.requires)) for reward in of_referred)
    return [(reward, history[0].since) for reward, history in reached if history]
