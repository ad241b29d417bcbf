"""
Above which sum a program asks for a tax form: it belongs to the program, not to a version of its terms.

Who is taxed, and from which sum on, is the law's and holds for all payments from a day on, whatever terms
their accounts came under; one payout may hold bonuses of several versions. So it may change at any time, no
fingerprint knows of it, and each change is a row: what was sent before it is looked at by what held then.
"""

from datetime import datetime
from typing import Any

from payouts.models import TaxFormLimit
from payouts.program_files import tables
from payouts.program_files.tables import Meant
from referrals.models import Program


def section_of(program: Program, meant: Meant) -> dict[str, Any] | None:
    """The section of a program file; ``None``: the program asks for no form."""
    last = TaxFormLimit.objects.filter(program=program).order_by("pk").last()
    if last is None or last.above_minor is None:
        return None
    return tables.section(tables.TAX_FORM, last, meant)


def store(program: Program, written: dict[str, Any] | None, meant: Meant, *, now: datetime) -> None:
    """Let the program ask for a form above what the file says from now on, or for none."""
    if written == section_of(program, meant):
        return
    limit = tables.columns(tables.TAX_FORM, written, meant) if written else {}
    TaxFormLimit.objects.create(program=program, set_at=now, **limit)
