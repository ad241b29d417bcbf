"""
Rows for tests. A bare factory gives the most ordinary valid row, and the books and trails agree with it.

The story they tell by default: an account signs up on January 12, 2026, is qualified by staff the next day,
and the bonus is due from February 16 to 28.
"""

from tests.factories.accounts import (
    DECIDED_AT,
    SIGNED_UP_AT,
    AccountEventFactory,
    EnrollmentFactory,
    ReferredAccountFactory,
    ReferrerFactory,
    SignUpFactory,
)
from tests.factories.bonuses import (
    LATER,
    OPENS_AT,
    PAID_AT,
    BonusFactory,
    booked_bonus,
    cancelled_bonus,
    ledger_account,
    paid_bonus,
    reversed_bonus,
)
from tests.factories.programs import (
    TERMS_BEGIN_AT,
    ApiClientFactory,
    HostFactory,
    ProgramFactory,
    TermsFactory,
    UserFactory,
)

__all__ = [
    "DECIDED_AT",
    "LATER",
    "OPENS_AT",
    "PAID_AT",
    "SIGNED_UP_AT",
    "TERMS_BEGIN_AT",
    "AccountEventFactory",
    "ApiClientFactory",
    "BonusFactory",
    "EnrollmentFactory",
    "HostFactory",
    "ProgramFactory",
    "ReferredAccountFactory",
    "ReferrerFactory",
    "SignUpFactory",
    "TermsFactory",
    "UserFactory",
    "booked_bonus",
    "cancelled_bonus",
    "ledger_account",
    "paid_bonus",
    "reversed_bonus",
]
