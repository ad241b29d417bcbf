"""
Steps that take two people: one proposes, another log-in confirms, then the step is taken.

This module keeps who said what; payouts.proposals knows the steps and takes them.
"""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from referrals.models import Proposal
from referrals.rules.refusal import Refused, require_two_people


class NotOpen(Refused):
    """The proposal was confirmed or withdrawn already."""

    code = "not_open"


class AlreadyProposed(Refused):
    """Somebody has asked for the same, and another person has not answered yet."""

    code = "already_proposed"


@transaction.atomic
def propose(action: str, *, target: str, arguments: dict[str, str], by: User, at: datetime) -> Proposal:
    """Ask another person for a step; nothing happens until somebody confirms."""
    return Proposal.objects.create(
        action=action, target=target, arguments=arguments, proposed_by=by, proposed_at=at
    )


@transaction.atomic
def confirm(proposal: Proposal, *, by: User, at: datetime) -> None:
    """
    Say yes to what another person proposed; the caller takes the step in the same transaction.

    :raises SamePerson: if it is the person who proposed it
    :raises NotOpen: if it was confirmed or withdrawn already
    """
    require_two_people(proposal.proposed_by, by)
    if not _open(proposal).update(confirmed_by=by, confirmed_at=at):
        raise NotOpen("This proposal was confirmed or withdrawn already.")
    proposal.refresh_from_db()


@transaction.atomic
def withdraw(proposal: Proposal, *, at: datetime) -> None:
    """
    Take a proposal back, or say no to it.

    :raises NotOpen: if it was confirmed or withdrawn already
    """
    if not _open(proposal).update(withdrawn_at=at):
        raise NotOpen("This proposal was confirmed or withdrawn already.")
    proposal.refresh_from_db()


def _open(proposal: Proposal) -> QuerySet[Proposal]:
    return Proposal.objects.filter(pk=proposal.pk, confirmed_at__isnull=True, withdrawn_at__isnull=True)
