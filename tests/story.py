"""
A story to test in: one of the four programs, its referrers and staff, told by the real decisions.

    story = Story("smartcat")
    acme = story.sign_up("acme")
    story.decide(acme)                      # qualified by Cara
    story.tell(acme, "subscription.started")
    story.pass_to("2026-03-16T00:05Z")      # evaluation and the daily jobs of that instant

The cast: Cara calls, Sam is senior, Fay pays, Finn approves, Rosa refers, Ben refers too.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from threading import Barrier

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, connections

from payouts import batches, program_files, reversals, sweeps
from payouts.models import Bonus
from payouts.rules import program_document
from payouts.rules.program_document import Document
from referrals import calendars, desk, enrollment, events, intake, qualification
from referrals.models import (
    AccountEvent,
    ApiClient,
    Call,
    Decision,
    Enrollment,
    Holiday,
    Host,
    ReferredAccount,
    Referrer,
)
from referrals.rules.refusal import Refused
from tests.filled import filled

BEGINNING = datetime(2015, 1, 1, tzinfo=UTC)
OF_REFERRER = {
    "smartcat": {"kind": "FREELANCER"},
    "smithai": {"kind": "CLIENT"},
    "smithai-legacy": {"kind": "CLIENT"},
    "upwork-2019": {"kind": "FREELANCER", "country": "US", "tier": "top_rated"},
}
STARTS = {
    "upwork-2019": datetime(2019, 2, 4, 10, tzinfo=UTC),
    "smithai-legacy": datetime(2025, 2, 3, 10, tzinfo=UTC),
}


class Story:
    """A program with its people, at an instant that moves on."""

    def __init__(
        self, slug: str = "smartcat", changes: Mapping[str, object] | None = None, *, host: str = "main"
    ) -> None:
        document = changed(slug, changes) if changes else written(slug)
        self.host, _ = Host.objects.get_or_create(slug=host, defaults={"name": host.title()})
        self.client, _ = ApiClient.objects.get_or_create(host=self.host, name="billing")
        self.program = program_files.store(document, host=self.host, now=BEGINNING)
        self.slug = slug
        self.now = STARTS.get(slug, datetime(2026, 2, 2, 10, tzinfo=UTC))
        self.cara, self.sam, self.fay, self.finn = (person(name) for name in ("cara", "sam", "fay", "finn"))
        self.rosa = self.referrer("rosa")
        self.ben = self.referrer("ben")
        self._numbers = count(1)

    def referrer(self, name: str, **attributes: object) -> Referrer:
        """A referrer who takes part: link and code are the name."""
        ordinary = {"email": f"{name}@{name}-words.example", **OF_REFERRER[self.slug]}
        row = Referrer.objects.create(host=self.host, host_account=name, **{**ordinary, **attributes})
        enrollment.enroll(row, program=self.program, at=BEGINNING, invited=True, link=name, code=name)
        return row

    def enrollment(self, referrer: Referrer | None = None) -> Enrollment:
        return Enrollment.objects.get(program=self.program, referrer=referrer or self.rosa)

    def sign_up(self, name: str = "acme", **told: object) -> ReferredAccount:
        """An ordinary company comes by Rosa's link; ``link=""`` and the like tell it otherwise."""
        ordinary = {
            "host_account": name,
            "occurred_at": self.now,
            "link": "rosa",
            "company_name": f"{name.title()} GmbH",
            "email": f"office@{name}.example",
            "website": f"https://{name}.example",
            "phone": "+4930123456",
        }
        intake.sign_up(self.program, told=intake.SignUpTold(**{**ordinary, **told}), told_at=self.now)
        return intake.account_in(self.program, host_account=name)

    def call(self, account: ReferredAccount, outcome: str = "NO_ANSWER", by: User | None = None) -> Call:
        row = self.program.call_outcomes.get(code=outcome)
        return desk.log_call(account, outcome=row, by=by or self.cara, at=self.now)

    def decide(
        self, account: ReferredAccount, result: str = "QUALIFIED", *, by: User | None = None, **more: object
    ) -> Decision:
        return qualification.decide(account, result=result, by=by or self.cara, at=self.now, **more)

    def revoke(self, account: ReferredAccount) -> None:
        """Cara takes the qualification back, and Sam confirms."""
        reversals.revoke(account, by=self.cara, approved_by=self.sam, at=self.now, reason="a mistake")

    def reopen(self, account: ReferredAccount) -> None:
        qualification.reopen(account, by=self.sam, at=self.now, note="a new look")

    def approve_all(self) -> None:
        """Fay puts up every draft, and Finn approves."""
        batches.approve_all(self.program, put_up_by=self.fay, approved_by=self.finn, at=self.now)

    def reverse(self, bonus: Bonus) -> None:
        """Fay takes a paid bonus back, and Finn confirms."""
        reversals.reverse(bonus, by=self.fay, approved_by=self.finn, at=self.now, note="a refund")

    def tell(
        self, account: ReferredAccount | str, type: str, amount_minor: int = 0, **more: object
    ) -> AccountEvent:
        """The host tells a fact of this instant, with an event id of its own."""
        ordinary = {
            "event_id": f"e{next(self._numbers)}",
            "host_account": account if isinstance(account, str) else account.host_account,
            "occurred_at": self.now,
            "received_at": self.now,
            "currency": self.program.currency if amount_minor else "",
        }
        event, _ = events.record(self.client, type=type, amount_minor=amount_minor, **{**ordinary, **more})
        return event

    def evaluate(self) -> None:
        sweeps.evaluate(self.program, as_of=self.now)

    def wait(self, **time: float) -> None:
        """Time passes, and what follows from it is worked out; nobody is paid."""
        self.now += timedelta(**time)
        self.evaluate()

    def pass_to(self, instant: str | datetime) -> None:
        """Time passes to an instant at which the daily jobs run."""
        self.now = instant if isinstance(instant, datetime) else datetime.fromisoformat(instant)
        self.evaluate()
        sweeps.run_daily(self.program, as_of=self.now)

    def earn(self, name: str = "acme", **told: object) -> Bonus:
        """An account comes, is qualified and subscribes (or does what its program asks for): a bonus."""
        account = self.sign_up(name, **told)
        if self.slug == "smartcat":
            self.decide(account)
            self.tell(account, "subscription.started")
        elif self.slug == "smithai":
            self.tell(account, "invoice.paid", 23_500, product="virtual_receptionist")
        elif self.slug == "upwork-2019":
            self.tell(account, "earning.posted", 50_000, category="customer_service")
        self.wait(minutes=11)
        return Bonus.objects.get(account=account)


@cache
def written(slug: str) -> Document:
    """The program file as it is bundled; reading it takes longer than many a test."""
    return program_files.read(program_files.bundled()[slug])


_changed: dict[tuple[str, str], Document] = {}


def changed(slug: str, changes: Mapping[str, object]) -> Document:
    """That file with these values at these paths; checked once for all tests that change it so."""
    key = (slug, repr(sorted(changes.items())))
    if key not in _changed:
        copy, problems = program_document.changed(written(slug), changes)
        checked, more = program_document.check(copy, calendars.all_business_days())
        assert checked is not None, [*problems, *more]
        _changed[key] = checked
    return _changed[key]


def person(name: str) -> User:
    user, _ = User.objects.get_or_create(username=name, defaults={"is_staff": True})
    return user


@contextmanager
def nothing_changes() -> Iterator[None]:
    """Whatever happens inside leaves every row of both apps as it was; holidays are not looked at."""
    before = _all_rows()
    yield
    assert _all_rows() == before


@contextmanager
def refused(code: str) -> Iterator[pytest.ExceptionInfo[Refused]]:
    """The step inside is refused with this code, and not a row has changed."""
    with nothing_changes():
        with pytest.raises(Refused) as refusal:
            yield refusal
        assert refusal.value.code == code


def at_once(*steps: Callable[[], object]) -> list[object]:
    """Take steps in threads that wait for each other; what each gave, or the exception it met."""
    start = Barrier(len(steps))

    def take(step: Callable[[], object]) -> object:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            return step()
        except (Refused, IntegrityError) as met:
            return met
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(steps)) as threads:
        return list(threads.map(take, steps))


def _all_rows() -> dict[str, list[tuple[object, ...]]]:
    """The rows of every table that has any."""
    models = [model for app in ("referrals", "payouts") for model in apps.get_app_config(app).get_models()]
    by_table = {model._meta.db_table: model for model in models if model is not Holiday}
    return {
        table: list(by_table[table]._default_manager.order_by("pk").values_list())
        for table in filled(by_table)
    }
