"""How a client of the API is named on the command line."""

from django.core.management.base import CommandError
from django.db.models import Q

from referrals.models import ApiClient


def named(text: str) -> ApiClient:
    """
    The client of that name or public id.

    :raises CommandError: if there is none, or hosts have one each
    """
    found = list(ApiClient.objects.filter(Q(public_id=text) | Q(name=text)).order_by("pk"))
    match found:
        case [client]:
            return client
        case []:
            known = ", ".join(ApiClient.objects.order_by("pk").values_list("name", flat=True)) or "none yet"
            raise CommandError(f"There is no API client '{text}' (there is: {known}). Add it in the admin.")
    raise CommandError(f"Several hosts have a client '{text}': {', '.join(c.public_id for c in found)}.")
