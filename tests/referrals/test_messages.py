"""Mails: written once, sent at least once by whoever claims them, tried again, and given up after five."""

from datetime import UTC, datetime, timedelta
from smtplib import SMTPDataError, SMTPServerDisconnected

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from payouts import sweeps
from referrals import messages
from referrals.models import JobRun, Message
from tests.factories import ProgramFactory
from tests.smtp_server import MailServer, listening
from tests.story import at_once, person

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 2, 2, 10, tzinfo=UTC)
LIST = reverse("admin:referrals_message_changelist")


def write(key: str = "one", *, at: datetime = NOW, **more: object) -> Message:
    told = {
        "kind": "over_sla",
        "to": None,
        "address": "lead@company.example",
        "subject": "Late",
        "text": "Look.",
    }
    messages.write(key=key, at=at, **{**told, **more})
    return Message.objects.get(key=key)


def send_nothing(message: Message) -> None:
    raise SMTPDataError(550, b"refused")


def nobody_answers(message: Message) -> None:
    raise ConnectionRefusedError("down")


@pytest.fixture
def server(settings) -> MailServer:
    with listening() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_URL = f"smtp://127.0.0.1:{server.port}"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield server


# --- a real server ------------------------------------------------------------------------------------------


def test_a_mail_arrives_once(server, settings):
    settings.SITE_URL, settings.DEFAULT_FROM_EMAIL = "https://desk.example", "Desk <desk@company.example>"
    message = write(text="Zoë waits.\n.\nStill.")

    run = sweeps.run("send_messages", as_of=NOW, clock=lambda: NOW)
    again = sweeps.run("send_messages", as_of=NOW + timedelta(days=1), clock=lambda: NOW)

    assert (run.examined, run.done, run.failed, again.examined) == (1, 1, 0, 0)
    [mail] = server.taken
    assert (mail["To"], mail["From"], mail["Subject"]) == (
        "lead@company.example",
        "Desk <desk@company.example>",
        "Late",
    )
    assert mail["Message-ID"] == f"<message-{message.pk}-20260202100000@desk.example>"
    assert mail.get_content().replace("\r\n", "\n").rstrip("\n") == "Zoë waits.\n.\nStill."
    message.refresh_from_db()
    assert (message.sent_at, message.tries, message.error) == (NOW, 1, "")


def test_an_address_that_is_refused_does_not_stop_the_others(server):
    server.refused_addresses = {"nobody@company.example"}
    wrong = write("wrong", address="nobody@company.example")
    write("right")

    tally = messages.send_due(as_of=NOW, send=messages.by_mail)

    assert (tally.examined, tally.done, tally.failed) == (2, 1, 1)
    assert [mail["To"] for mail in server.taken] == ["lead@company.example"]
    wrong.refresh_from_db()
    assert (wrong.sent_at, "no such person here" in wrong.error) == (None, True)


def test_a_server_that_is_away_is_asked_once_and_costs_the_others_no_try(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with listening() as gone:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", gone.port
    write("one")
    write("two")

    tally = messages.send_due(as_of=NOW, send=messages.by_mail)

    assert (tally.examined, tally.failed) == (1, 1)
    assert list(Message.objects.order_by("pk").values_list("tries", flat=True)) == [0, 0]


# --- writing ------------------------------------------------------------------------------------------------


def test_nothing_is_told_twice_under_one_key():
    write("one")
    again = {"to": None, "address": "b@company.example", "subject": "-", "text": "-", "at": NOW}
    assert messages.write(kind="over_sla", key="one", **again) is False
    assert Message.objects.get().address == "lead@company.example"


def test_what_did_not_happen_is_not_mailed():
    def fails() -> None:
        with transaction.atomic():
            write()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert not Message.objects.exists()


# --- claims and tries ---------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_it_is_sent_outside_of_any_transaction():
    write()
    seen = []
    messages.send_due(as_of=NOW, send=lambda message: seen.append(connection.in_atomic_block))
    assert seen == [False]


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_one_sends():
    for number in range(5):
        write(str(number))
    sent: list[int] = []

    def work() -> int:
        return messages.send_due(as_of=NOW, send=lambda message: sent.append(message.pk)).done

    done = at_once(work, work, work)

    assert sum(done) == len(sent) == len(set(sent)) == 5


@pytest.mark.django_db(transaction=True)
def test_without_the_swap_two_workers_would_send_twice(monkeypatch):
    """The race is one: who does not swap the row sends what another sends."""
    monkeypatch.setattr(messages, "_claim", lambda message, *, as_of: True)
    for number in range(5):
        write(str(number))
    sent: list[int] = []
    due = list(messages._due(NOW))
    monkeypatch.setattr(messages, "_due", lambda as_of: due)

    at_once(*[lambda: messages.send_due(as_of=NOW, send=lambda message: sent.append(message.pk)).done] * 2)

    assert len(sent) == 10


def test_a_worker_that_died_before_the_mark_is_followed_by_another_after_ten_minutes():
    message = write()

    def dies(message: Message) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        messages.send_due(as_of=NOW, send=dies)
    sent: list[int] = []
    early = messages.send_due(as_of=NOW + timedelta(minutes=9), send=lambda each: sent.append(each.pk))
    later = messages.send_due(as_of=NOW + timedelta(minutes=10), send=lambda each: sent.append(each.pk))

    assert (early.examined, later.done, sent) == (0, 1, [message.pk])


def test_after_five_tries_in_three_hours_a_person_looks_at_it():
    message = write()
    tried = [
        minute
        for minute in range(0, 24 * 60, 5)
        if messages.send_due(as_of=NOW + timedelta(minutes=minute), send=send_nothing).examined
    ]

    assert tried == [0, 10, 30, 70, 180]
    message.refresh_from_db()
    assert (message.tries, message.sent_at, message.error) == (5, None, "SMTPDataError: (550, b'refused')")
    assert Message.objects.filter(messages.GIVEN_UP).get() == message


def test_while_the_server_is_away_for_a_day_no_try_is_used_up_and_then_all_are_sent_once():
    for number in range(8):
        write(str(number))
    for minute in range(24 * 60):
        messages.send_due(as_of=NOW + timedelta(minutes=minute), send=nobody_answers)

    assert set(Message.objects.values_list("tries", flat=True)) == {0}
    assert not Message.objects.filter(messages.GIVEN_UP).exists()
    sent: list[str] = []
    for minute in range(24 * 60, 24 * 60 + 5):
        now = NOW + timedelta(minutes=minute)
        messages.send_due(as_of=now, send=lambda message: sent.append(message.key))
    assert sorted(sent) == [str(number) for number in range(8)]


def test_an_outage_after_a_refusal_takes_no_second_try():
    message = write()
    messages.send_due(as_of=NOW, send=send_nothing)
    for minute in range(10, 24 * 60, 5):
        messages.send_due(as_of=NOW + timedelta(minutes=minute), send=nobody_answers)

    message.refresh_from_db()
    assert message.tries == 1
    assert messages.send_due(as_of=NOW + timedelta(days=2), send=lambda each: None).done == 1


def test_one_mail_at_which_the_server_hangs_up_does_not_keep_the_others_back():
    poisoned = write("poisoned")
    for number in range(3):
        write(str(number))
    sent: list[str] = []

    def send(message: Message) -> None:
        if message == poisoned:
            raise SMTPServerDisconnected("gone")
        sent.append(message.key)

    for minute in range(2):
        messages.send_due(as_of=NOW + timedelta(minutes=minute), send=send)

    assert sent == ["0", "1", "2"]


def test_a_run_that_takes_long_is_not_overtaken():
    """Each mail takes eleven minutes: the second is claimed when its turn comes, not as the run begins."""
    for number in range(3):
        write(str(number))
    clock = [NOW]
    sent: list[str] = []

    def slowly(message: Message) -> None:
        clock[0] += timedelta(minutes=11)
        sent.append(message.key)
        if message.key == "1":
            # The next run, while this one is at its second mail.
            messages.send_due(as_of=clock[0] - timedelta(minutes=5), send=slowly, clock=lambda: clock[0])

    messages.send_due(as_of=NOW, send=slowly, clock=lambda: clock[0])

    assert sorted(sent) == ["0", "1", "2"]
    assert set(Message.objects.values_list("tries", flat=True)) == {1}


def test_a_connection_that_breaks_is_a_server_that_is_away():
    write("one")
    write("two")

    def breaks(message: Message) -> None:
        raise SMTPServerDisconnected("gone")

    assert messages.send_due(as_of=NOW, send=breaks).examined == 1


def test_without_a_mail_server_mails_wait(settings):
    settings.EMAIL_URL, settings.DEBUG = "", False
    message = write()

    assert sweeps.run("send_messages", as_of=NOW, clock=lambda: NOW).examined == 0
    message.refresh_from_db()
    assert (message.tries, message.sent_at) == (0, None)


# --- the pages ----------------------------------------------------------------------------------------------


def test_what_could_not_be_sent_is_on_the_first_page_and_can_be_tried_again(admin_client, time_machine):
    time_machine.move_to(NOW, tick=False)
    message = write()
    Message.objects.update(tries=5, claimed_at=NOW, error="OSError: refused")

    home = admin_client.get(reverse("admin:index")).content.decode()
    assert "<strong>1</strong> mail that could not be sent" in home
    assert "could not be sent" in admin_client.get(LIST, {"state": "given_up"}).content.decode()
    shown = reverse("admin:referrals_message_change", args=[message.pk])
    assert "OSError: refused" in admin_client.get(shown).content.decode()

    admin_client.post(reverse("admin:referrals_message_try_again", args=[message.pk]))
    assert messages.send_due(as_of=NOW, send=lambda each: None).done == 1


def test_the_list_says_that_mails_do_not_leave_this_machine(admin_client, settings):
    write()
    settings.EMAIL_URL, settings.DEBUG = "", False
    assert "the setting EMAIL_URL names no mail server" in admin_client.get(LIST).content.decode()


def test_a_failure_stands_on_the_jobs_page(admin_client, time_machine):
    time_machine.move_to(NOW, tick=False)
    write()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(messages, "by_mail", send_nothing)
        patch.setattr(messages, "can_be_sent", lambda: True)
        sweeps.run("send_messages", as_of=NOW, clock=lambda: NOW)

    assert JobRun.objects.get().failed == 1
    page = admin_client.get(reverse("admin:referrals_jobrun_changelist")).content.decode()
    assert "Runs, but 1 failed." in page


def test_who_works_for_some_programs_reads_the_own_mails_only():
    lena = person("lena")
    lena.programs.create(program=ProgramFactory())
    mine, others = write("mine", to=lena), write("others", to=person("sam"))

    assert list(messages.seen_by(User.objects.get(pk=lena.pk))) == [mine]
    assert set(messages.seen_by(User.objects.get(username="sam"))) == {mine, others}


def test_the_pages_stay_within_their_queries(admin_client, django_assert_max_num_queries):
    for number in range(60):
        write(str(number))
    with django_assert_max_num_queries(12):
        admin_client.get(LIST)


def test_nobody_without_the_permission_tries_again():
    message = write()
    client = Client()
    client.force_login(person("lena"))
    assert client.post(reverse("admin:referrals_message_try_again", args=[message.pk])).status_code == 403
