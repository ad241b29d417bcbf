"""Facts changed, evaluated, the difference stored: milestones, counters, activity, steps of the status."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from payouts import sweeps
from payouts.program_files import latest_terms
from referrals import enrollment, evaluation, events, qualification
from referrals.models import AccountEvent, FunnelCount, MilestoneReached, ReferredAccount
from tests.factories import AccountEventFactory, ReferredAccountFactory
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
WITHIN_30_DAYS = {f"milestones.paying_client.any.{n}.within_days": 30 for n in (0, 1)}


@pytest.fixture
def story():
    return Story("smartcat")


def now(account: ReferredAccount) -> ReferredAccount:
    return ReferredAccount.objects.get(pk=account.pk)


def reached(account: ReferredAccount) -> dict[str, tuple[datetime, bool, datetime]]:
    rows = MilestoneReached.objects.filter(account=account).select_related("milestone")
    return {row.milestone.code: (row.first_at, row.holds, row.since) for row in rows}


def counters(story: Story) -> dict[str, int]:
    rows = FunnelCount.objects.filter(enrollment=story.enrollment())
    return dict(rows.order_by("milestone").values_list("milestone", "accounts"))


def status_and_cause(account: ReferredAccount) -> tuple[str, str]:
    return now(account).status, account.status_changes.last().cause


# --- milestones and counters --------------------------------------------------------------------------


def test_what_an_account_has_reached_is_stored_and_counted(story):
    account = story.sign_up()
    signed_up_at = story.now
    story.tell(account, "subscription.started")
    story.now += DAY
    decision = story.decide(account)
    story.wait(minutes=10)

    assert reached(account) == {
        "signed_up": (signed_up_at, True, signed_up_at),
        "subscribed": (signed_up_at, True, signed_up_at),
        # A decision counts from the moment it was made.
        "qualified": (decision.decided_at, True, decision.decided_at),
        "qualifying_purchase": (decision.decided_at, True, decision.decided_at),
    }
    assert counters(story) == {"qualified": 1, "qualifying_purchase": 1, "signed_up": 1}


def test_what_no_longer_holds_stays_with_its_end_and_leaves_the_counter(story):
    account = story.sign_up()
    signed_up_at = story.now
    story.tell(account, "subscription.started")
    story.wait(days=1)
    story.tell(account, "subscription.refunded")
    story.evaluate()
    refunded_at = story.now

    assert reached(account)["subscribed"] == (signed_up_at, False, refunded_at)

    story.wait(days=1)
    story.tell(account, "subscription.started")
    story.evaluate()

    assert reached(account)["subscribed"] == (signed_up_at, True, story.now)
    assert counters(story) == {"signed_up": 1}


def test_what_was_never_reached_after_all_has_no_row(story):
    account = story.sign_up()
    event = story.tell(account, "subscription.started")
    story.decide(account)
    story.wait(minutes=10)
    assert counters(story)["qualifying_purchase"] == 1

    events.void(event, by=story.cara, approved_by=story.sam, at=story.now)
    story.evaluate()

    assert set(reached(account)) == {"signed_up", "qualified"}
    assert counters(story) == {"qualified": 1, "qualifying_purchase": 0, "signed_up": 1}


def test_counters_are_the_accounts_of_each_referrer_that_have_the_milestone_now(story):
    for name in ("acme", "bold", "cold"):
        story.sign_up(name)
    story.sign_up("dark", link="ben")
    refused = story.sign_up("early", phone="")
    for name in ("acme", "bold"):
        story.decide(ReferredAccount.objects.get(host_account=name))
    story.wait(minutes=10)
    qualification.revoke(
        ReferredAccount.objects.get(host_account="bold"), by=story.sam, at=story.now, reason="A double."
    )
    story.wait(minutes=1)

    assert now(refused).status == "NOT_QUALIFIED"
    assert counters(story) == {"qualified": 1, "signed_up": 4}
    assert FunnelCount.objects.get(enrollment=story.enrollment(story.ben)).accounts == 1


def test_a_pending_decision_counts_for_nothing_and_a_revoked_one_no_more(story):
    account = story.sign_up()
    decided_at = story.now
    story.decide(account)
    story.wait(minutes=9)
    assert set(reached(account)) == {"signed_up"}

    story.wait(minutes=1)
    qualification.revoke(account, by=story.sam, at=story.now, reason="A double.")
    story.evaluate()
    revoked_at = story.now
    assert reached(account)["qualified"] == (decided_at, False, revoked_at)
    assert evaluation.evaluate_now(now(account), as_of=story.now).decision is None

    story.now += DAY
    decision = story.decide(account, by=story.sam)
    story.wait(minutes=10)
    assert reached(account)["qualified"] == (decided_at, True, decision.decided_at)
    assert evaluation.evaluate_now(now(account), as_of=story.now).decision == decision


def test_in_whatever_order_the_same_facts_are_told_accounts_and_counters_end_the_same():
    story = Story("smithai")
    at = story.now
    facts = [
        ("invoice.paid", 500, {"product": "chat", "occurred_at": at + 2 * DAY}),
        ("invoice.paid", 23_500, {"product": "voice_assistant", "occurred_at": at + DAY}),
        ("invoice.refunded", 23_500, {"product": "voice_assistant", "occurred_at": at + 3 * DAY}),
        ("account.paused", 0, {"occurred_at": at + 2 * DAY}),
    ]
    orders = list(permutations(facts))
    accounts = [story.sign_up(f"account{number}") for number in range(len(orders))]
    story.now += 4 * DAY

    for step in range(len(facts)):
        for account, order in zip(accounts, orders, strict=True):
            type, amount_minor, more = order[step]
            story.tell(account, type, amount_minor, **more)
        story.evaluate()

    endings = [
        (now(account).status, now(account).activity, now(account).activity_at, reached(account))
        for account in accounts
    ]
    assert endings == [endings[0]] * len(orders)
    assert endings[0] == (
        "QUALIFIED",
        "PAUSED",
        at + 2 * DAY,
        {
            "signed_up": (at, True, at),
            "voice_paid": (at + DAY, False, at + 3 * DAY),
            "paying_client": (at + DAY, False, at + 3 * DAY),
        },
    )
    assert counters(story) == {"paying_client": 0, "signed_up": 24}


def test_evaluating_again_changes_nothing(story):
    account = story.earn().account
    story.tell(account, "subscription.refunded")
    story.evaluate()
    ReferredAccount.objects.update(facts_evaluated=0)

    assert sweeps.SWEEPS["evaluate_changed_facts"](as_of=story.now).done == 1
    with nothing_changes():
        story.evaluate()


def test_looking_at_an_account_writes_nothing(story):
    account = story.sign_up()
    story.tell(account, "subscription.started")

    with nothing_changes():
        seen = evaluation.evaluate_now(now(account), as_of=story.now)

    assert seen.outcome.holds("subscribed")
    assert seen.outcome.first_unmet(["subscribed", "qualifying_purchase"]) == "qualifying_purchase"


def test_an_earlier_look_knows_only_the_facts_of_its_time(story):
    account = story.sign_up()
    signed_up_at = story.now
    story.now += DAY
    story.tell(account, "subscription.started")

    seen = evaluation.evaluate_now(now(account), as_of=story.now - SECOND)

    assert (seen.facts, seen.outcome.reached_at("signed_up")) == ([], signed_up_at)


def test_the_facts_of_one_account_are_not_those_of_another_that_is_evaluated_with_it():
    here = ReferredAccountFactory(host_account="same")
    there = ReferredAccountFactory(host_account="same")
    event = AccountEventFactory(client__host=here.program.host, host_account="same")

    sweeps.SWEEPS["evaluate_changed_facts"](as_of=event.received_at)

    assert AccountEvent.objects.about(here).get() == event
    assert not AccountEvent.objects.about(there).exists()
    accounts = [now(here), now(there)]
    assert [len(evaluation.evaluate_now(a, as_of=event.received_at).facts) for a in accounts] == [1, 0]


# --- activity -----------------------------------------------------------------------------------------


def test_the_activity_of_an_account_follows_its_facts(story):
    account = story.sign_up()
    story.evaluate()
    assert (now(account).activity, now(account).activity_at) == ("ACTIVE", None)

    story.tell(account, "account.cancelled")
    paused_before = story.now - SECOND
    story.tell(account, "account.paused", occurred_at=paused_before)
    story.evaluate()

    assert (now(account).activity, now(account).activity_at) == ("CANCELLED", story.now)


# --- steps that milestones and deadlines take ---------------------------------------------------------


def test_where_a_milestone_qualifies_the_account_is_qualified_as_soon_as_it_is_reached():
    story = Story("smithai")
    account = story.sign_up()
    story.evaluate()
    assert now(account).status == "SIGNED_UP"

    story.tell(account, "invoice.paid", 100, product="voice_assistant")
    story.evaluate()

    assert status_and_cause(account) == ("QUALIFIED", "MILESTONE")
    assert account.status_changes.get().changed_by is None


def test_a_qualified_account_stays_so_when_the_milestone_no_longer_holds():
    story = Story("smithai")
    account = story.sign_up()
    story.tell(account, "invoice.paid", 100, product="voice_assistant")
    story.wait(days=1)
    story.tell(account, "invoice.refunded", 100, product="voice_assistant")
    story.evaluate()

    assert now(account).status == "QUALIFIED"
    assert counters(story) == {"paying_client": 0, "signed_up": 1}


def test_what_was_reached_and_undone_before_anybody_looked_was_ever_reached():
    story = Story("smithai")
    account = story.sign_up()
    story.tell(account, "invoice.paid", 100, product="voice_assistant")
    story.now += DAY
    story.tell(account, "invoice.refunded", 100, product="voice_assistant")
    story.evaluate()

    assert now(account).status == "QUALIFIED"


def test_a_milestone_does_not_take_an_account_out_of_review():
    story = Story("smithai")
    account = story.sign_up(email="office@rosa-words.example")
    story.tell(account, "invoice.paid", 100, product="voice_assistant")
    story.wait(days=30)

    assert now(account).status == "IN_REVIEW"
    story.decide(account)
    story.wait(minutes=10)
    assert status_and_cause(account) == ("QUALIFIED", "DECIDED")


def test_a_milestone_waits_for_a_pending_decision_and_for_its_undoing():
    story = Story("smithai")
    account = story.sign_up()
    story.decide(account, "NOT_QUALIFIED", reason="incomplete")
    story.tell(account, "invoice.paid", 100, product="voice_assistant")
    story.wait(minutes=9)
    assert now(account).status == "SIGNED_UP"

    qualification.undo(account, by=story.cara, at=story.now)
    story.evaluate()

    assert status_and_cause(account) == ("QUALIFIED", "MILESTONE")


def test_a_refused_account_is_not_lifted_by_a_milestone():
    story = Story("smithai")
    account = story.sign_up()
    story.decide(account, "NOT_QUALIFIED", reason="incomplete")
    story.tell(account, "invoice.paid", 100, product="voice_assistant")
    story.wait(minutes=10)
    story.wait(days=1)

    assert now(account).status == "NOT_QUALIFIED"


@pytest.mark.parametrize("flagged", [False, True])
def test_an_undecided_account_expires_at_its_deadline(flagged):
    story = Story("smithai", WITHIN_30_DAYS)
    account = story.sign_up(**({"email": "office@rosa-words.example"} if flagged else {}))
    deadline = datetime(2026, 3, 5, 8, tzinfo=UTC)
    story.evaluate()
    assert now(account).evaluate_at == deadline

    story.now = deadline - SECOND
    story.evaluate()
    assert now(account).status == ("IN_REVIEW" if flagged else "SIGNED_UP")
    story.now = deadline
    story.evaluate()

    assert status_and_cause(account) == ("EXPIRED", "EXPIRED")
    assert (now(account).rejection_reason, now(account).evaluate_at) == (None, None)


def test_the_terms_may_name_the_reason_of_an_expired_account():
    story = Story("upwork-2019")
    account = story.sign_up(kind="FREELANCER")
    story.now = datetime(2019, 4, 16, 7, tzinfo=UTC)
    story.evaluate()

    assert now(account).status == "EXPIRED"
    assert now(account).rejection_reason.code == "threshold_not_reached_by_deadline"
    assert account.status_changes.get().reason.code == "threshold_not_reached_by_deadline"


def test_a_fact_in_time_that_is_told_late_lifts_an_expired_account():
    story = Story("upwork-2019")
    account = story.sign_up(kind="FREELANCER")
    story.now = datetime(2019, 4, 20, tzinfo=UTC)
    story.evaluate()

    in_time = datetime(2019, 4, 16, 6, 59, 59, tzinfo=UTC)
    story.tell(account, "earning.posted", 49_999, category="customer_service", occurred_at=in_time)
    story.tell(account, "earning.posted", 9_999, category="customer_service")
    story.evaluate()
    assert now(account).status == "EXPIRED"
    story.tell(account, "earning.posted", 1, category="customer_service", occurred_at=in_time)
    story.evaluate()

    assert status_and_cause(account) == ("QUALIFIED", "MILESTONE")
    assert now(account).rejection_reason is None


def test_an_account_does_not_expire_while_a_decision_waits_and_does_when_it_is_undone():
    story = Story("smithai", WITHIN_30_DAYS)
    account = story.sign_up(email="office@rosa-words.example")
    deadline = datetime(2026, 3, 5, 8, tzinfo=UTC)
    story.now = deadline - timedelta(minutes=1)
    story.decide(account)
    story.now = deadline
    story.evaluate()
    assert now(account).status == "IN_REVIEW"

    qualification.undo(account, by=story.cara, at=story.now)
    story.evaluate()

    assert now(account).status == "EXPIRED"


def test_what_becomes_of_an_account_in_review_hangs_on_no_fact_that_counts_for_nothing():
    becomes = []
    for host, counts_for_nothing in (("untouched", []), ("touched", ["usage.recorded"])):
        story = Story("smithai", WITHIN_30_DAYS, host=host)
        account = story.sign_up(email="office@rosa-words.example")
        story.tell(account, "invoice.paid", 100, product="voice_assistant")
        story.wait(days=40)
        for type in counts_for_nothing:
            story.tell(account, type)
        story.wait(days=1)
        becomes.append(now(account).status)

    assert becomes[0] == becomes[1]


# --- which accounts are looked at ---------------------------------------------------------------------


def test_only_what_changed_is_looked_at_and_what_has_its_time(story):
    story.sign_up("acme")
    later = story.sign_up("bold")
    story.evaluate()
    due = ReferredAccount.objects.to_evaluate

    evaluation.look_again([later.pk], at=story.now + DAY)

    assert list(due(as_of=story.now)) == []
    assert list(due(as_of=story.now + DAY)) == [later]


def test_a_second_look_is_never_put_off(story):
    account = story.sign_up()
    evaluation.look_again([account.pk], at=story.now + 2 * DAY)
    evaluation.look_again([account.pk], at=story.now + 3 * DAY)
    assert now(account).evaluate_at == story.now + 2 * DAY

    evaluation.look_again([account.pk], at=story.now + DAY)

    assert now(account).evaluate_at == story.now + DAY


def test_a_fact_told_while_an_account_is_evaluated_has_it_looked_at_again(story):
    account = story.sign_up()
    seen = now(account).facts_changed
    story.tell(account, "subscription.started")

    evaluation.mark_evaluated(account, seen=seen, next_look_at=None)

    assert list(ReferredAccount.objects.to_evaluate(as_of=story.now)) == [account]


def test_the_terms_of_an_account_are_read_once_and_never_mixed_up(story):
    rules = evaluation.rules_of(latest_terms(story.program))

    assert evaluation.rules_of(latest_terms(story.program)) is rules
    assert [milestone.code for milestone in rules.milestones] == [
        "signed_up",
        "qualified",
        "subscribed",
        "qualifying_purchase",
    ]
    assert rules.by_code["qualifying_purchase"].after == ("qualified",)
    assert rules.by_code["qualifying_purchase"].tests[1].at_least_minor == 500_000
    elsewhere = Story("smithai", host="elsewhere")
    assert evaluation.rules_of(latest_terms(elsewhere.program)).qualified_by == "paying_client"


def test_a_suspended_referrers_accounts_are_evaluated_all_the_same(story):
    account = story.sign_up()
    enrollment.suspend(story.rosa, program=story.program, by=story.sam, at=story.now, reason="Spam.")
    story.tell(account, "subscription.started")
    story.evaluate()

    assert set(reached(account)) == {"signed_up", "subscribed"}
