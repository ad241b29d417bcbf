"""Gross, fee and net where people look: a payout, a file, a way to pay, the referrer's own pages."""

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from payouts.models import Fee, PaymentLine, Payout, PayoutMethod
from payouts.payments import files
from tests.admin_pages import just_logged_in, list_page, main_part, page
from tests.fees import BOTH, DUE, cash, document, earn
from tests.payments import is_paid_to, pays_by
from tests.refer_page import read
from tests.story import Story

pytestmark = pytest.mark.django_db

NEXT = "admin:payouts_paymentfile_make"


@pytest.fixture(autouse=True)
def _groups(db):
    call_command("make_groups", verbosity=0)


def client_of(user: User, group: str = "Finance preparers") -> Client:
    user.groups.set(Group.objects.filter(name=group))
    return just_logged_in(user)


def words(answer: HttpResponse) -> str:
    assert answer.status_code == 200
    return " ".join(main_part(answer).split())


def looks(story: Story, address: str, **asked: object) -> str:
    with time_machine.travel(story.now, tick=False):
        return words(client_of(story.fay).get(address, asked))


def next_file(story):
    (file,) = files.make(story.method, pay_on=story.now.date(), by=story.fay, at=story.now)
    return file


def test_before_and_after_a_file_is_made_its_fees_are_told():
    story = cash(free=4_000, **BOTH)
    payout = Payout.objects.get()
    ahead = looks(story, reverse(NEXT), method=story.method.pk, pay_on=story.now.date())
    assert "USD 140.00 less USD 4.00 of fees that referrers bear: USD 136.00." in ahead
    assert "Make the file: 1 payment, USD 136.00" in ahead
    assert "It will be USD 4.00: USD 136.00 is sent" in looks(story, page(payout))

    file = next_file(story)

    assert "USD 140.00 less USD 4.00 of fees that referrers bear: USD 136.00" in looks(story, page(file))
    of_payout = looks(story, page(payout))
    assert "USD 4.00 of USD 140.00: USD 136.00 is sent" in of_payout
    assert "fees that the referrer bears" in of_payout.lower()
    lines = looks(story, list_page(PaymentLine))
    assert ("USD 4.00" in lines, "USD 136.00" in lines) == (True, True)
    fees = looks(story, list_page(Fee))
    assert ("USD 100.00" in fees, "USD 4.00" in fees) == (True, True)


def test_what_its_fee_would_eat_whole_is_named_with_what_helps():
    story = cash(fee_fixed_minor=10_000)

    ahead = looks(story, reverse(NEXT), method=story.method.pk, pay_on=story.now.date())

    assert "1: Its fee would eat it whole: it waits. Pay its referrer by a way that costs less." in ahead
    assert "It would be USD 100.00, and eat the payout whole: it is not sent" in looks(
        story, page(Payout.objects.get())
    )


def test_where_no_fee_is_stated_none_is_spoken_of():
    story = cash()
    file = next_file(story)

    assert "fees that" not in looks(story, page(file)).lower()


def test_a_way_to_pay_states_its_fee_when_it_is_added_and_shows_it():
    story = Story(changes=document())
    with time_machine.travel(story.now, tick=False):
        client = client_of(story.finn, "Finance approvers")
        told = {"program": story.program.pk, "code": "PAYPAL", "cooling_days": 3, "minimum_minor": 0}
        wrong = client.post(
            reverse("admin:payouts_payoutmethod_add"), {**told, **BOTH, "fee_basis_points": 20_000}
        )
        assert "it is between nothing and 10000, which is all of it." in words(wrong)
        client.post(reverse("admin:payouts_payoutmethod_add"), {**told, **BOTH})

    method = PayoutMethod.objects.get()
    assert (method.fee_fixed_minor, method.fee_basis_points) == (150, 250)
    assert "USD 1.50 and 2.50 %" in looks(story, page(method))


def test_who_withdraws_is_told_of_the_fee_and_of_what_is_free_of_it():
    story = Story(changes=document(free=4_000, kind="ACCOUNT_BALANCE"))
    earn(story, "acme")
    story.pass_to(DUE)
    address = f"/refer/{story.program.slug}/withdraw/"
    assert "a fee is kept" not in read(story, address)
    pays_by(story, **BOTH)
    is_paid_to(story)

    said = read(story, address)

    assert "From what we send to you a fee is kept: $1.50 and 2.50 %." in said
    assert "The first $40.00 that you withdraw are free of it." in said


def test_who_has_nothing_but_what_is_free_of_fees_reads_of_none():
    story = Story(changes=document(charged=0, free=10_000, kind="ACCOUNT_BALANCE"))
    earn(story, "acme")
    story.pass_to(DUE)
    pays_by(story, **BOTH)
    is_paid_to(story)

    assert "a fee is kept" not in read(story, f"/refer/{story.program.slug}/withdraw/")
