"""
SEPA credit transfers, ISO 20022 pain.001.001.09, in euros.

From November 2026 addresses of free lines are refused: none is written, or town and country.
"""

import string
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from lxml import etree
from stdnum import bic as bics
from stdnum import iban as ibans
from stdnum.exceptions import ValidationError

from payouts.rules.payment_files.instructions import (
    CannotBePaid,
    Instruction,
    Payer,
    PaymentFile,
    fitted,
    look_through,
    made,
    plain,
)
from referrals.rules.money import to_text
from referrals.rules.refusal import WrongField

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
MOST_PAYMENTS = 5_000
ALLOWED = string.ascii_letters + string.digits + "/-?:().,'+ "
"""The basic Latin set that every SEPA bank takes (EPC217-08)."""
LONGEST_NAME = 70
LONGEST_NOTE = 140
LONGEST_TOWN = 35


def write(
    instructions: Sequence[Instruction], *, payer: Payer, identification: str, made_at: datetime, pay_on: date
) -> PaymentFile:
    """
    A file of these payments, one batch, charges shared.

    :param identification: of the file, ours and unique for ever: at most 30 plain letters, digits and hyphens
    :param made_at: with an offset; written as UTC, whole seconds
    :raises CannotBePaid: naming the field and the payment
    :raises WrongField: if something of the payer or the file itself cannot be written
    """
    look_through(instructions, currencies=["EUR"])
    if len(instructions) > MOST_PAYMENTS:
        raise WrongField("instructions", f"a file holds at most {MOST_PAYMENTS} payments.")
    if not identification or len(identification) > 30 or set(identification) - set(ALLOWED):
        raise WrongField("identification", "it needs 1 to 30 plain letters, digits and hyphens.")
    total = to_text(sum(each.amount_minor for each in instructions), "EUR")
    name = _of_payer("name", payer.name)

    own_names: Any = {None: NAMESPACE}
    document = etree.Element(f"{{{NAMESPACE}}}Document", nsmap=own_names)
    root = _add(document, "CstmrCdtTrfInitn")
    header = _add(root, "GrpHdr")
    _add(header, "MsgId", identification)
    _add(header, "CreDtTm", made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    _add(header, "NbOfTxs", str(len(instructions)))
    _add(header, "CtrlSum", total)
    party = _add(header, "InitgPty")
    _add(party, "Nm", name)
    if payer.identification:
        _path(party, "Id", "OrgId", "Othr", "Id", text=_of_payer("identification", payer.identification, 35))

    batch = _add(root, "PmtInf")
    _add(batch, "PmtInfId", f"{identification}-1")
    _add(batch, "PmtMtd", "TRF")
    _add(batch, "BtchBookg", "true")
    _add(batch, "NbOfTxs", str(len(instructions)))
    _add(batch, "CtrlSum", total)
    _path(batch, "PmtTpInf", "SvcLvl", "Cd", text="SEPA")
    _path(batch, "ReqdExctnDt", "Dt", text=pay_on.isoformat())
    _add(_add(batch, "Dbtr"), "Nm", name)
    _path(batch, "DbtrAcct", "Id", "IBAN", text=_iban_of_payer(payer))
    _agent(batch, "DbtrAgt", _bic_of_payer(payer))
    _add(batch, "ChrgBr", "SLEV")
    for each in instructions:
        _payment(batch, each)

    content = etree.tostring(document, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return made(f"{identification}.xml", content, instructions)


def _payment(batch: etree._Element, each: Instruction) -> None:
    payment = _add(batch, "CdtTrfTxInf")
    _path(payment, "PmtId", "EndToEndId", text=each.reference)
    _add(_add(payment, "Amt"), "InstdAmt", each.amount).set("Ccy", each.currency)
    if each.bic:
        try:
            _agent(payment, "CdtrAgt", bics.validate(each.bic))
        except ValidationError as problem:
            raise CannotBePaid(each, "bic", f"'{each.bic}' is no BIC: {problem}") from None
    creditor = _add(payment, "Cdtr")
    _add(creditor, "Nm", fitted(each, "name", allowed=ALLOWED, most=LONGEST_NAME))
    if each.town and each.country:
        address = _add(creditor, "PstlAdr")
        _add(address, "TwnNm", fitted(each, "town", allowed=ALLOWED, most=LONGEST_TOWN))
        _add(address, "Ctry", each.country)
    try:
        account = ibans.validate(each.iban)
    except ValidationError as problem:
        raise CannotBePaid(each, "iban", f"it is no IBAN: {problem}") from None
    _path(payment, "CdtrAcct", "Id", "IBAN", text=account)
    if each.note:
        note = fitted(each, "note", allowed=ALLOWED, most=LONGEST_NOTE)
        _path(payment, "RmtInf", "Ustrd", text=note)


def _agent(parent: etree._Element, tag: str, bic: str) -> None:
    bank = _path(parent, tag, "FinInstnId")
    if bic:
        _add(bank, "BICFI", bic)
    else:
        _path(bank, "Othr", "Id", text="NOTPROVIDED")


def _of_payer(field: str, text: str, most: int = LONGEST_NAME) -> str:
    told = " ".join(plain(text).split())[:most].rstrip()
    if not told or set(told) - set(ALLOWED):
        raise WrongField(f"payer {field}", f"'{text}' is missing, or holds signs that no SEPA bank takes.")
    return told


def _iban_of_payer(payer: Payer) -> str:
    try:
        return str(ibans.validate(payer.iban))
    except ValidationError as problem:
        raise WrongField("payer iban", f"it is no IBAN: {problem}") from None


def _bic_of_payer(payer: Payer) -> str:
    try:
        return str(bics.validate(payer.bic)) if payer.bic else ""
    except ValidationError as problem:
        raise WrongField("payer bic", f"'{payer.bic}' is no BIC: {problem}") from None


def _path(parent: etree._Element, *tags: str, text: str | None = None) -> etree._Element:
    for tag in tags[:-1]:
        parent = _add(parent, tag)
    return _add(parent, tags[-1], text)


def _add(parent: etree._Element, tag: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, f"{{{NAMESPACE}}}{tag}")
    child.text = text
    return child
