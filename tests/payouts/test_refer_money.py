"""*Refer a client*: accounts, their bonuses, and the money, as the books have it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import Sum

from payouts import ledger, release, withdrawals
from payouts.models import Bonus, PaymentFile, Payout
from payouts.payments import files
from payouts.rules.lifecycle import AccountKind
from tests.payments import is_paid_to, pays_by
from tests.refer_page import account_lines, read, told
from tests.story import Story

pytestmark = pytest.mark.django_db


@pytest.fixture
def story():
    return Story("smartcat", {"terms.clawback": "BY_STAFF"})


# --- accounts and bonuses -----------------------------------------------------------------------------


def test_the_status_of_an_account_and_the_one_thing_that_happens_next(story):
    story.sign_up("public", email="someone@gmail.com")
    story.now += timedelta(minutes=1)
    qualified = story.sign_up("globex")
    story.decide(qualified)
    story.wait(minutes=11)
    story.sign_up("initech", company_name="- & -")
    story.evaluate()

    assert account_lines(story) == [
        (
            "No name told Feb 2, 2026 ◔ We are contacting them"
            " We talk to them, then you see here whether they qualify."
        ),
        "G… GmbH Feb 2, 2026 ✓ Qualified Still to come: Made a qualifying purchase",
        (
            "P… GmbH Feb 2, 2026 ✗ Not eligible"
            " It signed up with a public e-mail service. A company e-mail is needed."
        ),
    ]


def test_a_decision_that_can_still_be_undone_is_not_told(story):
    story.decide(story.sign_up("acme"))

    assert account_lines(story)[0].startswith("A… GmbH Feb 2, 2026 ◔ We are contacting them")


def test_where_a_milestone_qualifies_it_is_what_is_waited_for():
    story = Story("smithai")
    story.sign_up("acme")
    story.wait(minutes=1)

    assert account_lines(story) == ["A… GmbH Feb 2, 2026 ○ Signed up Still to come: Paying clients"]


def test_dates_are_those_of_the_programs_zone():
    story = Story("smithai")
    story.now = datetime(2026, 3, 1, 2, tzinfo=UTC)
    story.sign_up("acme")
    story.wait(minutes=1)

    assert account_lines(story)[0].startswith("A… GmbH Feb 28, 2026")
    assert "All dates are those of the time zone America/Los_Angeles" in read(story)


def test_time_that_ran_out_is_told():
    story = Story("upwork-2019")
    story.sign_up("acme")
    story.pass_to("2019-04-20T00:05Z")

    assert account_lines(story) == ["A… GmbH Feb 4, 2019 - Time is over The amount was not reached in time."]


@pytest.fixture
def bonus(story) -> Bonus:
    return story.earn("acme")


LATE = "It is unpaid beyond the time that we promised. We are on it, and it stays yours."


def of_bonus(story) -> str:
    """What Rosa reads of the bonus for her only account."""
    [row] = account_lines(story)
    return row[row.index("$") :]


def test_a_bonus_is_expected_in_its_window(story, bonus):
    assert of_bonus(story) == "$100.00 … Expected Mar 16 - 31, 2026"
    [line] = told(story).accounts.lines[0].bonuses
    assert (line.opens_on, line.closes_on) == (bonus.window_opens_on, bonus.window_closes_on)


def test_a_bonus_that_is_not_paid_in_its_window_is_late(story, bonus):
    story.now = datetime(2026, 3, 31, 23, 59, tzinfo=UTC)
    assert of_bonus(story) == "$100.00 … Expected Mar 16 - 31, 2026"

    story.now += timedelta(minutes=1)

    assert of_bonus(story) == f"$100.00 ! Late expected Mar 16 - 31, 2026 {LATE}"


def test_a_bonus_that_is_paid_is_credited(story, bonus):
    story.pass_to("2026-03-16T00:05Z")

    assert of_bonus(story) == "$100.00 ✓ Credited Mar 16, 2026"


def test_a_bonus_that_is_taken_back_says_so(story, bonus):
    story.pass_to("2026-03-16T00:05Z")
    bonus.refresh_from_db()
    story.reverse(bonus)

    assert (
        of_bonus(story) == "$100.00 ↩ Taken back paid Mar 16, 2026 It was taken back after it had been paid."
    )


def test_a_bonus_whose_condition_is_gone_is_cancelled(story, bonus):
    story.tell(bonus.account, "subscription.refunded")
    story.pass_to("2026-03-16T00:05Z")

    assert of_bonus(story) == "$100.00 ✗ Cancelled A condition that had been met no longer was."


def test_a_bonus_of_an_account_that_is_looked_at_again_waits(story, bonus):
    story.revoke(bonus.account)

    assert of_bonus(story) == (
        "$100.00 … Waits expected Mar 16 - 31, 2026 We look at it once more before it is paid."
    )


def test_a_bonus_that_awaits_approval_is_simply_expected():
    story = Story("smithai")
    story.earn("acme")
    story.now = datetime(2026, 5, 4, 12, tzinfo=UTC)

    assert of_bonus(story) == "$1,000.00 … Expected May 1 - 21, 2026"


@pytest.mark.parametrize(
    ("activity", "read_as"),
    [
        ("PAUSED", "Waits until their account is active again."),
        # That somebody does not pay is nobody else's business.
        ("PAST_DUE", "Waits until their account is active again."),
    ],
)
def test_a_bonus_for_an_account_that_is_not_active_waits(activity, read_as):
    story = Story("smithai")
    bonus = story.earn("acme")
    story.tell(bonus.account, f"account.{activity.lower()}")
    story.now = datetime(2026, 5, 4, 12, tzinfo=UTC)
    story.evaluate()

    assert of_bonus(story) == f"$1,000.00 … Waits expected May 1 - 21, 2026 {read_as}"


@pytest.mark.parametrize(
    ("status", "read_as"),
    [
        ("PREPARED", "… Being sent"),
        ("UNKNOWN", "… Being sent"),
        ("CONFIRMED", "✓ Sent"),
        ("RETURNED", "! Came back"),
    ],
)
def test_cash_is_told_by_its_payout(status, read_as):
    story = Story("smithai")
    story.earn("acme")
    story.pass_to("2026-05-04T12:00Z")
    story.approve_all()
    release.release_due(as_of=story.now)
    # What providers say of a transfer is not recorded yet: the trail ends at PREPARED.
    Payout.objects.update(status=status)

    shown = of_bonus(story)

    Payout.objects.update(status="PREPARED")
    assert shown == f"$1,000.00 {read_as} May 4, 2026"
    assert "May 4, 2026 Bonus paid out A… GmbH +$1,000.00" in read(story)


def test_of_a_monthly_reward_the_latest_months_are_shown():
    story = Story("smithai-legacy")
    acme = story.sign_up("acme")
    story.tell(acme, "account.activated")
    for month in range(3, 10):
        story.pass_to(datetime(2025, month, 2, 12, tzinfo=UTC))

    assert [line.period for line in told(story).accounts.lines[0].bonuses] == [
        "2025-08",
        "2025-07",
        "2025-06",
        "2025-05",
    ]
    assert "Account credit $175.00 It is not cash: it is taken off what you pay us." in read(story)


# --- money --------------------------------------------------------------------------------------------


def test_balance_and_history_are_those_of_the_books(story):
    for name in ("acme", "globex", "hooli"):
        story.earn(name)
    story.pass_to("2026-03-16T00:05Z")
    story.earn("initech")
    mine = story.enrollment()
    withdrawals.withdraw(mine, amount_minor=5_000, at=story.now)
    withdrawals.spend(mine, amount_minor=2_550, service="Words", at=story.now)
    story.reverse(Bonus.objects.get(account__host_account="hooli"))

    known = told(story)

    books = {
        kind: ledger.balance_minor(ledger.account_of(mine, kind=kind))
        for kind in (AccountKind.BALANCE, AccountKind.PAYABLE)
    }
    assert (
        {balance.kind: balance.amount_minor for balance in known.balances}
        == books
        == {
            "BALANCE": 12_450,
            "PAYABLE": 10_000,
        }
    )
    assert sum(line.amount_minor for line in known.history.lines) == books["BALANCE"]
    assert Bonus.objects.unpaid().aggregate(total=Sum("amount_minor")) == {"total": books["PAYABLE"]}
    assert (
        "Mar 16, 2026 Bonus taken back H… GmbH -$100.00"
        " Mar 16, 2026 Used for services - -$25.50"
        " Mar 16, 2026 Withdrawn - -$50.00"
        " Mar 16, 2026 Bonus credited"
    ) in read(story)


def test_what_is_given_is_in_the_history_of_both():
    story = Story("smartcat", {"rewards.new_customer.transferable": True})
    story.earn("acme")
    story.pass_to("2026-03-16T00:05Z")
    withdrawals.transfer(
        story.enrollment(), receiver=story.enrollment(story.ben), amount_minor=4_000, at=story.now
    )

    assert "Given to another referrer - -$40.00" in read(story)
    assert "Received from another referrer - +$40.00" in read(story, referrer=story.ben)


def test_cash_that_is_taken_back_after_it_was_sent_is_owed():
    story = Story("smithai", {"terms.clawback": "BY_STAFF"})
    story.earn("acme")
    story.pass_to("2026-05-04T12:00Z")
    story.approve_all()
    release.release_due(as_of=story.now)
    story.method = pays_by(story)
    is_paid_to(story)
    files.make(story.method, pay_on=story.now.date(), by=story.fay, at=story.now)
    files.mark_uploaded(PaymentFile.objects.get(), by=story.finn, at=story.now)
    story.reverse(Bonus.objects.get())

    told = "Taken back after it was sent, or sent twice; we keep it from your next payouts."
    assert f"You owe -$1,000.00 {told}" in read(story)
