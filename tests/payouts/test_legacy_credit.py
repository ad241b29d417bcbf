"""
The older program of Smith.ai over a year: a credit each month while the referred account is active on its
last day, never cash, and never together with the program that came after it.
"""

from datetime import date, datetime, timedelta
from itertools import count, product

import pytest
from django.db import IntegrityError, transaction

from payouts import explain, ledger, sweeps, withdrawals
from payouts.explain import Audience
from payouts.models import Bonus, LedgerAccount, Spend, Transfer, Withdrawal
from payouts.rules.lifecycle import AccountKind, TransferKind
from payouts.rules.ways import WAYS
from payouts.statements import period
from referrals import enrollment, intake
from referrals.models import ReferredAccount, Referrer
from referrals.rules.refusal import Refused
from referrals.rules.words import RewardKind
from tests.payouts.verification.plant import found, guards_down
from tests.story import BEGINNING, Story, nothing_changes, refused

pytestmark = pytest.mark.django_db

LAST_DAYS = ["02-28", "03-31", "04-30", "05-31", "06-30", "07-31"]
LAST_DAYS += ["08-31", "09-30", "10-31", "11-30", "12-31"]
EACH = 2_500


def story_of(name: str = "acme") -> Story:
    """A client came by Rosa's link in February 2025, in the older program."""
    story = Story("smithai-legacy")
    story.tell(story.sign_up(name), "account.activated")
    story.evaluate()
    return story


def pass_months(story: Story, *last_days: str, year: int = 2025) -> None:
    """The jobs run at noon of the seat on each of these days."""
    for day in last_days:
        story.pass_to(datetime.fromisoformat(f"{year}-{day}T20:00Z"))


def tell_at(story: Story, at: str, type: str, **more: object) -> None:
    story.now = datetime.fromisoformat(at)
    story.tell("acme", type, **more)
    story.evaluate()


def credited(story: Story) -> list[str]:
    """The months for which Rosa has her credit."""
    return list(Bonus.objects.filter(status="PAID").order_by("period").values_list("period", flat=True))


def credit(story: Story) -> int:
    return ledger.balance_minor(ledger.account_of(story.enrollment(), kind=AccountKind.CREDIT))


def months(*numbers: int) -> list[str]:
    return [f"2025-{number:02}" for number in numbers]


def test_a_year_of_a_client_that_stays():
    story = story_of()

    pass_months(story, *LAST_DAYS)

    assert credited(story) == months(*range(2, 13))
    assert credit(story) == 11 * EACH
    assert set(Bonus.objects.values_list("kind", "amount_minor", "days_late")) == {
        ("ACCOUNT_CREDIT", EACH, 0)
    }
    days = Bonus.objects.order_by("period").values_list("released_on", flat=True)
    assert list(days) == [date.fromisoformat(f"2025-{day}") for day in LAST_DAYS]


def test_months_of_a_pause_bring_nothing_and_the_credit_goes_on_after_it():
    story = story_of()
    pass_months(story, *LAST_DAYS[:3])
    tell_at(story, "2025-05-10T10:00Z", "account.paused")
    pass_months(story, *LAST_DAYS[3:5])
    tell_at(story, "2025-07-30T10:00Z", "account.activated")
    pass_months(story, *LAST_DAYS[5:])

    assert credited(story) == months(2, 3, 4, 7, 8, 9, 10, 11, 12)
    assert credit(story) == 9 * EACH


def test_a_pause_within_a_month_costs_nothing():
    story = story_of()
    pass_months(story, *LAST_DAYS[:3])
    tell_at(story, "2025-05-02T10:00Z", "account.paused")
    tell_at(story, "2025-05-29T10:00Z", "account.activated")
    pass_months(story, *LAST_DAYS[3:])

    assert credited(story) == months(*range(2, 13))


def test_a_client_that_leaves_brings_nothing_more_and_what_was_credited_stays():
    story = story_of()
    pass_months(story, *LAST_DAYS[:5])
    tell_at(story, "2025-07-10T10:00Z", "account.cancelled")
    pass_months(story, *LAST_DAYS[5:])

    assert credited(story) == months(2, 3, 4, 5, 6)
    assert credit(story) == 5 * EACH
    assert not Bonus.objects.exclude(status="PAID").exists()


@pytest.mark.parametrize(
    ("at", "counts"),
    [
        # The last day of July begins at 07:00 UTC at the seat.
        ("2025-07-31T06:59:59Z", False),
        ("2025-07-31T07:00:01Z", True),
    ],
)
def test_the_day_that_counts_is_that_of_the_seat(at, counts):
    story = story_of()
    pass_months(story, *LAST_DAYS[:5])
    tell_at(story, at, "account.cancelled")
    pass_months(story, *LAST_DAYS[5:7])

    assert ("2025-07" in credited(story)) is counts
    assert "2025-08" not in credited(story)


def test_months_in_which_no_job_ran_are_credited_once_when_one_does():
    story = story_of()

    pass_months(story, "12-31")
    sweeps.run_daily(story.program, as_of=story.now)

    assert credited(story) == months(*range(2, 13))
    assert credit(story) == 11 * EACH


def test_a_pause_that_is_told_late_takes_no_credit_that_was_given():
    story = story_of()
    pass_months(story, *LAST_DAYS[:4])
    story.tell("acme", "account.paused", occurred_at=datetime.fromisoformat("2025-04-10T10:00Z"))
    story.evaluate()
    pass_months(story, *LAST_DAYS[4:6])

    assert credited(story) == months(2, 3, 4, 5)
    assert credit(story) == 4 * EACH


def test_the_credit_is_for_services_alone():
    story = story_of()
    pass_months(story, *LAST_DAYS[:2])
    mine = story.enrollment()

    with refused("not_withdrawable"):
        withdrawals.withdraw(mine, amount_minor=EACH, at=story.now)
    with refused("not_transferable"):
        withdrawals.transfer(mine, receiver=story.enrollment(story.ben), amount_minor=EACH, at=story.now)
    withdrawals.spend(mine, amount_minor=EACH, service="Virtual receptionist", at=story.now)

    assert credit(story) == EACH
    assert not Transfer.objects.filter(credit__kind__in=["BALANCE", "CLEARING"]).exists()


# --- beside the program that came after it --------------------------------------------------------------


class NewerStory(Story):
    """The program that came after it, with the same host and the same people."""

    def __init__(self) -> None:
        super().__init__("smithai")
        # The host has one series of ids for what it tells.
        self._numbers = count(1_000)

    def referrer(self, name: str, **attributes: object) -> Referrer:
        row = Referrer.objects.get(host=self.host, host_account=name)
        link = f"{name}-new"
        enrollment.enroll(row, program=self.program, at=BEGINNING, invited=True, link=link, code=link)
        return row


@pytest.fixture
def both() -> tuple[Story, Story]:
    """The same host in 2026: the older program, with a client of its time, and the new one."""
    older = story_of()
    newer = NewerStory()
    older.now = newer.now
    return older, newer


def test_an_account_of_the_older_program_earns_under_its_old_terms_only(both):
    older, newer = both
    newer.sign_up("acme", link="rosa-new")
    newer.tell("acme", "invoice.paid", 23_500, product="virtual_receptionist")
    newer.wait(minutes=11)
    newer.pass_to(newer.now + timedelta(days=120))
    older.now = newer.now
    older.pass_to(older.now)

    assert set(Bonus.objects.values_list("terms__program__slug", flat=True)) == {"smithai-legacy"}
    again = ReferredAccount.objects.get(program=newer.program, host_account="acme")
    assert (again.status, again.rejection_reason.code) == ("NOT_QUALIFIED", "not_first_time_client")
    assert Bonus.objects.filter(period="2026-05", status="PAID").exists()


def test_a_new_account_earns_in_the_new_program_only(both):
    older, newer = both
    newer.earn("globex", link="rosa-new")
    with pytest.raises(intake.NotInProgram):
        older.sign_up("globex")
    older.pass_to(older.now + timedelta(days=60))

    programs = Bonus.objects.filter(account__host_account="globex").values_list(
        "terms__program__slug", flat=True
    )
    assert set(programs) == {"smithai"}


def test_one_referrer_has_both_and_neither_mixes_with_the_other(both):
    older, newer = both
    bonus = newer.earn("globex", link="rosa-new")
    older.pass_to(older.now + timedelta(days=60))
    newer.pass_to(bonus.opens_at + timedelta(minutes=5))
    newer.approve_all()
    newer.pass_to(newer.now + timedelta(minutes=5))

    assert older.rosa == newer.rosa
    assert credit(older) > 0
    assert credit(newer) == 0
    paid = Transfer.objects.filter(kind="RELEASED", debit__program=newer.program)
    assert list(paid.values_list("amount_minor", flat=True)) == [100_000]
    assert not Transfer.objects.filter(debit__program=older.program, credit__program=newer.program).exists()


# --- account credit is no cash --------------------------------------------------------------------------


def account(story: Story, kind: AccountKind) -> LedgerAccount:
    return ledger.account_of(story.enrollment(), kind=kind)


def service(story: Story) -> Spend:
    """What is bought; not saved."""
    mine = story.enrollment()
    return Spend(enrollment=mine, amount_minor=EACH, currency="USD", service="a plan", spent_at=story.now)


def earned() -> Story:
    story = story_of()
    pass_months(story, *LAST_DAYS[:2])
    return story


def test_the_refusals_name_the_method_and_what_helps():
    story = earned()
    mine = story.enrollment()

    said = r"is account credit, not cash: it cannot be .*: use it for services\."
    with pytest.raises(Refused, match=said):
        withdrawals.withdraw(mine, amount_minor=EACH, at=story.now)
    with pytest.raises(Refused, match=said):
        withdrawals.transfer(mine, receiver=story.enrollment(story.ben), amount_minor=EACH, at=story.now)


def test_nothing_is_set_off_against_credit():
    story = earned()
    spent = service(story)

    for kind in (AccountKind.CASH_OWED, AccountKind.BALANCE, AccountKind.CLEARING):
        with refused("credit_is_no_cash"), nothing_changes():
            ledger.post(
                debit=account(story, AccountKind.CREDIT),
                credit=account(story, kind),
                amount_minor=EACH,
                kind=TransferKind.SPENT,
                posted_at=story.now,
                cause=spent,
            )


def test_the_database_refuses_every_transfer_that_makes_cash_of_credit():
    story = earned()
    mine, bens = account(story, AccountKind.CREDIT), story.enrollment(story.ben)
    others = [kind for kind in AccountKind if kind not in (AccountKind.SERVICES, AccountKind.EXPENSE)]

    for kind, to in product(["WITHDRAWN", "GIVEN", "SPENT"], others):
        refusal = pytest.raises(IntegrityError, match="account credit pays for services alone")
        with refusal, transaction.atomic():
            bought = service(story)
            bought.save()
            Transfer.objects.create(
                debit=mine,
                credit=ledger.account_of(bens, kind=to),
                amount_minor=EACH,
                currency="USD",
                kind=kind,
                posted_at=story.now,
                spend=bought,
            )

    assert credit(story) == 2 * EACH


@pytest.mark.plants_breaches
def test_where_the_trigger_is_missing_the_verification_still_finds_it():
    """Negative control: it is the trigger that refuses, and a row that came past it is a breach."""
    story = earned()
    withdrawal = Withdrawal.objects.create(
        enrollment=story.enrollment(), amount_minor=EACH, currency="USD", requested_at=story.now
    )
    with guards_down(Transfer):
        row = Transfer.objects.create(
            debit=account(story, AccountKind.CREDIT),
            credit=account(story, AccountKind.CLEARING),
            amount_minor=EACH,
            currency="USD",
            kind="WITHDRAWN",
            posted_at=story.now,
            withdrawal=withdrawal,
        )

    suits = "transfers between kinds of accounts that do not suit their own kind"
    assert ("I1", suits, [row.pk]) in found()


def test_both_voices_and_the_statement_call_it_by_its_name():
    story = earned()
    bonus = Bonus.objects.filter(status="PAID").first()

    told = {audience: explain.bonus(bonus, as_of=story.now, audience=audience) for audience in Audience}
    lines = {audience: {line.label: line.detail for line in each.lines} for audience, each in told.items()}
    statement = period.of_enrollment(
        story.enrollment(), begins=BEGINNING, ends=story.now + timedelta(days=400)
    )

    assert lines[Audience.STAFF]["Account credit"].startswith("It is not cash: it pays for services")
    assert lines[Audience.REFERRER]["Account credit"] == WAYS[RewardKind.ACCOUNT_CREDIT].public
    assert statement.columns == ("Still to come", "Account credit")
    assert statement.notes == (f"Account credit: {WAYS[RewardKind.ACCOUNT_CREDIT].public}",)
