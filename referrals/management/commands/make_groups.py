"""The groups of staff, made of the roles as they are written down."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand
from django.db import transaction

from referrals.roles import FORMER, NOT_WITH_THE_REST, ROLES


class Command(BaseCommand):
    """``manage.py make_groups``"""

    help = (
        "Make the groups of staff, and give each exactly its permissions. A group of a former role is taken "
        "away; who was in it is named and needs another one. Groups of other names are left alone."
    )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        for name, wanted in ROLES.items():
            group, _ = Group.objects.get_or_create(name=name)
            group.permissions.set(_permissions(wanted, without=NOT_WITH_THE_REST.get(name, ())))
            if options["verbosity"]:
                self.stdout.write(f"{name}: {group.permissions.count()} permissions")
        for name, successors in FORMER.items():
            self._take_away(name, successors)

    def _take_away(self, name: str, successors: Sequence[str]) -> None:
        group = Group.objects.filter(name=name).first()
        if group is None:
            return
        members = list(group.user_set.order_by("username").values_list("username", flat=True))
        group.delete()
        self.stdout.write(f"{name}: taken away; there are {' and '.join(successors)} instead.")
        for username in members:
            self.stdout.write(f"  {username} needs one of them, or may do nothing of it any more.")


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
