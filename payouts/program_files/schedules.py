"""The payout schedule of a document, or of published terms, as the rules compute with it."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from payouts.models import PayoutSchedule
from payouts.rules.program_document import Document
from payouts.rules.program_document.values import POINTS
from payouts.rules.schedule import Point, Schedule
from referrals import calendars as installed
from referrals.models import Terms
from referrals.rules.business_days import BusinessDays
from referrals.rules.words import PointKind


def schedule_from_document(document: Document, calendars: Mapping[str, BusinessDays]) -> Schedule:
    """
    The schedule that a document means.

    :param calendars: business days by code of the calendar
    """
    return schedule_from_section(
        document["payout_schedule"], zone=document["program"]["time_zone"], calendars=calendars
    )


def schedule_from_section(
    section: Mapping[str, Any], *, zone: str, calendars: Mapping[str, BusinessDays]
) -> Schedule:
    """
    The schedule that a section ``payout_schedule`` means.

    :param zone: name of the program's zone, which counts unless the section has its own
    """
    return Schedule(
        month_offset=section["month_offset"],
        opens=_point(section["opens"]),
        closes=_point(section["closes"]),
        zone=ZoneInfo(section["time_zone"] or zone),
        days=calendars[section["calendar"]] if section["calendar"] else BusinessDays(),
    )


def schedule_of(terms: Terms) -> Schedule:
    """The schedule of a version of the terms, with its calendar as it is now."""
    row = PayoutSchedule.objects.select_related("calendar", "terms").get(terms=terms)
    return Schedule(
        month_offset=row.month_offset,
        opens=Point(PointKind(row.opens_kind).value, row.opens_n),
        closes=Point(PointKind(row.closes_kind).value, row.closes_n),
        zone=row.zone,
        days=installed.business_days(row.calendar),
    )


def _point(written: Mapping[str, int]) -> Point:
    [(name, n)] = written.items()
    return Point(POINTS[name].value, n)
