"""Sign-ups told over HTTP: who may tell them, what is refused, and what is not given away."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from referrals import credentials
from referrals.models import ApiClient, ApiKey, ExistingCustomer, Program, ReferredAccount, SignUp
from tests.factories import ApiClientFactory, HostFactory
from tests.host import NOON, SIGN_UPS, HostSoftware, post
from tests.story import at_once

pytestmark = pytest.mark.django_db


def sign_up(account: str = "acme", **told: object) -> dict[str, object]:
    """An ordinary company, by Rosa's link."""
    ordinary = {
        "program": "smartcat",
        "account": account,
        "occurred_at": "2026-02-02T11:00:00Z",
        "link": "rosa",
        "kind": "COMPANY",
        "company_name": "Acme GmbH",
        "email": "office@acme.example",
        "website": "https://acme.example",
        "phone": "+4930123456",
        "country": "DE",
        "contact": "Anna",
    }
    return {**ordinary, **told}


def test_a_sign_up_becomes_a_referred_account(story, host):
    answer = host.tell_sign_up(sign_up())

    assert (answer.status_code, answer.json()) == (201, {"program": "smartcat", "account": "acme"})
    account = ReferredAccount.objects.get()
    assert (account.enrollment, account.status) == (story.enrollment(), "IN_REVIEW")
    assert (account.company_name, account.country, account.contact) == ("Acme GmbH", "DE", "Anna")
    row = SignUp.objects.get()
    assert (row.occurred_at, row.told_at) == (datetime(2026, 2, 2, 11, tzinfo=UTC), NOON)


def test_a_company_may_tell_its_registration_number(story, host):
    told, too_long = (host.tell_sign_up(sign_up(registration=text)) for text in ("HRB 1 Berlin", "x" * 65))

    assert (told.status_code, too_long.status_code) == (201, 422)
    assert (ReferredAccount.objects.get().registration, SignUp.objects.get().registration) == (
        "HRB 1 Berlin",
        "HRB 1 Berlin",
    )


def test_the_same_account_again_is_another_contact(host):
    host.tell_sign_up(sign_up())

    answer = host.tell_sign_up(sign_up(link="ben", company_name="Acme Inc."))

    assert (answer.status_code, answer.json()) == (200, {"program": "smartcat", "account": "acme"})
    assert [row.repeats_id is None for row in SignUp.objects.order_by("pk")] == [True, False]
    assert ReferredAccount.objects.get().company_name == "Acme GmbH"


def test_the_answer_says_neither_who_brought_the_account_nor_whether_it_is_known(story, host):
    ExistingCustomer.objects.create(host=story.host, host_account="old", email="office@old.example")
    told = {
        "brought": sign_up("brought"),
        "nobody": sign_up("nobody", link="", email="office@nobody.example"),
        "unknown link": sign_up("stranger", link="no-such-link"),
        "existing": sign_up("old", email="office@old.example"),
        "self": sign_up("rosa", email="rosa@rosa-words.example"),
    }

    answers = {what: host.tell_sign_up(body) for what, body in told.items()}

    assert {what: answer.status_code for what, answer in answers.items()} == dict.fromkeys(told, 201)
    assert [set(answer.json()) for answer in answers.values()] == [{"program", "account"}] * len(told)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"program": "other"}, "program"),
        ({"program": ""}, "program"),
        ({"account": ""}, "account"),
        ({"account": "a" * 101}, "account"),
        ({"account": 5}, "account"),
        ({"occurred_at": "2026-02-02"}, "occurred_at"),
        ({"occurred_at": "2026-02-02T12:00:01Z"}, "occurred_at"),
        ({"visitor": "v" * 101}, "visitor"),
        ({"link": "l" * 101}, "link"),
        ({"code": "c\u0000"}, "code"),
        ({"kind": "ANY"}, "kind"),
        ({"company_name": "n" * 201}, "company_name"),
        ({"email": "nobody"}, "email"),
        ({"email": None}, "email"),
        ({"website": "w" * 501}, "website"),
        ({"phone": "1" * 51}, "phone"),
        ({"country": "de"}, "country"),
        ({"country": "DEU"}, "country"),
        ({"contact": "c" * 201}, "contact"),
        ({"referrer": "rosa"}, "referrer"),
    ],
)
def test_what_is_wrong_is_named(changed, field, host):
    answer = host.tell_sign_up(sign_up(**changed))

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "wrong_field")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert SignUp.objects.count() == 0


@pytest.mark.parametrize("body", [b"{", b'{"account": "a", "account": "b"}', b"[" * 100_000])
def test_a_body_that_does_not_mean_one_thing_is_refused(body, host):
    answer = host.tell_sign_up(body)

    assert (answer.status_code, answer.json()["code"]) == (400, "not_json")
    assert SignUp.objects.count() == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"text"'])
def test_a_body_that_is_no_sign_up_is_refused(body, host):
    answer = host.tell_sign_up(body)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body")


def test_a_body_has_at_most_a_million_bytes(host):
    assert host.tell_sign_up(b" " * 10_000_000).status_code == 413


@pytest.mark.parametrize("status", ["DRAFT", "PAUSED", "ENDED"])
def test_a_program_that_is_not_active_takes_in_nobody(status, host):
    Program.objects.update(status=status)

    answer = host.tell_sign_up(sign_up())

    assert (answer.status_code, answer.json()["code"]) == (409, "program_not_active")
    assert SignUp.objects.count() == 0


def test_a_key_speaks_for_its_own_host_only(host):
    elsewhere = HostSoftware(ApiClientFactory(host=HostFactory()), at=NOON)

    answer = elsewhere.tell_sign_up(sign_up())

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "program")


@pytest.mark.django_db(transaction=True)
def test_told_four_times_at_once_it_is_one_sign_up_with_three_repetitions(host):
    answers = at_once(*[lambda: host.tell_sign_up(sign_up())] * 4)

    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert sorted(row.repeats_id is None for row in SignUp.objects.all()) == [False, False, False, True]
    assert ReferredAccount.objects.count() == 1


# --- keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer .",
        "Basic {key}",
        "{key}",
        "Bearer {prefix}",
        "Bearer {prefix}.",
        "Bearer {prefix}.{prefix}",
        "Bearer 00000000.{secret}",
        "Bearer {key}x",
        "Bearer {secret}",
    ],
)
def test_a_key_that_is_not_right_is_refused(header, host):
    prefix, _, secret = host.key.partition(".")

    answer = host.tell_sign_up(
        sign_up(), authorization=header.format(key=host.key, prefix=prefix, secret=secret)
    )

    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert SignUp.objects.count() == 0


def test_a_key_without_the_scope_is_refused(story):
    _, key = credentials.issue_key(story.client, scopes=[], at=NOON)

    answer = post(SIGN_UPS, b"{}", {"authorization": f"Bearer {key}"})

    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


def test_a_key_that_was_taken_back_is_refused(host):
    call_command("revoke_api_key", host.key.partition(".")[0])

    assert host.tell_sign_up(sign_up()).status_code == 401
    with pytest.raises(CommandError):
        call_command("revoke_api_key", host.key.partition(".")[0])


def test_a_client_that_is_switched_off_has_no_key(host):
    ApiClient.objects.update(is_active=False)

    assert host.tell_sign_up(sign_up()).status_code == 401


def test_the_last_use_of_a_key_is_kept_to_the_minute(host, time_machine):
    used = []
    for seconds in (0, 30, 60):
        time_machine.move_to(NOON + timedelta(seconds=seconds), tick=False)
        host.tell_sign_up(sign_up())
        used.append(ApiKey.objects.get().last_used_at)

    assert used == [NOON, NOON, NOON + timedelta(minutes=1)]


def test_a_key_is_shown_once_and_only_its_hash_is_kept(story, capsys):
    call_command("make_api_key", story.client.name, "--scope", "sign_ups:write")
    text = capsys.readouterr().out.strip()

    row = ApiKey.objects.get()
    assert credentials.recognize(text, at=NOON) == row
    assert (row.prefix, row.writes_sign_ups) == (text.partition(".")[0], True)
    assert text.partition(".")[2] not in str(ApiKey.objects.values().get())


@pytest.mark.parametrize(
    "arguments", [["nobody", "--scope", "sign_ups:write"], ["billing", "--scope", "all"], ["billing"]]
)
def test_no_key_is_made_for_a_client_or_scope_that_does_not_exist(arguments, story):
    with pytest.raises(CommandError):
        call_command("make_api_key", *arguments)

    assert ApiKey.objects.count() == 0


def test_a_name_that_two_hosts_have_is_told_by_the_public_id(story, capsys):
    ApiClientFactory(name=story.client.name)

    with pytest.raises(CommandError, match=story.client.public_id):
        call_command("make_webhook_secret", story.client.name)
    call_command("make_webhook_secret", story.client.public_id)

    secret = credentials.signer(story.client.public_id, at=NOON).live(at=NOON)
    assert capsys.readouterr().out.split() == ["webhook-client:", story.client.public_id, "secret:", *secret]


@pytest.mark.parametrize("length", ["many", "9" * 5_000])
def test_a_body_whose_length_is_no_number_is_refused(length, host, client):
    answer = client.generic("POST", SIGN_UPS, b"{}", content_type="application/json", CONTENT_LENGTH=length)

    assert (answer.status_code, answer.json()["code"]) == (400, "no_length")
