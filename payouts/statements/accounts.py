"""The accounts that a referrer brought, without their names, and what each of them earned."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Exists, OuterRef, Prefetch, QuerySet, Subquery

from payouts import explain
from payouts.explain import conditions
from payouts.explain.headlines import NOT_ELIGIBLE, ON_HOLD
from payouts.explain.sentences import ON_TIME
from payouts.models import Bonus, Payout, TaxFormLimit
from payouts.payments import tax_limits
from payouts.rules.lifecycle import UNPAID, BonusStatus, PayoutStatus
from payouts.rules.masking import masked
from payouts.statements.offers import Offer, Offers, Step
from payouts.statements.paging import Page, rows_of_page
from referrals.models import Enrollment, MilestoneReached, ReferredAccount, RejectionReason
from referrals.rules.lifecycle import CLOSED, AccountStatus
from referrals.rules.words import RewardKind, Word
from referrals.rules.zones import local_date

BONUSES_SHOWN = 4
"""The latest of an account; older ones of a monthly reward are among the transactions."""


class State(Word):
    """How a referrer reads the status of a bonus."""

    EXPECTED = "EXPECTED"
    WAITS = "WAITS"
    LATE = "LATE"
    CREDITED = "CREDITED"
    PAID = "PAID"
    BEING_SENT = "BEING_SENT"
    NEEDS_FORM = "NEEDS_FORM"
    SENT = "SENT"
    CAME_BACK = "CAME_BACK"
    TAKEN_BACK = "TAKEN_BACK"
    MADE_UP = "MADE_UP"
    CANCELLED = "CANCELLED"


OF_PAYOUT = {
    PayoutStatus.CREDITED: State.CREDITED,
    PayoutStatus.PREPARED: State.PAID,
    PayoutStatus.SENT: State.SENT,
    PayoutStatus.CONFIRMED: State.SENT,
    PayoutStatus.FAILED: State.CAME_BACK,
    PayoutStatus.RETURNED: State.CAME_BACK,
    PayoutStatus.CANCELLED: State.MADE_UP,
}
"""What has become of a paid bonus; in any other status of its payout it is on its way."""

OF_ACCOUNT = ("company_name", "signed_up_at", "status", "activity")
OF_REASON = ("rejection_reason__shown", "rejection_reason__public_text")
OF_TERMS = ("terms__qualified_by", "terms__time_zone")
OF_SCHEDULE = ("terms_id", "release", "time_zone", "condition", "if_paused", "if_past_due", "minimum_minor")
OF_BONUS = (
    *("account_id", "enrollment_id", "kind", "amount_minor", "currency", "period", "status", "cancel_reason"),
    *("on_hold", "window_opens_on", "window_closes_on", "opens_at", "paid_at", "payout__status"),
    "milestones_hold",
)
"""All that is read of the rows: what is private never leaves the database."""


@dataclass(frozen=True, slots=True)
class BonusLine:
    """What an account earned."""

    amount_minor: int
    currency: str
    period: str
    state: State
    why: str
    """
    The answer of payouts.explain; 'on_hold' for every hold: its reason is between staff; 'not_eligible' while
    the run of its window would cancel it.
    """
    public_text: str
    opens_on: date
    closes_on: date
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account as far as its referrer may know it."""

    company: str
    signed_up_at: datetime
    status: str
    beyond: str
    """The label of the furthest milestone beyond the qualification, if there is one."""
    next: str
    """What happens next, or that nothing does; '' where the bonuses say it."""
    still_to_come: str
    """The label of the milestone that is waited for."""
    public_text: str
    """Why it does not count, where the referrer may know it."""
    bonuses: tuple[BonusLine, ...]


def accounts(
    enrollment: Enrollment,
    *,
    steps: Iterable[Step],
    offers: Offers,
    as_of: datetime,
    number: int,
) -> Page[AccountLine]:
    """The accounts that the referrer brought, the latest first."""
    labels = {step.code: step.label for step in steps}
    later = [step.code for step in steps if step.comes_later and step.funnel is not None]
    required = {each.code for of_terms in offers.values() for offer in of_terms for each in offer.conditions}
    has = {f"has_{place}": code for place, code in enumerate(sorted({*required, *later}))}
    rows, has_next = rows_of_page(
        ReferredAccount.objects.filter(enrollment=enrollment)
        .select_related("rejection_reason", "terms")
        .only(*OF_ACCOUNT, *OF_REASON, *OF_TERMS)
        .prefetch_related(Prefetch("bonuses", _latest_bonuses(), to_attr="latest_bonuses"))
        .annotate(**{column: _holds(code) for column, code in has.items()})
        .order_by("-signed_up_at", "-pk"),
        number,
    )
    reasons = _Reasons(as_of)
    lines = []
    for account in rows:
        reached = {code for column, code in has.items() if getattr(account, column)}
        latest: list[Bonus] = account.latest_bonuses  # type: ignore[attr-defined]
        for bonus in latest:
            bonus.enrollment = enrollment
        bonuses = tuple(_bonus_line(bonus, reasons) for bonus in latest)
        what_next, still_to_come = _next(account, bonuses, reached, offers.get(account.terms_id, ()), labels)
        beyond = [code for code in later if code in reached and account.status == AccountStatus.QUALIFIED]
        refusal = account.rejection_reason
        lines.append(
            AccountLine(
                company=masked(account.company_name),
                signed_up_at=account.signed_up_at,
                status=account.status,
                beyond=labels[beyond[-1]] if beyond else "",
                next=what_next,
                still_to_come=still_to_come,
                public_text=refusal.public_text if refusal and refusal.shown else "",
                bonuses=bonuses,
            )
        )
    return Page(tuple(lines), number, has_next)


def _holds(milestone: str) -> Exists:
    reached = MilestoneReached.objects.filter(account=OuterRef("pk"), holds=True)
    return Exists(reached.filter(milestone__code=milestone))


def _latest_bonuses() -> QuerySet[Bonus]:
    public = RejectionReason.objects.filter(
        terms=OuterRef("terms_id"), code=OuterRef("cancel_reason"), shown=True
    )
    return (
        conditions.with_eligibility(Bonus.objects.select_related("payout", "terms__payout_schedule"))
        .only(*OF_BONUS, *OF_TERMS, *(f"terms__payout_schedule__{name}" for name in OF_SCHEDULE))
        .annotate(public_text=Subquery(public.values("public_text")))
        .order_by("-activated_at", "-pk")[:BONUSES_SHOWN]
    )


def _next(
    account: ReferredAccount,
    bonuses: Collection[BonusLine],
    reached: Collection[str],
    offers: Iterable[Offer],
    labels: Mapping[str, str],
) -> tuple[str, str]:
    """The code of what happens next, and the label of the milestone that is waited for."""
    status, by_staff = AccountStatus(account.status), account.terms.qualified_by_staff
    if status in CLOSED:
        return status, ""
    if bonuses:
        return "", ""
    if status == AccountStatus.IN_REVIEW or (status == AccountStatus.SIGNED_UP and by_staff):
        return status, ""
    if status == AccountStatus.SIGNED_UP and account.terms.qualified_by in labels:
        return "STILL_TO_COME", labels[account.terms.qualified_by]
    missing = [
        [each.label for each in offer.conditions if each.code not in reached]
        for offer in offers
        if offer.is_for_referrer
    ]
    return ("STILL_TO_COME", missing[0][0]) if missing and all(missing) else ("WORKED_OUT", "")


class _Reasons:
    """
    What payouts.explain says of bonuses, asked once for all that are alike.

    Where the terms have a minimum it takes several queries, with one answer for all that are due.
    """

    def __init__(self, as_of: datetime) -> None:
        self.as_of = as_of
        self._known: dict[tuple[object, ...], str] = {}
        self._forms: dict[int, TaxFormLimit] | None = None

    def waits_for_form(self, bonus: Bonus) -> bool:
        """Its payout is not sent before a tax form is there; asked once for all of one referrer."""
        if self._forms is None:
            mine = Payout.objects.filter(enrollment=bonus.enrollment_id)
            self._forms = tax_limits.held(mine, at=self.as_of)
        return bonus.payout_id in self._forms

    def of(self, bonus: Bonus) -> str:
        if bonus.on_hold and bonus.status in UNPAID:
            return ON_HOLD
        alike = (
            bonus.terms_id,
            bonus.kind,
            bonus.status,
            bonus.cancel_reason,
            bonus.account.status,
            bonus.account.activity,
            self.as_of < bonus.opens_at,
            bonus.milestones_hold,
        )
        if alike not in self._known:
            code = explain.of_bonus(bonus, as_of=self.as_of)
            self._known[alike] = NOT_ELIGIBLE if conditions.run_cancels(bonus, code) else code or ""
        return self._known[alike]


def _bonus_line(bonus: Bonus, reasons: _Reasons) -> BonusLine:
    why = reasons.of(bonus)
    return BonusLine(
        amount_minor=bonus.amount_minor,
        currency=bonus.currency,
        period=bonus.period,
        state=_state(bonus, why, reasons),
        why=why,
        public_text=bonus.public_text or "",  # type: ignore[attr-defined]
        opens_on=bonus.window_opens_on,
        closes_on=bonus.window_closes_on,
        paid_at=bonus.paid_at,
    )


def _state(bonus: Bonus, why: str, reasons: _Reasons) -> State:
    if bonus.status == BonusStatus.CANCELLED:
        return State.CANCELLED
    if bonus.status == BonusStatus.REVERSED:
        return State.TAKEN_BACK
    if bonus.payout is not None:
        if bonus.kind == RewardKind.CASH and bonus.payout.status == PayoutStatus.PREPARED:
            # It waits for a payment file: nothing has left for the referrer's account yet.
            return State.NEEDS_FORM if reasons.waits_for_form(bonus) else State.BEING_SENT
        return OF_PAYOUT.get(PayoutStatus(bonus.payout.status), State.BEING_SENT)
    if why not in ON_TIME:
        return State.WAITS
    today = local_date(reasons.as_of, bonus.terms.payout_schedule.zone)
    return State.LATE if today > bonus.window_closes_on else State.EXPECTED
