"""Staff look at a referrer's page as the referrer sees it: read-only, with a reason, nothing else."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from referrals.models import Enrollment, ProgramStaff, Referrer, SeenAs
from tests.admin_pages import page
from tests.factories import EnrollmentFactory, ReferrerFactory
from tests.refer_page import logged_in, text_of, words
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db

WHY = "They ask why Acme is not paid."
BEGAN = datetime(2026, 2, 2, 10, tzinfo=UTC)


@pytest.fixture
def story(time_machine) -> Story:
    """Fay is support, Cara calls."""
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    for who, group in [(told.fay, "Support"), (told.cara, "Callers")]:
        who.groups.set([Group.objects.get(name=group)])
    time_machine.move_to(told.now, tick=False)
    return told


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def looking(story: Story, *, at: Referrer | None = None, who: User | None = None) -> Client:
    """The browser of somebody who has given a reason to look at a referrer's page."""
    client = client_of(who or story.fay)
    client.post(page(at or story.rosa, "see-as"), {"reason": WHY})
    return client


def shown(client: Client, referrer: Referrer, program: str = "", **asked: str):
    name = "page_of" if program else "page"
    args = [referrer.pk, program] if program else [referrer.pk]
    return client.get(reverse(f"admin:referrals_referrer_{name}", args=args), asked)


def policy_of(client: Client, address: str) -> set[str]:
    return {part.strip() for part in client.get(address)["Content-Security-Policy"].split(";")}


def test_one_press_with_a_reason_leads_to_the_page_as_the_referrer_sees_it(story):
    story.earn("acme")
    client = client_of(story.fay)

    answer = client.post(page(story.rosa, "see-as"), {"reason": WHY}, follow=True)

    assert [address for address, _ in answer.redirect_chain] == [page(story.rosa, "page")]
    # What only the referrer does is not offered.
    own = text_of(logged_in(story.rosa).get("/refer/")).replace("Statement Withdraw ", "")
    assert text_of(answer).replace("It is kept that you look at this page, and why. ", "") == own
    head = words(answer.content.decode().split("<main")[0])
    assert f"You see the page of rosa as rosa sees it. Read-only, until 10:30 UTC. Reason: {WHY} Back" in head
    assert [(row.referrer, row.seen_by, row.seen_at, row.reason) for row in SeenAs.objects.all()] == [
        (story.rosa, story.fay, BEGAN, WHY)
    ]


def test_nothing_is_written_but_the_row_of_the_look(story):
    story.earn("acme")
    client = client_of(story.fay)
    session = client.session["_auth_user_id"]

    with nothing_changes():
        assert client.get(page(story.rosa, "see-as")).status_code == 200
        assert client.post(page(story.rosa, "see-as"), {"reason": " "}).status_code == 200
        assert client.get(page(story.rosa, "page")).url == page(story.rosa, "see-as")
    client.post(page(story.rosa, "see-as"), {"reason": WHY})
    assert SeenAs.objects.count() == 1
    with nothing_changes():
        assert shown(client, story.rosa).status_code == 200
        assert shown(client, story.rosa, "smartcat", accounts="2", history="9").status_code == 200
    assert client.session["_auth_user_id"] == session == str(story.fay.pk)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_page_is_there_to_look_at_and_for_nothing_else(method, story):
    client = looking(story)

    with nothing_changes():
        assert getattr(client, method)(page(story.rosa, "page")).status_code == 405


def test_an_invitation_is_not_accepted_by_looking(story):
    Enrollment.objects.filter(referrer=story.rosa).update(status="INVITED")
    client = looking(story)

    with nothing_changes():
        answer = shown(client, story.rosa)

    assert "You are invited." in text_of(answer)
    assert '<button type="button" disabled>Accept the invitation</button>' in answer.content.decode()


@pytest.mark.parametrize("state", ["ACTIVE", "INVITED", "SUSPENDED", "CLOSED", "DECLINED", "EXPIRED"])
def test_in_every_state_there_is_nothing_to_post_and_no_way_out_but_back(state, story):
    story.earn("acme")
    for other in ("second", "third"):
        EnrollmentFactory(program__host=story.host, program__slug=other, referrer=story.rosa)
    Enrollment.objects.filter(referrer=story.rosa).update(status=state)

    content = shown(looking(story), story.rosa).content.decode()

    assert "<form" not in content
    links = re.findall(r'<a [^>]*href="([^"]*)"', content)
    own = page(story.rosa, "page")
    assert sorted(links) == sorted(
        [
            "#content",
            page(story.rosa),
            *(f"{own}{slug}/" for slug in ("smartcat", "second", "third")),
        ]
    )
    pressed = re.findall(r"<button [^>]*>", content)
    assert [button for button in pressed if "disabled" not in button and "data-copy" not in button] == []


def test_the_pages_of_long_lists_stay_on_this_page(story):
    for number in range(26):
        story.sign_up(f"company{number}")
    client = looking(story)

    first = shown(client, story.rosa).content.decode()
    older = re.search(r'rel="next" href="([^"]*)"', first)
    second = client.get(f"{page(story.rosa, 'page')}{older[1].partition('#')[0]}")

    assert older[1] == "?accounts=2#accounts"
    assert "Page 2" in text_of(second)
    assert "You see the page of rosa" in second.content.decode()


def test_a_referrer_without_program_or_log_in_has_a_page_too(story):
    nora = ReferrerFactory(host=story.host, name="Nora", kind="FREELANCER")

    answer = shown(looking(story, at=nora), nora)

    assert "You take part in no referral program yet." in text_of(answer)
    assert "<form" not in answer.content.decode()


def test_it_is_open_for_half_an_hour_then_a_reason_is_asked_for_again(story, time_machine):
    client = looking(story)
    time_machine.move_to(story.now + timedelta(minutes=29, seconds=59), tick=False)
    still = shown(client, story.rosa)
    time_machine.move_to(story.now + timedelta(minutes=30), tick=False)

    over = shown(client, story.rosa)

    assert (still.status_code, over.status_code, over.url) == (200, 302, page(story.rosa, "see-as"))


def test_the_reason_of_another_or_for_another_opens_nothing(story):
    story.sam.groups.set([Group.objects.get(name="Support")])
    client = looking(story)

    assert shown(client, story.ben).url == page(story.ben, "see-as")
    assert shown(client_of(story.sam), story.rosa).url == page(story.rosa, "see-as")


@pytest.mark.parametrize("who", ["cara", "sam"])
def test_without_the_permission_nobody_looks(who, story):
    client = client_of(getattr(story, who))

    with nothing_changes():
        assert client.post(page(story.rosa, "see-as"), {"reason": WHY}).status_code == 403
        assert client.get(page(story.rosa, "page")).status_code == 403


def test_programs_of_others_are_not_shown(story):
    other = EnrollmentFactory(program__host=story.host, program__slug="second", referrer=story.rosa)
    ProgramStaff.objects.create(user=story.fay, program=other.program)
    client = looking(story)

    assert shown(client, story.rosa, "second").status_code == 200
    assert shown(client, story.rosa, "smartcat").status_code == 404
    assert reverse("links:open", args=["rosa"]) not in text_of(shown(client, story.rosa))


def test_the_page_may_load_what_the_referrers_page_may_and_no_more(story):
    client = looking(story)

    as_seen, of_admin = (policy_of(client, page(story.rosa, name)) for name in ("page", "change"))

    assert as_seen == policy_of(logged_in(story.rosa), "/refer/")
    assert [part for part in as_seen if "unsafe" in part] == []
    assert "default-src 'self'" in as_seen
    # The admin's own pages need more: the policy is not the same for all that lies below it.
    assert [part for part in of_admin if "unsafe" in part] != []


def test_nobody_keeps_the_page(story):
    assert "no-store" in shown(looking(story), story.rosa)["Cache-Control"]
