"""Assigning: whose work a company is, who may be given it, and that nothing is taken away."""

from datetime import timedelta
from functools import partial

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db.models import QuerySet

from referrals import appeals, assignments, desk, reviews
from referrals.models import Decision, Note, ProgramStaff, Review
from tests.factories import ProgramFactory
from tests.story import Story, at_once, person, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def story() -> Story:
    """Monday, 11:00 in Berlin."""
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    lena = person("lena")
    for who, group in [
        (told.cara, "Callers"),
        (lena, "Callers"),
        (told.sam, "Seniors"),
        (told.fay, "Finance preparers"),
    ]:
        who.groups.set([Group.objects.get(name=group)])
    return told


@pytest.fixture
def lena(story) -> User:
    return User.objects.get(username="lena")


def of(*names: str) -> QuerySet[Review]:
    return Review.objects.filter(account__host_account__in=names)


def companies(story: Story, *names: str) -> None:
    for name in names:
        story.sign_up(name)


def served(who: User, story: Story) -> str | None:
    found = reviews.claim_next(who, at=story.now)
    return found and found.account.host_account


def test_what_is_assigned_comes_first_and_to_nobody_else(story, lena):
    companies(story, "oldest")
    story.now += timedelta(hours=1)
    companies(story, "younger")

    assigned = assignments.assign(of("younger"), lena, by=story.sam, at=story.now)

    assert (assigned.count, assigned.held, assigned.gone) == (1, [], 0)
    assert served(story.cara, story) == "oldest"
    assert reviews.claim_next(story.cara, at=story.now, after=of("oldest").get().account) is None
    assert served(lena, story) == "younger"


def test_what_is_assigned_between_looking_and_taking_is_not_taken(story, lena, monkeypatch):
    companies(story, "acme")
    found = reviews.next_for(story.cara, at=story.now)
    list(found)
    assignments.assign(of("acme"), lena, by=story.sam, at=story.now)

    stale = list(Review.objects.filter(pk__in=of("acme")))
    # As for somebody whose list of candidates was read before.
    monkeypatch.setattr(reviews, "next_for", lambda *_, **__: _Once(stale))

    assert reviews.claim_next(story.cara, at=story.now) is None
    assert of("acme").get().holder is None


class _Once(list):
    """A list of candidates that is empty when it is read again."""

    def __getitem__(self, part):
        found = list(super().__getitem__(part))
        self.clear()
        return found


def test_a_company_is_not_taken_out_of_anybodys_hands(story, lena):
    companies(story, "acme")
    reviews.claim(of("acme").get(), story.cara, at=story.now)

    assigned = assignments.assign(of("acme"), lena, by=story.sam, at=story.now)

    assert [each.holder for each in assigned.held] == [story.cara]
    row = of("acme").get()
    assert (row.holder, row.assigned_to) == (story.cara, lena)
    reviews.renew(row, story.cara, at=story.now + timedelta(minutes=5))
    assert served(lena, story) is None
    reviews.release(row, story.cara)
    assert served(story.cara, story) is None
    assert served(lena, story) == "acme"


def test_who_assigned_and_to_whom_stands_among_the_notes(story, lena):
    companies(story, "acme", "globex")

    assignments.assign(of("acme", "globex"), lena, by=story.sam, at=story.now)
    assignments.unassign(of("acme", "globex"), by=story.sam, at=story.now)

    kept = Note.objects.filter(about="assigned").order_by("pk").values_list("text", "written_by__username")
    assert list(kept) == [("Assigned to lena.", "sam")] * 2 + [("Assigned to nobody.", "sam")] * 2
    assert of("acme").get().assigned_to is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"is_active": False}, "does not work here any more"),
        ({"is_staff": False}, "does not work here any more"),
    ],
)
def test_who_left_gets_nothing(story, lena, changes, why):
    companies(story, "acme")
    User.objects.filter(pk=lena.pk).update(**changes)
    lena.refresh_from_db()

    with refused("cannot_be_assigned") as refusal:
        assignments.assign(of("acme"), lena, by=story.sam, at=story.now)
    assert why in str(refusal.value)
    assert lena not in assignments.people()


def test_who_may_not_decide_gets_nothing(story):
    companies(story, "acme")

    with refused("cannot_be_assigned") as refusal:
        assignments.assign(of("acme"), story.fay, by=story.sam, at=story.now)
    assert "fay may not decide" in str(refusal.value)
    assert set(assignments.people()) == {story.cara, story.sam, User.objects.get(username="lena")}


def test_who_works_for_other_programs_gets_nothing_not_even_the_rest(story, lena):
    companies(story, "acme", "globex")
    other = ProgramFactory()
    ProgramStaff.objects.create(user=lena, program=other)

    with refused("cannot_be_assigned") as refusal:
        assignments.assign(of("acme", "globex"), lena, by=story.sam, at=story.now)
    assert f"lena does not work for {story.program.name}" in str(refusal.value)
    assert lena not in assignments.people_of([story.program])
    assert lena in assignments.people_of([other])
    assert lena not in assignments.people_of([other, story.program])


def test_an_appeal_goes_to_another_person_than_the_first(story, lena):
    companies(story, "acme")
    acme = of("acme").get()
    story.decide(acme.account, "NOT_QUALIFIED", reason="incomplete", by=lena)
    story.wait(minutes=11)
    appeals.take_up(acme.account, by=story.sam, at=story.now, evidence="They do translate.")
    assert Decision.objects.count() == 1
    open_now = Review.objects.filter(account=acme.account, closed_at=None)

    with refused("cannot_be_assigned") as refusal:
        assignments.assign(open_now, lena, by=story.sam, at=story.now)
    assert "lena took the decision that is appealed against" in str(refusal.value)
    assert assignments.assign(open_now, story.cara, by=story.sam, at=story.now).count == 1


def test_what_is_for_a_senior_goes_to_seniors(story, lena):
    companies(story, "acme")
    of("acme").update(for_senior=True)

    with refused("cannot_be_assigned"):
        assignments.assign(of("acme"), lena, by=story.sam, at=story.now)
    assert assignments.assign(of("acme"), story.sam, by=story.sam, at=story.now).count == 1


def test_what_waits_no_more_is_counted_and_left_alone(story, lena):
    companies(story, "acme", "globex")
    story.decide(of("acme").get().account)

    assigned = assignments.assign(of("acme", "globex"), lena, by=story.sam, at=story.now)

    assert (assigned.count, assigned.gone) == (1, 1)
    assert of("acme").get().assigned_to is None


def test_all_open_work_of_somebody_becomes_anothers(story, lena):
    companies(story, "assigned", "promised", "held", "others")
    assignments.assign(of("assigned"), story.cara, by=story.sam, at=story.now)
    promised = of("promised").get()
    busy = story.program.call_outcomes.get(code="NO_ANSWER")
    later = story.now + timedelta(hours=2)
    desk.log_call(promised.account, outcome=busy, by=story.cara, at=story.now, call_back_at=later)
    reviews.claim(of("held").get(), story.cara, at=story.now)

    assigned = assignments.hand_over(story.cara, lena, by=story.sam, at=story.now)

    assert assigned.count == 3
    assert [str(each.account) for each in assigned.held] == ["Held GmbH"]
    rows = {row.account.host_account: row for row in Review.objects.select_related("account")}
    assert {name: row.assigned_to for name, row in rows.items()} == {
        "assigned": lena,
        "promised": lena,
        "held": lena,
        "others": None,
    }
    assert rows["promised"].call_back_by == lena
    assert rows["held"].holder == story.cara


def test_work_is_handed_over_within_the_programs_of_who_does_it(story, lena):
    companies(story, "acme")
    assignments.assign(of("acme"), story.cara, by=story.sam, at=story.now)
    ProgramStaff.objects.create(user=story.sam, program=ProgramFactory())
    outsider = User.objects.get(pk=story.sam.pk)

    assert assignments.hand_over(story.cara, lena, by=outsider, at=story.now).count == 0
    assert of("acme").get().assigned_to == story.cara


def test_work_is_not_handed_over_to_the_same_person(story):
    companies(story, "acme")
    with refused("cannot_be_assigned"):
        assignments.hand_over(story.cara, story.cara, by=story.sam, at=story.now)


def test_many_are_assigned_in_few_queries(story, lena, django_assert_max_num_queries):
    companies(story, *(f"c{number}" for number in range(12)))
    lena = User.objects.get(pk=lena.pk)

    with django_assert_max_num_queries(10):
        assigned = assignments.assign(Review.objects.all(), lena, by=story.sam, at=story.now)
    assert assigned.count == 12


@pytest.mark.django_db(transaction=True)
def test_assigning_and_taking_at_the_same_moment_agree_on_whose_it_is(story, lena):
    for number in range(10):
        name = f"race{number}"
        companies(story, name)
        row = of(name).get()
        # Each thread with people of its own: permissions are kept on them.
        one, other = (User.objects.get(pk=who.pk) for who in (story.cara, lena))

        taken, assigned = at_once(
            partial(reviews.claim_next, one, at=story.now),
            partial(assignments.assign, of(name), other, by=story.sam, at=story.now),
        )

        row.refresh_from_db()
        assert row.assigned_to == lena
        assert (taken is not None) == (row.holder == story.cara) == bool(assigned.held)
        Review.objects.filter(pk=row.pk).update(holder=None, held_since=None, held_until=None)
