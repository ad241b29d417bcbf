"""The first page: what needs the person who looks at it, each number a link to the list of just that."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from payouts.models import Bonus, PayoutBatch
from payouts.rules import timetable
from payouts.rules.lifecycle import BatchStatus
from referrals import jobs
from referrals.admin import queue
from referrals.admin.proposal import shown_to


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for people with that permission."""

    one: str
    many: str
    permission: str
    count: Callable[[Any, datetime], int]
    """How many, for this person, by now."""
    address: str
    filtered: dict[str, str]

    def link(self) -> str:
        return reverse(f"admin:{self.address}", query=self.filtered)


NEEDS = [
    Need(
        "company to call now",
        "companies to call now",
        "referrals.decide_referredaccount",
        lambda user, now: queue.to_call_now(user, as_of=now),
        "referrals_referredaccount_reviews",
        {},
    ),
    Need(
        "open proposal",
        "open proposals",
        "referrals.view_proposal",
        lambda user, now: shown_to(user).filter(confirmed_at__isnull=True, withdrawn_at__isnull=True).count(),
        "referrals_proposal_changelist",
        {"confirmed_at__isempty": "1", "withdrawn_at__isempty": "1"},
    ),
    Need(
        "batch to put up",
        "batches to put up",
        "payouts.prepare_payoutbatch",
        lambda user, now: PayoutBatch.objects.in_draft().count(),
        "payouts_payoutbatch_changelist",
        {"status__exact": BatchStatus.DRAFT},
    ),
    Need(
        "batch awaiting approval",
        "batches awaiting approval",
        "payouts.approve_payoutbatch",
        lambda user, now: PayoutBatch.objects.filter(status=BatchStatus.AWAITING_APPROVAL).count(),
        "payouts_payoutbatch_changelist",
        {"status__exact": BatchStatus.AWAITING_APPROVAL},
    ),
    Need(
        "bonus on hold",
        "bonuses on hold",
        "payouts.view_bonus",
        lambda user, now: Bonus.objects.filter(on_hold=True).count(),
        "payouts_bonus_changelist",
        {"on_hold__exact": "1"},
    ),
]


def what_needs_me(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the theme asks for when it shows the first page."""
    now, user = timezone.now(), request.user
    counted = [(need, need.count(user, now)) for need in NEEDS if user.has_perm(need.permission)]
    jobs_seen = jobs.health(now, timetable.EVERY) if user.has_perm("referrals.view_jobrun") else []
    return {
        **context,
        "title": "Home",
        "needs": [(need.one if count == 1 else need.many, count, need.link()) for need, count in counted],
        "nothing": not any(count for _, count in counted),
        "jobs": jobs_seen,
        "jobs_late": [job for job in jobs_seen if job.is_overdue],
        "jobs_failed": [job for job in jobs_seen if job.last and job.last.failed],
        "next_window": _next_window(now) if user.has_perm("payouts.view_bonus") else None,
        "now": now,
    }


def _next_window(now: datetime) -> Bonus | None:
    """A bonus of the window that opens next: money moves then, without anybody's doing."""
    return Bonus.objects.unpaid().filter(opens_at__gt=now).order_by("opens_at", "pk").first()
