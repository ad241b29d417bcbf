"""Steps that wait for a second person: proposed here, confirmed on the page of the proposal."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Model

from referrals import proposals
from referrals.models import Proposal


def ask(
    row: Model, *, actions: tuple[str, ...], action: str, reason: str, by: User, at: datetime, **more: str
) -> str:
    """
    Propose a step; what contradicts it must not wait beside it.

    :param actions: all that can be proposed about such a row; one of them waits at a time
    :param more: what else is said with it
    :raises AlreadyProposed: if one does
    """
    waiting = Proposal.objects.filter(
        action__in=actions, target=str(row.pk), confirmed_at__isnull=True, withdrawn_at__isnull=True
    ).first()
    if waiting is not None:
        raise proposals.AlreadyProposed(
            f"Proposal {waiting.pk} about {row} waits: confirm or withdraw that one first."
        )
    proposal = proposals.propose(
        action, target=str(row.pk), arguments={"reason": reason, **more}, by=by, at=at
    )
    return f"Proposal {proposal.pk} waits for another person to confirm it. Nothing has changed yet."
