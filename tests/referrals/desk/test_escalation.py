"""What waits too long is told to team leads: once, by name, in their programs, without anybody's contact."""

from datetime import timedelta
from threading import Barrier

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command

from payouts import sweeps
from referrals import calling_hours, escalation, messages, reviews
from referrals.calling_hours import Calling
from referrals.models import Message, ProgramStaff, Review
from tests.factories import ProgramFactory
from tests.story import Story, at_once, person

pytestmark = pytest.mark.django_db

LATER = timedelta(days=7)
SECRETS = ["+4930123456", "office@acme.example", "Anna Muster"]


def lead(name: str = "lena", email: str = "lena@company.example") -> User:
    user = person(name)
    user.email = email
    user.save()
    user.user_permissions.add(Permission.objects.get(codename="lead_referredaccount"))
    return user


@pytest.fixture
def story() -> Story:
    """Two companies that wait since Monday."""
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    told.cara.groups.set([Group.objects.get(name="Callers")])
    told.sign_up("acme", contact="Anna Muster")
    told.sign_up("globex")
    return told


def test_each_lead_gets_one_mail_with_all_that_is_late(story, settings):
    settings.SITE_URL = "https://desk.example"
    lena = lead()
    late = story.now + LATER
    reviews.claim(Review.objects.get(account__host_account="globex"), story.cara, at=late)

    tally = escalation.escalate_overdue(as_of=late)

    assert (tally.examined, tally.done) == (2, 2)
    mail = Message.objects.get()
    assert (mail.recipient, mail.address, mail.subject) == (
        lena,
        "lena@company.example",
        "2 companies wait longer than allowed",
    )
    assert mail.text.splitlines()[:4] == [
        "2 companies wait longer than allowed, as of Feb 9, 10:00 UTC:",
        "",
        "- Acme GmbH (Refer a client): waits since Feb 2, 10:00 UTC, 7 d 0 h; nobody has it",
        "- Globex GmbH (Refer a client): waits since Feb 2, 10:00 UTC, 7 d 0 h; cara has it",
    ]
    assert "https://desk.example/admin/referrals/referredaccount/reviews/?tab=over" in mail.text
    assert [secret for secret in SECRETS if secret in mail.text] == []
    assert set(Review.objects.values_list("escalated_at", flat=True)) == {late}


def test_nothing_is_told_twice_and_what_comes_later_is(story):
    lead()
    late = story.now + LATER
    escalation.escalate_overdue(as_of=late)
    assert escalation.escalate_overdue(as_of=late + timedelta(hours=1)).examined == 0

    story.now = late
    story.sign_up("initech")
    assert escalation.escalate_overdue(as_of=late + LATER).done == 1
    assert [mail.subject for mail in Message.objects.order_by("pk")] == [
        "2 companies wait longer than allowed",
        "1 company waits longer than allowed",
    ]


def test_what_is_in_time_decided_or_closed_is_not_told(story):
    lead()
    assert escalation.escalate_overdue(as_of=story.now).examined == 0

    for row in Review.objects.select_related("account"):
        story.decide(row.account)
    assert escalation.escalate_overdue(as_of=story.now + LATER).examined == 0


def test_a_lead_is_told_of_the_own_programs_only(story):
    ProgramStaff.objects.create(user=lead("other", "other@company.example"), program=ProgramFactory())
    ProgramStaff.objects.create(user=lead(), program=story.program)

    escalation.escalate_overdue(as_of=story.now + LATER)

    assert [mail.address for mail in Message.objects.all()] == ["lena@company.example"]


@pytest.mark.parametrize("changes", [{"is_active": False}, {"is_staff": False}, {"email": ""}])
def test_without_anybody_to_tell_it_stays_untold_and_the_page_says_so(story, changes, admin_user):
    User.objects.filter(pk=admin_user.pk).update(email="")
    User.objects.filter(pk=lead().pk).update(**changes)
    late = story.now + LATER

    tally = escalation.escalate_overdue(as_of=late)

    assert (tally.examined, tally.done, Message.objects.count()) == (2, 0, 0)
    assert escalation.untold(as_of=late) == ["Refer a client"]
    lead("sam")
    assert escalation.untold(as_of=late) == []
    assert escalation.escalate_overdue(as_of=late).done == 2


def test_of_very_many_the_first_are_named(story, monkeypatch):
    monkeypatch.setattr(escalation, "NAMED", 1)
    lead()
    escalation.escalate_overdue(as_of=story.now + LATER)

    assert "Acme GmbH" in Message.objects.get().text
    assert "Globex" not in Message.objects.get().text
    assert "- and 1 more" in Message.objects.get().text


def test_what_has_more_time_by_a_new_sla_can_be_late_again(story):
    lead()
    late = story.now + LATER
    escalation.escalate_overdue(as_of=late)

    calling_hours.change(story.program, Calling(None, None, 80, 5), at=late)
    assert set(Review.objects.values_list("escalated_at", flat=True)) == {None}
    assert escalation.escalate_overdue(as_of=late + timedelta(days=30)).done == 2


@pytest.mark.django_db(transaction=True)
def test_jobs_that_run_twice_at_once_send_one_mail(story):
    lead()
    late = story.now + LATER

    def job() -> int:
        return sweeps.run("escalate_overdue", as_of=late, clock=lambda: late).done

    assert sorted(at_once(job, job, job)) == [0, 0, 2]
    assert Message.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_jobs_that_look_before_they_lock_would_send_two(story):
    """The race is one: who reads first and marks later, without a lock, tells it twice."""
    lena, late = lead(), story.now + LATER

    have_read = Barrier(2)

    def careless(name: str) -> int:
        found = list(escalation.overdue(as_of=late))
        have_read.wait(timeout=20)
        told = {"subject": "-", "text": "-", "to": lena, "address": lena.email}
        messages.write(kind="over_sla", key=name, at=late, **told)
        return Review.objects.filter(pk__in=[row.pk for row in found]).update(escalated_at=late)

    at_once(lambda: careless("one"), lambda: careless("two"))

    assert Message.objects.count() == 2


def test_it_takes_few_queries_however_much_is_late(story, django_assert_max_num_queries):
    for number in range(20):
        story.sign_up(f"c{number}")
    lead()
    with django_assert_max_num_queries(12):
        assert escalation.escalate_overdue(as_of=story.now + LATER).done == 22
