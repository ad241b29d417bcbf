"""
Fees that referrers bear: stated by a way to pay, kept from a payout when somebody is told to pay it.

What is charged is what is not free of fees, by the terms of each bonus. Bonuses whose reward is exempt are
never charged:

- Of a payout of a batch they are left out of the charged part. What is kept for what the referrer owes comes
  off the charged part first.
- Of a balance, what exempt bonuses brought into it is withdrawn first: a withdrawal is charged on that part
  by which all that the referrer has withdrawn goes beyond it. So a balance made of exempt bonuses alone is
  withdrawn without a fee, whatever else is done with it. Bonuses count that were paid before the withdrawal,
  and not taken back before; what others have given is not free.

The fee goes from clearing to the program's account of fees; when the payment is voided, fails or comes back,
payouts.payments.steps gives it back by a row of its own. The next payment bears its own fee.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from payouts import ledger
from payouts.insertion import listed
from payouts.models import (
    Arrival,
    Bonus,
    Fee,
    PaymentLine,
    PaymentOrder,
    Payout,
    PayoutMethod,
    Transfer,
    Withdrawal,
)
from payouts.rules import fees
from payouts.rules.lifecycle import AccountKind, TransferKind
from referrals.models import Enrollment

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Charge:
    """What a payment of a payout costs its referrer, in minor units; always something."""

    gross_minor: int
    charged_minor: int
    fee_minor: int

    @property
    def net_minor(self) -> int:
        """What is sent; of a payout that its fee would eat whole, nothing."""
        return self.gross_minor - self.fee_minor


Charges = Mapping[int, Charge]
"""By the number of the payout; a payout that bears no fee is not in it."""


def stated(method: PayoutMethod, payouts: Sequence[int]) -> dict[int, Charge]:
    """What each of these payouts would bear if it was paid by this method now."""
    if not states_a_fee(method):
        return {}
    earlier = Withdrawal.objects.filter(pk__lt=OuterRef("withdrawal"))
    before = Transfer.objects.filter(pk__lt=OuterRef("withdrawal__transfer__pk"))
    rows = Payout.objects.filter(pk__in=listed(payouts)).annotate(
        of_bonuses=_exempt_bonuses(),
        of_balance=_brought_in(before, to="enrollment") - _withdrawn(earlier, by="enrollment"),
    )
    charges = {}
    for payout in rows.order_by("pk"):
        exempt = payout.of_bonuses if payout.batch_id else max(0, payout.of_balance)
        charged = fees.charged_minor(payout.amount_minor, exempt_minor=exempt)
        fee = fees.fee_minor(
            charged, fixed_minor=method.fee_fixed_minor, basis_points=method.fee_basis_points
        )
        if fee:
            charges[payout.pk] = Charge(payout.amount_minor, charged, fee)
    return charges


def states_a_fee(method: PayoutMethod) -> bool:
    """Does the referrer bear something of what is paid by it?"""
    return bool(method.fee_fixed_minor or method.fee_basis_points)


def net_minor(payout: Payout, charges: Charges) -> int:
    """What is sent of a payout, in minor units."""
    charge = charges.get(payout.pk)
    return payout.amount_minor - (charge.fee_minor if charge else 0)


def way_of(enrollment: Enrollment) -> PayoutMethod | None:
    """By which a referrer is paid now, as far as that is known."""
    live = enrollment.destinations.live().values("method")
    return PayoutMethod.objects.open().filter(program=enrollment.program_id, code__in=live).first()


def expected(payout: Payout) -> Charge | None:
    """What a payout that waits would bear by the way that its referrer is paid; nothing is known: none."""
    method = way_of(payout.enrollment)
    return stated(method, [payout.pk]).get(payout.pk) if method else None


def free_minor(enrollment: Enrollment) -> int:
    """How much a referrer could withdraw now without being charged, if it is there."""
    free = _brought_in(Transfer.objects.all(), to="pk") - _withdrawn(Withdrawal.objects.all(), by="pk")
    rows = Enrollment.objects.filter(pk=enrollment.pk).annotate(free=free)
    free_of_fees: int = rows.values_list("free", flat=True).get()
    return max(0, free_of_fees)


def standing(payout: Payout) -> Fee | None:
    """The fee that a payout bears, if somebody was told to pay it and it did not come to nothing."""
    return Fee.objects.standing().filter(payout=payout).last()


def keep(
    charged: Iterable[tuple[Charge, Payout, PaymentLine | PaymentOrder | Arrival]], *, at: datetime
) -> None:
    """Keep the fees of payments that are being told; belongs into the transaction that writes them."""
    made = Fee.objects.bulk_create(
        [
            Fee(
                payout=payout,
                charged_minor=charge.charged_minor,
                amount_minor=charge.fee_minor,
                currency=payout.currency,
                charged_at=at,
                **{_FIELD_OF[type(payment)]: payment},
            )
            for charge, payout, payment in charged
        ],
        batch_size=AT_ONCE,
    )
    if made:
        ledger.post_for_each_fee(
            Fee.objects.filter(pk__in=listed([fee.pk for fee in made])),
            kind=TransferKind.FEE,
            debit=AccountKind.CLEARING,
            credit=AccountKind.FEES,
            posted_at=at,
        )


def of_arrived(line: PaymentLine, payout: Payout) -> Charge | None:
    """
    What a payout bears that is paid by a payment which was given up, and arrived: that payment's own fee.

    Something was kept from the payout since, perhaps: at least one minor unit of it counts as sent.
    """
    fee = Fee.objects.filter(line=line).first()
    if fee is None or payout.amount_minor <= 1:
        return None
    return Charge(payout.amount_minor, fee.charged_minor, min(fee.amount_minor, payout.amount_minor - 1))


_FIELD_OF: dict[type, str] = {PaymentLine: "line", PaymentOrder: "order", Arrival: "arrival"}


def _exempt_bonuses() -> Any:
    """What the exempt bonuses of a payout come to."""
    mine = Bonus.objects.filter(payout=OuterRef("pk"), reward__fee_exempt=True).order_by()
    return _summed(mine.values("payout"))


def _brought_in(rows: QuerySet[Transfer], *, to: str) -> Any:
    """What of these transfers exempt bonuses have brought into the balance of a referrer."""
    exempt = rows.filter(bonus__reward__fee_exempt=True).order_by()
    came, went = (
        exempt.filter(
            **{"kind": kind, f"{side}__kind": AccountKind.BALANCE, f"{side}__enrollment": OuterRef(to)}
        ).values(f"{side}__enrollment")
        for kind, side in ((TransferKind.RELEASED, "credit"), (TransferKind.REVERSED, "debit"))
    )
    return _summed(came) - _summed(went)


def _withdrawn(rows: QuerySet[Withdrawal], *, by: str) -> Any:
    """What of these withdrawals are those of a referrer, together."""
    return _summed(rows.filter(enrollment=OuterRef(by)).order_by().values("enrollment"))


def _summed(grouped: Any) -> Coalesce:
    return Coalesce(Subquery(grouped.annotate(total=Sum("amount_minor")).values("total")), 0)
