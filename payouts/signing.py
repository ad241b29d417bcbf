"""
What a program asks of who signs for its money: how many names from which sum on, and what is worth a look.

An installation sets it; no program file carries it. A batch freezes what it needs when it is put up.
"""

from collections.abc import Mapping

from django.db import transaction
from django.db.models import Max

from payouts.models import ApprovalTier, PayoutLimit
from referrals.models import Program
from referrals.rules.refusal import WrongField

TIERS = (3, 4)
"""So many names a sum may ask for: the preparer's, and those of two or three who approve."""


def approvals_needed(program: Program, *, sum_minor: int) -> int:
    """How many people must approve a batch of this sum; the preparer is none of them."""
    reached = ApprovalTier.objects.filter(program=program, from_minor__lte=sum_minor)
    people: int | None = reached.aggregate(most=Max("people"))["most"]
    return 1 if people is None else people - 1


def limit_minor(program: Program) -> int | None:
    """More than this to one referrer in one batch is worth a look, in minor units."""
    return PayoutLimit.objects.filter(program=program).values_list("per_referrer_minor", flat=True).first()


def tiers(program: Program) -> dict[int, int]:
    """So many names from which amount on, in minor units."""
    return dict(ApprovalTier.objects.filter(program=program).values_list("people", "from_minor"))


@transaction.atomic
def set_rules(program: Program, *, limit_minor: int | None, tiers: Mapping[int, int | None]) -> None:
    """
    Say what is asked from now on; what is put up already keeps what it was put up with.

    :param tiers: how many names to the amount from which on they are asked for, in minor units
    :raises WrongField: if more names are asked for from a smaller sum on than fewer are
    """
    three, four = (tiers.get(people) for people in TIERS)
    if three is not None and four is not None and four <= three:
        raise WrongField("four_from", "This must be more than the sum that asks for three names.")
    ApprovalTier.objects.filter(program=program).delete()
    ApprovalTier.objects.bulk_create(
        ApprovalTier(program=program, people=people, from_minor=from_minor)
        for people, from_minor in tiers.items()
        if from_minor is not None
    )
    PayoutLimit.objects.filter(program=program).delete()
    if limit_minor is not None:
        PayoutLimit.objects.create(program=program, per_referrer_minor=limit_minor)
