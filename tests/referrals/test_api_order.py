"""In whatever order the host tells things, twice, late or too early: the end is the same."""

import random
from datetime import datetime, timedelta
from itertools import count

import pytest
from django.db import transaction

from payouts.models import Bonus
from referrals.models import FunnelCount, MilestoneReached, ReferredAccount
from tests.host import HostSoftware, event
from tests.story import STARTS, Story

pytestmark = pytest.mark.django_db

NAMES = ("acme", "globex", "initech")
TOLD_AFTER = timedelta(days=5)
# What happens to the first account, to the second, to the third: type, amount, and what else is told.
FACTS = {
    "smartcat": [
        [("payment.received", "3000.00"), ("payment.received", "2500.00"), ("account.past_due", None)],
        [("subscription.started", None), ("subscription.refunded", None), ("payment.received", "4999.99")],
        [("payment.received", "5000.00"), ("payment.refunded", "0.01"), ("subscription.started", None)],
    ],
    "smithai": [
        [("invoice.issued", "235.00"), ("invoice.paid", "235.00"), ("account.paused", None)],
        [("invoice.paid", "235.00"), ("invoice.refunded", "235.00"), ("subscription.cancelled", None)],
        [("invoice.paid", "10.00"), ("invoice.paid", "235.00"), ("account.activated", None)],
    ],
    "upwork-2019": [
        [("earning.posted", "300.00"), ("earning.posted", "200.00"), ("earning.reversed", "0.01")],
        [("earning.posted", "500.00"), ("earning.posted", "0.01"), ("account.paused", None)],
        [("earning.posted", "499.99"), ("earning.reversed", "100.00"), ("earning.posted", "100.00")],
    ],
}
MORE = {"smithai": {"product": "virtual_receptionist"}, "upwork-2019": {"category": "customer_service"}}


def sign_ups_and_events(slug: str) -> tuple[list[dict], list[dict]]:
    """What the host has to tell of a program, in the order in which it happened."""
    begins_at = STARTS.get(slug, datetime.fromisoformat("2026-02-02T10:00Z"))
    minutes = count()

    def next_instant() -> str:
        return (begins_at + timedelta(minutes=next(minutes))).isoformat()

    sign_ups = [
        {
            "program": slug,
            "account": name,
            "occurred_at": next_instant(),
            "link": "rosa",
            "company_name": f"{name.title()} GmbH",
            "email": f"office@{name}.example",
            "website": f"https://{name}.example",
            "phone": "+4930123456",
        }
        for name in NAMES
    ]
    events = [
        event(
            f"{name}-{number}",
            name,
            type=kind,
            occurred_at=next_instant(),
            **({"amount": amount, "currency": "USD", **MORE.get(slug, {})} if amount else {}),
        )
        for name, facts in zip(NAMES, FACTS[slug], strict=True)
        for number, (kind, amount) in enumerate(facts)
    ]
    return sign_ups, events


def played(
    slug: str, told: list[dict], *, in_batches_of: list[int], looked_at_meanwhile: bool, clock
) -> dict:
    """Tell all of it some days later, and let staff qualify; how it ended. Nothing remains of it."""
    with transaction.atomic():
        story = Story(slug)
        host = HostSoftware(story.client, at=story.now)
        story.now += TOLD_AFTER
        clock.move_to(story.now, tick=False)
        sizes, waiting = iter(in_batches_of), list(told)
        while waiting:
            if "program" in waiting[0]:
                assert host.tell_sign_up(waiting.pop(0)).status_code in {200, 201}
                continue
            size = next(sizes)
            batch = [body for body in waiting[:size] if "program" not in body]
            waiting = [body for body in waiting if not any(body is taken for taken in batch)]
            results = host.tell({"events": batch}).json()["results"]
            assert {result["code"] for result in results} <= {"stored", "known"}
            if looked_at_meanwhile:
                story.evaluate()
        for account in ReferredAccount.objects.filter(status="IN_REVIEW").order_by("host_account"):
            story.decide(account)
        story.wait(minutes=11)
        ended = ending()
        transaction.set_rollback(True)
    return ended


def ending() -> dict[str, list[tuple]]:
    """Accounts, milestones, counters and bonuses."""
    return {
        "accounts": list(
            ReferredAccount.objects.order_by("host_account").values_list(
                "host_account",
                "status",
                "activity",
                "activity_at",
                "signed_up_at",
                "enrollment__referrer__host_account",
            )
        ),
        "milestones": list(
            MilestoneReached.objects.order_by("account__host_account", "milestone__code").values_list(
                "account__host_account", "milestone__code", "first_at", "holds", "since"
            )
        ),
        "counters": list(
            FunnelCount.objects.filter(accounts__gt=0)
            .order_by("milestone")
            .values_list("milestone", "accounts")
        ),
        "bonuses": list(
            Bonus.objects.order_by("account__host_account", "period").values_list(
                "account__host_account",
                "reward__code",
                "amount_minor",
                "activated_at",
                "window_opens_on",
                "status",
            )
        ),
    }


@pytest.mark.parametrize("looked_at_meanwhile", [False, True], ids=["at_the_end", "meanwhile"])
@pytest.mark.parametrize("slug", FACTS)
def test_the_end_is_the_same_in_any_order(slug, looked_at_meanwhile, time_machine):
    sign_ups, events = sign_ups_and_events(slug)
    ones = [1] * 100

    def play(told: list[dict], sizes: list[int]) -> dict:
        return played(
            slug, told, in_batches_of=sizes, looked_at_meanwhile=looked_at_meanwhile, clock=time_machine
        )

    in_order = play([*sign_ups, *events], ones)
    orders = {
        "backwards": ([*sign_ups, *events[::-1]], ones),
        "all parked": ([*events, *sign_ups], ones),
        "one batch": ([*events, *sign_ups], [100]),
        "tripled": ([*sign_ups, *events, *events, *events], [7] * 100),
    }
    for seed in range(3):
        chance = random.Random(seed)  # noqa: S311  an order, not a secret
        doubled = [*sign_ups, *events, *events]
        chance.shuffle(doubled)
        orders[f"seed {seed}"] = doubled, [chance.randint(1, 6) for _ in range(100)]

    # Bonuses that are looked at while facts are missing are frozen as they were then.
    compared = ["accounts", "milestones", "counters"] + ([] if looked_at_meanwhile else ["bonuses"])
    for name, (told, sizes) in orders.items():
        ended = play(told, sizes)
        assert {what: ended[what] for what in compared} == {what: in_order[what] for what in compared}, name
    assert len(in_order["accounts"]) == len(NAMES)
    assert in_order["bonuses"]
