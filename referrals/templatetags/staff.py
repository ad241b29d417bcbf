"""Words and signs of the staff pages."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django import template

register = template.Library()

SIGNS = {
    "SIGNED_UP": "○",
    "IN_REVIEW": "◔",
    "QUALIFIED": "✓",
    "NOT_QUALIFIED": "✗",
    "EXPIRED": "-",
    "ACTIVATED": "…",
    "APPROVED": "…",
    "PAID": "✓",
    "REVERSED": "↩",
    "CANCELLED": "✗",
    "DRAFT": "○",
    "AWAITING_APPROVAL": "◔",
    "RELEASED": "✓",
    "VOIDED": "✗",
}
COLORS = {
    "QUALIFIED": "staff-green",
    "PAID": "staff-green",
    "RELEASED": "staff-green",
    "IN_REVIEW": "staff-blue",
    "ACTIVATED": "staff-blue",
    "APPROVED": "staff-blue",
    "AWAITING_APPROVAL": "staff-amber",
    "NOT_QUALIFIED": "staff-red",
    "CANCELLED": "staff-red",
    "REVERSED": "staff-red",
    "VOIDED": "staff-red",
}


@register.filter
def status_sign(status: str) -> str:
    """The sign beside the word of a status."""
    return SIGNS.get(status, "")


@register.filter
def status_color(status: str) -> str:
    """The class of a status's chip; colour only adds to sign and word."""
    return COLORS.get(status, "staff-grey")


@register.filter
def in_words(code: str) -> str:
    """A code as a person reads it."""
    return code.replace("_", " ")


@register.filter
def dialled(phone: str) -> str:
    """A telephone number without what is written between its digits."""
    return "".join(sign for sign in phone if sign.isdigit() or sign == "+")


@register.filter
def is_web(address: str) -> bool:
    """Only such an address is made a link: it was typed by a stranger."""
    return address.lower().startswith(("https://", "http://"))


@register.filter
def their_time(now: datetime, zone: str) -> str:
    """What the clock shows at the account's place; empty for a zone that does not exist."""
    try:
        there = now.astimezone(ZoneInfo(zone))
    except (KeyError, ValueError):
        return ""
    return f"their time {there:%a %H:%M}"
