"""Notes: what people write about an account, beside the trail that cannot be erased."""

from datetime import datetime

from django.contrib.auth.models import User

from referrals.models import Note, ReferredAccount


def write(account: ReferredAccount, *, about: str, text: str, by: User, at: datetime) -> None:
    """Keep what somebody wrote; nothing written is nothing kept."""
    if text:
        Note.objects.create(account=account, about=about, text=text, written_by=by, written_at=at)
