"""The headline: the first unmet condition as a code, in a sentence, and who must act."""

from dataclasses import dataclass
from datetime import datetime

from payouts.explain import conditions, sentences
from payouts.explain.conditions import ASKED, Asked
from payouts.explain.sentences import Audience, Says, Who, say, who_acts
from payouts.models import Bonus
from payouts.rules.lifecycle import UNPAID, BatchStatus, BonusStatus
from payouts.rules.schedule_words import in_days, on_day
from referrals.models import ReferredAccount
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.zones import local_date

ON_HOLD = "on_hold"
NOT_ELIGIBLE = "not_eligible"
"""What a referrer is told instead of a reason that is not shown."""

NOBODY_ACTS = frozenset({BonusStatus.PAID, BonusStatus.REVERSED, BonusStatus.CANCELLED})
ACTS_ON = {
    "referrer_suspended": Who.SUPPORT,
    "referred_account_paused": Who.COMPANY,
    "referred_account_past_due": Who.COMPANY,
}


@dataclass(frozen=True, slots=True)
class Headline:
    """The first unmet condition."""

    code: str | None
    """``None``: nothing is missing. To a referrer the reason of a hold, or one not shown, is not told."""
    sentence: str
    who: Who
    acts: str
    """Who must act, in a sentence."""


def headline(code: str | None, sentence: str, who: Who, audience: Audience) -> Headline:
    """A headline with its sentence of who must act."""
    if audience is Audience.REFERRER and who in sentences.OF_STAFF:
        who = Who.US
    return Headline(code, sentence, who, who_acts(who, audience))


def at_utc(at: datetime) -> str:
    """An instant as staff read it: Feb 10, 15:00 UTC."""
    return f"{at:%b} {at.day}, {at:%H:%M} UTC"


def of_bonus(
    bonus: Bonus, *, as_of: datetime, audience: Audience = Audience.STAFF, known: Asked = ASKED
) -> Headline:
    """
    Why this bonus is not paid yet, or that it is.

    :param known: what was asked already for many bonuses at once
    """
    code = conditions.of_bonus(bonus, as_of=as_of, known=known)
    who = _who(bonus, code, known, audience)
    if code is None:
        if conditions.came_back(bonus):
            return headline(None, say(Says.CAME_BACK, audience), Who.PAYER, audience)
        if conditions.waits_for_form(bonus, as_of=as_of, known=known):
            return headline(None, say(Says.WAITS_FOR_FORM, audience), Who.REFERRER, audience)
        if conditions.made_up_wholly(bonus):
            return headline(None, say(Says.MADE_UP, audience), who, audience)
        paid_on = bonus.released_on and on_day(bonus.released_on)
        return headline(None, say(Says.PAID, audience, day=paid_on), who, audience)
    is_held = bonus.on_hold and bonus.status in UNPAID
    told, public = code, ""
    says = Says.ON_HOLD if is_held else sentences.OF_CODE.get(code)
    if says is None:
        # A reason of the terms: what cancelled it at the release.
        public = known.public_text(bonus) if audience is Audience.REFERRER else ""
        says = Says.CANCELLED if public else Says.CANCELLED_SILENTLY
        told = code if public or audience is Audience.STAFF else NOT_ELIGIBLE
    elif is_held and audience is Audience.REFERRER:
        told = ON_HOLD
    if conditions.run_cancels(bonus, code, known=known):
        return headline(told, say(Says.WILL_BE_CANCELLED, audience), who, audience)
    today = local_date(as_of, bonus.terms.payout_schedule.zone)
    sentence = say(
        says,
        audience,
        reason=sentences.as_sentence(code),
        public=public,
        day=on_day(bonus.window_opens_on),
        window=in_days(bonus.window_opens_on, bonus.window_closes_on),
        in_days=sentences.in_so_many_days((bonus.window_opens_on - today).days),
    )
    if late := conditions.overdue_days(bonus, as_of=as_of, known=known):
        sentence = f"{sentence} {sentences.overdue(late, audience)}"
    return headline(told, sentence, who, audience)


def of_status(
    account: ReferredAccount, *, audience: Audience = Audience.STAFF, known: Asked = ASKED
) -> Headline | None:
    """What the account itself waits or was refused for, whatever it has earned; ``None``: nothing."""
    code = conditions.by_status(account)
    if code is None:
        return None
    if account.status == AccountStatus.IN_REVIEW:
        decision = account.pending_decision
        # That somebody has decided is between staff until it counts.
        if decision is None or audience is Audience.REFERRER:
            who = Who.SENIOR if known.needs_senior(account) else Who.CALLER
            return headline(code, say(Says.IN_REVIEW, audience), who, audience)
        at = at_utc(decision.takes_effect_at)
        result = decision.get_result_display().lower()
        return headline(code, say(Says.DECIDED, audience, result=result, at=at), Who.TIME, audience)
    reason = account.rejection_reason
    if reason is None:
        return headline(code, say(Says.EXPIRED, audience), Who.NOBODY, audience)
    says = Says.REFUSED if reason.shown else Says.REFUSED_SILENTLY
    told = code if reason.shown or audience is Audience.STAFF else NOT_ELIGIBLE
    sentence = say(says, audience, reason=reason.internal_text, public=reason.public_text)
    return headline(told, sentence, Who.NOBODY, audience)


def still_to_come(code: str, label: str, *, by_staff: bool, audience: Audience = Audience.STAFF) -> Headline:
    """
    A milestone that does not hold.

    :param by_staff: it is a decision of staff that is waited for, not a fact
    """
    who = Who.CALLER if by_staff else Who.COMPANY
    return headline(code, say(Says.STILL_TO_COME, audience, label=label), who, audience)


def nothing_missing(says: Says, *, audience: Audience = Audience.STAFF, **values: object) -> Headline:
    """No condition is unmet: everything is paid, or the next run works out what it brings."""
    who = Who.TIME if says is Says.WORKED_OUT else Who.NOBODY
    return headline(None, say(says, audience, **values), who, audience)


def _who(bonus: Bonus, code: str | None, known: Asked, audience: Audience) -> Who:
    """Who must act, so that this bonus is paid."""
    if bonus.status in NOBODY_ACTS:
        return Who.NOBODY
    if bonus.on_hold:
        return Who.FINANCE
    if code == "in_review":
        if bonus.account.pending_decision_id is not None and audience is Audience.STAFF:
            return Who.TIME
        return Who.SENIOR if known.needs_senior(bonus.account) else Who.CALLER
    if code == "awaiting_approval" and bonus.batch is not None:
        put_up = bonus.batch.status == BatchStatus.AWAITING_APPROVAL
        return Who.APPROVER if put_up else Who.PREPARER
    return ACTS_ON.get(code or "", Who.TIME)
