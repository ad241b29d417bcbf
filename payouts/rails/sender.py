"""
What a rail is that goes over the network: it sends one payment under a key, and is asked about a key.

What it says comes down to seven words. Only NOT_TAKEN (nothing was received, or it was put off) lets the same
call be made again by itself. UNKNOWN asks first: a call that may have been received is never just repeated.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from payouts.rails.wire import Answer, NoAnswer, NotSent
from payouts.rules.lifecycle import Outcome
from payouts.rules.payment_files import Instruction

LATER = {429, 503}
NOT_LET_IN = {401, 403, 404, 405}
REFUSED = {400, 402, 406, 410, 413, 415, 422}


@dataclass(frozen=True, slots=True)
class Said:
    """What came of a call."""

    outcome: Outcome
    reason: str = ""
    reference: str = ""
    """Theirs."""


class Sender(Protocol):
    """One rail over the network."""

    @property
    def currencies(self) -> Sequence[str]:
        """The only ones that it takes; empty: any."""

    @property
    def remembers(self) -> timedelta:
        """So long they know a key after it was first sent; later nothing is sent again under it."""

    def check(self, payment: Instruction) -> None:
        """
        See whether it could be sent, without calling anybody.

        :raises CannotBePaid: naming what is wrong with the payment
        :raises WrongField: if the rail is not set up here
        """

    def send(self, payment: Instruction, *, key: str) -> Said:
        """Send it. Under the same key it is paid once, however often it is sent."""

    def ask(self, payment: Instruction, *, key: str, reference: str) -> Said:
        """
        Ask what became of what was sent under a key.

        :param reference: theirs, if they gave one
        """


def sent(call: Callable[[], Answer]) -> Answer | Said:
    """What came of sending, if it is no success: whether it is refused, put off, or not known."""
    try:
        answer = call()
    except NotSent as problem:
        return Said(Outcome.NOT_TAKEN, str(problem))
    except NoAnswer as problem:
        return Said(Outcome.UNKNOWN, str(problem))
    if answer.is_success:
        return answer
    if answer.status in LATER:
        return Said(Outcome.NOT_TAKEN, f"They put it off ({answer.status}).")
    if answer.status in NOT_LET_IN:
        return Said(Outcome.NOT_TAKEN, f"They do not let us in ({answer.status}): look at the settings.")
    if answer.status in REFUSED:
        return Said(Outcome.REFUSED, f"They refuse it ({answer.status}).")
    return Said(Outcome.UNKNOWN, f"They answered {answer.status}.")


def asked(call: Callable[[], Answer]) -> Answer | Said:
    """What came of asking, if it is no success: nothing is known then."""
    try:
        answer = call()
    except (NotSent, NoAnswer) as problem:
        return Said(Outcome.UNKNOWN, f"They could not be asked: {problem}")
    if answer.is_success:
        return answer
    return Said(Outcome.UNKNOWN, f"Asked, they answered {answer.status}.")


def text_of(told: object, *, most: int = 150) -> str:
    """What somebody else wrote, fit to be kept: one line of printed signs."""
    written = told if isinstance(told, str) else ""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in written).split())[:most]
