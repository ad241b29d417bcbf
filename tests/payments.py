"""Referrers who are paid by a file: the method, their destinations, and payouts that wait."""

from datetime import date, datetime

from django.contrib.auth.models import User

from payouts import destinations, payout_methods, withdrawals
from payouts.models import Bonus, Destination, PaymentFile, PaymentOrder, Payout, PayoutMethod
from payouts.payments import credits, files, notices, orders
from payouts.rails import Said, sender_of
from payouts.rules.lifecycle import Call, Outcome
from payouts.rules.payees import Payee, Rail
from referrals.models import ApiClient, Enrollment, Referrer
from tests.story import Story

CASH = {"rewards.new_customer.kind": "CASH", "rewards.new_customer.withdrawable": False}
EUROS = {"program.currency": "EUR"}
DUE = "2026-03-16T00:05Z"
PAY_ON = date(2026, 3, 17)
TEMPLATE = "name,recipientEmail,paymentReference,amountCurrency,amount,sourceCurrency,targetCurrency,IBAN,BIC"

OF_PAYER = {
    Rail.SEPA: {"payer_name": "Smartcat", "payer_iban": "DE89 3704 0044 0532 0130 00"},
    Rail.NACHA: {
        "payer_name": "Smartcat",
        "payer_identification": "1234567890",
        "payer_routing_number": "111000025",
        "payer_bank_name": "First Bank",
    },
    Rail.PAYPAL: {},
    Rail.WISE: {"template": TEMPLATE},
    Rail.PAYPAL_API: {},
    Rail.STRIPE: {},
}
IBANS = ["FR1420041010050500013M02606", "NL91ABNA0417164300", "GB29NWBK60161331926819"]


def pays_by(story: Story, rail: Rail = Rail.PAYPAL, **more: object) -> PayoutMethod:
    """The program pays by this method from now on."""
    method = PayoutMethod(program=story.program, code=rail, **{**OF_PAYER[rail], **more})
    return payout_methods.open_method(method, by=story.finn, at=story.now)


def payee(rail: Rail = Rail.PAYPAL, name: str = "Rosa Referrer", **more: object) -> Payee:
    ordinary = {
        Rail.SEPA: {"iban": IBANS[0]},
        Rail.NACHA: {"routing_number": "021000021", "account_number": "987654321"},
        Rail.PAYPAL: {"recipient": f"{name.split()[0].lower()}@mail.example"},
        Rail.WISE: {"iban": IBANS[0]},
        Rail.PAYPAL_API: {"recipient": f"{name.split()[0].lower()}@mail.example"},
        Rail.STRIPE: {"recipient": f"acct_{name.split()[0]}"},
    }[rail]
    return Payee(**{"holder_name": name, **ordinary, **more})


def told(
    story: Story, referrer: Referrer | None = None, rail: Rail = Rail.PAYPAL, **more: object
) -> Destination:
    """Fay writes down where a referrer wants to be paid; nobody has confirmed it."""
    who = referrer or story.rosa
    return destinations.tell(
        story.enrollment(who),
        method=rail,
        payee=payee(rail, f"{who.host_account.title()} Referrer", **more),
        reason="By phone, called back.",
        by=story.fay,
        at=story.now,
    )


def is_paid_to(
    story: Story, referrer: Referrer | None = None, rail: Rail = Rail.PAYPAL, **more: object
) -> Destination:
    """Fay writes it down, and Finn confirms."""
    destination = told(story, referrer, rail, **more)
    destinations.confirm(destination, by=story.finn, at=story.now)
    return destination


def with_cash(*names: str, rail: Rail = Rail.PAYPAL, changes: dict[str, object] | None = None) -> Story:
    """Each company brings Rosa and Ben by turns 100.00 in cash; both can be paid, and the payouts wait."""
    story = Story(changes={**CASH, **(changes or {})})
    for number, name in enumerate(names or ("acme", "beta")):
        story.earn(name, link=("rosa", "ben")[number % 2])
    method = pays_by(story, rail)
    is_paid_to(story, story.rosa, rail)
    is_paid_to(story, story.ben, rail)
    story.pass_to(DUE)
    assert set(Payout.objects.values_list("status", flat=True)) == {"PREPARED"}
    story.method = method
    return story


def withdrawn(*amounts_minor: int) -> Story:
    """Rosa takes these amounts out of her balance, one by one: each is a payout that waits."""
    story = Story()
    story.earn()
    story.method = pays_by(story)
    is_paid_to(story)
    story.pass_to(DUE)
    for amount_minor in amounts_minor:
        withdrawals.withdraw(story.enrollment(), amount_minor=amount_minor, at=story.now)
    return story


def make(story: Story, *, by: User | None = None) -> list[PaymentFile]:
    return files.make(story.method, pay_on=PAY_ON, by=by or story.fay, at=story.now)


def sent(story: Story) -> PaymentFile:
    """A file of all that waits, uploaded."""
    (file,) = make(story)
    files.mark_uploaded(file, by=story.finn, at=story.now)
    file.refresh_from_db()
    return file


def arrived_over_network(story: Story) -> PaymentOrder:
    """What waits is sent, taken, and said to have arrived; nobody is called. Returns the first order."""
    sender = sender_of(story.method, at=story.now)
    orders.write(story.method, sender=sender, at=story.now)
    for order in PaymentOrder.objects.that_pay().order_by("pk"):
        for outcome, kind in [(Outcome.ACCEPTED, Call.SEND), (Outcome.PAID, Call.ASK)]:
            story.now = max(story.now, order.next_at or story.now)
            assert orders.take_up(order, at=story.now)
            orders.record(order, Said(outcome), kind=kind, at=story.now)
    return PaymentOrder.objects.that_pay().earliest("pk")


def told_to_host(client: ApiClient, enrollment: Enrollment, *, by: User, at: datetime) -> PaymentOrder:
    """The host keeps the balances: it is told what a referrer was paid, and confirms it early."""
    method = PayoutMethod(
        program=enrollment.program, code=Rail.HOST, endpoint="https://host.example/credits", client=client
    )
    payout_methods.open_method(method, by=by, at=at)
    credits.write(Bonus.objects.filter(payout__enrollment=enrollment), method=method, at=at)
    order = PaymentOrder.objects.filter(method=method)[0]
    orders.take_up(order, at=at)
    notices.tell(client, key=order.key, outcome=Outcome.PAID, detail="", at=at)
    orders.record(order, Said(Outcome.ACCEPTED), kind=Call.SEND, at=at)
    return order


def statuses() -> list[str]:
    return list(Payout.objects.order_by("pk").values_list("status", flat=True))


def trail(payout: Payout) -> list[str]:
    return list(payout.changes.values_list("new_status", flat=True))
