"""The answers: of an account, whatever it has earned, and of one bonus; for staff or for the referrer."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import QuerySet

from payouts.explain import bonus_lines, conditions, headlines, lines
from payouts.explain.conditions import Asked, AskedOnce
from payouts.explain.headlines import Headline, headline
from payouts.explain.lines import Line, State
from payouts.explain.sentences import ON_TIME, Audience, Says, Who, say
from payouts.models import Bonus, PayoutSchedule, Reward
from payouts.program_files import schedule_of
from payouts.rules.lifecycle import LIVING, UNPAID, BonusStatus
from payouts.rules.schedule import Window, window, window_of_month
from referrals import evaluation
from referrals.evaluation import Evaluated
from referrals.models import Program, ReferredAccount, SignUp
from referrals.rules.facts import first_payment_at
from referrals.rules.lifecycle import CLOSED
from referrals.rules.words import Anchor, Beneficiary, Recurrence, TestKind
from referrals.rules.zones import day_of_months, first_instant, local_date

NOT_ATTRIBUTED = "not_attributed"
OF_ACCOUNT = (
    *("program__host", "terms__payout_schedule__terms", "enrollment__referrer", "rejection_reason"),
    *("pending_decision", "sign_up", "touch__link", "attributed_by", "attribution_approved_by"),
)
"""What an answer about an account speaks of beside it."""
OF_BONUS = ("reward", "terms__payout_schedule__terms", "batch__prepared_by", "approved_by", "payout")


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why it is not paid yet: the first unmet condition, who must act, and every rule that leads to it."""

    headline: Headline
    earliest_on: date | None
    """Not before that day, as things stand; ``None``: nothing is paid any more, or nobody can say."""
    latest_on: date | None
    """By that day, as the terms promise; ``None``: something else must happen first, or it is late."""
    lines: tuple[Line, ...]

    @property
    def first_unmet(self) -> str | None:
        """The code of the first unmet condition; ``None``: nothing is missing."""
        return self.headline.code


def account(
    program: Program, *, host_account: str, as_of: datetime, audience: Audience = Audience.STAFF
) -> Explanation:
    """Why an account of the host has not brought its bonus yet."""
    found = (
        ReferredAccount.objects.filter(program=program, host_account=host_account)
        .select_related(*OF_ACCOUNT)
        .first()
    )
    if found is None:
        return _of_nobody(program, host_account, audience)
    evaluated = evaluation.evaluate_now(found, as_of=as_of)
    bonuses = _bonuses_of(found)
    known = AskedOnce()
    headed, spoken_of = _headed(evaluated, bonuses, as_of=as_of, audience=audience, known=known)
    schedule = found.terms.payout_schedule
    told = list(lines.of_account(evaluated, as_of=as_of, audience=audience, known=known))
    if spoken_of is not None:
        earliest, latest = _days(spoken_of, headed, as_of=as_of, known=known)
        told += bonus_lines.of_bonus(spoken_of, as_of=as_of, audience=audience, known=known)
    else:
        is_open = found.status not in CLOSED
        soonest = _soonest(evaluated, schedule, as_of=as_of) if is_open else None
        earliest = max(soonest.opens_on, _today(schedule, as_of)) if soonest else None
        latest = None
        told += [bonus_lines.ahead(schedule, audience)] if is_open else []
    return Explanation(headed, earliest, latest, tuple(told))


def bonus(bonus: Bonus, *, as_of: datetime, audience: Audience = Audience.STAFF) -> Explanation:
    """
    Why this bonus is not paid yet, or that it is.

    What other rewards ask for is left out, as long as it is not met.
    """
    of_it = ReferredAccount.objects.select_related(*OF_ACCOUNT).get(pk=bonus.account_id)
    row = _with_all_around(Bonus.objects.filter(pk=bonus.pk)).get()
    row.account, row.enrollment = of_it, of_it.enrollment
    evaluated = evaluation.evaluate_now(of_it, as_of=as_of)
    required = set(row.reward.requires.values_list("milestone__code", flat=True))
    others = {rule.code for rule in evaluated.terms.milestones} - required
    known = AskedOnce()
    headed = headlines.of_bonus(row, as_of=as_of, audience=audience, known=known)
    told = [
        line
        for line in lines.of_account(evaluated, as_of=as_of, audience=audience, known=known)
        if line.is_met or line.code not in others
    ]
    told += bonus_lines.of_bonus(row, as_of=as_of, audience=audience, known=known)
    return Explanation(headed, *_days(row, headed, as_of=as_of, known=known), tuple(told))


def first_unmet(program: Program, *, host_account: str, as_of: datetime) -> str | None:
    """The code of the first unmet condition; ``None``: nothing is missing (cases/README.md, explain)."""
    return account(program, host_account=host_account, as_of=as_of).first_unmet


def _of_nobody(program: Program, host_account: str, audience: Audience) -> Explanation:
    told = SignUp.objects.filter(program=program, host_account=host_account, repeats__isnull=True).first()
    says, who = (Says.NOT_ATTRIBUTED, Who.SUPPORT) if told else (Says.NOT_TOLD, Who.HOST)
    headed = headline(NOT_ATTRIBUTED, say(says, audience), who, audience)
    detail = say(Says.NO_TOUCH, audience)
    if told is None or not detail:
        return Explanation(headed, None, None, ())
    line = Line(NOT_ATTRIBUTED, "Signed up", detail, "", State.UNMET, told.occurred_at)
    return Explanation(headed, None, None, (line,))


def _with_all_around(bonuses: QuerySet[Bonus]) -> QuerySet[Bonus]:
    """Bonuses with what the lines about them speak of."""
    return conditions.with_eligibility(bonuses.select_related(*OF_BONUS))


def _bonuses_of(account: ReferredAccount) -> list[Bonus]:
    """Of several with the same reward and period the latest, in the order in which they speak."""
    rows = _with_all_around(Bonus.objects.filter(account=account))
    found = conditions.latest(rows.order_by("reward__position", "period", "pk"))
    for bonus in found:
        bonus.account, bonus.enrollment = account, account.enrollment
    return found


def _headed(
    each: Evaluated, bonuses: list[Bonus], *, as_of: datetime, audience: Audience, known: Asked
) -> tuple[Headline, Bonus | None]:
    """The headline, and the bonus that the rest of the answer speaks of."""
    unpaid = (b for b in bonuses if conditions.of_bonus(b, as_of=as_of, known=known) is not None)
    speaks = next(unpaid, None)
    if (stands := headlines.of_status(each.account, audience=audience, known=known)) is not None:
        return stands, speaks
    if speaks is not None:
        return headlines.of_bonus(speaks, as_of=as_of, audience=audience, known=known), speaks
    if (back := next(filter(conditions.came_back, bonuses), None)) is not None:
        return headlines.of_bonus(back, as_of=as_of, audience=audience, known=known), back
    waits = (b for b in bonuses if conditions.waits_for_form(b, as_of=as_of, known=known))
    if (waiting := next(waits, None)) is not None:
        return headlines.of_bonus(waiting, as_of=as_of, audience=audience, known=known), waiting
    if bonuses:
        return headlines.nothing_missing(Says.PAID_ALL, audience=audience), bonuses[-1]
    return _without_bonus(each, audience), None


def _without_bonus(each: Evaluated, audience: Audience) -> Headline:
    reward = each.account.terms.rewards.filter(beneficiary=Beneficiary.REFERRER).first()
    if reward is None:
        return headlines.nothing_missing(Says.NO_REWARD, audience=audience)
    required = [row.milestone for row in reward.requires.select_related("milestone")]
    code = each.outcome.first_unmet(milestone.code for milestone in required)
    if code is not None:
        label = next(milestone.label for milestone in required if milestone.code == code)
        return headlines.still_to_come(code, label, by_staff=by_staff(each, code), audience=audience)
    if _is_capped(each.account, reward):
        return headlines.nothing_missing(Says.CAPPED, audience=audience, cap=reward.cap)
    return headlines.nothing_missing(Says.WORKED_OUT, audience=audience)


def by_staff(each: Evaluated, code: str) -> bool:
    """Is a milestone reached by a decision, rather than by a fact?"""
    return any(test.kind == TestKind.QUALIFIED for test in each.terms.by_code[code].tests)


def _is_capped(account: ReferredAccount, reward: Reward) -> bool:
    if reward.cap is None:
        return False
    living = Bonus.objects.filter(
        enrollment=account.enrollment_id, reward__code=reward.code, status__in=list(LIVING)
    )
    return living.count() >= reward.cap


def _today(schedule: PayoutSchedule, as_of: datetime) -> date:
    return local_date(as_of, schedule.zone)


def _days(
    bonus: Bonus, headed: Headline, *, as_of: datetime, known: Asked
) -> tuple[date | None, date | None]:
    """From when, and by when it is paid."""
    if conditions.came_back(bonus) or conditions.waits_for_form(bonus, as_of=as_of, known=known):
        return None, None
    if bonus.status == BonusStatus.PAID:
        return bonus.released_on, bonus.released_on
    if bonus.status not in UNPAID:
        return None, None
    today = _today(bonus.terms.payout_schedule, as_of)
    in_time = (
        headed.code in ON_TIME
        and not conditions.run_cancels(bonus, headed.code, known=known)
        and today <= bonus.window_closes_on
    )
    return max(bonus.window_opens_on, today), bonus.window_closes_on if in_time else None


def _soonest(each: Evaluated, row: PayoutSchedule, *, as_of: datetime) -> Window | None:
    """The window if the last condition were met now: a later anchor has never an earlier window."""
    reward = each.account.terms.rewards.filter(beneficiary=Beneficiary.REFERRER).first()
    if reward is None:
        return None
    schedule = schedule_of(each.account.terms)
    anchor_at = as_of
    if reward.recurrence == Recurrence.MONTHLY:
        today = local_date(as_of, each.terms.zone)
        days = day_of_months(reward.each_month_on or 1, since=today, until=date(today.year + 1, 1, 31))
        day = next(day for day in days if day >= today)
        if row.anchor == Anchor.MONTH_END:
            return window_of_month(schedule, day.year, day.month)
        anchor_at = max(as_of, first_instant(day, each.terms.zone))
    if row.anchor == Anchor.FIRST_PAYMENT:
        anchor_at = first_payment_at(each.facts) or anchor_at
    return window(schedule, anchor_at)
