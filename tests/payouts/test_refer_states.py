"""*Refer a client* for those who cannot share a link: each is told why, and what to do."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import User

from payouts import program_files
from referrals import enrollment
from referrals.models import Enrollment, Program, Referrer
from tests.factories import EnrollmentFactory, ProgramFactory, ReferrerFactory, TermsFactory, UserFactory
from tests.refer_page import PAGE, answer, logged_in, read, text_of
from tests.story import BEGINNING, OF_REFERRER, STARTS, Story, written

pytestmark = pytest.mark.django_db


@pytest.fixture
def story():
    return Story("smartcat")


@pytest.fixture
def upwork():
    return Story("upwork-2019")


def newcomer(story: Story, **attributes: object) -> Referrer:
    """Somebody of the host who takes part in nothing."""
    ordinary = {"host_account": "nora", "email": "nora@words.example", **OF_REFERRER[story.slug]}
    return ReferrerFactory(host=story.host, **{**ordinary, **attributes})


def invited(story: Story, **attributes: object) -> Referrer:
    nora = newcomer(story, **attributes)
    EnrollmentFactory(program=story.program, referrer=nora, status="INVITED", since=story.now)
    return nora


def press(story: Story, referrer: Referrer, path: str) -> str:
    """Press the button, and what the next page says."""
    with time_machine.travel(story.now, tick=False):
        return text_of(logged_in(referrer).post(path, follow=True))


def has_link(story: Story, path: str = PAGE, *, referrer: Referrer | None = None) -> bool:
    return "/r/" in answer(story, path, referrer=referrer).content.decode()


# --- no referrer, no program --------------------------------------------------------------------------


def test_staff_are_led_to_the_admin(client):
    client.force_login(UserFactory())

    page = client.get(PAGE)

    assert "your log-in belongs to no referrer" in text_of(page)
    assert '<a class="button" href="/admin/">' in page.content.decode()


def test_a_log_in_without_a_referrer_is_told_whom_to_ask(client):
    client.force_login(User.objects.create(username="somebody"))

    assert "Your log-in is not connected with a referrer yet." in text_of(client.get(PAGE))
    assert client.post("/refer/smartcat/join/").status_code == 404


def test_who_takes_part_in_nothing_can_join_what_is_open(story):
    nora = newcomer(story)
    assert "Refer a client You can take part." in read(story, referrer=nora)
    assert answer(story, "/refer/smartcat/", referrer=nora).status_code == 404

    after = press(story, nora, "/refer/smartcat/join/")

    assert after.startswith("You take part. Your link and code are ready. Refer a client You earn $100.00")
    assert has_link(story, referrer=nora)
    assert [change.new_status for change in story.enrollment(nora).changes.all()] == ["ACTIVE"]


def test_a_host_without_an_open_program_says_so(story):
    Program.objects.update(status="ENDED")

    assert "There is no program open at the moment." in read(story, referrer=newcomer(story))


def test_a_program_that_nobody_joins_any_more_says_so(upwork):
    nora = newcomer(upwork)
    upwork.now = datetime(2019, 4, 16, 7, tzinfo=UTC)

    assert "This program has ended." in read(upwork, referrer=nora)


def test_a_program_without_terms_has_not_begun():
    program = ProgramFactory(terms=None)
    nora, rosa = ReferrerFactory.create_batch(2, host=program.host)
    EnrollmentFactory(program=program, referrer=rosa)

    assert "This program has not begun yet." in text_of(logged_in(nora).get(PAGE))
    assert logged_in(rosa).get(PAGE).status_code == 404


def test_a_program_by_invitation_says_so_and_lets_nobody_in(upwork):
    nora = newcomer(upwork)
    assert "This program is by invitation." in read(upwork, referrer=nora)

    after = press(upwork, nora, "/refer/upwork-2019/join/")

    assert after.startswith("You cannot take part at the moment.")
    assert not Enrollment.objects.filter(referrer=nora).exists()


@pytest.mark.parametrize(
    ("slug", "attributes", "says"),
    [
        (
            "smartcat",
            {"kind": "CLIENT"},
            "This program is not for this kind of account. It is for: freelancer. Switch to such an account",
        ),
        ("upwork-2019", {"marketing_opt_out": True}, "Allow messages again in the notification settings"),
    ],
)
def test_who_may_not_join_is_told_why(slug, attributes, says):
    story = Story(slug)
    nora = newcomer(story, **attributes)

    assert says in read(story, referrer=nora)
    assert press(story, nora, f"/refer/{slug}/join/").startswith("You cannot take part at the moment.")


def test_programs_of_another_host_can_be_neither_seen_nor_joined(story):
    other = Story("upwork-2019", host="other")

    assert logged_in(story.rosa).post("/refer/upwork-2019/join/").status_code == 404
    assert "Freelancer referral" not in read(story, referrer=newcomer(story))
    assert Enrollment.objects.filter(program=other.program).count() == 2


@pytest.mark.parametrize("slug", ["smartcat", "no-such-program"])
def test_a_draft_does_not_exist(story, slug):
    Program.objects.update(status="DRAFT")

    assert answer(story, f"/refer/{slug}/").status_code == 404
    assert logged_in(story.rosa).post(f"/refer/{slug}/join/").status_code == 404


# --- invited ------------------------------------------------------------------------------------------


def test_an_invitation_names_its_deadline_and_is_accepted_by_a_button(upwork):
    nora = invited(upwork)
    shown = read(upwork, referrer=nora)
    assert "The invitation is open until Apr 16, 2019, 00:00 (America/Los_Angeles)." in shown
    assert "You earn $100.00" in shown
    assert not has_link(upwork, referrer=nora)

    after = press(upwork, nora, "/refer/upwork-2019/join/")

    assert after.startswith("You take part. Your link and code are ready.")
    assert has_link(upwork, referrer=nora)
    mine = upwork.enrollment(nora)
    assert [(change.old_status, change.new_status) for change in mine.changes.all()] == [
        ("", "INVITED"),
        ("INVITED", "ACTIVE"),
    ]
    assert (mine.links.count(), mine.codes.count()) == (1, 1)


def test_an_invitation_is_accepted_once(upwork):
    nora = invited(upwork)
    press(upwork, nora, "/refer/upwork-2019/join/")

    with pytest.raises(enrollment.NotInvited):
        enrollment.enroll(nora, program=upwork.program, at=upwork.now)
    press(upwork, nora, "/refer/upwork-2019/join/")

    assert upwork.enrollment(nora).changes.count() == 2


def test_an_invitation_without_a_link_gets_one_when_it_is_accepted(upwork):
    nora = newcomer(upwork)
    row = Enrollment.objects.create(program=upwork.program, referrer=nora, status="INVITED", since=upwork.now)
    row.changes.create(old_status="", new_status="INVITED", changed_at=upwork.now)

    accepted = enrollment.enroll(nora, program=upwork.program, at=upwork.now, invited=True, link="nora")

    assert (accepted.status, accepted.links.get().text, accepted.codes.count()) == ("ACTIVE", "nora", 1)


def test_who_is_suspended_is_not_let_in_again_by_the_button(story):
    enrollment.suspend(story.rosa, program=story.program, by=story.sam, at=story.now, reason="a look")

    press(story, story.rosa, "/refer/smartcat/join/")

    assert story.enrollment().status == "SUSPENDED"


def test_an_invitation_cannot_be_accepted_after_the_deadline(upwork):
    nora = invited(upwork)
    upwork.now = datetime(2019, 4, 16, 7, tzinfo=UTC)

    assert "This program has ended." in read(upwork, referrer=nora)
    assert press(upwork, nora, "/refer/upwork-2019/join/").startswith("You cannot take part at the moment.")
    assert upwork.enrollment(nora).status == "INVITED"


def test_who_is_invited_and_opted_out_is_told_how_to_opt_in(upwork):
    shown = read(upwork, referrer=invited(upwork, marketing_opt_out=True))

    assert "You have opted out of messages from us" in shown
    assert "Accept" not in shown


# --- taking part, without a link ----------------------------------------------------------------------


def test_suspended_what_was_earned_stays_visible_and_there_is_no_link(story):
    story.earn("acme")
    enrollment.suspend(story.rosa, program=story.program, by=story.sam, at=story.now, reason="a look")

    shown = read(story)

    assert "Your taking part is paused." in shown
    assert "Still to come $100.00" in shown
    assert "expected Mar 16 - 31, 2026 Waits while your taking part is paused." in shown
    assert not has_link(story)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("CLOSED", "You no longer take part in this program."),
        ("DECLINED", "You declined the invitation to this program."),
        ("EXPIRED", "The invitation to this program has run out."),
    ],
)
def test_what_has_come_to_an_end_is_told(story, status, says):
    nora = newcomer(story)
    EnrollmentFactory(program=story.program, referrer=nora, status=status, since=story.now)

    assert says in read(story, referrer=nora)
    assert not has_link(story, referrer=nora)


@pytest.mark.parametrize(
    ("status", "says"),
    [("PAUSED", "This program is paused."), ("ENDED", "This program has ended.")],
)
def test_a_program_that_takes_in_nobody_promises_no_sign_ups_and_pays_what_is_earned(story, status, says):
    story.earn("acme")
    Program.objects.update(status=status)

    shown = read(story)

    assert says in shown
    assert "what is still to come is paid as promised" in shown
    assert "… Expected Mar 16 - 31, 2026" in shown
    assert not has_link(story)


def test_nobody_is_asked_to_share_the_link_of_a_program_that_is_over(story):
    Program.objects.update(status="ENDED")

    assert "Nobody has signed up with your link. Transaction History" in read(story)


def test_a_program_that_has_not_begun_says_when_it_does(story):
    story.now = datetime(2023, 12, 31, 23, 59, tzinfo=UTC)
    assert "This program has not begun yet. It begins on Jan 1, 2024 (UTC)" in read(story)
    assert not has_link(story)

    story.now += timedelta(minutes=1)

    assert has_link(story)


@pytest.mark.parametrize(
    ("slug", "changes", "says"),
    [
        ("smithai", {"is_partner": True}, "Partners take part in a program of their own."),
        ("upwork-2019", {"country": "DE"}, "This program is limited to: US."),
        ("upwork-2019", {"tier": "rising"}, "This program is limited to: top_rated."),
    ],
)
def test_who_has_become_something_else_keeps_what_was_earned_and_has_no_link(slug, changes, says):
    story = Story(slug)
    story.earn("acme")
    enrollment.change_referrer(story.rosa, changes=changes)

    shown = read(story)

    assert says in shown
    assert "Expected" in shown
    assert not has_link(story)


def test_what_a_program_does_not_want_is_not_told():
    story = Story("upwork-2019", {"eligibility.in_the_us.operator": "IS_NOT"})

    assert "This program is limited. New sign-ups with your link do not count" in read(story)


def test_whoever_opts_out_later_goes_on(upwork):
    enrollment.change_referrer(upwork.rosa, changes={"marketing_opt_out": True})

    assert has_link(upwork)


# --- several programs ---------------------------------------------------------------------------------


def test_each_program_of_a_referrer_has_a_page_and_the_first_is_shown(story):
    older = program_files.store(written("upwork-2019"), host=story.host, now=BEGINNING)
    enrollment.enroll(story.rosa, program=older, at=STARTS["upwork-2019"], invited=True)
    tabs = '<a href="/refer/smartcat/"{}>Refer a client</a><a href="/refer/upwork-2019/"{}>Freelancer'
    here = ' aria-current="page"'

    assert tabs.format(here, "") in answer(story).content.decode()
    assert tabs.format("", here) in answer(story, "/refer/upwork-2019/").content.decode()
    assert "<nav class=" not in answer(story, referrer=story.ben).content.decode()


def test_a_new_version_of_the_terms_is_named_once_it_is_in_force(story):
    TermsFactory(program=story.program, version=2, effective_from=story.now + timedelta(days=1))
    assert "Terms 1 of Jan 1, 2024." in read(story)

    story.now += timedelta(days=1)

    assert "Terms 2 of Feb 3, 2026." in read(story)
