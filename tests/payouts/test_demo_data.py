"""
The demo's data: whatever day it is made on, bonuses are due at once, and the books are right.

What is made is made by the real decisions, so that the checks of the books are the test of it.
"""

import json
import stat
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from payouts import own_withdrawals, program_files, sweeps, verification
from payouts.demo import cast, seed
from payouts.demo.anchors import latest_opened
from payouts.demo.companies import company
from payouts.demo.history import QUIET
from payouts.models import Bonus, PaymentFile, Payout, PayoutBatch, PayoutMethod
from payouts.payments import candidates, files
from payouts.rules.lifecycle import BatchStatus, BonusStatus
from referrals import calendars, likeness, second_looks
from referrals.models import (
    ApiClient,
    Call,
    Enrollment,
    Program,
    ReferredAccount,
    Review,
    SavedView,
    Signal,
)
from referrals.rules.lifecycle import AccountStatus
from tests.factories import ReferredAccountFactory

A_YEAR = [date(2027, 6, 1) + timedelta(days=day) for day in range(366)] + [date(2026, 12, 31)]
TEN = datetime(2027, 3, 10, 10, tzinfo=UTC)


@pytest.fixture
def programs(db):
    """The four programs, as the demo loads them."""
    call_command("load_program", *map(str, program_files.bundled().values()), stdout=StringIO())


@pytest.fixture
def data_dir(tmp_path, settings):
    settings.DEBUG = True
    settings.DATA_DIR = tmp_path
    return tmp_path


def make(now):
    call_command("make_groups", verbosity=0)
    return seed.make(now=now)


def run_jobs(at):
    """What the worker does, once."""
    for name in sweeps.SWEEPS:
        assert sweeps.run(name, as_of=at, clock=lambda: at).failed == 0


@pytest.mark.django_db
@pytest.mark.parametrize("hour", [0, 6, 12, 23])
def test_there_is_an_opened_window_to_earn_in_on_every_day_of_a_leap_year(hour):
    """Every part of the story of what is due lies in the past, and before its window."""
    document = program_files.read(program_files.bundled()["smartcat"])
    schedule = program_files.schedule_from_document(document, {})

    for day in A_YEAR:
        now = datetime(day.year, day.month, day.day, hour, 5, tzinfo=UTC)
        month = latest_opened(schedule, now=now, ago=QUIET)

        assert month.window.opens_at <= now - QUIET, now
        assert month.day(20) < month.window.opens_at, now
        # No older one than the last but one: nobody waits longer than a month and a half.
        assert now - month.window.opens_at < timedelta(days=32), now


@pytest.mark.django_db
def test_the_latest_window_of_the_receptionists_has_opened_on_every_day_of_a_leap_year():
    document = program_files.read(program_files.bundled()["smithai"])
    schedule = program_files.schedule_from_document(document, calendars.all_business_days())

    for day in A_YEAR:
        now = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        month = latest_opened(schedule, now=now, ago=QUIET)

        assert month.window.opens_at <= now - QUIET, now
        assert month.day(12) < month.window.opens_at - timedelta(days=4), now


@pytest.mark.slow
@pytest.mark.parametrize(
    "now",
    [
        "2026-11-01T00:10Z",
        "2026-12-31T23:50Z",
        "2027-01-16T00:03Z",
        "2027-01-16T07:00Z",
        "2027-06-02T06:00Z",
        "2028-02-29T12:00Z",
    ],
)
def test_on_any_day_three_bonuses_are_due_and_one_run_pays_all_that_is_due(programs, now):
    now = datetime.fromisoformat(now)

    made = make(now)

    assert made.due_now >= 3
    assert verification.breaches() == []
    drafts = PayoutBatch.objects.filter(program__slug="smithai").values_list("status", flat=True)
    assert {BatchStatus.DRAFT, BatchStatus.AWAITING_APPROVAL} <= set(drafts)

    run_jobs(now + timedelta(seconds=20))

    assert Bonus.objects.filter(paid_at__gt=now).count() >= made.due_now
    assert seed.due_now(as_of=now + timedelta(seconds=20)) == 0
    assert verification.breaches(as_of=now + timedelta(seconds=20)) == []


def test_the_first_start_shows_everything_and_the_next_one_makes_nothing_twice(programs):
    first = make(TEN)

    assert 60 <= first.accounts <= 150
    assert set(ReferredAccount.objects.values_list("status", flat=True)) == set(AccountStatus.values())
    assert ReferredAccount.objects.filter(pending_decision__takes_effect_at__gt=TEN).count() == 2
    unpaid = Bonus.objects.filter(account__program__slug="smartcat").unpaid()
    assert unpaid.filter(on_hold=True).count() == 2
    assert unpaid.filter(enrollment__status="SUSPENDED").count() == 1
    assert unpaid.filter(under_review=True).count() == 1
    assert unpaid.filter(opens_at__gt=TEN, opens_at__lt=TEN + timedelta(days=40)).exists()
    # Of what the jobs have paid in the past nothing was late.
    assert Bonus.objects.filter(status=BonusStatus.PAID, days_late__gt=0).count() == 0
    # The older program's credits run on, but for the client who has left.
    credits = Bonus.objects.filter(account__program__slug="smithai-legacy", period="2027-02")
    assert set(credits.values_list("status")) == {(BonusStatus.PAID,)}

    # Money that left: arrived, in a file to upload, come back and tried again; and what waits, each for why.
    payouts = Payout.objects.filter(enrollment__program__slug="smithai")
    statuses = {"CONFIRMED", "REISSUED", "SENDING", "PREPARED"}
    assert set(payouts.values_list("status", flat=True)) == statuses
    made = list(PaymentFile.objects.filter(status="MADE").values_list("program__slug", flat=True))
    assert made == ["smithai"]
    assert all(files.remade(file).total_minor == file.total_minor for file in PaymentFile.objects.all())
    waits = {
        method.program.slug: {row.why for row in candidates.waiting(method, at=TEN)}
        for method in PayoutMethod.objects.select_related("program")
    }
    assert waits == {"smartcat": {"COOLING"}, "smithai": {"NOT_CONFIRMED"}, "upwork-2019": set()}
    lena = Enrollment.objects.get(program__slug="smartcat", links__folded="lena")
    saved = own_withdrawals.look_at(lena)
    assert 0 < saved.balance_minor < saved.minimum_minor

    assert make(TEN + timedelta(minutes=1)) == seed.Made(
        is_new=False, accounts=first.accounts, bonuses=first.bonuses, due_now=first.due_now
    )


def test_the_desk_has_one_of_everything_that_waits_and_two_look_alikes(programs):
    make(TEN)

    waiting = ReferredAccount.objects.filter(status=AccountStatus.IN_REVIEW)
    auditor = User.objects.get(username="admin")
    alike = [each for each in waiting if likeness.look_alikes(each, compared={}, seen_by=auditor)]
    assert len(alike) == 2
    assert waiting.filter(domain_match=True).exists()
    assert Signal.objects.filter(settled_at__isnull=True, raised_by__username="cara").count() == 1
    assert Review.objects.filter(appeal_of__isnull=False, closed_at__isnull=True).count() == 1
    assert second_looks.waiting(User.objects.get(username="sam")).count() >= 2
    assert SavedView.objects.filter(is_shared=True).count() == 1
    assert Program.objects.get(slug="smartcat").second_look_percent == 5
    assert program_files.default_host().name == cast.HOST


def test_companies_are_called_in_their_calling_hours_on_working_days(programs):
    make(TEN)

    called = [
        call.called_at.astimezone(ZoneInfo(call.account.time_zone))
        for call in Call.objects.select_related("account")
    ]
    assert len(called) > 50
    assert [at for at in called if at.weekday() > 4 or not 9 <= at.hour < 17] == []


def test_the_day_after_three_bonuses_are_due_again(programs):
    first = make(TEN)
    run_jobs(TEN + timedelta(seconds=20))
    tomorrow = TEN + timedelta(days=1)

    again = make(tomorrow)

    assert again.due_now == 3
    assert again.accounts == first.accounts + 3
    run_jobs(tomorrow + timedelta(seconds=20))
    assert Bonus.objects.filter(paid_at__gt=tomorrow).count() == 3
    assert verification.breaches(as_of=tomorrow + timedelta(seconds=20)) == []
    assert make(tomorrow + timedelta(minutes=2)).accounts == first.accounts + 6


def test_it_needs_debug(db, data_dir, settings):
    settings.DEBUG = False

    with pytest.raises(CommandError, match="DEBUG=yes"):
        call_command("seed_demo")

    assert not User.objects.exists()


def test_it_says_which_program_is_missing(db, data_dir):
    with pytest.raises(CommandError, match="smartcat"):
        call_command("seed_demo")


def test_it_leaves_a_database_alone_that_is_in_use(programs, data_dir):
    ReferredAccountFactory()

    with pytest.raises(CommandError, match="DATA_DIR"):
        call_command("seed_demo")

    assert not User.objects.filter(username="cara").exists()


def test_the_log_ins_are_told_with_their_rights_and_the_host_gets_its_key(programs, data_dir, client):
    said = StringIO()
    with time_machine.travel(TEN):
        call_command("seed_demo", stdout=said)
        kept = data_dir / "demo" / "host.json"
        first = kept.read_text()
        call_command("seed_demo", stdout=StringIO())

    page = client.get("/").content.decode()
    for one in cast.LOG_INS:
        user = User.objects.get(username=one.username)
        assert f"  {one.username} " in said.getvalue()
        assert f"<code>{one.username}</code>" in page
        assert user.is_staff == (one in cast.STAFF)
        assert [group.name for group in user.groups.all()] == [one.group][: bool(one.group)]
        assert hasattr(user, "referrer") == (one in cast.REFERRERS)
    assert user.check_password(cast.PASSWORD)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kept.read_text() == first
    assert json.loads(first)["client"] == ApiClient.objects.get(name=cast.CLIENT).public_id


@pytest.mark.parametrize(("debug", "shown"), [(True, True), (False, False)])
def test_the_front_page_tells_the_log_ins_with_debug_only(db, settings, client, debug, shown):
    settings.DEBUG = debug
    call_command("make_groups", verbosity=0)
    ApiClient.objects.create(host=program_files.default_host(), name=cast.CLIENT)
    cast.make_log_ins()

    assert ("<code>cara</code>" in client.get("/").content.decode()) == shown


def test_without_the_demo_the_front_page_tells_no_log_in(db, settings, client):
    settings.DEBUG = True
    User.objects.create_user("cara")

    assert "<code>cara</code>" not in client.get("/").content.decode()


def test_no_two_companies_share_a_name_a_domain_or_a_telephone():
    made = [company(number) for number in range(2_000)]
    assert len({one.phone for one in made}) == len(made)

    assert len({one.name.rsplit(" ", 1)[0] for one in made}) == len(made)
    assert len({one.domain for one in made}) == len(made)
    assert all(one.domain.endswith(".example") for one in made)
