"""Where referrers are paid: two people, a time to cool, one at a time, and never shown as a whole."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from payouts import destinations, payout_methods
from payouts.models import Destination, PayoutMethod
from payouts.rules.payees import Rail
from referrals.rules.refusal import WrongField
from tests.payments import EUROS, IBANS, OF_PAYER, is_paid_to, payee, pays_by, told
from tests.story import Story, at_once, nothing_changes, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def story():
    story = Story()
    pays_by(story)
    return story


def confirm(story, destination, by=None):
    destinations.confirm(destination, by=by or story.finn, at=story.now)


def test_the_first_destination_is_paid_to_once_a_second_person_has_confirmed_it(story):
    destination = told(story)
    assert (destination.confirmed_at, destination.usable_from) == (None, None)
    with refused("same_person"):
        confirm(story, destination, by=story.fay)

    confirm(story, destination)

    assert (destination.confirmed_by, destination.confirmed_at, destination.usable_from) == (
        story.finn,
        story.now,
        story.now,
    )
    with refused("not_waiting"):
        confirm(story, destination)


def test_another_one_ends_the_old_one_and_cools_first(story):
    old = is_paid_to(story)
    story.now += timedelta(days=100)

    new = is_paid_to(story, recipient="new@mail.example")

    old.refresh_from_db()
    assert (old.retired_at, old.retired_by) == (story.now, story.finn)
    assert new.usable_from == story.now + timedelta(days=3)
    assert new.is_cooling(at=story.now)
    assert not new.is_cooling(at=story.now + timedelta(days=3))


def test_one_that_follows_an_ended_one_cools_too(story):
    """Else ending it first would be the way around."""
    destinations.retire(is_paid_to(story), by=story.fay, at=story.now)

    assert is_paid_to(story).usable_from == story.now + timedelta(days=3)


def test_one_waits_at_a_time(story):
    waiting = told(story)
    with refused("already_waiting"):
        told(story)

    destinations.retire(waiting, by=story.fay, at=story.now)
    with refused("not_waiting"):
        confirm(story, waiting)
    with refused("already_retired"):
        destinations.retire(waiting, by=story.fay, at=story.now)
    told(story)


def test_one_person_is_enough_where_the_program_says_so():
    story = Story()
    story.program.people_needed = 1
    story.program.save()
    pays_by(story)

    confirm(story, told(story), by=story.fay)

    assert Destination.objects.live().count() == 1


def test_the_database_wants_two_people_as_well(story):
    destination = told(story)

    with pytest.raises(IntegrityError), transaction.atomic():
        Destination.objects.filter(pk=destination.pk).update(
            confirmed_at=story.now, confirmed_by=story.fay, usable_from=story.now
        )


def test_the_program_must_pay_by_the_method(story):
    with refused("method_not_offered"):
        told(story, rail=Rail.NACHA)
    waiting = told(story)
    payout_methods.close(PayoutMethod.objects.get(), by=story.finn, at=story.now)
    with refused("method_not_offered"):
        confirm(story, waiting)


@pytest.mark.parametrize(
    ("rail", "changes", "field"),
    [
        (Rail.PAYPAL, {"holder_name": " "}, "holder_name"),
        (Rail.PAYPAL, {"recipient": ""}, "recipient"),
        (Rail.PAYPAL, {"recipient": "rosa@nowhere"}, "recipient"),
        (Rail.PAYPAL, {"recipient": "=1+1@mail.example"}, "recipient"),
        (Rail.NACHA, {"routing_number": "021000022"}, "routing_number"),
        (Rail.NACHA, {"account_number": ""}, "account_number"),
        (Rail.NACHA, {"account_number": "12!"}, "account_number"),
        (Rail.NACHA, {"holder_name": "Zoë ☂"}, "holder_name"),
    ],
)
def test_what_cannot_be_right_is_refused_and_names_its_field(rail, changes, field):
    story = Story()
    pays_by(story, rail)

    with nothing_changes(), pytest.raises(WrongField) as refusal:
        destinations.tell(
            story.enrollment(),
            method=rail,
            payee=payee(rail, **changes),
            reason="By phone.",
            by=story.fay,
            at=story.now,
        )

    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"iban": "FR1420041010050500013M02607"}, "iban"),
        ({"iban": ""}, "iban"),
        ({"bic": "NOTABIC"}, "bic"),
        ({"country": "Germany"}, "country"),
    ],
)
def test_a_european_account_is_checked_too(changes, field):
    story = Story(changes=EUROS)
    pays_by(story, Rail.SEPA)

    with pytest.raises(WrongField) as refusal:
        told(story, rail=Rail.SEPA, **changes)

    assert refusal.value.field == field


def test_what_a_method_does_not_need_is_not_kept(story):
    destination = told(story, iban=IBANS[0], account_number="42")

    assert (destination.iban, destination.account_number) == ("", "")


def test_a_destination_shows_its_last_signs_only():
    story = Story(changes=EUROS)
    pays_by(story, Rail.SEPA)

    destination = told(story, rail=Rail.SEPA, iban="fr14 2004 1010 0505 0001 3m02 606")

    assert (destination.iban, str(destination)) == (IBANS[0], "SEPA …2606")


@pytest.mark.django_db(transaction=True)
def test_of_two_who_confirm_at_once_one_does(story):
    destination = told(story)

    done = at_once(
        lambda: confirm(story, Destination.objects.get(pk=destination.pk)),
        lambda: confirm(story, Destination.objects.get(pk=destination.pk), by=story.sam),
    )

    assert sorted(type(each).__name__ for each in done) == ["NoneType", "NotWaiting"]
    assert Destination.objects.live().count() == 1


# --- ways to pay --------------------------------------------------------------------------------------


def test_a_method_is_opened_once_and_closed_once(story):
    with refused("already_open"):
        pays_by(story)
    method = PayoutMethod.objects.get()
    assert (method.opened_by, method.opened_at) == (story.finn, story.now)

    payout_methods.close(method, by=story.fay, at=story.now)
    with refused("already_closed"):
        payout_methods.close(method, by=story.fay, at=story.now)

    pays_by(story)
    assert PayoutMethod.objects.open().count() == 1


@pytest.mark.parametrize(
    ("rail", "changes", "told"),
    [
        (Rail.SEPA, {}, "SEPA does not carry USD"),
        (Rail.NACHA, {"payer_routing_number": "111000026"}, "payer routing_number"),
        (Rail.NACHA, {"payer_name": ""}, "payer name"),
        (Rail.WISE, {"template": "name,amount,targetCurrency,shoeSize"}, "we cannot fill shoeSize"),
    ],
)
def test_a_method_by_which_nobody_could_be_paid_is_not_opened(rail, changes, told):
    story = Story()

    with nothing_changes(), pytest.raises(WrongField, match=told):
        pays_by(story, rail, **changes)


@pytest.mark.parametrize("rail", OF_PAYER)
def test_every_rail_can_be_opened(rail, settings):
    settings.PAYPAL_URL = settings.STRIPE_URL = "https://client:secret@paypal.example"
    story = Story(changes=EUROS if rail in {Rail.SEPA, Rail.WISE} else {})

    assert pays_by(story, rail).pk
