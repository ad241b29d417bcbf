"""What the host's software asks and pays over HTTP: signed, once for each id, never below zero."""

import json
import time
from functools import partial

import pytest

from payouts import host_spends, ledger, withdrawals
from payouts.host_spends import SpendTold
from payouts.models import HostSpend, Spend, Transfer
from payouts.rules.lifecycle import AccountKind
from referrals.models import Enrollment
from tests.factories import ApiClientFactory, HostFactory
from tests.host import BALANCES, SPENDS, HostSoftware, post, signed
from tests.story import Story, at_once, nothing_changes

pytestmark = pytest.mark.django_db

ROSA = {"program": "smartcat", "referrer": "rosa"}
CREDIT = {"rewards.new_customer.kind": "ACCOUNT_CREDIT", "rewards.new_customer.withdrawable": False}


def rich(changes=None) -> Story:
    """Rosa has 100.00."""
    story = Story("smartcat", changes)
    story.earn()
    story.pass_to("2026-03-16T00:05Z")
    return story


@pytest.fixture
def story(time_machine) -> Story:
    told = rich()
    time_machine.move_to(told.now, tick=False)
    return told


@pytest.fixture
def host(story) -> HostSoftware:
    return HostSoftware(story.client, at=story.now)


def a_spend(spend_id="s1", amount="25.00", **changed):
    return {"spend_id": spend_id, **ROSA, "amount": amount, "currency": "USD", "service": "Plan", **changed}


def pay(host, *args, **changed):
    answer = host.tell(a_spend(*args, **changed), path=SPENDS)
    return answer.status_code, answer.json().get("code")


def balance(host, **changed):
    return host.tell({**ROSA, **changed}, path=BALANCES)


def left(story, kind=AccountKind.BALANCE):
    return ledger.balance_minor(ledger.account_of(story.enrollment(), kind=kind))


def test_a_balance_is_asked_for_and_nothing_changes(story, host):
    with nothing_changes():
        answer = balance(host)

    assert (answer.status_code, answer.json()) == (
        200,
        {**ROSA, "currency": "USD", "balance": "100.00", "credit": "0.00"},
    )


def test_who_has_earned_nothing_has_nothing(story, host):
    with nothing_changes():
        assert balance(host, referrer="ben").json()["balance"] == "0.00"


def test_a_service_is_paid_once_however_often_it_is_told(story, host):
    assert [pay(host) for _ in range(3)] == [(201, "spent"), (200, "known"), (200, "known")]

    spend = Spend.objects.get()
    assert (spend.enrollment, spend.amount_minor, spend.service) == (story.enrollment(), 2_500, "Plan")
    assert (spend.spent_at, spend.transfer.kind) == (story.now, "SPENT")
    assert (left(story), balance(host).json()["balance"]) == (7_500, "75.00")


@pytest.mark.parametrize("changed", [{"amount": "25.01"}, {"service": "Another"}, {"referrer": "ben"}])
def test_an_id_with_other_content_is_a_conflict(host, changed):
    pay(host)

    with nothing_changes():
        assert pay(host, **changed) == (409, "spend_id_conflict")


def test_two_clients_have_ids_of_their_own(story, host):
    other = HostSoftware(ApiClientFactory(host=story.host), at=story.now)
    pay(host)

    assert pay(other) == (201, "spent")
    assert left(story) == 5_000


def test_all_can_be_spent_and_not_one_cent_more(story, host):
    with nothing_changes():
        assert pay(host, "s1", "100.01") == (409, "insufficient_balance")
    assert pay(host, "s1", "100.00") == (201, "spent")
    with nothing_changes():
        assert pay(host, "s2", "0.01") == (409, "insufficient_balance")


def test_what_was_refused_for_want_of_money_is_paid_when_there_is_some(story, host):
    assert pay(host, "s1", "150.00")[0] == 409
    story.earn("globex")
    story.pass_to("2026-04-16T00:05Z")

    spent = host_spends.spend(
        story.client, told=SpendTold("s1", "smartcat", "rosa", 15_000, "USD", "Plan"), at=story.now
    )
    assert spent is True
    assert left(story) == 5_000


def test_credit_is_spent_where_the_program_gives_credit(time_machine):
    story = rich(CREDIT)
    time_machine.move_to(story.now, tick=False)
    host = HostSoftware(story.client, at=story.now)

    assert pay(host) == (201, "spent")
    told = balance(host).json()
    assert (told["balance"], told["credit"]) == ("0.00", "75.00")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"spend_id": ""}, "spend_id"),
        ({"spend_id": "s" * 201}, "spend_id"),
        ({"program": "nowhere"}, "program"),
        ({"referrer": "nobody"}, "referrer"),
        ({"amount": "0.00"}, "amount"),
        ({"amount": "-1.00"}, "amount"),
        ({"amount": "25"}, "amount"),
        ({"amount": 25.0}, "amount"),
        ({"amount": "99999999999999999999.00"}, "amount"),
        ({"currency": "EUR"}, "currency"),
        ({"currency": "XXX"}, "currency"),
        ({"service": ""}, "service"),
        ({"service": "a\nb"}, "service"),
        ({"note": "more"}, "note"),
    ],
)
def test_what_makes_no_sense_is_named_and_changes_nothing(host, changed, field):
    with nothing_changes():
        answer = host.tell(a_spend(**changed), path=SPENDS)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("path", [BALANCES, SPENDS])
def test_without_a_right_signature_nothing_is_told(story, host, path):
    body = json.dumps(a_spend() if path == SPENDS else ROSA).encode()
    other = json.dumps(a_spend(amount="99.00")).encode()
    right = signed(story.client.public_id, host.secret, body)

    with nothing_changes():
        for headers in (
            {},
            {**right, "webhook-client": "nobody"},
            signed(story.client.public_id, host.secret, other),
        ):
            assert post(path, body, headers).status_code == 401
    # A key of the API is no signature.
    assert post(path, body, {"authorization": f"Bearer {host.key}"}).status_code == 401


def test_a_client_of_another_host_finds_nobody(story):
    stranger = HostSoftware(ApiClientFactory(host=HostFactory()), at=story.now)

    with nothing_changes():
        for path, told in ((BALANCES, ROSA), (SPENDS, a_spend())):
            answer = stranger.tell(told, path=path)
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "program")


def test_the_document_describes_both(client):
    paths = client.get("/api/v1/openapi.json").json()["paths"]

    for path in (BALANCES, SPENDS):
        named = {parameter["name"] for parameter in paths[path]["post"]["parameters"]}
        assert {"webhook-client", "webhook-id", "webhook-timestamp"} <= named


# --- at once --------------------------------------------------------------------------------------------


def spending(story, spend_id="s1", amount_minor=6_000, referrer="rosa"):
    told = SpendTold(spend_id, "smartcat", referrer, amount_minor, "USD", "Plan")
    return partial(host_spends.spend, story.client, told=told, at=story.now)


@pytest.mark.django_db(transaction=True)
def test_two_spends_at_once_never_take_more_than_there_is():
    story = rich()

    results = at_once(*[spending(story, f"s{number}", 6_000) for number in range(4)])

    assert (
        sorted(str(getattr(each, "code", each)) for each in results)
        == ["True"] + ["insufficient_balance"] * 3
    )
    assert left(story) == 4_000


@pytest.mark.django_db(transaction=True)
def test_a_spend_told_by_several_calls_at_once_is_paid_once():
    story = rich()

    results = at_once(*[spending(story, "s1", 6_000)] * 4)

    assert sorted(results) == [False, False, False, True]
    assert (left(story), HostSpend.objects.count()) == (4_000, 1)


@pytest.mark.django_db(transaction=True)
def test_an_id_told_at_once_for_two_referrers_is_one_of_them():
    story = rich()
    story.earn("globex", link="ben")
    story.pass_to("2026-04-16T00:05Z")

    results = at_once(spending(story, "s1"), spending(story, "s1", referrer="ben"))

    assert sorted(str(getattr(each, "code", each)) for each in results) == ["True", "spend_id_conflict"]
    assert Transfer.objects.filter(kind="SPENT").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_spend_and_a_withdrawal_at_once_never_take_more_than_there_is():
    story = rich()
    mine = story.enrollment()

    results = at_once(
        spending(story),
        partial(withdrawals.withdraw, mine, amount_minor=6_000, at=story.now),
        spending(story, "s2"),
    )

    assert sum(getattr(each, "code", "") == "insufficient_balance" for each in results) == 2
    assert left(story) == 4_000


@pytest.mark.django_db(transaction=True)
@pytest.mark.plants_breaches
def test_without_the_lock_two_spends_take_more_than_there_is(monkeypatch):
    """The negative control: both look at the balance before either has taken from it."""
    story = rich()
    look = ledger.balance_minor
    monkeypatch.setattr(ledger, "lock", lambda account: None)
    # One at a time is what SQLite's transactions are: without them, too, nothing keeps two apart.
    monkeypatch.setattr(withdrawals, "spend", withdrawals.spend.__wrapped__)
    monkeypatch.setattr(host_spends, "_spend_once", host_spends._spend_once.__wrapped__)
    monkeypatch.setattr(Enrollment.objects.all().__class__, "select_for_update", lambda rows, **_: rows)

    def look_and_linger(account):
        there = look(account)
        time.sleep(0.3)
        return there

    monkeypatch.setattr(ledger, "balance_minor", look_and_linger)

    at_once(spending(story, "s1"), spending(story, "s2"))

    assert look(ledger.account_of(story.enrollment(), kind=AccountKind.BALANCE)) == -2_000
