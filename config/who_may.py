"""Who somebody is, and what that person may: as with Django and allauth, for one query fewer per page."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.models import Permission
from django.db.models import Q

KEPT = "_all_that_this_person_may"


class Backend(AuthenticationBackend):
    """Asks for a person's own permissions and those of the groups at once, and no more than once."""

    def get_all_permissions(self, user_obj: Any, obj: object = None) -> set[str]:
        if user_obj.is_superuser or not user_obj.is_active or user_obj.is_anonymous or obj is not None:
            found: set[str] = super().get_all_permissions(user_obj, obj)
            return found
        if not hasattr(user_obj, KEPT):
            granted = Permission.objects.filter(Q(user=user_obj) | Q(group__user=user_obj)).order_by()
            names = granted.values_list("content_type__app_label", "codename")
            setattr(user_obj, KEPT, {f"{app}.{codename}" for app, codename in names})
        kept: set[str] = getattr(user_obj, KEPT)
        return kept
