"""
The two voices of an answer: one table of sentences, and no room for anything private in the referrer's.

That every account and bonus of every worked case is explained in both is tested where the cases are played.
"""

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import call_command

from payouts import holds, program_files
from payouts.demo import seed
from payouts.explain import Audience, Who
from payouts.explain.sentences import ACTS, PLACE, PUBLIC, SENTENCES, NotPublic, Says, say
from payouts.models import Bonus
from referrals.models import Program
from tests.explained import CANARY, explained_wrongly, of_bonus, plant_canaries, texts
from tests.story import Story

pytestmark = pytest.mark.django_db


def test_staff_read_who_did_what_and_the_referrer_does_not():
    """The negative control: the canary is found where it may be told."""
    story = Story()
    bonus = story.earn()
    holds.place(bonus, reason="a question", by=story.fay, at=story.now)
    plant_canaries(story.program)

    both = of_bonus(bonus, as_of=story.now)

    assert CANARY in "\n".join(texts(both.staff))
    assert CANARY not in "\n".join(texts(both.referrer))
    assert explained_wrongly(story.program, as_of=story.now, expected={"acme": "a question"}) == []


def test_an_answer_that_is_not_as_expected_or_tells_a_secret_is_noticed(monkeypatch):
    story = Story()
    story.earn()
    assert explained_wrongly(story.program, as_of=story.now, expected={"acme": "in_review"}) != []

    monkeypatch.setitem(SENTENCES, Says.BY_LINK, ("With %(text)s.", f"{CANARY} told us."))
    assert explained_wrongly(story.program, as_of=story.now, expected={}) != []


def test_every_account_and_bonus_of_the_demo_is_explained_in_both_voices():
    now = datetime(2027, 3, 10, 10, tzinfo=UTC)
    call_command("load_program", *map(str, program_files.bundled().values()), stdout=StringIO())
    call_command("make_groups", verbosity=0)
    seed.make(now=now)

    wrong = {
        program.slug: explained_wrongly(program, as_of=now, expected={}) for program in Program.objects.all()
    }

    assert sorted(wrong) == ["smartcat", "smithai", "smithai-legacy", "upwork-2019"]
    assert [each for found in wrong.values() for each in found] == []
    assert Bonus.objects.count() > 50


@pytest.mark.parametrize("says", SENTENCES)
def test_a_sentence_for_a_referrer_has_room_for_public_words_only(says):
    _, for_referrer = SENTENCES[says]

    assert PUBLIC.issuperset(PLACE.findall(str(for_referrer)))


def test_every_sentence_stands_in_the_table_once_for_each_voice():
    assert list(SENTENCES) == sorted(Says, key=list(Says).index)
    assert set(ACTS) == set(Who)


def test_a_sentence_that_would_tell_a_name_is_refused(monkeypatch):
    monkeypatch.setitem(SENTENCES, Says.HELD, ("Held by %(by)s.", "Held by %(by)s."))

    assert say(Says.HELD, Audience.STAFF, by="Cara") == "Held by Cara."
    with pytest.raises(NotPublic):
        say(Says.HELD, Audience.REFERRER, by="Cara")


def test_a_per_cent_sign_that_somebody_wrote_stays_one():
    assert say(Says.ON_HOLD, Audience.STAFF, reason="100 %(by)s of it.") == "It is on hold: 100 %(by)s of it."
