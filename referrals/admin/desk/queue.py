"""The queue of the call desk: reviews under tabs, as its lines show them. Questions, no steps."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Aggregate, Count, Max, Model, OuterRef, Q, QuerySet, Subquery, Value

from referrals import board, reviews
from referrals.admin.desk.calling_days import calling_days, with_calling_days
from referrals.filters import FLAGGED, Found
from referrals.models import CriterionResult, Decision, ReferredAccount, Review
from referrals.names import of_check
from referrals.rules.calling import CallingHours, add_calling_time, is_within
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.words import CriterionSource, Result

EVERYWHERE = slice(None)
SOON = 0.75
"""The part of the time allowed after which it is soon over."""


@dataclass(frozen=True, slots=True)
class Tab:
    """One view of the queue."""

    code: str
    label: str
    which: Callable[[User, datetime], Q]
    empty: str
    """Why there may be nothing in it."""
    order: tuple[str, ...] = ("due_at", "pk")


def _not_yet_callable(person: User, now: datetime) -> Q:
    shut = Q(opens_at__isnull=True) | Q(opens_at__gt=now) | Q(closes_at__lte=now)
    return shut | Q(call_from__gt=now)


def _mine(person: User, now: datetime) -> Q:
    return Q(holder=person, held_until__gt=now) | Q(assigned_to=person) | Q(call_back_by=person)


def _flagged(person: User, now: datetime) -> Q:
    flagged = ReferredAccount.objects.filter(FLAGGED, status=AccountStatus.IN_REVIEW)
    return Q(account__in=flagged.values("pk"))


TO_CALL = Tab(
    "now",
    "To call now",
    lambda person, now: reviews.may_be_served(person, at=now),
    "Nobody can be called now. A company appears here while it is within its calling hours.",
)
TABS = [
    TO_CALL,
    Tab("mine", "Mine", _mine, "You hold nothing, and have agreed no call back."),
    Tab(
        "call-backs",
        "Call-backs today",
        lambda person, now: Q(call_back_at__lt=_tomorrow(now)),
        "No call back is agreed for today.",
        ("call_back_at", "pk"),
    ),
    Tab("over", "Over SLA", lambda person, now: Q(due_at__lte=now), "Nothing has waited too long."),
    Tab(
        "later",
        "Not yet callable",
        _not_yet_callable,
        "Every company that waits can be called now.",
        ("opens_at", "pk"),
    ),
    Tab("all", "All waiting", lambda person, now: Q(), "No company waits: each is decided about."),
    Tab("flagged", "Flagged", _flagged, "No company looks like its referrer."),
]
DECIDED = Tab(
    "decided",
    "Decided today",
    lambda person, now: Q(),
    "Nothing is decided today.",
    ("-last_decision", "pk"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A review as the queue shows it."""

    review: Review
    account: ReferredAccount
    there: datetime
    """The instant of now on the company's clock."""
    is_within_hours: bool
    may_be_called: bool
    """It is within its hours, and nothing says to wait."""
    call_from: datetime | None
    call_back_at: datetime | None
    sla: str
    """``ok``, ``soon`` or ``over``."""
    passed: int
    failed: list[str]
    """The automatic checks: how many are good, and which are not."""
    flags: list[str]
    is_held: bool
    decision: Decision | None


def counts(found: Found, person: User, *, as_of: datetime) -> dict[str, int]:
    """How many of the reviews that were asked for stand under each tab."""
    decided = _decided_today(found.decided, as_of)
    one = decided.order_by().annotate(one=Value(1)).values("one").annotate(number=Count("pk"))
    # In the same query; of no rows at all it tells nothing.
    counted = counts_waiting(found.waiting, person, as_of=as_of, decided=Max(Subquery(one.values("number"))))
    if counted[DECIDED.code] is None:
        counted[DECIDED.code] = decided.count()
    return counted


def counts_waiting(
    found: QuerySet[Review], person: User, *, as_of: datetime, **more: Aggregate
) -> dict[str, int]:
    """The same under the tabs of what waits, and more; one query."""
    of_tabs = {tab.code: Count("pk", filter=tab.which(person, as_of)) for tab in TABS}
    counted: dict[str, int] = _waiting(found).aggregate(**of_tabs, **more)
    return counted


def rows(
    found: Found,
    tab: Tab,
    person: User,
    *,
    as_of: datetime,
    places: slice = EVERYWHERE,
    are_few: bool = False,
) -> QuerySet[Review]:
    """
    The reviews of a tab in its order, with all that their lines speak of.

    :param places: of these only those in such places of the order, as on a page
    :param are_few: they are found by their numbers, so that joining them all costs little
    """
    if tab is DECIDED:
        chosen = _decided_today(found.decided, as_of)
    else:
        chosen = _waiting(found.waiting).filter(tab.which(person, as_of))
    if places != EVERYWHERE and not are_few:
        # Their numbers first: else the database joins all of them with what the lines of a page say.
        numbers = _in_order(chosen, tab, person, as_of).values_list("pk", flat=True)[places]
        chosen = Review.objects.filter(pk__in=list(numbers))
    # As few as can be: to plan a join of many tables takes the database longer than to read it.
    joined = ["account__terms__calling", "account__terms__program"]
    joined += ["appeal_of__decided_by"] if tab is DECIDED else ["appeal_of"]
    ordered = with_calling_days(_in_order(chosen, tab, person, as_of), terms="account__terms")
    ordered = ordered.select_related(*joined)
    return ordered[places] if are_few else ordered


def lines(shown: Iterable[Review], *, as_of: datetime, decided: bool = False) -> list[Line]:
    """These reviews as the page shows them."""
    shown = list(shown)
    accounts = [review.account_id for review in shown]
    for review in shown:
        review.account.program = review.account.terms.program
    if not decided:
        _name_people(shown)
    results = _automatic_results(accounts)
    decisions = _last_decisions(accounts) if decided else {}
    return [
        _line(review, results.get(review.account_id, {}), decisions.get(review.account_id), as_of=as_of)
        for review in shown
    ]


def undoable(user: User, *, as_of: datetime) -> QuerySet[ReferredAccount]:
    """Accounts that this person has decided and could still undo, the latest first."""
    mine = ReferredAccount.objects.filter(
        pending_decision__decided_by=user, pending_decision__takes_effect_at__gt=as_of
    )
    return mine.select_related("pending_decision").order_by("-pending_decision")


def to_call_now(person: User, *, as_of: datetime) -> int:
    """How many companies this person may call now."""
    return reviews.next_for(person, at=as_of).order_by().count()


def _in_order(chosen: QuerySet[Review], tab: Tab, person: User, as_of: datetime) -> QuerySet[Review]:
    if tab is TO_CALL:
        return reviews.by_urgency(chosen, person, at=as_of)
    if tab is DECIDED:
        last = Decision.objects.filter(account=OuterRef("account")).order_by("-pk").values("pk")[:1]
        chosen = chosen.annotate(last_decision=Subquery(last))
    return chosen.order_by(*tab.order)


def _waiting(found: QuerySet[Review]) -> QuerySet[Review]:
    return found.filter(reviews.is_undecided(), closed_at__isnull=True)


def _decided_today(found: QuerySet[Review], as_of: datetime) -> QuerySet[Review]:
    """Reviews of accounts that were decided since midnight, but for what was undone."""
    return board.decided_since(found, board.midnight(as_of))


def _tomorrow(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


NOBODY = 0
"""No person has this number."""


def _name_people(shown: Iterable[Review]) -> None:
    """Who holds these reviews, to whom they are assigned and who decided what is appealed: one query."""
    places: list[tuple[Model, str]] = [
        (review, name) for review in shown for name in ("holder", "assigned_to")
    ]
    places += [(review.appeal_of, "decided_by") for review in shown if review.appeal_of]
    named = {getattr(row, f"{name}_id") for row, name in places} - {None}
    # Asked even if nobody is named: a page costs the same whatever stands on it, and however long it is.
    people = {user.pk: user for user in User.objects.filter(pk__in=named or {NOBODY})}
    for row, name in places:
        setattr(row, name, people.get(getattr(row, f"{name}_id")))


def _automatic_results(accounts: list[int]) -> dict[int, dict[str, str]]:
    """The latest result of each automatic check: account to check, in words, to result."""
    found = CriterionResult.objects.filter(
        account__in=accounts, decision__isnull=True, criterion__source=CriterionSource.AUTOMATIC
    ).order_by("pk")
    latest: dict[int, dict[str, str]] = {}
    for account, kind, result in found.values_list("account", "criterion__check_kind", "result"):
        latest.setdefault(account, {})[of_check(kind)] = result
    return latest


def _last_decisions(accounts: list[int]) -> dict[int, Decision]:
    found = Decision.objects.filter(account__in=accounts).select_related("decided_by", "reason")
    return {decision.account_id: decision for decision in found.order_by("pk")}


def _line(review: Review, results: Mapping[str, str], decision: Decision | None, *, as_of: datetime) -> Line:
    account = review.account
    zone = reviews.zone_of_company(account)
    call_from = reviews.from_when(review, at=as_of)
    # The hours of the row are over until the sweep knows the next ones.
    is_over = review.opens_at is None or (review.closes_at is not None and review.closes_at <= as_of)
    hours = reviews.hours_of(account.terms, weekdays=calling_days(review)) if decision is None else None
    is_within_hours = hours is None or is_within(hours, zone, as_of)
    failed = [code for code, result in results.items() if result not in {Result.PASS, Result.WAIVED}]
    raised = {
        "account": account.account_match,
        "e-mail": account.email_match,
        "domain": account.domain_match,
    }
    return Line(
        review=review,
        account=account,
        there=as_of.astimezone(zone),
        is_within_hours=is_within_hours,
        may_be_called=call_from is None and not is_over,
        call_from=call_from and call_from.astimezone(zone),
        call_back_at=review.call_back_at and review.call_back_at.astimezone(zone),
        sla=_sla(review, hours, as_of=as_of) if decision is None else "",
        passed=len(results) - len(failed),
        failed=failed,
        flags=[flag for flag, is_raised in raised.items() if is_raised],
        is_held=reviews.is_held(review, at=as_of),
        decision=decision,
    )


def _sla(review: Review, hours: CallingHours | None, *, as_of: datetime) -> str:
    """How the time allowed stands, which passes in calling hours only."""
    if review.due_at <= as_of:
        return "over"
    account = review.account
    allowed = SOON * timedelta(hours=account.program.sla_calling_hours)
    zone = reviews.zone_of_company(account)
    soon_at = hours and add_calling_time(hours, zone, since=review.opened_at, amount=allowed)
    return "soon" if (soon_at or review.opened_at + allowed) <= as_of else "ok"
