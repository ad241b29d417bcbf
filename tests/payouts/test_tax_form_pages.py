"""A payout that waits for a tax form says so wherever somebody looks, and who acts next."""

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.urls import reverse

from payouts import explain, explain_many
from payouts.explain import Audience, Who
from payouts.models import Payout, TaxFormChange
from payouts.payments import files
from referrals.models import ReferredAccount
from tests.admin_pages import just_logged_in, list_page, page
from tests.payments import is_paid_to
from tests.payouts.payments.test_tax_forms import QUOTE, asking, earned, receive
from tests.payouts.test_payment_pages import NEXT, at, words
from tests.refer_page import read

pytestmark = pytest.mark.django_db


@pytest.fixture
def story():
    """100.00 left in a file; 100.00 of the next month goes beyond 150.00, and waits."""
    call_command("make_groups", verbosity=0)
    story = earned(asking("150.00"), 1, 1)
    files.make(story.method, pay_on=story.now.date() + timedelta(days=1), by=story.fay, at=story.now)
    return story


@pytest.fixture
def fay(story):
    story.fay.groups.set([Group.objects.get(name="Finance preparers")])
    return just_logged_in(story.fay)


def waiting():
    return Payout.objects.get(status="PREPARED")


def told(story, audience=Audience.STAFF):
    return explain.bonus(waiting().bonuses.get(), as_of=story.now, audience=audience)


def test_both_voices_say_what_is_missing_and_who_acts_next(story):
    staff, rosas = told(story), told(story, Audience.REFERRER)

    assert (staff.first_unmet, staff.headline.who) == (None, Who.REFERRER)
    assert staff.headline.sentence == (
        "It is released, and waits for a tax form: without one it goes beyond the limit of the year."
    )
    assert staff.headline.acts.endswith("then finance writes down that it came.")
    assert rosas.headline.sentence == "It is yours. We send it once we have your tax form."
    assert rosas.headline.acts == "You act next: support tells you which form, and where to send it."
    (line,) = (line for line in staff.lines if line.code == "tax_form")
    assert (line.detail, line.quote) == (
        "Asked for above USD 150.00 in a calendar year. Here it stands: none.",
        QUOTE,
    )
    (line,) = (line for line in rosas.lines if line.code == "tax_form")
    assert line.detail == "We need it before we pay more than $150.00 in a calendar year."
    assert (staff.earliest_on, staff.latest_on) == (None, None)


def test_the_account_and_the_list_of_accounts_say_the_same(story):
    name = waiting().bonuses.get().account.host_account
    alone = explain.account(story.program, host_account=name, as_of=story.now)
    rows = explain_many.with_what_is_missing(
        ReferredAccount.objects.select_related("enrollment", "rejection_reason").order_by("pk")
    )
    answers = explain_many.accounts(list(rows), as_of=story.now)

    assert {row.host_account: answers[row.pk].headline.who for row in rows} == {
        "company0-0": Who.NOBODY,
        name: Who.REFERRER,
    }
    assert answers[waiting().bonuses.get().account_id].headline == alone.headline
    receive(story)
    assert explain.account(story.program, host_account=name, as_of=story.now).headline.who is Who.NOBODY


def test_the_next_file_the_payout_the_list_and_the_look_ahead_say_it(story, fay):
    with at(story):
        day = story.now.date() + timedelta(days=1)
        ahead = words(fay.get(reverse(NEXT), {"method": story.method.pk, "pay_on": day}))
        payout = words(fay.get(page(waiting())))
        forms = words(fay.get(list_page(TaxFormChange)))
        coming = words(fay.get(reverse("admin:payouts_bonus_ahead")))

    assert "1: It would go beyond what the program pays in a year without a tax form." in ahead
    assert "before it pays more than USD 150.00 in a calendar year. Here it stands: none." in payout
    assert f"Payout {waiting().pk}" in forms
    assert "Ask the referrer for the form, and write down on this page that you did:" in forms
    assert "Released, and waits for tax forms" in coming

    receive(story)
    with at(story):
        assert "1 payment" in words(fay.get(reverse(NEXT), {"method": story.method.pk, "pay_on": day}))
        assert "It waits for a payment file." in words(fay.get(page(waiting())))
        assert f"Payout {waiting().pk}" not in words(fay.get(list_page(TaxFormChange)))
        assert "waits for tax forms" not in words(fay.get(reverse("admin:payouts_bonus_ahead")))


def test_finance_writes_down_that_it_was_asked_for_came_and_cannot_be_used(story, fay):
    def press(step, **typed):
        with at(story):
            return fay.post(page(story.enrollment(), step), typed)

    assert press("tax-form-refused", note="Not signed.").status_code == 409
    assert press("tax-form-asked", note="By mail.").status_code == 302
    gone_by = press("tax-form-received", valid_until="2026-01-01")
    assert gone_by.status_code == 409
    assert "this day has gone by" in words(gone_by)
    assert press("tax-form-received", valid_until="2027-12-31", note="W-9").status_code == 302
    assert press("tax-form-refused").status_code == 200
    story.now += timedelta(minutes=1)
    assert press("tax-form-refused", note="Not signed.").status_code == 302

    rows = TaxFormChange.objects.values_list("status", "valid_until", "changed_by__username", "note")
    assert list(rows) == [
        ("REQUESTED", None, "fay", "By mail."),
        ("RECEIVED", date(2027, 12, 31), "fay", "W-9"),
        ("REFUSED", None, "fay", "Not signed."),
    ]


def test_where_no_form_is_asked_for_nothing_of_it_is_offered(story, fay):
    enrollment = story.enrollment()
    with at(story):
        assert "Tax form received" in words(fay.get(page(enrollment)))
    other = asking("150.00", host="other", tax_form=None)
    with at(story):
        assert "Tax form received" not in words(fay.get(page(other.enrollment(other.rosa))))


def test_the_referrer_reads_what_waits_and_what_to_do(story):
    assert "$100.00 ❚❚ Waits for your tax form" in read(story)
    needed = "We need a tax form from you. $100.00 waits for it and stays yours."
    assert needed in read(story)
    assert needed not in read(story, referrer=story.ben)

    TaxFormChange.objects.create(
        enrollment=story.enrollment(), status="REQUESTED", changed_at=story.now, changed_by=story.fay
    )
    assert "We have asked you for it: please send it to support." in read(story)
    assert needed in read(story, "/refer/smartcat/withdraw/")
    receive(story)
    assert "tax form" not in read(story)


def test_who_earns_beyond_the_limit_is_asked_before_something_waits(fay, story):
    receive(story)
    is_paid_to(story, story.ben)
    for name in ("one", "two", "three"):
        story.earn(name, link="ben")

    with at(story):
        forms = words(fay.get(list_page(TaxFormChange)))
    assert "Ask these before something waits" in forms
    assert "USD 300.00 is coming, 150.00 is left" in forms

    receive(story, referrer=story.ben)
    with at(story):
        assert "Ask these" not in words(fay.get(list_page(TaxFormChange)))
