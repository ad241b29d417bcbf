"""
Reviews: the work of qualifying one account, as a row of the queue. Who has it, when it may go on.

A claim is a lease, swapped on the row of the review: of two who want the same company exactly one gets it.
A lease ends by a decision, by being given back, or by time. Nobody calls a company that somebody else holds.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value, When

from referrals import deciders, first_decider, matches, notes, scopes
from referrals.models import CallingRules, ReferredAccount, Review, Terms
from referrals.rules.calling import CallingHours, due_at, next_window, zone_of
from referrals.rules.refusal import Refused
from referrals.rules.words import Weekday

LEASE = timedelta(minutes=30)
OTHERS_MAY_CALL_BACK_AFTER = timedelta(minutes=30)
"""A call-back belongs to whoever agreed it; so much too late, it is anybody's."""
CANDIDATES = 10
SENIOR = "referrals.reopen_referredaccount"
EVERY_DAY = frozenset(Weekday.values())
NOBODY = {"holder": None, "held_since": None, "held_until": None, "assigned_to": None}


class HeldBySomebody(Refused):
    """Somebody else is working on it."""

    code = "held_by_somebody"


class LeaseOver(Refused):
    """The person who stores something does not hold the review any more."""

    code = "lease_over"


class ReviewClosed(Refused):
    """There is nothing to do about this account."""

    code = "review_closed"


def open_for(account: ReferredAccount, *, at: datetime) -> Review:
    """The open review of an account's round; made, or opened again when a decision did not last."""
    _know_zone(account)
    review, is_new = Review.objects.get_or_create(
        account=account,
        round=account.review_round,
        defaults={"program_id": account.program_id, "opened_at": at, "due_at": at},
    )
    if is_new or review.closed_at is not None:
        review.closed_at = review.call_from = review.call_back_at = review.call_back_by = None
        # A signal that nobody has settled outlives a decision that did not last.
        review.for_senior = matches.opened(account, at=at)
        hours, zone = hours_of(account.terms), zone_of_company(account)
        # The time allowed begins anew: what was decided in time and did not last is not late.
        allowed = timedelta(hours=account.program.sla_calling_hours)
        review.due_at, review.escalated_at = due_at(hours, zone, since=at, allowed=allowed), None
        review.opens_at, review.closes_at = window_from(hours, zone, not_before=review.call_from or at)
        review.save()
    return review


def close_for(account: ReferredAccount, *, at: datetime) -> None:
    """Whatever ends the work about an account closes its review and ends its lease."""
    Review.objects.filter(account=account, closed_at__isnull=True).update(closed_at=at, **NOBODY)


def give_back(account: ReferredAccount) -> None:
    """Nobody holds the account any more: it is decided."""
    Review.objects.filter(account=account, closed_at__isnull=True).update(**NOBODY)


def hand_to_seniors(account: ReferredAccount, *, by: User) -> None:
    """A signal was told: a senior gets the account next, and a caller who told it gives it back."""
    review = Review.objects.filter(account=account, closed_at__isnull=True)
    review.update(for_senior=True)
    review.filter(deciders.assignment_lapsed()).update(assigned_to=None)
    if not by.has_perm(SENIOR):
        review.filter(holder=by).update(**NOBODY)


def hand_back_to_all(account: ReferredAccount) -> None:
    """No signal is open any more: anybody may get the account."""
    Review.objects.filter(account=account, closed_at__isnull=True).update(for_senior=False)


def moved(account: ReferredAccount, *, at: datetime) -> None:
    """The company is elsewhere than was thought: its calling hours are those of its zone of now."""
    review = Review.objects.filter(account=account, closed_at__isnull=True).first()
    if review is None:
        return
    hours, zone = hours_of(account.terms), zone_of_company(account)
    not_before = max(at, review.call_from or at)
    review.opens_at, review.closes_at = window_from(hours, zone, not_before=not_before)
    review.save(update_fields=["opens_at", "closes_at"])


def called(
    account: ReferredAccount, *, by: User, call_from: datetime | None, agreed: bool, at: datetime
) -> None:
    """
    A call was made: the next one is not before ``call_from``, and whoever holds the company gives it back.

    :param call_from: ``None``: the company was reached, and the call goes on to a decision
    :param agreed: the company itself said when; then it belongs to whoever agreed it, for a while
    """
    # Locked: what is assigned meanwhile must not be written over.
    review = Review.objects.select_for_update().filter(account=account, closed_at__isnull=True).first()
    if review is None:
        return
    review.tries += 1
    review.call_from = call_from
    review.call_back_at, review.call_back_by = (call_from, by) if agreed else (None, None)
    if call_from is not None:
        review.holder = review.held_since = review.held_until = None
    hours, zone = hours_of(account.terms), zone_of_company(account)
    review.opens_at, review.closes_at = window_from(hours, zone, not_before=max(at, call_from or at))
    review.save()


def move_to_next_hours(*, as_of: datetime) -> int:
    """
    Where calling hours are over, the next ones are known; returns for how many reviews.

    All companies of the same terms and zone, and with nothing to wait for, move by one statement.
    """
    over = Review.objects.filter(closed_at__isnull=True, closes_at__lte=as_of)
    ready = over.filter(Q(call_from__isnull=True) | Q(call_from__lte=as_of))
    moved = 0
    for terms_id, zone in set(ready.values_list("account__terms", "account__time_zone")):
        terms = Terms.objects.select_related("calling", "program").get(pk=terms_id)
        place = ZoneInfo(zone or terms.time_zone)
        opens_at, closes_at = window_from(hours_of(terms), place, not_before=as_of)
        alike = ready.filter(account__terms=terms_id, account__time_zone=zone)
        moved += Review.objects.filter(pk__in=alike.values("pk")).update(
            opens_at=opens_at, closes_at=closes_at
        )
    return moved


def hours_of(terms: Terms, *, weekdays: frozenset[str] | None = None) -> CallingHours | None:
    """
    The calling hours of these terms; ``None``: at any time.

    The days are those of the terms, the times those of the program if it has its own.

    :param weekdays: the days of the terms, where they are known already
    """
    rules: CallingRules | None = getattr(terms, "calling", None)
    program = terms.program
    # Of many companies at once, the days are read beforehand.
    if rules is None:
        days = EVERY_DAY
    else:
        days = weekdays if weekdays is not None else frozenset(day.weekday for day in rules.days.all())
    if program.calls_from is not None and program.calls_until is not None:
        return CallingHours(days, program.calls_from, program.calls_until)
    return None if rules is None else CallingHours(days, rules.opens, rules.closes)


def zone_of_company(account: ReferredAccount) -> ZoneInfo:
    """The company's own zone, if it is known; else the program's."""
    return ZoneInfo(account.time_zone or account.program.time_zone)


def _know_zone(account: ReferredAccount) -> None:
    """What phone and country tell of the zone; what staff have set stays."""
    if not account.time_zone and (zone := zone_of(phone=account.phone, country=account.country)):
        ReferredAccount.objects.filter(pk=account.pk, time_zone="").update(time_zone=zone)
        account.time_zone = zone


def window_from(
    hours: CallingHours | None, zone: ZoneInfo, *, not_before: datetime
) -> tuple[datetime | None, datetime | None]:
    """The calling hours that are open then or come next, as the row keeps them."""
    if hours is None:
        return not_before, None
    window = next_window(hours, zone, not_before=not_before)
    return (window.opens_at, window.closes_at) if window else (None, None)


# --- the queue ---------------------------------------------------------------------------------------------


def waiting(person: User | None = None) -> QuerySet[Review]:
    """
    Open reviews of accounts about which nobody has decided.

    :param person: of the programs of this person only
    """
    found = Review.objects.filter(is_undecided(), closed_at__isnull=True)
    return found if person is None else scopes.within(found, person)


def is_undecided() -> Q:
    """
    Nobody has decided about it, or the decision was undone.

    Asked of the few accounts with a decision that waits: asked of the account of each review, the database
    would read a million of them.
    """
    decided = ReferredAccount.objects.filter(pk=OuterRef("account"), pending_decision__isnull=False)
    return Q(~Exists(decided))


def is_free(*, at: datetime) -> Q:
    """Nobody holds it, or no longer."""
    return Q(holder__isnull=True) | Q(held_until__lte=at)


def is_callable(*, at: datetime) -> Q:
    """The company is within its calling hours, and nothing says to wait."""
    hours = Q(opens_at__lte=at) & (Q(closes_at__isnull=True) | Q(closes_at__gt=at))
    return hours & (Q(call_from__isnull=True) | Q(call_from__lte=at))


def may_be_served(person: User, *, at: datetime) -> Q:
    """
    What this person may call now.

    Not what somebody else holds or was assigned, nor what another has agreed to call back by now, nor an
    appeal against this person's own decision, nor what a senior looks at first.
    """
    nobody_agreed = Q(call_back_by__isnull=True) | Q(call_back_at__lte=at - OTHERS_MAY_CALL_BACK_AFTER)
    return (
        is_callable(at=at)
        & (is_free(at=at) | Q(holder=person))
        & (nobody_agreed | Q(call_back_by=person))
        & is_not_anothers(person)
        & ~first_decider.appealed(person)
        & is_for(person)
    )


def is_not_anothers(person: User) -> Q:
    """It is assigned to nobody else who may still decide about it."""
    return Q(assigned_to__isnull=True) | Q(assigned_to=person) | deciders.assignment_lapsed()


def is_for(person: User) -> Q:
    """What carries a signal is served to seniors only."""
    return Q() if person.has_perm(SENIOR) else Q(for_senior=False)


def next_for(person: User, *, at: datetime) -> QuerySet[Review]:
    """What this person may call now, the most urgent first."""
    return by_urgency(waiting(person).filter(may_be_served(person, at=at)), person, at=at)


def by_urgency(reviews: QuerySet[Review], person: User, *, at: datetime) -> QuerySet[Review]:
    """
    These reviews in the order in which this person is served.

    First what was assigned or what was agreed to be called back by the same person; then what anybody
    should have called back by now; then by the time until which it should have been called.
    """
    mine = Q(call_back_by=person) & Q(call_back_at__lte=at) | Q(assigned_to=person)
    rank = Case(
        When(mine, then=Value(0)),
        When(call_back_at__lte=at, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    return reviews.annotate(rank=rank).order_by("rank", "due_at", "pk")


def next_opening(person: User | None = None, *, at: datetime) -> datetime | None:
    """
    When the next company may be called that may not be called yet; ``None``: none is waiting.

    :param person: of the programs of this person only
    """
    opens = Case(When(call_from__gt=F("opens_at"), then=F("call_from")), default=F("opens_at"))
    later = waiting(person).filter(is_free(at=at)).annotate(callable_from=opens).filter(callable_from__gt=at)
    return later.order_by("callable_from").values_list("callable_from", flat=True).first()


def from_when(review: Review, *, at: datetime) -> datetime | None:
    """Until when a company must wait to be called; ``None``: it may be called, or nobody knows when."""
    if review.opens_at is None:
        return None
    later = max(review.opens_at, review.call_from or review.opens_at)
    return later if later > at else None


def is_held(review: Review, *, at: datetime) -> bool:
    """Somebody has it."""
    return review.holder_id is not None and review.held_until is not None and review.held_until > at


# --- claims ------------------------------------------------------------------------------------------------


def claim_next(person: User, *, at: datetime, after: ReferredAccount | None = None) -> Review | None:
    """
    Take the next company for this person; ``None``: there is none to call now.

    :param after: the one just worked on, which is not served again at once
    """
    found = next_for(person, at=at)
    if after is not None:
        found = found.exclude(account=after)
    while candidates := list(found[:CANDIDATES]):
        for review in candidates:
            # Meanwhile it may be assigned to somebody else.
            if _take(review, person, at=at, only=is_not_anothers(person)):
                return review
        # Others took all of them since the query: ask again.
    return None


def claim(review: Review, person: User, *, at: datetime) -> None:
    """
    Take a company, or go on holding it.

    :raises OutOfScope: if its program is not one of this person's
    :raises FirstDecider: if it is an appeal against this person's own decision
    :raises HeldBySomebody: if somebody else holds it
    :raises ReviewClosed: if nothing is left to do about it
    """
    scopes.refuse_outside(person, review.program_id)
    first_decider.refuse_appealed(review.account, person)
    if _take(review, person, at=at):
        return
    review.refresh_from_db()
    if review.closed_at is not None:
        raise ReviewClosed(f"{review.account} is not in review any more.")
    raise HeldBySomebody(f"{review.holder} has it, until {review.held_until:%H:%M} UTC.")


def renew(review: Review, person: User, *, at: datetime) -> None:
    """
    Hold on to a company while its page is open.

    :raises LeaseOver: if the lease is over, or somebody else's
    """
    mine = Review.objects.filter(pk=review.pk, closed_at__isnull=True, holder=person, held_until__gt=at)
    if not mine.update(held_until=at + LEASE):
        raise LeaseOver("You do not hold this company any more.")


def release(review: Review, person: User) -> None:
    """Give a company back."""
    mine = Review.objects.filter(pk=review.pk, holder=person)
    mine.update(holder=None, held_since=None, held_until=None)


@transaction.atomic
def take_over(review: Review, person: User, *, reason: str, at: datetime) -> None:
    """
    Take a company that somebody else holds; the reason is kept as a note.

    :raises OutOfScope: if its program is not one of this person's
    :raises FirstDecider: if it is an appeal against this person's own decision
    :raises ReviewClosed: if nothing is left to do about it
    """
    scopes.refuse_outside(person, review.program_id)
    first_decider.refuse_appealed(review.account, person)
    taken = Review.objects.filter(pk=review.pk, closed_at__isnull=True)
    if not taken.update(holder=person, held_since=at, held_until=at + LEASE):
        raise ReviewClosed(f"{review.account} is not in review any more.")
    notes.write(review.account, about="taken over", text=reason, by=person, at=at)


def refuse_without_lease(account: ReferredAccount, person: User, *, at: datetime) -> None:
    """
    Who stores something about a company must hold it.

    :raises LeaseOver: if the lease is over
    :raises HeldBySomebody: if it is somebody else's
    """
    # Locked, so that nobody takes it over until all is stored.
    held = Review.objects.select_for_update(of=("self",)).select_related("holder")
    review = held.filter(account=account, closed_at__isnull=True).first()
    if review is None:
        # What is wrong then, the decision itself says.
        return
    if not is_held(review, at=at):
        raise LeaseOver("Your time with this company is over: take it again, then store what you typed.")
    if review.holder_id != person.pk:
        raise HeldBySomebody(f"{review.holder} has it, until {review.held_until:%H:%M} UTC.")


def _take(review: Review, person: User, *, at: datetime, only: Q | None = None) -> bool:
    """Swap the holder; ``False``: somebody was faster, or it is closed."""
    free = Review.objects.filter(is_free(at=at) | Q(holder=person), pk=review.pk, closed_at__isnull=True)
    free = free.filter(only) if only else free
    since = Case(When(holder=person, held_until__gt=at, then=F("held_since")), default=Value(at))
    if not free.update(holder=person, held_since=since, held_until=at + LEASE):
        return False
    review.holder, review.held_until = person, at + LEASE
    return True
