"""What accountants take away as XLSX: the same lines as the CSV, as numbers, days and plain text."""

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO, StringIO

import openpyxl
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.urls import reverse

from payouts import ledger, withdrawals
from payouts.models import PayoutBatch
from payouts.rules.lifecycle import AccountKind
from referrals import exports, workbooks
from tests.admin_pages import just_logged_in
from tests.refer_page import logged_in
from tests.story import Story

pytestmark = pytest.mark.django_db

FORMULA = "=cmd|'/C calc' GmbH"
SPRING = "since=2026-02-01&until=2026-04-30"


@pytest.fixture
def story(time_machine) -> Story:
    """Two bonuses paid, one taken back, and some of the other spent; names that look like formulas."""
    told = Story("smartcat", {"terms.clawback": "BY_STAFF"})
    first, _ = told.earn("acme"), told.earn("globex", company_name=FORMULA)
    told.pass_to("2026-03-16T00:05Z")
    withdrawals.spend(told.enrollment(), amount_minor=2_505, service="=HYPERLINK()", at=told.now)
    told.now = datetime(2026, 4, 2, 9, tzinfo=UTC)
    first.refresh_from_db()
    told.reverse(first)
    call_command("make_groups", verbosity=0)
    told.sam.groups.set([Group.objects.get(name="Auditors")])
    time_machine.move_to(told.now, tick=False)
    return told


def balance(story: Story) -> str:
    account = ledger.account_of(story.enrollment(), kind=AccountKind.BALANCE)
    return reverse("admin:payouts_ledgeraccount_statement", args=[account.pk])


EXPORTS = {
    "trial balance": lambda story: (reverse("admin:payouts_ledgeraccount_trial_balance"), "as_of=2026-04-30"),
    "account": lambda story: (balance(story), SPRING),
    "journal": lambda story: (reverse("admin:payouts_transfer_export"), SPRING),
    "batch": lambda story: (
        reverse("admin:payouts_payoutbatch_export", args=[PayoutBatch.objects.get().pk]),
        "",
    ),
    "staff": lambda story: (
        reverse("admin:referrals_referrer_statement", args=[story.rosa.pk, "smartcat"]),
        SPRING,
    ),
    "referrer": lambda story: ("/refer/smartcat/statement/", SPRING),
}


def as_text(cell: object) -> str:
    """A cell of a workbook as ``alike`` leaves one of a CSV."""
    if cell is None:
        return ""
    if isinstance(cell, datetime) and cell.time() == datetime.min.time():
        return cell.date().isoformat()
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=UTC).isoformat()
    return alike(str(cell))


def alike(text: str) -> str:
    """A cell of a CSV, with the guard against formulas taken away and two decimals to any number."""
    text = text.removeprefix("'")
    try:
        return str(Decimal(text).quantize(Decimal("0.01")))
    except ArithmeticError:
        return text


@pytest.mark.parametrize("name", EXPORTS)
def test_the_workbook_holds_what_the_csv_holds(story, name):
    address, asked = EXPORTS[name](story)
    client = logged_in(story.rosa) if name == "referrer" else just_logged_in(story.sam)

    table = client.get(f"{address}?{asked}&format=csv").getvalue().decode()
    answer = client.get(f"{address}?{asked}&format=xlsx")

    content = answer.getvalue()
    assert answer["Content-Type"] == workbooks.CONTENT_TYPE
    assert "no-store" in answer["Cache-Control"]
    assert answer["Content-Disposition"].endswith('.xlsx"')
    sheet = openpyxl.load_workbook(BytesIO(content)).active
    rows = [[as_text(cell.value) for cell in row] for row in sheet.iter_rows()]
    expected = [[alike(cell) for cell in row] for row in csv.reader(StringIO(table))]
    assert len(rows) > 1
    assert rows == expected
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n", "d"}
    told = list(LogEntry.objects.values_list("change_message", flat=True))
    assert [one.casefold().rpartition(" ")[2] for one in told] == (
        [] if name == "referrer" else ["csv", "xlsx"]
    )
    assert client.get(f"{address}?{asked}&format=xlsx").getvalue() == content
    if name == "batch":
        assert client.get(f"{address}?format=exe").status_code == 404


def test_amounts_are_numbers_with_the_decimals_of_their_currency_and_days_are_days(story):
    address, asked = EXPORTS["account"](story)
    content = just_logged_in(story.sam).get(f"{address}?{asked}&format=xlsx").getvalue()

    sheet = openpyxl.load_workbook(BytesIO(content)).active
    first, *_, last = sheet.iter_rows(min_row=2)

    assert (first[0].value, first[0].number_format) == (datetime(2026, 2, 1), "yyyy-mm-dd")  # noqa: DTZ001
    assert (last[8].value, last[8].number_format) == (-74.95, "#,##0.00")
    assert sheet.cell(3, 2).number_format.endswith('"UTC"')


def read(headings, rows, **asked):
    with workbooks.written(headings, rows, **asked) as file:
        book = openpyxl.load_workbook(file)
    return [[[cell.value for cell in row] for row in sheet.iter_rows()] for sheet in book.worksheets]


def test_what_does_not_fit_on_a_sheet_goes_on_on_the_next():
    rows = [[number] for number in range(5)]

    assert read(["n"], rows, most=2) == [
        [["n"], [0], [1]],
        [["n"], [2], [3]],
        [["n"], [4]],
    ]
    assert read(["n"], []) == [[["n"]]]


def test_a_cell_is_what_it_was():
    yen, dinar = exports.decimal(1_500, "JPY"), exports.decimal(-1_234_567, "KWD")
    row = [yen, dinar, Decimal("1234567890123456.78"), 2**60, "1-1", "=1+1", "@a", "http://x.example", True]
    days = [date(2024, 2, 29), datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)]

    [[_, found]] = read(["h"] * 11, [[*row, *days]])

    assert found[:2] == [1500, -1234.567]
    # Fifteen digits are all that a spreadsheet keeps of a number: these are text, with all of theirs.
    assert found[2:4] == ["1234567890123456.78", str(2**60)]
    assert found[4:9] == ["1-1", "=1+1", "@a", "http://x.example", "True"]
    assert found[9:] == [datetime(2024, 2, 29), datetime(2026, 3, 1, 23, 59, 59)]  # noqa: DTZ001
