"""Taking a paid bonus back: proposed on its page, confirmed by another person on the page of the proposal."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from payouts import reversals
from payouts.admin.batch_steps import APPROVE, PREPARE
from payouts.models import Bonus
from payouts.rules.lifecycle import BonusStatus
from referrals.admin.columns import amount
from referrals.admin.steps import ReasonForm, Step
from referrals.rules.words import Clawback


def _propose(bonus: Bonus, by: User, at: datetime, told: dict[str, Any]) -> str:
    proposal = reversals.propose_reversal(bonus, by=by, at=at, note=told["reason"])
    return f"Proposal {proposal.pk} waits for another person to confirm it. Nothing has changed yet."


def _can_be_taken_back(bonus: Bonus) -> bool:
    return bonus.status == BonusStatus.PAID and bonus.terms.clawback == Clawback.BY_STAFF


def _is_proposed(bonus: Bonus, user: User) -> str | None:
    asked = reversals.open_proposal(bonus)
    return f"Proposal {asked.pk} to take it back waits for another person." if asked else None


TAKE_BACK = Step(
    "take-back",
    verb=lambda bonus: f"Take back {amount(bonus)}",
    explains="Another person confirms it. Then a new line of the books takes the money back; what was paid"
    " stays written down.",
    permissions=[PREPARE, APPROVE],
    take=_propose,
    is_offered=_can_be_taken_back,
    why_not=_is_proposed,
    form=ReasonForm,
)
