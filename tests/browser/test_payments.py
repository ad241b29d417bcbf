"""How money gets to referrers, in a browser: two people of finance, a file, a bank that sends some back."""

import csv
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from payouts.models import PaymentFile, Payout, Transfer
from payouts.payments import files
from referrals.models import Proposal
from tests import payments
from tests.admin_pages import just_logged_in
from tests.story import Story

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Of pytest-base-url, which pytest-playwright brings along.
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
]

SIZES = {"light": (1280, "light"), "dark": (1280, "dark"), "320": (320, "light")}


def address(name: str, *args: object) -> str:
    return reverse(f"admin:{name}", args=args)


@pytest.fixture
def story() -> Story:
    """Two referrers with 100.00 each that wait for a payment file; Carl cannot be paid yet."""
    told = Story(changes=payments.CASH)
    call_command("make_groups", verbosity=0)
    for who, group in [(told.fay, "Finance preparers"), (told.finn, "Finance approvers")]:
        who.groups.set([Group.objects.get(name=group)])
    told.referrer("carl")
    for name, link in [("acme", "rosa"), ("beta", "ben"), ("delta", "carl")]:
        told.earn(name, link=link)
    told.method = payments.pays_by(told)
    for who in (told.rosa, told.ben):
        payments.is_paid_to(told, who)
    told.pass_to(payments.DUE)
    return told


@pytest.fixture
def page_of(browser, live_server):
    """Open a page as somebody, each in a browser of their own, without JavaScript."""
    contexts = []

    def open_as(user: User, path: str, **looks: object):
        context = browser.new_context(java_script_enabled=bool(looks), **looks)
        contexts.append(context)
        client = just_logged_in(user)
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
        context.add_cookies([cookie])
        page = context.new_page()
        page.goto(f"{live_server.url}{path}")
        return page

    yield open_as
    # An open connection keeps a thread of the server, and that one of the database.
    for context in contexts:
        context.close()


def test_money_goes_out_by_a_file_and_some_of_it_comes_back(page_of, story, tmp_path):
    fay = page_of(story.fay, address("payouts_paymentfile_changelist"))
    fay.get_by_role("link", name="Next payment file").click()
    fay.get_by_label("Way to pay").select_option(label="PayPal of smartcat")
    fay.get_by_label("Pay on").fill((timezone.now() + timedelta(days=1)).date().isoformat())
    fay.get_by_role("button", name="Look ahead").click()
    assert fay.get_by_text("Nobody has told where the referrer is paid.").is_visible()
    fay.get_by_role("button", name="Make the file: 2 payments, USD 200.00").click()

    file = PaymentFile.objects.get()
    assert f"{file.identification}: 2 payments, USD 200.00" in fay.locator(".staff-headline").inner_text()
    with fay.expect_download() as download:
        fay.get_by_role("button", name="Download").click()
    saved = tmp_path / "saved.csv"
    download.value.save_as(saved)
    rows = list(csv.reader(saved.read_text().splitlines()))
    assert saved.read_bytes() == files.remade(file).content
    assert sum(round(float(row[1]) * 100) for row in rows) == file.total_minor == 20_000

    finn = page_of(story.finn, address("payouts_paymentfile_change", file.pk))
    finn.get_by_role("button", name="It was uploaded").click()
    finn.get_by_text("its 2 payouts are sent").wait_for()

    first, second = Payout.objects.filter(status="SENT").order_by("pk")
    said = tmp_path / "bank.csv"
    said.write_text(f"reference,result,detail\nP{first.pk},paid,\nP{second.pk},returned,AC04\n")
    read_in(fay, said)
    assert (Payout.objects.get(pk=first.pk).status, Payout.objects.get(pk=second.pk).status) == (
        "CONFIRMED",
        "RETURNED",
    )
    assert Transfer.objects.filter(kind="CONFIRMED").count() == 1

    fay.goto(fay.url.partition("/admin/")[0] + address("payouts_payout_change", second.pk))
    assert fay.get_by_text("It came back. Put the destination right, then reissue it.").is_visible()
    fay.locator("summary", has_text="Reissue").click()
    fay.locator("details[open] input[name=reason]").fill("Another account.")
    fay.get_by_role("button", name="Reissue").click()
    fay.get_by_text("waits for another person to confirm it").wait_for()
    (proposal,) = Proposal.objects.values_list("pk", flat=True)
    finn.goto(finn.url.partition("/admin/")[0] + address("referrals_proposal_change", proposal))
    finn.get_by_role("button", name="Confirm").click()
    finn.get_by_text("is confirmed, and its step is taken").wait_for()
    assert list(Payout.objects.filter(attempt=2).values_list("status", "amount_minor")) == [
        ("PREPARED", second.amount_minor)
    ]


def read_in(page, report: Path) -> None:
    """Look at a report of a bank, and read it in."""
    page.goto(page.url.partition("/admin/")[0] + address("payouts_paymentreport_read"))
    page.get_by_label("Program").select_option(label="smartcat")
    page.locator("input[type=file]").set_input_files(report)
    page.get_by_role("button", name="Look at it first").click()
    page.get_by_role("button", name="Read it in: 2 payments move").click()
    page.get_by_text("2 done, 0 unchanged, 0 refused").wait_for()


@pytest.mark.parametrize("size", SIZES)
def test_no_page_of_payments_has_a_serious_fault(page_of, faults_of, story, size):
    width, scheme = SIZES[size]
    made = files.make(story.method, pay_on=payments.PAY_ON, by=story.fay, at=story.now)
    files.put_in_doubt(made[0], by=story.fay, at=story.now)
    payout = made[0].lines.first().payout
    ahead = f"{address('payouts_paymentfile_make')}?method={story.method.pk}&pay_on={timezone.now().date()}"
    pages = {
        "payouts": (story.fay, address("payouts_payout_changelist")),
        "payout": (story.fay, address("payouts_payout_change", payout.pk)),
        "payment-files": (story.fay, address("payouts_paymentfile_changelist")),
        "payment-file": (story.fay, address("payouts_paymentfile_change", made[0].pk)),
        "payment-file-next": (story.fay, ahead),
        "report-read": (story.fay, address("payouts_paymentreport_read")),
        "destinations": (story.finn, address("payouts_destination_changelist")),
        "destination": (
            story.finn,
            address("payouts_destination_change", story.enrollment().destinations.get().pk),
        ),
        "pay-to": (story.fay, address("referrals_enrollment_pay-to", story.enrollment().pk)),
        "enrollment": (story.fay, address("referrals_enrollment_change", story.enrollment().pk)),
        "ways-to-pay": (story.finn, address("payouts_payoutmethod_changelist")),
        "way-to-pay": (story.finn, address("payouts_payoutmethod_change", story.method.pk)),
        "way-to-pay-add": (story.finn, address("payouts_payoutmethod_add")),
    }
    faults = []
    for name, (user, path) in pages.items():
        page = page_of(user, path, viewport={"width": width, "height": 800}, color_scheme=scheme)
        faults += faults_of(page, f"{name}-{size}")

    assert faults == []
