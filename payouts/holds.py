"""
Holds: a stop on a bonus, put by a person or a rule.

Placing one swaps a column of the bonus itself, which release swaps too: a hold that was
accepted is never paid through.
"""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from payouts.insertion import listed
from payouts.models import Bonus, Hold
from payouts.models.bonus import BonusQuerySet
from payouts.rules.lifecycle import UNPAID, BonusStatus
from referrals.models import Program
from referrals.rules.refusal import Refused

LATE = "late"
FAILING = "payment_failed"


class NoSuchBonus(Refused):
    """The account has no bonus of that reward and period."""

    code = "no_such_bonus"


class AlreadyPaid(Refused):
    """The bonus is paid: it can be reversed, not held."""

    code = "already_paid"


class AlreadyCancelled(Refused):
    """The bonus is cancelled: there is nothing to hold."""

    code = "already_cancelled"


class AlreadyReversed(Refused):
    """The bonus is reversed: there is nothing to hold."""

    code = "already_reversed"


class NotHeld(Refused):
    """The bonus has no hold."""

    code = "not_held"


_WHY_NOT = {
    BonusStatus.PAID: AlreadyPaid("The bonus is paid: it can be reversed, not held."),
    BonusStatus.CANCELLED: AlreadyCancelled("The bonus is cancelled: there is nothing to hold."),
    BonusStatus.REVERSED: AlreadyReversed("The bonus is reversed: there is nothing to hold."),
}


def latest_bonus(program: Program, *, host_account: str, reward: str, period: str = "") -> Bonus:
    """
    The latest bonus of an account, reward and period.

    :raises NoSuchBonus: if there is none
    """
    found = Bonus.objects.filter(
        account__program=program, account__host_account=host_account, reward__code=reward, period=period
    ).order_by("-pk")
    bonus = found.first()
    if bonus is None:
        raise NoSuchBonus(f"{host_account} has no bonus '{reward}' {period}".rstrip() + ".")
    return bonus


@transaction.atomic
def place(bonus: Bonus, *, reason: str, by: User, at: datetime) -> Hold:
    """
    Stop a bonus from being paid until a person lifts the hold.

    :raises AlreadyPaid: also AlreadyCancelled, AlreadyReversed: if there is nothing to stop
    """
    # Release swaps the same row: of the two, exactly one finds the bonus unpaid.
    if not Bonus.objects.filter(pk=bonus.pk, status__in=UNPAID).update(on_hold=True):
        bonus.refresh_from_db()
        raise _WHY_NOT[BonusStatus(bonus.status)]
    return Hold.objects.create(bonus=bonus, reason=reason, placed_at=at, placed_by=by)


@transaction.atomic
def lift(bonus: Bonus, *, by: User, at: datetime) -> None:
    """
    End all holds of a bonus; the next run looks at it again.

    :raises NotHeld: if it has none
    """
    if not Bonus.objects.filter(pk=bonus.pk, on_hold=True).update(on_hold=False):
        raise NotHeld("The bonus has no hold.")
    Hold.objects.filter(bonus=bonus, lifted_at__isnull=True).update(lifted_at=at, lifted_by=by)


def place_on_late(bonuses: BonusQuerySet, *, at: datetime) -> int:
    """Hold what is late, once, so that a person is asked; returns how many."""
    return _place_by_rule(bonuses, reason=LATE, unless=Q(), at=at)


def place_on_failing(bonuses: BonusQuerySet, *, at: datetime) -> int:
    """Hold what could not be paid again and again, until a person has looked at it; returns how many."""
    return _place_by_rule(bonuses, reason=FAILING, unless=Q(lifted_at__isnull=True), at=at)


@transaction.atomic
def _place_by_rule(bonuses: BonusQuerySet, *, reason: str, unless: Q, at: datetime) -> int:
    """Hold each that has no hold of that reason yet; ``unless``: of these alone."""
    asked_before = Hold.objects.filter(unless, bonus=OuterRef("pk"), by_rule=True, reason=reason)
    locked = list(
        bonuses.filter(~Exists(asked_before))
        .select_for_update(of=("self",))
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    # Asked again with the rows locked: another run may have asked while this one waited for them.
    held = list(
        Bonus.objects.filter(~Exists(asked_before), pk__in=listed(locked)).values_list("pk", flat=True)
    )
    Hold.objects.bulk_create(Hold(bonus_id=pk, reason=reason, placed_at=at, by_rule=True) for pk in held)
    Bonus.objects.filter(pk__in=held).update(on_hold=True)
    return len(held)
