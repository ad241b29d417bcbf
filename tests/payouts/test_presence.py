"""Before money is let go or called back, who somebody is has been shown within five minutes."""

import base64
from datetime import timedelta

import pytest
from allauth.mfa.totp.internal import auth as totp
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from payouts import batches
from payouts.models import PayoutBatch
from tests.admin_pages import just_logged_in
from tests.factories import OPENS_AT, EnrollmentFactory, ProgramFactory, UserFactory, booked_bonus
from tests.payments import with_cash
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db

NOW = OPENS_AT + timedelta(hours=1)
PASSWORD = "a-password-of-the-tests"
AGAIN, BY_CODE = "/accounts/reauthenticate/", "/accounts/2fa/reauthenticate/"


@pytest.fixture(autouse=True)
def an_hour_after_the_window_opened(time_machine) -> None:
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def finn() -> User:
    """Somebody who approves, and knows the password."""
    call_command("make_groups", verbosity=0)
    person: User = UserFactory(username="finn")
    person.set_password(PASSWORD)
    person.save()
    person.groups.set([Group.objects.get(name="Finance approvers")])
    return person


@pytest.fixture
def batch() -> PayoutBatch:
    """Put up by somebody else."""
    program = ProgramFactory(terms__schedule__release="AFTER_APPROVAL")
    booked_bonus(account__enrollment=EnrollmentFactory(program=program))
    batches.prepare(as_of=NOW, program=program)
    row = PayoutBatch.objects.get()
    batches.put_up(row, by=UserFactory(), at=NOW)
    return row


def of(batch: PayoutBatch, name: str = "change") -> str:
    return reverse(f"admin:payouts_payoutbatch_{name}", args=[batch.pk])


def typed(client: Client, batch: PayoutBatch, name: str) -> dict[str, str]:
    """What the page of a step sends, with a reason where it asks for one."""
    seen = client.get(of(batch, name)).context["button"].form.initial
    return {**seen, "reason": "Ben asked us to wait."}


def logged_in_long_ago(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_a_press_is_taken_up_again_when_the_password_was_given(batch, finn):
    client = logged_in_long_ago(finn)
    with nothing_changes():
        asked = client.post(of(batch, "approve"), typed(client, batch, "approve"))
    assert asked["Location"] == f"{AGAIN}?next={of(batch, 'approve').replace('/', '%2F')}"
    with nothing_changes():
        wrong = client.post(asked["Location"], {"password": "a-guess", "next": of(batch, "approve")})
    assert wrong.status_code == 200

    answer = client.post(asked["Location"], {"password": PASSWORD, "next": of(batch, "approve")})

    batch.refresh_from_db()
    assert (answer["Location"], batch.status, batch.approved_by) == (of(batch), "APPROVED", finn)


def test_what_was_typed_comes_back(batch, finn):
    batches.approve(batch, by=finn, at=NOW)
    client = logged_in_long_ago(finn)
    asked = client.post(of(batch, "void"), typed(client, batch, "void"))

    client.post(asked["Location"], {"password": PASSWORD, "next": of(batch, "void")})

    batch.refresh_from_db()
    assert batch.status == "VOIDED"
    assert [note.text for note in batch.notes.all()] == ["Ben asked us to wait."]


def test_what_is_not_as_it_was_seen_is_refused_all_the_same(batch, finn):
    client = logged_in_long_ago(finn)
    asked = client.post(of(batch, "approve"), typed(client, batch, "approve"))
    batches.refuse(batch, by=finn, at=NOW)

    with nothing_changes():
        answer = client.post(asked["Location"], {"password": PASSWORD, "next": of(batch, "approve")})

    assert answer.status_code == 409
    assert "this is no longer possible" in answer.content.decode()


@pytest.mark.parametrize("name", ["approve", "void"])
@pytest.mark.parametrize(("seconds", "is_taken"), [(299, True), (301, False)])
def test_a_log_in_counts_for_five_minutes(seconds, is_taken, name, batch, finn, time_machine):
    if name == "void":
        batches.approve(batch, by=finn, at=NOW)
    before = PayoutBatch.objects.get().status
    client = just_logged_in(finn)
    form = typed(client, batch, name)
    time_machine.move_to(NOW + timedelta(seconds=seconds), tick=False)

    answer = client.post(of(batch, name), form)

    assert answer["Location"].startswith(of(batch) if is_taken else AGAIN)
    assert (PayoutBatch.objects.get().status != before) == is_taken


def test_no_superuser_is_let_off(batch):
    client = logged_in_long_ago(UserFactory(is_superuser=True, username="root"))
    User.objects.get(username="root").set_password(PASSWORD)

    with nothing_changes():
        answer = client.post(of(batch, "approve"), typed(client, batch, "approve"))

    assert answer.status_code in {302, 409}


def test_a_code_of_the_second_factor_is_as_good(batch, finn):
    secret = totp.generate_totp_secret()
    totp.TOTP.activate(finn, secret)
    client = logged_in_long_ago(finn)
    client.post(of(batch, "approve"), typed(client, batch, "approve"))
    code = totp.format_hotp_value(totp.hotp_value(secret, next(iter(totp.yield_hotp_counters_from_time()))))

    answer = client.post(BY_CODE, {"code": code, "next": of(batch, "approve")})

    batch.refresh_from_db()
    assert (answer["Location"], batch.status) == (of(batch), "APPROVED")


def test_who_has_neither_is_told_to_log_in_anew(batch, finn):
    finn.set_unusable_password()
    finn.save()
    client = logged_in_long_ago(finn)

    with nothing_changes():
        answer = client.post(of(batch, "approve"), typed(client, batch, "approve"))

    assert (answer.status_code, "log out, log in" in answer.content.decode()) == (409, True)


def test_refusing_needs_nobody_to_show_who_they_are_again(batch, finn):
    client = logged_in_long_ago(finn)

    answer = client.post(of(batch, "refuse"), typed(client, batch, "refuse"))

    assert answer["Location"] == of(batch)


def test_a_step_that_is_refused_asks_for_no_password(batch, finn):
    PayoutBatch.objects.update(prepared_by=finn)
    client = logged_in_long_ago(finn)

    assert client.post(of(batch, "approve"), typed(client, batch, "approve")).status_code == 409


# --- what must not be kept in a session ---------------------------------------------------------------


def bank_data(step):
    """A person who may take the step, its address, and what is typed there: a secret among it."""
    if step == "pay-to":
        story = with_cash()
        address = reverse("admin:referrals_enrollment_pay-to", args=[story.enrollment().pk])
        typed = {
            "method": "PAYPAL",
            "holder_name": "Rosa Referrer",
            "recipient": SECRET,
            "reason": "By phone.",
        }
        return "Finance preparers", address, typed
    if step == "method":
        story = Story(changes={"program.currency": "EUR"})
        typed = {
            "program": story.program.pk,
            "code": "SEPA",
            "payer_name": "Smartcat",
            "payer_iban": SECRET_IBAN,
        }
        address = reverse("admin:payouts_payoutmethod_add")
        return "Finance approvers", address, {**typed, "cooling_days": "3", "minimum_minor": "100"}
    story = with_cash()
    content = base64.b64encode(f"reference,result,detail\nP0,PAID,{SECRET}\n".encode()).decode()
    address = reverse("admin:payouts_paymentreport_read")
    typed = {"program": story.program.pk, "name": "bank.csv", "looked_at": content, "read_in": "1"}
    return "Finance preparers", address, typed


SECRET, SECRET_IBAN = "rosa.secret@mail.example", "DE89370400440532013000"


@pytest.mark.parametrize("step", ["pay-to", "method", "report"])
def test_bank_data_waits_on_the_page_and_not_in_the_session_for_the_password(step, finn):
    role, address, typed = bank_data(step)
    finn.groups.set([Group.objects.get(name=role)])
    client = logged_in_long_ago(finn)

    with nothing_changes():
        asked = client.post(address, typed)

    page = asked.content.decode()
    link = f"{AGAIN}?next={address.replace('/', '%2F')}"
    assert f'<a href="{link}" target="_blank">Give it in another tab</a>' in page
    kept_on_the_page = {"pay-to": SECRET, "method": SECRET_IBAN, "report": typed.get("looked_at")}[step]
    assert kept_on_the_page in page
    in_session = str(dict(client.session))
    assert not any(secret in in_session for secret in (SECRET, SECRET_IBAN, "looked_at"))

    client.post(link, {"password": PASSWORD, "next": address})
    answer = client.post(address, typed)

    assert (answer.status_code, AGAIN in answer["Location"]) == (302, False)
