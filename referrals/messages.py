"""
Messages: mails, written as rows in the transaction that causes them, sent later by a sweep.

A mail is sent at least once. A worker claims its row by a swap, sends it outside of any transaction, and
marks the row; if it dies after the server took the mail and before the mark, the mail goes out again. Both
carry the same Message-ID, by which mail programs know one for the other. The other way round a mail would be
lost, and with it the only word that a company waits too long.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from smtplib import SMTPConnectError, SMTPException, SMTPServerDisconnected
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db.models import F, Q, QuerySet

from referrals import scopes
from referrals.jobs import Tally
from referrals.models import Message

WAITS = [timedelta(minutes=10), timedelta(minutes=20), timedelta(minutes=40), timedelta(minutes=110)]
"""
How long after each try the next one comes; as long as the first is a claim that nobody marked as sent
protected from other workers.
"""
MOST_TRIES = len(WAITS) + 1
MOST_IN_ONE_RUN = 100
LONGEST_ERROR = 500

GIVEN_UP = Q(sent_at__isnull=True, tries__gte=MOST_TRIES)
"""All tries are used up: a person looks at it."""

ASK_AGAIN = timedelta(seconds=50)
"""So long after a server did not answer it is asked again: at the next run."""

Send = Callable[[Message], None]
Clock = Callable[[], datetime]


def write(
    *, kind: str, key: str, to: User | None, address: str, subject: str, text: str, at: datetime
) -> bool:
    """
    Write a mail, to be sent once this transaction holds.

    :param key: what it is about; under one key nothing is told twice
    :return: whether it is new
    """
    _, is_new = Message.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "recipient": to,
            "address": address,
            "subject": subject,
            "text": text,
            "written_at": at,
        },
    )
    return is_new


def can_be_sent() -> bool:
    """There is a mail server, or a developer who reads the log."""
    return is_server_set() or settings.DEBUG


def is_server_set() -> bool:
    """Mails leave this machine."""
    return bool(settings.EMAIL_URL)


def send_due(*, as_of: datetime, send: Send, clock: Clock | None = None) -> Tally:
    """
    Send each mail whose turn it is; one that fails is tried again later, and told.

    While the server is away no try is used up: of those that wait one asks for it, another one next time.

    :param send: raises if the mail was not taken
    :param clock: read for every mail, so that whoever sends many is not overtaken; else it stays ``as_of``
    """
    tally = Tally()
    for message in _due(as_of)[:MOST_IN_ONE_RUN]:
        now = clock() if clock else as_of
        if not _claim(message, as_of=now):
            # Another worker has it.
            continue
        tally.examined += 1
        try:
            send(message)
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            Message.objects.filter(pk=message.pk, sent_at__isnull=True).update(error=told[:LONGEST_ERROR])
            tally.fail(f"message {message.pk}: {told}")
            if _nobody_answers(error):
                # The others would wait as long.
                _give_try_back(message, claimed_at=now)
                break
        else:
            Message.objects.filter(pk=message.pk).update(sent_at=clock() if clock else as_of, error="")
            tally.done += 1
    return tally


def by_mail(message: Message) -> None:
    """
    Give a mail to the server of the settings.

    :raises OSError: if it was not taken
    """
    place = urlsplit(settings.SITE_URL).hostname
    # The same at every try.
    headers = {"Message-ID": f"<message-{message.pk}-{message.written_at:%Y%m%d%H%M%S}@{place}>"}
    EmailMessage(message.subject, message.text, to=[message.address], headers=headers).send()


def seen_by(person: User) -> QuerySet[Message]:
    """Mails that a person may read: who works for some programs only, reads the own ones."""
    every = Message.objects.all()
    return every if scopes.programs_of(person) is None else every.filter(recipient=person)


def try_again(message: Message) -> bool:
    """Let a mail be tried anew from now on; ``False``: it is sent by now."""
    unsent = Message.objects.filter(pk=message.pk, sent_at__isnull=True)
    return bool(unsent.update(tries=0, claimed_at=None, error=""))


def _is_due(as_of: datetime) -> Q:
    # With no try used and yet claimed before: nobody answered.
    due = Q(tries=0) & (Q(claimed_at__isnull=True) | Q(claimed_at__lte=as_of - ASK_AGAIN))
    for tries, wait in enumerate(WAITS, start=1):
        due |= Q(tries=tries, claimed_at__lte=as_of - wait)
    return due & Q(sent_at__isnull=True)


def _due(as_of: datetime) -> QuerySet[Message]:
    # Who has asked for a server that was away comes after those who have not: one mail at which the server
    # hangs up does not keep the others back.
    due = Message.objects.filter(_is_due(as_of), written_at__lte=as_of)
    return due.order_by(F("claimed_at").asc(nulls_first=True), "pk")


def _claim(message: Message, *, as_of: datetime) -> bool:
    mine = Message.objects.filter(_is_due(as_of), pk=message.pk)
    return bool(mine.update(claimed_at=as_of, tries=F("tries") + 1))


def _give_try_back(message: Message, *, claimed_at: datetime) -> None:
    mine = Message.objects.filter(pk=message.pk, sent_at__isnull=True, claimed_at=claimed_at, tries__gt=0)
    mine.update(tries=F("tries") - 1)


def _nobody_answers(error: Exception) -> bool:
    """The server is away, rather than that it refuses this mail."""
    if isinstance(error, SMTPConnectError | SMTPServerDisconnected):
        return True
    return isinstance(error, OSError) and not isinstance(error, SMTPException)
