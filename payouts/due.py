"""
Which bonuses are due, and which of them wait, fail or can be paid: questions, no steps.

The run of the jobs asks them in this order (cases/README.md, "A run of the jobs"): what is
blocked waits; what fails the condition or eligibility is cancelled; of the rest, what is
idle or below the minimum waits; what is left can be paid. All as conditions on sets.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet, Sum, prefetch_related_objects

from payouts.models import Bonus, PayoutSchedule
from payouts.models.bonus import BonusQuerySet
from payouts.rules.lifecycle import NO_LONGER_HOLDS, NOT_ACTIVE
from referrals.models import EligibilityRule, Program
from referrals.rules.facts import Activity
from referrals.rules.lifecycle import EnrollmentStatus
from referrals.rules.words import Attribute, CheckedAt, Condition, IfNotActive, Operator

# Held, of a suspended referrer, of an account in review, or with facts not looked at yet.
BLOCKED = (
    Q(on_hold=True)
    | Q(enrollment__status=EnrollmentStatus.SUSPENDED)
    | Q(under_review=True)
    | ~Q(account__facts_changed=F("account__facts_evaluated"))
)
YES_OR_NO = (Attribute.IS_PARTNER, Attribute.MARKETING_OPT_OUT)


def schedules(*, as_of: datetime, program: Program | None = None) -> Iterable[PayoutSchedule]:
    """The schedules under which anything is due."""
    waiting = Bonus.objects.due(as_of=as_of).order_by()
    if program is not None:
        waiting = waiting.filter(terms__program=program)
    terms = list(waiting.values_list("terms", flat=True).distinct())
    if not terms:
        return ()
    return with_rules(PayoutSchedule.objects.filter(terms__in=terms))


def with_rules(schedules: QuerySet[PayoutSchedule]) -> Sequence[PayoutSchedule]:
    """These schedules, with all that ``failures`` reads of them: at most three questions, however many."""
    at_release = EligibilityRule.objects.filter(terms=OuterRef("terms"), checked_at=CheckedAt.RELEASE)
    joined = schedules.select_related("terms__program", "calendar").order_by("pk")
    found = list(joined.annotate(has_rules=Exists(at_release.order_by())))
    for schedule in found:
        if not schedule.has_rules:
            schedule.terms.rules_at_release = []  # type: ignore[attr-defined]
    with_some = [schedule for schedule in found if schedule.has_rules]
    if with_some:
        prefetch_related_objects(with_some, _rules_at_release())
    return found


def due(schedule: PayoutSchedule, *, as_of: datetime) -> BonusQuerySet:
    """Unpaid bonuses under this schedule whose window has opened."""
    return Bonus.objects.due(as_of=as_of).filter(terms=schedule.terms_id)


def failures(schedule: PayoutSchedule) -> list[tuple[Q, str]]:
    """What cancels a bonus that is looked at, in the order in which it is looked at."""
    failing: list[tuple[Q, str]] = []
    if schedule.condition == Condition.REFERRED_ACCOUNT_ACTIVE:
        gone = [Activity.CANCELLED, *_activities(schedule, IfNotActive.CANCEL)]
        failing.append((Q(account__activity__in=gone), NOT_ACTIVE))
    if schedule.condition != Condition.NONE:
        failing.append((Q(milestones_hold=False), NO_LONGER_HOLDS))
    return failing + [(_not_met(rule), rule.reason) for rule in _rules_of(schedule)]


def not_eligible(schedule: PayoutSchedule) -> Q:
    """What holds for bonuses of referrers who are not whom the terms pay, as they look when they pay."""
    condition = Q(pk__in=[])
    for rule in _rules_of(schedule):
        condition |= _not_met(rule)
    return condition


def idle(schedule: PayoutSchedule) -> Q:
    """Of accounts that are paused or past due, where the schedule says to wait."""
    if schedule.condition != Condition.REFERRED_ACCOUNT_ACTIVE:
        return Q(pk__in=[])
    return Q(account__activity__in=_activities(schedule, IfNotActive.WAIT))


def fails(schedules: Iterable[PayoutSchedule]) -> Q:
    """What holds for bonuses that are cancelled when they are looked at next."""
    condition = Q(pk__in=[])
    for schedule in schedules:
        for failing, _ in failures(schedule):
            condition |= Q(terms=schedule.terms_id) & failing
    return condition


def waits(schedules: Iterable[PayoutSchedule]) -> Q:
    """What holds for bonuses of accounts that are paused or past due, where their schedule says to wait."""
    condition = Q(pk__in=[])
    for schedule in schedules:
        condition |= Q(terms=schedule.terms_id) & idle(schedule)
    return condition


def left(bonuses: BonusQuerySet, schedule: PayoutSchedule) -> BonusQuerySet:
    """Of these, what is neither blocked nor failing nor idle: what counts towards the minimum."""
    for failing, _ in failures(schedule):
        bonuses = bonuses.exclude(failing)
    return bonuses.exclude(BLOCKED).exclude(idle(schedule))


def payable(bonuses: BonusQuerySet, schedule: PayoutSchedule, *, kind: str) -> BonusQuerySet:
    """
    Of these due bonuses of one kind, what can be paid.

    :param bonuses: all due bonuses of the referrers concerned, so that their sum is whole
    """
    return enough(left(bonuses.filter(kind=kind), schedule), schedule)


def enough(remaining: BonusQuerySet, schedule: PayoutSchedule) -> BonusQuerySet:
    """Of what is left of one kind, the bonuses of referrers that reach the minimum."""
    if schedule.minimum_minor is None:
        return remaining
    reaching = (
        remaining.order_by()
        .values("enrollment")
        .annotate(total=Sum("amount_minor"))
        .filter(total__gte=schedule.minimum_minor)
    )
    return remaining.filter(enrollment__in=reaching.values("enrollment"))


def approvable(
    bonuses: BonusQuerySet, schedule: PayoutSchedule, *, kind: str, as_of: datetime
) -> BonusQuerySet:
    """Of these, what neither is held nor waits; the condition is looked at again when it is paid."""
    mine = bonuses.filter(terms=schedule.terms_id, kind=kind).exclude(BLOCKED).exclude(idle(schedule))
    if schedule.minimum_minor is None:
        return mine
    can_be_paid = payable(due(schedule, as_of=as_of), schedule, kind=kind)
    return mine.filter(enrollment__in=can_be_paid.order_by().values("enrollment"))


def _rules_of(schedule: PayoutSchedule) -> list[EligibilityRule]:
    # Nothing is asked twice: neither of a schedule that came with its rules, nor of one that was here before.
    if not hasattr(schedule.terms, "rules_at_release"):
        prefetch_related_objects([schedule], _rules_at_release())
    rules: list[EligibilityRule] = schedule.terms.rules_at_release  # type: ignore[attr-defined]
    return rules


def _rules_at_release() -> "Prefetch[str, QuerySet[EligibilityRule], str]":
    """Of the terms of schedules, the rules that are looked at when a bonus is paid."""
    rules = EligibilityRule.objects.filter(checked_at=CheckedAt.RELEASE).prefetch_related("values")
    return Prefetch("terms__eligibility", rules, to_attr="rules_at_release")


def _activities(schedule: PayoutSchedule, policy: IfNotActive) -> list[Activity]:
    """The activities for which the schedule says this."""
    said = {Activity.PAUSED: schedule.if_paused, Activity.PAST_DUE: schedule.if_past_due}
    return [activity for activity, says in said.items() if says == policy]


def _not_met(rule: EligibilityRule) -> Q:
    values: list[object] = [value.value for value in rule.values.all()]
    if rule.attribute in YES_OR_NO:
        values = [value == "true" for value in values]
    among = Q(**{f"enrollment__referrer__{rule.attribute}__in": values})
    return ~among if rule.operator in (Operator.IS, Operator.IN) else among
