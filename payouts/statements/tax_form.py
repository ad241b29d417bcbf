"""What a referrer is told of the tax form that a program asks for."""

from dataclasses import dataclass
from datetime import datetime

from payouts.models import Payout
from payouts.payments import tax_forms, tax_limits
from payouts.rules.tax_forms import FormStatus
from referrals.models import Enrollment


@dataclass(frozen=True, slots=True)
class Notice:
    """That a form is needed, and what waits for it; amounts in minor units."""

    limit_minor: int
    held_minor: int
    currency: str
    status: FormStatus


def notice(enrollment: Enrollment, *, at: datetime) -> Notice | None:
    """``None``: nothing waits for a form, and nobody has asked for one, or it is here."""
    limit = tax_limits.limit_of(enrollment.program, at=at)
    if limit is None:
        return None
    form = tax_forms.standing(enrollment, at=at)
    waiting = tax_limits.sums(Payout.objects.filter(enrollment=enrollment), at=at)
    if form.is_valid or not (waiting or form.status is FormStatus.REQUESTED):
        return None
    held_minor = sum(each.amount_minor for each in waiting)
    return Notice(limit.above_minor or 0, held_minor, enrollment.program.currency, form.status)
