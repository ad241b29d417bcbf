"""The pages of the books: trial balance, statements, files, months; the same figures everywhere."""

import csv
import re
from datetime import UTC, date, datetime
from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from payouts import account_statements, closing, holds, journal, ledger, trial_balance, withdrawals
from payouts.admin.closing import _in_words as in_words
from payouts.models import LedgerAccount, MonthClose, Payout, PayoutBatch, Transfer
from payouts.rules.lifecycle import AccountKind
from referrals.models import Program, ProgramStaff, Proposal
from tests.admin_pages import just_logged_in, main_part
from tests.factories import ProgramFactory
from tests.payouts.verification.plant import alter
from tests.refer_page import answer, logged_in, read, words
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db

TRIAL = reverse("admin:payouts_ledgeraccount_trial_balance")
EXPORT = reverse("admin:payouts_transfer_export")
MONTHS = reverse("admin:payouts_monthclose_months")
SPRING = {"since": "2026-02-01", "until": "2026-04-30"}


@pytest.fixture
def story(time_machine) -> Story:
    """A bonus paid and taken back, another paid, and some of it spent; finance, support and an auditor."""
    told = Story("smartcat", {"terms.clawback": "BY_STAFF"})
    first, _ = told.earn("acme"), told.earn("globex", company_name="=cmd|'/C calc' GmbH")
    told.pass_to("2026-03-16T00:05Z")
    withdrawals.spend(told.enrollment(), amount_minor=2_500, service="=HYPERLINK()", at=told.now)
    told.now = datetime(2026, 4, 2, 9, tzinfo=UTC)
    first.refresh_from_db()
    told.reverse(first)
    call_command("make_groups", verbosity=0)
    groups = {told.fay: "Finance preparers", told.finn: "Finance approvers", told.cara: "Callers"}
    groups |= {told.sam: "Auditors"}
    for person, group in groups.items():
        person.groups.set([Group.objects.get(name=group)])
    time_machine.move_to(told.now, tick=False)
    return told


def client_of(user: User) -> Client:
    return just_logged_in(user)


def get(user: User, address: str, **asked: object):
    return client_of(user).get(address, asked)


def lines_of(response) -> list[list[str]]:
    return list(csv.reader(StringIO(b"".join(response.streaming_content).decode())))


def statement_of(account: LedgerAccount) -> str:
    return reverse("admin:payouts_ledgeraccount_statement", args=[account.pk])


def said(response) -> str:
    return words(main_part(response))


def balance_of(story) -> LedgerAccount:
    return ledger.account_of(story.enrollment(), kind=AccountKind.BALANCE)


# --- trial balance --------------------------------------------------------------------------------------


def test_the_page_shows_what_the_function_adds_up(story):
    page = get(story.finn, TRIAL)

    [(table, lines)] = page.context["tables"]
    assert [table] == trial_balance.of_program(story.program, as_of=story.now)
    text = said(page)
    for line, _ in lines:
        amounts = (line.sides.debits_minor, line.sides.credits_minor, abs(line.sides.balance_minor))
        shown = " ".join(f"{minor / 100:,.2f}" for minor in amounts)
        assert f"{line.label} {shown}" in text
    assert f"Total {table.total.debits_minor / 100:,.2f} {table.total.debits_minor / 100:,.2f} 0.00" in text


def test_every_line_leads_to_what_it_adds_up(story):
    client = client_of(story.sam)
    page = client.get(TRIAL)

    for _, lines in page.context["tables"]:
        for line, address in lines:
            behind = client.get(address)
            assert behind.status_code == 200, line
            if "cl" in behind.context:
                assert {row.kind for row in behind.context["cl"].result_list} == {line.kind}
            else:
                assert behind.context["account"].kind == line.kind


def test_the_end_of_an_earlier_day_is_asked_for(story):
    [(table, _)] = get(story.finn, TRIAL, as_of="2026-02-28").context["tables"]

    assert {line.kind: line.sides.balance_minor for line in table.lines} == {
        "EXPENSE": 20_000,
        "PAYABLE": -20_000,
    }
    assert get(story.finn, TRIAL, as_of="2026-01-01").context["tables"] == []


@pytest.mark.parametrize(
    "asked", [{"as_of": "soon"}, {"as_of": "9999-12-31"}, {"program": "7777"}, {"program": "x"}]
)
def test_what_makes_no_sense_is_said_and_the_ordinary_is_shown(story, asked):
    page = get(story.finn, TRIAL, **asked)

    assert page.status_code == 200
    assert page.context["form"].errors
    assert page.context["program"] == story.program


def test_the_file_holds_the_same_and_leaves_a_line_in_the_log(story):
    lines = lines_of(get(story.finn, TRIAL, format="csv", as_of="2026-04-02"))

    assert lines[0] == ["Program", "At the end of", "Account", "Debits", "Credits", "Balance", "Currency"]
    [table] = trial_balance.of_program(story.program, as_of=story.now)
    for line, row in zip(table.lines, lines[1:], strict=False):
        assert row == [
            "Smartcat",
            "2026-04-02",
            line.label,
            *(
                f"{minor / 100:.2f}"
                for minor in (line.sides.debits_minor, line.sides.credits_minor, line.sides.balance_minor)
            ),
            "USD",
        ]
    assert lines[-1][2:6] == ["Total", *lines[-1][3:5], "0.00"]
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_repr) == (story.finn, "Trial balance")
    assert entry.change_message == "Exported: Smartcat, at the end of 2026-04-02, csv"


def test_who_works_for_other_programs_sees_nothing_of_this_one(story):
    other = ProgramFactory()
    ProgramStaff.objects.create(user=story.finn, program=other)
    account = balance_of(story)
    close(story)

    page = get(story.finn, TRIAL, program=story.program.pk)
    assert (page.context["program"], page.context["tables"]) == (other, [])
    assert get(story.finn, statement_of(account)).status_code == 404
    assert (
        get(story.finn, EXPORT, program=story.program.pk, format="csv", **SPRING).context["program"] == other
    )
    months = get(story.finn, MONTHS, program=story.program.pk)
    assert (months.context["program"], list(months.context["closed"])) == (other, [])
    closed = reverse("admin:payouts_monthclose_change", args=[MonthClose.objects.get().pk])
    assert client_of(story.finn).get(closed).status_code == 302
    referrer = reverse("admin:referrals_referrer_statement", args=[story.rosa.pk, "smartcat"])
    assert get(story.finn, referrer).status_code == 404
    assert LogEntry.objects.count() == 0


def test_callers_see_no_books(story):
    referrer = reverse("admin:referrals_referrer_statement", args=[story.rosa.pk, "smartcat"])
    for address in (TRIAL, EXPORT, MONTHS, statement_of(balance_of(story)), referrer):
        assert get(story.cara, address).status_code == 403


# --- an account -----------------------------------------------------------------------------------------


def test_an_account_is_told_line_by_line_with_its_causes(story):
    account = balance_of(story)
    page = get(story.finn, statement_of(account), **SPRING)

    text = said(page)
    assert "Opening balance 0.00" in text
    assert re.search(r"Mar 16, 2026 Spent spend \d+ Services 25.00 175.00 Cr", text)
    assert re.search(r"Apr 2, 2026 Reversed bonus \d+ Expense 100.00 75.00 Cr", text)
    assert text.count("Closing balance 125.00 200.00 75.00 Cr") == 1
    addresses = re.findall(
        r'href="(/admin/payouts/(?:transfer|bonus|spend|ledgeraccount)/\d+/[^"]*)"', page.content.decode()
    )
    client = client_of(story.finn)
    assert len(addresses) == 12
    assert {client.get(address).status_code for address in addresses} == {200}


def test_the_file_of_an_account_ends_with_what_the_books_say(story):
    account = balance_of(story)
    lines = lines_of(get(story.finn, statement_of(account), format="csv", **SPRING))

    assert lines[1][3:] == ["Opening balance", "", "", "", "", "0.00", "USD"]
    assert [row[3] for row in lines[2:-1]] == ["Released", "Released", "Spent", "Reversed"]
    assert [row[8] for row in lines[2:]] == ["-100.00", "-200.00", "-175.00", "-75.00", "-75.00"]
    assert -int(lines[-1][8].replace(".", "")) == ledger.balance_minor(account)
    assert lines[2][0] == "2026-03-16"


def test_pages_keep_the_days_and_go_on_with_the_balance(story, monkeypatch):
    monkeypatch.setattr(account_statements, "PER_PAGE", 2)
    page = get(story.finn, statement_of(balance_of(story)), page=2, **SPRING)

    assert [line.held[0].owed_minor for line, _ in page.context["lines"]] == [17_500, 7_500]
    assert "since=2026-02-01" in page.content.decode()
    for wrong in ("0", "-1", "x", "99999", "9" * 30):
        assert get(story.finn, statement_of(balance_of(story)), page=wrong, **SPRING).status_code == 200


@pytest.mark.parametrize("name", ["trial", "account", "months", "statement"])
def test_no_page_asks_more_for_more_transfers(story, name, django_assert_max_num_queries):
    address = {
        "trial": TRIAL,
        "account": statement_of(balance_of(story)),
        "months": MONTHS,
        "statement": reverse("admin:referrals_referrer_statement", args=[story.rosa.pk, "smartcat"]),
    }[name]
    client = client_of(story.sam)
    client.get(address)
    counts = []
    for _ in range(2):
        with django_assert_max_num_queries(25) as asked:
            client.get(address)
        counts.append(len(asked))
        for _ in range(3):
            withdrawals.spend(story.enrollment(), amount_minor=1, service="a word", at=story.now)

    assert counts[0] == counts[1]


# --- to take away ---------------------------------------------------------------------------------------


def test_the_journal_of_the_page_is_that_of_the_command(story):
    told = get(story.finn, EXPORT, program=story.program.pk, format="journal", whole="1", **SPRING)

    text = b"".join(told.streaming_content).decode()
    as_of = datetime(2026, 5, 1, tzinfo=UTC) - trial_balance.INSTANT
    assert text == "".join(journal.write(as_of=as_of, programs=Program.objects.filter(pk=story.program.pk)))
    assert 'filename="books-smartcat-up-to-2026-04-30.beancount"' in told["Content-Disposition"]
    assert LogEntry.objects.get().change_message == "Exported: Smartcat, up-to-2026-04-30, journal"


def test_the_file_of_transfers_holds_each_of_the_period_once(story):
    asked = {"program": story.program.pk, "since": "2026-03-01", "until": "2026-03-31"}
    lines = lines_of(get(story.finn, EXPORT, format="csv", **asked))

    march = Transfer.objects.filter(posted_at__month=3).order_by("posted_at", "pk")
    assert [int(row[2]) for row in lines[1:]] == [each.pk for each in march]
    assert {row[0] for row in lines[1:]} == {"2026-03-16"}
    assert {row[8] for row in lines[1:]} == {"USD"}
    assert [row[7] for row in lines[1:]] == ["100.00", "100.00", "25.00"]


def test_of_days_that_make_no_sense_there_is_no_file(story):
    page = get(
        story.finn, EXPORT, program=story.program.pk, format="csv", since="2026-04-30", until="2026-02-01"
    )

    assert "The last day lies before the first one." in said(page)
    assert LogEntry.objects.count() == 0


# --- months ---------------------------------------------------------------------------------------------


def close(story) -> MonthClose:
    month = closing.next_month(story.program)
    return closing.close(story.program, month=month, by=story.fay, confirmed_by=story.finn, at=story.now)


def press_close(user: User, **changed: str):
    client = client_of(user)
    page = client.get(MONTHS)
    shown = {name: page.context[name] for name in ("program", "month", "seen")}
    posted = {"program": shown["program"].pk, "month": shown["month"].isoformat(), "seen": shown["seen"]}
    return client.post(MONTHS, {**posted, **changed})


def test_two_people_close_a_month_on_the_pages(story):
    assert "Next: February 2026 Nothing is open" in said(get(story.fay, MONTHS))
    assert press_close(story.fay).status_code == 302
    proposal = Proposal.objects.get()
    assert "waits for another person" in said(get(story.finn, MONTHS))
    about = client_of(story.finn).get(reverse("admin:referrals_proposal_change", args=[proposal.pk]))
    assert "Close a month of Smartcat" in said(about)
    assert "2026-02" in said(about)

    confirm = reverse("admin:referrals_proposal_confirm", args=[proposal.pk])
    with nothing_changes():
        assert client_of(story.fay).post(confirm).status_code == 409
    client_of(story.finn).post(confirm)

    closed = MonthClose.objects.get()
    assert (closed.closed_by, closed.confirmed_by) == (story.fay, story.finn)
    text = said(get(story.sam, MONTHS))
    assert "Next: March 2026" in text
    assert "February 2026 ✓ Closed" in text


def test_what_is_to_be_done_before_closing_leads_to_exactly_what_is_counted(story):
    withdrawals.withdraw(story.enrollment(), amount_minor=2_000, at=story.now)
    payout = Payout.objects.get(withdrawal__isnull=False)
    alter(payout, status="UNKNOWN")
    held, ready = story.earn("held"), story.earn("ready")
    holds.place(held, reason="a question", by=story.fay, at=story.now)
    drafts = {"run_on": date(2026, 4, 1), "kind": "CASH", "currency": "USD", "sequence": 9}
    drafts |= {"automatic": False, "status": "AWAITING_APPROVAL", "prepared_by": story.fay}
    other = Story("smartcat", host="elsewhere")
    other.earn("held")
    for each in (story, other):
        batch = PayoutBatch.objects.create(program=each.program, **drafts)
        batch.changes.create(new_status="DRAFT", changed_at=story.now)
        batch.changes.create(
            old_status="DRAFT", new_status="AWAITING_APPROVAL", changed_at=story.now, changed_by=story.fay
        )
    month = ready.window_closes_on.replace(day=1)
    client = client_of(story.finn)

    found = closing.unsettled(story.program, month)

    counts = {each.code: each.count for each in found}
    assert set(counts) >= {"open_batches", "unknown_payouts", "waiting"}
    for each in found:
        address = in_words(each, story.program, month)["address"]
        assert client.get(address).context["cl"].result_count == each.count, each.code
    alter(payout, status="PREPARED")


def test_a_closed_month_tells_what_it_held_and_what_was_taken_back(story):
    close(story)
    march = close(story)

    text = said(client_of(story.sam).get(reverse("admin:payouts_monthclose_change", args=[march.pk])))

    assert "✓ As closed Every account holds what it held" in text
    assert re.search(r"Apr 2, 2026 · Reversed · bonus \d+ of Acme GmbH · USD 100.00", text)
    assert march.balances_sha256 in text


def test_a_month_is_opened_again_by_two(story):
    close(story)
    march = close(story)
    address = reverse("admin:payouts_monthclose_reopen", args=[march.pk])
    with nothing_changes():
        assert client_of(story.sam).post(address, {"reason": "an invoice"}).status_code == 403
    client_of(story.finn).post(address, {"reason": "an invoice"})
    assert march.reopened_at is None

    proposal = Proposal.objects.get()
    client_of(story.fay).post(reverse("admin:referrals_proposal_confirm", args=[proposal.pk]))

    march.refresh_from_db()
    assert (march.reopened_by, march.reopening_confirmed_by) == (story.finn, story.fay)
    assert "↩ Opened again" in said(get(story.sam, MONTHS))


def test_what_comes_first_is_shown_and_closing_refused(story):
    held = story.earn("initech", occurred_at=story.now)
    holds.place(held, reason="a question", by=story.fay, at=story.now)
    close(story)
    close(story)

    page = get(story.fay, MONTHS)
    assert "The month goes on in Europe" in said(page) or "The month goes on in UTC" in said(page)
    with nothing_changes():
        refused = press_close(story.fay)
    assert refused.status_code == 409
    assert "April 2026 is not over" in said(refused)


def test_a_page_that_is_no_longer_true_closes_nothing(story):
    for changed in ({"seen": "overdue.1.10000"}, {"month": "2026-03-01"}, {"month": "x"}):
        with nothing_changes():
            assert press_close(story.fay, **changed).status_code == 409


def test_who_only_looks_closes_nothing(story):
    assert "Two people of finance close it." in said(get(story.sam, MONTHS))
    with nothing_changes():
        assert client_of(story.sam).post(MONTHS, {"program": story.program.pk}).status_code == 403


def test_before_the_first_transfer_there_is_nothing_to_close(time_machine):
    story = Story("smartcat")
    call_command("make_groups", verbosity=0)
    story.sam.groups.set([Group.objects.get(name="Auditors")])
    time_machine.move_to(story.now, tick=False)

    assert "Nothing posted yet" in said(get(story.sam, MONTHS))
    assert "Nothing posted yet" in said(get(story.sam, TRIAL))


# --- the statement of a referrer ------------------------------------------------------------------------


def test_a_referrer_reads_both_lines_of_what_was_taken_back(story):
    text = read(story, "/refer/smartcat/statement/")

    assert "Opening balance $0.00 $0.00" in text
    assert "Bonus paid A… GmbH -$100.00 $100.00 +$100.00 $100.00" in text
    assert "Bonus taken back A… GmbH $0.00 -$100.00 $75.00" in text
    assert "Closing balance $0.00 $75.00" in text
    assert "Acme" not in text


def test_the_statement_never_says_who_works_here_or_how_anybody_is_reached(story):
    page = answer(story, "/refer/smartcat/statement/").content.decode()

    assert [
        word for word in ("fay", "finn", "a refund", "office@", "acme.example") if word in page.casefold()
    ] == []


def test_the_referrers_file_holds_no_formula_and_masks_the_companies(story):
    lines = lines_of(answer(story, "/refer/smartcat/statement/?format=csv&since=2026-02-01&until=2026-04-30"))

    assert lines[0][4:] == [
        "Still to come",
        "Still to come: balance",
        "Balance",
        "Balance: balance",
        "Currency",
    ]
    assert [row[3] for row in lines if row[2] == "Used for services"] == ["'=HYPERLINK()"]
    assert {row[3] for row in lines if row[2] == "Bonus earned"} == {"A… GmbH", "C… GmbH"}
    assert lines[-1][2:] == ["Closing balance", "", "", "0.00", "", "75.00", "USD"]
    assert LogEntry.objects.count() == 0


def test_staff_read_the_same_with_the_names_and_their_file_is_logged(story):
    address = reverse("admin:referrals_referrer_statement", args=[story.rosa.pk, "smartcat"])
    page = get(story.sam, address)
    mine = answer(story, "/refer/smartcat/statement/")

    staffs, referrers = page.context["statement"], mine.context["statement"]
    assert [line.cells for line in staffs.page.lines] == [line.cells for line in referrers.page.lines]
    assert (staffs.opening, staffs.closing) == (referrers.opening, referrers.closing)
    assert "Acme GmbH" in said(page)
    lines = lines_of(get(story.sam, address, format="csv"))
    assert [row[3] for row in lines if row[2] == "Bonus earned"] == ["Acme GmbH", "'=cmd|'/C calc' GmbH"]
    assert LogEntry.objects.get().object_repr == "Statement"


def test_the_support_page_leads_to_the_statement(story):
    page = get(story.sam, reverse("admin:referrals_referrer_change", args=[story.rosa.pk]), part="money")

    assert (
        reverse("admin:referrals_referrer_statement", args=[story.rosa.pk, "smartcat"])
        in page.content.decode()
    )


def test_a_referrer_who_is_not_logged_in_reads_nothing(client):
    for path in ("/refer/smartcat/statement/", "/refer/smartcat/withdraw/"):
        assert client.get(path)["Location"].startswith("/accounts/login/")


def test_days_of_a_statement_are_those_of_the_zone(time_machine):
    story = Story("smithai")
    # The evening of February 28 at the seat of the program.
    story.now = datetime(2026, 3, 1, 5, tzinfo=UTC)
    story.earn()
    february = "/refer/smithai/statement/?since=2026-02-28&until=2026-02-28"
    march = "/refer/smithai/statement/?since=2026-03-01&until=2026-03-31"

    assert "Feb 28, 2026 Bonus earned" in read(story, february)
    assert "Bonus earned" not in read(story, march)
    assert "Opening balance $1,000.00" in read(story, march)
    assert logged_in(story.rosa).get("/refer/smithai/statement/?since=x&until=2026-99-99").status_code == 200
