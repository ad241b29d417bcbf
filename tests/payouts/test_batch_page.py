"""The page of a batch: what is exceptional first, what changed, single lines, names, and its file."""

import csv
import io
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from payouts import batches, holds, release, signing
from payouts.admin import batch_steps
from payouts.models import BatchApproval, BatchNote, Bonus, Hold, Payout, PayoutBatch, Transfer
from referrals.models import Program, ProgramStaff
from tests.admin_pages import just_logged_in, list_page, page
from tests.factories import OPENS_AT, EnrollmentFactory, ProgramFactory, UserFactory, booked_bonus
from tests.story import nothing_changes

pytestmark = pytest.mark.django_db

NOW = OPENS_AT + timedelta(hours=1)
DRAFT = "admin:payouts_payoutbatch_draft"


@pytest.fixture(autouse=True)
def an_hour_after_the_window_opened(time_machine) -> None:
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def people() -> dict[str, User]:
    """Fay, Finn and Flo of finance, who may do all there is; Ann who audits, Max who manages."""
    call_command("make_groups", verbosity=0)
    finance = ["Finance preparers", "Finance approvers"]
    groups = {"fay": finance, "finn": finance, "flo": finance}
    groups |= {"ann": ["Auditors"], "max": ["Program managers"]}
    cast = {name: UserFactory(username=name) for name in groups}
    for name, theirs in groups.items():
        cast[name].groups.set(Group.objects.filter(name__in=theirs))
    return cast


def drafted(lines=3, *, tiers=None, **changes) -> PayoutBatch:
    """A draft whose lines are by turns Rosa's and Ben's."""
    program = ProgramFactory(terms__schedule__release="AFTER_APPROVAL", **changes)
    if tiers:
        signing.set_rules(program, limit_minor=None, tiers=tiers)
    rosa, ben = (EnrollmentFactory(program=program, referrer__name=name) for name in ("Rosa", "Ben"))
    for number in range(lines):
        booked_bonus(account__enrollment=ben if number % 2 else rosa)
    batches.prepare(as_of=NOW, program=program)
    return PayoutBatch.objects.get(program=program)


def of(batch: PayoutBatch, name: str = "change") -> str:
    return reverse(f"admin:payouts_payoutbatch_{name}", args=[batch.pk])


def press(user: User, batch: PayoutBatch, name: str, **typed: object):
    client = just_logged_in(user)
    seen = client.get(of(batch, name)).context["button"].form.initial
    return client.post(of(batch, name), {**seen, **typed})


def shown_to(user: User, batch: PayoutBatch):
    return just_logged_in(user).get(of(batch))


# --- what it shows ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["DRAFT", "AWAITING_APPROVAL", "APPROVED"])
@pytest.mark.parametrize("lines", [1, 60, 500])
def test_it_costs_at_most_twelve_questions_whatever_its_size(
    lines, status, people, django_assert_max_num_queries
):
    batch = drafted(lines)
    if status != "DRAFT":
        batches.put_up(batch, by=people["fay"], at=NOW)
    if status == "APPROVED":
        batches.approve(batch, by=people["finn"], at=NOW)
    client = just_logged_in(people["fay"])
    # What Django keeps for the process is asked for by whichever page comes first.
    client.get(of(batch))

    with django_assert_max_num_queries(12):
        shown = client.get(of(batch))

    assert shown.context["total"].bonuses == lines
    assert sum(len(row["lines"]) for row in shown.context["referrers"]) == lines


def test_where_not_all_lines_of_a_referrer_stand_there_a_link_leads_to_them(people, monkeypatch):
    monkeypatch.setattr(batch_steps, "LINES", 3)
    batch = drafted(5)
    shown = shown_to(people["fay"], batch)
    rows = shown.context["referrers"]

    assert sum(len(row["lines"]) for row in rows) == 3
    assert [len(row["lines"]) + row["more"] for row in rows] == [3, 2]
    for row in rows:
        assert bool(row["all"]) is (row["more"] > 0)
        if row["more"]:
            assert f"{row['more']} more line" in shown.content.decode()
            listed = just_logged_in(people["fay"]).get(row["all"]).context["cl"].result_list
            theirs = batch.bonuses.filter(enrollment=row["enrollment"])
            assert {bonus.pk for bonus in listed} == set(theirs.values_list("pk", flat=True))


def test_what_is_exceptional_stands_first_with_what_to_look_at(people):
    batch = drafted()
    held = batch.bonuses.earliest("pk")
    holds.place(held, reason="a question", by=people["fay"], at=NOW)

    text = shown_to(people["fay"], batch).content.decode()

    first = text.index("Look at these first")
    assert first < text.index('aria-label="Referrers in this batch"')
    rosa = held.enrollment.referrer
    assert f'<a href="{page(rosa)}">{rosa}: the first payout ever.' in text[first:]
    assert f'<a href="{page(held)}">{held.account}: on hold;' in text[first:]


def test_each_line_says_whether_its_condition_holds_and_when_that_was_looked_at(people):
    batch = drafted(2)
    lost = batch.bonuses.earliest("pk")
    Bonus.objects.filter(pk=lost.pk).update(milestones_hold=False)

    shown = shown_to(people["fay"], batch)

    lines = [bonus for row in shown.context["referrers"] for bonus, _ in row["lines"]]
    assert {bonus.pk: bonus.pays for bonus in lines} == {
        bonus.pk: bonus != lost for bonus in batch.bonuses.all()
    }
    text = shown.content.decode()
    assert (text.count("✓ Condition holds"), text.count("✗ Milestone lost")) == (1, 1)
    assert text.count('<span class="staff-quiet">01:00 UTC</span>') == 1


def test_a_batch_with_nothing_exceptional_says_so(people):
    batch = drafted()
    Bonus.objects.filter(batch=batch).exclude(pk=batch.bonuses.earliest("pk").pk).update(batch=None)
    Bonus.objects.filter(batch=batch).update(batch=None)

    text = shown_to(people["fay"], batch).content.decode()

    assert "Nothing in this batch is exceptional." in text
    assert "No bonus is in this batch." in text


def test_the_page_its_lines_its_button_and_what_is_booked_agree_to_the_cent(people):
    batch = drafted(5)
    first, second = batch.bonuses.order_by("pk")[:2]
    holds.place(first, reason="a question", by=people["fay"], at=NOW)
    Bonus.objects.filter(pk=second.pk).update(milestones_hold=False)
    press(people["fay"], batch, "put-up")

    shown = shown_to(people["finn"], batch)
    lines = sum(
        bonus.amount_minor
        for row in shown.context["referrers"]
        for bonus, _ in row["lines"]
        if bonus.milestones_hold and not bonus.on_hold
    )
    button = next(each for each in shown.context["buttons"] if each.step.name == "approve")
    press(people["finn"], batch, "approve")
    assert shown_to(people["finn"], batch).context["total_shown"] == "USD 300.00"
    batches.prepare(as_of=NOW, program=batch.program)
    release.release_due(as_of=NOW, program=batch.program)

    released = Transfer.objects.filter(kind="RELEASED").values_list("amount_minor", flat=True)
    payouts = Payout.objects.values_list("amount_minor", flat=True)
    assert (lines, sum(released), sum(payouts)) == (30_000, 30_000, 30_000)
    assert (shown.context["total_shown"], button.label) == ("USD 300.00", "Approve USD 300.00")
    assert shown_to(people["finn"], batch).context["total_shown"] == "USD 300.00"


def test_what_is_held_in_an_approved_batch_is_not_in_its_sum(people):
    batch = brought_to("APPROVED", people)
    holds.place(batch.bonuses.earliest("pk"), reason="a question", by=people["fay"], at=NOW)

    shown = shown_to(people["fay"], batch)
    release.release_due(as_of=NOW, program=batch.program)

    assert (shown.context["total_shown"], shown.context["waiting_shown"]) == ("USD 200.00", "USD 100.00")
    assert "What is held is paid once somebody lifts the hold." in shown.content.decode()
    assert sum(Payout.objects.values_list("amount_minor", flat=True)) == 20_000


def test_what_changed_since_it_was_put_up_is_shown(people):
    batch = drafted()
    press(people["fay"], batch, "put-up")
    assert "Changed since put up: +0 -0" in shown_to(people["finn"], batch).content.decode()
    went = batch.bonuses.earliest("pk")
    holds.place(went, reason="a question", by=people["fay"], at=NOW)

    answer = press(people["finn"], batch, "approve")
    text = shown_to(people["finn"], batch).content.decode()

    assert (answer.status_code, "changed since it was put up (+0 -1)" in answer.content.decode()) == (
        409,
        True,
    )
    assert "Changed since put up: +0 -1" in text
    assert f'<a href="{page(went)}">{went.account}</a>' in text


def test_one_person_mode_stands_in_red_on_every_batch(people):
    red = '<span class="staff-chip staff-red">! One person is enough in this program</span>'
    for count, is_shown in [(1, True), (2, False)]:
        batch = drafted(people_needed=count)
        for name in ("put-up", "refuse"):
            assert (red in shown_to(people["fay"], batch).content.decode()) == is_shown
            press(people["fay"], batch, name, reason="Once more.")


def test_a_batch_far_above_the_month_before_says_so(people):
    batch = drafted()
    Payout.objects.create(
        batch=PayoutBatch.objects.create(
            program=batch.program,
            run_on=batch.run_on.replace(month=1),
            kind=batch.kind,
            currency="USD",
            sequence=1,
            status="DRAFT",
            automatic=False,
        ),
        enrollment=batch.bonuses.earliest("pk").enrollment,
        amount_minor=10_000,
        currency="USD",
        status="CREDITED",
        created_at=NOW,
    )

    text = shown_to(people["fay"], batch).content.decode()
    Payout.objects.all().delete()
    PayoutBatch.objects.exclude(pk=batch.pk).delete()

    assert "! 200 % above January" in text
    assert "Jan 2026" in text
    assert "USD 100.00" in text


# --- steps --------------------------------------------------------------------------------------------------


OFFERED = {
    "DRAFT": ["put-up", "hold-lines", "exclude-lines"],
    "AWAITING_APPROVAL": ["approve", "refuse", "hold-lines"],
    "APPROVED": ["void", "hold-lines"],
    "RELEASED": [],
    "VOIDED": [],
}


def brought_to(status: str, people: dict[str, User]) -> PayoutBatch:
    batch = drafted()
    if status != "DRAFT":
        batches.put_up(batch, by=people["fay"], at=NOW)
    if status not in {"DRAFT", "AWAITING_APPROVAL"}:
        batches.approve(batch, by=people["finn"], at=NOW)
    if status == "RELEASED":
        release.release_due(as_of=NOW, program=batch.program)
    if status == "VOIDED":
        batches.void(batch, by=people["finn"], at=NOW)
    batch.refresh_from_db()
    return batch


@pytest.mark.parametrize("status", OFFERED)
def test_every_status_offers_its_steps_and_a_crafted_press_takes_no_other(status, people):
    batch = brought_to(status, people)
    assert batch.status == status
    client = just_logged_in(people["flo"])
    shown = client.get(of(batch)).context
    offered = [button.step.name for button in [*shown["buttons"], *shown["choosing"]]]
    assert offered == OFFERED[status]
    seen = batch_steps.seen(batch_steps.look_at(batch))
    typed = {"seen": seen, "reason": "Why not.", "bonus": batch.lines.values_list("bonus", flat=True)[:1]}

    for step in {name for names in OFFERED.values() for name in names} - set(OFFERED[status]):
        with nothing_changes():
            answer = client.post(of(batch, step), typed)
        assert (step, answer.status_code in {200, 409}) == (step, True)
        assert answer.context["button"].form.errors


# --- lines --------------------------------------------------------------------------------------------------


def test_chosen_lines_are_held_with_a_reason_from_the_page(people):
    batch = drafted()
    one, other, _ = batch.bonuses.order_by("pk")

    answer = press(people["fay"], batch, "hold-lines", bonus=[one.pk, other.pk], reason="Refund announced.")

    assert answer["Location"] == of(batch)
    assert [(hold.bonus_id, hold.reason) for hold in Hold.objects.all()] == [
        (one.pk, "Refund announced."),
        (other.pk, "Refund announced."),
    ]
    assert shown_to(people["fay"], batch).context["total_shown"] == "USD 100.00"


def test_the_form_of_the_page_itself_takes_the_step(people):
    batch = drafted()
    client = just_logged_in(people["fay"])
    shown = client.get(of(batch))
    text = shown.content.decode()
    button = next(each for each in shown.context["choosing"] if each.step.name == "exclude-lines")
    bonus = batch.bonuses.earliest("pk")
    assert f'formaction="{button.address}"' in text
    assert f'name="bonus" value="{bonus.pk}" form="lines"' in text

    client.post(button.address, {**button.form.initial, "bonus": bonus.pk, "reason": "Later."})

    bonus.refresh_from_db()
    assert bonus.batch != batch
    assert [note.text for note in BatchNote.objects.all()] == ["Later."]
    told = shown_to(people["fay"], batch).content.decode()
    assert "1 excluded" in told
    assert "Later." in told


@pytest.mark.parametrize("step", ["hold-lines", "exclude-lines"])
@pytest.mark.parametrize("typed", [{"reason": "Why."}, {"bonus": "0", "reason": "Why."}, {"bonus": "one"}])
def test_a_press_without_a_line_of_this_batch_or_without_reason_does_nothing(step, typed, people):
    batch = drafted()
    of_another = drafted().bonuses.earliest("pk")
    chosen = {"one": batch.bonuses.earliest("pk").pk, "0": of_another.pk}
    typed = {**typed, **({"bonus": chosen[typed["bonus"]]} if "bonus" in typed else {})}

    with nothing_changes():
        answer = press(people["fay"], batch, step, **typed)

    assert answer.context["button"].form.errors


def test_nothing_is_excluded_from_what_was_put_up_by_a_crafted_press(people):
    batch = drafted()
    client = just_logged_in(people["fay"])
    bonus = batch.bonuses.earliest("pk")
    seen = client.get(of(batch, "exclude-lines")).context["button"].form.initial
    press(people["fay"], batch, "put-up")

    with nothing_changes():
        answer = client.post(of(batch, "exclude-lines"), {**seen, "bonus": bonus.pk, "reason": "Later."})

    assert answer.status_code == 409


@pytest.mark.parametrize("step", ["refuse", "void"])
def test_refusing_and_voiding_take_a_reason(step, people):
    batch = drafted()
    press(people["fay"], batch, "put-up")
    if step == "void":
        press(people["finn"], batch, "approve")

    with nothing_changes():
        answer = press(people["finn"], batch, step)
    assert "reason" in answer.context["button"].form.errors
    press(people["finn"], batch, step, reason="Ben asked us to wait.")

    assert "Ben asked us to wait." in shown_to(people["finn"], batch).content.decode()


# --- names --------------------------------------------------------------------------------------------------


def test_a_larger_sum_bears_three_names(people):
    batch = drafted(tiers={3: 30_000})
    press(people["fay"], batch, "put-up")
    told = press(people["finn"], batch, "approve")
    text = shown_to(people["finn"], batch).content.decode()
    assert told["Location"] == of(batch)
    assert "Its sum asks for 3 names" in text
    assert "1 of 2 has approved" in text
    assert "You approved this batch: another person has to approve it, too." in text

    for who in ("finn", "fay"):
        with nothing_changes():
            assert press(people[who], batch, "approve").status_code == 409
    press(people["flo"], batch, "approve")

    batch.refresh_from_db()
    assert (batch.status, batch.approved_by) == ("APPROVED", people["flo"])
    assert list(BatchApproval.objects.values_list("person__username", flat=True)) == ["finn", "flo"]


def test_no_superuser_puts_two_names_under_a_batch(people):
    batch = drafted(tiers={3: 1})
    root = UserFactory(is_superuser=True)
    press(people["fay"], batch, "put-up")
    press(root, batch, "approve")

    with nothing_changes():
        answer = press(root, batch, "approve", person=people["flo"].pk, approvals_needed=1, turn=9)

    assert answer.status_code == 409


def test_a_manager_says_what_a_sum_asks_for(people):
    program = drafted().program
    address = reverse("admin:referrals_program_signing", args=[program.pk])
    client = just_logged_in(people["max"])

    wrong = client.post(address, {"limit": "5,000", "three_from": "0.00", "four_from": "1"})
    assert sorted(wrong.context["button"].form.errors) == ["four_from", "limit", "three_from"]
    client.post(address, {"limit": "5000.00", "three_from": "10000.00", "four_from": ""})

    assert (signing.limit_minor(program), signing.tiers(program)) == (500_000, {3: 1_000_000})
    said = client.get(page(program)).content.decode()
    assert "One person prepares, another approves; three names from USD 10,000.00." in said
    assert LogEntry.objects.filter(user=people["max"]).count() == 1
    assert just_logged_in(people["fay"]).post(address, {}).status_code == 403


# --- the file -----------------------------------------------------------------------------------------------


def exported(user: User, batch: PayoutBatch) -> list[dict[str, str]]:
    answer = just_logged_in(user).get(of(batch, "export"))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode())))


def test_the_file_has_the_lines_of_the_batch_and_no_others(people):
    batch = drafted()
    rosas, bens, second = batch.bonuses.order_by("pk")
    held = booked_bonus(account__enrollment=rosas.enrollment, batch=batch)
    holds.place(held, reason="a question", by=people["fay"], at=NOW)

    rows = exported(people["ann"], batch)

    window = {"Window opens": "2026-02-16", "Window closes": "2026-02-28"}
    shared = {"Batch": str(batch.pk), "Program": batch.program.slug, "Currency": "USD", **window}
    assert [{**row, "Rule": ""} for row in rows] == [
        {
            **shared,
            "Referrer": "Rosa",
            "Host id": rosas.enrollment.referrer.host_account,
            "Amount": "200.00",
            "Bonuses": f"{rosas.pk} {second.pk}",
            "Reward": "welcome",
            "Rule": "",
        },
        {
            **shared,
            "Referrer": "Ben",
            "Host id": bens.enrollment.referrer.host_account,
            "Amount": "100.00",
            "Bonuses": str(bens.pk),
            "Reward": "welcome",
            "Rule": "",
        },
    ]
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (people["ann"], str(batch.pk))
    assert entry.change_message == "Exported: 3 bonuses, as CSV"


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_no_name_of_a_referrer_is_a_formula(sign, people):
    batch = drafted(1)
    referrer = batch.bonuses.get().enrollment.referrer
    referrer.name = f"{sign}cmd|' /C calc'!A0"
    referrer.save()

    [row] = exported(people["fay"], batch)

    assert row["Referrer"].startswith(f"'{sign}")


def test_a_batch_of_another_program_is_not_exported(people):
    batch = drafted()
    ProgramStaff.objects.create(user=people["fay"], program=ProgramFactory())

    assert just_logged_in(people["fay"]).get(of(batch, "export")).status_code == 404
    assert not LogEntry.objects.exists()


# --- drafting on demand -------------------------------------------------------------------------------------


def due() -> Program:
    program = ProgramFactory(terms__schedule__release="AFTER_APPROVAL")
    booked_bonus(account__enrollment=EnrollmentFactory(program=program))
    return program


def test_what_is_due_is_drafted_by_a_press(people):
    program = due()
    client = just_logged_in(people["fay"])
    assert reverse(DRAFT) in client.get(list_page(PayoutBatch)).content.decode()

    answer = client.post(reverse(DRAFT), {"program": program.pk, "day": "2026-02-16"})
    again = client.post(reverse(DRAFT), {"program": program.pk, "day": "2026-02-16"})

    assert answer["Location"] == list_page(PayoutBatch)
    assert PayoutBatch.objects.get().bonuses.count() == 1
    assert (again.status_code, "has nothing more to draft" in again.content.decode()) == (409, True)


@pytest.mark.parametrize("day", ["2026-02-17", "9999-12-31", "0001-01-01", "soon", ""])
def test_a_day_to_come_or_none_is_refused(day, people):
    program = due()

    with nothing_changes():
        answer = just_logged_in(people["fay"]).post(reverse(DRAFT), {"program": program.pk, "day": day})

    assert "day" in answer.context["form"].errors


def test_a_day_before_the_window_drafts_nothing(people):
    program = due()

    with nothing_changes():
        answer = just_logged_in(people["fay"]).post(
            reverse(DRAFT), {"program": program.pk, "day": "2026-02-15"}
        )

    assert answer.status_code == 409


def test_nothing_is_drafted_of_a_program_that_is_not_ones_own(people):
    program = due()
    ProgramStaff.objects.create(user=people["fay"], program=ProgramFactory())

    with nothing_changes():
        answer = just_logged_in(people["fay"]).post(
            reverse(DRAFT), {"program": program.pk, "day": "2026-02-16"}
        )

    assert "pays after an approval" in answer.content.decode()


def test_who_does_not_prepare_drafts_nothing(people):
    with nothing_changes():
        assert just_logged_in(people["ann"]).post(reverse(DRAFT), {}).status_code == 403
        assert Client().post(reverse(DRAFT), {}).status_code == 302
