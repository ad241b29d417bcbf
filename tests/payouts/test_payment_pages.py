"""The pages of payments: a look ahead, a file, what two people do with it, a report, a destination."""

import base64
import re

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from payouts import proposals
from payouts.models import (
    Destination,
    PaymentFile,
    PaymentFileChange,
    PaymentReport,
    Payout,
    PayoutMethod,
)
from payouts.payments import files, reissues, reports, returns
from payouts.rules.lifecycle import Result
from payouts.rules.payees import Rail
from referrals.models import Proposal
from referrals.proposals import propose
from tests.admin_pages import just_logged_in, list_page, main_part, page
from tests.factories import UserFactory
from tests.payments import (
    PAY_ON,
    arrived_over_network,
    is_paid_to,
    make,
    sent,
    statuses,
    told,
    with_cash,
    withdrawn,
)
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db

PREPARERS, APPROVERS = "Finance preparers", "Finance approvers"
NEXT = "admin:payouts_paymentfile_make"
READ = "admin:payouts_paymentreport_read"


@pytest.fixture(autouse=True)
def _groups(db):
    call_command("make_groups", verbosity=0)


def client_of(user: User, *groups: str) -> Client:
    user.groups.set(Group.objects.filter(name__in=groups))
    return just_logged_in(user)


def at(story: Story):
    return time_machine.travel(story.now, tick=False)


def of(kind: str, step: str, row: object) -> str:
    return reverse(f"admin:payouts_{kind}_{step}", args=[row.pk])


def words(answer: HttpResponse) -> str:
    return " ".join(main_part(answer).split())


def seen_ahead(client: Client, story: Story) -> dict[str, str]:
    answer = client.get(reverse(NEXT), {"method": story.method.pk, "pay_on": PAY_ON})
    return {"method": story.method.pk, "pay_on": PAY_ON, "seen": answer.context["seen"]}


# --- the next file ------------------------------------------------------------------------------------


def test_looking_ahead_shows_the_sum_and_who_drops_out_and_writes_nothing():
    story = with_cash()
    is_paid_to(story, recipient="other@mail.example")
    client = client_of(story.fay, PREPARERS)

    with at(story), nothing_changes():
        answer = client.get(reverse(NEXT), {"method": story.method.pk, "pay_on": PAY_ON})

    shown = words(answer)
    assert "Make the file: 1 payment, USD 100.00" in shown
    assert "1: The destination was changed lately and has to cool." in shown


def test_a_file_is_made_of_what_was_looked_at():
    story = with_cash()
    client = client_of(story.fay, PREPARERS)

    with at(story):
        answer = client.post(reverse(NEXT), seen_ahead(client, story))

    file = PaymentFile.objects.get()
    assert answer.url == page(file)
    assert (file.count, file.total_minor, file.made_by) == (2, 20_000, story.fay)


def test_what_is_no_longer_what_was_looked_at_is_not_made():
    story = with_cash()
    client = client_of(story.fay, PREPARERS)

    with at(story):
        asked = seen_ahead(client, story)
        make(story)
        with nothing_changes():
            answer = client.post(reverse(NEXT), asked)

    assert answer.status_code == 409
    assert "It is no longer what you looked at. Nothing was made: look again." in words(answer)


def test_a_day_that_has_gone_by_is_told():
    story = with_cash()
    client = client_of(story.fay, PREPARERS)

    with at(story):
        answer = client.get(reverse(NEXT), {"method": story.method.pk, "pay_on": "2026-01-01"})

    assert "this day has gone by" in words(answer)


def test_without_a_way_to_pay_the_page_says_who_opens_one():
    answer = client_of(UserFactory(), PREPARERS).get(reverse(NEXT))

    assert "No program pays by a file yet: an approver of finance opens a" in words(answer)


# --- a file -------------------------------------------------------------------------------------------


def test_the_page_of_a_file_shows_its_control_totals_and_what_comes_next():
    story = with_cash()
    (file,) = make(story)

    shown = words(client_of(story.fay, PREPARERS).get(page(file)))

    assert f"{file.identification}: 2 payments, <span" in shown
    assert file.sha256 in shown
    assert "Download it, upload it where it is to be paid, then let an approver say so here." in shown
    assert "@mail.example" not in shown


def test_a_download_is_the_file_and_is_kept():
    story = with_cash()
    (file,) = make(story)
    client = client_of(story.fay, PREPARERS)

    with nothing_changes():
        followed = client.get(of("paymentfile", "download", file))
    answer = client.post(of("paymentfile", "download", file))

    assert followed.url == page(file)
    assert answer.content == files.remade(file).content
    assert answer["Content-Disposition"] == f'attachment; filename="{file.identification}.csv"'
    assert "no-store" in answer["Cache-Control"]
    kept = PaymentFileChange.objects.latest("pk")
    assert (kept.is_download, kept.changed_by) == (True, story.fay)
    assert "Downloaded" in words(client.get(page(file)))


def test_a_file_that_comes_out_otherwise_is_not_handed_out():
    story = with_cash()
    (file,) = make(story)
    files.void(file, by=story.finn, at=story.now)
    client = client_of(story.fay, PREPARERS)

    with nothing_changes():
        answer = client.post(of("paymentfile", "download", file), follow=True)

    assert "is void: its payments are in another file, or wait for one." in words(answer)


def test_an_approver_says_that_it_was_uploaded_and_a_preparer_does_not():
    story = with_cash()
    (file,) = make(story)

    refused = client_of(story.fay, PREPARERS).post(of("paymentfile", "uploaded", file))
    assert (refused.status_code, set(statuses())) == (403, {"SENDING"})
    client_of(story.finn, APPROVERS).post(of("paymentfile", "uploaded", file))

    assert set(statuses()) == {"SENT"}


def test_a_file_that_nobody_has_is_voided_at_once_and_another_waits_for_a_second_person():
    story = with_cash()
    (first,) = make(story)
    client = client_of(story.finn, APPROVERS)

    client.post(of("paymentfile", "void", first), {"reason": "the wrong day"})
    (second,) = make(story)
    client.post(of("paymentfile", "download", second))
    client.post(of("paymentfile", "void", second), {"reason": "the wrong day"})
    again = client.post(of("paymentfile", "void", second), {"reason": "the wrong day"})

    assert [file.status for file in PaymentFile.objects.order_by("pk")] == ["VOIDED", "MADE"]
    proposal = Proposal.objects.get()
    assert (proposal.action, proposal.arguments) == ("void_file", {"reason": "the wrong day"})
    assert again.status_code == 409
    proposals.confirm(proposal, by=story.sam, at=story.now)
    assert set(statuses()) == {"PREPARED"}


def test_a_doubt_is_settled_by_two_people_and_what_failed_is_reissued_as_a_whole():
    story = with_cash()
    (file,) = make(story)
    preparer, approver = client_of(story.fay, PREPARERS), client_of(story.finn, APPROVERS)

    preparer.post(of("paymentfile", "doubt", file))
    shown = words(preparer.get(list_page(Payout)))
    preparer.post(of("paymentfile", "not-taken", file), {"reason": "we asked the bank"})
    about = words(approver.get(page(Proposal.objects.get())))
    approver.post(reverse("admin:referrals_proposal_confirm", args=[Proposal.objects.get().pk]))
    preparer.post(of("paymentfile", "reissue", file), {"reason": "they have the money ready"})
    again = Proposal.objects.get(action="reissue_file")
    about_again = words(approver.get(page(again)))
    assert statuses() == ["FAILED", "FAILED"]
    approver.post(reverse("admin:referrals_proposal_confirm", args=[again.pk]))

    assert "Nobody knows whether these were sent" in shown
    assert f"Say that nobody took {file.identification}" in about
    assert f"Try again what failed or came back of {file.identification}" in about_again
    assert "2 payments of USD 200.00 in all" in about_again
    assert statuses() == ["REISSUED", "REISSUED", "PREPARED", "PREPARED"]


# --- a payout -----------------------------------------------------------------------------------------


def test_a_payout_comes_back_and_is_reissued():
    story = with_cash("acme")
    sent(story)
    payout = Payout.objects.get()
    client = client_of(story.fay, PREPARERS)

    assert "It was sent." in words(client.get(page(payout)))
    client.post(of("payout", "returned", payout), {"detail": "AC04, closed account"})
    came_back = words(client.get(page(payout)))
    told = client.post(of("payout", "reissue", payout), {"reason": "a new account"}, follow=True)
    assert (statuses(), "waits for another person to confirm it" in words(told)) == (["RETURNED"], True)
    own = client.post(reverse("admin:referrals_proposal_confirm", args=[Proposal.objects.get().pk]))
    assert (own.status_code, statuses()) == (409, ["RETURNED"])
    approver = client_of(story.finn, APPROVERS)
    approver.post(reverse("admin:referrals_proposal_confirm", args=[Proposal.objects.get().pk]))

    assert "It came back. Put the destination right, then reissue it." in came_back
    assert "AC04, closed account" in came_back
    assert statuses() == ["REISSUED", "PREPARED"]


def test_an_unknown_payout_waits_for_a_second_person_one_proposal_at_a_time():
    story = with_cash("acme")
    (file,) = make(story)
    files.put_in_doubt(file, by=story.fay, at=story.now)
    payout = Payout.objects.get()
    client = client_of(story.fay, PREPARERS)

    client.post(of("payout", "was-sent", payout), {"reason": "on the statement"})
    other = client.post(of("payout", "was-not-sent", payout), {"reason": "not on the statement"})

    assert (other.status_code, statuses()) == (409, ["UNKNOWN"])
    assert Proposal.objects.get().action == "payout_was_sent"


# --- whom they name ---------------------------------------------------------------------------------------


def test_pages_name_people_and_not_their_log_ins():
    story = with_cash("acme")
    for person, last_name in [(story.fay, "Preparer"), (story.finn, "Approver")]:
        person.first_name, person.last_name = person.username.title(), last_name
        person.save()
    file = sent(story)
    payout = Payout.objects.get()
    report = reports.tell(payout, result=Result.CONFIRMED, detail="", by=story.fay, at=story.now)
    client = client_of(UserFactory(), PREPARERS, APPROVERS)

    named = {
        row: re.findall(r"\b(fay|finn|Fay Preparer|Finn Approver)\b", words(client.get(page(row))))
        for row in [file, report, Destination.objects.earliest("pk"), story.method]
    }

    assert set(named[file]) == {"Fay Preparer", "Finn Approver"}
    assert set(named[report]) == {"Fay Preparer"}
    assert set(named[Destination.objects.earliest("pk")]) == {"Fay Preparer", "Finn Approver"}
    assert set(named[story.method]) == {"Finn Approver"}


# --- what they cost -------------------------------------------------------------------------------------


@pytest.mark.parametrize("payments", [1, 60])
def test_the_page_of_a_file_costs_at_most_twelve_questions(payments, django_assert_max_num_queries):
    story = withdrawn(*[100] * payments)
    file = sent(story)
    assert file.count == payments
    reports.tell(
        file.lines.earliest("pk").payout, result=Result.RETURNED, detail="", by=story.fay, at=story.now
    )
    client = client_of(story.fay, PREPARERS)
    client.get(page(file))

    with django_assert_max_num_queries(12):
        shown = words(client.get(page(file)))

    assert "Reissue what failed" in shown


@pytest.mark.usefixtures("paypal")
@pytest.mark.parametrize("rail", [Rail.PAYPAL, Rail.PAYPAL_API])
@pytest.mark.parametrize("comes_back", [True, False])
def test_the_page_of_a_payout_costs_at_most_twelve_questions(rail, comes_back, django_assert_max_num_queries):
    story = with_cash("acme", rail=rail)
    two = {"by": story.fay, "approved_by": story.finn}
    if rail == Rail.PAYPAL:
        sent(story)
        result = Result.RETURNED if comes_back else Result.CONFIRMED
        reports.tell(Payout.objects.get(), result=result, detail="", by=story.fay, at=story.now)
    else:
        order = arrived_over_network(story)
        if comes_back:
            returns.settle(order.payout, **two, at=story.now, reason="In their account.")
    if comes_back:
        reissues.reissue(Payout.objects.all(), **two, at=story.now)
    client = client_of(story.fay, PREPARERS, APPROVERS)
    first = Payout.objects.earliest("pk")
    client.get(page(first))

    with django_assert_max_num_queries(12):
        shown = words(client.get(page(first)))

    assert ("Another attempt follows it." in shown) == comes_back


# --- a report -----------------------------------------------------------------------------------------


def report_of(*lines: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("bank.csv", "\n".join(["reference,result,detail", *lines]).encode())


AGAIN = "/accounts/reauthenticate/"


def logged_in_long_ago(user: User, *groups: str) -> Client:
    user.groups.set(Group.objects.filter(name__in=groups))
    user.set_password("a-password-of-the-tests")
    user.save()
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("step", ["uploaded", "void"])
def test_who_pays_or_stops_a_file_has_shown_who_they_are_just_now(step):
    story = with_cash()
    (file,) = make(story)
    client = logged_in_long_ago(story.finn, APPROVERS)

    with nothing_changes():
        answer = client.post(of("paymentfile", step, file), {"reason": "The wrong day."})

    assert answer["Location"].startswith(AGAIN)


def test_who_confirms_where_somebody_is_paid_has_shown_who_they_are_just_now():
    story = with_cash()
    destination = told(story, recipient="other@mail.example")
    client = logged_in_long_ago(story.finn, APPROVERS)

    with nothing_changes():
        answer = client.post(of("destination", "confirm", destination))

    assert answer["Location"].startswith(AGAIN)


def test_who_closes_a_way_to_pay_has_shown_who_they_are_just_now():
    story = with_cash()
    client = logged_in_long_ago(story.finn, APPROVERS)

    with nothing_changes():
        answer = client.post(of("payoutmethod", "close", story.method))

    assert answer["Location"].startswith(AGAIN)


def test_who_confirms_a_proposal_has_shown_who_they_are_just_now():
    story = with_cash()
    (file,) = make(story)
    files.download(file, by=story.fay, at=story.now)
    reason = {"reason": "The wrong day."}
    asked = propose("void_file", target=str(file.pk), arguments=reason, by=story.fay, at=story.now)
    client = logged_in_long_ago(story.finn, APPROVERS)

    with nothing_changes():
        answer = client.post(reverse("admin:referrals_proposal_confirm", args=[asked.pk]))

    assert answer["Location"].startswith(AGAIN)


def test_who_made_a_file_is_told_that_another_says_it_was_uploaded():
    story = with_cash()
    (file,) = make(story, by=story.finn)
    client = client_of(story.finn, APPROVERS)

    with nothing_changes():
        answer = client.post(of("paymentfile", "uploaded", file))

    assert answer.status_code == 409
    assert "You made it: another person says that it was uploaded." in words(answer)


def test_of_a_payout_in_doubt_nobody_says_alone_what_the_bank_says():
    story = with_cash()
    (file,) = make(story)
    files.put_in_doubt(file, by=story.fay, at=story.now)
    first = Payout.objects.order_by("pk")[0]
    client = client_of(story.fay, PREPARERS)

    shown = words(client.get(page(first)))
    with nothing_changes():
        answer = client.post(of("payout", "failed", first), {"detail": "by phone"})

    assert "The bank says" not in shown
    assert "A file is taken as a whole: say it on the page of the file." in shown
    assert answer.status_code == 409


def test_a_report_is_looked_at_first_and_read_in_as_it_was_looked_at():
    story = with_cash("acme")
    sent(story)
    client = client_of(story.fay, PREPARERS)
    payout = Payout.objects.get()

    with nothing_changes():
        looked = client.post(
            reverse(READ),
            {"program": story.program.pk, "report": report_of(f"P{payout.pk},PAID,", "P0,PAID,=1+1")},
        )
    assert "Read it in: 1 payment moves" in words(looked)
    assert "No file of this program has a payment with this reference." in words(looked)
    asked = {name: looked.context[name] for name in ("name", "looked_at")}
    assert base64.b64decode(asked["looked_at"]).startswith(b"reference")
    answer = client.post(reverse(READ), {"program": story.program.pk, "read_in": "1", **asked}, follow=True)

    report = PaymentReport.objects.get()
    assert (report.name, report.read_by, report.done, report.refused) == ("bank.csv", story.fay, 1, 1)
    assert "1 done, 0 unchanged, 1 refused" in words(answer)
    assert statuses() == ["CONFIRMED"]


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"a,b\n1,2\n", "names no column"), (b"\xff\xfe", "no text in UTF-8"), (None, "choose the file")],
)
def test_what_is_no_report_is_told(content, told):
    story = Story()
    client = client_of(story.fay, PREPARERS)
    report = {} if content is None else {"report": SimpleUploadedFile("bank.csv", content)}

    with nothing_changes():
        answer = client.post(reverse(READ), {"program": story.program.pk, **report})

    assert answer.status_code == 409
    assert told in words(answer)


# --- destinations and ways to pay ---------------------------------------------------------------------


def test_a_destination_is_told_on_the_page_of_the_enrollment_and_confirmed_by_another():
    story = with_cash()
    carl = story.enrollment(story.referrer("carl"))
    preparer, approver = client_of(story.fay, PREPARERS), client_of(story.finn, APPROVERS)
    tell = reverse("admin:referrals_enrollment_pay-to", args=[carl.pk])

    typed = {
        "method": "PAYPAL",
        "holder_name": "Carl",
        "recipient": "carl@mail.example",
        "reason": "By phone.",
    }
    preparer.post(tell, typed)
    destination = Destination.objects.get(enrollment=carl)
    preparer.post(of("destination", "confirm", destination))
    assert Destination.objects.get(pk=destination.pk).confirmed_at is None
    approver.post(of("destination", "confirm", destination))

    shown = words(approver.get(page(destination))) + words(approver.get(list_page(Destination)))
    assert Destination.objects.get(pk=destination.pk).confirmed_by == story.finn
    assert "In use" in shown
    assert destination.recipient not in shown


def test_what_cannot_be_right_is_told_beside_what_was_typed():
    story = with_cash()
    tell = reverse("admin:referrals_enrollment_pay-to", args=[story.enrollment().pk])
    typed = {"method": "PAYPAL", "holder_name": "R", "recipient": "rosa@nowhere", "reason": "By phone."}

    with nothing_changes():
        answer = client_of(story.fay, PREPARERS).post(tell, typed)

    assert answer.status_code == 409
    assert "E-mail address at the payment service: this is no e-mail address." in words(answer)
    assert "rosa@nowhere" in words(answer)


def test_callers_learn_nothing_of_destinations():
    story = with_cash()
    client = client_of(story.cara, "Callers")

    shown = words(client.get(reverse("admin:referrals_enrollment_change", args=[story.enrollment().pk])))

    assert "PayPal" not in shown
    assert client.get(list_page(Destination)).status_code == 403


@pytest.mark.parametrize("group", [PREPARERS, APPROVERS, "Auditors", "Support"])
def test_nobody_finds_out_an_account_by_asking_the_list(group):
    story = with_cash()
    client = client_of(UserFactory(), group)
    destination = Destination.objects.get(enrollment=story.enrollment())

    for asked in ({"recipient__startswith": "r"}, {"recipient": destination.recipient}):
        assert client.get(list_page(Destination), asked).status_code in {302, 400}
    assert destination.recipient not in words(client.get(page(destination)))


def test_an_approver_opens_and_closes_a_way_to_pay():
    story = Story()
    client = client_of(story.finn, APPROVERS)
    typed = {"program": story.program.pk, "code": "NACHA", "cooling_days": 3, "minimum_minor": 0}
    add = reverse("admin:payouts_payoutmethod_add")

    wrong = client.post(add, typed)
    assert "payer" in words(wrong)
    told = {
        "payer_name": "Smartcat",
        "payer_identification": "1234567890",
        "payer_routing_number": "111000025",
        "payer_bank_name": "First Bank",
    }
    client.post(add, {**typed, **told})
    method = PayoutMethod.objects.get()
    twice = client.post(add, {**typed, **told})
    client.post(of("payoutmethod", "close", method))

    assert (method.opened_by, method.cooling_days) == (story.finn, 3)
    assert "pays by NACHA already: close that one first." in words(twice)
    assert PayoutMethod.objects.get().closed_by == story.finn


@pytest.mark.parametrize("payouts", [1, 3])
def test_the_list_of_destinations_costs_the_same_however_many(
    payouts, admin_client, django_assert_num_queries
):
    story = with_cash()
    for number in range(payouts):
        told(story, story.referrer(f"other{number}"))

    with django_assert_num_queries(5):
        admin_client.get(list_page(Destination))


# --- names, and lists that are cut --------------------------------------------------------------------


def test_lists_name_people_as_everywhere():
    story = with_cash()
    User.objects.filter(pk=story.fay.pk).update(first_name="Fay", last_name="Payer")
    sent(story)
    client = client_of(story.finn, APPROVERS)

    listed = {kind: words(client.get(list_page(kind))) for kind in (PaymentFile, Destination)}

    assert ["Fay Payer" in shown for shown in listed.values()] == [True, True]


def test_a_list_of_unknown_payouts_that_is_cut_leads_to_all(monkeypatch):
    story = with_cash()
    (file,) = make(story)
    files.put_in_doubt(file, by=story.fay, at=story.now)
    client = client_of(story.fay, PREPARERS)
    whole = words(client.get(list_page(Payout)))
    monkeypatch.setattr("payouts.admin.payments.payout.MOST_UNKNOWN", 1)

    cut = words(client.get(list_page(Payout)))

    more = (
        'These are the first of them. <a href="/admin/payouts/payout/?status__exact=UNKNOWN">All of them</a>'
    )
    assert (more in whole, more in cut) == (False, True)
