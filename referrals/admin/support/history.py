"""What has happened with a referrer: mails, steps of taking part, notes, and who looked at the page."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from referrals.admin.support.overview import Part
from referrals.models import EnrollmentChange, Message, Note, Referrer, SeenAs

MOST = 50
"""The latest of each kind; older ones are in their lists."""

SEE_MAILS = "referrals.view_message"
SEE_NOTES = "referrals.view_note"
SEE_LOOKS = "referrals.view_seenas"


@dataclass(frozen=True, slots=True)
class History:
    """The latest rows of each kind; ``None``: this person may not see them."""

    changes: list[EnrollmentChange]
    mails: list[Message] | None
    notes: list[Note] | None
    looks: list[SeenAs] | None


def history(referrer: Referrer, found: Iterable[Part], user: Any) -> History:
    """What has happened, the latest first, as far as this person may see it."""
    enrolled = [part.enrollment.pk for part in found]
    changes = EnrollmentChange.objects.filter(enrollment__in=enrolled)
    mails = Message.objects.filter(recipient=referrer.user_id) if referrer.user_id else Message.objects.none()
    notes = Note.objects.filter(account__enrollment__in=enrolled)
    looks = SeenAs.objects.filter(referrer=referrer)
    return History(
        _latest(changes, "enrollment__program", "changed_by"),
        _latest(mails) if user.has_perm(SEE_MAILS) else None,
        _latest(notes, "account", "written_by") if user.has_perm(SEE_NOTES) else None,
        _latest(looks, "seen_by") if user.has_perm(SEE_LOOKS) else None,
    )


def _latest(rows: Any, *joined: str) -> list[Any]:
    return list((rows.select_related(*joined) if joined else rows).order_by("-pk")[:MOST])
