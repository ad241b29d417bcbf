"""The admin of how much and when: all of it can be looked at, none of it changed."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from payouts import holds
from payouts.models import Bonus, LedgerAccount, Payout, PayoutMethod, Transfer
from tests.admin_pages import add_page, list_page, one_of_each, page, statuses
from tests.factories import (
    UserFactory,
    booked_bonus,
    cancelled_bonus,
    ledger_account,
    paid_bonus,
    reversed_bonus,
)

pytestmark = pytest.mark.django_db

BEFORE = datetime(2026, 2, 1, tzinfo=UTC)
DUE = datetime(2026, 2, 20, tzinfo=UTC)
A_DAY_AFTER = datetime(2026, 3, 1, tzinfo=UTC)
AFTER = datetime(2026, 3, 3, tzinfo=UTC)


def test_every_list_and_page_can_be_looked_at(admin_client):
    rows = one_of_each("payouts")
    pages = [*(list_page(type(row)) for row in rows), *(page(row) for row in rows)]

    assert statuses(admin_client, pages) == dict.fromkeys(pages, 200)


def test_not_even_a_superuser_adds_changes_or_deletes_money(admin_client):
    rows = one_of_each("payouts")
    pages = [address for row in rows for address in (add_page(type(row)), page(row), page(row, "delete"))]
    # A way to pay is opened, and never changed or deleted.
    pages.remove(add_page(PayoutMethod))

    assert statuses(admin_client, pages, method="post") == dict.fromkeys(pages, 403)


def test_no_list_of_money_deletes_its_rows(admin_client):
    rows = one_of_each("payouts")

    for row in rows:
        chosen = {"action": "delete_selected", "_selected_action": row.pk, "index": 0, "post": "yes"}
        admin_client.post(list_page(type(row)), chosen)

    assert [row for row in rows if not type(row).objects.filter(pk=row.pk)] == []


def test_staff_without_permission_see_no_money(client):
    bonus = booked_bonus()
    pages = [list_page(Bonus), page(bonus), list_page(Transfer), list_page(LedgerAccount)]
    client.force_login(UserFactory())

    assert statuses(client, pages) == dict.fromkeys(pages, 403)


def test_who_is_not_logged_in_is_sent_to_the_login(client):
    answers = [client.get(address) for address in [list_page(Bonus), page(booked_bonus())]]

    assert [answer.url.partition("?")[0] for answer in answers] == ["/admin/login/"] * 2


@pytest.mark.parametrize("bonuses", [1, 3])
@pytest.mark.parametrize(("model", "queries"), [(Bonus, 6), (Transfer, 6), (LedgerAccount, 5), (Payout, 6)])
def test_a_list_costs_the_same_with_one_bonus_and_with_three(
    model, queries, bonuses, admin_client, django_assert_num_queries
):
    for _ in range(bonuses):
        paid_bonus()

    with django_assert_num_queries(queries):
        shown = admin_client.get(list_page(model))

    assert list(shown.context["cl"].result_list) == list(model.objects.order_by("-pk"))


def on_hold() -> Bonus:
    bonus = booked_bonus()
    holds.place(bonus, reason="fraud_check", by=UserFactory(), at=BEFORE)
    return bonus


def to_approve() -> Bonus:
    return booked_bonus(account__enrollment__program__terms__schedule__release="AFTER_APPROVAL")


@pytest.mark.parametrize(
    ("make", "now", "told"),
    [
        (
            booked_bonus,
            BEFORE,
            "Not paid yet: the window opens on Feb 16, 2026, in 15 days. Nothing is missing.",
        ),
        (booked_bonus, DUE, "Nothing is missing: the next run pays it."),
        (booked_bonus, A_DAY_AFTER, "Nothing is missing: the next run pays it. Overdue by 1 day."),
        (booked_bonus, AFTER, "Nothing is missing: the next run pays it. Overdue by 3 days."),
        (to_approve, DUE, "The window is open; the bonus waits for its batch to be approved."),
        (on_hold, DUE, "It is on hold: fraud check."),
        (paid_bonus, DUE, "It is paid, since Feb 16, 2026."),
        (cancelled_bonus, DUE, "It was cancelled: milestone no longer holds."),
        (reversed_bonus, AFTER, "It was paid, and taken back."),
    ],
)
def test_the_page_of_a_bonus_begins_with_why_it_is_not_paid(make, now, told, admin_user, time_machine):
    bonus = make()
    time_machine.move_to(now, tick=False)
    client = Client()
    client.force_login(admin_user)

    shown = client.get(page(bonus))

    page_text = shown.content.decode()
    assert shown.context["told"].headline.sentence == told
    assert page_text.index(told) < page_text.index("Frozen at activation")
    assert "Feb 16 - 28, 2026 (UTC)" in page_text


def test_the_headline_and_the_line_of_the_window_count_the_same_days(admin_client, time_machine):
    bonus = booked_bonus()
    # Of the day that has begun a part is left.
    time_machine.move_to(BEFORE + timedelta(hours=18), tick=False)

    shown = admin_client.get(page(bonus)).content.decode()

    assert "Feb 16, 2026, in 15 days." in shown
    assert "(UTC), opens in 15 days" in shown
    assert "Explanation" not in shown


def test_accounts_of_the_books_show_their_balances(admin_client):
    paid = paid_bonus()
    paid_bonus(account__enrollment=paid.enrollment)
    booked_bonus(account__enrollment=paid.enrollment)
    accounts = [
        ledger_account(kind, enrollment=paid.enrollment)
        for kind in ["EXPENSE", "PAYABLE", "BALANCE", "CREDIT"]
    ]

    shown = [admin_client.get(page(account)).context["original"].balance_minor for account in accounts]

    assert shown == [-30_000, 10_000, 20_000, 0]
    assert "USD -300.00" in admin_client.get(page(accounts[0])).content.decode()


def test_the_bonuses_of_a_batch_are_one_click_away(admin_client):
    paid = paid_bonus()
    paid_bonus()

    linked = f"{list_page(Bonus)}?batch={paid.batch_id}"

    assert f'href="{linked}"' in admin_client.get(page(paid.batch)).content.decode()
    assert list(admin_client.get(linked).context["cl"].result_list) == [paid]


def test_a_transfer_names_its_two_sides_its_referrer_and_its_cause(admin_client):
    bonus = paid_bonus()

    shown = admin_client.get(list_page(Transfer)).content.decode()

    released = re.findall(r'<td class="field-[^>]*>([^<]*)</td>', shown)[:6]
    to_whom_for_what = [str(bonus.enrollment.referrer), f"bonus {bonus.pk}"]
    assert released == ["Released", "USD 100.00", "Payable", "Balance", *to_whom_for_what]
