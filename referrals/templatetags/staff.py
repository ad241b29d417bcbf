"""Words and signs of the staff pages."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django import template
from django.contrib.auth.models import User

from referrals.models import Program
from referrals.names import of_person, of_program

register = template.Library()

GREEN, BLUE, AMBER, RED, GREY = (f"staff-{color}" for color in ("green", "blue", "amber", "red", "grey"))

CHIPS = {
    # referred accounts
    "SIGNED_UP": ("○", GREY),
    "IN_REVIEW": ("◔", BLUE),
    "QUALIFIED": ("✓", GREEN),
    "NOT_QUALIFIED": ("✗", RED),
    "EXPIRED": ("-", GREY),
    # bonuses
    "ACTIVATED": ("…", BLUE),
    "APPROVED": ("…", BLUE),
    "PAID": ("✓", GREEN),
    "REVERSED": ("↩", RED),
    "CANCELLED": ("✗", RED),
    "ON_HOLD": ("❚❚", AMBER),
    # batches
    "DRAFT": ("○", GREY),
    "AWAITING_APPROVAL": ("◔", AMBER),
    "RELEASED": ("✓", GREEN),
    "VOIDED": ("✗", RED),
    # payouts
    "PREPARED": ("○", GREY),
    "CREDITED": ("✓", GREEN),
    "SENDING": ("…", BLUE),
    "SENT": ("…", BLUE),
    "CONFIRMED": ("✓", GREEN),
    "UNKNOWN": ("!", AMBER),
    "FAILED": ("✗", RED),
    "RETURNED": ("↩", RED),
    "REISSUED": ("↩", GREY),
    # tax forms
    "REQUESTED": ("◔", AMBER),
    "RECEIVED": ("✓", GREEN),
    "NONE": ("○", GREY),
    # payment orders, and what came of calls
    "WAITING": ("○", GREY),
    "CALLING": ("…", BLUE),
    "ACCEPTED": ("…", BLUE),
    "NOT_TAKEN": ("○", AMBER),
    "NOT_KNOWN": ("○", AMBER),
    # payment files, and lines of reports
    "MADE": ("○", AMBER),
    "UPLOADED": ("✓", GREEN),
    "IN_DOUBT": ("!", AMBER),
    "DONE": ("✓", GREEN),
    "UNCHANGED": ("-", GREY),
    "REFUSED": ("✗", RED),
    # programs, and taking part in them
    "INVITED": ("○", GREY),
    "ACTIVE": ("✓", GREEN),
    "SUSPENDED": ("❚❚", AMBER),
    "PAUSED": ("❚❚", AMBER),
    "CLOSED": ("✗", GREY),
    "ENDED": ("✗", GREY),
    "DECLINED": ("✗", GREY),
}
"""Status to its sign, and the class of its chip."""


@register.filter
def status_sign(status: str) -> str:
    """The sign beside the word of a status."""
    return CHIPS.get(status, ("", GREY))[0]


@register.filter
def status_color(status: str) -> str:
    """The class of a status's chip; colour only adds to sign and word."""
    return CHIPS.get(status, ("", GREY))[1]


@register.filter
def in_words(code: str) -> str:
    """A code as a person reads it."""
    return code.replace("_", " ")


@register.filter
def person_name(person: User | None) -> str:
    """Somebody by the full name, where it is known."""
    return of_person(person)


@register.filter
def program_name(program: Program) -> str:
    """A program as staff call it."""
    return of_program(program)


@register.filter
def dialled(phone: str) -> str:
    """A telephone number without what is written between its digits."""
    return "".join(sign for sign in phone if sign.isdigit() or sign == "+")


@register.filter
def is_web(address: str) -> bool:
    """Only such an address is made a link: it was typed by a stranger."""
    return address.lower().startswith(("https://", "http://"))


PRESETS = {"in_an_hour": "+1 h", "tomorrow": "Tomorrow", "monday": "Monday", "next_day": "Next day"}


@register.filter
def preset_words(preset: str) -> str:
    """What stands on the button of a usual time for a call back."""
    return PRESETS[preset]


SLA = {"ok": ("✓ in time", GREEN), "soon": ("! soon late", AMBER), "over": ("✗ late", RED)}
"""How the time allowed for a review stands: its words with their sign, and the class of the chip."""


@register.filter
def sla_words(sla: str) -> str:
    """Whether a review is late."""
    return SLA[sla][0]


@register.filter
def sla_color(sla: str) -> str:
    """The class of that chip; colour only adds to sign and word."""
    return SLA[sla][1]


@register.filter
def short_age(since: datetime, now: datetime) -> str:
    """How long ago an instant was, in its largest unit: '12 min', '21 h', '4 d'."""
    minutes = max(0, int((now - since).total_seconds() // 60))
    if minutes < 60:
        return f"{minutes}\N{NO-BREAK SPACE}min"
    hours = minutes // 60
    return f"{hours}\N{NO-BREAK SPACE}h" if hours < 48 else f"{hours // 24}\N{NO-BREAK SPACE}d"


@register.filter
def at_place(at: datetime, zone: ZoneInfo) -> datetime:
    """An instant in the zone of a company."""
    return at.astimezone(zone)


@register.filter
def clock(there: datetime) -> str:
    """The time of an instant in the zone that it is given in, whatever the zone of the page."""
    return f"{there:%H:%M}"


@register.filter
def day_and_clock(there: datetime) -> str:
    """Day and time of an instant in the zone that it is given in."""
    return f"{there:%a %b} {there.day}, {there:%H:%M}"
