"""The journal of the books, checked by beancount in a process of its own."""

import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from payouts import journal, release, trial_balance, withdrawals
from payouts.demo.statistics import look_anew
from payouts.models import LedgerAccount, Transfer
from referrals.exports import decimal
from referrals.models import Program
from tests.bench import books
from tests.story import Story

pytestmark = pytest.mark.django_db

beancount = pytest.importorskip("beancount", reason="beancount is not installed: python3 dev.py test --all")


@pytest.fixture
def story() -> Story:
    """Bonuses earned, paid, taken back, spent and given, to whom two companies came."""
    story = Story("smartcat", {"rewards.new_customer.transferable": True, "terms.clawback": "BY_STAFF"})
    first, _ = story.earn("acme"), story.earn("globex")
    story.pass_to("2026-03-16T00:05Z")
    rosas, bens = story.enrollment(), story.enrollment(story.ben)
    withdrawals.spend(rosas, amount_minor=2_500, service="translation", at=story.now)
    withdrawals.transfer(rosas, receiver=bens, amount_minor=1_000, at=story.now)
    story.wait(minutes=5)
    story.reverse(first)
    return story


def judged(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What beancount says of a journal."""
    path = folder / "books.beancount"
    path.write_text(text)
    check = "from beancount.scripts.check import main; main()"
    return subprocess.run(
        [sys.executable, "-c", check, "--no-cache", str(path)], capture_output=True, text=True, check=False
    )


SUMMED = """
import json, sys
from collections import defaultdict
from beancount import loader
from beancount.core.data import Transaction

entries, errors, _ = loader.load_file(sys.argv[1])
held = defaultdict(int)
for entry in entries:
    if isinstance(entry, Transaction):
        for posting in entry.postings:
            held[posting.account] += posting.units.number
print(json.dumps({"errors": len(errors), "held": {name: str(number) for name, number in held.items()}}))
"""
"""What beancount itself makes of a journal: the sum of every account."""


def summed_by_beancount(text: str, folder: Path) -> dict[str, Decimal]:
    """What each account holds, as beancount adds it up in a process of its own."""
    path = folder / "summed.beancount"
    path.write_text(text)
    told = subprocess.run(
        [sys.executable, "-c", SUMMED, str(path)], capture_output=True, text=True, check=True
    )
    answer = json.loads(told.stdout)
    assert answer["errors"] == 0
    return {name: Decimal(number) for name, number in answer["held"].items() if Decimal(number)}


def held_by_the_books(as_of: datetime) -> dict[str, Decimal]:
    """What each account holds, as the pages add it up."""
    sides = trial_balance.sides_of(Transfer.objects.filter(posted_at__lte=as_of), "pk")
    accounts = LedgerAccount.objects.select_related("program").in_bulk(list(sides))
    return {
        journal.name_of(accounts[number]): decimal(each.balance_minor, accounts[number].currency)
        for number, each in sides.items()
        if each.balance_minor
    }


def written(**options: object) -> str:
    return "".join(journal.write(**{"as_of": datetime(2027, 1, 1, tzinfo=UTC), **options}))


def test_beancount_accepts_the_journal_and_finds_the_same_balances(story, tmp_path):
    text = written()

    answer = judged(text, tmp_path)

    assert (answer.returncode, answer.stderr) == (0, "")
    assert text.count("\n  transfer: ") == Transfer.objects.count() > 5
    touched = {id for pair in Transfer.objects.values_list("debit", "credit") for id in pair}
    assert text.count(" balance ") == text.count(" open ") == len(touched) < LedgerAccount.objects.count()


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("25.00 USD", "25.01 USD"), (" balance Expenses:", " balance Income:"), ("  -10.00", "  -9.99")],
)
def test_beancount_sees_a_wrong_figure(story, tmp_path, right, wrong):
    text = written()
    assert right in text

    assert judged(text.replace(right, wrong, 1), tmp_path).returncode != 0


def test_the_journal_ends_at_its_instant(story, tmp_path):
    last = Transfer.objects.latest("posted_at").posted_at

    text = written(as_of=last - timedelta(seconds=1))

    assert judged(text, tmp_path).returncode == 0
    earlier = Transfer.objects.filter(posted_at__lt=last).count()
    assert text.count("\n  transfer: ") == earlier < Transfer.objects.count()


def test_a_transfer_stands_on_its_day_in_the_zone_of_its_program(tmp_path):
    story = Story("smithai")
    story.earn()
    Transfer.objects.get()

    text = written()

    posted_at = Transfer.objects.get().posted_at
    assert f"\n{(posted_at - timedelta(hours=8)).date()} * " in text
    assert judged(text, tmp_path).returncode == 0


def test_books_without_transfers_are_an_empty_journal(tmp_path):
    Story("smartcat")

    text = written()

    assert text.count("\n") == 1
    assert judged(text, tmp_path).returncode == 0


def test_beancount_adds_up_to_what_the_pages_show(story, tmp_path):
    assert summed_by_beancount(written(), tmp_path) == held_by_the_books(story.now) != {}


@pytest.mark.parametrize("since", ["2026-01-01", "2026-03-01", "2026-03-16", "2026-05-01"])
def test_the_journal_of_a_period_begins_with_what_was_there(story, tmp_path, since):
    begins = datetime.fromisoformat(f"{since}T00:00Z")

    text = written(since=begins)

    assert judged(text, tmp_path).returncode == 0
    assert summed_by_beancount(text, tmp_path) == held_by_the_books(story.now)
    assert text.count("\n  transfer: ") == Transfer.objects.filter(posted_at__gte=begins).count()


@pytest.mark.slow
def test_beancount_accepts_the_journal_of_a_hundred_thousand_transfers(tmp_path):
    books.fill(50_000)
    look_anew()
    as_of = datetime(2026, 2, 20, tzinfo=UTC)
    assert release.release_due(as_of=as_of).done == 50_000

    text = written(as_of=as_of)

    assert text.count("\n  transfer: ") == Transfer.objects.count() == 100_000
    answer = judged(text, tmp_path)
    assert (answer.returncode, answer.stderr) == (0, "")
    held = held_by_the_books(as_of)
    assert summed_by_beancount(text, tmp_path) == held
    [table] = trial_balance.of_program(Program.objects.get(), as_of=as_of)
    shown = {line.kind: decimal(line.sides.balance_minor, "USD") for line in table.lines}
    of_kind: Counter[str] = Counter()
    for name, amount in held.items():
        of_kind["EXPENSE" if name.startswith("Expenses:") else "BALANCE"] += amount
    assert of_kind == {kind: amount for kind, amount in shown.items() if amount}


def test_the_journal_names_no_referrer(story):
    assert "rosa" not in written().lower()


def test_the_command_writes_the_programs_that_are_named(story):
    other = Story("smithai", host="other")
    other.earn()
    told = StringIO()

    call_command("export_journal", "smartcat", stdout=told)

    assert "Smartcat" in told.getvalue()
    assert "Smithai" not in told.getvalue()
    assert "Smithai" in written()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["nowhere"], "There is no program nowhere"), (["--as-of", "2026-01-01T00:00"], "has no offset")],
)
def test_the_command_names_what_is_wrong(arguments, said):
    with pytest.raises(CommandError, match=said):
        call_command("export_journal", *arguments)
