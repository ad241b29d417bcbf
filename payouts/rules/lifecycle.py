"""
The life of bonuses, batches, payouts, payment files, orders, benefits and withdrawals, as data.

    Bonus     ACTIVATED ──> APPROVED ──> PAID ──> REVERSED     ACTIVATED, APPROVED ──> CANCELLED
              APPROVED ──> ACTIVATED                           (its batch was voided, or it waits)
    Batch     DRAFT ──> AWAITING_APPROVAL ──> APPROVED ──> RELEASED
              AWAITING_APPROVAL ──> DRAFT (refused)            APPROVED ──> VOIDED
    Payout    PREPARED ──> CREDITED                            (account balance and credit)
              PREPARED ──> SENDING ──> SENT ──> CONFIRMED      SENDING ──> UNKNOWN ──> SENT | FAILED
              SENDING ──> PREPARED (its file was voided)       (cash, withdrawals)
              SENDING ──> FAILED   (refused over the network)  UNKNOWN ──> SENDING (they never had it)
              SENT ──> FAILED | RETURNED ──> REISSUED          CONFIRMED ──> RETURNED
              PREPARED ──> CANCELLED                           (all of it made up for what was owed)
              PREPARED, FAILED ──> CONFIRMED                   (an attempt that was given up arrived)
    File      MADE ──> UPLOADED | VOIDED | IN_DOUBT            IN_DOUBT ──> UPLOADED | VOIDED
    Order     WAITING ──> CALLING ──> ACCEPTED ──> CONFIRMED   CALLING ──> WAITING (not taken: once more)
              CALLING ──> UNKNOWN ──> WAITING (they do not know its key) | ACCEPTED | CONFIRMED
              any but CONFIRMED ──> REFUSED                    ACCEPTED, CONFIRMED ──> RETURNED
    Benefit   OFFERED ──> GRANTED ──> APPLIED | LOST | REVOKED

Held, due, overdue and 'in a draft batch' are derived, never stored as a status.
"""

from referrals.rules.words import Word


class BonusStatus(Word):
    ACTIVATED = "ACTIVATED"
    APPROVED = "APPROVED"
    PAID = "PAID"
    REVERSED = "REVERSED"
    CANCELLED = "CANCELLED"


class BatchStatus(Word):
    DRAFT = "DRAFT"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    APPROVED = "APPROVED"
    RELEASED = "RELEASED"
    VOIDED = "VOIDED"


class BatchRemark(Word):
    """About what somebody writes on a batch."""

    EXCLUDED = "EXCLUDED"
    REFUSED = "REFUSED"
    VOIDED = "VOIDED"


class PayoutStatus(Word):
    PREPARED = "PREPARED"
    CREDITED = "CREDITED"
    SENDING = "SENDING"
    SENT = "SENT"
    CONFIRMED = "CONFIRMED"
    UNKNOWN = "UNKNOWN"
    FAILED = "FAILED"
    RETURNED = "RETURNED"
    REISSUED = "REISSUED"
    CANCELLED = "CANCELLED"


class FileStatus(Word):
    MADE = "MADE"
    UPLOADED = "UPLOADED"
    IN_DOUBT = "IN_DOUBT"
    VOIDED = "VOIDED"


class OrderStatus(Word):
    """How a payment order stands that goes over the network."""

    WAITING = "WAITING"
    CALLING = "CALLING"
    ACCEPTED = "ACCEPTED"
    CONFIRMED = "CONFIRMED"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"
    RETURNED = "RETURNED"


class Call(Word):
    """What a call about a payment order was for."""

    SEND = "SEND"
    ASK = "ASK"
    SETTLE = "SETTLE"


class Outcome(Word):
    """What came of a call."""

    ACCEPTED = "ACCEPTED"
    PAID = "PAID"
    REFUSED = "REFUSED"
    RETURNED = "RETURNED"
    NOT_TAKEN = "NOT_TAKEN"
    NOT_KNOWN = "NOT_KNOWN"
    UNKNOWN = "UNKNOWN"


class Result(Word):
    """What a bank or payment service says has become of a payment."""

    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"
    RETURNED = "RETURNED"


class Verdict(Word):
    """What a line of a report comes to."""

    DONE = "DONE"
    UNCHANGED = "UNCHANGED"
    REFUSED = "REFUSED"


class BenefitStatus(Word):
    OFFERED = "OFFERED"
    GRANTED = "GRANTED"
    APPLIED = "APPLIED"
    LOST = "LOST"
    REVOKED = "REVOKED"


class WithdrawalStatus(Word):
    REQUESTED = "REQUESTED"
    SENT = "SENT"
    CONFIRMED = "CONFIRMED"
    REFUSED = "REFUSED"


class AccountKind(Word):
    """The kinds of account in the books; five belong to the program, the rest to a referrer in it."""

    EXPENSE = "EXPENSE"
    CLEARING = "CLEARING"
    BANK = "BANK"
    SERVICES = "SERVICES"
    FEES = "FEES"
    PAYABLE = "PAYABLE"
    BALANCE = "BALANCE"
    CREDIT = "CREDIT"
    CASH_OWED = "CASH_OWED"


class TransferKind(Word):
    ACTIVATED = "ACTIVATED"
    CANCELLED = "CANCELLED"
    RELEASED = "RELEASED"
    REVERSED = "REVERSED"
    WITHDRAWN = "WITHDRAWN"
    SPENT = "SPENT"
    GIVEN = "GIVEN"
    CONFIRMED = "CONFIRMED"
    RETURNED = "RETURNED"
    SET_OFF = "SET_OFF"
    OVERPAID = "OVERPAID"
    FEE = "FEE"
    FEE_BACK = "FEE_BACK"


_B, _P, _O, _F, _S = BonusStatus, BatchStatus, PayoutStatus, FileStatus, OrderStatus

BONUS_SOURCES: dict[BonusStatus, frozenset[BonusStatus]] = {
    _B.ACTIVATED: frozenset({_B.APPROVED}),
    _B.APPROVED: frozenset({_B.ACTIVATED}),
    _B.PAID: frozenset({_B.APPROVED}),
    _B.REVERSED: frozenset({_B.PAID}),
    _B.CANCELLED: frozenset({_B.ACTIVATED, _B.APPROVED}),
}

BATCH_SOURCES: dict[BatchStatus, frozenset[BatchStatus]] = {
    _P.DRAFT: frozenset({_P.AWAITING_APPROVAL}),
    _P.AWAITING_APPROVAL: frozenset({_P.DRAFT}),
    _P.APPROVED: frozenset({_P.AWAITING_APPROVAL}),
    _P.RELEASED: frozenset({_P.APPROVED}),
    _P.VOIDED: frozenset({_P.APPROVED}),
}

PAYOUT_SOURCES: dict[PayoutStatus, frozenset[PayoutStatus]] = {
    _O.PREPARED: frozenset({_O.SENDING}),
    _O.CREDITED: frozenset({_O.PREPARED}),
    _O.SENDING: frozenset({_O.PREPARED, _O.UNKNOWN}),
    _O.SENT: frozenset({_O.SENDING, _O.UNKNOWN}),
    _O.CONFIRMED: frozenset({_O.SENT, _O.PREPARED, _O.FAILED}),
    _O.UNKNOWN: frozenset({_O.SENDING}),
    _O.FAILED: frozenset({_O.SENDING, _O.SENT, _O.UNKNOWN}),
    _O.RETURNED: frozenset({_O.SENT, _O.CONFIRMED}),
    _O.REISSUED: frozenset({_O.FAILED, _O.RETURNED}),
    _O.CANCELLED: frozenset({_O.PREPARED}),
}

FILE_SOURCES: dict[FileStatus, frozenset[FileStatus]] = {
    _F.MADE: frozenset(),
    _F.UPLOADED: frozenset({_F.MADE, _F.IN_DOUBT}),
    _F.IN_DOUBT: frozenset({_F.MADE}),
    _F.VOIDED: frozenset({_F.MADE, _F.IN_DOUBT}),
}

ORDER_SOURCES: dict[OrderStatus, frozenset[OrderStatus]] = {
    # A credit that the host refused is sent once more by a person; refused payments are reissued.
    _S.WAITING: frozenset({_S.CALLING, _S.UNKNOWN, _S.REFUSED}),
    _S.CALLING: frozenset({_S.WAITING}),
    _S.ACCEPTED: frozenset({_S.WAITING, _S.CALLING, _S.UNKNOWN}),
    _S.CONFIRMED: frozenset({_S.WAITING, _S.CALLING, _S.UNKNOWN, _S.ACCEPTED}),
    _S.REFUSED: frozenset({_S.WAITING, _S.CALLING, _S.UNKNOWN, _S.ACCEPTED}),
    _S.UNKNOWN: frozenset({_S.CALLING}),
    _S.RETURNED: frozenset({_S.WAITING, _S.CALLING, _S.UNKNOWN, _S.ACCEPTED, _S.CONFIRMED}),
}

COMES_TO: dict[Outcome, OrderStatus] = {
    Outcome.ACCEPTED: _S.ACCEPTED,
    Outcome.PAID: _S.CONFIRMED,
    Outcome.REFUSED: _S.REFUSED,
    Outcome.RETURNED: _S.RETURNED,
    Outcome.NOT_TAKEN: _S.WAITING,
    Outcome.NOT_KNOWN: _S.WAITING,
    Outcome.UNKNOWN: _S.UNKNOWN,
}
"""What an order becomes by what a call came to."""

PAYOUT_OF: dict[OrderStatus, PayoutStatus] = {
    _S.WAITING: _O.SENDING,
    _S.CALLING: _O.SENDING,
    _S.ACCEPTED: _O.SENT,
    _S.CONFIRMED: _O.CONFIRMED,
    _S.REFUSED: _O.FAILED,
    _S.UNKNOWN: _O.UNKNOWN,
    _S.RETURNED: _O.RETURNED,
}
"""How a payout stands whose order stands so."""

REPORTED: dict[Result, PayoutStatus] = {
    Result.CONFIRMED: _O.CONFIRMED,
    Result.FAILED: _O.FAILED,
    Result.RETURNED: _O.RETURNED,
}
"""What a payout becomes that was sent, by what is reported of it."""

REPORTED_FROM: dict[Result, frozenset[PayoutStatus]] = {
    Result.CONFIRMED: frozenset({_O.SENT}),
    Result.FAILED: frozenset({_O.SENT}),
    Result.RETURNED: frozenset({_O.SENT, _O.CONFIRMED}),
}
"""Of which payouts a bank can say so: of others it contradicts what is known here, and people look."""

UNDER_WAY = frozenset({_O.PREPARED, _O.SENDING, _O.SENT, _O.UNKNOWN, _O.FAILED, _O.RETURNED})
"""Payouts whose money is neither with the referrer nor on the way by a later attempt: it is in clearing."""

GIVES_FEES_BACK = frozenset({_O.PREPARED, _O.FAILED, _O.RETURNED})
"""A payout that becomes so was not paid after all: its referrer bears no fee for it."""

UNPAID = frozenset({_B.ACTIVATED, _B.APPROVED})
LIVING = frozenset({_B.ACTIVATED, _B.APPROVED, _B.PAID, _B.REVERSED})
"""All but CANCELLED: of these there is one per account, reward and period."""

NOT_ACTIVE = "referred_account_not_active"
NO_LONGER_HOLDS = "milestone_no_longer_holds"
QUALIFICATION_REVOKED = "qualification_revoked"
"""Why a bonus is cancelled, besides the reasons of eligibility rows."""
