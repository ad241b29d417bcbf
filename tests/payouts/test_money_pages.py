"""The pages of money: holds by one person, batches by two; what is refused and how it is told."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from payouts import batches, holds
from payouts.admin import batch_steps
from payouts.models import Bonus, PayoutBatch
from referrals.models import Note, Proposal, ReferredAccount
from tests.admin_pages import just_logged_in, list_page, main_part, one_of_each, page, statuses
from tests.factories import (
    OPENS_AT,
    EnrollmentFactory,
    ProgramFactory,
    UserFactory,
    booked_bonus,
    cancelled_bonus,
)
from tests.story import nothing_changes

pytestmark = pytest.mark.django_db

NOW = OPENS_AT + timedelta(hours=1)
OF_BATCH = ["put-up", "approve", "refuse", "void", "hold-lines", "exclude-lines"]
OF_BONUS = ["hold", "lift"]
REASON = {"reason": "Refund announced."}


@pytest.fixture(autouse=True)
def an_hour_after_the_window_opened(time_machine) -> None:
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def people() -> dict[str, User]:
    """Fay and Finn of finance, Cara who calls, Ann who audits."""
    call_command("make_groups", verbosity=0)
    finance = ["Finance preparers", "Finance approvers"]
    groups = {"fay": finance, "finn": finance, "cara": ["Callers"], "ann": ["Auditors"]}
    cast = {name: UserFactory(username=name) for name in groups}
    for name, theirs in groups.items():
        cast[name].groups.set(Group.objects.filter(name__in=theirs))
    return cast


def drafted(**changes: object) -> PayoutBatch:
    """A draft with two bonuses of Rosa and one of Ben."""
    program = ProgramFactory(terms__schedule__release="AFTER_APPROVAL", **changes)
    rosa, ben = (EnrollmentFactory(program=program, referrer__name=name) for name in ("Rosa", "Ben"))
    for enrollment in (rosa, rosa, ben):
        booked_bonus(account__enrollment=enrollment)
    batches.prepare(as_of=NOW, program=program)
    return PayoutBatch.objects.get()


@pytest.fixture
def batch() -> PayoutBatch:
    return drafted()


client_of = just_logged_in


def of(row: Bonus | PayoutBatch, name: str = "change") -> str:
    return reverse(f"admin:payouts_{row._meta.model_name}_{name}", args=[row.pk])


def press(user: User, row: Bonus | PayoutBatch, name: str, **typed: str):
    """Open the step's page, and press its button."""
    client = client_of(user)
    seen = client.get(of(row, name)).context["button"].form.initial
    return client.post(of(row, name), {**seen, **typed})


# --- batches --------------------------------------------------------------------------------------------


def test_the_page_of_a_batch_adds_up_by_referrer(batch, people):
    held = Bonus.objects.filter(batch=batch).earliest("pk")
    holds.place(held, reason="fraud check", by=people["fay"], at=NOW)

    shown = client_of(people["fay"]).get(of(batch)).context

    assert (shown["total_shown"], shown["total"].bonuses, shown["total"].referrers) == ("USD 200.00", 2, 2)
    assert (shown["waiting_shown"], shown["waiting"].bonuses) == ("USD 100.00", 1)
    rows = [
        (row["enrollment__referrer__name"], row["bonuses"], row["sum"], row["left_out"], len(row["lines"]))
        for row in shown["referrers"]
    ]
    assert rows == [("Rosa", 1, "100.00", 1, 2), ("Ben", 1, "100.00", 0, 1)]


@pytest.mark.parametrize("referrers", [1, 3])
def test_a_batch_costs_the_same_with_one_referrer_and_with_three(
    referrers, people, django_assert_num_queries
):
    program = ProgramFactory(terms__schedule__release="AFTER_APPROVAL")
    for _ in range(referrers):
        booked_bonus(account__enrollment=EnrollmentFactory(program=program))
    batches.prepare(as_of=NOW, program=program)
    client = client_of(people["fay"])
    # What Django keeps for the process is asked for by whichever page comes first.
    address = of(PayoutBatch.objects.get())
    client.get(address)

    with django_assert_num_queries(16):
        client.get(address)


def test_two_people_put_up_and_approve(batch, people):
    answer = press(people["fay"], batch, "put-up")
    assert answer.url == of(batch)
    press(people["finn"], batch, "approve")

    batch.refresh_from_db()
    assert (batch.status, batch.prepared_by, batch.approved_by) == ("APPROVED", people["fay"], people["finn"])
    assert set(Bonus.objects.values_list("status", flat=True)) == {"APPROVED"}


def test_the_button_names_the_sum(batch, people):
    page = client_of(people["fay"]).get(of(batch)).content.decode()

    assert "Put up USD 300.00 for approval" in page


def test_who_prepared_sees_why_it_is_not_for_them_to_approve(batch, people):
    press(people["fay"], batch, "put-up")

    page = client_of(people["fay"]).get(of(batch)).content.decode()
    with nothing_changes():
        answer = press(people["fay"], batch, "approve")

    assert "You prepared this batch: another person approves it." in page
    assert answer.status_code == 409
    assert "You prepared this batch: another person approves it." in answer.content.decode()


def test_a_superuser_does_not_approve_alone_either(batch):
    root = UserFactory(is_superuser=True)
    press(root, batch, "put-up")

    with nothing_changes():
        assert press(root, batch, "approve").status_code == 409


def test_where_three_are_needed_who_qualified_does_not_approve(people):
    batch = drafted(people_needed=3)
    Bonus.objects.update(qualified_by=people["finn"])
    press(people["fay"], batch, "put-up")

    with nothing_changes():
        answer = press(people["finn"], batch, "approve")

    assert "a third person is needed" in answer.content.decode()


def test_what_is_not_what_one_looked_at_is_not_approved(batch, people):
    press(people["fay"], batch, "put-up")
    finn = client_of(people["finn"])
    seen = finn.get(of(batch, "approve")).context["button"].form.initial
    press(people["fay"], batch, "refuse", **REASON)
    holds.place(Bonus.objects.earliest("pk"), reason="fraud check", by=people["fay"], at=NOW)
    press(people["fay"], batch, "put-up")

    with nothing_changes():
        answer = finn.post(of(batch, "approve"), seen)

    assert "is no longer what you looked at" in answer.content.decode()


def test_a_hold_after_it_was_put_up_makes_it_a_draft_again(batch, people):
    press(people["fay"], batch, "put-up")
    holds.place(Bonus.objects.earliest("pk"), reason="fraud check", by=people["fay"], at=NOW)

    answer = press(people["finn"], batch, "approve")

    batch.refresh_from_db()
    assert (answer.status_code, batch.status) == (409, "DRAFT")
    assert "changed since it was put up" in answer.content.decode()


def test_refused_it_is_a_draft_and_voided_its_bonuses_are_free(batch, people):
    press(people["fay"], batch, "put-up")
    press(people["finn"], batch, "refuse", **REASON)
    batch.refresh_from_db()
    assert (batch.status, batch.prepared_by) == ("DRAFT", None)

    press(people["fay"], batch, "put-up")
    press(people["finn"], batch, "approve")
    press(people["finn"], batch, "void", **REASON)

    batch.refresh_from_db()
    assert batch.status == "VOIDED"
    assert set(Bonus.objects.values_list("status", "batch")) == {("ACTIVATED", None)}


@pytest.mark.parametrize("step", OF_BATCH)
def test_get_shows_a_step_of_a_batch_and_changes_nothing(step, batch, people):
    with nothing_changes():
        assert client_of(people["fay"]).get(of(batch, step)).status_code == 200


@pytest.mark.parametrize("step", OF_BATCH)
def test_a_post_that_does_not_say_what_was_seen_does_nothing(step, batch, people):
    with nothing_changes():
        answer = client_of(people["fay"]).post(of(batch, step), {})

    assert "seen" in answer.context["button"].form.errors


@pytest.mark.parametrize("step", ["approve", "refuse", "void"])
def test_a_step_that_a_draft_does_not_have_is_refused_in_words(step, batch, people):
    with nothing_changes():
        answer = press(people["fay"], batch, step, **REASON)

    assert answer.status_code == 409
    assert "no longer possible" in answer.content.decode()


# --- bonuses --------------------------------------------------------------------------------------------


def test_a_bonus_is_held_and_the_hold_lifted_with_reasons(people):
    bonus = booked_bonus()

    answer = press(people["fay"], bonus, "hold", **REASON)
    page = client_of(people["fay"]).get(of(bonus)).content.decode()
    assert answer.url == of(bonus)
    assert ">It is on hold: Refund announced.<" in page
    press(people["finn"], bonus, "lift", reason="No refund came.")

    bonus.refresh_from_db()
    hold = bonus.holds.get()
    assert (bonus.on_hold, hold.reason, hold.placed_by) == (False, "Refund announced.", people["fay"])
    assert (hold.lifted_by, hold.lifted_at) == (people["finn"], NOW)
    assert [note.text for note in Note.objects.all()] == ["No refund came."]
    assert "No refund came." in client_of(people["fay"]).get(of(bonus)).content.decode()


@pytest.mark.parametrize("step", OF_BONUS)
def test_get_shows_a_step_of_a_bonus_and_changes_nothing(step, people):
    bonus = booked_bonus()

    with nothing_changes():
        assert client_of(people["fay"]).get(of(bonus, step)).status_code == 200


@pytest.mark.parametrize("step", OF_BONUS)
def test_a_step_of_a_bonus_without_reason_does_nothing(step, people):
    bonus = booked_bonus()
    holds.place(bonus, reason="fraud check", by=people["fay"], at=NOW)

    with nothing_changes():
        answer = press(people["fay"], bonus, step)

    assert "reason" in answer.context["button"].form.errors


def test_a_bonus_that_is_not_held_has_no_hold_to_lift(people):
    bonus = booked_bonus()

    with nothing_changes():
        answer = press(people["fay"], bonus, "lift", **REASON)

    assert answer.status_code == 409


def test_a_hold_that_comes_too_late_is_told(people):
    bonus = cancelled_bonus()

    with nothing_changes():
        answer = press(people["fay"], bonus, "hold", **REASON)

    assert (answer.status_code, "Refund announced." in answer.content.decode()) == (409, True)


# --- who may --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [*OF_BATCH, *OF_BONUS])
def test_a_row_that_does_not_exist_is_not_found(step, people):
    model = "bonus" if step in OF_BONUS else "payoutbatch"

    answer = client_of(people["fay"]).get(reverse(f"admin:payouts_{model}_{step}", args=[4711]))

    assert answer.status_code == 404


@pytest.mark.parametrize("step", [*OF_BATCH, *OF_BONUS])
@pytest.mark.parametrize("who", ["cara", "ann"])
def test_without_the_permission_no_money_is_moved(who, step, batch, people):
    row = Bonus.objects.earliest("pk") if step in OF_BONUS else batch

    with nothing_changes():
        answer = client_of(people[who]).post(of(row, step), {**REASON, "seen": "anything"})

    assert answer.status_code == 403


@pytest.mark.parametrize("step", [*OF_BATCH, *OF_BONUS])
def test_who_is_not_logged_in_moves_no_money(step, batch):
    row = Bonus.objects.earliest("pk") if step in OF_BONUS else batch

    with nothing_changes():
        answer = Client().post(of(row, step), {**REASON, "seen": "anything"})

    assert answer.status_code == 403
    assert "/accounts/login/" in answer.content.decode()


def test_a_caller_opens_no_page_of_money_and_finds_none(people):
    rows = one_of_each("payouts")
    Proposal.objects.create(action="reverse", target="1", proposed_by=people["fay"], proposed_at=NOW)
    cara, ann = client_of(people["cara"]), client_of(people["ann"])
    pages = [*(list_page(type(row)) for row in rows), *(page(row) for row in rows)]
    pages += [f"{list_page(type(row))}?q=rosa" for row in rows]
    of_money = re.compile(r"payouts/|bonus|batch|[0-9]\.00")
    elsewhere = [
        reverse("admin:index"),
        f"{reverse('admin:search')}?s=bonus&extended=1",
        f"{list_page(ReferredAccount)}?q=rosa",
        list_page(Proposal),
        page(Bonus.objects.earliest("pk").account),
    ]

    assert statuses(cara, pages) == dict.fromkeys(pages, 403)
    assert statuses(cara, pages, method="post") == dict.fromkeys(pages, 403)
    assert [address for address in elsewhere if of_money.search(main_part(cara.get(address)))] == []
    # The same pages speak of money to whom it concerns: the search above can find something.
    assert [address for address in elsewhere if of_money.search(main_part(ann.get(address)))] != []


@pytest.mark.parametrize("by", ["bonuses__amount_minor=10000", "bonuses__status=ACTIVATED"])
def test_a_list_is_not_filtered_by_what_one_may_not_see(by, people):
    booked_bonus()

    answer = client_of(people["cara"]).get(f"{list_page(ReferredAccount)}?{by}")

    assert answer.status_code in (302, 400)


def test_a_proposal_about_money_is_for_those_who_see_money(people):
    bonus = booked_bonus()
    proposal = Proposal.objects.create(
        action="reverse", target=str(bonus.pk), proposed_by=people["fay"], proposed_at=NOW
    )
    of_cara, of_finn = (client_of(people[who]) for who in ("cara", "finn"))

    shown = [len(client.get(list_page(Proposal)).context["cl"].result_list) for client in (of_cara, of_finn)]
    counted = [
        {label: count for label, count, _ in client.get(reverse("admin:index")).context["needs"]}
        for client in (of_cara, of_finn)
    ]

    assert shown == [0, 1]
    assert "proposal to confirm" not in counted[0]
    assert counted[1]["proposal to confirm"] == 1
    assert f"Take back Bonus {bonus.pk}" in of_finn.get(list_page(Proposal)).content.decode()
    # A row that one may not see is a row that is not there.
    assert of_cara.get(page(proposal)).status_code == 302
    with nothing_changes():
        answer = of_cara.post(reverse("admin:referrals_proposal_confirm", args=[proposal.pk]))
    assert answer.status_code == 404


def test_approving_twice_approves_once_and_is_told(batch, people):
    press(people["fay"], batch, "put-up")
    finn = client_of(people["finn"])
    seen = finn.get(of(batch, "approve")).context["button"].form.initial
    finn.post(of(batch, "approve"), seen)

    with nothing_changes():
        again = finn.post(of(batch, "approve"), seen)

    assert again.status_code == 409
    assert "this is no longer possible" in again.content.decode()


def test_a_superuser_who_prepared_does_not_approve_by_a_crafted_post(batch):
    root = UserFactory(is_superuser=True)
    press(root, batch, "put-up")
    batch.refresh_from_db()
    seen = batch_steps.seen(batch_steps.look_at(batch))

    with nothing_changes():
        answer = client_of(root).post(
            of(batch, "approve"),
            {"seen": seen, "prepared_by": "", "approved_by": root.pk, "people_needed": 1},
        )

    assert "You prepared this batch: another person approves it." in answer.content.decode()


def test_the_list_of_batches_shows_what_each_would_pay(batch, people):
    holds.place(Bonus.objects.earliest("pk"), reason="fraud check", by=people["fay"], at=NOW)

    rows = client_of(people["fay"]).get(list_page(PayoutBatch)).context["cl"].result_list

    assert [(row.payable_bonuses, row.payable_minor) for row in rows] == [(2, 20_000)]


def test_home_says_when_the_next_window_opens(people, time_machine):
    bonus = booked_bonus()
    time_machine.move_to(OPENS_AT - timedelta(days=3), tick=False)

    of_fay, of_cara = (client_of(people[who]).get(reverse("admin:index")) for who in ("fay", "cara"))

    assert (of_fay.context["next_bonus"], of_cara.context["next_bonus"]) == (bonus.pk, None)
    assert "The next window opens on" in of_fay.content.decode()


def test_whoever_only_looks_sees_no_buttons(batch, people):
    shown = client_of(people["ann"]).get(of(batch))

    assert (shown.status_code, shown.context["buttons"]) == (200, [])
