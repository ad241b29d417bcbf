"""Payment files, read by schemas and parsers that are not ours."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from importlib.resources import files
from typing import Any

import pytest
from ach.parser import Parser
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from payouts.rules.payment_files import (
    CannotBePaid,
    Instruction,
    Payer,
    PaymentFile,
    nacha,
    paypal,
    sepa,
    wise,
)
from payouts.rules.payment_files.instructions import plain
from referrals.rules.refusal import WrongField

MADE_AT = datetime(2026, 4, 1, 9, 30, tzinfo=UTC)
PAY_ON = date(2026, 4, 2)
GERMAN = "DE89370400440532013000"
PAYER = Payer(
    name="Acme Übersetzungen GmbH",
    identification="1234567890",
    iban="DE75512108001245126199",
    bic="DEUTDEFF",
    routing_number="021000021",
    bank_name="First Bank",
)
IN_EUROS = Instruction("P17A1", "Jörg Straße", 123_45, "EUR", iban=GERMAN, note="Referral bonus April")
IN_DOLLARS = Instruction(
    "P17A1", "J. O'Neil", 1_000_00, "USD", routing_number="121000358", account_number="12345-678"
)
BY_PAYPAL = Instruction("P17A1", "Rosa", 100_00, "USD", recipient="rosa@example.com", note="Bonus")
TEMPLATE = (
    "name,recipientEmail,paymentReference,receiverType,amountCurrency,amount,sourceCurrency,targetCurrency,"
    "IBAN\n"
)

SCHEMA = etree.XMLSchema(etree.parse(str(files("sepaxml") / "schemas" / "pain.001.001.09.xsd")))
NS = {"p": sepa.NAMESPACE}
WHITE = {chr(code) for code in range(0x3001) if chr(code).isspace()}


def in_sepa(*instructions: Instruction, payer: Payer = PAYER, **more: Any) -> PaymentFile:
    told = {"identification": "B5-1", "made_at": MADE_AT, "pay_on": PAY_ON, **more}
    return sepa.write(instructions, payer=payer, **told)


def in_nacha(*instructions: Instruction, payer: Payer = PAYER, **more: Any) -> PaymentFile:
    told = {"identification": "B5-1", "made_at": MADE_AT, "pay_on": PAY_ON, **more}
    return nacha.write(instructions, payer=payer, **told)


def in_paypal(*instructions: Instruction) -> PaymentFile:
    return paypal.write(instructions, identification="B5-1")


def in_wise(*instructions: Instruction, template: str = TEMPLATE) -> PaymentFile:
    return wise.write(instructions, identification="B5-1", template=template, source_currency="EUR")


def many(first: Instruction, count: int) -> list[Instruction]:
    return [replace(first, reference=f"P{n:05d}", amount_minor=100 + n) for n in range(count)]


# --- SEPA ----------------------------------------------------------------------------------------------


def test_a_sepa_file_is_valid_by_the_official_schema_and_its_sums_are_those_of_its_payments():
    file = in_sepa(*many(IN_EUROS, 30))

    document = etree.fromstring(file.content)
    SCHEMA.assertValid(document)
    amounts = document.xpath("//p:InstdAmt/text()", namespaces=NS)
    total = sum(int(amount.replace(".", "")) for amount in amounts)
    assert document.xpath("//p:NbOfTxs/text()", namespaces=NS) == ["30", "30"]
    assert {text.replace(".", "") for text in document.xpath("//p:CtrlSum/text()", namespaces=NS)} == {
        str(total)
    }
    assert (file.count, file.total_minor, file.currency) == (30, total, "EUR")
    assert tuple(document.xpath("//p:EndToEndId/text()", namespaces=NS)) == file.references


def test_a_sepa_file_writes_names_in_letters_that_every_bank_takes():
    document = etree.fromstring(in_sepa(replace(IN_EUROS, name="Łukasz Çelik-Ørsted 株式会社")).content)

    [name] = document.xpath("//p:Cdtr/p:Nm/text()", namespaces=NS)
    assert name.isascii()
    assert name.startswith("Lukasz Celik-Oersted ")
    assert document.xpath("//p:Dbtr/p:Nm/text()", namespaces=NS) == ["Acme Uebersetzungen GmbH"]


def test_a_sepa_address_is_town_and_country_or_nothing():
    with_address = replace(IN_EUROS, town="Köln", country="DE", bic="COBADEFFXXX")

    document = etree.fromstring(in_sepa(with_address).content)

    SCHEMA.assertValid(document)
    assert document.xpath("//p:TwnNm/text()", namespaces=NS) == ["Koeln"]
    assert document.xpath("//p:AdrLine", namespaces=NS) == []
    assert document.xpath("//p:CdtrAgt//p:BICFI/text()", namespaces=NS) == ["COBADEFFXXX"]
    assert (
        etree.fromstring(in_sepa(replace(IN_EUROS, town="Köln")).content).xpath("//p:PstlAdr", namespaces=NS)
        == []
    )


def test_a_payer_without_bic_and_identification_is_written_too():
    SCHEMA.assertValid(
        etree.fromstring(in_sepa(IN_EUROS, payer=replace(PAYER, bic="", identification="")).content)
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"iban": "DE89370400440532013001"}, "iban"),
        ({"iban": ""}, "iban"),
        ({"bic": "NOPE"}, "bic"),
        ({"name": ""}, "name"),
        ({"name": "Rosa <b>"}, "name"),
        ({"name": "=HYPERLINK(1)"}, "name"),
        ({"note": "50 % more"}, "note"),
        ({"currency": "USD"}, "currency"),
        ({"amount_minor": 0}, "amount"),
        ({"amount_minor": -5}, "amount"),
        ({"reference": "with space"}, "reference"),
        ({"reference": "P123456789012345"}, "reference"),
    ],
)
def test_what_a_sepa_file_cannot_hold_is_refused_by_name(changes, field):
    with pytest.raises(CannotBePaid) as refused:
        in_sepa(replace(IN_EUROS, **changes))

    assert refused.value.field == field
    assert refused.value.reference == changes.get("reference", "P17A1")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"iban": "DE00"}, "payer iban"),
        ({"bic": "NOPE"}, "payer bic"),
        ({"name": ""}, "payer name"),
        ({"name": "Acme €"}, "payer name"),
    ],
)
def test_a_payer_that_a_sepa_file_cannot_name_is_refused_by_field(changes, field):
    with pytest.raises(WrongField, match=field):
        in_sepa(IN_EUROS, payer=replace(PAYER, **changes))


@given(
    names=st.lists(st.text(min_size=1, max_size=90), min_size=1, max_size=5),
    amounts=st.integers(min_value=1, max_value=99_999_999_999),
)
def test_whatever_a_name_holds_the_file_is_valid_or_refused_by_name(names, amounts):
    told = [
        replace(IN_EUROS, reference=f"P{n}", name=name, amount_minor=amounts) for n, name in enumerate(names)
    ]
    can_be_written = all(
        set(plain(name)) <= {*sepa.ALLOWED, *WHITE} and plain(name).strip() for name in names
    )
    if can_be_written:
        SCHEMA.assertValid(etree.fromstring(in_sepa(*told).content))
    else:
        with pytest.raises(CannotBePaid, match=r"^name"):
            in_sepa(*told)


# --- NACHA ---------------------------------------------------------------------------------------------


def test_a_nacha_file_is_read_back_by_somebody_else_with_the_same_payments_and_sums():
    told = many(IN_DOLLARS, 23)
    file = in_nacha(*told)

    text = file.content.decode("ascii")
    lines = text.splitlines()
    assert {len(line) for line in lines} == {94}
    assert len(lines) % 10 == 0
    read = Parser(text).ach_data
    [batch] = read["batches"]
    entries = [entry["entry_detail"] for entry in batch["entries"]]
    assert [(e["ind_id"].strip(), int(e["amount"])) for e in entries] == [
        (each.reference, each.amount_minor) for each in told
    ]
    assert {e["dfi_acnt_num"].strip() for e in entries} == {"12345678"}
    control = read["file_control"]
    assert int(control["credit_amount"]) == file.total_minor == sum(each.amount_minor for each in told)
    assert int(control["entadd_count"]) == 23
    assert int(control["block_count"]) * 10 == len(lines)
    assert int(control["entry_hash"]) == 23 * 12100035
    assert json.loads(json.dumps(batch["batch_control"]))["credit_amount"] == control["credit_amount"]


def test_the_trace_numbers_of_a_nacha_file_go_up():
    lines = in_nacha(*many(IN_DOLLARS, 3)).content.decode().splitlines()

    assert [line[79:] for line in lines if line[0] == "6"] == [
        "021000020000001",
        "021000020000002",
        "021000020000003",
    ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"routing_number": "121000359"}, "routing_number"),
        ({"account_number": ""}, "account_number"),
        ({"account_number": "1" * 18}, "account_number"),
        ({"account_number": "12;34"}, "account_number"),
        ({"amount_minor": 10**10}, "amount"),
        ({"name": "J\N{BULLET}"}, "name"),
        ({"currency": "EUR"}, "currency"),
    ],
)
def test_what_a_nacha_file_cannot_hold_is_refused_by_name(changes, field):
    with pytest.raises(CannotBePaid) as refused:
        in_nacha(replace(IN_DOLLARS, **changes))

    assert refused.value.field == field


def test_a_nacha_payer_needs_a_bank():
    with pytest.raises(WrongField, match="payer routing_number"):
        in_nacha(IN_DOLLARS, payer=replace(PAYER, routing_number="021000020"))
    with pytest.raises(WrongField, match="payer bank_name"):
        in_nacha(IN_DOLLARS, payer=replace(PAYER, bank_name=""))
    with pytest.raises(WrongField, match="of_the_day"):
        in_nacha(IN_DOLLARS, of_the_day="aa")


# --- PayPal and Wise -----------------------------------------------------------------------------------


def test_a_paypal_file_has_no_header_and_six_columns():
    content = in_paypal(
        BY_PAYPAL, replace(BY_PAYPAL, reference="P18A1", wallet="Venmo", note='A, "b"\nc')
    ).content

    assert content == (
        b"rosa@example.com,100.00,USD,P17A1,Bonus,PayPal\r\n"
        b'rosa@example.com,100.00,USD,P18A1,"A, ""b"" c",Venmo\r\n'
    )


def test_paypal_takes_whole_yen():
    assert b",100," in in_paypal(replace(BY_PAYPAL, currency="JPY", amount_minor=100)).content


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"recipient": ""}, "recipient"),
        ({"recipient": "=cmd@example.com"}, "recipient"),
        ({"recipient": "rosa@example.com,ben@example.com"}, "recipient"),
        ({"note": "@SUM(1)"}, "note"),
        ({"wallet": "Purse"}, "wallet"),
        ({"currency": "XOF", "amount_minor": 1}, "currency"),
    ],
)
def test_what_a_paypal_file_cannot_hold_is_refused_by_name(changes, field):
    with pytest.raises(CannotBePaid) as refused:
        in_paypal(replace(BY_PAYPAL, **changes))

    assert refused.value.field == field


def test_the_template_of_wise_comes_back_filled():
    told = replace(IN_EUROS, recipient="joerg@example.com")

    header, row = csv.reader(io.StringIO(in_wise(told, template="\ufeff" + TEMPLATE).content.decode()))

    assert header == TEMPLATE.strip().split(",")
    assert dict(zip(header, row, strict=True)) == {
        "name": "Jörg Straße",
        "recipientEmail": "joerg@example.com",
        "paymentReference": "P17A1",
        "receiverType": "PERSON",
        "amountCurrency": "target",
        "amount": "123.45",
        "sourceCurrency": "EUR",
        "targetCurrency": "EUR",
        "IBAN": GERMAN,
    }


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("", "empty"),
        ("name,amount,targetCurrency,taxId\n", "taxId"),
        ("name,amount,amount,targetCurrency\n", "amount twice"),
        ("name,amount\n", "no targetCurrency"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused_with_its_column(template, told):
    with pytest.raises(WrongField, match=told):
        in_wise(IN_EUROS, template=template)


def test_a_cell_that_would_be_calculated_and_one_that_is_missing_are_refused():
    with pytest.raises(CannotBePaid, match="name"):
        in_wise(replace(IN_EUROS, name="+49 30 1"))
    with pytest.raises(CannotBePaid, match="IBAN"):
        in_wise(replace(IN_EUROS, iban=""))


# --- all of them ---------------------------------------------------------------------------------------

EACH = [(in_sepa, IN_EUROS), (in_nacha, IN_DOLLARS), (in_paypal, BY_PAYPAL), (in_wise, IN_EUROS)]


@pytest.mark.parametrize(("write", "one"), EACH)
def test_a_file_made_again_has_the_same_bytes_and_another_amount_has_others(write, one):
    assert write(one) == write(one)
    assert write(one).sha256 == write(one).sha256
    assert write(one).sha256 != write(replace(one, amount_minor=one.amount_minor + 1)).sha256


@pytest.mark.parametrize("write", [in_sepa])
def test_the_same_instant_elsewhere_gives_the_same_bytes(write):
    elsewhere = MADE_AT.astimezone(timezone(timedelta(hours=5)))

    assert write(IN_EUROS, made_at=elsewhere) == write(IN_EUROS)


@pytest.mark.parametrize(("write", "one"), EACH)
def test_nothing_to_pay_and_the_same_payment_twice_make_no_file(write, one):
    with pytest.raises(WrongField, match="nothing to pay"):
        write()
    with pytest.raises(CannotBePaid, match="two payments"):
        write(one, one)


@pytest.mark.parametrize(
    ("write", "one", "most"),
    [
        (in_sepa, IN_EUROS, sepa.MOST_PAYMENTS),
        (in_nacha, IN_DOLLARS, nacha.MOST_PAYMENTS),
        (in_paypal, BY_PAYPAL, paypal.MOST_PAYMENTS),
        (in_wise, IN_EUROS, wise.MOST_PAYMENTS),
    ],
)
def test_no_more_payments_than_a_file_may_hold_are_written_and_they_add_up(write, one, most):
    told = many(one, most + 1)

    with pytest.raises(WrongField, match="at most"):
        write(*told)
    written = write(*told[:most])

    assert (written.count, written.total_minor) == (most, sum(each.amount_minor for each in told[:most]))
    assert list(written.references) == [each.reference for each in told[:most]]


def test_letters_are_spelled_and_signs_stay():
    assert plain("Jörg Ångström, Müller & Söhne €5") == "Joerg Aangstroem, Mueller & Soehne €5"
