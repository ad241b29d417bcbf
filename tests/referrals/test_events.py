"""Facts from the host: stored once per id for ever, parked, picked up, rejected, voided by two people."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import connection

from payouts import program_files
from payouts.rules import program_document
from referrals import enrollment, events
from referrals.models import AccountEvent, ApiClient, EventVoid, ReferredAccount
from referrals.rules.money import LARGEST_MINOR
from tests.story import Story, at_once, nothing_changes, refused

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


@pytest.fixture
def story():
    return Story("smartcat")


def record(story: Story, **more) -> tuple[AccountEvent, bool]:
    """The host tells that an account paid 10.00 just now."""
    ordinary = {
        "client": story.client,
        "event_id": "e1",
        "host_account": "acme",
        "type": "payment.received",
        "occurred_at": story.now,
        "received_at": story.now,
        "amount_minor": 1_000,
        "currency": "USD",
    }
    told = {**ordinary, **more}
    return events.record(told.pop("client"), **told)


def reached(account: ReferredAccount) -> set[str]:
    return set(account.milestones_reached.filter(holds=True).values_list("milestone__code", flat=True))


def second_program(story: Story, **changes: object) -> Story:
    """Another program of the same host, in which the same people take part."""
    document = program_files.read(program_files.bundled()[story.slug])
    changed, problems = program_document.changed(document, {"program.slug": "second", **changes})
    assert not problems
    document, problems = program_document.check(changed, {})
    assert not problems
    other = object.__new__(Story)
    other.__dict__ |= story.__dict__
    other.program = program_files.store(document, host=story.host, now=story.now)
    enrollment.enroll(story.rosa, program=other.program, at=story.now, link="rosa-2")
    return other


# --- stored once --------------------------------------------------------------------------------------


def test_a_fact_is_stored_as_it_was_told(story):
    event, is_new = record(story, product="enterprise", category="yearly")

    event.refresh_from_db()
    assert is_new
    assert (event.client, event.host, event.host_account) == (story.client, story.host, "acme")
    assert (event.type, event.occurred_at, event.received_at) == ("payment.received", story.now, story.now)
    assert (event.amount_minor, event.currency) == (1_000, "USD")
    assert (event.product, event.category) == ("enterprise", "yearly")


def test_the_same_fact_told_again_changes_nothing(story):
    story.sign_up()
    event, _ = record(story)

    with nothing_changes():
        assert record(story, received_at=story.now + timedelta(days=9)) == (event, False)


def test_an_instant_is_the_same_whatever_the_offset_it_is_written_with(story):
    event, _ = record(story)
    elsewhere = story.now.astimezone(timezone(timedelta(hours=-8)))

    assert record(story, occurred_at=elsewhere) == (event, False)


@pytest.mark.parametrize(
    "other",
    [
        {"host_account": "bold"},
        {"type": "payment.refunded"},
        {"occurred_at": datetime(2026, 2, 2, 9, 59, 59, tzinfo=UTC)},
        {"amount_minor": 1_001},
        {"amount_minor": 0, "currency": ""},
        {"currency": "EUR"},
        {"product": "enterprise"},
        {"category": "yearly"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_the_same_id_with_other_content_is_refused(story, other):
    story.sign_up()
    record(story)

    with refused("event_id_conflict"):
        record(story, **other)


def test_the_same_id_from_another_client_is_another_fact(story):
    shop = ApiClient.objects.create(host=story.host, name="shop")

    record(story)
    _, is_new = record(story, client=shop, type="payment.refunded")

    assert is_new
    assert sorted(AccountEvent.objects.values_list("client__name", "event_id")) == [
        ("billing", "e1"),
        ("shop", "e1"),
    ]


# --- nonsense -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nonsense", "field"),
    [
        ({"event_id": ""}, "event_id"),
        ({"host_account": ""}, "account"),
        ({"type": "payment.imagined"}, "type"),
        ({"type": ""}, "type"),
        ({"occurred_at": datetime(2026, 2, 2, 9)}, "occurred_at"),  # noqa: DTZ001
        ({"occurred_at": datetime(2026, 2, 2, 10, 0, 1, tzinfo=UTC)}, "occurred_at"),
        ({"amount_minor": -1}, "amount"),
        ({"amount_minor": 10.0}, "amount"),
        ({"amount_minor": "10.00"}, "amount"),
        ({"amount_minor": True}, "amount"),
        ({"amount_minor": LARGEST_MINOR + 1}, "amount"),
        ({"currency": ""}, "currency"),
        ({"currency": "usd"}, "currency"),
        ({"currency": "XYZ"}, "currency"),
        ({"currency": "XYZ", "amount_minor": 0}, "currency"),
        # More than the columns hold.
        ({"event_id": "e" * 201}, "event_id"),
        ({"host_account": "a" * 101}, "account"),
        ({"product": "p" * 65}, "product"),
        ({"category": "c" * 65}, "category"),
    ],
)
def test_what_makes_no_sense_is_refused_and_the_field_is_named(story, nonsense, field):
    with refused("wrong_field") as refusal:
        record(story, **nonsense)

    assert refusal.value.field == field
    assert str(refusal.value).startswith(f"{field}: ")


def test_the_largest_and_the_longest_that_fit_are_stored(story):
    _, is_new = record(
        story,
        event_id="e" * 200,
        host_account="a" * 100,
        product="p" * 64,
        category="c" * 64,
        amount_minor=LARGEST_MINOR,
    )

    assert is_new
    assert AccountEvent.objects.get().amount_minor == LARGEST_MINOR


# --- parked, picked up, rejected ----------------------------------------------------------------------


def test_a_fact_waits_for_its_account_and_counts_when_it_appears(story):
    event = story.tell("acme", "subscription.started", occurred_at=story.now)
    assert list(AccountEvent.objects.parked()) == [event]

    account = story.sign_up("acme")
    story.evaluate()

    assert list(AccountEvent.objects.parked()) == []
    assert list(AccountEvent.objects.about(account)) == [event]
    assert "subscribed" in reached(account)


def test_a_fact_from_before_the_sign_up_never_counts(story):
    story.tell("acme", "subscription.started", occurred_at=story.now - SECOND)

    account = story.sign_up("acme")
    story.evaluate()

    assert reached(account) == {"signed_up"}
    assert not AccountEvent.objects.about(account).exists()


def test_a_fact_in_a_wrong_currency_is_rejected_when_its_account_appears(story):
    second_program(story, **{"program.currency": "EUR"})
    euros = story.tell("acme", "payment.received", 500_000, currency="EUR")
    assert list(AccountEvent.objects.rejected()) == []

    account = story.sign_up("acme")
    story.evaluate()

    assert list(AccountEvent.objects.rejected()) == [euros]
    assert list(AccountEvent.objects.parked()) == []
    assert reached(account) == {"signed_up"}


def test_a_fact_in_a_currency_of_none_of_the_accounts_programs_is_refused(story):
    story.sign_up("acme")

    with refused("currency_mismatch") as refusal:
        record(story, currency="EUR")

    assert "USD" in str(refusal.value)


def test_a_fact_about_an_unknown_account_is_refused_in_a_currency_that_no_program_has(story):
    with refused("currency_mismatch"):
        record(story, host_account="nobody-yet", currency="EUR")


def test_an_id_that_is_known_is_refused_as_such_before_its_currency_is_looked_at(story):
    second_program(story, **{"program.currency": "EUR"})
    record(story, host_account="bold", currency="EUR")
    story.sign_up("bold")

    with refused("event_id_conflict"):
        record(story, host_account="bold", currency="GBP")
    with nothing_changes():
        assert record(story, host_account="bold", currency="EUR")[1] is False


def test_an_account_of_the_same_name_at_another_host_is_another(story):
    elsewhere = Story("smartcat", host="elsewhere")
    there = elsewhere.sign_up("acme")

    story.tell("acme", "subscription.started")
    elsewhere.evaluate()

    assert AccountEvent.objects.parked().count() == 1
    assert reached(there) == {"signed_up"}


def test_a_fact_counts_in_each_program_of_its_currency_that_knows_the_account(story):
    dollars = second_program(story)
    here, there = story.sign_up("acme"), dollars.sign_up("acme", link="rosa-2")

    story.tell("acme", "payment.received", 500_000)
    story.tell("acme", "subscription.started")
    for each in (here, there):
        assert each.facts_changed < ReferredAccount.objects.get(pk=each.pk).facts_changed
    story.evaluate()
    dollars.evaluate()

    assert reached(here) == reached(there) == {"signed_up", "subscribed"}
    for program, account in ((story, here), (dollars, there)):
        program.decide(account)
        program.wait(minutes=10)
        assert "qualifying_purchase" in reached(account)


def test_a_fact_counts_only_in_the_programs_of_its_currency(story):
    euros = second_program(story, **{"program.currency": "EUR"})
    here, there = story.sign_up("acme"), euros.sign_up("acme", link="rosa-2")
    for program, account in ((story, here), (euros, there)):
        program.decide(account)
        program.wait(minutes=10)

    story.tell("acme", "payment.received", 500_000, currency="EUR")
    story.evaluate()
    euros.evaluate()

    assert ("qualifying_purchase" in reached(here), "qualifying_purchase" in reached(there)) == (False, True)
    assert not AccountEvent.objects.rejected().exists()
    with refused("currency_mismatch"):
        record(story, event_id="pounds", currency="GBP")


def test_a_fact_without_an_amount_needs_no_currency_and_counts_in_every_program(story):
    euros = second_program(story, **{"program.currency": "EUR"})
    here, there = story.sign_up("acme"), euros.sign_up("acme", link="rosa-2")

    story.tell("acme", "subscription.started")
    story.evaluate()
    euros.evaluate()

    assert reached(here) == reached(there) == {"signed_up", "subscribed"}


def test_a_known_account_is_marked_to_be_looked_at_and_no_other(story):
    acme, bold = story.sign_up("acme"), story.sign_up("bold")
    story.evaluate()

    story.tell("acme", "subscription.started")

    assert [account.host_account for account in ReferredAccount.objects.to_evaluate(as_of=story.now)] == [
        "acme"
    ]
    assert {acme, bold} == set(ReferredAccount.objects.all())


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has its own cache of statements")
def test_a_single_fact_is_stored_by_a_prepared_statement(story):
    """To plan it costs several times what it takes to execute it."""
    for _ in range(2):
        story.tell("acme", "subscription.started")

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", ["%WITH told%"])
        assert cursor.fetchone() == (1,)


# --- voided -------------------------------------------------------------------------------------------


def test_two_people_take_a_wrong_fact_out_of_account(story):
    account = story.sign_up("acme")
    event = story.tell("acme", "subscription.started")
    story.evaluate()
    assert "subscribed" in reached(account)

    events.void(event, by=story.cara, approved_by=story.sam, at=story.now)
    story.evaluate()

    assert reached(account) == {"signed_up"}
    assert list(EventVoid.objects.values_list("event", "voided_by", "approved_by", "voided_at")) == [
        (event.pk, story.cara.pk, story.sam.pk, story.now)
    ]
    assert AccountEvent.objects.filter(pk=event.pk).exists()
    assert not AccountEvent.objects.about(account).exists()


def test_one_person_alone_voids_nothing(story):
    event = story.tell("acme", "subscription.started")

    with refused("same_person"):
        events.void(event, by=story.cara, approved_by=story.cara, at=story.now)


def test_a_fact_is_voided_once(story):
    event = story.tell("acme", "subscription.started")
    events.void(event, by=story.cara, approved_by=story.sam, at=story.now)

    with refused("already_voided"):
        events.void(event, by=story.fay, approved_by=story.finn, at=story.now)
    with refused("same_person"):
        events.void(event, by=story.cara, approved_by=story.cara, at=story.now)


def test_a_voided_fact_told_again_stays_voided(story):
    account = story.sign_up("acme")
    event, _ = record(story)
    events.void(event, by=story.cara, approved_by=story.sam, at=story.now)

    assert record(story) == (event, False)
    assert not AccountEvent.objects.about(account).exists()


# --- two at once --------------------------------------------------------------------------------------


def told_twice_at_once(story: Story) -> list[object]:
    story.sign_up("acme")
    story.evaluate()
    return at_once(lambda: record(story), lambda: record(story))


@pytest.mark.django_db(transaction=True)
def test_the_same_fact_told_twice_at_once_is_stored_once(story):
    told = told_twice_at_once(story)

    event = AccountEvent.objects.get()
    assert sorted(told, key=lambda one: one[1]) == [(event, False), (event, True)]
    account = ReferredAccount.objects.get()
    assert account.facts_changed == account.facts_evaluated + 1


@pytest.mark.django_db(transaction=True)
def test_without_asking_whether_it_is_known_the_unique_key_still_refuses_the_second(story, monkeypatch):
    """Negative control: the race above is real, and the key is the last line of defence."""
    for statement in ("_INSERT", "_INSERT_AND_MARK", "_INSERT_AND_MARK_ONE"):
        blind = getattr(events, statement).replace("ON CONFLICT (client_id, event_id) DO NOTHING", "")
        monkeypatch.setattr(events, statement, blind)

    told = told_twice_at_once(story)

    assert sorted(type(each).__name__ for each in told) == ["IntegrityError", "tuple"]
    assert AccountEvent.objects.count() == 1
