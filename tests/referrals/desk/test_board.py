"""The board of the team lead: each number is the length of the list behind it; work is given out there."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from referrals import assignments, board, desk, qualification, reviews
from referrals.models import ProgramStaff, ReferredAccount, Review
from tests.factories import ProgramFactory
from tests.story import Story, nothing_changes, person

pytestmark = pytest.mark.django_db


def at(name: str, *args: object) -> str:
    return reverse(f"admin:referrals_referredaccount_{name}", args=args)


BOARD, ASSIGN, HAND_OVER = at("board"), at("assign_many"), at("hand_over")
NEW_YORK = "+1 212 555 0100"


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def story(time_machine) -> Story:
    """Monday, 11:00 in Berlin: Cara calls, Sam leads and Fay pays."""
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    groups = [(told.cara, "Callers"), (told.sam, "Seniors"), (told.fay, "Finance preparers")]
    for who, group in groups:
        who.groups.set([Group.objects.get(name=group)])
    told.sam.user_permissions.add(Permission.objects.get(codename="lead_referredaccount"))
    time_machine.move_to(told.now, tick=False)
    return told


@pytest.fixture
def sam(story) -> Client:
    return client_of(story.sam)


def review(name: str) -> Review:
    return Review.objects.get(account__host_account=name, closed_at=None)


def log(story: Story, name: str, outcome: str = "NO_ANSWER", **more: object) -> None:
    account = ReferredAccount.objects.get(host_account=name)
    row = story.program.call_outcomes.get(code=outcome)
    desk.log_call(account, outcome=row, by=story.cara, at=story.now, **more)


@pytest.fixture
def full(story) -> Story:
    """Something for every number."""
    story.now -= timedelta(days=6)
    for name in ("late", "promised"):
        story.sign_up(name)
    log(story, "promised", call_back_at=story.now + timedelta(days=5, hours=23))
    story.now += timedelta(days=6)
    reviews.move_to_next_hours(as_of=story.now)
    for name in ("held", "assigned", "decided", "undone", "suspect", "free", "dull"):
        story.sign_up(name)
    story.sign_up("newyork", phone=NEW_YORK, country="US")
    reviews.claim(review("held"), story.cara, at=story.now)
    assignments.assign(
        Review.objects.filter(pk=review("assigned").pk), story.cara, by=story.sam, at=story.now
    )
    Review.objects.filter(pk=review("suspect").pk).update(for_senior=True)
    log(story, "decided", "REACHED")
    story.decide(review("decided").account)
    story.decide(review("undone").account)
    qualification.undo(review("undone").account, by=story.cara, at=story.now)
    return story


def numbers(client: Client) -> dict[str, tuple[int, str]]:
    """Each heading of the totals with its number and the list behind it."""
    return {heading: (number, address) for heading, number, address, _ in client.get(BOARD).context["totals"]}


def rows_behind(client: Client, address: str) -> int:
    page = client.get(address)
    assert page.status_code == 200
    return page.context["page"].paginator.count


def test_the_totals_count_what_there_is(full, sam):
    assert {heading: number for heading, (number, _) in numbers(sam).items()} == {
        "Waiting": 9,
        "To call now": 7,
        "Over SLA": 2,
        "In calls": 1,
        "Call-backs due": 1,
        "For a senior": 1,
        "Decided today": 1,
    }


def test_each_number_is_the_length_of_the_list_behind_it(full, sam):
    page = sam.get(BOARD).context
    cells = [*page["totals"], *(cell for _, of_program in page["programs"] for cell in of_program)]

    shown = {(heading, address): number for heading, number, address, _ in cells}
    assert shown == {(heading, address): rows_behind(sam, address) for heading, address in shown}
    assert len(page["programs"]) == 1


def test_each_number_of_a_person_is_the_length_of_the_list_behind_it(full, sam):
    people = {str(each.person): (each, links) for each, links in sam.get(BOARD).context["people"]}
    assert set(people) == {"cara", "sam"}
    cara, links = people["cara"]

    assert [str(has.account) for has in cara.has] == ["Held GmbH"]
    counted = (len(cara.has), cara.assigned, cara.call_backs, cara.decided)
    assert counted == (1, 1, 1, 1)
    assert counted == tuple(
        rows_behind(sam, links[name]) for name in ("has", "assigned", "call_backs", "decided")
    )
    assert (cara.calls, cara.undone) == (1, 1)
    assert sam.get(links["calls"]).context["cl"].result_count == 1
    assert sam.get(people["sam"][1]["calls"]).context["cl"].result_count == 0
    assert rows_behind(sam, people["sam"][1]["decided"]) == 0


def test_the_queue_says_whose_work_it_shows(full, sam):
    links = {str(each.person): links for each, links in sam.get(BOARD).context["people"]}
    assert "Only the work of <strong>cara</strong>" in sam.get(links["cara"]["has"]).content.decode()


def test_the_board_stays_within_its_queries(full, sam, django_assert_max_num_queries):
    for number in range(5):
        full.sign_up(f"more{number}")
        worker = person(f"worker{number}")
        worker.groups.set([Group.objects.get(name="Callers")])
        reviews.claim(review(f"more{number}"), worker, at=full.now)
    ProgramStaff.objects.create(user=full.sam, program=full.program)

    with django_assert_max_num_queries(12):
        page = sam.get(BOARD)
    assert len(page.context["people"]) == 7


def test_the_part_that_is_asked_again_is_the_same_without_the_page_around_it(full, sam):
    part = sam.get(BOARD, {"part": "1"}).content.decode()
    whole = sam.get(BOARD).content.decode()

    assert "<html" not in part
    assert "As of <strong>10:00:00 UTC</strong>" in part
    assert re.sub(r"\s+", "", part) in re.sub(r"\s+", "", whole)
    assert "aria-live" not in part
    assert ">Reload</a>" in whole


def test_an_empty_board_says_why(story, sam):
    page = sam.get(BOARD).content.decode()
    assert "No company waits and none was decided about today." in page


def test_a_lead_sees_the_own_programs_only(full, sam):
    ProgramStaff.objects.create(user=full.sam, program=ProgramFactory())

    assert numbers(sam)["Waiting"][0] == 0
    assert sam.get(ASSIGN).context["lines"] == []
    taken = {"review": [review("free").pk], "person": full.cara.pk}
    assert sam.post(ASSIGN, taken).status_code in {302, 409}
    assert review("free").assigned_to is None


@pytest.mark.parametrize("page", [BOARD, ASSIGN, HAND_OVER])
def test_who_does_not_lead_sees_no_board_and_assigns_nothing(full, page):
    for who in (full.cara, full.fay):
        client = client_of(who)
        with nothing_changes():
            assert client.get(page).status_code == 403
            assert (
                client.post(page, {"review": [review("free").pk], "person": full.cara.pk}).status_code == 403
            )


def test_no_page_of_the_lead_shows_how_to_reach_a_company(full, sam):
    for page in (BOARD, ASSIGN, HAND_OVER):
        text = sam.get(page).content.decode()
        assert "+4930123456" not in text
        assert "office@" not in text


# --- assigning ----------------------------------------------------------------------------------------------


def test_chosen_companies_become_somebodys(full, sam):
    chosen = [review("free").pk, review("held").pk]

    page = sam.post(ASSIGN, {"review": chosen, "person": full.sam.pk}, follow=True).content.decode()

    assert "2 companies are assigned to sam." in page
    assert "Held GmbH (cara)" in page
    assert {review("free").assigned_to, review("held").assigned_to} == {full.sam}
    assert review("held").holder == full.cara
    sam.post(ASSIGN, {"review": chosen, "unassign": "1"})
    assert review("free").assigned_to is None


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({}, "Choose the companies first."),
        ({"review": ["x"]}, "Choose the companies first."),
        ({"review": "free"}, "Choose whose work they become."),
        ({"review": "free", "person": "fay"}, "Choose whose work they become."),
        ({"review": "suspect", "person": "cara"}, "this is for a senior, and cara is none."),
    ],
)
def test_what_cannot_be_assigned_is_told_and_the_choice_is_kept(full, sam, typed, told):
    sent = dict(typed)
    if isinstance(sent.get("review"), str):
        sent["review"] = review(sent["review"]).pk
    if "person" in sent:
        sent["person"] = User.objects.get(username=sent["person"]).pk

    with nothing_changes():
        answer = sam.post(ASSIGN, sent)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert told in page
    assert page.count(" checked") == (1 if isinstance(typed.get("review"), str) else 0)


def test_a_page_of_fifty_in_few_queries(full, sam, django_assert_max_num_queries):
    for number in range(50):
        full.sign_up(f"more{number}")
    with django_assert_max_num_queries(12):
        page = sam.get(ASSIGN)
    assert len(page.context["lines"]) == 50
    assert len(sam.get(ASSIGN, {"page": 2}).context["lines"]) == 9


def test_all_work_of_somebody_is_handed_over(full, sam):
    page = sam.post(HAND_OVER, {"giver": full.cara.pk, "receiver": full.sam.pk}, follow=True).content.decode()

    assert "The open work of cara: 3 companies are assigned to sam." in page
    assert {review(name).assigned_to for name in ("held", "assigned", "promised")} == {full.sam}

    same = sam.post(HAND_OVER, {"giver": full.sam.pk, "receiver": full.sam.pk})
    assert same.status_code == 409
    assert "choose another person" in same.content.decode()


def test_a_company_is_assigned_on_its_page(full, sam):
    account = review("free").account
    page = sam.get(at("review", account.pk)).content.decode()
    assert at("assign", account.pk) in page

    sam.post(at("assign", account.pk), {"person": full.cara.pk})
    assert review("free").assigned_to == full.cara
    sam.post(at("unassign", account.pk))
    assert review("free").assigned_to is None
    assert client_of(full.cara).post(at("assign", account.pk), {"person": full.cara.pk}).status_code == 403


def test_the_page_of_a_company_stays_within_its_queries_for_a_lead(full, sam, django_assert_max_num_queries):
    account = review("free").account
    with django_assert_max_num_queries(12):
        sam.get(at("review", account.pk))


def test_what_stands_is_decided_by_the_last_decider(full, sam):
    """Undone by Cara and decided by Sam, it is Sam's."""
    story = full
    story.decide(review("undone").account, by=story.sam)
    found = Review.objects.filter(board.decided_by(story.sam, at=story.now))
    assert [each.account.host_account for each in found] == ["undone"]
