"""Suspending a referrer from the page that support answers from, and letting the referrer go on."""

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from referrals.models import Enrollment, EnrollmentChange
from tests.admin_pages import main_part, page
from tests.refer_page import words
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db

WHY = "Three of the companies told that they never heard of us."


@pytest.fixture
def story(time_machine) -> Story:
    """Cara calls, Fay answers referrers."""
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    for who, group in [(told.cara, "Callers"), (told.fay, "Support")]:
        who.groups.set([Group.objects.get(name=group)])
    time_machine.move_to(told.now, tick=False)
    return told


def enrollment_of(story: Story) -> Enrollment:
    return Enrollment.objects.get(referrer=story.rosa, program=story.program)


def press(story: Story, step: str, who: User, **typed: str):
    client = Client()
    client.force_login(who)
    address = reverse(f"admin:referrals_enrollment_{step}", args=[enrollment_of(story).pk])
    return client.post(address, typed, follow=True)


def support_page(story: Story, who: User) -> str:
    client = Client()
    client.force_login(who)
    return words(main_part(client.get(page(story.rosa))))


def test_support_suspends_with_a_reason_and_lets_the_referrer_go_on(story):
    assert "Suspend" in support_page(story, story.fay)

    told = press(story, "suspend", story.fay, reason=WHY)

    assert "nothing new counts, and bonuses wait" in told.content.decode()
    row = enrollment_of(story)
    assert (row.status, row.suspended_because) == ("SUSPENDED", WHY)
    assert f"Suspended because: {WHY}" in support_page(story, story.fay)
    assert "go on" in support_page(story, story.fay)

    press(story, "resume", story.fay)

    row = enrollment_of(story)
    assert (row.status, row.suspended_because) == ("ACTIVE", "")
    steps = EnrollmentChange.objects.filter(enrollment=row).order_by("-pk")[:2]
    taken = [(step.new_status, step.changed_by) for step in steps]
    assert taken == [("ACTIVE", story.fay), ("SUSPENDED", story.fay)]


def test_without_a_reason_nobody_is_suspended(story):
    with nothing_changes():
        answer = press(story, "suspend", story.fay, reason="")

    assert "This field is required" in answer.content.decode()


def test_who_is_suspended_already_is_not_suspended_again_and_the_reason_typed_stays(story):
    press(story, "suspend", story.fay, reason=WHY)

    again = press(story, "suspend", story.fay, reason="Another reason")

    assert again.status_code == 409
    assert "no longer possible" in words(main_part(again))
    assert "Another reason" in again.content.decode()
    assert enrollment_of(story).suspended_because == WHY


def test_callers_are_offered_no_suspension_and_cannot_take_one(story):
    assert "Suspend" not in support_page(story, story.cara)

    with nothing_changes():
        assert press(story, "suspend", story.cara, reason=WHY).status_code == 403
