"""Somebody leaves: the log-in ends, and companies, call backs and proposals go on without that person."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from referrals import assignments, leaving, proposals, reviews
from referrals.models import Note, ProgramStaff, Proposal, ReferredAccount, Review, SavedView
from tests.admin_pages import just_logged_in, list_page, main_part, page
from tests.factories import ProgramFactory, UserFactory
from tests.story import Story, nothing_changes, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(time_machine) -> Story:
    """Monday, 11:00 in Berlin; Cara and Finn call, Sam is senior, Ada operates."""
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    told.ada = User.objects.create(username="ada", is_staff=True)
    groups = {"cara": "Callers", "finn": "Callers", "sam": "Seniors", "ada": "Operators"}
    for who, group in groups.items():
        getattr(told, who).groups.set([Group.objects.get(name=group)])
    time_machine.move_to(told.now, tick=False)
    return told


@pytest.fixture
def at_work(story) -> dict[str, ReferredAccount]:
    """What Cara has in hand: one company held, one assigned, one call back, a proposal, two views."""
    held, assigned, agreed = (story.sign_up(name) for name in ("held", "assigned", "agreed"))
    reviews.claim(review_of(held), story.cara, at=story.now)
    Review.objects.filter(account=assigned).update(assigned_to=story.cara)
    later = story.now + timedelta(hours=2)
    Review.objects.filter(account=agreed).update(call_from=later, call_back_at=later, call_back_by=story.cara)
    proposed(story, held)
    SavedView.objects.create(owner=story.cara, name="Late", query="tab=over", is_shared=True)
    SavedView.objects.create(owner=story.cara, name="My own", query="tab=mine")
    return {"held": held, "assigned": assigned, "agreed": agreed}


def proposed(story: Story, account: ReferredAccount) -> Proposal:
    arguments = {"criterion": "not_freelancer", "note": "seen at the fair"}
    return proposals.propose(
        "waive", target=str(account.pk), arguments=arguments, by=story.cara, at=story.now
    )


def review_of(account: ReferredAccount) -> Review:
    return Review.objects.get(account=account, closed_at=None)


def client_of(user: User) -> Client:
    return just_logged_in(user)


def of(person: User, step: str) -> str:
    return reverse(f"admin:auth_user_{step}", args=[person.pk])


def leave(story: Story, *, to: User | None = None, withdraw: bool = False) -> leaving.InHand:
    return leaving.leave(story.cara, to=to, withdraw=withdraw, by=story.ada, at=story.now)


# --- what happens to the work ------------------------------------------------------------------------------


def test_what_somebody_has_in_hand_is_counted(story, at_work):
    assert leaving.in_hand(story.cara) == leaving.InHand(
        held=1, assigned=1, call_backs=1, proposals=1, shared_views=1
    )
    assert leaving.in_hand(story.finn).is_nothing()


def test_claims_are_free_and_the_rest_is_a_colleagues(story, at_work):
    had = leave(story, to=story.finn)

    assert (had.held, had.assigned, had.call_backs) == (1, 1, 1)
    held, assigned, agreed = (review_of(at_work[name]) for name in ("held", "assigned", "agreed"))
    assert (held.holder, held.held_until, held.assigned_to) == (None, None, None)
    assert assigned.assigned_to == story.finn
    assert (agreed.call_back_by, agreed.call_back_at) == (story.finn, story.now + timedelta(hours=2))
    assert leaving.in_hand(story.cara) == leaving.InHand(0, 0, 0, 1, 0)


def test_without_a_colleague_the_work_is_everybodys(story, at_work):
    leave(story)

    for review in map(review_of, at_work.values()):
        assert (review.holder, review.assigned_to, review.call_back_by) == (None, None, None)
    # The company agreed to a time: it stays.
    assert review_of(at_work["agreed"]).call_back_at == story.now + timedelta(hours=2)
    in_two_hours = story.now + timedelta(hours=2)
    assert set(reviews.next_for(story.finn, at=in_two_hours)) == set(map(review_of, at_work.values()))


def test_nobody_who_left_confirms_and_another_does(story, at_work):
    leave(story)
    proposal = Proposal.objects.get()
    sam = client_of(story.sam)

    shown = main_part(sam.get(page(proposal)))
    listed = main_part(sam.get(list_page(Proposal)))

    assert "cara has left" in shown
    assert "cara has left" in listed
    assert client_of(story.cara).get(page(proposal)).status_code == 302
    sam.post(reverse("admin:referrals_proposal_confirm", args=[proposal.pk]))
    proposal.refresh_from_db()
    assert proposal.confirmed_by == story.sam


def test_proposals_may_be_withdrawn_instead(story, at_work):
    leave(story, withdraw=True)

    assert Proposal.objects.get().withdrawn_at == story.now


def test_shared_views_are_the_colleagues_under_a_name_that_is_free(story, at_work):
    SavedView.objects.create(owner=story.finn, name="Late", query="tab=flagged")

    leave(story, to=story.finn)

    views = {view.name: view.query for view in SavedView.objects.filter(owner=story.finn)}
    shared = SavedView.objects.get(is_shared=True)
    assert views == {"Late": "tab=flagged", f"Late (cara {shared.pk})": "tab=over"}
    assert list(SavedView.objects.filter(owner=story.cara).values_list("name", flat=True)) == ["My own"]


def test_a_decision_that_is_undone_afterwards_is_everybodys(story, at_work):
    story.decide(at_work["agreed"])

    leave(story)

    assert review_of(at_work["agreed"]).call_back_by is None


# --- the log-in --------------------------------------------------------------------------------------------


def test_every_session_ends_and_a_new_one_is_refused(story, at_work):
    client, finn = client_of(story.cara), client_of(story.finn)
    queue = reverse("admin:referrals_referredaccount_reviews")
    assert client.get(queue).status_code == 200

    leave(story, to=story.finn)

    assert client.get(queue).status_code == 302
    assert finn.get(queue).status_code == 200
    # Nor does an old session open when the person comes back.
    leaving.come_back(story.cara, by=story.ada, at=story.now)
    assert client.get(queue).status_code == 302


def test_coming_back_hands_nothing_back(story, at_work):
    leave(story, to=story.finn)

    leaving.come_back(story.cara, by=story.ada, at=story.now)

    person = User.objects.get(pk=story.cara.pk)
    assert (person.is_active, person.has_perm("referrals.decide_referredaccount")) == (True, True)
    assert review_of(at_work["assigned"]).assigned_to == story.finn


def test_who_did_it_is_kept(story, at_work):
    leave(story, to=story.finn)
    leaving.come_back(story.cara, by=story.sam, at=story.now + timedelta(hours=1))

    back, left = LogEntry.objects.filter(object_id=str(story.cara.pk)).order_by("-action_time")

    assert (left.user, back.user) == (story.ada, story.sam)
    assert left.change_message == (
        "Left. Claims freed: 1. To finn: assigned 1, call-backs 1. Proposals kept open: 1."
        " Shared views: 1, now of finn."
    )
    assert Note.objects.filter(about="assigned", written_by=story.ada).count() == 2


# --- what is refused ---------------------------------------------------------------------------------------


def test_nobody_lets_themselves_leave(story):
    with refused("cannot_leave"):
        leaving.leave(story.ada, to=None, by=story.ada, at=story.now)


def test_nobody_leaves_twice_or_comes_back_without_having_left(story):
    with refused("cannot_come_back"):
        leaving.come_back(story.cara, by=story.ada, at=story.now)
    leave(story)
    with refused("cannot_leave"):
        leave(story)


def test_an_administrator_is_let_go_and_back_by_another_only(story):
    User.objects.filter(pk=story.cara.pk).update(is_superuser=True)
    boss = UserFactory(is_superuser=True)
    with refused("cannot_leave"):
        leave(story)
    leaving.leave(story.cara, to=None, by=boss, at=story.now)
    story.cara.refresh_from_db()
    with refused("cannot_come_back"):
        leaving.come_back(story.cara, by=story.ada, at=story.now)


@pytest.mark.parametrize("who", ["inactive", "no caller", "of another program"])
def test_who_cannot_do_the_work_does_not_get_it_and_nobody_leaves(who, story, at_work):
    if who == "inactive":
        User.objects.filter(pk=story.finn.pk).update(is_active=False)
    if who == "no caller":
        story.finn.groups.clear()
    if who == "of another program":
        ProgramStaff.objects.create(user=story.finn, program=ProgramFactory())

    client = client_of(story.cara)
    with refused("cannot_be_assigned"):
        leave(story, to=User.objects.get(pk=story.finn.pk))

    # Nor is the log-in at an end, which would have been the first of it.
    assert User.objects.get(pk=story.cara.pk).is_active
    assert client.get(reverse("admin:referrals_referredaccount_reviews")).status_code == 200


# --- the page ----------------------------------------------------------------------------------------------


def test_an_operator_sees_what_will_move_and_presses(story, at_work):
    client = client_of(story.ada)
    shown = main_part(client.get(page(story.cara)))
    assert "Companies assigned" in shown
    assert "1 assigned, 1 agreed to be called back, 1 shared" in shown

    answer = client.post(of(story.cara, "leave"), {"to": story.finn.pk, "proposals": "keep"})

    assert answer.url == page(story.cara)
    told = client.get(page(story.cara))
    assert (
        "cara has left. To finn: companies assigned: 1, call-backs: 1. Free now, held before: 1."
        in told.content.decode()
    )
    assert "Left</span>" in main_part(told)
    assert client.post(of(story.cara, "come-back")).url == page(story.cara)
    assert "Comes back" not in main_part(client.get(page(story.cara)))


def test_a_colleague_who_cannot_take_it_is_refused_in_words(story, at_work):
    ProgramStaff.objects.create(user=story.finn, program=ProgramFactory())
    client = client_of(story.ada)

    with nothing_changes():
        answer = client.post(of(story.cara, "leave"), {"to": story.finn.pk, "proposals": "keep"})

    assert answer.status_code == 409
    assert "does not work for" in main_part(answer)


def test_an_operator_sees_staff_without_their_addresses_and_no_referrers(story):
    User.objects.filter(pk=story.cara.pk).update(email="cara@company.example")
    referrer = User.objects.create(username="rosa@rosa-words.example")
    client = client_of(story.ada)

    listed = client.get(list_page(User)).content.decode()

    assert "cara" in listed
    assert "rosa-words" not in listed
    assert client.get(page(referrer)).status_code == 302
    assert "cara@company.example" not in client.get(page(story.cara)).content.decode()
    assert client.post(page(story.cara), {"is_superuser": "on"}).status_code == 403


@pytest.mark.parametrize("step", ["leave", "come-back"])
def test_others_let_nobody_leave(step, story):
    for who in (story.cara, story.sam):
        with nothing_changes():
            assert client_of(who).post(of(story.finn, step), {"proposals": "keep"}).status_code == 403


def test_the_plain_tick_is_refused_with_the_way_to_go(story, at_work, admin_client):
    form = {
        "username": "cara",
        "is_staff": "on",
        "groups": [group.pk for group in story.cara.groups.all()],
        "date_joined_0": "2026-01-01",
        "date_joined_1": "10:00",
        "programs-TOTAL_FORMS": "0",
        "programs-INITIAL_FORMS": "0",
    }

    for ticked in ({}, {"is_active": "on", "is_staff": ""}):
        answer = admin_client.post(page(story.cara), {**form, **ticked})
        assert "This person leaves" in str(answer.context["errors"])

    assert User.objects.get(pk=story.cara.pk).is_active
    assert review_of(at_work["held"]).holder == story.cara
    assert admin_client.post(page(story.cara), {**form, "is_active": "on"}).status_code == 302


def test_who_may_decide_no_more_keeps_no_company(story, at_work, admin_client):
    form = {
        "username": "cara",
        "is_staff": "on",
        "is_active": "on",
        "groups": [],
        "date_joined_0": "2026-01-01",
        "date_joined_1": "10:00",
        "programs-TOTAL_FORMS": "0",
        "programs-INITIAL_FORMS": "0",
    }

    admin_client.post(page(story.cara), form)

    cara = User.objects.get(pk=story.cara.pk)
    assert not assignments.work_of(cara, at=timezone.now()).exists()


# --- who works for some programs ----------------------------------------------------------------------------


@pytest.mark.parametrize("theirs", ["all", "another", "both", "administrator"])
def test_who_works_for_some_programs_lets_nobody_of_others_leave_or_come_back(theirs, story):
    ProgramStaff.objects.create(user=story.ada, program=story.program)
    other = ProgramFactory()
    mine = story.program
    programs = {"all": [], "another": [other], "both": [mine, other], "administrator": [mine]}
    for program in programs[theirs]:
        ProgramStaff.objects.create(user=story.cara, program=program)
    User.objects.filter(pk=story.cara.pk).update(is_superuser=theirs == "administrator")
    client = client_of(story.ada)

    def answers() -> list[int]:
        steps = [of(story.cara, "leave"), of(story.cara, "come-back")]
        posted = [client.post(step, {"to": "", "proposals": "keep"}).status_code for step in steps]
        return [client.get(of(story.cara, "change")).status_code, client.get(steps[0]).status_code, *posted]

    absent = client.get(reverse("admin:auth_user_change", args=[10**6])).status_code
    with nothing_changes():
        assert answers() == [absent, 404, 404, 404]
    assert "cara" not in main_part(client.get(reverse("admin:auth_user_changelist")))
    by = User.objects.get(pk=story.ada.pk)
    cara = User.objects.get(pk=story.cara.pk)
    for code, step in [("cannot_leave", leaving.leave), ("cannot_come_back", leaving.come_back)]:
        with refused(code):
            step(cara, by=by, at=story.now, **({"to": None} if step is leaving.leave else {}))
    assert User.objects.get(pk=story.cara.pk).is_active


def test_of_the_own_programs_people_leave_and_come_back_and_no_other_name_is_offered(story):
    for person in (story.ada, story.cara):
        ProgramStaff.objects.create(user=person, program=story.program)
    ProgramStaff.objects.create(user=story.finn, program=ProgramFactory())
    client = client_of(story.ada)

    page_of_step = client.get(of(story.cara, "leave")).content.decode()
    assert (">sam<" in page_of_step, ">finn<" in page_of_step) == (True, False)
    client.post(of(story.cara, "leave"), {"to": "", "proposals": "keep"})
    assert not User.objects.get(pk=story.cara.pk).is_active
    client.post(of(story.cara, "come-back"))
    assert User.objects.get(pk=story.cara.pk).is_active
