"""Why is it not paid yet? The first unmet condition, and every rule with its words."""

from datetime import datetime

import pytest

from payouts import batches, explain, explain_many, holds
from payouts.explain import Audience, Who
from payouts.models import Bonus, Payout, PayoutBatch
from referrals import enrollment, intake, warning_signs
from referrals.models import ReferredAccount
from referrals.rules.words import SignalKind
from tests.explained import explained_wrongly
from tests.refer_page import read
from tests.story import Story

pytestmark = pytest.mark.django_db

DUE = "2026-03-16T00:05Z"
AFTER_APPROVAL = {"payout_schedule.release": "AFTER_APPROVAL"}
ACTIVE = {"payout_schedule.condition": "REFERRED_ACCOUNT_ACTIVE"}
WAITS = {"payout_schedule.if_paused": "WAIT", "payout_schedule.if_past_due": "WAIT"}
MINIMUM = {"payout_schedule.minimum": "100.01"}


def why(story, account="acme"):
    return explain.first_unmet(story.program, host_account=account, as_of=story.now)


def hold(story, reason):
    holds.place(Bonus.objects.get(), reason=reason, by=story.fay, at=story.now)


def suspend(story):
    enrollment.suspend(story.rosa, program=story.program, by=story.fay, at=story.now, reason="a question")


def opened(story):
    """The window opens, and the jobs have not run yet."""
    story.now = datetime.fromisoformat("2026-03-16T00:00Z")


def test_an_account_that_nobody_brought_is_not_attributed():
    story = Story()
    story.tell("acme", "subscription.started")

    told = explain.account(story.program, host_account="acme", as_of=story.now)

    assert (told.first_unmet, told.headline.who, told.lines) == ("not_attributed", Who.HOST, ())


def test_an_account_that_staff_look_at_is_in_review():
    story = Story()
    acme = story.sign_up()
    assert why(story) == "in_review"

    story.decide(acme)
    assert why(story) == "in_review"


def test_a_refused_account_has_its_reason():
    story = Story()
    story.sign_up(email="office@gmail.com")

    assert why(story) == "public_email_domain"


def test_an_expired_account_has_the_reason_of_its_terms():
    story = Story("upwork-2019")
    story.sign_up("ann")
    story.wait(days=90)

    assert why(story, "ann") == "threshold_not_reached_by_deadline"


def test_an_expired_account_is_just_expired_where_the_terms_name_no_reason():
    story = Story(
        "smithai", changes={f"milestones.paying_client.any.{test}.within_days": 30 for test in (0, 1)}
    )
    story.sign_up()
    story.wait(days=60)

    assert why(story) == "expired"


def test_without_a_bonus_it_is_the_first_milestone_that_does_not_hold():
    story = Story()
    acme = story.sign_up()
    story.decide(acme)
    story.wait(minutes=11)
    assert why(story) == "qualifying_purchase"


def test_an_account_that_only_signed_up_lacks_the_milestone_of_the_first_reward():
    story = Story("smithai")
    story.sign_up()
    assert why(story) == "receptionist_paid"


def test_where_the_referrer_earns_nothing_nothing_is_missing():
    benefit = {
        "code": "welcome",
        "beneficiary": "REFERRED",
        "requires": ["signed_up"],
        "kind": "ACCOUNT_CREDIT",
        "amount": "5.00",
    }
    story = Story(
        "smithai-legacy",
        changes={
            "rewards.welcome": benefit,
            "rewards.monthly_credit": None,
            "payout_schedule.anchor": "BONUS_ACTIVATED",
        },
    )
    story.sign_up()

    assert why(story) is None


def test_a_bonus_waits_for_its_window_then_for_the_next_run_and_then_nothing_is_missing():
    story = Story()
    story.earn()
    assert why(story) == "window_not_open"

    opened(story)
    assert why(story) == "next_run"

    story.pass_to(DUE)
    assert why(story) is None


def test_a_bonus_waits_for_an_approval():
    story = Story(changes=AFTER_APPROVAL)
    story.earn()
    assert why(story) == "window_not_open"

    story.pass_to(DUE)
    assert why(story) == "awaiting_approval"

    story.approve_all()
    assert why(story) == "next_run"

    story.pass_to("2026-03-17T00:05Z")
    assert why(story) is None


def test_a_cancelled_bonus_has_its_reason():
    story = Story()
    story.earn()
    story.tell("acme", "subscription.refunded")
    story.pass_to(DUE)

    assert why(story) == "milestone_no_longer_holds"


def test_a_bonus_that_was_taken_back_is_reversed():
    story = Story(changes={"terms.clawback": "BY_STAFF"})
    story.earn()
    story.pass_to(DUE)
    story.reverse(Bonus.objects.get())

    assert why(story) == "reversed"


def test_a_held_bonus_has_the_reason_of_its_first_hold_that_is_not_lifted():
    story = Story()
    bonus = story.earn()
    hold(story, "lifted")
    holds.lift(bonus, by=story.fay, at=story.now)
    hold(story, "first")
    hold(story, "second")

    assert why(story) == "first"


def test_a_late_bonus_is_held_as_late():
    story = Story(changes={"payout_schedule.late_policy": "HOLD"})
    story.earn()
    story.pass_to("2026-04-01T00:05Z")

    assert why(story) == "late"


def test_a_bonus_of_a_suspended_referrer_says_so():
    story = Story()
    story.earn()
    suspend(story)

    assert why(story) == "referrer_suspended"


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ("account.paused", "referred_account_paused"),
        ("account.past_due", "referred_account_past_due"),
    ],
)
def test_an_account_that_is_not_active_holds_its_bonus_once_it_is_open(event, code):
    story = Story(changes={**ACTIVE, **WAITS})
    story.earn()
    story.tell("acme", event)
    story.evaluate()
    assert why(story) == "window_not_open"

    story.pass_to(DUE)
    assert why(story) == code


def test_an_account_that_is_not_active_holds_nothing_where_the_schedule_pays():
    story = Story(changes=ACTIVE)
    story.earn()
    story.tell("acme", "account.paused")
    story.evaluate()
    opened(story)

    assert why(story) == "next_run"


def test_below_the_minimum_is_said_once_it_is_open_and_nothing_is_overdue():
    story = Story(changes=MINIMUM)
    story.earn()
    assert why(story) == "window_not_open"

    story.pass_to("2026-04-02T00:05Z")
    assert why(story) == "below_minimum"
    assert explain.overdue_days(Bonus.objects.get(), as_of=story.now) == 0


def test_what_holds_a_bonus_is_said_in_order():
    story = Story(changes={**ACTIVE, **WAITS, **MINIMUM})
    bonus = story.earn()
    story.tell("acme", "account.paused")
    story.revoke(bonus.account)
    suspend(story)
    hold(story, "a question")
    story.evaluate()
    opened(story)

    def held():
        return explain.held(Bonus.objects.get(), as_of=story.now)

    assert held() == "a question"
    holds.lift(bonus, by=story.fay, at=story.now)
    assert held() == "referrer_suspended"
    enrollment.resume(story.rosa, program=story.program, by=story.fay, at=story.now)
    assert held() == "in_review"
    story.decide(bonus.account)
    story.wait(minutes=11)
    assert held() == "referred_account_paused"
    story.tell("acme", "account.activated")
    story.evaluate()
    assert held() == "below_minimum"
    story.earn("beta")
    story.now = datetime.fromisoformat("2026-04-16T00:00Z")
    assert explain.held(bonus, as_of=story.now) is None


@pytest.mark.parametrize("end", ["PAID", "CANCELLED"])
def test_nothing_holds_a_bonus_that_is_not_unpaid(end):
    story = Story()
    story.earn()
    if end == "CANCELLED":
        story.tell("acme", "subscription.refunded")
    story.pass_to(DUE)
    suspend(story)

    bonus = Bonus.objects.get()
    assert (bonus.status, explain.held(bonus, as_of=story.now)) == (end, None)
    assert explain.overdue_days(bonus, as_of=datetime.fromisoformat("2026-06-01T00:00Z")) == 0


@pytest.mark.parametrize(("at", "days"), [("2026-03-31T23:59Z", 0), ("2026-04-01T00:00Z", 1)])
def test_a_bonus_is_overdue_from_the_day_after_its_window(at, days):
    story = Story()
    bonus = story.earn()
    hold(story, "a question")

    assert explain.overdue_days(bonus, as_of=datetime.fromisoformat(at)) == days


TWO_REWARDS = {
    "rewards.qualified_one": {
        "code": "qualified_one",
        "beneficiary": "REFERRER",
        "requires": ["qualified"],
        "kind": "CASH",
        "amount": "30.00",
    }
}


def test_of_several_bonuses_the_first_of_the_file_that_is_not_paid_speaks_for_the_account():
    story = Story(changes=TWO_REWARDS)
    account = story.sign_up()
    story.decide(account)
    story.tell(account, "subscription.started")
    story.wait(minutes=11)
    first, second = Bonus.objects.order_by("reward__position")
    holds.place(second, reason="the second", by=story.fay, at=story.now)
    assert why(story) == "window_not_open"

    story.pass_to(DUE)
    assert [explain.of_bonus(bonus, as_of=story.now) for bonus in Bonus.objects.order_by("pk")] == [
        None,
        "the second",
    ]
    assert (first.reward.code, why(story)) == ("new_customer", "the second")


def test_of_several_bonuses_of_a_reward_the_latest_speaks():
    story = Story()
    story.earn()
    story.tell("acme", "subscription.refunded")
    story.pass_to(DUE)
    story.wait(days=1)
    story.tell("acme", "subscription.started")
    story.wait(minutes=1)

    assert why(story) == "window_not_open"


def test_of_several_months_the_first_that_is_not_paid_speaks():
    story = Story("smithai-legacy")
    acme = story.sign_up()
    story.tell(acme, "account.activated")
    story.pass_to("2025-03-01T12:00Z")
    story.pass_to("2025-03-31T06:59Z")
    assert why(story) is None

    story.now = datetime.fromisoformat("2025-03-31T07:00Z")
    story.evaluate()
    assert why(story) == "next_run"


def test_every_rule_is_told_with_its_words_and_since_when_it_is_met():
    story = Story()
    acme = story.sign_up()
    signed_up_at = story.now
    story.wait(days=1)
    decision = story.decide(acme)
    story.wait(minutes=11)

    told = explain.account(
        story.program, host_account="acme", as_of=story.now, audience=Audience.REFERRER
    ).lines

    assert [(line.code, line.is_met, line.since) for line in told] == [
        ("signed_up", True, signed_up_at),
        ("qualified", True, decision.decided_at),
        ("subscribed", False, None),
        ("qualifying_purchase", False, None),
        ("window", False, None),
    ]
    assert (told[0].label, told[0].quote) == ("Signed up with your link", "using your referral link")


def test_a_rule_that_no_longer_holds_says_since_when():
    story = Story()
    story.earn()
    story.tell("acme", "subscription.refunded")
    refunded_at = story.now
    story.wait(days=1)

    told = explain.account(
        story.program, host_account="acme", as_of=story.now, audience=Audience.REFERRER
    ).lines

    assert [(line.code, line.is_met, line.since) for line in told][2:4] == [
        ("subscribed", False, refunded_at),
        ("qualifying_purchase", False, refunded_at),
    ]


# --- who must act, and when -------------------------------------------------------------------------------


def told_of(story, account="acme", audience=Audience.STAFF):
    return explain.account(story.program, host_account=account, as_of=story.now, audience=audience)


def days(story, account="acme"):
    told = told_of(story, account)
    return told.headline.who, str(told.earliest_on), str(told.latest_on)


def test_a_caller_acts_on_a_company_in_review_a_senior_on_a_signal_and_then_time():
    story = Story()
    acme = story.sign_up()
    # Qualified today, it would be paid in March.
    assert days(story) == (Who.CALLER, "2026-03-16", "None")

    warning_signs.put(acme, kind=SignalKind.EMPLOYEE, by=story.sam, at=story.now, note="alike")
    assert days(story)[0] is Who.SENIOR

    warning_signs.settle(acme, kind=SignalKind.EMPLOYEE, by=story.sam, at=story.now, note="a namesake")
    story.decide(acme)
    told = told_of(story)
    assert (told.headline.who, told.first_unmet) == (Who.TIME, "in_review")
    assert told.headline.sentence == (
        "Decided: qualified. It takes effect at Feb 2, 10:10 UTC; until then it can be undone."
    )
    read = told_of(story, audience=Audience.REFERRER).headline
    # Neither that somebody has decided nor who looks at it.
    assert (read.who, read.sentence) == (
        Who.US,
        "We talk to them, then you see here whether they qualify.",
    )

    story.wait(minutes=11)
    assert days(story) == (Who.COMPANY, "2026-03-16", "None")


def test_a_sign_up_that_nobody_brought_is_for_support():
    story = Story()
    told = intake.SignUpTold(host_account="acme", occurred_at=story.now, company_name="Acme GmbH")
    intake.sign_up(story.program, told=told, told_at=story.now)

    told = told_of(story)

    assert (told.first_unmet, told.headline.who) == ("not_attributed", Who.SUPPORT)
    assert [(line.state, line.since) for line in told.lines] == [("UNMET", story.now)]
    assert told_of(story, audience=Audience.REFERRER).lines == ()


def test_time_pays_a_bonus_within_its_window():
    story = Story()
    story.earn()
    assert days(story) == (Who.TIME, "2026-03-16", "2026-03-31")

    story.now = datetime.fromisoformat("2026-03-20T12:00Z")
    assert days(story) == (Who.TIME, "2026-03-20", "2026-03-31")

    story.pass_to("2026-03-20T12:05Z")
    assert days(story) == (Who.NOBODY, "2026-03-20", "2026-03-20")


def test_nobody_can_say_by_when_a_held_or_a_late_bonus_is_paid():
    story = Story()
    story.earn()
    hold(story, "a question")
    assert days(story) == (Who.FINANCE, "2026-03-16", "None")

    holds.lift(Bonus.objects.get(), by=story.fay, at=story.now)
    story.now = datetime.fromisoformat("2026-04-02T12:00Z")
    assert days(story) == (Who.TIME, "2026-04-02", "None")
    assert told_of(story, audience=Audience.REFERRER).headline.sentence == (
        "Expected Mar 16 - 31, 2026. Nothing is missing."
        " It is unpaid beyond the time that we promised. We are on it, and it stays yours."
    )


def test_a_preparer_acts_on_a_draft_then_an_approver_then_time():
    story = Story(changes=AFTER_APPROVAL)
    story.earn()
    opened(story)
    assert days(story) == (Who.TIME, "2026-03-16", "2026-03-31")

    story.pass_to(DUE)
    assert days(story)[0] is Who.PREPARER
    batches.put_up(PayoutBatch.objects.get(), by=story.fay, at=story.now)
    assert days(story)[0] is Who.APPROVER
    put_up = line_of(told_of(story), "approval").detail
    assert put_up.endswith("was put up by fay, and waits for an approver.")

    batches.approve(PayoutBatch.objects.get(), by=story.finn, at=story.now)
    assert days(story)[0] is Who.TIME
    assert line_of(told_of(story), "approval").detail.endswith("was approved by finn.")


@pytest.mark.parametrize("event", ["account.paused", "account.past_due"])
def test_the_company_acts_while_its_account_is_not_active(event):
    story = Story(changes={**ACTIVE, **WAITS})
    story.earn()
    story.tell("acme", event)
    story.evaluate()
    opened(story)

    assert days(story)[0] is Who.COMPANY
    assert line_of(told_of(story), "condition").state == "WAITING"


def test_support_acts_for_a_suspended_referrer_and_nobody_on_what_came_to_nothing():
    story = Story()
    story.earn()
    suspend(story)
    assert days(story)[0] is Who.SUPPORT

    story.sign_up("gone", email="office@gmail.com", link="ben")
    assert days(story, "gone") == (Who.NOBODY, "None", "None")


def test_where_the_first_payment_counts_a_late_condition_is_paid_at_once():
    story = Story("smithai")
    acme = story.sign_up()
    # Another product: it starts the clock, and is no first invoice of the receptionist.
    story.tell(acme, "invoice.paid", 5_000, product="chat")
    story.wait(days=200)

    told = told_of(story)

    assert told.earliest_on == story.now.date()
    assert told.latest_on is None


# --- line by line -----------------------------------------------------------------------------------------


def line_of(told, code):
    return next(line for line in told.lines if line.code == code)


def test_staff_read_who_did_what_and_the_referrer_only_that_it_is_so():
    story = Story()
    acme = story.sign_up()
    story.call(acme, "REACHED")
    story.decide(acme)
    story.wait(minutes=11)
    event = story.tell(acme, "subscription.started")
    story.evaluate()
    bonus = Bonus.objects.get()

    staff = explain.bonus(bonus, as_of=story.now)
    referrer = explain.bonus(bonus, as_of=story.now, audience=Audience.REFERRER)

    assert line_of(staff, "signed_up").detail == "With the link rosa; no other touch counted."
    assert line_of(referrer, "signed_up").detail == "With your link."
    asked = acme.terms.criteria.filter(source="STAFF", required=True, asked="ALWAYS").count()
    assert line_of(staff, "qualified").detail == (
        f"cara, {asked} of {asked} questions answered with yes, in the call of Feb 2, 10:00 UTC."
    )
    assert line_of(referrer, "qualified").detail == "We talked to them, and they qualify."
    assert line_of(staff, "subscribed").detail == f"By subscription.started {event.event_id}."
    assert line_of(referrer, "subscribed").detail == ""
    window = line_of(staff, "window")
    assert window.detail == (
        "Mar 16 - 31, 2026 (UTC), opens in 42 days: from the 16th to the last day of the month"
        " after the one in which all conditions are met."
    )
    assert (window.quote, window.state) == ("after March 15", "WAITING")
    assert (window.since, window.until) == (
        datetime.fromisoformat("2026-03-16T00:00Z"),
        datetime.fromisoformat("2026-04-01T00:00Z"),
    )
    checks = {criterion.code for criterion in acme.terms.criteria.all()}
    assert checks & {line.code for line in staff.lines} != set()
    assert checks & {line.code for line in referrer.lines} == set()


def test_every_hold_stands_there_with_who_and_until_when_and_to_the_referrer_that_it_is_checked():
    story = Story()
    bonus = story.earn()
    hold(story, "first question")
    story.wait(days=1)
    holds.lift(bonus, by=story.finn, at=story.now)
    hold(story, "second question")

    staff = [line for line in told_of(story).lines if line.code == "hold"]
    referrer = told_of(story, audience=Audience.REFERRER)

    assert [(line.detail, line.state) for line in staff] == [
        ("first question. By fay, lifted by finn.", "MET"),
        ("second question. By fay.", "UNMET"),
    ]
    assert staff[0].until == story.now
    assert [line.detail for line in referrer.lines if line.code == "hold"] == [
        "Being checked before it is paid."
    ]
    assert (referrer.first_unmet, told_of(story).first_unmet) == ("on_hold", "second question")


def test_the_minimum_says_how_much_is_due_together():
    story = Story(changes=MINIMUM)
    story.earn()
    opened(story)

    assert line_of(told_of(story), "minimum").detail == (
        "USD 100.00 due together, less than USD 100.01: it is carried over."
    )
    assert line_of(told_of(story, audience=Audience.REFERRER), "minimum").detail == (
        "$100.00 due together, less than $100.01: it waits for more."
    )


def test_a_milestone_says_until_when_it_may_be_reached():
    story = Story("upwork-2019")
    story.sign_up("ann")
    open_one = next(line for line in told_of(story, "ann").lines if line.state == "WAITING")

    assert open_one.until is not None
    assert open_one.until > story.now

    story.wait(days=90)
    assert line_of(told_of(story, "ann"), open_one.code).state == "UNMET"


def test_a_reason_that_is_not_shown_is_not_told_to_the_referrer():
    story = Story()
    acme = story.sign_up()
    reason = acme.terms.rejection_reasons.filter(shown=False).first()
    assert reason is not None
    story.decide(acme, "NOT_QUALIFIED", reason=reason.code)
    story.wait(minutes=11)

    referrer = told_of(story, audience=Audience.REFERRER)

    assert told_of(story).headline.sentence == reason.internal_text
    assert (referrer.first_unmet, referrer.headline.sentence) == (
        "not_eligible",
        "It did not meet the terms of the program.",
    )


@pytest.mark.parametrize("audience", Audience)
def test_an_answer_costs_few_queries(audience, django_assert_max_num_queries):
    story = Story(changes=AFTER_APPROVAL)
    story.earn()
    hold(story, "a question")
    story.pass_to(DUE)

    # The rules of published terms are kept from one answer to the next.
    told_of(story, audience=audience)

    with django_assert_max_num_queries(9):
        told_of(story, audience=audience)
    bonus = Bonus.objects.get()
    with django_assert_max_num_queries(10):
        explain.bonus(bonus, as_of=story.now, audience=audience)


@pytest.mark.parametrize("audience", Audience)
def test_of_a_bonus_that_its_run_will_cancel_nobody_says_that_nothing_is_missing(audience):
    story = Story(changes=ACTIVE)
    story.earn()
    before = told_of(story, audience=audience)
    story.tell("acme", "account.cancelled")
    story.evaluate()

    after = told_of(story, audience=audience)

    assert "Nothing is missing" in before.headline.sentence
    assert before.latest_on is not None
    assert after.first_unmet == before.first_unmet == "window_not_open"
    assert (
        after.headline.sentence
        == {
            Audience.STAFF: "A condition no longer holds: the run of its window cancels it, "
            "unless it holds again by then.",
            Audience.REFERRER: "The terms of the program are not met at the moment.",
        }[audience]
    )
    assert after.latest_on is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [({}, "A condition no longer holds"), ({"payout_schedule.condition": "NONE"}, "Nothing is missing.")],
)
def test_a_milestone_that_no_longer_holds_will_cancel_its_bonus_where_the_schedule_asks(changes, says):
    story = Story(changes=changes)
    story.earn()
    story.tell("acme", "subscription.refunded")
    story.evaluate()

    assert says in explain.bonus(Bonus.objects.get(), as_of=story.now).headline.sentence


@pytest.mark.parametrize("audience", Audience)
def test_a_referrer_whom_the_terms_no_longer_pay_is_told_by_the_headline(audience):
    story = Story("upwork-2019", {"eligibility.in_the_us.checked_at": "RELEASE"})
    bonus = story.earn()
    said = {
        Audience.STAFF: "A condition no longer holds: the run of its window cancels it, "
        "unless it holds again by then.",
        Audience.REFERRER: "The terms of the program are not met at the moment.",
    }[audience]
    assert told_of(story, audience=audience).headline.sentence != said
    enrollment.change_referrer(story.rosa, changes={"country": "FR"})

    told = told_of(story, audience=audience)
    row = explain_many.with_what_is_missing(
        ReferredAccount.objects.select_related("enrollment", "rejection_reason")
    ).get()
    in_a_list = explain_many.accounts([row], as_of=story.now)[row.pk]

    assert (told.headline.sentence, told.latest_on) == (said, None)
    of_it = explain.bonus(bonus, as_of=story.now, audience=audience)
    assert (of_it.headline.sentence, of_it.latest_on) == (said, None)
    assert in_a_list.headline == told_of(story).headline
    assert "The terms of the program are not met at the moment." in read(story)


@pytest.mark.plants_breaches
@pytest.mark.parametrize("status", ["FAILED", "RETURNED"])
def test_what_came_back_is_not_told_as_paid(status):
    story = Story()
    story.earn()
    story.pass_to(DUE)
    assert told_of(story).headline.sentence == "Everything it earned is paid."
    Payout.objects.update(status=status)

    told = told_of(story)
    of_bonus = explain.bonus(Bonus.objects.get(), as_of=story.now, audience=Audience.REFERRER)

    assert told.first_unmet is None
    assert told.headline.sentence.startswith("It was sent, and did not arrive or came back.")
    assert told.headline.who is Who.PAYER
    assert (told.earliest_on, told.latest_on) == (None, None)
    assert of_bonus.headline.sentence == "It came back. It stays yours, and we send it again."
    assert explained_wrongly(story.program, as_of=story.now, expected={"acme": None}) == []


@pytest.mark.plants_breaches
def test_a_cancelled_bonus_has_no_line_of_its_approval():
    story = Story(changes=AFTER_APPROVAL)
    bonus = story.earn()
    before = [line.code for line in explain.bonus(bonus, as_of=story.now).lines]
    Bonus.objects.update(status="CANCELLED", cancel_reason="milestone_no_longer_holds")
    after = [line.code for line in explain.bonus(Bonus.objects.get(), as_of=story.now).lines]

    assert ("approval" in before, "approval" in after) == (True, False)
