"""Programs that pay in part free of fees, and ways to pay that state one."""

from payouts.rules.payees import Rail
from referrals.rules.money import to_text
from tests.payments import is_paid_to, pays_by, statuses
from tests.story import Story

DUE = "2026-03-16T00:05Z"
BOTH = {"fee_fixed_minor": 150, "fee_basis_points": 250}


def document(currency="USD", *, charged=10_000, free=0, kind="CASH"):
    """A program that pays so much with a fee and so much free of it for each company, in minor units."""
    changes = {
        "program.currency": currency,
        "rewards.new_customer.kind": kind,
        "rewards.new_customer.amount": to_text(charged or free, currency),
        "rewards.new_customer.fee_exempt": not charged,
        "rewards.new_customer.withdrawable": kind != "CASH",
        "milestones.qualifying_purchase.any.1.at_least": to_text(500_000, currency),
        "terms.clawback": "BY_STAFF",
    }
    if charged and free:
        changes["rewards.free_of_fees"] = {
            "beneficiary": "REFERRER",
            "requires": ["qualified", "qualifying_purchase"],
            "kind": kind,
            "amount": to_text(free, currency),
            "recurrence": "ONCE",
            "withdrawable": kind != "CASH",
            "transferable": False,
            "fee_exempt": True,
            "quote": "free of fees",
        }
    return changes


def earn(story, *names):
    """Rosa brings these companies; what she earns is paid when it is due."""
    for name in names:
        account = story.sign_up(name)
        story.decide(account)
        story.tell(account, "subscription.started")
        story.wait(minutes=11)


def cash(*names, currency="USD", charged=10_000, free=0, rail=Rail.WISE, **stated):
    """Rosa's cash for these companies waits, to be paid by a way that states this fee."""
    story = Story(changes=document(currency, charged=charged, free=free))
    earn(story, *(names or ["acme"]))
    story.method = pays_by(story, rail, **stated)
    is_paid_to(story, rail=rail)
    story.pass_to(DUE)
    assert statuses() == ["PREPARED"]
    return story
