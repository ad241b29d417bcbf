"""The groups of staff, as data: who may look at what, and who may do what."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand
from django.db import transaction

ACCOUNTS = [
    "referrals.view_referredaccount",
    "referrals.view_signup",
    "referrals.view_review",
    "referrals.view_call",
    "referrals.view_decision",
    "referrals.view_statuschange",
    "referrals.view_criterionresult",
    "referrals.view_milestonereached",
    "referrals.view_referrer",
    "referrals.view_enrollment",
]
CONTACT = "referrals.contact_referredaccount"

CALLER = [
    *ACCOUNTS,
    CONTACT,
    "referrals.decide_referredaccount",
    "referrals.view_note",
    "referrals.add_note",
    "referrals.view_proposal",
]
SENIOR = [
    *CALLER,
    "referrals.reopen_referredaccount",
    "referrals.waive_referredaccount",
    "referrals.change_note",
    "referrals.delete_note",
    "referrals.view_jobrun",
]
MANAGER = [
    "referrals.add_program",
    "referrals.change_program",
    "referrals.change_calloutcome",
    "referrals.add_sharetext",
    "referrals.change_sharetext",
    "referrals.delete_sharetext",
    "referrals.change_referrer",
    "referrals.add_calendar",
    "referrals.change_calendar",
    "referrals.add_holiday",
    "referrals.change_holiday",
    "referrals.delete_holiday",
]
FINANCE = [
    *ACCOUNTS,
    "referrals.view_program",
    "referrals.view_proposal",
    "referrals.view_jobrun",
    "payouts.hold_bonus",
    "payouts.prepare_payoutbatch",
    "payouts.approve_payoutbatch",
]

GROUPS: Mapping[str, Sequence[str]] = {
    "Callers": CALLER,
    "Seniors": SENIOR,
    "Finance": [*FINANCE, "view payouts"],
    "Program managers": [*MANAGER, "view referrals", "view payouts"],
    "Support": [CONTACT, "view referrals", "view payouts"],
    "Operators": [
        "referrals.view_jobrun",
        "referrals.change_jobrun",
        "referrals.view_failingpart",
        "referrals.view_accountevent",
    ],
    "Auditors": ["view referrals", "view payouts"],
}
"""
Group to what it may; ``view payouts`` stands for looking at all rows of that app.

Callers see no money. Only callers, seniors and support see phone, e-mail and contact. Who may change a run
of a job may start one.
"""

CREDENTIALS = ["view_apikey", "view_webhooksecret"]
NOT_WITH_THE_REST = {
    "Auditors": ["view_note", *CREDENTIALS],
    "Program managers": ["view_note", *CREDENTIALS],
    "Support": CREDENTIALS,
}
"""What people write may hold a phone number; keys and secrets are an administrator's alone."""


class Command(BaseCommand):
    help = "Make the groups of staff, and give each exactly its permissions."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        for name, wanted in GROUPS.items():
            group, _ = Group.objects.get_or_create(name=name)
            group.permissions.set(_permissions(wanted, without=NOT_WITH_THE_REST.get(name, ())))
            if options["verbosity"]:
                self.stdout.write(f"{name}: {group.permissions.count()} permissions")


def _permissions(wanted: Sequence[str], *, without: Sequence[str]) -> list[Permission]:
    """
    The rows of these permissions.

    :raises KeyError: if one does not exist
    """
    known = {
        f"{row.content_type.app_label}.{row.codename}": row
        for row in Permission.objects.select_related("content_type")
        if row.codename not in without
    }
    found: dict[str, Permission] = {}
    for each in wanted:
        verb, _, app = each.partition(" ")
        names = [name for name in known if name.startswith(f"{app}.{verb}_")] if app else [each]
        found |= {name: known[name] for name in names}
    return list(found.values())
