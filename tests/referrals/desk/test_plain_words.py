"""Stock lists and forms say what they show in words, and write dates as our own pages do."""

import pytest

from referrals.models import Call, Referrer
from tests.admin_pages import list_page, page
from tests.factories import ReferrerFactory, UserFactory
from tests.story import Story

pytestmark = pytest.mark.django_db


def test_referrers_stand_in_their_list_by_words_and_not_by_codes(admin_client):
    ReferrerFactory(kind="FREELANCER", tier="top_rated", is_partner=True)

    shown = admin_client.get(list_page(Referrer)).content.decode()

    assert ">Freelancer<" in shown
    assert ">Top rated<" in shown
    assert ">FREELANCER<" not in shown
    assert ">top_rated<" not in shown


def test_calls_tell_their_outcome_and_their_time_in_words(admin_client):
    story = Story("smartcat")
    story.call(story.sign_up("acme"), "NO_ANSWER")
    call = Call.objects.get()

    shown = admin_client.get(list_page(Call)).content.decode()

    assert ">No answer<" in shown
    assert f"{call.called_at:%b} {call.called_at.day}, {call.called_at:%Y, %H:%M} UTC" in shown


def test_the_page_of_a_person_shows_no_hash_and_deletes_nobody(admin_client):
    person = UserFactory(is_staff=True)

    shown = admin_client.get(page(person)).content.decode()

    assert "algorithm" not in shown
    assert "password is set" in shown
    assert admin_client.post(page(person).replace("change", "delete"), {"post": "yes"}).status_code == 403
