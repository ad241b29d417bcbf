"""The rules of a bonus that was activated: window, approval, holds, condition, minimum, payment."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.numbers import format_currency
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payouts import due
from payouts.explain import conditions
from payouts.explain.conditions import AskedOnce
from payouts.explain.lines import Line, State
from payouts.explain.sentences import Audience, Says, as_sentence, in_so_many_days, say
from payouts.models import Bonus, Hold, PayoutSchedule
from payouts.payments import fees, set_offs
from payouts.rules import schedule_words
from payouts.rules.lifecycle import UNPAID, BatchStatus, BonusStatus
from payouts.rules.schedule_words import in_days, on_day
from payouts.rules.ways import WAYS
from referrals.names import of_person
from referrals.rules.facts import Activity
from referrals.rules.money import to_text
from referrals.rules.words import CheckedAt, Condition, IfNotActive, Release, RewardKind
from referrals.rules.zones import first_instant, local_date

LOCALE = "en_US"
CONDITIONS = {
    Condition.MILESTONE_HOLDS: gettext_lazy("What was reached still holds"),
    Condition.REFERRED_ACCOUNT_ACTIVE: gettext_lazy(
        "The referred account is active, and what was reached holds"
    ),
}


def of_bonus(bonus: Bonus, *, as_of: datetime, audience: Audience, known: AskedOnce) -> Iterator[Line]:
    """
    What stands between a bonus and its payment; what this audience is not told is left out.

    :param bonus: with ``asks_eligibility``: whether its terms look at the referrer once more
    """
    schedule = bonus.terms.payout_schedule
    yield _window(bonus, schedule, as_of=as_of, audience=audience)
    lines = [*_approval(bonus, schedule, audience), *_holds(bonus, audience, known)]
    if bonus.status in UNPAID:
        lines.append(_condition(bonus, schedule, audience))
        if bonus.asks_eligibility:  # type: ignore[attr-defined]
            lines += _eligibility(bonus, schedule, audience)
        lines += _minimum(bonus, schedule, as_of=as_of, audience=audience, known=known)
    if bonus.kind == RewardKind.ACCOUNT_CREDIT:
        lines.append(_as_credit(bonus, audience))
    lines += [_payment(bonus, audience), *_kept(bonus, audience)]
    yield from (line for line in lines if line.detail)


def ahead(schedule: PayoutSchedule, audience: Audience) -> Line:
    """The window of a bonus that is not activated yet: by which words it will be found."""
    detail = say(Says.WINDOW_AHEAD, audience, words=words_of(schedule), zone=schedule.zone.key)
    return Line("window", _("Window"), detail, schedule.quote, State.WAITING)


def words_of(schedule: PayoutSchedule) -> str:
    """The row of a schedule in words."""
    return schedule_words.in_words(
        anchor=schedule.anchor,
        month_offset=schedule.month_offset,
        opens_kind=schedule.opens_kind,
        opens_n=schedule.opens_n,
        closes_kind=schedule.closes_kind,
        closes_n=schedule.closes_n,
    )


def _window(bonus: Bonus, schedule: PayoutSchedule, *, as_of: datetime, audience: Audience) -> Line:
    zone: ZoneInfo = schedule.zone
    is_open = bonus.opens_at <= as_of
    days = (bonus.window_opens_on - local_date(as_of, zone)).days
    detail = say(
        Says.WINDOW if is_open else Says.WINDOW_TO_OPEN,
        audience,
        in_days=in_so_many_days(days),
        window=in_days(bonus.window_opens_on, bonus.window_closes_on),
        zone=zone.key,
        words=words_of(schedule),
    )
    return Line(
        code="window",
        label=_("Window"),
        detail=detail,
        quote=schedule.quote,
        state=State.MET if is_open else State.WAITING,
        since=bonus.opens_at,
        until=first_instant(bonus.window_closes_on + timedelta(days=1), zone),
    )


def _approval(bonus: Bonus, schedule: PayoutSchedule, audience: Audience) -> Iterator[Line]:
    if bonus.status == BonusStatus.CANCELLED:
        return
    state, batch = State.WAITING, bonus.batch
    values: dict[str, object] = {"batch": f"Batch {batch.pk}" if batch else ""}
    if schedule.release == Release.AUTOMATIC:
        state, says = State.MET, Says.NO_APPROVAL
    elif bonus.status != BonusStatus.ACTIVATED:
        state, says = State.MET, Says.APPROVED
        values["by"] = f" by {of_person(bonus.approved_by)}" if bonus.approved_by else ""
    elif batch is None:
        says = Says.NO_BATCH_YET
    elif batch.status == BatchStatus.AWAITING_APPROVAL:
        says = Says.PUT_UP
        values["by"] = of_person(batch.prepared_by)
    else:
        says = Says.IN_DRAFT
    yield Line("approval", _("Approval"), say(says, audience, **values), "", state)


def _holds(bonus: Bonus, audience: Audience, known: AskedOnce) -> Iterator[Line]:
    """Every hold with who and why; to a referrer only that there is one."""
    is_held = bonus.on_hold and bonus.status in UNPAID
    if audience is Audience.REFERRER:
        if is_held:
            yield Line("hold", _("Check"), say(Says.HELD, audience), "", State.WAITING)
        return
    holds = known.holds(bonus)
    for hold in holds:
        is_open = hold.lifted_at is None
        state = State.UNMET if is_open and is_held else State.MET
        yield Line("hold", _("Hold"), _held(hold), "", state, hold.placed_at, hold.lifted_at)
    if not holds:
        yield Line("hold", _("Holds"), say(Says.NO_HOLDS, audience), "", State.MET)


def _held(hold: Hold) -> str:
    reason = as_sentence(hold.reason)
    by, also = of_person(hold.placed_by) or _("a rule"), of_person(hold.lifted_by)
    if hold.lifted_at is not None:
        return say(Says.HOLD_LIFTED, Audience.STAFF, reason=reason, by=by, also=also)
    return say(Says.HELD_BY_RULE if hold.by_rule else Says.HELD, Audience.STAFF, reason=reason, by=by)


def _condition(bonus: Bonus, schedule: PayoutSchedule, audience: Audience) -> Line:
    if schedule.condition == Condition.NONE:
        return Line("condition", _("Condition"), say(Says.NO_CONDITION, audience), "", State.MET)
    state, since, says = State.MET, None, Says.CONDITION_MET
    if not bonus.milestones_hold:
        state, says = State.UNMET, Says.CONDITION_UNMET
    if schedule.condition == Condition.REFERRED_ACCOUNT_ACTIVE:
        policy = {Activity.PAUSED: schedule.if_paused, Activity.PAST_DUE: schedule.if_past_due}
        activity, since = Activity(bonus.account.activity), bonus.account.activity_at
        if conditions.is_gone(bonus, schedule):
            state, says = State.UNMET, Says.CONDITION_UNMET
        elif policy.get(activity) == IfNotActive.WAIT and state is State.MET:
            state, says = State.WAITING, Says.CONDITION_WAITS
    named = CONDITIONS[Condition(schedule.condition)]
    return Line("condition", _("Condition"), say(says, audience, condition=named), "", state, since)


def _eligibility(bonus: Bonus, schedule: PayoutSchedule, audience: Audience) -> Iterator[Line]:
    """What the referrer must be when it is paid, where the terms ask for it."""
    rules = list(schedule.terms.eligibility.filter(checked_at=CheckedAt.RELEASE))
    row = Bonus.objects.filter(pk=bonus.pk)
    # Those of the terms come last, in their order.
    of_terms = due.failures(schedule)[-len(rules) :]
    for rule, (not_met, reason) in zip(rules, of_terms, strict=True):
        fails = row.filter(not_met).exists()
        says = Says.NOT_ELIGIBLE if fails else Says.ELIGIBLE
        detail = say(says, audience, reason=as_sentence(reason))
        yield Line(rule.code, _("Referrer"), detail, rule.quote, State.UNMET if fails else State.MET)


def _minimum(
    bonus: Bonus, schedule: PayoutSchedule, *, as_of: datetime, audience: Audience, known: AskedOnce
) -> Iterator[Line]:
    if schedule.minimum_minor is None:
        return
    total = known.due_to_referrer(bonus, schedule, as_of=as_of)
    reached = total >= schedule.minimum_minor
    detail = say(
        Says.MINIMUM_REACHED if reached else Says.MINIMUM_OPEN,
        audience,
        due=money(total, bonus.currency, audience),
        minimum=money(schedule.minimum_minor, bonus.currency, audience),
    )
    yield Line("minimum", _("Minimum"), detail, "", State.MET if reached else State.WAITING)


def _as_credit(bonus: Bonus, audience: Audience) -> Line:
    """That it is no cash, whatever becomes of it."""
    way = WAYS[RewardKind.ACCOUNT_CREDIT]
    detail = say(Says.AS_CREDIT, audience, rule=way.rule, way=way.public)
    return Line("way", way.label, detail, bonus.reward.quote, State.MET)


def _payment(bonus: Bonus, audience: Audience) -> Line:
    if conditions.came_back(bonus):
        return Line("run", _("Payment"), say(Says.CAME_BACK, audience), "", State.WAITING)
    if bonus.status == BonusStatus.PAID and bonus.released_on is not None:
        detail = say(Says.RUN_PAID, audience, day=on_day(bonus.released_on))
        return Line("run", _("Payment"), detail, "", State.MET, bonus.paid_at)
    if bonus.status in UNPAID:
        detail = say(Says.RUN_AHEAD, audience, day=on_day(bonus.window_opens_on))
        return Line("run", _("Payment"), detail, "", State.WAITING)
    return Line("run", _("Payment"), say(Says.RUN_NONE, audience), "", State.UNMET)


def _kept(bonus: Bonus, audience: Audience) -> Iterator[Line]:
    """What of its payout made up for what the referrer owed, and what fee the referrer bears."""
    payout = bonus.payout
    if bonus.status != BonusStatus.PAID or bonus.kind != RewardKind.CASH or payout is None:
        return
    gross, kept, fee = payout.amount_minor, set_offs.kept_from(payout), fees.standing(payout)
    if kept:
        says = Says.KEPT_BEFORE_FEE if fee else Says.KEPT
        shown = _less(gross + kept, kept, payout.currency, audience)
        yield Line("set_off", _("Set off"), say(says, audience, **shown), "", State.MET)
    if fee:
        shown = _less(gross, fee.amount_minor, payout.currency, audience)
        yield Line("fee", _("Fee"), say(Says.FEE, audience, **shown), "", State.MET)
    if fee and bonus.reward.fee_exempt:
        yield Line("no_fee", _("Fee"), say(Says.NO_FEE, audience), bonus.reward.quote, State.MET)


def _less(gross_minor: int, kept_minor: int, currency: str, audience: Audience) -> dict[str, str]:
    """What is kept of an amount, and what is left of it."""
    amounts = {"gross": gross_minor, "kept": kept_minor, "net": gross_minor - kept_minor}
    return {name: money(minor, currency, audience) for name, minor in amounts.items()}


def money(minor: int, currency: str, audience: Audience) -> str:
    """An amount as staff write it, 'USD 1,000.00', or as a referrer reads it, '$1,000.00'."""
    amount = Decimal(to_text(minor, currency))
    if audience is Audience.STAFF:
        return f"{currency} {amount:,}"
    return str(format_currency(amount, currency, locale=LOCALE))
