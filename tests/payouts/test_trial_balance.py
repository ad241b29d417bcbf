"""The trial balance and the statement of accounts: one way to add up, the same figures everywhere."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from payouts import account_statements, journal, ledger, trial_balance, withdrawals
from payouts.models import LedgerAccount, Transfer
from payouts.statements import period
from payouts.trial_balance import INSTANT, Sides
from tests.story import Story

pytestmark = pytest.mark.django_db

EVER = {"begins": datetime(2015, 1, 1, tzinfo=UTC), "ends": datetime(2030, 1, 1, tzinfo=UTC)}


@pytest.fixture
def story() -> Story:
    """Two bonuses paid, one of them taken back; Rosa spent, withdrew and gave."""
    story = Story("smartcat", {"rewards.new_customer.transferable": True, "terms.clawback": "BY_STAFF"})
    first, _ = story.earn("acme"), story.earn("globex")
    story.pass_to("2026-03-16T00:05Z")
    rosas, bens = story.enrollment(), story.enrollment(story.ben)
    withdrawals.spend(rosas, amount_minor=2_500, service="translation", at=story.now)
    story.wait(minutes=5)
    withdrawals.transfer(rosas, receiver=bens, amount_minor=1_000, at=story.now)
    withdrawals.withdraw(rosas, amount_minor=3_000, at=story.now)
    story.wait(minutes=5)
    first.refresh_from_db()
    story.reverse(first)
    return story


def lines(story, as_of=None):
    found = trial_balance.of_program(story.program, as_of=as_of or story.now)
    return {
        line.kind: (line.sides.debits_minor, line.sides.credits_minor)
        for table in found
        for line in table.lines
    }


def test_every_kind_of_account_with_both_of_its_sides(story):
    assert lines(story) == {
        "EXPENSE": (20_000, 10_000),
        "CLEARING": (0, 3_000),
        "SERVICES": (0, 2_500),
        "PAYABLE": (20_000, 20_000),
        # Paid 200.00 to Rosa and given 10.00 to Ben; out went 25.00, 10.00, 30.00 and 100.00.
        "BALANCE": (16_500, 21_000),
    }


def test_debits_and_credits_are_the_same_together(story):
    [table] = trial_balance.of_program(story.program, as_of=story.now)

    assert table.total == Sides(56_500, 56_500)
    assert (table.total.balance_minor, table.currency) == (0, "USD")


def test_an_instant_belongs_to_what_was_posted_at_it(story):
    spent = Transfer.objects.get(kind="SPENT").posted_at

    assert lines(story, spent)["SERVICES"] == (0, 2_500)
    assert "SERVICES" not in lines(story, spent - INSTANT)


def test_the_end_of_a_day_is_that_of_the_zone():
    ends = trial_balance.end_of(date(2026, 3, 31), ZoneInfo("America/Los_Angeles"))

    assert ends == datetime(2026, 4, 1, 6, 59, 59, 999_999, tzinfo=UTC)


def test_other_programs_have_books_of_their_own(story):
    other = Story("smithai", host="other")
    other.earn()

    assert lines(other) == {"EXPENSE": (100_000, 0), "PAYABLE": (0, 100_000)}
    assert lines(story)["EXPENSE"] == (20_000, 10_000)


def test_a_program_without_transfers_has_no_lines():
    assert trial_balance.of_program(Story().program, as_of=datetime(2030, 1, 1, tzinfo=UTC)) == []


def test_it_takes_two_queries_however_much_is_posted(story, django_assert_num_queries):
    for _ in range(2):
        with django_assert_num_queries(2):
            trial_balance.of_program(story.program, as_of=story.now)
        withdrawals.spend(story.enrollment(), amount_minor=1, service="translation", at=story.now)


def test_the_journal_ends_with_the_balances_of_the_trial_balance(story):
    text = "".join(journal.write(as_of=story.now))
    accounts = {journal.name_of(each): each for each in LedgerAccount.objects.select_related("program")}
    ends: dict[str, int] = {}
    for line in text.splitlines():
        if " balance " in line:
            _, _, name, amount, _ = line.split()
            kind = accounts[name].kind
            ends[kind] = ends.get(kind, 0) + int(amount.replace(".", ""))

    assert ends == {kind: debits - credits for kind, (debits, credits) in lines(story).items()}


# --- statements -----------------------------------------------------------------------------------------


def account(story, kind, referrer=None):
    return ledger.account_of(story.enrollment(referrer), kind=kind)


def test_a_statement_tells_every_transfer_with_the_balance_after_it(story):
    balance = account(story, "BALANCE")
    statement = account_statements.over([balance], **EVER)

    told = [(line.transfer.kind, line.held[0].owed_minor) for line in statement.lines()]
    assert told == [
        ("RELEASED", 10_000),
        ("RELEASED", 20_000),
        ("SPENT", 17_500),
        ("GIVEN", 16_500),
        ("WITHDRAWN", 13_500),
        ("REVERSED", 3_500),
    ]
    assert (statement.opening, statement.closing[0].owed_minor) == ((Sides(),), 3_500)
    assert statement.closing[0].owed_minor == ledger.balance_minor(balance)
    assert statement.during == (Sides(16_500, 20_000),)


def test_the_balance_of_every_line_is_that_of_the_books_at_that_line(story):
    mine = list(LedgerAccount.objects.filter(enrollment=story.enrollment()).order_by("pk"))
    statement = account_statements.over(mine, **EVER)

    for line in statement.lines():
        posted = Transfer.objects.filter(posted_at__lt=line.transfer.posted_at) | Transfer.objects.filter(
            posted_at=line.transfer.posted_at, pk__lte=line.transfer.pk
        )
        sides = trial_balance.sides_of(posted, "pk")
        assert line.held == tuple(sides.get(each.pk, Sides()) for each in mine)


def test_a_period_opens_with_what_was_there(story):
    balance = account(story, "BALANCE")
    given = Transfer.objects.get(kind="GIVEN").posted_at
    statement = account_statements.over([balance], begins=given, ends=given + timedelta(minutes=5))

    assert [line.transfer.kind for line in statement.lines()] == ["GIVEN", "WITHDRAWN"]
    assert (statement.opening[0].owed_minor, statement.closing[0].owed_minor) == (17_500, 13_500)


def test_pages_go_on_where_the_one_before_ended(story, monkeypatch):
    monkeypatch.setattr(account_statements, "PER_PAGE", 4)
    statement = account_statements.over([account(story, "BALANCE")], **EVER)

    first, more = statement.page(1)
    second, no_more = statement.page(2)

    assert (more, no_more, statement.page(3)) == (True, False, ([], False))
    assert first + second == list(statement.lines())
    assert len(first) == 4


@pytest.mark.parametrize("number", [1, 2])
def test_a_page_costs_the_same_however_many_transfers_there_are(
    story, number, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(account_statements, "PER_PAGE", 3)
    statement = account_statements.over([account(story, "BALANCE")], **EVER)

    with django_assert_num_queries(1 if number == 1 else 3):
        [(each.transfer.debit.kind, each.transfer.bonus) for each in statement.page(number)[0]]


# --- as the referrer reads it ---------------------------------------------------------------------------


def test_a_referrer_reads_what_came_and_went_in_every_account(story):
    statement = period.of_enrollment(story.enrollment(), **EVER)

    assert statement.columns == ("Still to come", "Balance")
    told = [
        (line.what, line.about, [(cell.moved_minor, cell.held_minor) for cell in line.cells])
        for line in statement.page.lines
    ]
    assert told == [
        ("Bonus earned", "A… GmbH", [(10_000, 10_000), (None, 0)]),
        ("Bonus earned", "G… GmbH", [(10_000, 20_000), (None, 0)]),
        ("Bonus paid", "A… GmbH", [(-10_000, 10_000), (10_000, 10_000)]),
        ("Bonus paid", "G… GmbH", [(-10_000, 0), (10_000, 20_000)]),
        ("Used for services", "translation", [(None, 0), (-2_500, 17_500)]),
        ("Given to another referrer", "", [(None, 0), (-1_000, 16_500)]),
        ("Withdrawn", "", [(None, 0), (-3_000, 13_500)]),
        ("Bonus taken back", "A… GmbH", [(None, 0), (-10_000, 3_500)]),
    ]
    assert [cell.held_minor for cell in statement.closing] == [0, 3_500]


def test_what_was_received_says_so(story):
    [line] = period.of_enrollment(story.enrollment(story.ben), **EVER).page.lines

    assert (line.what, [cell.moved_minor for cell in line.cells]) == (
        "Received from another referrer",
        [1_000],
    )


def test_staff_read_the_names_of_the_companies(story):
    statement = period.of_enrollment(story.enrollment(), is_masked=False, **EVER)

    assert statement.page.lines[0].about == "Acme GmbH"


def test_who_has_earned_nothing_has_no_columns():
    statement = period.of_enrollment(Story().enrollment(), **EVER)

    assert (statement.columns, statement.page.lines) == ((), ())
