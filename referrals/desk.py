"""The call desk: calls are logged, and who cannot be reached is given up."""

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, F, Min, Q

from referrals import qualification, reviews
from referrals.models import Call, CallOutcome, ReferredAccount, Terms
from referrals.rules.business_days import BusinessDays, given_up_from
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.zones import local_date


@transaction.atomic
def log_call(
    account: ReferredAccount,
    *,
    outcome: CallOutcome,
    by: User,
    at: datetime,
    call_back_at: datetime | None = None,
) -> Call:
    """
    Keep that somebody called a referred account, how it ended, and when the next call is due.

    :param call_back_at: as agreed with the company; else the outcome says how many hours later
    """
    # The account may have been reopened since it was looked at: a call belongs to the round of now.
    account.refresh_from_db(fields=["review_round"])
    call = Call.objects.create(
        account=account,
        round=account.review_round,
        outcome=outcome,
        connected=outcome.connected,
        called_at=at,
        called_by=by,
    )
    later = at + timedelta(hours=outcome.retry_after_hours) if outcome.retry_after_hours else None
    agreed = call_back_at is not None
    reviews.called(account, by=by, call_from=call_back_at or later, agreed=agreed, at=at)
    return call


def give_up_unreachable(terms: Terms, *, business_days: Callable[[], BusinessDays], as_of: datetime) -> int:
    """
    Refuse the accounts in review that nobody could reach; returns how many.

    An account is given up when it had at least ``max_attempts`` calls in its round, none of
    them connected, and ``give_up_after_business_days`` have passed since the day of the
    first; none with a decision that waits (programs/README.md, calling).

    :param business_days: of the calendar of the payout schedule; asked for only if needed
    """
    rules = getattr(terms, "calling", None)
    if rules is None:
        return 0
    tried = (
        Call.objects.filter(
            account__in=ReferredAccount.objects.awaiting_a_decision().filter(
                terms=terms, status=AccountStatus.IN_REVIEW
            ),
            round=F("account__review_round"),
        )
        .order_by("account")
        .values("account")
        .annotate(attempts=Count("pk"), reached=Count("pk", filter=Q(connected=True)))
        .filter(attempts__gte=rules.max_attempts, reached=0)
        .values_list("account", Min("called_at"))
    )
    zone = ZoneInfo(terms.time_zone)
    given_up = 0
    for pk, first_call_at in tried:
        waits = rules.give_up_after_business_days
        if local_date(as_of, zone) < given_up_from(first_call_at, zone, business_days(), number=waits):
            continue
        account = ReferredAccount.objects.select_related("terms").get(pk=pk)
        try:
            qualification.give_up(account, reason=rules.unreachable_reason, at=as_of)
        except qualification.StepNotAllowed:
            # Decided by somebody since the query.
            continue
        given_up += 1
    return given_up
