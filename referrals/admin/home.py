"""The first page: what needs the person who looks at it, each number a link to the list of just that."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from payouts.models import Bonus, PayoutBatch
from payouts.rules.lifecycle import BatchStatus
from referrals.admin import queue
from referrals.models import JobRun, Proposal


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for people with that permission."""

    label: str
    permission: str
    count: Callable[[], int]
    address: str
    filtered: dict[str, str]

    def link(self) -> str:
        return reverse(f"admin:{self.address}", query=self.filtered)


NEEDS = [
    Need(
        "in review",
        "referrals.decide_referredaccount",
        lambda: queue.waiting().order_by().count(),
        "referrals_referredaccount_reviews",
        {},
    ),
    Need(
        "open proposals",
        "referrals.view_proposal",
        lambda: Proposal.objects.filter(confirmed_at__isnull=True, withdrawn_at__isnull=True).count(),
        "referrals_proposal_changelist",
        {"confirmed_at__isempty": "1", "withdrawn_at__isempty": "1"},
    ),
    Need(
        "batches to put up",
        "payouts.prepare_payoutbatch",
        lambda: PayoutBatch.objects.in_draft().count(),
        "payouts_payoutbatch_changelist",
        {"status__exact": BatchStatus.DRAFT},
    ),
    Need(
        "batches to approve",
        "payouts.approve_payoutbatch",
        lambda: PayoutBatch.objects.filter(status=BatchStatus.AWAITING_APPROVAL).count(),
        "payouts_payoutbatch_changelist",
        {"status__exact": BatchStatus.AWAITING_APPROVAL},
    ),
    Need(
        "bonuses on hold",
        "payouts.view_bonus",
        lambda: Bonus.objects.filter(on_hold=True).count(),
        "payouts_bonus_changelist",
        {"on_hold__exact": "1"},
    ),
]


def what_needs_me(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the theme asks for when it shows the first page."""
    needs = [
        (need.label, need.count(), need.link()) for need in NEEDS if request.user.has_perm(need.permission)
    ]
    sees_jobs = request.user.has_perm("referrals.view_jobrun")
    return {
        **context,
        "title": "Home",
        "needs": needs,
        "nothing": not any(count for _, count, _ in needs),
        "last_run": JobRun.objects.order_by("-pk").first() if sees_jobs else None,
        "now": timezone.now(),
    }
