"""The call desk's work of today: to call, to call again, just decided, looked alike, reopened, revoked."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import cycle

from payouts import reversals
from payouts.demo.calling import callable_before
from payouts.demo.companies import Company
from payouts.demo.history import History
from payouts.demo.script import Stage, Story
from referrals import appeals, calling_hours, notes, qualification, saved_views, second_looks, warning_signs
from referrals.models import ExistingCustomer, ReferredAccount, SecondLook
from referrals.rules.identity import name_key, phone_key
from referrals.rules.words import SignalKind

A_DAY = timedelta(days=1)
SECOND_LOOKS = 2


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
    waiting = [_waits(history, next(links), since, calls) for since, calls in WAITING]
    _looks_alike(history, waiting[0].company)
    # A colleague comes by another referrer's link and is refused: the company is claimed already.
    claimed = waiting[4]
    history.story(
        "smartcat",
        "lena",
        claimed.signed_up_at + _hours(2),
        claimed.company,
        host_account=f"{claimed.host_account}-purchasing",
        email=f"purchasing@{claimed.company.domain}",
    )

    # Two look like their referrers: the same mail domain. For the second no person decides.
    history.story("smartcat", "rosa", before(hours=6), email="office@lang-words.example")
    history.story("smithai", "ben25", before(hours=8), email="second.office@ortiz-law.example")

    _just_decided(history, "lena", at=before(minutes=2))
    _just_decided(history, "rosa", "NOT_QUALIFIED", at=before(minutes=4), reason="freelancer")

    _for_a_senior(history)

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


def _waits(history: History, link: str, since: timedelta, calls: list[tuple[str, timedelta]]) -> Story:
    """A company that waits; it signed up the day before its first call, if that was earlier."""
    comes, program = next(history.companies), history.stage.programs["smartcat"]
    called = [(outcome, callable_before(program, comes, history.now - ago)) for outcome, ago in calls]
    signed_up_at = min([history.now - since, *(at - A_DAY for _, at in called)])
    story = history.story("smartcat", link, signed_up_at, comes)
    for outcome, at in called:
        story.call(outcome, at=at)
    return story


def _just_decided(
    history: History, link: str, result: str = "QUALIFIED", *, at: datetime, reason: str = ""
) -> None:
    """It was called while it could be, and has been decided now: that can still be undone."""
    comes = next(history.companies)
    called_at = callable_before(history.stage.programs["smartcat"], comes, at)
    story = history.story("smartcat", link, called_at - A_DAY, comes)
    story.decide(result, at=at, reason=reason, called_at=called_at)


def _for_a_senior(history: History) -> None:
    """What waits for seniors: a sign told by a caller, an appeal, second looks; and a view that is shared."""
    cara, sam, sue = (history.stage.users[name] for name in ["cara", "sam", "sue"])
    history.story("smartcat", "jonas", history.before(hours=30)).then(
        lambda account, at: warning_signs.put(
            account,
            kind=SignalKind.EMPLOYEE,
            by=cara,
            at=at,
            note="On their website, Jonas Weber is among the translators of the company.",
        ),
        at=history.before(hours=5),
    )
    history.story("smartcat", "rosa", history.before(days=16)).decide(
        "NOT_QUALIFIED", reason="freelancer", at=history.before(days=14)
    ).then(
        lambda account, at: appeals.take_up(
            account,
            by=sue,
            at=at,
            evidence="Rosa has sent an extract of the register: a company with nine people since 2021.",
        ),
        at=history.before(hours=20),
    )
    history.script.at(history.before(hours=2), lambda at: _draw(history.stage, at))
    history.script.at(
        history.before(days=3),
        lambda at: saved_views.save(
            name="Germany, never called", query="tab=now&country=DE&tries=0", is_shared=True, by=sam
        ),
    )


def _draw(stage: Stage, at: datetime) -> None:
    """Draw second looks by a higher percentage until some wait; then it is as before."""
    program = stage.programs["smartcat"]
    program.refresh_from_db()
    usual = calling_hours.of(program)
    for percent in (10, 30, 60, 100):
        calling_hours.change(program, replace(usual, second_look_percent=percent), at=at)
        second_looks.draw(as_of=at)
        if SecondLook.objects.filter(looked_at__isnull=True).count() >= SECOND_LOOKS:
            break
    calling_hours.change(program, usual, at=at)


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
