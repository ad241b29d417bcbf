"""Facts told over HTTP: who may tell them, what is refused and how, and that each counts once."""

import base64
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import chain

import psycopg
import pytest
from django.db import connection

from referrals import credentials, events
from referrals.models import AccountEvent, ApiClient, ReferredAccount
from tests.factories import ApiClientFactory
from tests.host import EVENTS, NOON, HostSoftware, event, payment, post, signed
from tests.story import at_once

pytestmark = pytest.mark.django_db


def results(answer) -> list[tuple[int, str]]:
    """Status and code of each event of a batch."""
    assert answer.status_code == 200
    return [(result["status"], result["code"]) for result in answer.json()["results"]]


def at_fault(result) -> list[str]:
    return [error["field"] for error in result["errors"]]


def stored() -> list[str]:
    return list(AccountEvent.objects.order_by("event_id").values_list("event_id", flat=True))


# --- one event ------------------------------------------------------------------------------------------


def test_a_new_event_is_stored_once_and_known_from_then_on(story, host):
    account = story.sign_up("acme")

    answers = [host.tell(payment()) for _ in range(2)]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (202, "stored"),
        (200, "known"),
    ]
    assert answers[0].json() == {
        "event_id": "p1",
        "status": 202,
        "code": "stored",
        "message": "",
        "errors": [],
    }
    row = AccountEvent.objects.get()
    assert (row.client, row.host, row.event_id, row.host_account) == (story.client, story.host, "p1", "acme")
    assert (row.type, row.amount_minor, row.currency) == ("payment.received", 12_500, "USD")
    assert (row.occurred_at, row.received_at) == (datetime(2026, 2, 2, 10, tzinfo=UTC), NOON)
    changed = ReferredAccount.objects.get(pk=account.pk).facts_changed
    assert changed == account.facts_changed + 1


def test_the_same_instant_written_otherwise_is_the_same_event(host):
    host.tell(event(occurred_at="2026-02-02T10:00:00Z"))

    assert host.tell(event(occurred_at="2026-02-02T11:00:00+01:00")).status_code == 200


def test_an_id_with_other_content_is_a_conflict(host):
    host.tell(payment())

    answer = host.tell(payment(amount="126.00"))

    assert (answer.status_code, answer.json()["code"]) == (409, "event_id_conflict")
    assert AccountEvent.objects.get().amount_minor == 12_500


def test_two_clients_have_ids_of_their_own(story, host):
    other = HostSoftware(ApiClientFactory(host=story.host), at=NOON)
    host.tell(payment())

    assert other.tell(payment(amount="126.00")).status_code == 202


def test_an_event_about_an_account_that_nobody_knows_waits_for_it(story, host):
    assert host.tell(event(account="later", occurred_at="2026-02-02T11:00:00Z")).status_code == 202
    assert AccountEvent.objects.parked().count() == 1

    story.sign_up("later")

    assert AccountEvent.objects.parked().count() == 0


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"event_id": ""}, "event_id"),
        ({"event_id": "e" * 201}, "event_id"),
        ({"event_id": 7}, "event_id"),
        ({"event_id": None}, "event_id"),
        ({"account": ""}, "account"),
        ({"account": "a" * 101}, "account"),
        ({"account": "a\u0000b"}, "account"),
        ({"account": "a\nb"}, "account"),
        ({"account": "\ud800"}, "account"),
        ({"type": "payment.made"}, "type"),
        ({"type": ["payment.received"]}, "type"),
        ({"occurred_at": "2026-02-02T10:00:00"}, "occurred_at"),
        ({"occurred_at": "2026-02-02T12:00:01Z"}, "occurred_at"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at"),
        ({"occurred_at": 1770026400}, "occurred_at"),
        ({"amount": 125}, "amount"),
        ({"amount": 125.0}, "amount"),
        ({"amount": "125"}, "amount"),
        ({"amount": "125.0"}, "amount"),
        ({"amount": "125.000"}, "amount"),
        ({"amount": "-125.00"}, "amount"),
        ({"amount": "1e2"}, "amount"),
        ({"amount": "125.00 "}, "amount"),
        ({"amount": ""}, "amount"),
        ({"amount": "9" * 5_000 + ".00"}, "amount"),
        ({"amount": "92233720368547758.08"}, "amount"),
        ({"currency": ""}, "currency"),
        ({"currency": "usd"}, "currency"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": 840}, "currency"),
        ({"product": "p" * 65}, "product"),
        ({"product": None}, "product"),
        ({"category": "c" * 65}, "category"),
        ({"ammount": "125.00"}, "ammount"),
    ],
)
def test_what_is_wrong_is_named(changed, field, host):
    answer = host.tell(payment(**changed))

    assert (answer.status_code, answer.json()["code"], at_fault(answer.json())) == (
        422,
        "wrong_field",
        [field],
    )
    assert stored() == []


@pytest.mark.parametrize("field", ["event_id", "account", "type", "occurred_at", "currency"])
def test_what_is_missing_is_named(field, host):
    told = payment()
    del told[field]

    answer = host.tell(told)

    assert (answer.status_code, at_fault(answer.json())) == (422, [field])


def test_everything_that_is_wrong_is_told_at_once(host):
    answer = host.tell({"event_id": "", "type": "payment.made", "account": "acme"})

    assert at_fault(answer.json()) == ["event_id", "type", "occurred_at"]


@pytest.mark.parametrize(
    ("currency", "amount", "minor"), [("JPY", "100", 100), ("KWD", "1.500", 1_500), ("USD", "0.00", 0)]
)
def test_an_amount_has_the_decimals_of_its_currency(currency, amount, minor):
    without_programs = HostSoftware(ApiClientFactory(), at=NOON)

    assert without_programs.tell(payment(currency=currency, amount=amount)).status_code == 202
    assert AccountEvent.objects.get().amount_minor == minor


def test_a_currency_of_none_of_the_accounts_programs_is_refused_and_the_id_stays_free(story, host):
    story.sign_up("acme")

    refused = host.tell(payment(currency="EUR"))

    assert (refused.status_code, refused.json()["code"]) == (422, "currency_mismatch")
    assert at_fault(refused.json()) == ["currency"]
    assert host.tell(payment()).status_code == 202


def test_a_currency_of_none_of_the_hosts_programs_is_refused_before_its_account_has_signed_up(host):
    refused = host.tell(payment(account="nobody", currency="EUR"))

    assert (refused.status_code, refused.json()["code"]) == (422, "currency_mismatch")
    assert at_fault(refused.json()) == ["currency"]
    assert host.tell(payment(account="nobody")).status_code == 202


def test_a_conflict_comes_before_a_wrong_currency(story, host):
    story.sign_up("acme")
    host.tell(payment())

    assert host.tell(payment(currency="EUR")).status_code == 409


# --- batches --------------------------------------------------------------------------------------------


def test_each_event_of_a_batch_stands_or_falls_alone_in_its_place(story, host):
    story.sign_up("acme")
    host.tell(payment("known"))
    batch = [
        payment("new"),
        payment("known"),
        payment("known", amount="1.00"),
        payment("wrong", amount="1"),
        payment("foreign", currency="EUR"),
        "no event",
        payment("new"),
        payment("new", amount="1.00"),
        payment("foreign"),
        payment("parked", account="nobody"),
        payment("never", account="nobody", currency="EUR"),
    ]

    answer = host.tell({"events": batch})

    assert results(answer) == [
        (202, "stored"),
        (200, "known"),
        (409, "event_id_conflict"),
        (422, "wrong_field"),
        (422, "currency_mismatch"),
        (422, "wrong_field"),
        (200, "known"),
        (409, "event_id_conflict"),
        (202, "stored"),
        (202, "stored"),
        (422, "currency_mismatch"),
    ]
    told = [result["event_id"] for result in answer.json()["results"]]
    assert told == [event["event_id"] if isinstance(event, dict) else None for event in batch]
    assert [at_fault(result) for result in answer.json()["results"]][3:5] == [["amount"], ["currency"]]
    assert stored() == ["foreign", "known", "new", "parked"]


def test_a_batch_answers_as_its_events_would_one_after_the_other(story, host):
    """The decision for many gives what the decision for one gives, and leaves the same rows."""
    story.sign_up("acme")
    ids, kinds = (
        ("a", "b"),
        ({}, {"currency": "EUR"}, {"amount": "1.00"}, {"amount": "1"}, {"account": "nobody"}),
    )
    mixture = [payment(event_id, **kind) for kind in kinds for event_id in ids for _ in range(2)]
    mixture = mixture[::3] + mixture[1::3] + mixture[2::3]
    other = HostSoftware(ApiClientFactory(host=story.host), at=NOON)

    together = results(host.tell({"events": mixture}))
    alone = [(answer.status_code, answer.json()["code"]) for answer in map(other.tell, mixture)]

    assert together == alone
    rows = AccountEvent.objects.order_by("event_id").values_list("event_id", "host_account", "body_sha256")
    assert list(rows.filter(client=story.client)) == list(rows.filter(client=other.client))


def test_an_account_is_evaluated_again_whichever_event_of_the_batch_is_about_it(story, host):
    accounts = [story.sign_up(name) for name in ("acme", "other", "untouched")]
    story.evaluate()

    host.tell({"events": [payment("p1"), payment("p2"), payment("p3", "other"), payment("p4", "nobody")]})

    dirty = ReferredAccount.objects.to_evaluate(as_of=story.now).order_by("pk")
    assert list(dirty) == accounts[:2]


@pytest.mark.parametrize(
    ("told", "status", "fields"),
    [
        ({"events": [event(f"e{number}") for number in range(100)]}, 200, None),
        ({"events": [event(f"e{number}") for number in range(101)]}, 413, ["events"]),
        ({"events": []}, 422, ["events"]),
        ({"events": {}}, 422, ["events"]),
        ({"events": None}, 422, ["events"]),
        ({"events": [event()], "event_id": "e1"}, 422, ["event_id"]),
        ([event()], 422, ["body"]),
        ("text", 422, ["body"]),
        (None, 422, ["body"]),
    ],
)
def test_a_batch_is_an_object_with_up_to_a_hundred_events(told, status, fields, host):
    answer = host.tell(told)

    assert answer.status_code == status
    assert len(stored()) == (100 if status == 200 else 0)
    if fields is not None:
        assert at_fault(answer.json()) == fields


@pytest.mark.django_db(transaction=True)
def test_the_same_facts_told_at_once_are_stored_once_and_nobody_waits_in_a_circle(story):
    """Eight calls with the same ids and accounts, half of them in the opposite order."""
    accounts = [story.sign_up(f"account{number}") for number in range(10)]
    before = sum(account.facts_changed for account in accounts)
    told = [
        events.EventTold(f"e{number}", f"account{9 - number % 10}", "subscription.started", NOON)
        for number in range(40)
    ]

    def tell(facts):
        return lambda: events.record_all(story.client, told=facts, received_at=NOON)

    outcomes = at_once(*[tell(told), tell(told[::-1])] * 4)

    assert Counter(chain.from_iterable(outcomes)) == {False: 280, True: 40}
    assert AccountEvent.objects.count() == 40
    after = sum(ReferredAccount.objects.values_list("facts_changed", flat=True))
    assert after > before


# --- who may tell ---------------------------------------------------------------------------------------


def without_padding(signature: str) -> str:
    return signature.rstrip("=")


def in_hex(signature: str) -> str:
    return "v1," + base64.b64decode(signature.removeprefix("v1,")).hex()


def with_other_bits(signature: str) -> str:
    """Another text that a lenient reader of Base64 takes for the same bytes."""
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return f"{signature[:-2]}{last[last.index(signature[-2]) + 1]}="


@pytest.mark.parametrize(
    "change",
    [
        lambda signature: "",
        lambda signature: signature[:-1],
        lambda signature: signature[:20],
        lambda signature: signature[3:],
        lambda signature: signature.replace("v1,", "v2,"),
        lambda signature: signature.replace("v1,", "v1a,"),
        lambda signature: "v1," + base64.b64encode(b"\x00" * 32).decode(),
        lambda signature: f"v1,{signature[3:23]}\t{signature[23:]}",
        lambda signature: f"v1,!{signature[3:]}",
        lambda signature: "v1,",
        lambda signature: "v1",
        without_padding,
        in_hex,
        with_other_bits,
    ],
)
def test_a_signature_that_is_not_the_right_one_to_the_letter_is_refused(change, host):
    body = json.dumps(event()).encode()
    headers = signed(host.client.public_id, host.secret, body)

    answer = host.tell(body, **headers | {"webhook-signature": change(headers["webhook-signature"])})

    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert stored() == []


def test_one_right_signature_among_several_is_enough(host):
    body = json.dumps(event()).encode()
    headers = signed(host.client.public_id, host.secret, body)
    several = f"v1a,whatever {'v1,' + 'A' * 43 + '='} {headers['webhook-signature']}"

    assert host.tell(body, **headers | {"webhook-signature": several}).status_code == 202


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": "msg_other"},
        {"webhook-id": ""},
        {"webhook-timestamp": str(int(NOON.timestamp()) + 1)},
        {"webhook-timestamp": "nan"},
        {"webhook-timestamp": ""},
        {"webhook-client": "client_unknown"},
        {"webhook-client": ""},
    ],
)
def test_every_signed_header_is_part_of_the_signature(changed, host):
    body = json.dumps(event()).encode()

    assert host.tell(body, **signed(host.client.public_id, host.secret, body) | changed).status_code == 401


def test_another_body_is_refused_even_if_it_says_the_same(host):
    body = json.dumps(event()).encode()
    headers = signed(host.client.public_id, host.secret, body)

    assert post(EVENTS, body + b" ", headers).status_code == 401
    assert post(EVENTS, json.dumps(event(), indent=1).encode(), headers).status_code == 401
    assert post(EVENTS, b"\xff", headers).status_code == 401


def test_the_secret_of_another_client_is_refused(story, host):
    other = HostSoftware(ApiClientFactory(host=story.host), at=NOON)
    body = json.dumps(event()).encode()

    assert post(EVENTS, body, signed(host.client.public_id, other.secret, body)).status_code == 401


@pytest.mark.parametrize(("minutes", "status"), [(-6, 401), (-4, 202), (4, 202), (6, 401)])
def test_a_signature_counts_for_five_minutes(minutes, status, host):
    body = json.dumps(event()).encode()
    headers = signed(host.client.public_id, host.secret, body, at=NOON + timedelta(minutes=minutes))

    assert post(EVENTS, body, headers).status_code == status


def test_a_call_that_is_replayed_changes_nothing(host, time_machine):
    body = json.dumps(event()).encode()
    headers = signed(host.client.public_id, host.secret, body)
    post(EVENTS, body, headers)

    time_machine.move_to(NOON + timedelta(minutes=4))
    assert post(EVENTS, body, headers).status_code == 200
    time_machine.move_to(NOON + timedelta(minutes=6))
    assert post(EVENTS, body, headers).status_code == 401
    assert stored() == ["e1"]


def test_while_a_secret_is_replaced_both_count_and_then_only_the_new_one(story, host, time_machine):
    host.tell(event("e0"))  # the secret of before is remembered
    before = host.secret
    after = credentials.issue_webhook_secret(story.client, at=NOON)

    def told_with(secret: str, event_id: str) -> int:
        body = json.dumps(event(event_id)).encode()
        return post(EVENTS, body, signed(story.client.public_id, secret, body)).status_code

    assert (told_with(after, "e1"), told_with(before, "e2")) == (202, 202)
    time_machine.move_to(NOON + credentials.OVERLAP)
    assert (told_with(after, "e3"), told_with(before, "e4")) == (202, 401)


def test_of_three_secrets_only_two_count(story, host):
    first = host.secret
    second = credentials.issue_webhook_secret(story.client, at=NOON)
    third = credentials.issue_webhook_secret(story.client, at=NOON + timedelta(hours=1))

    signer = credentials.signer(story.client.public_id, at=NOON + timedelta(hours=1), fresh=True)

    assert signer.live(at=NOON + timedelta(hours=1)) == [third, second]
    assert first not in signer.live(at=NOON + timedelta(hours=1))


def test_a_client_that_is_switched_off_tells_nothing_any_more(host, time_machine):
    host.tell(event("e1"))
    ApiClient.objects.update(is_active=False)

    time_machine.move_to(NOON + credentials.LOOKED_UP_EVERY)

    assert host.tell(event("e2")).status_code == 401


# --- bodies that are no JSON ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"event_id": "e1", "event_id": "e2"}',
        b'{"events": [{"event_id": "e1", "amount": "1.00", "amount": "100.00"}]}',
        b'{"amount": NaN}',
        b'{"amount": ' + b"9" * 10_000 + b"}",
        b"[" * 100_000,
        b'{"events":' * 50_000,
    ],
)
def test_a_body_that_does_not_mean_one_thing_is_refused(body, host):
    answer = host.tell(body)

    assert (answer.status_code, answer.json()["code"]) == (400, "not_json")


def test_nothing_is_read_out_of_a_body_whose_signature_is_wrong(host):
    assert host.tell(b'{"a": 1, "a": 2}', **{"webhook-signature": "v1,AAAA"}).status_code == 401


@pytest.mark.parametrize(("size", "status"), [(1_000_000, 422), (1_000_001, 413), (10_000_000, 413)])
def test_a_body_has_at_most_a_million_bytes(size, status, host):
    frame = len(json.dumps(event("")))

    answer = host.tell(event("e" * (size - frame)))

    assert answer.status_code == status


def test_the_openapi_document_describes_how_to_sign(client):
    document = client.get("/api/v1/openapi.json").json()

    operation = document["paths"][EVENTS]["post"]
    assert [parameter["name"] for parameter in operation["parameters"]] == [
        "webhook-client",
        "webhook-id",
        "webhook-timestamp",
    ]
    assert sorted(operation["responses"]) == ["200", "202", "400", "401", "409", "413", "422", "503"]
    assert document["components"]["securitySchemes"]["Signed"]["name"] == "webhook-signature"
    assert "$defs" not in json.dumps(document)
    assert client.get("/api/v1/docs").status_code == 404


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no server to lose")
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_died_meanwhile_is_made_anew(story):
    fact = events.EventTold("p1", "acme", "subscription.started", NOON)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])

    assert events.record_all(story.client, told=[fact], received_at=NOON) == [True]
    assert AccountEvent.objects.count() == 1
