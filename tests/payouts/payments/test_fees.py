"""Fees that the referrer bears: kept from payments, given back with them, never of what is free of them."""

import pytest
from django.db import IntegrityError, transaction

from payouts import (
    explain,
    journal,
    ledger,
    payout_methods,
    program_files,
    trial_balance,
    verification,
    withdrawals,
)
from payouts.explain import Audience
from payouts.models import Bonus, Fee, PaymentOrder, Payout, PayoutMethod, Transfer
from payouts.payments import arrivals, doubts, files, orders, planning, reissues, reports
from payouts.payments.candidates import Why
from payouts.rails import Said, sender_of
from payouts.rules.lifecycle import AccountKind, Call, Outcome, Result
from payouts.rules.payees import Rail
from payouts.statements import period
from referrals.rules.money import to_text
from referrals.rules.refusal import WrongField
from tests.fees import BOTH, DUE, cash, document, earn
from tests.payments import CASH, is_paid_to, pays_by, statuses
from tests.refer_page import told
from tests.story import Story, changed, refused

pytestmark = pytest.mark.django_db

OF_BANKS = ["FEE", "FEE_BACK", "CONFIRMED", "RETURNED"]


def next_file(story):
    (file,) = files.make(story.method, pay_on=story.now.date(), by=story.fay, at=story.now)
    return file


def uploaded(story):
    file = next_file(story)
    files.mark_uploaded(file, by=story.finn, at=story.now)
    return file


def tell(story, result, payout=None):
    reports.tell(payout or Payout.objects.get(), result=result, detail="", by=story.fay, at=story.now)


def held(story):
    """What the bank, clearing and the account of fees hold."""
    kinds = (AccountKind.BANK, AccountKind.CLEARING, AccountKind.FEES)
    return tuple(ledger.balance_minor(ledger.account_of(story.enrollment(), kind=kind)) for kind in kinds)


def kept():
    """Every fee: on what, and how much."""
    return list(Fee.objects.order_by("pk").values_list("charged_minor", "amount_minor"))


def booked():
    rows = Transfer.objects.filter(kind__in=OF_BANKS).order_by("pk")
    return list(rows.values_list("kind", "amount_minor"))


def whole():
    assert [(each.message, each.rows) for each in verification.breaches()] == []


# --- what is kept -------------------------------------------------------------------------------------


@pytest.mark.parametrize("currency", ["USD", "JPY", "KWD"])
@pytest.mark.parametrize(
    ("charged", "free", "stated", "fee"),
    [
        (10_000, 0, {}, 0),
        (10_000, 0, {"fee_fixed_minor": 150}, 150),
        (10_000, 0, {"fee_basis_points": 250}, 250),
        (10_000, 0, BOTH, 400),
        (0, 10_000, BOTH, 0),
        (10_000, 4_000, BOTH, 400),
        (10_000, 4_000, {"fee_fixed_minor": 20_000}, 10_000),
        (10_050, 4_000, {"fee_basis_points": 100}, 101),
        (10_049, 4_000, {"fee_basis_points": 100}, 100),
    ],
)
def test_worked_examples(currency, charged, free, stated, fee):
    """In minor units, which are cents, yen and fils: the same in every currency."""
    story = cash(currency=currency, charged=charged, free=free, **stated)
    gross = charged + free

    file = uploaded(story)

    line = file.lines.get()
    assert (line.amount_minor, file.total_minor, line.payout.amount_minor) == (
        gross - fee,
        gross - fee,
        gross,
    )
    written = files.remade(file)
    assert f",{to_text(gross - fee, currency)},".encode() in written.content
    assert kept() == ([(charged, fee)] if fee else [])
    assert held(story) == (0, gross - fee, fee)
    whole()

    tell(story, Result.CONFIRMED)

    assert held(story) == (gross - fee, 0, fee)
    assert booked() == ([("FEE", fee)] if fee else []) + [("CONFIRMED", gross - fee)]
    whole()


def test_the_fixed_part_is_borne_once_per_payment():
    story = cash("acme", "beta", free=4_000, **BOTH)

    next_file(story)

    assert kept() == [(20_000, 650)]
    whole()


@pytest.mark.parametrize("rail", [Rail.WISE, Rail.PAYPAL_API])
def test_what_its_fee_would_eat_whole_waits_with_a_reason(rail, settings):
    settings.PAYPAL_URL = "https://client:secret@paypal.example"
    story = cash(rail=rail, fee_fixed_minor=10_000)

    if rail == Rail.WISE:
        planned = planning.plan(story.method, pay_on=story.now.date(), at=story.now)
        assert {why: list(each) for why, each in planned.left_out.items()} == {
            Why.FEE_EATS_IT: [Payout.objects.get()]
        }
        with refused("nothing_to_pay"):
            next_file(story)
    else:
        sender = sender_of(story.method, at=story.now)
        assert orders.write(story.method, sender=sender, at=story.now) == 0

    assert (statuses(), kept()) == (["PREPARED"], [])
    whole()


def test_of_what_is_set_off_nothing_free_of_fees_is_charged():
    """140.00 for each of two companies, of which 40.00 is free; 100.00 is taken back before the file."""
    story = cash("acme", "beta", free=4_000, **BOTH)
    story.reverse(Bonus.objects.filter(reward__fee_exempt=False)[0])

    file = next_file(story)

    # 180.00 are left, and of them 80.00 are free.
    assert (Payout.objects.get().amount_minor, file.total_minor, kept()) == (18_000, 17_600, [(10_000, 400)])
    whole()


def test_where_only_what_is_free_is_left_nothing_is_charged():
    story = cash("acme", free=4_000, **BOTH)
    story.reverse(Bonus.objects.get(reward__fee_exempt=False))

    assert (next_file(story).total_minor, kept()) == (4_000, [])
    whole()


# --- what comes to nothing ----------------------------------------------------------------------------


def test_a_voided_file_gives_the_fee_back_and_the_next_one_keeps_it_anew():
    story = cash(**BOTH)
    first = next_file(story)
    files.void(first, by=story.finn, at=story.now)
    assert (statuses(), held(story)) == (["PREPARED"], (0, 10_000, 0))
    whole()

    again = next_file(story)

    assert again.total_minor == first.total_minor == 9_600
    assert booked() == [("FEE", 400), ("FEE_BACK", 400), ("FEE", 400)]
    assert Transfer.objects.get(kind="FEE_BACK").reverses == Transfer.objects.filter(kind="FEE").first()
    assert held(story) == (0, 9_600, 400)
    whole()


def failed(story):
    uploaded(story)
    tell(story, Result.FAILED)


def returned(story):
    uploaded(story)
    tell(story, Result.CONFIRMED)
    tell(story, Result.RETURNED)


def not_taken(story):
    file = next_file(story)
    files.put_in_doubt(file, by=story.fay, at=story.now)
    whole()
    doubts.settle_file(file, was_taken=False, by=story.fay, approved_by=story.finn, at=story.now)


@pytest.mark.parametrize(
    ("how", "rows"),
    [
        (failed, []),
        (returned, [("CONFIRMED", 9_600), ("RETURNED", 9_600)]),
        (not_taken, []),
    ],
)
def test_what_failed_or_came_back_gives_the_fee_back_and_its_next_attempt_bears_its_own(how, rows):
    story = cash(**BOTH)

    how(story)

    assert (held(story), booked()) == ((0, 10_000, 0), [("FEE", 400), *rows, ("FEE_BACK", 400)])
    whole()
    reissues.reissue(Payout.objects.all(), by=story.fay, at=story.now)
    whole()

    uploaded(story)
    tell(story, Result.CONFIRMED, Payout.objects.latest("attempt"))

    assert [fee.payout.attempt for fee in Fee.objects.all()] == [1, 2]
    assert (held(story), statuses()) == ((9_600, 0, 400), ["REISSUED", "CONFIRMED"])
    whole()


def test_over_the_network_it_is_the_same(settings):
    settings.PAYPAL_URL = "https://client:secret@paypal.example"
    story = cash(rail=Rail.PAYPAL_API, **BOTH)
    assert orders.write(story.method, sender=sender_of(story.method, at=story.now), at=story.now) == 1
    order = PaymentOrder.objects.get()
    assert (order.amount_minor, orders.payment_of(order).amount_minor, kept()) == (
        9_600,
        9_600,
        [(10_000, 400)],
    )
    whole()

    orders.take_up(order, at=story.now)
    orders.record(order, Said(Outcome.REFUSED, "no such payee"), kind=Call.SEND, at=story.now)

    assert (statuses(), held(story)) == (["FAILED"], (0, 10_000, 0))
    whole()


# --- what arrives after it was given up ---------------------------------------------------------------


def arrives(story, line):
    two = {"by": story.fay, "approved_by": story.finn}
    return arrivals.settle(line, **two, at=story.now, reason="the bank's statement")


def test_a_payment_that_arrives_although_its_file_was_voided_bears_its_fee():
    story = cash(**BOTH)
    file = next_file(story)
    files.void(file, by=story.finn, at=story.now)

    arrival = arrives(story, file.lines.get())

    assert (arrival.overpaid_minor, statuses(), held(story)) == (0, ["CONFIRMED"], (9_600, 0, 400))
    whole()
    tell_back(story, file)
    assert (statuses(), held(story)) == (["RETURNED"], (0, 10_000, 0))
    whole()


def tell_back(story, file):
    content = f"reference,result\n{file.lines.get().reference},returned".encode()
    reports.read_in(story.program, name="bank.csv", content=content, by=story.fay, at=story.now)


@pytest.mark.parametrize(
    ("stated", "fee", "overpaid"),
    [
        (BOTH, 650, 10_000),
        # Of 200.00 all but 10.00 was the fee: of the 100.00 that are left it is all but the least.
        ({"fee_fixed_minor": 19_000}, 9_999, 999),
    ],
)
def test_where_something_was_kept_meanwhile_the_rest_is_owed(stated, fee, overpaid):
    story = cash("acme", "beta", **stated)
    file = next_file(story)
    files.void(file, by=story.finn, at=story.now)
    story.reverse(Bonus.objects.first())

    arrival = arrives(story, file.lines.get())

    assert (arrival.overpaid_minor, arrival.fee.amount_minor) == (overpaid, fee)
    owed = -ledger.balance_minor(ledger.account_of(story.enrollment(), kind=AccountKind.CASH_OWED))
    assert (owed, held(story)) == (overpaid, (file.total_minor, 0, fee))
    whole()


def test_what_arrived_twice_is_owed_as_it_was_sent():
    story = cash(**BOTH)
    file = uploaded(story)
    tell(story, Result.FAILED)
    reissues.reissue(Payout.objects.all(), by=story.fay, at=story.now)
    uploaded(story)
    tell(story, Result.CONFIRMED, Payout.objects.latest("attempt"))

    arrival = arrives(story, file.lines.get())

    assert (arrival.overpaid_minor, held(story)) == (9_600, (19_200, 0, 400))
    whole()


# --- balances -----------------------------------------------------------------------------------------


def with_balance(*names, charged=10_000, free=0, **stated):
    story = Story(changes=document(charged=charged, free=free, kind="ACCOUNT_BALANCE"))
    earn(story, *(names or ["acme"]))
    story.pass_to(DUE)
    story.method = pays_by(story, **stated)
    is_paid_to(story)
    return story


def withdraw(story, *amounts):
    for amount in amounts:
        withdrawals.withdraw(story.enrollment(), amount_minor=amount, at=story.now)


def sent_by(story):
    return list(next_file(story).lines.order_by("payout").values_list("amount_minor", flat=True))


def test_what_exempt_bonuses_brought_in_is_withdrawn_first_and_without_a_fee():
    """140.00 of which 40.00 is free, 10.00 spent on services: 30.00, 30.00 and 50.00 are withdrawn."""
    story = with_balance(free=4_000, fee_fixed_minor=100, fee_basis_points=1_000)
    withdrawals.spend(story.enrollment(), amount_minor=1_000, service="translation", at=story.now)
    withdraw(story, 3_000, 3_000, 5_000)

    assert sent_by(story) == [3_000, 2_700, 4_400]

    assert kept() == [(2_000, 300), (5_000, 600)]
    whole()


def test_a_balance_of_exempt_bonuses_alone_is_withdrawn_without_a_fee():
    story = with_balance("acme", "beta", charged=0, free=10_000, **BOTH)
    story.reverse(Bonus.objects.first())
    withdraw(story, 4_000, 6_000)

    assert (sent_by(story), kept(), held(story)) == ([4_000, 6_000], [], (0, 10_000, 0))
    whole()


def test_what_is_earned_later_does_not_free_what_was_withdrawn_before():
    story = with_balance(charged=10_000, **BOTH)
    withdraw(story, 10_000)
    later = {"terms.version": 2, "terms.effective_from": "2026-03-17"}
    free = changed("smartcat", {**document(charged=0, free=10_000, kind="ACCOUNT_BALANCE"), **later})
    program_files.store(free, host=story.host, now=story.now)
    story.pass_to("2026-03-18T10:00Z")
    earn(story, "beta")
    story.pass_to("2026-04-16T00:05Z")

    assert (sent_by(story), kept()) == ([9_600], [(10_000, 400)])
    whole()


def test_upwork_is_not_charged_whatever_its_way_to_pay_states():
    """UP14: "not be charged". The whole credit arrives, and no statement has a line of a fee."""
    story = Story("upwork-2019")
    story.earn()
    story.pass_to("2019-03-05T12:00Z")
    story.method = pays_by(story, **BOTH)
    is_paid_to(story)
    withdraw(story, 10_000)

    assert (sent_by(story), kept()) == ([10_000], [])
    assert told_lines(story) == ["Bonus earned", "Bonus paid", "Withdrawn"]
    assert [each.kind for each in told(story).history.lines] == ["WITHDRAWN", "RELEASED"]
    whole()


# --- what is said -------------------------------------------------------------------------------------


def told_lines(story):
    """The lines of Rosa's statement over the year, as she reads them."""
    year = {"begins": story.now.replace(month=1, day=1), "ends": story.now.replace(month=12, day=31)}
    statement = period.of_enrollment(story.enrollment(), **year)
    return [f"{line.what} {line.about}" if "Fee" in line.what else line.what for line in statement.page.lines]


def test_a_fee_is_a_line_of_the_statement_and_of_the_history():
    story = cash(**BOTH)
    file = next_file(story)
    files.void(file, by=story.finn, at=story.now)

    assert told_lines(story) == [
        "Bonus earned",
        "Bonus paid",
        "Fee kept from a payment 4.00 USD",
        "Fee given back 4.00 USD",
    ]
    assert [(each.kind, each.amount_minor) for each in told(story).history.lines] == [
        ("FEE_BACK", 400),
        ("FEE", -400),
        ("RELEASED", 10_000),
    ]


def test_gross_fee_and_net_are_explained_in_both_voices():
    story = cash("acme", free=4_000, **BOTH)
    next_file(story)

    for bonus in Bonus.objects.all():
        lines = {
            audience: [
                line.detail
                for line in explain.bonus(bonus, as_of=story.now, audience=audience).lines
                if line.code in {"fee", "no_fee"}
            ]
            for audience in Audience
        }
        free = bonus.reward.fee_exempt
        assert lines == {
            Audience.STAFF: [
                "The referrer bears a fee of USD 4.00 of the payment of USD 140.00: USD 136.00 is sent.",
                *(["By the terms this bonus is free of the fee that the rest of its payout bears."] * free),
            ],
            Audience.REFERRER: [
                "A fee of $4.00 is kept from your payment of $140.00: $136.00 is sent.",
                *(["No fee is taken from this bonus, only from others in the same payment."] * free),
            ],
        }


def test_the_trial_balance_and_the_journal_have_an_account_of_fees():
    story = cash(**BOTH)
    uploaded(story)
    tell(story, Result.CONFIRMED)

    (balance,) = trial_balance.of_program(story.program, as_of=story.now)
    assert {line.label: line.sides.balance_minor for line in balance.lines} == {
        "Expense": 10_000,
        "Clearing": 0,
        "Bank": -9_600,
        "Fees": -400,
        "Payable": 0,
    }
    text = "".join(journal.write(as_of=story.now))
    fee = Fee.objects.get()
    assert f'"Fee" "fee {fee.pk}"' in text
    assert f"Income:Smartcat-{story.program.pk}:Fees  -4.00 USD" in text


# --- what a way to pay states -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "field"),
    [
        ({"fee_fixed_minor": -1}, "fee_fixed_minor"),
        ({"fee_basis_points": 10_001}, "fee_basis_points"),
        ({"fee_basis_points": -1}, "fee_basis_points"),
        ({"code": Rail.HOST, "fee_fixed_minor": 1}, "fee_fixed_minor"),
        ({"code": Rail.HOST, "fee_basis_points": 1}, "fee_basis_points"),
    ],
)
def test_a_fee_that_cannot_be_borne_is_refused_beside_its_field(stated, field):
    story = Story(changes=CASH)
    method = PayoutMethod(**{"program": story.program, "code": Rail.PAYPAL, **stated})

    with pytest.raises(WrongField) as refusal:
        payout_methods.open_method(method, by=story.finn, at=story.now)

    assert refusal.value.field == field
    method.opened_by, method.opened_at = story.finn, story.now
    with pytest.raises(IntegrityError), transaction.atomic():
        method.save()


def test_what_a_way_to_pay_states_is_never_changed():
    story = cash(**BOTH)

    for changes in ({"fee_fixed_minor": 0}, {"fee_basis_points": 0}):
        with pytest.raises(IntegrityError, match="keeps what it was made with"), transaction.atomic():
            PayoutMethod.objects.filter(pk=story.method.pk).update(**changes)
