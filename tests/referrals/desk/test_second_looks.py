"""Second looks: which decisions are drawn, and what is stored of them; nothing else changes."""

from datetime import timedelta
from functools import partial

import pytest

from payouts import sweeps
from referrals import qualification, second_looks
from referrals.models import Decision, ReferredAccount, SecondLook
from tests.story import Story, at_once, nothing_changes, refused

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def story() -> Story:
    """A program of which every decision is looked at again."""
    told = Story("smartcat")
    of_a_hundred(told, 100)
    return told


def of_a_hundred(story: Story, percent: int) -> None:
    story.program.second_look_percent = percent
    story.program.save()


def decided(story: Story, name: str, result: str = "QUALIFIED", **more: object) -> Decision:
    """A decision that counts."""
    decision = story.decide(story.sign_up(name), result, **more)
    story.wait(minutes=11)
    return decision


def drawn() -> list[str]:
    looks = SecondLook.objects.order_by("pk").select_related("decision__account")
    return [look.decision.account.host_account for look in looks]


def draw(story: Story) -> int:
    return second_looks.draw(as_of=story.now)


def one_drawn(story: Story, result: str = "QUALIFIED", **more: object) -> SecondLook:
    decided(story, "acme", result, **more)
    draw(story)
    return SecondLook.objects.get()


# --- what is drawn ----------------------------------------------------------------------------------------


def test_of_the_decisions_that_took_effect_the_sample_is_drawn_once(story):
    decided(story, "acme")
    decided(story, "globex", "NOT_QUALIFIED", reason="incomplete")

    assert [draw(story), draw(story)] == [2, 0]
    assert drawn() == ["acme", "globex"]
    assert set(SecondLook.objects.values_list("drawn_at", "looked_at", "result")) == {(story.now, None, "")}


def test_the_sweep_draws_and_may_run_twice(story):
    decided(story, "acme")

    tallies = [sweeps.draw_second_looks(as_of=story.now) for _ in range(2)]

    assert [(tally.examined, tally.done, tally.failed) for tally in tallies] == [(1, 1, 0), (0, 0, 0)]


def test_what_can_still_be_undone_or_was_undone_is_not_drawn(story):
    story.decide(story.sign_up("pending"))
    undone = story.sign_up("undone")
    story.decide(undone)
    qualification.undo(undone, by=story.cara, at=story.now)

    assert draw(story) == 0


def test_what_no_person_decided_is_not_drawn(story):
    story.sign_up("public", email="someone@gmail.com")

    assert draw(story) == 0


def test_what_was_taken_back_since_is_not_drawn_but_the_decision_after_it_is(story):
    decided(story, "acme", "NOT_QUALIFIED", reason="incomplete")
    account = ReferredAccount.objects.get()
    story.reopen(account)
    assert draw(story) == 0

    again = story.decide(account, "NOT_QUALIFIED", reason="freelancer")
    story.wait(minutes=11)

    assert draw(story) == 1
    assert SecondLook.objects.get().decision == again


@pytest.mark.parametrize(("days", "count"), [(29, 1), (31, 0)])
def test_what_is_older_than_thirty_days_is_not_drawn(days, count, story):
    decided(story, "acme")
    story.now += days * DAY

    assert draw(story) == count


def test_nothing_is_drawn_ahead_of_its_time(story):
    decided(story, "acme")

    assert second_looks.draw(as_of=story.now - DAY) == 0


def test_no_percent_draws_nothing_and_each_program_has_its_own(story):
    other = Story("smithai", host="other")
    of_a_hundred(other, 0)
    decided(story, "acme")
    decided(other, "globex", "NOT_QUALIFIED", reason="incomplete")
    other.now = story.now = max(story.now, other.now)

    assert draw(story) == 1
    assert drawn() == ["acme"]


def test_the_sample_has_its_size_depends_on_nothing_else_and_grows_with_the_percentage(story):
    account = story.sign_up("acme")
    Decision.objects.bulk_create(
        Decision(
            account=account,
            result="QUALIFIED",
            decided_by=story.cara,
            decided_at=story.now,
            takes_effect_at=story.now,
            snapshot={},
        )
        for _ in range(1_000)
    )
    numbers = list(Decision.objects.values_list("pk", flat=True))

    samples = {percent: _sample(percent, numbers) for percent in (0, 5, 20, 100)}

    assert [len(samples[percent]) for percent in (0, 100)] == [0, 1_000]
    assert len(samples[5]) == pytest.approx(50, abs=5)
    assert len(samples[20]) == pytest.approx(200, abs=10)
    assert samples[5] < samples[20] < samples[100]


def _sample(percent: int, numbers: list[int]) -> set[int]:
    return set(
        Decision.objects.filter(pk__in=numbers)
        .annotate(place=second_looks.PLACE)
        .filter(place__lt=percent * second_looks.STEPS)
        .values_list("pk", flat=True)
    )


def test_many_are_drawn_chunk_by_chunk(story, monkeypatch):
    monkeypatch.setattr(second_looks, "CHUNK", 2)
    for name in ("acme", "globex", "initech"):
        decided(story, name)

    assert draw(story) == 3
    assert drawn() == ["acme", "globex", "initech"]


def test_drawing_takes_as_many_queries_for_three_as_for_one(story, django_assert_num_queries):
    for count in (1, 3):
        for number in range(count):
            decided(story, f"company{count}{number}")
        with django_assert_num_queries(3):
            assert draw(story) == count


@pytest.mark.django_db(transaction=True)
def test_two_workers_draw_each_decision_once(story):
    for name in ("acme", "globex", "initech"):
        decided(story, name)

    met = at_once(partial(draw, story), partial(draw, story))

    assert [type(each) for each in met] == [int, int]
    assert drawn() == ["acme", "globex", "initech"]


# --- what is stored ---------------------------------------------------------------------------------------


def test_a_second_look_is_stored_and_changes_nothing_else(story):
    look = one_drawn(story)
    before = list(ReferredAccount.objects.values()), list(Decision.objects.values())

    second_looks.look(look, result="NOT_QUALIFIED", reason="freelancer", by=story.sam, at=story.now)

    look.refresh_from_db()
    assert (look.result, look.reason.code, look.looked_by, look.looked_at, look.agrees) == (
        "NOT_QUALIFIED",
        "freelancer",
        story.sam,
        story.now,
        False,
    )
    assert (list(ReferredAccount.objects.values()), list(Decision.objects.values())) == before


@pytest.mark.parametrize(
    ("first", "second", "agrees"),
    [
        (("QUALIFIED", ""), ("QUALIFIED", ""), True),
        (("NOT_QUALIFIED", "freelancer"), ("NOT_QUALIFIED", "freelancer"), True),
        (("NOT_QUALIFIED", "freelancer"), ("NOT_QUALIFIED", "incomplete"), False),
        (("NOT_QUALIFIED", "freelancer"), ("QUALIFIED", ""), False),
        (("QUALIFIED", ""), ("NOT_QUALIFIED", "freelancer"), False),
    ],
)
def test_two_agree_on_the_same_result_for_the_same_reason(first, second, agrees, story):
    look = one_drawn(story, first[0], reason=first[1])
    assert look.agrees is None

    second_looks.look(look, result=second[0], reason=second[1], by=story.sam, at=story.now)

    assert SecondLook.objects.get().agrees is agrees
    # The set says what the row says.
    assert SecondLook.objects.filter(second_looks.AGREES).exists() is agrees


def test_a_reason_given_with_qualified_is_not_kept(story):
    look = one_drawn(story)

    second_looks.look(look, result="QUALIFIED", reason="freelancer", by=story.sam, at=story.now)

    assert (look.result, look.reason) == ("QUALIFIED", None)


@pytest.mark.parametrize("reason", ["", "nonsense"])
def test_not_qualified_needs_a_reason_of_the_terms(reason, story):
    look = one_drawn(story)

    with refused("unknown_reason"):
        second_looks.look(look, result="NOT_QUALIFIED", reason=reason, by=story.sam, at=story.now)


def test_the_first_decider_neither_finds_nor_takes_it(story):
    look = one_drawn(story, by=story.sam)

    assert list(second_looks.waiting(story.sam)) == []
    assert list(second_looks.waiting(story.cara)) == [look]
    with refused("first_decider"):
        second_looks.look(look, result="QUALIFIED", by=story.sam, at=story.now)


def test_a_second_time_it_is_refused_and_says_who_has_looked(story):
    look = one_drawn(story)
    in_another_tab = SecondLook.objects.get()
    second_looks.look(look, result="QUALIFIED", by=story.sam, at=story.now)

    with refused("already_looked_at") as refusal:
        second_looks.look(
            in_another_tab, result="NOT_QUALIFIED", reason="freelancer", by=story.fay, at=story.now
        )
    assert str(refusal.value) == "sam has looked at Acme GmbH already. Nothing was stored now."


def looked_at_once(story: Story) -> list[object]:
    """Sam and Fay look at the same decision in the same moment, each at a copy of the row."""
    one_drawn(story)
    joined = "decision__account"
    one, other = (SecondLook.objects.select_related(joined).get() for _ in range(2))
    return at_once(
        partial(second_looks.look, one, result="QUALIFIED", by=story.sam, at=story.now),
        partial(
            second_looks.look, other, result="NOT_QUALIFIED", reason="freelancer", by=story.fay, at=story.now
        ),
    )


@pytest.mark.django_db(transaction=True)
def test_of_two_who_look_at_once_one_is_stored(story):
    met = looked_at_once(story)

    assert sorted(type(each).__name__ for each in met) == ["AlreadyLookedAt", "SecondLook"]
    stored = next(each for each in met if isinstance(each, SecondLook))
    assert SecondLook.objects.get().looked_by == stored.looked_by


@pytest.mark.django_db(transaction=True)
def test_without_the_swap_both_are_told_that_theirs_is_stored(story, monkeypatch):
    """Negative control: the race above is real."""
    monkeypatch.setattr(second_looks, "_not_looked_at", SecondLook.objects.all)

    met = looked_at_once(story)

    assert [type(each).__name__ for each in met] == ["SecondLook", "SecondLook"]


def test_looking_at_what_waits_changes_nothing(story):
    one_drawn(story)

    with nothing_changes():
        assert second_looks.waiting(story.sam).count() == 1
