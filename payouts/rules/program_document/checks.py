"""
Is a program file right as a whole? Each section by itself, then what ties the sections together.

Everything that is wrong is found at once: a value that has been refused is looked at no further,
and the rest is.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from payouts.rules.program_document import schema, values
from payouts.rules.program_document.keys import mapping
from payouts.rules.program_document.problems import BROKEN, Place, Problem, printable, shown
from payouts.rules.schedule import Point, Schedule, closing_before_opening
from referrals.rules import words
from referrals.rules.business_days import BusinessDays
from referrals.rules.money import MINOR_UNITS

Document = dict[str, Any]
"""A program file in canonical form: every section and key, in order, with its default filled in."""

TEST_LISTS = ("any", "all")


def check(document: object, calendars: Mapping[str, BusinessDays]) -> tuple[Document | None, list[Problem]]:
    """
    The document in canonical form, or everything that is wrong with it.

    :param document: as YAML gives it: mappings, lists, text, whole numbers, true and false
    :param calendars: the calendars of the installation, by code
    """
    if not isinstance(document, dict):
        return None, [Problem("", f"must be a mapping of sections, not {shown(document)}")]
    top = Place(currency=_currency_of(document), zone=_zone_of(document))

    # The defaults of self_referral want a reason, so a file without the section is refused for that.
    if document.get("self_referral") is None:
        document = {**document, "self_referral": {}}
    read: Document = mapping(schema.SECTIONS)(document, top)
    for check_whole in _CHECKS_OF_THE_WHOLE:
        check_whole(read, top)
    _check_calendar_and_window(read, top.key("payout_schedule"), calendars)
    return (None, top.problems) if top.problems else (read, [])


def _currency_of(document: dict[Any, Any]) -> str | None:
    currency = _of_program(document, "currency")
    return currency if currency in MINOR_UNITS else None


def _zone_of(document: dict[Any, Any]) -> ZoneInfo | None:
    name = _of_program(document, "time_zone")
    return ZoneInfo(name) if name in values.known_time_zones() else None


def _of_program(document: dict[Any, Any], name: str) -> str:
    program = document.get("program")
    value = program.get(name) if isinstance(program, dict) else None
    return value if isinstance(value, str) else ""


def _section(read: Document, name: str) -> dict[str, Any]:
    return read[name] if isinstance(read[name], dict) else {}


def _rows(read: Document, top: Place, name: str) -> Iterator[tuple[dict[str, Any], Place]]:
    """The rows of a section, each with its place."""
    if isinstance(read[name], list):
        at = top.key(name)
        for position, row in enumerate(read[name]):
            yield row, at.row(row, position)


def _codes(read: Document, name: str) -> list[str] | None:
    """The codes of a section's rows, or ``None`` if the section cannot be read."""
    if not isinstance(read[name], list):
        return None
    return [row["code"] for row in read[name] if row["code"] is not BROKEN]


def _check_reasons(read: Document, top: Place) -> None:
    known = _codes(read, "rejection_reasons")
    if known is None:
        return
    used = [(_section(read, "terms").get("expired_reason"), top.key("terms").key("expired_reason"))]
    used += [(row["reason"], at.key("reason")) for row, at in _rows(read, top, "eligibility")]
    used += [(_section(read, "self_referral").get("reason"), top.key("self_referral").key("reason"))]
    used += [(row["reason"], at.key("reason")) for row, at in _rows(read, top, "criteria")]
    used += [
        (_section(read, "calling").get("unreachable_reason"), top.key("calling").key("unreachable_reason"))
    ]
    for reason, at in used:
        _refuse_unknown(reason, known, at, "rejection reason")


def _check_milestones(read: Document, top: Place) -> None:
    known = _codes(read, "milestones")
    if known is None:
        return
    for row, at in _rows(read, top, "milestones"):
        for milestone in _list(row["after"]):
            _refuse_unknown(milestone, known, at.key("after"), "milestone")
    for row, at in _rows(read, top, "rewards"):
        for milestone in _list(row["requires"]):
            _refuse_unknown(milestone, known, at.key("requires"), "milestone")
    qualified_by = _section(read, "terms").get("qualified_by")
    if qualified_by != schema.BY_STAFF:
        _refuse_unknown(
            qualified_by, known, top.key("terms").key("qualified_by"), "milestone", or_else="STAFF"
        )


def _refuse_unknown(code: Any, known: list[str], at: Place, what: str, *, or_else: str = "") -> None:
    if isinstance(code, str) and code not in known:
        allowed = ", ".join([*known, or_else] if or_else else known)
        at.refuse(f"there is no {what} {shown(code)}; known are {allowed or 'none'}")


def _check_order_of_milestones(read: Document, top: Place) -> None:
    after = {row["code"]: _list(row["after"]) for row, _ in _rows(read, top, "milestones")}
    for row, at in _rows(read, top, "milestones"):
        before = set()
        to_follow = [*after[row["code"]]]
        while to_follow:
            milestone = to_follow.pop()
            if milestone not in before:
                before.add(milestone)
                to_follow += after.get(milestone, [])
        if row["code"] in before:
            at.key("after").refuse(f"goes in a circle: {row['code']} would be after itself")


def _check_who_qualifies(read: Document, top: Place) -> None:
    qualified_by = _section(read, "terms").get("qualified_by")
    if qualified_by == schema.BY_STAFF:
        if isinstance(read["criteria"], list) and not any(map(_may_be_asked_always, read["criteria"])):
            top.key("terms").key("qualified_by").refuse(
                "STAFF needs a criterion with source STAFF that is required and asked ALWAYS"
            )
    elif isinstance(qualified_by, str):
        for row, at in _rows(read, top, "milestones"):
            for name in TEST_LISTS:
                for position, test in enumerate(_list(row.get(name))):
                    if test["test"] == words.TestKind.QUALIFIED:
                        at.key(name).row(test, position).key("test").refuse(
                            f"QUALIFIED goes with terms.qualified_by STAFF only, not with {qualified_by}"
                        )


def _may_be_asked_always(criterion: dict[str, Any]) -> bool:
    """Is it a required question that is always asked, as far as the row can be read?"""
    return all(
        criterion[name] in (wanted, BROKEN)
        for name, wanted in [
            ("source", words.CriterionSource.STAFF),
            ("required", True),
            ("asked", words.Asked.ALWAYS),
        ]
    )


def _check_anchor(read: Document, top: Place) -> None:
    if _section(read, "payout_schedule").get("anchor") != words.Anchor.MONTH_END:
        return
    once = [
        printable(row["code"])
        for row, _ in _rows(read, top, "rewards")
        if row["beneficiary"] == words.Beneficiary.REFERRER and row["recurrence"] == words.Recurrence.ONCE
    ]
    if once:
        top.key("payout_schedule").key("anchor").refuse(
            f"MONTH_END is for MONTHLY rewards only, and ONCE is {', '.join(once)}"
        )


def _check_calendar_and_window(read: Document, at: Place, calendars: Mapping[str, BusinessDays]) -> None:
    schedule = _section(read, "payout_schedule")
    calendar: Any = schedule.get("calendar")
    if isinstance(calendar, str) and calendar not in calendars:
        known = ", ".join(sorted(calendars)) or "none"
        at.key("calendar").refuse(f"there is no calendar {shown(calendar)}; known are {known}")
    opens, closes = schedule.get("opens"), schedule.get("closes")
    if not isinstance(opens, dict) or not isinstance(closes, dict):
        return

    # Which days a month has depends neither on the offset nor on the zone; while the calendar is not
    # known, Saturdays and Sundays still tell whether the window is upside down.
    of_one_month = Schedule(
        month_offset=0,
        opens=_point(opens),
        closes=_point(closes),
        zone=ZoneInfo("UTC"),
        days=calendars[calendar] if calendar in calendars else BusinessDays(),
    )
    try:
        months = closing_before_opening(of_one_month)
    except ValueError as error:
        at.key("calendar").refuse(str(error))
        return
    if months:
        year, month = months[0]
        opens_on = of_one_month.opens.in_month(year, month, of_one_month.days)
        closes_on = of_one_month.closes.in_month(year, month, of_one_month.days)
        at.key("closes").refuse(
            f"lies before opens in {len(months)} of the months of 2016-2040, first in {year}-{month:02}: "
            f"opens {opens_on}, closes {closes_on}"
        )


def _point(written: dict[str, int]) -> Point:
    [(name, n)] = written.items()
    return Point(values.POINTS[name].value, n)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


_CHECKS_OF_THE_WHOLE: tuple[Callable[[Document, Place], None], ...] = (
    _check_reasons,
    _check_milestones,
    _check_order_of_milestones,
    _check_who_qualifies,
    _check_anchor,
)
