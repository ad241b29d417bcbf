"""The fee of a payment that its referrer bears, as a way to pay states it."""

WHOLE = 10_000
"""So many basis points are all of it."""


def fee_minor(charged_minor: int, *, fixed_minor: int, basis_points: int) -> int:
    """
    The fee on the charged part of a payment, in minor units.

    Half a minor unit is rounded up; the fee is never more than what is charged. Where nothing is charged, the
    fixed part is not, either.

    :param charged_minor: the part of the payment that is not free of fees
    :param fixed_minor: what each payment costs
    :param basis_points: hundredths of a percent of the charged part
    """
    if charged_minor <= 0:
        return 0
    share = (charged_minor * basis_points + WHOLE // 2) // WHOLE
    return min(fixed_minor + share, charged_minor)


def percent(basis_points: int) -> str:
    """Basis points as people read them: 2.50 %."""
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02} %"


def charged_minor(amount_minor: int, *, exempt_minor: int) -> int:
    """
    The part of a payment that is charged, in minor units.

    What is kept from a payout for what is owed comes off this part first: what is free of fees stays so.

    :param exempt_minor: what of its bonuses is free of fees
    """
    return max(0, amount_minor - exempt_minor)
