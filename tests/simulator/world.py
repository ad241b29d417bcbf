"""What stands before the first step: a host, four programs in four time zones, its people and referrers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import User

from payouts import destinations, payout_methods, program_files, signing, sweeps
from payouts.models import PayoutMethod
from payouts.rules import program_document
from payouts.rules.payees import Payee, Rail
from referrals import calendars, enrollment, events, intake, qualification
from referrals.models import ApiClient, Enrollment, Host, Program, Referrer
from tests.story import person, written

BEGINNING = datetime(2015, 1, 1, tzinfo=UTC)
STARTS = (
    datetime(2026, 2, 20, 9, tzinfo=UTC),
    datetime(2026, 10, 10, 21, tzinfo=UTC),
    datetime(2027, 12, 14, 6, tzinfo=UTC),
    datetime(2028, 2, 10, 16, tzinfo=UTC),
)
"""Before clocks change in the north and south, before a New Year, before a leap day."""
EARLIER = 37
BEARS = {"fee_fixed_minor": 35, "fee_basis_points": 125}
"""What referrers bear of each payment, unless it is free of fees."""
NAMES = ("rosa", "ben")
PAYEES = {
    Rail.PAYPAL: {
        "rosa": {"recipient": "rosa@mail.example"},
        "ben": {"recipient": "ben@mail.example"},
        "new": {"recipient": "new@mail.example"},
    },
    Rail.SEPA: {
        "rosa": {"iban": "FR1420041010050500013M02606"},
        "ben": {"iban": "NL91ABNA0417164300"},
        "new": {"iban": "DE89370400440532013000"},
    },
}

Fact = tuple[str, int, str]
"""Type, amount in minor units, product."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A program of the simulator, and what its companies do."""

    slug: str
    bundled: str
    changes: Mapping[str, object]
    earns: tuple[Fact, ...]
    """What brings a bonus."""
    troubles: tuple[Fact, ...]
    """What takes one away, or makes it wait."""
    is_decided: bool
    rail: Rail | None = None
    people_needed: int = 2
    referrer_kind: str = "FREELANCER"


REFUNDS: tuple[Fact, ...] = (
    ("subscription.refunded", 0, ""),
    ("payment.refunded", 250_000, ""),
    ("subscription.cancelled", 0, ""),
)
PURCHASES: tuple[Fact, ...] = (
    ("subscription.started", 0, ""),
    ("payment.received", 250_000, ""),
    ("payment.received", 500_000, ""),
)
OFFERS = (
    Offer(
        "balance",
        "smartcat",
        {
            "program.time_zone": "Europe/Berlin",
            "terms.clawback": "BY_STAFF",
            "rewards.new_customer.transferable": True,
        },
        PURCHASES,
        REFUNDS,
        is_decided=True,
        rail=Rail.PAYPAL,
    ),
    Offer(
        "cash",
        "smartcat",
        {
            "program.currency": "EUR",
            "program.time_zone": "Pacific/Auckland",
            "terms.clawback": "BY_STAFF",
            "rewards.new_customer.kind": "CASH",
            "rewards.new_customer.withdrawable": False,
            "payout_schedule.release": "AFTER_APPROVAL",
            "payout_schedule.late_policy": "HOLD",
        },
        PURCHASES,
        REFUNDS,
        is_decided=True,
        rail=Rail.SEPA,
        people_needed=3,
    ),
    Offer(
        "friends",
        "smithai",
        {
            "payout_schedule.month_offset": 1,
            "payout_schedule.release": "AUTOMATIC",
            "terms.clawback": "BY_STAFF",
        },
        (
            ("invoice.paid", 23_500, "virtual_receptionist"),
            ("invoice.issued", 23_500, "virtual_receptionist"),
            ("invoice.paid", 9_500, "voice_assistant"),
            ("account.activated", 0, ""),
        ),
        (
            ("invoice.refunded", 23_500, "virtual_receptionist"),
            ("account.paused", 0, ""),
            ("account.past_due", 0, ""),
            ("account.cancelled", 0, ""),
        ),
        is_decided=False,
        rail=Rail.PAYPAL,
        referrer_kind="CLIENT",
    ),
    Offer(
        "credit",
        "smithai-legacy",
        {
            "program.time_zone": "Asia/Kathmandu",
            "terms.enrollment_closes_at": None,
            "terms.clawback": "BY_STAFF",
        },
        (("account.activated", 0, ""),),
        (("account.paused", 0, ""), ("account.cancelled", 0, "")),
        is_decided=False,
        referrer_kind="CLIENT",
    ),
)


@dataclass(frozen=True, slots=True)
class World:
    """What every play begins with."""

    start: datetime
    host: Host
    client: ApiClient
    programs: tuple[Program, ...]
    """In the order of the offers."""
    methods: Mapping[int, PayoutMethod]
    """By the number of the program."""
    enrollments: tuple[Enrollment, ...]
    cara: User
    sam: User
    fay: User
    finn: User
    gus: User
    companies: int

    def offer(self, number: int) -> tuple[Offer, Program]:
        """What the company of that number comes to."""
        turn = number % len(OFFERS)
        return OFFERS[turn], self.programs[turn]


def host_account(number: int) -> str:
    return f"company{number}"


def document_of(offer: Offer, more: Mapping[str, object] | None = None) -> program_document.Document:
    """The program file of an offer."""
    changes = {
        "program.slug": offer.slug,
        "program.name": f"Refer for {offer.slug}",
        "terms.effective_from": "2024-01-01",
        **offer.changes,
        **(more or {}),
    }
    changed, problems = program_document.changed(written(offer.bundled), changes)
    checked, wrong = program_document.check(changed, calendars.all_business_days())
    assert checked is not None, [*problems, *wrong]
    return checked


def payee(rail: Rail, name: str) -> Payee:
    return Payee(holder_name=f"{name.title()} Referrer", **PAYEES[rail][name])


def build(start: datetime) -> World:
    """A world at that instant: two companies of each program have earned a bonus, and nothing is paid."""
    host = Host.objects.create(slug="simulated", name="Simulated")
    client = ApiClient.objects.create(host=host, name="billing")
    cara, sam, fay, finn, gus = (person(name) for name in ("cara", "sam", "fay", "finn", "gus"))
    programs, methods, enrollments = [], {}, []
    for offer in OFFERS:
        program = program_files.store(document_of(offer), host=host, now=BEGINNING)
        Program.objects.filter(pk=program.pk).update(people_needed=offer.people_needed)
        program.refresh_from_db()
        programs.append(program)
        if offer.rail is not None:
            payer = {"payer_name": "Simulated", "payer_iban": "DE89370400440532013000"}
            told = {**BEARS, **(payer if offer.rail == Rail.SEPA else {})}
            row = PayoutMethod(program=program, code=offer.rail, **told)
            methods[program.pk] = payout_methods.open_method(row, by=finn, at=BEGINNING)
        for name in NAMES:
            mine = f"{offer.slug}-{name}"
            referrer = Referrer.objects.create(
                host=host, host_account=mine, email=f"{mine}@{mine}.example", kind=offer.referrer_kind
            )
            joined = enrollment.enroll(
                referrer, program=program, at=BEGINNING, invited=True, link=mine, code=mine
            )
            enrollments.append(joined)
            # Ben of the program that pays cash has told nobody yet where.
            if offer.rail is not None and mine != "cash-ben":
                told = destinations.tell(
                    joined,
                    method=offer.rail,
                    payee=payee(offer.rail, name),
                    reason="By phone.",
                    by=fay,
                    at=BEGINNING,
                )
                destinations.confirm(told, by=finn, at=BEGINNING)
    # From 100.00 on two approve.
    signing.set_rules(programs[1], limit_minor=15_000, tiers={3: 10_000})
    world = World(
        start=start,
        host=host,
        client=client,
        programs=tuple(programs),
        methods=methods,
        enrollments=tuple(enrollments),
        cara=cara,
        sam=sam,
        fay=fay,
        finn=finn,
        gus=gus,
        companies=2 * len(OFFERS),
    )
    for number in range(world.companies):
        # The windows of the first four open soon.
        days = EARLIER if number < len(OFFERS) else 1
        _earn(world, number, at=start - timedelta(days=days))
    for program in programs:
        sweeps.evaluate(program, as_of=start)
    return world


def told_of(number: int, *, slug: str, at: datetime) -> intake.SignUpTold:
    """An ordinary company, by the link of Rosa or Ben."""
    name = host_account(number)
    return intake.SignUpTold(
        host_account=name,
        occurred_at=at,
        link=f"{slug}-{NAMES[number // len(OFFERS) % len(NAMES)]}",
        company_name=f"{name.title()} GmbH",
        email=f"office@{name}.example",
        website=f"https://{name}.example",
        phone="+4930123456",
    )


def _earn(world: World, number: int, *, at: datetime) -> None:
    offer, program = world.offer(number)
    intake.sign_up(program, told=told_of(number, slug=offer.slug, at=at), told_at=at)
    if offer.is_decided:
        account = intake.account_in(program, host_account=host_account(number))
        qualification.decide(account, result="QUALIFIED", by=world.cara, at=at)
    type, amount_minor, product = offer.earns[0]
    events.record(
        world.client,
        event_id=f"first{number}",
        host_account=host_account(number),
        type=type,
        occurred_at=at,
        received_at=at,
        amount_minor=amount_minor,
        currency=program.currency if amount_minor else "",
        product=product,
    )
