"""Who works for some programs finds nothing of the others: in no list, by no number, in no count."""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.db.models import Field, Model
from django.test import Client
from django.urls import reverse

from referrals import proposals, reviews, scopes
from referrals.admin.base import Admin
from referrals.models import (
    Note,
    Program,
    ProgramStaff,
    ReferredAccount,
    Referrer,
    Review,
    SavedView,
)
from tests.admin_pages import add_page, list_page, models_of, one_of_each, page
from tests.factories import EnrollmentFactory, ProgramFactory, UserFactory
from tests.story import Story, nothing_changes, refused

pytestmark = pytest.mark.django_db

OF_NO_PROGRAM = {
    "referrals.Calendar",
    "referrals.FailingPart",
    "referrals.Holiday",
    "referrals.JobRun",
    "referrals.Message",
    "referrals.SavedView",
}
"""What all programs share; all the rest is somebody's."""
ABSENT = 987654


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def at(name: str, *args: object) -> str:
    return reverse(f"admin:referrals_referredaccount_{name}", args=args)


def stranger() -> User:
    """May do everything, for a program in which nothing has happened."""
    person = UserFactory()
    person.user_permissions.set(Permission.objects.all())
    ProgramStaff.objects.create(user=person, program=ProgramFactory())
    return person


@pytest.fixture
def two() -> tuple[Story, Story]:
    """Two programs: Cara calls for the first, Sam works for both."""
    smartcat, smithai = Story("smartcat"), Story("smithai", host="elsewhere")
    call_command("make_groups", verbosity=0)
    smartcat.cara.groups.set([Group.objects.get(name="Callers")])
    smartcat.sam.groups.set([Group.objects.get(name="Seniors")])
    ProgramStaff.objects.create(user=smartcat.cara, program=smartcat.program)
    return smartcat, smithai


# --- every admin ------------------------------------------------------------------------------------------


def leads_to_a_program(model: type[Model], seen: frozenset[type[Model]] = frozenset()) -> bool:
    """Some chain of the model's own foreign keys ends at a program."""
    return model is Program or any(
        leads_to_a_program(field.related_model, seen | {model})
        for field in own_keys(model)
        if field.related_model not in seen
    )


def own_keys(model: type[Model]) -> Iterator[Field]:
    ours = {"payouts", "referrals"}
    return (
        field
        for field in model._meta.concrete_fields
        if field.remote_field and field.related_model._meta.app_label in ours
    )


def declares(model: type[Model]) -> bool:
    admin = site.get_model_admin(model)
    by_path = isinstance(admin, Admin) and admin.of_program is not None
    by_itself = isinstance(admin, Admin) and (
        type(admin).of_programs is not Admin.of_programs or type(admin).in_scope is not Admin.in_scope
    )
    return by_path or by_itself


@pytest.mark.parametrize("app", ["payouts", "referrals"])
def test_every_admin_says_of_which_program_its_rows_are(app):
    silent = {model._meta.label for model in models_of(app) if not declares(model)}

    assert silent - OF_NO_PROGRAM == set()


def test_what_is_shared_by_all_programs_leads_to_none():
    shared = [model for model in apps.get_models() if model._meta.label in OF_NO_PROGRAM]

    assert len(shared) == len(OF_NO_PROGRAM)
    assert [model for model in shared if leads_to_a_program(model)] == []


def test_the_path_of_every_admin_leads_to_a_program():
    paths = {
        model: admin.of_program
        for model, admin in site._registry.items()
        if isinstance(admin, Admin) and admin.of_program
    }

    # What leads elsewhere, the database refuses to compare.
    assert len(paths) > 40
    for model, path in paths.items():
        list(model._default_manager.filter(**{f"{path}__in": Program.objects.all()})[:1])


def test_a_stranger_finds_none_of_the_rows_of_other_programs():
    rows = [row for row in one_of_each("referrals", "payouts") if row._meta.label not in OF_NO_PROGRAM]
    client = client_of(stranger())

    listed, opened = {}, {}
    for row in rows:
        seen = [each for each in client.get(list_page(type(row))).context["cl"].result_list if each == row]
        if seen:
            listed[row._meta.label] = seen
        answers = [client.get(page(each)) for each in (row, type(row)(pk=ABSENT))]
        if len({(answer.status_code, answer.get("Location")) for answer in answers}) > 1:
            opened[row._meta.label] = [answer.status_code for answer in answers]

    assert len(rows) > 50
    assert (listed, opened) == ({}, {})


def test_without_programs_of_their_own_people_find_all_of_them():
    person = stranger()
    ProgramStaff.objects.filter(user=person).delete()
    rows = one_of_each("referrals", "payouts")

    client = client_of(person)

    assert [row for row in rows if client.get(page(row)).status_code != 200] == []


def test_a_superuser_is_held_to_no_program():
    person = stranger()
    person.is_superuser = True

    assert scopes.programs_of(person) is None


def test_a_filter_names_own_programs_only(two):
    smartcat, smithai = two
    second = ProgramFactory(host=smartcat.host)
    ProgramStaff.objects.create(user=smartcat.cara, program=second)

    named = {
        who: {
            number
            for spec in client_of(who).get(list_page(ReferredAccount)).context["cl"].filter_specs
            if getattr(spec, "field_path", "") == "program"
            for number, _ in spec.lookup_choices
        }
        for who in (smartcat.cara, smartcat.sam)
    }

    own = {smartcat.program.pk, second.pk}
    assert named == {smartcat.cara: own, smartcat.sam: {*own, smithai.program.pk}}


def test_referrers_of_own_programs_and_of_none(two):
    smartcat, smithai = two
    another = EnrollmentFactory(referrer=smartcat.rosa, program=ProgramFactory(name="Another one"))
    nowhere = Referrer.objects.create(host=smartcat.host, host_account="noel")
    client = client_of(smartcat.cara)

    found = set(client.get(list_page(Referrer)).context["cl"].result_list)

    assert found == {smartcat.rosa, smartcat.ben, nowhere}
    assert client.get(page(smithai.rosa)).status_code in {302, 404}
    rosa = [client_of(who).get(page(smartcat.rosa)).content.decode() for who in (smartcat.cara, smartcat.sam)]
    assert [another.program.name in shown for shown in rosa] == [False, True]


def test_nothing_is_written_about_what_its_writer_does_not_see(two):
    smartcat, smithai = two
    mine, theirs = smartcat.sign_up("acme"), smithai.sign_up("globex")
    client = client_of(smartcat.cara)

    with nothing_changes():
        answer = client.post(add_page(Note), {"account": theirs.pk, "about": "", "text": "Hello."})
    assert answer.context["errors"]

    client.post(add_page(Note), {"account": mine.pk, "about": "", "text": "Hello."})
    assert Note.objects.get().account == mine


def test_autocomplete_offers_nothing_of_others(two):
    smartcat, smithai = two
    smartcat.sign_up("acme", company_name="Ach GmbH")
    smithai.sign_up("globex", company_name="Ach Inc.")
    asked = {"app_label": "referrals", "model_name": "note", "field_name": "account", "term": "Ach"}

    offered = {
        who: [
            each["text"]
            for each in client_of(who).get(reverse("admin:autocomplete"), asked).json()["results"]
        ]
        for who in (smartcat.cara, smartcat.sam)
    }

    assert (len(offered[smartcat.cara]), len(offered[smartcat.sam])) == (1, 2)


# --- the call desk ----------------------------------------------------------------------------------------


@pytest.fixture
def queue(time_machine) -> tuple[Story, ReferredAccount, ReferredAccount]:
    """Monday morning: one company waits in Cara's program, and an older one in another."""
    mine, other = Story("smartcat"), Story("smartcat", host="elsewhere")
    call_command("make_groups", verbosity=0)
    mine.cara.groups.set([Group.objects.get(name="Callers")])
    mine.sam.groups.set([Group.objects.get(name="Seniors")])
    older = other.sign_up("globex")
    mine.wait(hours=1)
    newer = mine.sign_up("acme")
    for who in (mine.cara, mine.sam):
        ProgramStaff.objects.create(user=who, program=mine.program)
    time_machine.move_to(mine.now, tick=False)
    return mine, newer, older


def review_of(account: ReferredAccount) -> Review:
    return Review.objects.get(account=account)


def test_next_serves_own_programs_only(queue):
    story, mine, other = queue
    client = client_of(story.cara)

    assert client.post(at("next")).url == at("review", mine.pk)
    assert client.post(at("next"), {"after": mine.pk}).url == at("reviews")
    assert review_of(other).holder is None


def test_who_works_for_all_is_served_the_older_one(queue):
    story, _, other = queue
    ProgramStaff.objects.all().delete()

    assert client_of(story.cara).post(at("next")).url == at("review", other.pk)


def test_the_queue_its_counts_and_its_filter_are_those_of_own_programs(queue):
    story, mine, _ = queue

    shown = client_of(story.cara).get(at("reviews")).context

    assert [line.account for line in shown["lines"]] == [mine]
    assert shown["to_call"] == 1
    assert [slug for slug, _ in shown["asked"].programs] == [story.program.slug]
    home = client_of(story.cara).get(reverse("admin:index")).context["needs"]
    assert home[0][:2] == ("company to call now", 1)


@pytest.mark.parametrize("step", ["review", "take", "take_over", "release", "undo", "waive", "renew"])
def test_a_crafted_press_outside_is_answered_as_if_there_were_no_such_company(step, queue):
    story, _, other = queue
    for who in (story.cara, story.sam):
        client = client_of(who)
        with nothing_changes():
            answers = [client.post(at(step, pk), {"reason": "mine"}) for pk in (other.pk, ABSENT)]

        statuses = {answer.status_code for answer in answers}
        # Cara takes nothing over from anybody.
        assert statuses == ({403} if (step, who) == ("take_over", story.cara) else {404})


def test_the_decisions_themselves_refuse_what_is_outside(queue):
    story, _, other = queue

    with refused("out_of_scope"):
        reviews.claim(review_of(other), story.cara, at=story.now)
    with refused("out_of_scope"):
        reviews.take_over(review_of(other), story.sam, reason="mine", at=story.now)


def test_the_next_opening_is_told_of_own_programs(queue):
    story, mine, _ = queue
    story.decide(mine)

    assert reviews.next_opening(story.cara, at=story.now) is None


@pytest.mark.parametrize("companies", [1, 8])
def test_programs_cost_one_query_whatever_is_shown(companies, queue, django_assert_max_num_queries):
    story, _, _ = queue
    for number in range(companies):
        story.sign_up(f"company{number}")
    client = client_of(story.cara)

    with django_assert_max_num_queries(12):
        client.get(at("reviews"))


# --- proposals --------------------------------------------------------------------------------------------


def test_a_proposal_is_shown_to_those_of_its_program(queue):
    story, mine, other = queue
    about_mine, about_other = (
        proposals.propose(
            "waive",
            target=str(account.pk),
            arguments={"criterion": "x", "note": "y"},
            by=story.finn,
            at=story.now,
        )
        for account in (mine, other)
    )
    proposals.propose("waive", target="nothing", arguments={}, by=story.finn, at=story.now)
    client = client_of(story.sam)

    found = list(client.get(reverse("admin:referrals_proposal_changelist")).context["cl"].result_list)

    assert found == [about_mine]
    assert client.get(page(about_other)).status_code == 302
    with nothing_changes():
        answer = client.post(reverse("admin:referrals_proposal_confirm", args=[about_other.pk]))
    assert answer.status_code == 404


# --- who sets them ----------------------------------------------------------------------------------------


def test_an_administrator_sets_the_programs_of_a_person(queue, admin_client):
    story, mine, other = queue
    ProgramStaff.objects.all().delete()
    reviews.claim(review_of(mine), story.cara, at=story.now)
    Review.objects.filter(account=other).update(assigned_to=story.cara, call_back_by=story.cara)
    SavedView.objects.create(owner=story.cara, name="Mine", query="tab=mine")
    form = {
        "username": "cara",
        "is_active": "on",
        "is_staff": "on",
        "groups": [Group.objects.get(name="Callers").pk],
        "date_joined_0": "2026-01-01",
        "date_joined_1": "10:00",
        "programs-TOTAL_FORMS": "1",
        "programs-INITIAL_FORMS": "0",
        "programs-0-user": story.cara.pk,
        "programs-0-program": story.program.pk,
    }

    answer = admin_client.post(page(story.cara), form)

    assert answer.status_code == 302, answer.context["errors"]
    assert scopes.programs_of(User.objects.get(pk=story.cara.pk)) == {story.program.pk}
    # What lies outside from now on is not kept by somebody who cannot open it.
    assert (review_of(mine).holder, review_of(other).assigned_to) == (story.cara, None)
    assert review_of(other).call_back_by is None
