"""Calling hours and SLA of a program: they replace those of the terms, and what is open follows."""

from datetime import datetime, time, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from referrals import calling_hours, reviews
from referrals.calling_hours import Calling
from referrals.models import Review
from tests.story import Story, nothing_changes, person, refused

pytestmark = pytest.mark.django_db

# A Tuesday: 11:00 in Berlin, 05:00 in New York.
NOW = datetime.fromisoformat("2026-02-03T10:00Z")
AS_THE_TERMS_SAY = Calling(None, None, 16, 5)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def calling(start: int | None = None, end: int | None = None, sla: int = 16, percent: int = 5) -> Calling:
    return Calling(None if start is None else time(start), None if end is None else time(end), sla, percent)


@pytest.fixture
def story() -> Story:
    """Smartcat, whose terms say Monday to Friday, 9 to 17."""
    told = Story("smartcat")
    told.now = NOW
    return told


def company(story: Story, name: str, phone: str = "+49 30 123456") -> Review:
    return Review.objects.get(account=story.sign_up(name, phone=phone), closed_at=None)


def now_of(review: Review) -> Review:
    review.refresh_from_db()
    return review


def test_what_is_open_follows_on_each_companys_own_clock(story):
    berlin, newyork = company(story, "berlin"), company(story, "newyork", "+1 212 555 0100")

    moved = calling_hours.change(story.program, calling(12, 14), at=NOW)

    assert moved == 2
    assert (now_of(berlin).opens_at, berlin.closes_at) == (at("2026-02-03T11:00Z"), at("2026-02-03T13:00Z"))
    assert (now_of(newyork).opens_at, newyork.closes_at) == (at("2026-02-03T17:00Z"), at("2026-02-03T19:00Z"))
    # Sixteen hours are eight days of two now, and Saturday is still none of them.
    assert berlin.due_at == at("2026-02-12T13:00Z")
    assert reviews.claim_next(story.cara, at=NOW) is None
    assert reviews.claim_next(story.cara, at=at("2026-02-03T11:00Z")) == berlin


def test_without_own_hours_the_terms_count_again(story):
    berlin = company(story, "berlin")
    before = (berlin.opens_at, berlin.closes_at, berlin.due_at)
    calling_hours.change(story.program, calling(12, 14), at=NOW)
    calling_hours.change(story.program, AS_THE_TERMS_SAY, at=NOW)

    assert (now_of(berlin).opens_at, berlin.closes_at, berlin.due_at) == before


def test_the_next_day_and_the_next_company_have_the_new_hours(story):
    berlin = company(story, "berlin")
    calling_hours.change(story.program, calling(12, 14), at=NOW)
    evening = at("2026-02-03T20:00Z")

    reviews.move_to_next_hours(as_of=evening)
    story.program.refresh_from_db()
    story.now = evening
    later = company(story, "later")

    assert now_of(berlin).opens_at == later.opens_at == at("2026-02-04T11:00Z")


def test_a_company_that_waits_for_its_call_back_opens_then(story):
    berlin = company(story, "berlin")
    agreed = NOW + timedelta(days=1, hours=5)
    Review.objects.filter(pk=berlin.pk).update(call_from=agreed, call_back_at=agreed, call_back_by=story.cara)

    calling_hours.change(story.program, calling(12, 17), at=NOW)

    assert (now_of(berlin).opens_at, berlin.closes_at) == (at("2026-02-04T11:00Z"), at("2026-02-04T16:00Z"))


def test_another_sla_moves_due_times_only(story):
    berlin = company(story, "berlin")
    opens_at = berlin.opens_at

    assert calling_hours.change(story.program, calling(sla=4), at=NOW) == 1
    assert (now_of(berlin).due_at, berlin.opens_at) == (at("2026-02-03T14:00Z"), opens_at)


def test_what_is_closed_or_of_another_program_stays(story):
    closed = company(story, "closed")
    story.decide(closed.account)
    story.wait(minutes=11)
    story.now = NOW
    due_at = now_of(closed).due_at

    assert calling_hours.change(story.program, calling(12, 14, sla=2), at=NOW) == 0
    assert now_of(closed).due_at == due_at


def test_the_time_allowed_counts_from_when_a_decision_did_not_last(story):
    berlin = company(story, "berlin")
    story.decide(berlin.account)
    story.wait(minutes=11)
    berlin.account.refresh_from_db()
    story.revoke(berlin.account)

    calling_hours.change(story.program, calling(sla=4), at=story.now)

    assert Review.objects.get(account=berlin.account, closed_at=None).due_at == at("2026-02-03T14:11Z")


def test_other_second_looks_move_nothing(story):
    company(story, "berlin")
    assert calling_hours.change(story.program, calling(percent=20), at=NOW) == 0
    story.program.refresh_from_db()
    assert story.program.second_look_percent == 20


def test_many_follow_in_few_queries(story, django_assert_max_num_queries):
    for number in range(8):
        company(story, f"berlin{number}")
    company(story, "newyork", "+1 212 555 0100")

    with django_assert_max_num_queries(14):
        assert calling_hours.change(story.program, calling(10, 12), at=NOW) == 9


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        (calling(9, None), "calls_until"),
        (calling(None, 17), "calls_from"),
        (calling(17, 9), "calls_until"),
        (calling(9, 9), "calls_until"),
        (calling(sla=0), "sla_calling_hours"),
        (calling(sla=401), "sla_calling_hours"),
        (calling(percent=101), "second_look_percent"),
    ],
)
def test_nonsense_is_refused_at_its_field(story, changes, field):
    with refused("wrong_field") as refusal:
        calling_hours.change(story.program, changes, at=NOW)
    assert refusal.value.field == field


def test_it_is_said_in_a_sentence(story):
    said = calling_hours.sentence(story.program, at=NOW)
    assert said.startswith(
        "Companies are called Mon-Fri 09:00-17:00 on their own clock;"
        " each should be decided about within 16 calling hours."
    )
    calling_hours.change(story.program, calling(10, 12, sla=4, percent=9), at=NOW)
    story.program.refresh_from_db()
    said = calling_hours.sentence(story.program, at=NOW)
    assert "Mon-Fri 10:00-12:00" in said
    assert "within 4 calling hours. Of a hundred decisions, 9 are" in said


# --- the page of a program ----------------------------------------------------------------------------------


def step(story: Story) -> str:
    return reverse("admin:referrals_program_calling", args=[story.program.pk])


def test_the_page_says_it_and_changes_it(admin_client, story, time_machine):
    time_machine.move_to(NOW, tick=False)
    berlin = company(story, "berlin")
    shown = reverse("admin:referrals_program_change", args=[story.program.pk])
    assert "Mon-Fri 09:00-17:00" in admin_client.get(shown).content.decode()

    typed = {"calls_from": "12:00", "calls_until": "14:00", "sla_calling_hours": 8, "second_look_percent": 7}
    answer = admin_client.post(step(story), typed, follow=True)

    page = answer.content.decode()
    assert "Mon-Fri 12:00-14:00" in page
    assert "1 open companies have another time" in page
    assert now_of(berlin).opens_at == at("2026-02-03T11:00Z")
    assert "12:00-14:00" in LogEntry.objects.get().change_message


def test_the_form_begins_with_what_is_so_and_names_what_is_wrong(admin_client, story):
    assert 'value="16"' in admin_client.get(step(story)).content.decode()
    typed = {"calls_from": "14:00", "calls_until": "12:00", "sla_calling_hours": 8, "second_look_percent": 7}

    with nothing_changes():
        page = admin_client.post(step(story), typed).content.decode()
    assert "Must be later than 14:00, on the same day." in page


def test_who_may_not_change_programs_does_not_change_this(story):
    lena = person("lena")
    lena.user_permissions.add(Permission.objects.get(codename="view_program"))
    client = Client()
    client.force_login(lena)

    with nothing_changes():
        assert client.post(step(story), {"sla_calling_hours": 1}).status_code == 403
