"""
What is exceptional about the lines of a batch: what somebody should look at before it is approved.

Each kind is a condition on bonuses, so that all of them are counted by one question and named by another,
however many lines there are. Another kind is another row of ``KINDS``: a condition, and what it says.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import BooleanField, Case, Count, Exists, F, OuterRef, Q, Subquery, Sum, Value, When
from django.db.models.fields import DateTimeField
from django.db.models.functions import Coalesce

from payouts import due
from payouts.batch_content import PAYABLE
from payouts.holds import LATE
from payouts.models import (
    Bonus,
    Destination,
    Hold,
    LedgerAccount,
    Payout,
    PayoutBatch,
    PayoutSchedule,
    Transfer,
)
from payouts.models.bonus import BonusQuerySet
from payouts.rules.lifecycle import UNPAID, AccountKind, PayoutStatus
from referrals.models import AccountEvent, Comparison, Signal
from referrals.rules.facts import EventType
from referrals.rules.words import AttributionMethod, LatePolicy, RewardKind, SignalKind, Verdict
from referrals.rules.zones import local_date

SHOWN = 200
"""So many lines are named at most; all are counted."""

CHANGED_LATELY = timedelta(days=7)
"""UX.md, the exceptions of a batch."""

REFUNDS = [
    EventType.SUBSCRIPTION_REFUNDED,
    EventType.INVOICE_REFUNDED,
    EventType.PAYMENT_REFUNDED,
    EventType.EARNING_REVERSED,
    EventType.USAGE_REVERSED,
]
OWED = [AccountKind.BALANCE, AccountKind.CREDIT, AccountKind.CASH_OWED]
"""Accounts of a referrer that are below zero where something paid was taken back."""

REFERRER, ACCOUNT, BONUS = "referrer", "account", "bonus"
"""What there is to look at."""

UNPAID_ONE = Q(status__in=list(UNPAID))


@dataclass(frozen=True, slots=True)
class Asked:
    """A batch, its schedules and the limit of its program in minor units, at an instant."""

    batch: PayoutBatch
    schedules: Sequence[PayoutSchedule]
    limit_minor: int | None
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to be exceptional."""

    code: str
    heading: str
    look_at: str
    """``REFERRER``, ``ACCOUNT`` or ``BONUS``."""
    holds: Callable[[Asked], Q]
    says: Callable[[Bonus], str]
    stops: bool = False
    """It is not paid with this batch as things stand."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A line with what is exceptional about it."""

    bonus: Bonus
    sentence: str


@dataclass(frozen=True, slots=True)
class Found:
    """All of one kind in a batch."""

    kind: Kind
    count: int
    """Lines, those that are not named too."""
    findings: list[Finding]
    has_more: bool
    """Not all of them are named."""


def counting(asked: Asked) -> dict[str, Count]:
    """How many lines of a batch each kind has, to be counted with whatever else is asked of its bonuses."""
    return {kind.code: Count(Case(When(PAYABLE & kind.holds(asked), then=F("pk")))) for kind in KINDS}


def of_batch(asked: Asked, counts: Mapping[str, int] | None = None) -> list[Found]:
    """
    What is exceptional in a batch, kind by kind; two questions, however many lines it has.

    :param counts: what ``counting`` came to, if that was asked already
    """
    lines = Bonus.objects.filter(PAYABLE, batch=asked.batch)
    conditions = {kind.code: kind.holds(asked) for kind in KINDS}
    if counts is None:
        counts = Bonus.objects.filter(batch=asked.batch).aggregate(**counting(asked))
    if not any(counts.values()):
        return []
    rarest = sorted((code for code in counts if counts[code]), key=lambda code: counts[code])
    rows = _exceptional(lines, {code: conditions[code] for code in rarest})
    return [
        Found(kind, counts[kind.code], _findings(kind, rows), _lines_of(kind, rows) < counts[kind.code])
        for kind in KINDS
        if counts[kind.code]
    ]


def _exceptional(lines: BonusQuerySet, conditions: dict[str, Q]) -> list[Bonus]:
    """
    The first lines of which one of these holds; each knows which.

    :param conditions: the rarest kind first: its lines are not crowded out by those of a common one
    """
    flags = {
        f"is_{code}": Case(When(condition, then=True), default=False, output_field=BooleanField())
        for code, condition in conditions.items()
    }
    any_of_them = Q(pk__in=[])
    for flag in flags:
        any_of_them |= Q(**{flag: True})
    rank = Case(*(When(**{flag: True}, then=Value(place)) for place, flag in enumerate(flags)))
    marked = lines.annotate(**flags).filter(any_of_them).annotate(rank=rank)
    joined = marked.select_related("account", "enrollment__referrer", "reward")
    return sorted(joined.order_by("rank", "pk")[:SHOWN], key=lambda bonus: bonus.pk)


def _findings(kind: Kind, rows: list[Bonus]) -> list[Finding]:
    """A referrer is named once, however many lines are theirs."""
    mine = [bonus for bonus in rows if getattr(bonus, f"is_{kind.code}")]
    if kind.look_at == REFERRER:
        mine = list({bonus.enrollment_id: bonus for bonus in reversed(mine)}.values())[::-1]
    return [Finding(bonus, kind.says(bonus)) for bonus in mine]


def _lines_of(kind: Kind, rows: list[Bonus]) -> int:
    return sum(getattr(bonus, f"is_{kind.code}") for bonus in rows)


# --- the conditions ----------------------------------------------------------------------------------------


def _is_first_payout(asked: Asked) -> Q:
    """Nothing was paid to the referrer before, in no program; what came back counts as not paid."""
    before = Payout.objects.filter(
        enrollment__referrer=OuterRef("enrollment__referrer"),
        created_at__lt=Coalesce(OuterRef("paid_at"), Value(asked.as_of), output_field=DateTimeField()),
    ).exclude(status__in=[PayoutStatus.FAILED, PayoutStatus.RETURNED, PayoutStatus.REISSUED])
    return ~Q(Exists(before))


def _is_above_limit(asked: Asked) -> Q:
    if asked.limit_minor is None:
        return Q(pk__in=[])
    sums = Bonus.objects.filter(PAYABLE, batch=asked.batch).order_by().values("enrollment")
    above = sums.annotate(total=Sum("amount_minor")).filter(total__gt=asked.limit_minor)
    return Q(enrollment__in=above.values("enrollment"))


def _is_by_hand(asked: Asked) -> Q:
    return Q(account__attribution_method=AttributionMethod.MANUAL)


def _looks_alike(asked: Asked) -> Q:
    """A signal that nobody settled, a match with the referrer that none was told of, or the same company."""
    signals = Signal.objects.filter(account=OuterRef("account"))
    is_open = Q(Exists(signals.filter(settled_at__isnull=True)))
    told = Q(Exists(signals.filter(kind=SignalKind.SELF_REFERRAL)))
    matches = Q(account__account_match=True) | Q(account__email_match=True) | Q(account__domain_match=True)
    same_pair = Q(other=OuterRef("other")) | Q(customer=OuterRef("customer"))
    later = Comparison.objects.filter(same_pair, account=OuterRef("account"), pk__gt=OuterRef("pk"))
    same = Comparison.objects.filter(~Exists(later), account=OuterRef("account"), verdict=Verdict.SAME)
    return is_open | matches & ~told | Q(Exists(same))


def _has_refunds(asked: Asked) -> Q:
    refunds = AccountEvent.objects.filter(
        host=OuterRef("account__program__host"),
        host_account=OuterRef("account__host_account"),
        occurred_at__gte=OuterRef("account__signed_up_at"),
        type__in=REFUNDS,
        void__isnull=True,
    )
    return Q(Exists(refunds))


def _is_below_zero(asked: Asked) -> Q:
    mine = Bonus.objects.filter(batch=asked.batch).order_by().values("enrollment")
    owed = LedgerAccount.objects.filter(enrollment__in=mine, kind__in=OWED)
    below = owed.alias(balance=_sum_of("credit") - _sum_of("debit")).filter(balance__lt=0)
    return Q(enrollment__in=below.order_by().values("enrollment"))


def _sum_of(side: str) -> Coalesce:
    transfers = Transfer.objects.filter(**{side: OuterRef("pk")}).order_by().values(side)
    return Coalesce(Subquery(transfers.annotate(total=Sum("amount_minor")).values("total")), 0)


def _is_paid_elsewhere(asked: Asked) -> Q:
    """In cash, and lately to another place than before: whoever got hold of a mailbox changes that first."""
    theirs = Destination.objects.filter(enrollment=OuterRef("enrollment"))
    new = Exists(theirs.filter(confirmed_at__gte=asked.as_of - CHANGED_LATELY, retired_at__isnull=True))
    return Q(new, Exists(theirs.filter(retired_at__isnull=False)), kind=RewardKind.CASH)


def _will_be_cancelled(asked: Asked) -> Q:
    return UNPAID_ONE & due.fails(asked.schedules)


def _is_held(asked: Asked) -> Q:
    return UNPAID_ONE & Q(on_hold=True)


def _will_be_held(asked: Asked) -> Q:
    """Late, where the schedule asks a person about what is late, and nobody was asked yet."""
    late = Q(pk__in=[])
    for schedule in asked.schedules:
        if schedule.late_policy == LatePolicy.HOLD:
            late |= _late(schedule, asked.as_of)
    asked_before = Hold.objects.filter(bonus=OuterRef("pk"), by_rule=True, reason=LATE)
    return UNPAID_ONE & late & ~Q(Exists(asked_before))


def _waits(asked: Asked) -> Q:
    """The account is paused, past due or in review, the referrer suspended, or news is not looked at yet."""
    blocked = due.BLOCKED & Q(on_hold=False)
    return UNPAID_ONE & (due.waits(asked.schedules) | blocked) & ~due.fails(asked.schedules)


def _is_overdue(asked: Asked) -> Q:
    late = Q(pk__in=[])
    for schedule in asked.schedules:
        late |= _late(schedule, asked.as_of)
    return UNPAID_ONE & late


def _late(schedule: PayoutSchedule, as_of: datetime) -> Q:
    return Q(terms=schedule.terms_id, window_closes_on__lt=local_date(as_of, schedule.zone))


# --- what they say -----------------------------------------------------------------------------------------


def _referrer(bonus: Bonus) -> str:
    return str(bonus.enrollment.referrer)


def _why_cancelled(bonus: Bonus) -> str:
    stands = bonus.account.get_activity_display().lower()
    why = "a milestone holds no more" if not bonus.milestones_hold else f"the account is {stands}"
    if bonus.milestones_hold and stands == "active":
        why = "the referrer is not eligible any more"
    return f"{bonus.account}: {why}; the next run cancels it."


def _why_waiting(bonus: Bonus) -> str:
    if bonus.under_review:
        return f"{bonus.account}: in review again; it waits for the decision."
    stands = bonus.account.get_activity_display().lower()
    if stands != "active":
        return f"{bonus.account}: {stands}; it waits until the account is active again."
    return f"{bonus.account}: it waits; its page says why."


def _when_late(bonus: Bonus) -> str:
    closed = bonus.window_closes_on
    return f"{bonus.account}: its window closed on {closed:%b} {closed.day}, {closed.year}."


KINDS = [
    Kind(
        "first_payout",
        "First payout",
        REFERRER,
        _is_first_payout,
        lambda bonus: f"{_referrer(bonus)}: the first payout ever. Is it the right person?",
    ),
    Kind(
        "above_limit",
        "Above the limit",
        REFERRER,
        _is_above_limit,
        lambda bonus: f"{_referrer(bonus)}: more than the program's limit for one referrer.",
    ),
    Kind(
        "by_hand",
        "Attributed by hand",
        ACCOUNT,
        _is_by_hand,
        lambda bonus: f"{bonus.account}: two people said that {_referrer(bonus)} brought it.",
    ),
    Kind(
        "looks_alike",
        "Look-alike",
        ACCOUNT,
        _looks_alike,
        lambda bonus: f"{bonus.account}: it may be the referrer's own, or one we know.",
    ),
    Kind(
        "refunds",
        "Refunds",
        ACCOUNT,
        _has_refunds,
        lambda bonus: f"{bonus.account}: money went back to it since it signed up.",
    ),
    Kind(
        "below_zero",
        "Balance below zero",
        REFERRER,
        _is_below_zero,
        lambda bonus: f"{_referrer(bonus)}: what was taken back is not made up yet.",
    ),
    Kind(
        "paid_elsewhere",
        "Destination changed",
        REFERRER,
        _is_paid_elsewhere,
        lambda bonus: f"{_referrer(bonus)}: paid to another place than before, told within the last week.",
    ),
    Kind("cancelled", "Will be cancelled", BONUS, _will_be_cancelled, _why_cancelled, stops=True),
    Kind(
        "held",
        "On hold",
        BONUS,
        _is_held,
        lambda bonus: f"{bonus.account}: on hold; it is not paid until somebody lifts the hold.",
        stops=True,
    ),
    Kind(
        "will_be_held",
        "Will be held",
        BONUS,
        _will_be_held,
        lambda bonus: f"{bonus.account}: late; the next run holds it, and asks a person.",
    ),
    Kind("waits", "Waits", BONUS, _waits, _why_waiting, stops=True),
    Kind("overdue", "Overdue", BONUS, _is_overdue, _when_late),
]
"""In the order in which they are shown."""
