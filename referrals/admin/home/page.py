"""The first page: what needs the person who looks at it, each number a link to the list of just that."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.contrib.auth.models import User
from django.db.models import Count, F, IntegerField, Model, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from payouts import attention
from payouts.models import Bonus, PaymentOrder, Payout, PayoutBatch
from payouts.payments import orders
from payouts.rules import timetable
from payouts.rules.lifecycle import BatchStatus, PayoutStatus
from referrals import jobs, messages, scopes, second_looks
from referrals.admin import proposal
from referrals.admin.base import site
from referrals.admin.columns import grouped
from referrals.admin.desk import queue
from referrals.admin.desk.claims import when_next
from referrals.admin.event import parked_of_late
from referrals.admin.home.charts import charts_of
from referrals.models import AccountEvent, FailingPart, Message, Proposal, Review, SecondLook, Signal

DECIDE = "referrals.decide_referredaccount"
REOPEN = "referrals.reopen_referredaccount"
LEAD = "referrals.lead_referredaccount"
SEE_PROGRAMS = "referrals.view_program"
SEE_MONEY = "payouts.view_bonus"
SEE_PROPOSALS = "referrals.view_proposal"
REVIEWS = "referrals_referredaccount_reviews"


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for people with all of these permissions."""

    one: str
    many: str
    permissions: tuple[str, ...]
    model: type[Model]
    rows: Callable[[Any, User, datetime], Any]
    """Of the rows that the list may show to this person, those that the number is about."""
    address: str
    filtered: dict[str, str]
    is_for: Callable[[User], bool] = lambda user: True
    """Whether anything of it can ever be this person's."""

    def link(self) -> str:
        return reverse(f"admin:{self.address}", query=self.filtered)


@dataclass(frozen=True, slots=True)
class Line:
    """A number with its words and the list that has exactly so many rows."""

    label: str
    count: int
    link: str
    sums: str = ""
    """What the rows come to, by currency."""


TABS = [
    ("now", "company to call now", "companies to call now"),
    ("call-backs", "call-back today", "call-backs today"),
    ("mine", "company of mine", "companies of mine"),
    ("over", "company over SLA", "companies over SLA"),
    ("flagged", "flagged company", "flagged companies"),
]
"""Parts of the queue; each is counted as its page counts it."""

NEEDS = [
    Need(
        "signal for a senior",
        "signals for a senior",
        (REOPEN, "referrals.view_signal"),
        Signal,
        lambda rows, user, now: rows.filter(settled_at__isnull=True),
        "referrals_signal_changelist",
        {"settled_at__isnull": "True"},
    ),
    Need(
        "second look",
        "second looks",
        (REOPEN,),
        SecondLook,
        lambda rows, user, now: rows.filter(pk__in=second_looks.waiting(user).order_by().values("pk")),
        "referrals_secondlook_waiting",
        {},
    ),
    Need(
        "proposal to confirm",
        "proposals to confirm",
        (SEE_PROPOSALS,),
        Proposal,
        lambda rows, user, now: proposal.confirmed_by(user, rows),
        "referrals_proposal_changelist",
        {"waits_for": "me"},
        is_for=proposal.may_confirm_some,
    ),
    Need(
        "batch to put up",
        "batches to put up",
        ("payouts.prepare_payoutbatch",),
        PayoutBatch,
        lambda rows, user, now: rows.filter(status=BatchStatus.DRAFT),
        "payouts_payoutbatch_changelist",
        {"status__exact": BatchStatus.DRAFT},
    ),
    Need(
        "batch awaiting approval",
        "batches awaiting approval",
        ("payouts.approve_payoutbatch",),
        PayoutBatch,
        lambda rows, user, now: rows.filter(status=BatchStatus.AWAITING_APPROVAL),
        "payouts_payoutbatch_changelist",
        {"status__exact": BatchStatus.AWAITING_APPROVAL},
    ),
]
OF_OTHERS = [
    Need(
        "proposal of yours waiting for another person",
        "proposals of yours waiting for another person",
        (SEE_PROPOSALS,),
        Proposal,
        lambda rows, user, now: proposal.proposed_by(user, rows),
        "referrals_proposal_changelist",
        {"waits_for": "another"},
    ),
]
"""What this person has begun and others go on with; said only when there is some."""
OF_MONEY = [
    Need(
        "payout of which nothing is known",
        "payouts of which nothing is known",
        (SEE_MONEY, "payouts.view_payout"),
        Payout,
        lambda rows, user, now: rows.filter(status=PayoutStatus.UNKNOWN),
        "payouts_payout_changelist",
        {"status__exact": PayoutStatus.UNKNOWN},
    ),
    Need(
        "payment order that nobody could deliver",
        "payment orders that nobody could deliver",
        (SEE_MONEY, "payouts.view_paymentorder"),
        PaymentOrder,
        lambda rows, user, now: rows.filter(orders.UNDELIVERED),
        "payouts_paymentorder_changelist",
        {"state": "undelivered"},
    ),
]
PROBLEMS = [
    Need(
        "part of a job that keeps failing",
        "parts of jobs that keep failing",
        ("referrals.view_failingpart",),
        FailingPart,
        lambda rows, user, now: rows,
        "referrals_failingpart_changelist",
        {},
    ),
    Need(
        "parked event",
        "parked events",
        ("referrals.view_accountevent",),
        AccountEvent,
        lambda rows, user, now: parked_of_late(rows, now),
        "referrals_accountevent_changelist",
        {"state": "parked"},
    ),
    Need(
        "mail that could not be sent",
        "mails that could not be sent",
        ("referrals.view_message",),
        Message,
        lambda rows, user, now: rows.filter(messages.GIVEN_UP),
        "referrals_message_changelist",
        {"state": "given_up"},
    ),
]

BONUSES = {
    "closing": (
        "bonus whose window closes within 5 business days",
        "bonuses whose window closes within 5 business days",
        {"window": "closing"},
    ),
    "unapproved": (
        "bonus to approve before its window closes within 5 business days",
        "bonuses to approve before their window closes within 5 business days",
        {"window": "unapproved"},
    ),
    "overdue": ("bonus overdue", "bonuses overdue", {"window": "overdue"}),
    "held": ("bonus on hold", "bonuses on hold", {"window": "held"}),
}
"""What is counted and summed of the bonuses that are unpaid, and how the list is asked for it."""


def what_needs_me(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the theme asks for when it shows the first page."""
    now, user = timezone.now(), cast(User, request.user)
    asked = [*NEEDS, *OF_OTHERS, *OF_MONEY, *PROBLEMS]
    every = [need for need in asked if user.has_perms(need.permissions) and need.is_for(user)]
    sees_money = user.has_perm(SEE_MONEY)
    counted = _counted(request, every, now, next_window=sees_money)
    calls = _calls(user, now) if user.has_perm(DECIDE) else []
    needs = [*calls, *_lines(NEEDS, counted)]
    money = [*_money(request, now), *_lines(OF_MONEY, counted)] if sees_money else []
    problems = _lines(PROBLEMS, counted)
    nothing = not any(line.count for line in [*needs, *money, *problems])
    needs += [line for line in _lines(OF_OTHERS, counted) if line.count]
    jobs_seen = jobs.health(now, timetable.EVERY) if user.has_perm("referrals.view_jobrun") else []
    return {
        **context,
        "title": "Home",
        "needs": [(line.label, line.count, line.link) for line in needs],
        "money": money,
        "problems": problems,
        "nothing": nothing,
        # Whoever sees money reads when the next window opens.
        "when_next": when_next(user, now) if nothing and user.has_perm(DECIDE) and not sees_money else "",
        "jobs": jobs_seen,
        "jobs_late": [job for job in jobs_seen if job.is_overdue and not job.is_awaited],
        "jobs_awaited": [job for job in jobs_seen if job.is_awaited],
        "jobs_failed": [job for job in jobs_seen if job.last and job.last.failed],
        "books": next((job for job in jobs_seen if job.job == "verify_books" and job.last), None),
        "next_window": counted.get("next_window"),
        "next_bonus": counted.get("next_bonus"),
        "charts": charts_of(request, as_of=now)
        if user.has_perm(SEE_PROGRAMS) or user.has_perm(LEAD)
        else None,
        "to_call": calls[0].count if calls else None,
        "now": now,
    }


def _counted(request: HttpRequest, needs: list[Need], now: datetime, *, next_window: bool) -> dict[str, Any]:
    """How many rows each of these is about, by one question to the database."""
    asked: dict[str, Any] = {
        f"count_{number}": _number(_rows(request, need, now)) for number, need in enumerate(needs)
    }
    if next_window:
        mine = scopes.within(Bonus.objects.unpaid(), request.user, "account__program")
        soon = mine.filter(opens_at__gt=now).order_by("opens_at", "pk")
        asked["next_bonus"] = Subquery(soon.values("pk")[:1])
        asked["next_window"] = Subquery(soon.values("window_opens_on")[:1])
    if not asked:
        return {}
    # The row of the person who looks carries the numbers: they belong to no row of their own.
    row: Any = User.objects.filter(pk=cast(User, request.user).pk).values(**asked).get()
    return {**row, **{need.many: row[f"count_{number}"] for number, need in enumerate(needs)}}


def _rows(request: HttpRequest, need: Need, now: datetime) -> QuerySet[Any]:
    """The rows of the list that a number links to."""
    # As the list itself begins, so that it cannot have other rows than were counted.
    seen = site.get_model_admin(need.model).get_queryset(request)
    rows: QuerySet[Any] = need.rows(seen, cast(User, request.user), now)
    return rows


def _number(rows: QuerySet[Any]) -> Coalesce:
    plain = rows.order_by().values("pk")
    counted = rows.model._default_manager.filter(pk__in=plain).order_by().values(every=Value(1))
    return Coalesce(
        Subquery(counted.annotate(number=Count("pk")).values("number"), output_field=IntegerField()), 0
    )


def _lines(needs: list[Need], counted: dict[str, Any]) -> list[Line]:
    return [
        Line(need.one if counted[need.many] == 1 else need.many, counted[need.many], need.link())
        for need in needs
        if need.many in counted
    ]


def _calls(user: Any, now: datetime) -> list[Line]:
    """The parts of the queue of this person."""
    mine = scopes.within(Review.objects.all(), user)
    counts = queue.counts_waiting(mine, user, as_of=now)
    return [
        Line(one if counts[tab] == 1 else many, counts[tab], reverse(f"admin:{REVIEWS}", query={"tab": tab}))
        for tab, one, many in TABS
    ]


def _money(request: HttpRequest, now: datetime) -> list[Line]:
    """What is to be looked at of the bonuses, with what it comes to in each currency."""
    looked_at = attention.at(now)
    conditions = {code: getattr(looked_at, code) for code in BONUSES}
    seen = site.get_model_admin(Bonus).get_queryset(request)
    of_interest = seen.filter(attention.UNPAID_ONE).order_by()
    sums = {f"sum_{code}": Sum("amount_minor", filter=which) for code, which in conditions.items()}
    counts = {f"count_{code}": Count("pk", filter=which) for code, which in conditions.items()}
    by_currency: list[Any] = list(
        of_interest.values(code=F("currency")).annotate(**counts, **sums).order_by("code")
    )
    lines = []
    for code, (one, many, filtered) in BONUSES.items():
        number = sum(row[f"count_{code}"] for row in by_currency)
        amounts = [
            f"{row['code']} {grouped(row[f'sum_{code}'], row['code'])}"
            for row in by_currency
            if row[f"count_{code}"]
        ]
        link = reverse("admin:payouts_bonus_changelist", query=filtered)
        lines.append(Line(one if number == 1 else many, number, link, " + ".join(amounts)))
    return lines
