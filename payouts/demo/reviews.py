"""The call desk's work of today: to call, to call again, just decided, looked alike, reopened, revoked."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import cycle

from payouts import reversals
from payouts.demo.companies import Company
from payouts.demo.history import History
from payouts.demo.script import Stage
from referrals import notes, qualification
from referrals.models import ExistingCustomer, ReferredAccount
from referrals.rules.identity import name_key, phone_key


def _hours(number: float) -> timedelta:
    return timedelta(hours=number)


WAITING: list[tuple[timedelta, list[tuple[str, timedelta]]]] = [
    (_hours(0.4), []),
    (_hours(1.2), []),
    (_hours(3), []),
    (_hours(9), []),
    (_hours(21), []),
    (_hours(48), [("NO_ANSWER", _hours(26))]),
    (_hours(24), [("NO_ANSWER", _hours(2))]),
    (_hours(72), [("CALL_BACK", _hours(25))]),
    (_hours(74), [("NO_ANSWER", _hours(48)), ("CALL_BACK", _hours(23.5))]),
    (_hours(120), [("VOICEMAIL", _hours(96)), ("VOICEMAIL", _hours(20))]),
    (_hours(53), [("BUSY", _hours(3))]),
    (_hours(144), [("WRONG_NUMBER", _hours(120)), ("NO_ANSWER", _hours(72))]),
]
"""How long ago a company signed up, and how its calls ended, how long ago."""


def write(history: History) -> None:
    """Fill the script with what the desk has done lately, and has before it."""
    before = history.before
    links = cycle(["rosa", "jonas", "lena"])
    waiting = [
        (history.story("smartcat", next(links), history.now - since), calls) for since, calls in WAITING
    ]
    for story, calls in waiting:
        for outcome, ago in calls:
            story.call(outcome, at=history.now - ago)
    _looks_alike(history, waiting[0][0].company)
    # A colleague comes by another referrer's link and is refused: the company is claimed already.
    claimed, _ = waiting[4]
    history.story(
        "smartcat",
        "lena",
        claimed.signed_up_at + _hours(2),
        claimed.company,
        host_account=f"{claimed.host_account}-purchasing",
        email=f"purchasing@{claimed.company.domain}",
    )

    # The second looks like its referrer: the same mail domain.
    history.story("smartcat", "rosa", before(hours=6), email="office@lang-words.example")
    history.story("smithai", "ben25", before(hours=8), email="second.office@ortiz-law.example")

    history.story("smartcat", "lena", before(days=1, hours=3)).decide(at=before(minutes=2))
    history.story("smartcat", "rosa", before(days=1, hours=5)).decide(
        "NOT_QUALIFIED", reason="freelancer", at=before(minutes=4)
    )

    sam, cara = history.stage.users["sam"], history.stage.users["cara"]
    history.story("smartcat", "jonas", before(days=12)).decide(
        "NOT_QUALIFIED", reason="no_translation_need", at=before(days=10)
    ).then(
        lambda account, at: qualification.reopen(
            account, by=sam, at=at, note="They open a plant in Lyon after all."
        ),
        at=before(days=1),
    )
    revoked = history.story("smartcat", "lena", before(days=20)).decide(at=before(days=18))
    revoked.tell("subscription.started", at=before(days=17)).then(
        lambda account, at: reversals.revoke(
            account,
            by=cara,
            approved_by=sam,
            at=at,
            reason="They may have been a customer under another name.",
        ),
        at=before(days=2),
    ).then(_note("Waiting for their old invoice number.", history.stage), at=before(days=1, hours=20))
    history.story(
        "smartcat",
        "jonas",
        before(days=30),
        email="kim@known-before.example",
        website="https://known-before.example",
    )


def _looks_alike(history: History, company: Company) -> None:
    """A customer of two years that is called like this company, and answers the same telephone."""
    name = f"{company.name.rsplit(' ', 1)[0]} Inc."
    ExistingCustomer.objects.create(
        host=history.stage.client.host,
        host_account="customer-42",
        company_name=name,
        email=f"accounts@{company.domain.partition('.')[0]}-holding.example",
        domain=f"{company.domain.partition('.')[0]}-holding.example",
        phone=company.phone,
        kind="COMPANY",
        name_key=name_key(name),
        phone_key=phone_key(company.phone, company.country),
        customer_since=history.before(days=730),
    )


def _note(text: str, stage: Stage) -> Callable[[ReferredAccount, datetime], object]:
    return lambda account, at: notes.write(account, about="call", text=text, by=stage.users["cara"], at=at)
