"""
A month in the life of two people of finance, in two browsers, from the draft of a batch to the closed month.

At every stage the sum that the page shows is the sum of its lines, of the transfers in the books, and what
the payment file says of itself. The page is read by the browser, the database by statements of this module's
own.
"""

import csv
import os
import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection
from django.urls import reverse

from payouts import closing, verification
from payouts.models import Bonus, MonthClose, PaymentFile, Payout, PayoutBatch
from payouts.payments import files
from tests import payments
from tests.admin_pages import just_logged_in
from tests.story import Story, nothing_changes

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Of pytest-base-url, which pytest-playwright brings along.
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
]

SIGNED = {
    **payments.CASH,
    "rewards.new_customer.amount": "123.45",
    "payout_schedule.release": "AFTER_APPROVAL",
    "terms.clawback": "BY_STAFF",
}
EACH = 12_345
PASSWORD = "correct horse battery"
LOOKS = {"light": (1280, "light"), "dark": (1280, "dark"), "320": (320, "light")}
PICTURES = os.environ.get("SCREENSHOTS", "")


class Desk:
    """Somebody of finance at a browser of their own."""

    def __init__(self, browser, server: str, user: User, faults_of) -> None:
        self.context = browser.new_context(viewport={"width": 1280, "height": 800})
        self.server, self.user, self.faults_of = server, user, faults_of
        self.page = self.context.new_page()
        self.faults: list[str] = []
        self.stage = 0

    def log_in(self) -> None:
        client = just_logged_in(self.user)
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": self.server}
        self.context.add_cookies([cookie])

    def open(self, name: str, *args: object, asked: str = "") -> None:
        self.page.goto(f"{self.server}{reverse(f'admin:{name}', args=args)}{asked}")

    def press(self, name: str) -> None:
        """A button that leads on to the page that follows."""
        button = self.page.get_by_role("button", name=name)
        with self.page.expect_navigation():
            button.click()

    def follow(self, name: str) -> None:
        """The one link whose words are like this."""
        with self.page.expect_navigation():
            self.page.get_by_role("link", name=re.compile(name)).click()

    def give_reason(self, step: str, reason: str) -> None:
        """Open the form of a step that asks for one, and send it."""
        self.page.locator("summary", has_text=step).click()
        self.page.locator("details[open] input[name=reason]").fill(reason)
        self.press(step)

    def give_password(self) -> None:
        """The page that asks who is there, before money is let go."""
        assert "/reauthenticate/" in self.page.url
        self.page.locator("input[type=password]").fill(PASSWORD)
        with self.page.expect_navigation():
            self.page.locator("form:has(input[type=password]) button[type=submit]").click()

    def is_told(self, words: str) -> None:
        self.page.get_by_text(words).first.wait_for()
        self.page.wait_for_load_state()

    def look(self, name: str) -> None:
        """Show the page on a small screen, and for pictures in every look; faults are told at the end."""
        for look, (width, scheme) in LOOKS.items():
            if look != "320" and not PICTURES:
                continue
            self.page.set_viewport_size({"width": width, "height": 800})
            self.page.emulate_media(color_scheme=scheme)
            # The theme of the admin looks once, when the page comes.
            self.page.evaluate(
                "is => document.documentElement.classList.toggle('dark', is)", scheme == "dark"
            )
            self.faults += self.faults_of(self.page, f"{name}-{look}")
        self.page.set_viewport_size({"width": 1280, "height": 800})
        self.page.emulate_media(color_scheme="light")
        self.page.evaluate("document.documentElement.classList.remove('dark')")

    def figure(self, where: str) -> int:
        """The one amount that stands there, in minor units."""
        return minor(self.page.locator(where).inner_text())

    def figures(self, where: str) -> list[int]:
        self.page.wait_for_load_state()
        return [minor(text) for text in self.page.locator(where).all_inner_texts()]

    def paying_lines(self) -> list[int]:
        """The amounts of a batch's lines, without those on hold."""
        self.page.wait_for_load_state()
        lines = self.page.locator(".staff-cards li").filter(has_not_text="❚❚ On hold")
        return [minor(text) for text in lines.locator(".staff-money").all_inner_texts()]

    def balance(self, account: str) -> list[str]:
        """What the row of an account says in a table of the books."""
        row = self.page.locator("tr").filter(has=self.page.get_by_role("rowheader", name=account))
        return row.locator("td").all_inner_texts()

    def post(self, address: str, **typed: str):
        """Send a form that no page offers, with the token of the page that is open."""
        token = self.page.locator("input[name=csrfmiddlewaretoken]").first.get_attribute("value")
        return self.context.request.post(
            f"{self.server}{address}", form={"csrfmiddlewaretoken": token, **typed}, max_redirects=0
        )


def minor(text: str) -> int:
    """``USD 1,234.56`` in cents."""
    (figure,) = re.findall(r"[\d,]+\.\d\d", text)
    return int(Decimal(figure.replace(",", "")) * 100)


def asked(statement: str, *parameters: object) -> int:
    """A sum from the database, not by the way of any code that it judges."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.fetchone()[0] or 0)


def put_up_lines(batch: int) -> int:
    return asked(
        "SELECT SUM(line.amount_minor) FROM payouts_batchline line JOIN payouts_payoutbatch batch"
        " ON batch.id = line.batch_id AND batch.turn = line.turn WHERE batch.id = %s",
        batch,
    )


def transferred(kind: str, batch: int) -> int:
    return asked(
        "SELECT SUM(transfer.amount_minor) FROM payouts_transfer transfer JOIN payouts_bonus bonus"
        " ON bonus.id = transfer.bonus_id WHERE transfer.kind = %s AND bonus.batch_id = %s",
        kind,
        batch,
    )


def paid_out(batch: int) -> int:
    return asked("SELECT SUM(amount_minor) FROM payouts_payout WHERE batch_id = %s AND attempt = 1", batch)


def in_file(file: int) -> list[int]:
    """What its lines come to, what it says of itself, and what its payouts come to."""
    return [
        asked("SELECT SUM(amount_minor) FROM payouts_paymentline WHERE file_id = %s", file),
        asked("SELECT total_minor FROM payouts_paymentfile WHERE id = %s", file),
        asked(
            "SELECT SUM(payout.amount_minor) FROM payouts_payout payout JOIN payouts_paymentline line"
            " ON line.payout_id = payout.id WHERE line.file_id = %s",
            file,
        ),
    ]


def account_balance(kind: str) -> int:
    """What was credited to accounts of a kind, less what was debited."""
    return asked(
        "SELECT SUM(CASE account.id WHEN transfer.credit_id THEN amount_minor ELSE -amount_minor END)"
        " FROM payouts_transfer transfer JOIN payouts_ledgeraccount account"
        " ON account.id IN (transfer.credit_id, transfer.debit_id) WHERE account.kind = %s",
        kind,
    )


@pytest.fixture
def story(time_machine) -> Story:
    """Four companies of three referrers are worth 123.45 each; February is closed."""
    time_machine.move_to("2026-02-02T10:00Z")
    told = Story(changes=SIGNED)
    call_command("make_groups", verbosity=0)
    for who, group in [(told.fay, "Finance preparers"), (told.finn, "Finance approvers")]:
        who.groups.set([Group.objects.get(name=group)])
        who.set_password(PASSWORD)
        who.save()
    carl = told.referrer("carl")
    for name, link in [("acme", "rosa"), ("beta", "rosa"), ("gamma", "ben"), ("delta", "carl")]:
        told.earn(name, link=link)
    told.method = payments.pays_by(told)
    for who in (told.rosa, told.ben, carl):
        payments.is_paid_to(told, who)
    two = {"by": told.fay, "confirmed_by": told.finn, "at": datetime.fromisoformat("2026-03-02T10:00Z")}
    closing.close(told.program, month=date(2026, 2, 1), **two)
    return told


@pytest.fixture
def at_desk(browser, live_server, faults_of):
    desks = []

    def sit_down(user: User) -> Desk:
        desks.append(Desk(browser, live_server.url, user, faults_of))
        return desks[-1]

    yield sit_down
    # An open connection keeps a thread of the server, and that one of the database.
    for desk in desks:
        desk.context.close()


def test_a_month_in_the_life_of_finance(at_desk, story, time_machine, tmp_path):
    fay, finn = at_desk(story.fay), at_desk(story.finn)

    def it_is(instant: str) -> None:
        """Both come to work, and log in."""
        time_machine.move_to(instant)
        for desk in (fay, finn):
            desk.log_in()

    # The window opens; nothing is left to people but to look.
    time_machine.move_to("2026-03-16T00:05Z")
    call_command("tick", verbosity=0)
    it_is("2026-03-16T09:00Z")
    batch = _drafted(fay)
    _one_line_is_held(fay, batch)
    _put_up(fay, batch)
    _the_preparer_cannot_approve(fay, batch)
    time_machine.move_to("2026-03-16T09:30Z")
    _approved(finn, batch)
    call_command("tick", verbosity=0)
    _released(finn, batch)

    first = _paid_by_a_file(fay, finn, tmp_path, payments_in_it=3)
    it_is("2026-03-18T10:00Z")
    returned = _one_comes_back(fay, first, tmp_path)
    _reissued(fay, finn, returned)
    reversed_one = Bonus.objects.get(account__host_account="gamma")
    time_machine.move_to("2026-03-18T10:20Z")
    _taken_back(fay, finn, reversed_one)

    it_is("2026-03-20T10:00Z")
    second = _the_question_is_answered(fay, batch)
    _put_up(fay, second)
    _approved(finn, second)
    call_command("tick", verbosity=0)
    _released(finn, second)
    last = _paid_by_a_file(fay, finn, tmp_path, payments_in_it=2)
    it_is("2026-03-23T10:00Z")
    _all_arrive(fay, last, tmp_path)

    it_is("2026-04-01T09:00Z")
    _closed(fay, finn, time_machine)

    assert (fay.faults, finn.faults) == ([], [])
    assert verification.breaches() == []


def _drafted(fay: Desk) -> int:
    fay.open("payouts_payoutbatch_changelist")
    fay.look("01-batches")
    batch = PayoutBatch.objects.get()
    fay.follow(f"^Batch {batch.pk}$")

    assert batch.status == "DRAFT"
    assert fay.figure(".staff-headline .staff-money") == sum(fay.paying_lines()) == 4 * EACH
    assert fay.figure(".staff-cards tfoot [data-label=Sum]") == 4 * EACH
    assert sum(fay.figures(".staff-cards tbody [data-label=USD]")) == 4 * EACH
    assert transferred("ACTIVATED", batch.pk) == 4 * EACH
    fay.look("02-draft")
    return batch.pk


def _one_line_is_held(fay: Desk, batch: int) -> None:
    fay.page.get_by_role("checkbox", name="Choose Beta GmbH").check()
    fay.page.get_by_label("Why the lines chosen below are not paid now").fill("Is the invoice paid?")
    fay.press("Hold chosen")
    fay.is_told("1 line is on hold until somebody lifts the hold.")

    assert fay.figure(".staff-headline .staff-money") == sum(fay.paying_lines()) == 3 * EACH
    fay.look("03-held")


def _put_up(fay: Desk, batch: int) -> None:
    fay.open("payouts_payoutbatch_change", batch)
    shown = fay.figure(".staff-headline .staff-money")
    assert minor(fay.page.get_by_role("button", name="Put up USD").inner_text()) == shown
    fay.press("Put up USD")
    fay.is_told("wait for another person to approve them.")

    assert fay.figure(".staff-headline .staff-money") == sum(fay.paying_lines()) == shown
    assert (put_up_lines(batch), transferred("ACTIVATED", batch), transferred("RELEASED", batch)) == (
        shown,
        shown,
        0,
    )
    fay.look(f"04-put-up-{batch}")


def _the_preparer_cannot_approve(fay: Desk, batch: int) -> None:
    """Neither by a page nor by a crafted form, and not as a superuser either."""
    approve = reverse("admin:payouts_payoutbatch_approve", args=[batch])
    assert fay.page.get_by_role("button", name="Approve").count() == 0
    with nothing_changes():
        assert fay.post(approve, seen="").status == 403

    User.objects.filter(pk=fay.user.pk).update(is_superuser=True)
    fay.page.reload()
    assert fay.page.get_by_role("button", name="Approve USD").is_disabled()
    fay.is_told("You prepared this batch: another person approves it.")
    fay.look("05-preparer-as-superuser")
    seen = fay.page.locator("input[name=seen]").first.get_attribute("value")
    with nothing_changes():
        answer = fay.post(approve, seen=seen)
    assert answer.status == 409
    assert "You prepared this batch: another person approves it." in answer.text()
    User.objects.filter(pk=fay.user.pk).update(is_superuser=False)


def _approved(finn: Desk, batch: int) -> None:
    finn.open("payouts_payoutbatch_change", batch)
    shown = finn.figure(".staff-headline .staff-money")
    assert shown == sum(finn.paying_lines()) == put_up_lines(batch)
    finn.look(f"06-to-approve-{batch}")
    finn.press("Approve USD")
    if "/reauthenticate/" in finn.page.url:
        finn.look("07-password")
        finn.give_password()
    finn.is_told("are approved; the next run pays them.")

    assert finn.figure(".staff-headline .staff-money") == sum(finn.paying_lines()) == shown
    assert transferred("RELEASED", batch) == 0
    finn.look(f"08-approved-{batch}")


def _released(finn: Desk, batch: int) -> None:
    finn.page.reload()
    shown = finn.figure(".staff-headline .staff-money")
    assert finn.page.locator(".staff-headline").inner_text().startswith("Paid:")
    assert [
        sum(finn.paying_lines()),
        transferred("RELEASED", batch),
        paid_out(batch),
        put_up_lines(batch),
    ] == ([shown] * 4)
    finn.look(f"09-released-{batch}")


def _paid_by_a_file(fay: Desk, finn: Desk, folder: Path, *, payments_in_it: int) -> PaymentFile:
    waiting = asked("SELECT SUM(amount_minor) FROM payouts_payout WHERE status = 'PREPARED'")
    fay.open("payouts_paymentfile_make")
    fay.page.get_by_label("Way to pay").select_option(label="PayPal of smartcat")
    fay.page.get_by_label("Pay on").fill("2026-03-23")
    fay.press("Look ahead")
    make = fay.page.get_by_role("button", name=f"Make the file: {payments_in_it} payments")
    assert minor(make.inner_text()) == waiting == payments_in_it * EACH
    fay.look(f"10-next-file-{payments_in_it}")
    fay.press("Make the file")

    file = PaymentFile.objects.latest("pk")
    shown = fay.figure(".staff-headline .staff-money")
    with fay.page.expect_download() as download:
        fay.page.get_by_role("button", name="Download").click()
    saved = folder / f"{file.identification}.csv"
    download.value.save_as(saved)
    assert saved.read_bytes() == files.remade(file).content
    rows = list(csv.reader(saved.read_text().splitlines()))
    written = sum(int(Decimal(row[1]) * 100) for row in rows)
    assert [written, *in_file(file.pk), waiting] == [shown] * 5
    fay.look(f"11-file-{payments_in_it}")

    finn.open("payouts_paymentfile_change", file.pk)
    finn.press("It was uploaded")
    if "/reauthenticate/" in finn.page.url:
        finn.give_password()
    finn.is_told(f"its {payments_in_it} payouts are sent")
    assert finn.figures(".staff-facts .staff-money") == [shown]
    finn.look(f"12-uploaded-{payments_in_it}")
    file.refresh_from_db()
    return file


def _read_in(fay: Desk, folder: Path, said: dict[int, str]) -> None:
    """What the bank says of these payouts."""
    report = folder / f"bank-{min(said)}.csv"
    lines = [
        f"P{payout},{result},{'AC04' if result == 'returned' else ''}" for payout, result in said.items()
    ]
    report.write_text("\n".join(["reference,result,detail", *lines, ""]))
    fay.open("payouts_paymentreport_read")
    fay.page.get_by_label("Program").select_option(label="smartcat")
    fay.page.locator("input[type=file]").set_input_files(report)
    fay.press("Look at it first")
    fay.look(f"13-report-{len(said)}")
    fay.press(f"Read it in: {len(said)} payments move")
    fay.is_told(f"{len(said)} done, 0 unchanged, 0 refused")


def _one_comes_back(fay: Desk, file: PaymentFile, folder: Path) -> int:
    """Carl's; the others arrive."""
    carl = Payout.objects.get(enrollment__referrer__host_account="carl")
    others = file.lines.exclude(payout=carl).values_list("payout", flat=True)
    _read_in(fay, folder, {**dict.fromkeys(others, "paid"), carl.pk: "returned"})
    fay.open("payouts_paymentfile_change", file.pk)

    assert sorted(fay.figures(".staff-facts .staff-money")) == [EACH, 2 * EACH]
    assert sum(fay.figures(".staff-facts .staff-money")) == fay.figure(".staff-headline .staff-money")
    assert (account_balance("BANK"), account_balance("CLEARING")) == (2 * EACH, EACH)
    fay.look("14-one-came-back")
    return carl.pk


def _reissued(fay: Desk, finn: Desk, payout: int) -> None:
    """By two names, too: money that was said to have come back is paid once more."""
    fay.open("payouts_payout_change", payout)
    fay.is_told("It came back. Put the destination right, then reissue it.")
    fay.look("15-returned")
    fay.give_reason("Reissue", "Another account.")
    fay.is_told("waits for another person to confirm it")
    assert not Payout.objects.filter(attempt=2).exists()

    finn.open("referrals_proposal_changelist")
    finn.follow("^Try again")
    finn.is_told(f"1 payment of USD {EACH / 100:.2f} in all")
    finn.press("Confirm")
    finn.is_told("is confirmed, and its step is taken")
    assert Payout.objects.get(attempt=2).amount_minor == Payout.objects.get(pk=payout).amount_minor == EACH
    assert account_balance("CLEARING") == EACH
    fay.open("payouts_payout_change", payout)
    fay.look("16-reissued")


def _taken_back(fay: Desk, finn: Desk, bonus: Bonus) -> None:
    """By two names: Fay proposes, and Finn confirms."""
    fay.open("payouts_bonus_change", bonus.pk)
    fay.look("17-paid-bonus")
    fay.give_reason("Take back USD 123.45", "Refunded within the trial.")
    fay.is_told("waits for another person to confirm it")
    bonus.refresh_from_db()
    assert bonus.status == "PAID"
    fay.look("18-proposed")

    finn.open("referrals_proposal_changelist")
    finn.follow("^Take back")
    finn.is_told("USD 123.45")
    finn.look("19-proposal")
    finn.press("Confirm")
    finn.give_password()
    finn.is_told("is confirmed, and its step is taken")
    bonus.refresh_from_db()
    change = bonus.changes.last()
    assert (bonus.status, change.changed_by, change.approved_by) == ("REVERSED", fay.user, finn.user)
    assert (transferred("REVERSED", bonus.batch_id), account_balance("CASH_OWED")) == (EACH, -EACH)
    finn.open("payouts_bonus_change", bonus.pk)
    finn.is_told("Reversed: Refunded within the trial.")
    finn.look("20-reversed")


def _the_question_is_answered(fay: Desk, batch: int) -> int:
    held = Bonus.objects.get(account__host_account="beta")
    assert held.batch_id != batch
    fay.open("payouts_bonus_change", held.pk)
    fay.look("21-on-hold")
    fay.give_reason("Lift the hold", "The invoice is paid.")
    fay.is_told("is on hold no more")
    return held.batch_id


def _all_arrive(fay: Desk, file: PaymentFile, folder: Path) -> None:
    _read_in(fay, folder, dict.fromkeys(file.lines.values_list("payout", flat=True), "paid"))
    fay.open("payouts_paymentfile_change", file.pk)
    assert fay.figures(".staff-facts .staff-money") == [2 * EACH]
    assert (account_balance("BANK"), account_balance("CLEARING")) == (4 * EACH, 0)


def _closed(fay: Desk, finn: Desk, time_machine) -> None:
    fay.open("payouts_monthclose_months")
    fay.is_told("Nothing is open")
    fay.look("22-months")
    fay.press("Ask to close March 2026")
    fay.is_told("waits for another person")
    fay.follow(r"^Proposal \d+$")
    assert fay.page.get_by_role("button", name="Confirm").is_disabled()
    fay.look("23-closing-proposed")

    time_machine.move_to("2026-04-01T09:30Z")
    finn.open("referrals_proposal_changelist", asked="?waits_for=me")
    finn.follow("^Close a month of")
    finn.look("24-to-confirm")
    finn.press("Confirm")
    finn.give_password()
    finn.is_told("is confirmed, and its step is taken")
    closed = MonthClose.objects.get(month=date(2026, 3, 1))
    assert (closed.closed_by, closed.confirmed_by) == (fay.user, finn.user)

    finn.open("payouts_monthclose_change", closed.pk)
    finn.is_told("As closed")
    for kind in ("Expense", "Payable", "Clearing", "Bank", "Cash owed"):
        debits, credits = (minor(figure) for figure in finn.balance(kind))
        assert credits - debits == account_balance(kind.upper().replace(" ", "_"))
    finn.look("25-closed")
    finn.open("payouts_ledgeraccount_trial_balance", asked="?as_of=2026-03-31")
    finn.look("26-trial-balance")
