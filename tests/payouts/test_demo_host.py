"""The script that plays the host product: over HTTP only, and nothing is lost while the server is away."""

import json
import socket
from datetime import UTC, datetime
from itertools import islice
from threading import Event

import pytest
from django.core.management import CommandError, call_command

from payouts.demo import host_product
from referrals import credentials
from referrals.models import AccountEvent, Click, ReferredAccount, SignUp
from tests.story import Story


def file_of(story, path):
    """What seed_demo keeps for the host product."""
    now = datetime.now(UTC)
    _, key = credentials.issue_key(story.client, scopes=list(credentials.Scope), at=now)
    secret = credentials.issue_webhook_secret(story.client, at=now)
    customer = story.sign_up("acme")
    told = {
        "client": story.client.public_id,
        "key": key,
        "secret": secret,
        "links": [[story.slug, "rosa"]],
        "customers": [[story.slug, customer.host_account]],
    }
    path.write_text(json.dumps(told))
    return path


@pytest.fixture
def file(transactional_db, tmp_path):
    return file_of(Story("smartcat"), tmp_path / "host.json")


def test_it_opens_a_link_signs_up_and_tells_what_a_customer_paid(file, live_server):
    host = host_product.read(file, live_server.url, run="test")

    said = [message(datetime.now(UTC)) for message in islice(host.messages(), 4)]

    assert said[0].startswith("opened ")
    assert said[2].startswith("sign-up   201 ")
    assert Click.objects.count() == 1
    arrived = ReferredAccount.objects.get(host_account="acct-400")
    assert arrived.enrollment.referrer.host_account == "rosa"
    facts = AccountEvent.objects.filter(host_account="acme")
    assert facts.count() == 2
    assert [line[:13] for line in (said[1], said[3])] == ["fact      202"] * 2


def test_a_message_told_again_counts_once(file, live_server):
    messages = host_product.read(file, live_server.url, run="test").messages()
    next(messages)(datetime.now(UTC))
    fact, sign_up = next(messages), next(messages)

    said = [message(datetime.now(UTC)) for message in (fact, fact, sign_up, sign_up)]

    assert [line.split()[1] for line in said] == ["202", "200", "201", "200"]
    assert AccountEvent.objects.count() == 1
    assert ReferredAccount.objects.filter(host_account="acct-400").count() == 1


def test_what_a_new_client_pays_is_told_next(transactional_db, tmp_path, live_server):
    told = file_of(Story("smithai"), tmp_path / "host.json")
    host = host_product.read(told, live_server.url, run="test")

    said = [message(datetime.now(UTC)) for message in islice(host.messages(), 6)]

    assert said[3] == "fact      202  invoice.issued 285.00 of acct-400"
    assert said[5] == "fact      202  invoice.paid 285.00 of acct-400"


def test_it_stops_adding_after_so_many(file, live_server):
    host = host_product.read(file, live_server.url, run="test", most_sign_ups=2)

    for message in islice(host.messages(), 20):
        message(datetime.now(UTC))

    assert SignUp.objects.filter(host_account__startswith="acct-").count() == 2
    assert AccountEvent.objects.count() == 13


def test_while_the_server_is_away_it_says_so_and_tries_the_same_again(file):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    host = host_product.read(file, address, run="test")
    ended, said = Event(), []

    def say(line):
        said.append(line)
        if len(said) == 2:
            ended.set()

    host_product.play(host, say=say, ended=ended, clock=lambda: datetime(2026, 3, 2, 10, tzinfo=UTC))

    assert len(said) == 2
    assert said[0].startswith("10:00:00 not answered")
    assert said[0].endswith("again in 1 s")
    assert said[1].endswith("again in 2 s")


def test_a_refusal_is_told_and_not_tried_again(file, live_server):
    told = json.loads(file.read_text())
    file.write_text(json.dumps(told | {"key": "wrong.key"}))
    messages = host_product.read(file, live_server.url, run="test").messages()

    said = [message(datetime.now(UTC)) for message in islice(messages, 3)]

    assert said[2].startswith("sign-up   401 ")


def test_the_command_asks_for_the_demo_and_an_address(settings, tmp_path):
    settings.DATA_DIR = tmp_path

    with pytest.raises(CommandError, match="run seed_demo first"):
        call_command("play_host", "http://127.0.0.1:1")
    with pytest.raises(CommandError, match="is no address"):
        call_command("play_host", "localhost")
