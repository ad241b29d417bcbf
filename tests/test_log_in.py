"""Log-in: who gets in, where to, for how long, and what stops somebody who tries."""

from datetime import timedelta
from urllib.parse import unquote

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.urls import reverse

from tests.factories import LATER, UserFactory

pytestmark = pytest.mark.django_db

PASSWORD = "a-password-of-the-tests"
LOG_IN = "/accounts/login/"


@pytest.fixture
def clerk() -> User:
    """A member of staff who knows the password."""
    person: User = UserFactory(username="clerk")
    person.set_password(PASSWORD)
    person.save()
    return person


def log_in(client: Client, name: str, *, password: str = PASSWORD, **more: str):
    return client.post(LOG_IN, {"login": name, "password": password, **more})


def test_staff_come_to_the_admin(client, clerk):
    assert log_in(client, "clerk")["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_an_email_address_is_as_good_as_a_name(client, clerk):
    assert log_in(client, clerk.email)["Location"] == "/admin/"


def test_referrers_come_to_their_page(client, clerk):
    User.objects.update(is_staff=False)

    assert log_in(client, "clerk")["Location"] == "/refer/"


def test_the_page_that_somebody_wanted_comes_first(client, clerk):
    wanted = client.get("/admin/payouts/bonus/", follow=True).redirect_chain[-1][0]

    assert unquote(wanted) == "/accounts/login/?next=/admin/payouts/bonus/"
    assert log_in(client, "clerk", next="/admin/payouts/bonus/")["Location"] == "/admin/payouts/bonus/"


def test_nobody_is_sent_to_another_site(client, clerk):
    assert log_in(client, "clerk", next="https://evil.example/")["Location"] == "/admin/"


def test_the_admin_has_no_log_in_of_its_own(client, clerk):
    answer = client.post("/admin/login/", {"username": "clerk", "password": PASSWORD})

    assert answer["Location"].startswith(LOG_IN)
    assert client.get("/admin/").status_code == 302


def test_who_is_no_staff_does_not_come_into_the_admin(client, clerk):
    User.objects.update(is_staff=False)
    log_in(client, "clerk")

    assert client.get("/admin/", follow=True).status_code == 403


def test_a_code_by_mail_is_a_log_in(client, clerk):
    User.objects.update(is_staff=False)

    client.post("/accounts/login/code/", {"email": clerk.email})
    [message] = mail.outbox
    code = next(line for line in message.body.splitlines() if len(line.split()) == 1 and line.isupper())

    assert client.post("/accounts/login/code/confirm/", {"code": code})["Location"] == "/refer/"


def test_nobody_makes_a_log_in_for_themselves(client):
    page = client.post(
        "/accounts/signup/", {"username": "me", "email": "me@me.example", "password1": PASSWORD}
    )

    assert page.status_code == 200
    assert not User.objects.exists()


def test_five_wrong_passwords_lock_for_a_quarter_of_an_hour(client, clerk):
    with time_machine.travel(LATER, tick=False) as clock:
        wrong = [log_in(client, "clerk", password="wrong").status_code for _ in range(5)]
        locked = log_in(client, "clerk")
        clock.shift(timedelta(minutes=16))
        again = log_in(client, "clerk")

    assert wrong == [200, 200, 200, 200, 429]
    assert locked.status_code == 429
    assert "Locked for 15 minutes" in locked.content.decode()
    assert again["Location"] == "/admin/"


def test_upper_case_and_the_address_of_the_same_person_do_not_begin_a_new_count(client, clerk):
    for name in ["clerk", "Clerk", "CLERK", "clerk", "clerK"]:
        last = log_in(client, name, password="wrong")

    assert last.status_code == 429


def test_a_log_in_ends_when_it_is_not_used(client, clerk, settings):
    with time_machine.travel(LATER, tick=False) as clock:
        log_in(client, "clerk")
        clock.shift(timedelta(seconds=settings.SESSION_IDLE_SECONDS - 1))
        assert client.get("/admin/").status_code == 200
        clock.shift(timedelta(seconds=settings.SESSION_IDLE_SECONDS - 1))
        assert client.get("/admin/").status_code == 200, "it was used meanwhile"
        clock.shift(timedelta(seconds=settings.SESSION_IDLE_SECONDS))
        assert client.get("/admin/").status_code == 302


def test_a_log_in_ends_after_a_days_work_though_it_is_used(client, clerk, settings):
    with time_machine.travel(LATER, tick=False) as clock:
        log_in(client, "clerk")
        for _ in range(settings.SESSION_SECONDS // 3600 - 1):
            clock.shift(timedelta(hours=1))
            assert client.get("/admin/").status_code == 200
        clock.shift(timedelta(hours=1))
        assert client.get("/admin/").status_code == 302


def test_a_log_in_does_not_inherit_the_age_of_the_visit_before_it(client, clerk, settings):
    with time_machine.travel(LATER, tick=False) as clock:
        session = client.session
        session["something"] = "of a visitor"
        session.save()
        clock.shift(timedelta(seconds=settings.SESSION_IDLE_SECONDS - 1))
        log_in(client, "clerk")
        began = client.session["session_began"]

    assert began == int((LATER + timedelta(seconds=settings.SESSION_IDLE_SECONDS - 1)).timestamp())


# --- the second factor ---------------------------------------------------------------------------------


def test_staff_without_a_second_factor_are_sent_to_set_one_up(client, clerk, settings):
    settings.REQUIRE_SECOND_FACTOR = True
    log_in(client, "clerk")

    for method in ["get", "post"]:
        answer = getattr(client, method)("/admin/payouts/bonus/")
        assert answer["Location"] == reverse("mfa_index")
    page = client.get(reverse("mfa_index")).content.decode()
    assert "The admin opens once your log-in has a second factor." in page


def test_recovery_codes_alone_are_no_second_factor(client, clerk, settings):
    settings.REQUIRE_SECOND_FACTOR = True
    Authenticator.objects.create(user=clerk, type=Authenticator.Type.RECOVERY_CODES, data={})
    client.force_login(clerk)

    assert client.get("/admin/")["Location"] == reverse("mfa_index")


def test_with_a_second_factor_the_password_alone_does_not_log_in(client, clerk, settings):
    settings.REQUIRE_SECOND_FACTOR = True
    log_in(client, "clerk")
    asked_again = client.get(reverse("mfa_activate_totp"))["Location"]
    page = client.post(asked_again, {"password": PASSWORD}, follow=True)
    secret = page.context["form"].secret
    assert "<svg" in page.content.decode(), "a picture from a data: address would not be shown"
    now = totp.hotp_value(secret, next(iter(totp.yield_hotp_counters_from_time())))
    client.post(reverse("mfa_activate_totp"), {"code": totp.format_hotp_value(now)})
    assert client.get("/admin/").status_code == 200

    other = Client()
    answer = log_in(other, "clerk")

    assert answer["Location"].startswith(reverse("mfa_authenticate"))
    assert other.get("/admin/").status_code == 302, "half a log-in is none"


def test_a_second_factor_can_be_switched_off(client, clerk, settings):
    settings.REQUIRE_SECOND_FACTOR = False
    log_in(client, "clerk")

    assert client.get("/admin/").status_code == 200


def test_referrers_need_no_second_factor(client, clerk, settings):
    settings.REQUIRE_SECOND_FACTOR = True
    User.objects.update(is_staff=False)
    log_in(client, "clerk")

    assert client.get("/").status_code == 200


def test_the_second_factor_is_not_guessed_by_trying(client, clerk):
    secret = totp.generate_totp_secret()
    totp.TOTP.activate(clerk, secret)
    log_in(client, "clerk")
    authenticate = reverse("mfa_authenticate")

    for number in range(10):
        assert client.post(authenticate, {"code": f"{number:06}"}).status_code == 200
    right = totp.format_hotp_value(totp.hotp_value(secret, next(iter(totp.yield_hotp_counters_from_time()))))
    answer = client.post(authenticate, {"code": right})

    assert (answer.status_code, "Too many" in answer.content.decode()) == (200, True)
    assert client.get("/admin/").status_code == 302


def test_a_name_that_is_too_long_for_the_books_of_tries_is_a_wrong_one(client, clerk):
    assert log_in(client, "x" * 300).status_code == 200
