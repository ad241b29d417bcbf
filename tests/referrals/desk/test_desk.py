"""The call desk: calls of a round, and who is given up because nobody could be reached."""

from datetime import UTC, datetime, timedelta

import pytest

from payouts.program_files import latest_terms
from referrals import calendars, desk, qualification
from referrals.models import Calendar, Call, ReferredAccount
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 2, 2, 10, tzinfo=UTC)
# Fifteen business days after it, without holidays.
GIVEN_UP_ON = datetime(2026, 2, 23, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def story():
    return Story("smartcat")


def give_up(story: Story, *, as_of: datetime, calendar: str = "") -> int:
    row = Calendar.objects.get(code=calendar) if calendar else None
    return desk.give_up_unreachable(
        latest_terms(story.program), business_days=lambda: calendars.business_days(row), as_of=as_of
    )


def called(story: Story, name: str = "acme", *, outcomes: str = "NO_ANSWER " * 5) -> ReferredAccount:
    account = story.sign_up(name)
    for outcome in outcomes.split():
        story.call(account, outcome)
    return account


def status(account: ReferredAccount) -> str:
    return ReferredAccount.objects.get(pk=account.pk).status


def test_a_call_is_kept_with_who_when_how_and_in_which_round(story):
    account = story.sign_up()

    call = story.call(account, "CALL_BACK", by=story.sam)

    assert list(Call.objects.all()) == [call]
    assert (call.account, call.outcome.code, call.connected) == (account, "CALL_BACK", True)
    assert (call.called_at, call.called_by, call.round) == (story.now, story.sam, 0)
    assert status(account) == "IN_REVIEW"


def test_who_could_not_be_reached_is_given_up_after_so_many_business_days(story):
    account = called(story)

    assert give_up(story, as_of=GIVEN_UP_ON - SECOND) == 0
    assert give_up(story, as_of=GIVEN_UP_ON) == 1

    account.refresh_from_db()
    assert (account.status, account.rejection_reason.code) == ("NOT_QUALIFIED", "unreachable")
    change = account.status_changes.last()
    assert (change.cause, change.changed_by, change.reason.code) == ("GIVEN_UP", None, "unreachable")
    assert account.reviews.get().closed_at == GIVEN_UP_ON


def test_giving_up_twice_gives_up_once(story):
    called(story)
    give_up(story, as_of=GIVEN_UP_ON)

    with nothing_changes():
        assert give_up(story, as_of=GIVEN_UP_ON) == 0


@pytest.mark.parametrize(
    ("outcomes", "given_up"),
    [
        ("", 0),
        ("NO_ANSWER " * 4, 0),
        ("NO_ANSWER VOICEMAIL BUSY WRONG_NUMBER NO_ANSWER", 1),
        ("NO_ANSWER " * 9, 1),
        ("NO_ANSWER " * 5 + "CALL_BACK", 0),
        ("CALL_BACK " + "NO_ANSWER " * 5, 0),
    ],
)
def test_it_takes_enough_calls_none_of_them_connected(story, outcomes, given_up):
    called(story, outcomes=outcomes)

    assert give_up(story, as_of=GIVEN_UP_ON + timedelta(days=99)) == given_up


def test_the_days_are_counted_from_the_first_call_of_the_round(story):
    account = story.sign_up()
    story.call(account)
    story.now += timedelta(days=14)
    for _ in range(4):
        story.call(account)

    assert give_up(story, as_of=GIVEN_UP_ON - SECOND) == 0
    assert give_up(story, as_of=GIVEN_UP_ON) == 1


def test_the_holidays_of_the_calendar_are_no_business_days(story):
    called(story)

    # Presidents' Day, February 16, 2026.
    assert give_up(story, as_of=GIVEN_UP_ON, calendar="US-FED") == 0
    assert give_up(story, as_of=GIVEN_UP_ON + timedelta(days=1), calendar="US-FED") == 1


def test_the_day_of_the_first_call_is_one_of_the_programs_zone():
    story = Story("smartcat", {"program.time_zone": "Pacific/Auckland"})
    story.now = datetime(2026, 2, 2, 12, tzinfo=UTC)  # February 3 in Auckland
    called(story)
    midnight = datetime(2026, 2, 23, 11, tzinfo=UTC)  # of February 24 in Auckland

    assert give_up(story, as_of=midnight - SECOND) == 0
    assert give_up(story, as_of=midnight) == 1


def test_nobody_is_given_up_while_a_decision_waits(story):
    account = called(story)
    story.decide(account)

    assert give_up(story, as_of=GIVEN_UP_ON) == 0
    qualification.undo(account, by=story.cara, at=story.now)
    assert give_up(story, as_of=GIVEN_UP_ON) == 1


def test_who_is_decided_while_the_sweep_looks_is_not_given_up(story):
    account, other = called(story), called(story, "bold")

    def looked_up_while_somebody_decides():
        if ReferredAccount.objects.get(pk=account.pk).pending_decision is None:
            story.decide(account)
        return calendars.business_days(None)

    given_up = desk.give_up_unreachable(
        latest_terms(story.program), business_days=looked_up_while_somebody_decides, as_of=GIVEN_UP_ON
    )

    assert given_up == 1
    assert (status(account), status(other)) == ("IN_REVIEW", "NOT_QUALIFIED")


def test_who_is_decided_is_not_given_up(story):
    account = called(story)
    story.decide(account)
    story.wait(minutes=10)

    assert give_up(story, as_of=GIVEN_UP_ON) == 0
    assert status(account) == "QUALIFIED"


def test_who_needs_no_review_is_not_given_up():
    story = Story("smithai")
    account = called(story)

    assert give_up(story, as_of=GIVEN_UP_ON + timedelta(days=99)) == 0
    assert status(account) == "SIGNED_UP"


def test_the_calls_of_a_reopened_account_are_counted_anew(story):
    account = called(story)
    story.now = GIVEN_UP_ON
    give_up(story, as_of=story.now)
    qualification.reopen(account, by=story.sam, at=story.now, note="They called us.")
    account.refresh_from_db()

    assert give_up(story, as_of=GIVEN_UP_ON + timedelta(days=99)) == 0
    for _ in range(5):
        story.call(account)
    assert give_up(story, as_of=datetime(2026, 3, 16, tzinfo=UTC) - SECOND) == 0
    assert give_up(story, as_of=datetime(2026, 3, 16, tzinfo=UTC)) == 1
    assert list(account.calls.values_list("round", flat=True)) == [0] * 5 + [1] * 5


def test_a_call_from_a_tab_opened_before_the_account_was_reopened_belongs_to_the_new_round(story):
    in_an_old_tab = called(story)
    story.now = GIVEN_UP_ON
    give_up(story, as_of=story.now)
    qualification.reopen(ReferredAccount.objects.get(), by=story.sam, at=story.now, note="They called us.")

    assert story.call(in_an_old_tab, "REACHED").round == 1


def test_the_calls_of_a_revoked_account_keep_their_count(story):
    account = called(story)
    story.decide(account)
    story.wait(minutes=10)
    qualification.revoke(account, by=story.sam, at=story.now, reason="Nobody answers any more.")

    assert give_up(story, as_of=GIVEN_UP_ON) == 1


def test_each_accounts_calls_are_its_own(story):
    acme, bold = called(story, "acme"), called(story, "bold", outcomes="NO_ANSWER " * 4)

    assert give_up(story, as_of=GIVEN_UP_ON) == 1
    assert (status(acme), status(bold)) == ("NOT_QUALIFIED", "IN_REVIEW")


def test_a_program_without_rules_of_calling_gives_up_nobody():
    story = Story("smartcat", {"calling": None})
    called(story)

    def no_calendar_is_asked_for():
        raise AssertionError

    assert not desk.give_up_unreachable(
        latest_terms(story.program), business_days=no_calendar_is_asked_for, as_of=GIVEN_UP_ON
    )
