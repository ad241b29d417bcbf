"""Addresses of the admin, and rows to look at there: at least one of every model of both apps."""

import re
from collections.abc import Iterable
from pathlib import Path

from allauth.account.internal.flows.login import record_authentication
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from payouts import (
    closing,
    destinations,
    holds,
    host_spends,
    payout_methods,
    signing,
    sweeps,
    withdrawals,
)
from payouts.host_spends import SpendTold
from payouts.models import BatchApproval, BatchLine, BatchNote, Benefit, Bonus, PayoutMethod
from payouts.payments import arrivals, files, reports, set_offs
from payouts.rules.payees import Payee, Rail
from referrals import (
    corrections,
    credentials,
    desk,
    events,
    intake,
    likeness,
    messages,
    notes,
    proposals,
    reviews,
    saved_views,
    seen_as,
    warning_signs,
)
from referrals.models import (
    Click,
    Criterion,
    CriterionResult,
    Decision,
    Enrollment,
    ExistingCustomer,
    FailingPart,
    JobRun,
    Program,
    ProgramStaff,
    SecondLook,
)
from referrals.rules.words import SignalKind, Verdict
from tests.factories import (
    LATER,
    AccountEventFactory,
    ApiClientFactory,
    EnrollmentFactory,
    ReferredAccountFactory,
    UserFactory,
    booked_bonus,
    cancelled_bonus,
    paid_bonus,
    reversed_bonus,
)
from tests.payments import told_to_host

PROGRAMS = Path(__file__).resolve().parent.parent / "referrals" / "programs"


def just_logged_in(person: User) -> Client:
    """The browser of somebody who has just given the password."""
    client = Client()
    client.force_login(person)
    request = RequestFactory().get("/")
    request.session = client.session
    record_authentication(request, person, method="password")
    request.session.save()
    return client


def models_of(app: str) -> list[type[Model]]:
    """All models of the app."""
    return list(apps.get_app_config(app).get_models())


def list_page(model: type[Model]) -> str:
    """The address of the list of a model's rows."""
    return _address(model, "changelist")


def page(row: Model, name: str = "change") -> str:
    """The address of a row's page, or of the page that deletes it."""
    return _address(type(row), name, row.pk)


def add_page(model: type[Model]) -> str:
    """The address of the page that adds a row."""
    return _address(model, "add")


def statuses(client: Client, addresses: Iterable[str], *, method: str = "get") -> dict[str, int]:
    """How each of these addresses answers."""
    return {address: getattr(client, method)(address).status_code for address in addresses}


def main_part(answer: HttpResponse) -> str:
    """What a page says in its main part: without its head, where the theme keeps styles and scripts."""
    text: str = answer.content.decode()
    return re.sub(r"<(script|style)\b.*?</\1>", "", text[text.find("<body") :], flags=re.DOTALL)


def one_of_each(*apps: str) -> list[Model]:
    """The first row of every model of the apps, after something of everything has happened."""
    _let_everything_happen()
    return [model._default_manager.order_by("pk")[0] for app in apps for model in models_of(app)]


def _address(model: type[Model], name: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def _let_everything_happen() -> None:
    call_command("load_program", PROGRAMS / "smartcat.yaml", PROGRAMS / "smithai.yaml", verbosity=0)
    program = Program.objects.get(slug="smartcat")
    clerk, senior = UserFactory(), UserFactory()

    account = ReferredAccountFactory(enrollment__program=program)
    intake.open_link(program.host, link=account.enrollment.links.get().text, visitor="v1", at=LATER)
    Click.objects.create(link=account.enrollment.links.get(), clicked_at=LATER, times=1)
    software = ApiClientFactory(host=program.host)
    credentials.issue_key(software, scopes=[], at=LATER)
    credentials.issue_webhook_secret(software, at=LATER)
    desk.log_call(account, outcome=program.call_outcomes.all()[0], by=clerk, at=LATER)
    notes.write(account, about="call", text="Call again in spring.", by=clerk, at=LATER)
    CriterionResult.objects.create(
        account=account,
        criterion=Criterion.objects.filter(terms=account.terms)[0],
        result="PASS",
        found_at=LATER,
    )
    Benefit.objects.create(
        account=account,
        reward=account.terms.rewards.all()[0],
        kind="FREE_MONTHS",
        quantity=2,
        earned_at=LATER,
        granted_at=LATER,
        status="GRANTED",
    )
    old = ExistingCustomer.objects.create(host=program.host, host_account="old", email="office@old.example")
    likeness.compare(account, old, verdict=Verdict.DIFFERENT, by=clerk, at=LATER)
    warning_signs.put(account, kind=SignalKind.EMPLOYEE, by=senior, at=LATER, note="Their names are alike.")
    warning_signs.settle(account, kind=SignalKind.EMPLOYEE, by=senior, at=LATER, note="Namesakes.")
    reviews.claim(account.reviews.get(), clerk, at=LATER)
    corrections.correct(account, told={"country": "CA"}, reason="They told us.", by=clerk, at=LATER)
    proposals.propose(
        "revoke", target=str(account.pk), arguments={"reason": "a freelancer"}, by=clerk, at=LATER
    )
    events.void(AccountEventFactory(amount_minor=900, currency="KWD"), by=clerk, approved_by=senior, at=LATER)
    messages.write(
        kind="over_sla", key="1", to=None, address="lead@company.example", subject="Late", text="-", at=LATER
    )
    JobRun.objects.create(job="release", as_of=LATER, started_at=LATER)
    ProgramStaff.objects.create(user=clerk, program=program)
    saved_views.save(name="Over SLA here", query="tab=over&program=smartcat", is_shared=True, by=clerk)
    FailingPart.objects.create(job="release", part="enrollment 1", since=LATER, last_at=LATER)
    seen_as.begin(account.enrollment.referrer, by=clerk, at=LATER, reason="a question by phone")

    holds.place(booked_bonus(), reason="fraud check", by=clerk, at=LATER)
    cancelled_bonus()
    _sign(paid_bonus(), clerk, senior)
    giver = paid_bonus().enrollment
    withdrawals.withdraw(giver, amount_minor=5_000, at=LATER)
    withdrawals.spend(giver, amount_minor=300, service="Translation", at=LATER)
    sweeps.count_months(as_of=LATER)
    _let_payments_happen(giver.program, giver, by=clerk, confirmed_by=senior)
    withdrawals.transfer(giver, receiver=EnrollmentFactory(program=giver.program), amount_minor=200, at=LATER)
    SecondLook.objects.create(decision=Decision.objects.order_by("pk")[0], drawn_at=LATER)
    bought = SpendTold("s1", giver.program.slug, giver.referrer.host_account, 100, "USD", "Translation")
    host_spends.spend(ApiClientFactory(host=giver.program.host), told=bought, at=LATER)
    months = closing.next_month(giver.program)
    closing.close(giver.program, month=months, by=clerk, confirmed_by=senior, at=LATER)


def _let_payments_happen(program: Program, enrollment: Enrollment, *, by: User, confirmed_by: User) -> None:
    method = PayoutMethod(program=program, code=Rail.PAYPAL)
    payout_methods.open_method(method, by=by, at=LATER)
    destination = destinations.tell(
        enrollment,
        method=Rail.PAYPAL,
        payee=Payee(holder_name="Rosa Referrer", recipient="rosa@mail.example"),
        reason="By phone.",
        by=by,
        at=LATER,
    )
    destinations.confirm(destination, by=confirmed_by, at=LATER)
    (file,) = files.make(method, pay_on=LATER.date(), by=by, at=LATER)
    files.void(file, by=confirmed_by, at=LATER)
    arrivals.settle(
        file.lines.all()[0], by=by, approved_by=confirmed_by, at=LATER, reason="The bank's statement."
    )
    withdrawals.withdraw(enrollment, amount_minor=1_000, at=LATER)
    files.make(method, pay_on=LATER.date(), by=by, at=LATER)
    set_offs.make_up(reversed_bonus(kind="CASH").enrollment, at=LATER)
    told_to_host(ApiClientFactory(host=program.host), enrollment, by=by, at=LATER)
    reports.read_in(program, name="bank.csv", content=b"reference,result\nP0,PAID", by=by, at=LATER)


def _sign(bonus: Bonus, approver: User, preparer: User) -> None:
    """What people sign for a batch, and what its program asks of them."""
    batch = bonus.batch
    BatchLine.objects.create(batch=batch, turn=1, bonus=bonus, amount_minor=bonus.amount_minor)
    BatchApproval.objects.create(
        batch=batch, turn=1, person=approver, at=LATER, prepared_by=preparer, people_needed=2
    )
    BatchNote.objects.create(
        batch=batch, about="REFUSED", text="Ask first.", written_by=approver, written_at=LATER
    )
    signing.set_rules(batch.program, limit_minor=100_000, tiers={3: 500_000, 4: None})
