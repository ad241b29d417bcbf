"""How often second looks agree: per caller, per reason, for whom, and the list behind each number."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from referrals import second_looks
from referrals.models import Program, ProgramStaff, SecondLook
from tests.story import Story

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
YES = ("QUALIFIED", "")
FREELANCER = ("NOT_QUALIFIED", "freelancer")
INCOMPLETE = ("NOT_QUALIFIED", "incomplete")


@pytest.fixture
def story(time_machine) -> Story:
    """Cara and Fay call, Sam is senior; of four decisions Sam sees two as they were taken."""
    told = Story("smartcat")
    told.program.second_look_percent = 100
    told.program.save()
    call_command("make_groups", verbosity=0)
    for who, group in [(told.cara, "Callers"), (told.fay, "Callers"), (told.sam, "Seniors")]:
        who.groups.set([Group.objects.get(name=group)])
    looked_at(told, "acme", told.cara, YES, YES)
    looked_at(told, "globex", told.cara, FREELANCER, INCOMPLETE)
    looked_at(told, "initech", told.cara, YES, FREELANCER)
    looked_at(told, "umbrella", told.fay, FREELANCER, FREELANCER)
    # Drawn, and nobody has looked yet.
    story_of(told, "waiting", told.cara, YES)
    time_machine.move_to(told.now, tick=False)
    return told


def story_of(story: Story, name: str, by: User, first: tuple[str, str]) -> SecondLook:
    """A decision of the sample."""
    story.decide(story.sign_up(name), first[0], reason=first[1], by=by)
    story.wait(minutes=11)
    second_looks.draw(as_of=story.now)
    return SecondLook.objects.get(decision__account__host_account=name)


def looked_at(story: Story, name: str, by: User, first: tuple[str, str], second: tuple[str, str]) -> None:
    look = story_of(story, name, by, first)
    second_looks.look(look, result=second[0], reason=second[1], by=story.sam, at=story.now)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def at(name: str) -> str:
    return reverse(f"admin:referrals_secondlook_{name}")


def tables(user: User, **asked: object) -> list[list[tuple[str, int, int, str]]]:
    """The rows of the report: of the callers, of the reasons, and of all."""
    context = client_of(user).get(at("agreement"), asked).context
    lines = [*(lines for _, lines in context["tables"]), [context["total"]]]
    return [[(line.label, line.looked_at, line.agreed, line.rate) for line in each] for each in lines]


def companies(user: User, **asked: object) -> list[str]:
    page = client_of(user).get(at("looked_at"), asked).context["page"]
    return [row.decision.account.host_account for row in page]


def test_it_counts_per_caller_and_per_reason_of_the_first_decision(story):
    assert tables(story.sam) == [
        [("cara", 3, 1, "33\N{NO-BREAK SPACE}%"), ("fay", 1, 1, "100\N{NO-BREAK SPACE}%")],
        [("qualified", 2, 1, "50\N{NO-BREAK SPACE}%"), ("freelancer", 2, 1, "50\N{NO-BREAK SPACE}%")],
        [("All", 4, 2, "50\N{NO-BREAK SPACE}%")],
    ]


def test_a_caller_sees_the_own_line_only(story):
    assert tables(story.fay) == [
        [("fay", 1, 1, "100\N{NO-BREAK SPACE}%")],
        [("freelancer", 1, 1, "100\N{NO-BREAK SPACE}%")],
        [("All", 1, 1, "100\N{NO-BREAK SPACE}%")],
    ]
    assert companies(story.fay) == ["umbrella"]
    # Asking for somebody else's by the address tells nothing.
    assert companies(story.fay, caller=story.cara.pk) == []
    page = client_of(story.fay).get(at("agreement")).content.decode()
    assert "your own decisions only" in page
    assert "cara" not in page


def test_who_neither_calls_nor_leads_sees_no_report(story):
    story.finn.groups.set([Group.objects.get(name="Auditors")])
    client = client_of(story.finn)

    assert [client.get(at(name)).status_code for name in ("agreement", "looked_at")] == [403, 403]


def test_each_number_leads_to_the_list_of_just_that(story):
    client = client_of(story.sam)
    page = client.get(at("agreement"))
    lines = [line for _, lines in page.context["tables"] for line in lines]

    for line in lines:
        listed = client.get(f"{at('looked_at')}?{page.context['period']}", line.only).context["page"]
        assert len(listed.object_list) == line.looked_at
        address = "&amp;".join(
            [page.context["period"].replace("&", "&amp;"), *(f"{k}={v}" for k, v in line.only.items())]
        )
        assert f"{at('looked_at')}?{address}" in page.content.decode()
    assert companies(story.sam, caller=story.cara.pk, reason="qualified") == ["initech", "acme"]
    assert companies(story.sam, reason="freelancer") == ["umbrella", "globex"]


def test_the_list_says_to_what_it_is_narrowed_and_shows_both_decisions(story):
    page = client_of(story.sam).get(at("looked_at"), {"caller": story.cara.pk, "reason": "freelancer"})

    text = page.content.decode()
    assert "Only decisions of cara · freelancer." in text
    assert ("! differ" in text, "✓ same" in text) == (True, False)
    assert " ".join(text.split()).count("Not qualified</span> Website or phone number is missing. · sam") == 1


@pytest.mark.parametrize(
    ("since", "until", "count"),
    [(-90, 0, 4), (0, 0, 4), (1, 2, 0), (-2, -1, 0)],
)
def test_the_period_counts_by_the_day_of_the_second_look_the_last_day_included(since, until, count, story):
    asked = {"since": (story.now + since * DAY).date(), "until": (story.now + until * DAY).date()}

    assert tables(story.sam, **asked)[2][0][1] == count
    assert len(companies(story.sam, **asked)) == count


def test_without_a_period_it_is_the_last_ninety_days(story, time_machine):
    time_machine.move_to(story.now + 90 * DAY, tick=False)
    assert tables(story.sam)[2][0][1] == 4

    time_machine.move_to(story.now + 91 * DAY, tick=False)
    assert tables(story.sam)[2][0][1] == 0
    assert "No second look in this period" in client_of(story.sam).get(at("agreement")).content.decode()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"since": "yesterday"}, "Enter a valid date."),
        ({"since": "2026-02-02", "until": "2026-02-01"}, "The last day lies before the first one."),
        ({"program": "4711"}, "Select a valid choice."),
    ],
)
def test_a_period_that_makes_no_sense_is_told_beside_its_field(asked, told, story):
    answer = client_of(story.sam).get(at("agreement"), asked)

    assert answer.status_code == 200
    assert told in answer.content.decode()


def test_it_is_of_one_program_if_that_is_asked_for(story):
    other = Story("smithai", host="other")

    assert tables(story.sam, program=story.program.pk)[2][0][1] == 4
    assert tables(story.sam, program=other.program.pk)[2][0][1] == 0


def test_who_works_for_another_program_sees_nothing_of_this_one(story):
    other = Story("smithai", host="other")
    ProgramStaff.objects.create(user=story.sam, program=other.program)

    page = client_of(story.sam).get(at("agreement"))

    assert list(page.context["form"].fields["program"].queryset) == [Program.objects.get(slug="smithai")]
    assert companies(story.sam) == []
    assert (
        "Select a valid choice"
        in client_of(story.sam).get(at("agreement"), {"program": story.program.pk}).content.decode()
    )


@pytest.mark.parametrize("name", ["agreement", "looked_at"])
def test_both_stay_within_their_queries(name, story, django_assert_max_num_queries):
    client = client_of(story.sam)
    client.get(at(name))

    with django_assert_max_num_queries(12):
        client.get(at(name))
