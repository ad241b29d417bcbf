"""What will be paid when: windows as they were given, and a run of any date, taken back."""

from datetime import date, datetime

import pytest
from django.core.management import call_command

from payouts import batches, explain, forecast, holds, sweeps
from payouts.forecast import Outcome
from payouts.models import Bonus, BonusChange, Transfer
from referrals import enrollment
from tests.story import Story, nothing_changes, refused

pytestmark = pytest.mark.django_db

AFTER_APPROVAL = {"payout_schedule.release": "AFTER_APPROVAL"}
ON_THE_DAY = date(2026, 3, 16)


def tried(story: Story, day: date = ON_THE_DAY) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Outcome and reason to bonuses, referrers and minor units."""
    [ran] = forecast.dry_run([story.program], day=day)
    return {
        (each.outcome, each.reason): (each.bonuses, each.referrers, each.amount_minor) for each in ran.sums
    }


def coming(story: Story) -> list[tuple[str, str, int, int, int, int]]:
    return [
        (str(each.opens_on), str(each.closes_on), each.bonuses, each.amount_minor, each.approved, each.held)
        for each in forecast.calendar(Bonus.objects.all(), as_of=story.now)
    ]


# --- windows ----------------------------------------------------------------------------------------------


def test_what_is_activated_stands_under_its_window():
    story = Story(changes=AFTER_APPROVAL)
    for name in ("one", "two"):
        story.earn(name)
    story.earn("of-ben", link="ben")
    story.wait(days=30)
    story.earn("later")
    assert coming(story) == [
        ("2026-03-16", "2026-03-31", 3, 30_000, 0, 0),
        ("2026-04-16", "2026-04-30", 1, 10_000, 0, 0),
    ]
    assert forecast.calendar(Bonus.objects.all(), as_of=story.now)[0].referrers == 2

    story.pass_to("2026-03-16T00:05Z")
    story.approve_all()
    holds.place(Bonus.objects.earliest("pk"), reason="a question", by=story.fay, at=story.now)
    assert coming(story)[0] == ("2026-03-16", "2026-03-31", 3, 30_000, 2, 1)

    story.pass_to("2026-03-17T00:05Z")
    assert coming(story)[0] == ("2026-03-16", "2026-03-31", 1, 10_000, 0, 1)


def test_what_opens_in_more_than_a_year_is_left_for_later():
    story = Story(changes={"payout_schedule.month_offset": 14})
    story.earn()

    assert coming(story) == []


def test_monthly_rewards_are_told_apart_with_their_windows():
    story = Story("smithai-legacy")
    acme = story.sign_up()
    story.tell(acme, "account.activated")
    story.evaluate()
    story.pass_to("2025-03-01T12:00Z")

    [found] = forecast.recurring([story.program.pk], as_of=story.now)

    assert (found.accounts, found.amount_minor, len(found.windows)) == (1, 2_500, 12)
    assert [str(window.opens_on) for window in found.windows[:2]] == ["2025-03-31", "2025-04-30"]

    story.tell(acme, "account.paused")
    story.evaluate()
    assert forecast.recurring([story.program.pk], as_of=story.now) == []


def test_a_reward_that_comes_once_is_no_monthly_one():
    story = Story()
    story.earn()

    assert forecast.recurring([story.program.pk], as_of=story.now) == []


# --- a run of any date ------------------------------------------------------------------------------------


def test_a_dry_run_of_a_date_to_come_writes_nothing():
    story = Story(changes=AFTER_APPROVAL)
    story.earn()
    story.sign_up("open")

    with nothing_changes():
        assert tried(story) == {(Outcome.AWAITING_APPROVAL, ""): (1, 1, 10_000)}


@pytest.mark.parametrize("day", [date(2026, 3, 15), ON_THE_DAY, date(2026, 4, 2)])
def test_a_dry_run_equals_the_run_of_that_date(day):
    story = Story()
    for name in ("one", "two", "held", "refunded"):
        story.earn(name)
    holds.place(Bonus.objects.get(account__host_account="held"), reason="q", by=story.fay, at=story.now)
    story.tell("refunded", "subscription.refunded")

    told = tried(story, day)
    story.now = forecast.end_of(day, story.program)
    paid = forecast.run(story.program, as_of=story.now)

    assert told.get((Outcome.PAID, ""), (0, 0, 0))[0] == paid.count()
    assert sum(sums[0] for (outcome, _), sums in told.items() if outcome is Outcome.CANCELLED) == (
        Bonus.objects.filter(status="CANCELLED").count()
    )
    assert sum(sums[0] for (outcome, _), sums in told.items() if outcome is Outcome.HELD) == (
        Bonus.objects.due(as_of=story.now).filter(on_hold=True).count()
    )


def test_each_bonus_that_is_due_has_one_outcome():
    story = Story(changes={**AFTER_APPROVAL, "payout_schedule.minimum": "150.00"})
    for name in ("one", "two", "held", "refunded"):
        story.earn(name)
    story.earn("of-ben", link="ben")
    sam = story.referrer("sid")
    story.earn("of-sid", link="sid")
    enrollment.suspend(sam, program=story.program, by=story.sam, at=story.now, reason="a question")
    holds.place(Bonus.objects.get(account__host_account="held"), reason="q", by=story.fay, at=story.now)
    story.tell("refunded", "subscription.refunded")

    assert tried(story) == {
        (Outcome.AWAITING_APPROVAL, ""): (2, 1, 20_000),
        (Outcome.HELD, ""): (1, 1, 10_000),
        (Outcome.CARRIED_OVER, ""): (1, 1, 10_000),
        (Outcome.WAITS, ""): (1, 1, 10_000),
        (Outcome.CANCELLED, "milestone_no_longer_holds"): (1, 1, 10_000),
    }


def test_what_is_approved_by_then_will_be_paid():
    story = Story(changes=AFTER_APPROVAL)
    story.earn()
    story.pass_to("2026-03-16T00:05Z")
    batches.approve_all(story.program, put_up_by=story.fay, approved_by=story.finn, at=story.now)

    assert tried(story, date(2026, 3, 17)) == {(Outcome.PAID, ""): (1, 1, 10_000)}
    assert (Transfer.objects.filter(kind="RELEASED").count(), Bonus.objects.get().status) == (0, "APPROVED")


def test_what_stays_unpaid_beyond_its_window_is_counted():
    story = Story(changes=AFTER_APPROVAL)
    story.earn()

    [ran] = forecast.dry_run([story.program], day=date(2026, 4, 1))

    assert ran.overdue == 1


def test_a_monthly_reward_is_earned_in_the_run_that_is_tried():
    story = Story("smithai-legacy")
    acme = story.sign_up()
    story.tell(acme, "account.activated")
    story.pass_to("2025-03-01T12:00Z")
    paid = Bonus.objects.count()

    with nothing_changes():
        [ran] = forecast.dry_run([story.program], day=date(2025, 5, 31))

    # Months to come that it counts are those of the run: March, April, May.
    assert [(each.outcome, each.bonuses) for each in ran.sums] == [(Outcome.PAID, 3)]
    assert Bonus.objects.count() == paid


def test_too_many_for_a_page_are_the_command_lines():
    story = Story()
    for name in ("one", "two", "three"):
        story.earn(name)

    with refused("too_many") as refusal:
        forecast.dry_run([story.program], day=ON_THE_DAY, most=2)

    assert "manage.py release --dry-run --as-of 2026-03-16" in str(refusal.value)
    assert forecast.dry_run([story.program], day=ON_THE_DAY, most=3) != []


def test_a_part_that_fails_is_told_and_taken_back(monkeypatch):
    story = Story()
    story.earn()

    def breaks(*_: object, **__: object) -> None:
        raise sweeps.SomethingFailed("terms 1: no such account")

    monkeypatch.setattr(sweeps, "run_daily", breaks)
    [ran] = forecast.dry_run([story.program], day=ON_THE_DAY)

    assert (ran.problem, ran.sums[0].outcome) == ("terms 1: no such account", Outcome.WAITS)


def test_the_command_says_the_same(capsys):
    story = Story()
    story.earn()

    call_command("release", as_of="2026-03-16", dry_run=True)

    assert (
        "smartcat: 1 bonuses would be paid as of 2026-03-16T23:59:59.999999+00:00" in capsys.readouterr().out
    )
    assert BonusChange.objects.filter(new_status="PAID").count() == 0
    assert (
        explain.of_bonus(Bonus.objects.get(), as_of=datetime.fromisoformat("2026-03-16T00:05Z")) == "next_run"
    )
