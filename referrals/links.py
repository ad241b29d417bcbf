"""
Links: where they lead, what is kept when they are opened, and what a form's code stands for.

The only writer of clicks. A link that leads nowhere and one that never was are the same to whoever asks.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Model

from referrals import intake
from referrals.models import Click, Program, ReferralCode, ReferralLink, Terms, Touch
from referrals.rules.identity import folded_code, folded_link
from referrals.rules.landing import landing_address, landing_host
from referrals.rules.words import ProgramStatus

LONGEST = 64


@dataclass(frozen=True, slots=True)
class Target:
    """Where a link leads; ``address`` is empty where the program may send nobody to its landing page."""

    link_id: int
    link: str
    program: str
    host: str
    address: str
    remembered_seconds: int
    """For how long it makes sense to know the visitor again: the program's attribution window."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A link was opened; without a visitor's id it is counted, and attribution never hears of it."""

    link_id: int
    visitor: str
    at: datetime


class NotKept(Exception):
    """The database could not be reached, and nothing was written: it can be tried again."""


def leads_to(folded: Collection[str], *, at: datetime) -> dict[str, Target]:
    """
    Where these links lead, for those that lead anywhere.

    A link leads nowhere once it has ended and the program's terms let old ones no longer work, and while
    the program takes in no sign-ups.

    :param folded: the links as they are compared
    """
    known = ReferralLink.objects.filter(folded__in=[one for one in folded if _can_be_asked(one)])
    rows = list(known.order_by("-pk").select_related("enrollment__program"))
    programs = {row.enrollment.program_id: row.enrollment.program for row in rows}
    in_force = {key: terms_for_sign_up(program, at=at) for key, program in programs.items()}
    found = {}
    for row in rows:
        terms = in_force[row.enrollment.program_id]
        if terms is not None and _works(row, old_ones_work=terms.old_links_work, at=at):
            found[row.folded] = _target(row, terms)
    return found


def terms_for_sign_up(program: Program, *, at: datetime) -> Terms | None:
    """The terms under which somebody who signs up now comes; ``None``: the program takes in nobody."""
    return intake.terms_at(program, at=at) if program.status == ProgramStatus.ACTIVE else None


def open_programs(*, at: datetime) -> list[Program]:
    """The programs that take in sign-ups, by name."""
    active = Program.objects.filter(status=ProgramStatus.ACTIVE).select_related("host").order_by("name", "pk")
    return [program for program in active if terms_for_sign_up(program, at=at)]


def meant_by(
    text: str, *, program: Program, terms: Terms, at: datetime
) -> ReferralCode | ReferralLink | None:
    """
    The code, else the link of the program that somebody typed.

    ``None`` for one that is unknown, belongs to another program, or no longer works.
    """
    if not _can_be_asked(text):
        return None
    code = ReferralCode.objects.filter(folded=folded_code(text), enrollment__program=program).first()
    link = ReferralLink.objects.filter(folded=folded_link(text), enrollment__program=program).first()
    if code and _works(code, old_ones_work=terms.old_codes_work, at=at):
        return code
    return link if link and _works(link, old_ones_work=terms.old_links_work, at=at) else None


def keep(opened: Iterable[Opened]) -> None:
    """
    Write what was opened: clicks summed per link, and a touch for each visitor whom we would know again.

    :raises NotKept: if nothing was written
    :raises django.db.Error: if the connection broke while it was being committed, so that nobody knows
    """
    clicks: dict[int, tuple[datetime, int]] = {}
    touches = []
    for one in opened:
        first_at, times = clicks.get(one.link_id, (one.at, 0))
        clicks[one.link_id] = first_at, times + 1
        if one.visitor:
            touches.append((one.link_id, one.visitor, one.at))
    written = False
    try:
        with transaction.atomic():
            _add(Click, ["link", "clicked_at", "times"], [(link, *seen) for link, seen in clicks.items()])
            _add(Touch, ["link", "visitor", "touched_at"], touches)
            written = True
    except (OperationalError, InterfaceError) as failure:
        # What breaks before the commit is rolled back. A commit without an answer may have happened: then a
        # second try would count twice.
        if written:
            raise
        raise NotKept(str(failure)) from failure


def _add(model: type[Model], names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows in one statement, at a tenth of what it costs to make a model of each."""
    if not rows:
        return
    known = {field.name: field for field in model._meta.concrete_fields}
    fields = [known[name] for name in names]
    columns = [_adapted(values) for values in zip(*rows, strict=True)]
    head = f"INSERT INTO {model._meta.db_table} ({', '.join(str(field.column) for field in fields)})"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays = ", ".join(f"%s::{field.db_type(connection)}[]" for field in fields)
            # Names of our own, and no value.
            cursor.execute(f"{head} SELECT * FROM unnest({arrays})", columns)  # noqa: S608
        else:
            marks = ", ".join("%s" for _ in fields)
            cursor.executemany(f"{head} VALUES ({marks})", list(zip(*columns, strict=True)))


def _adapted(values: tuple[Any, ...]) -> list[Any]:
    """Instants as the database takes them; everything else is taken as it is."""
    if isinstance(values[0], datetime):
        return [connection.ops.adapt_datetimefield_value(value) for value in values]
    return list(values)


def _can_be_asked(text: str) -> bool:
    """Can it be a link or code at all? PostgreSQL takes no text with a zero byte."""
    return 0 < len(text) <= LONGEST and "\0" not in text


def _works(shared: ReferralLink | ReferralCode, *, old_ones_work: bool, at: datetime) -> bool:
    if at < shared.valid_from:
        return False
    return shared.valid_until is None or at < shared.valid_until or old_ones_work


def _target(row: ReferralLink, terms: Terms) -> Target:
    program = row.enrollment.program
    return Target(
        link_id=row.pk,
        link=row.text,
        program=program.slug,
        host=landing_host(program.landing_url),
        address=landing_address(program.landing_url, link=row.text),
        remembered_seconds=terms.window_days * 24 * 60 * 60,
    )
