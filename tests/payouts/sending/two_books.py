"""The checker of I9, what the provider's book and ours say of the same orders; and stories of the host."""

from datetime import timedelta

from payouts import payout_methods
from payouts.models import PaymentOrder, PayoutMethod
from payouts.payments import sending
from payouts.rails import wire
from payouts.rules.payees import Rail
from referrals.rules.money import to_text
from tests.host import HostSoftware
from tests.provider import Provider
from tests.story import Story

THEY_HAVE = {"ACCEPTED", "CONFIRMED", "RETURNED"}
"""Orders that stand so here are in their book; those that may be, or may not, have none of these."""
NOT_THERE = {"WAITING", "REFUSED"}


def differences(provider: Provider) -> list[str]:
    """Whatever the two books do not say alike; nothing, while no order is in doubt or on its way."""
    found = [f"{reference} was paid twice" for reference in provider.paid_twice()]
    theirs = {row["key"]: row for row in provider.accepted()}
    for order in PaymentOrder.objects.order_by("pk"):
        row = theirs.pop(order.key, None)
        if (row is None) == (order.status in THEY_HAVE):
            found.append(f"{order} is {order.status} here, and {'not ' if row is None else ''}in their book")
        elif row is not None and order.status in NOT_THERE:
            found.append(f"{order} is {order.status} here, and they took it")
        elif row is not None:
            if row["amount"] not in {to_text(order.amount_minor, order.currency), str(order.amount_minor)}:
                found.append(f"{order} is of another amount in their book")
            if (row["status"] == "confirmed") != (order.status == "CONFIRMED") and row["rail"] != "STRIPE":
                found.append(f"{order} is {order.status} here and {row['status']} there")
    return found + [f"they took {key}, which nobody here ordered" for key in theirs]


def host_story(provider: Provider, *names: str) -> tuple[Story, HostSoftware]:
    """The program's balances are kept by the host: our books credit, and the host is told."""
    # The host calls back before it answers, and whoever it calls may be slow.
    wire.SECONDS = 10.0
    story = Story()
    software = HostSoftware(story.client, at=story.now)
    story.method = payout_methods.open_method(
        PayoutMethod(
            program=story.program, code=Rail.HOST, endpoint=f"{provider.address}/credits", client=story.client
        ),
        by=story.finn,
        at=story.now,
    )
    for number, name in enumerate(names or ("acme",)):
        story.earn(name, link=("rosa", "ben")[number % 2])
    story.pass_to("2026-03-16T00:05Z")
    return story, software


def run(story: Story, *, times: int = 1, hours: float = 7, failing: bool = False) -> list[str]:
    """
    The sweep runs, each time after the longest wait but for those of what was accepted.

    :return: what failed, if something may
    """
    errors: list[str] = []
    for _ in range(times):
        story.now += timedelta(hours=hours)
        errors += sending.run(as_of=story.now).errors
    assert failing or errors == []
    return errors
