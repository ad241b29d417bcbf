"""
How a reward reaches its referrer, and what can be done with it then.

Account credit is no cash: Smith.ai's older program says that it "cannot be converted" (PROGRAMS.md, M31). It
pays for services of the host, on the account that earned it, and that is all.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from payouts.rules.lifecycle import AccountKind
from referrals.rules.words import RewardKind


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which rewards are paid, as staff and as a referrer read it."""

    label: str
    rule: str
    public: str
    """The same, to whoever has it."""


WAYS: Mapping[RewardKind, Way] = {
    RewardKind.ACCOUNT_BALANCE: Way(
        "Account balance",
        "It is credited to the referrer's balance, which pays for services. Where the terms allow it, it can"
        " be withdrawn, or given to another referrer.",
        "It is added to your balance.",
    ),
    RewardKind.ACCOUNT_CREDIT: Way(
        "Account credit",
        "It is not cash: it pays for services on the account that earned it. It cannot be withdrawn or set"
        " off against money that is owed, and goes to no other account unless the terms say so.",
        "It is not cash: it is taken off what you pay us. It cannot be withdrawn.",
    ),
    RewardKind.CASH: Way(
        "Cash",
        "It is sent to the referrer's own account elsewhere, by a method that the program pays by.",
        "It is sent to your account.",
    ),
}

CREDIT_PAYS = frozenset({AccountKind.SERVICES, AccountKind.CREDIT, AccountKind.EXPENSE})
"""
Where account credit can go: to services of the host, back to the program when it is taken back, and to the
credit of another referrer where the terms say so.
"""
