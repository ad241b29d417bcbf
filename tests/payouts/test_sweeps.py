"""Everything that happens by itself, and the two commands that let it happen."""

from datetime import datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command

from payouts import ledger, sweeps
from payouts.models import Bonus, LedgerAccount, Payout
from referrals.models import JobRun
from tests.factories import ProgramFactory
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db

DUE = "2026-03-16T00:05Z"
AFTERWARDS = "2026-03-20T12:00Z"


def command(name, *arguments, at=AFTERWARDS):
    """Run a command at an instant; return what it printed."""
    out = StringIO()
    with time_machine.travel(datetime.fromisoformat(at), tick=False):
        call_command(name, *arguments, stdout=out)
    return out.getvalue()


def statuses():
    return list(Bonus.objects.order_by("pk").values_list("status", flat=True))


def test_a_tick_does_everything_that_is_due_and_says_so():
    story = Story()
    acme = story.sign_up()
    story.decide(acme)
    story.tell(acme, "subscription.started")

    assert command("tick") == (
        "let_decisions_take_effect: examined 1, done 1, failed 0\n"
        "evaluate_changed_facts: examined 1, done 1, failed 0\n"
        "follow_calling_hours: examined 0, done 0, failed 0\n"
        "give_up_unreachable: examined 0, done 0, failed 0\n"
        "prepare_batches: examined 0, done 0, failed 0\n"
        "release: examined 1, done 1, failed 0\n"
        "send_payments: examined 0, done 0, failed 0\n"
        "escalate_overdue: examined 0, done 0, failed 0\n"
        "warn_before_closing: examined 0, done 0, failed 0\n"
        "send_messages: examined 0, done 0, failed 0\n"
        "draw_second_looks: examined 0, done 0, failed 0\n"
        "count_months: examined 5, done 5, failed 0\n"
        "verify_books: examined 12, done 12, failed 0\n"
        "forget_old_runs: examined 0, done 0, failed 0\n"
    )
    assert statuses() == ["PAID"]
    assert Bonus.objects.get().paid_at == datetime.fromisoformat(AFTERWARDS)
    runs = JobRun.objects.order_by("pk")
    assert [(run.job, run.as_of.isoformat(), run.done, run.error) for run in runs] == [
        (name, "2026-03-20T12:00:00+00:00", done, "")
        for name, done in zip(sweeps.SWEEPS, [1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 5, 12, 0], strict=True)
    ]


def test_a_tick_after_a_tick_finds_nothing_to_do():
    story = Story()
    story.earn()
    command("tick")
    command("tick")

    assert list(JobRun.objects.order_by("-pk").values_list("done", flat=True)[:5]) == [0] * 5
    assert (statuses(), Payout.objects.count()) == (["PAID"], 1)


def test_a_tick_for_an_earlier_instant_pays_what_was_due_then():
    story = Story()
    story.earn()
    command("tick", "--as-of", "2026-03-15T23:59:59+00:00")
    assert statuses() == ["ACTIVATED"]

    command("tick", "--as-of", "2026-03-16T01:05:00+01:00")
    assert Bonus.objects.get().paid_at == datetime.fromisoformat(DUE)


@pytest.mark.parametrize(
    ("instant", "said"),
    [
        ("2026-03-20T12:00:01Z", "lies in the future"),
        ("2026-03-20T12:00:00", "has no offset"),
        ("2026-03-20", "has no offset"),
        ("yesterday", "is no instant"),
    ],
)
def test_a_tick_for_no_instant_or_one_to_come_is_refused(instant, said):
    story = Story()
    story.earn()

    with nothing_changes(), pytest.raises(CommandError, match=said) as refusal:
        command("tick", "--as-of", instant)
    assert instant in str(refusal.value)


def test_a_tick_tells_what_failed_and_does_the_rest():
    story = Story()
    story.earn("acme")
    beta = story.sign_up("beta", link="ben")
    story.decide(beta)
    story.tell(beta, "subscription.started")
    # In another currency than the program's, nothing that Ben earns can be booked.
    ledger.open_referrer_accounts([story.enrollment(story.ben)])
    LedgerAccount.objects.filter(enrollment=story.enrollment(story.ben)).update(currency="EUR")

    with pytest.raises(CommandError, match="1 failed"):
        command("tick")

    assert statuses() == ["PAID"]
    failed = JobRun.objects.get(failed=1)
    assert (failed.job, f"account {beta.pk}: " in failed.error) == ("evaluate_changed_facts", True)


def test_a_sweep_of_which_a_part_fails_leaves_its_row():
    story = Story()
    story.earn()
    LedgerAccount.objects.filter(kind="BALANCE").delete()

    with pytest.raises(CommandError, match="1 failed"):
        command("tick")

    run = JobRun.objects.get(job="release")
    assert (run.failed, "IntegrityError: " in run.error) == (1, True)
    assert statuses() == ["ACTIVATED"]


def test_who_could_not_be_reached_is_given_up():
    story = Story()
    acme = story.sign_up()
    for _ in range(5):
        story.call(acme)
        story.now += timedelta(hours=1)
    assert sweeps.give_up_unreachable(as_of=story.now + timedelta(days=20)).done == 0
    assert (
        sweeps.give_up_unreachable(as_of=story.now + timedelta(days=22), program=ProgramFactory()).done == 0
    )

    assert sweeps.give_up_unreachable(as_of=story.now + timedelta(days=22), program=story.program).done == 1
    acme.refresh_from_db()
    assert (acme.status, acme.rejection_reason.code) == ("NOT_QUALIFIED", "unreachable")


def test_people_do_their_part_between_the_draft_and_its_release():
    story = Story(changes={"payout_schedule.release": "AFTER_APPROVAL"})
    story.earn()
    story.now = datetime.fromisoformat(DUE)

    sweeps.run_daily(story.program, as_of=story.now, between=story.approve_all)

    assert statuses() == ["PAID"]


def test_release_pays_and_says_what():
    story = Story()
    story.earn("acme")
    story.earn("beta")

    assert command("release") == (
        "smartcat: 2 bonuses paid as of 2026-03-20T12:00:00+00:00\n"
        "  rosa 100.00 USD new_customer for Acme GmbH\n"
        "  rosa 100.00 USD new_customer for Beta GmbH\n"
    )
    assert statuses() == ["PAID", "PAID"]


def test_release_that_is_run_twice_pays_once_and_says_so():
    story = Story()
    story.earn()
    command("release", "--as-of", "2026-03-16")

    with nothing_changes():
        said = command("release", "--as-of", "2026-03-16")
    assert said == "smartcat: 0 bonuses paid as of 2026-03-16T23:59:59.999999+00:00\n"


def test_release_for_a_date_means_its_end_where_the_program_is():
    story = Story(changes={"program.time_zone": "America/Los_Angeles"})
    story.earn()

    assert command("release", "--as-of", "2026-03-15", "--program", "smartcat").startswith(
        "smartcat: 0 bonuses paid as of 2026-03-16T06:59:59.999999+00:00"
    )
    assert command("release", "--as-of", "2026-03-16", "--program", "smartcat").startswith(
        "smartcat: 1 bonuses paid as of 2026-03-17T06:59:59.999999+00:00"
    )


@pytest.mark.parametrize("day", ["2026-03-20", "2026-03-21", "2027-01-01"])
def test_release_for_a_date_that_is_not_over_is_refused(day):
    story = Story()
    story.earn()

    with nothing_changes(), pytest.raises(CommandError, match=f"'{day}' is not over"):
        command("release", "--as-of", day)


@pytest.mark.parametrize("day", ["2026-03-16", "2027-01-01"])
def test_a_dry_run_says_what_would_be_paid_and_writes_nothing(day):
    story = Story()
    acme = story.sign_up()
    story.decide(acme)
    story.tell(acme, "subscription.started")

    with nothing_changes():
        said = command("release", "--as-of", day, "--dry-run")
    assert said.splitlines() == [
        f"smartcat: 1 bonuses would be paid as of {day}T23:59:59.999999+00:00",
        "  rosa 100.00 USD new_customer for Acme GmbH",
    ]


def test_a_dry_run_of_what_awaits_approval_pays_nothing_and_drafts_nothing():
    story = Story(changes={"payout_schedule.release": "AFTER_APPROVAL"})
    story.earn()

    with nothing_changes():
        said = command("release", "--dry-run")
    assert said == "smartcat: 0 bonuses would be paid as of 2026-03-20T12:00:00+00:00\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--as-of", "16.03.2026"], "'16.03.2026' is no date"),
        (["--as-of", "2026-02-30"], "'2026-02-30' is no date"),
        (["--program", "nothing"], "'nothing'"),
    ],
)
def test_release_of_what_is_not_there_is_refused(arguments, said):
    Story()

    with nothing_changes(), pytest.raises(CommandError, match=said):
        command("release", *arguments)
