"""The large program: as many accounts as wanted, in order like those that people have made."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count, F

from payouts import verification
from referrals import reviews
from referrals.models import (
    Decision,
    Enrollment,
    FunnelCount,
    ReferralLink,
    ReferredAccount,
    Review,
    StatusChange,
)
from referrals.rules.identity import company_domain, name_key, phone_key
from referrals.rules.lifecycle import AccountStatus

pytestmark = pytest.mark.django_db

WEDNESDAY = datetime(2027, 3, 10, 10, tzinfo=UTC)


@pytest.fixture
def made(settings) -> str:
    """What the command has told; asked for 500, it makes two whole units."""
    settings.DEBUG = True
    told = StringIO()
    call_command("make_accounts", "500", "--as-of", WEDNESDAY.isoformat(), stdout=told)
    return told.getvalue()


def test_as_many_as_wanted_are_there_and_one_in_twenty_waits(made):
    assert made == "Made 800 referred accounts of 16 referrers; 40 of them wait for a call.\n"
    assert ReferredAccount.objects.count() == 800
    assert reviews.waiting().count() == 40
    assert Enrollment.objects.count() == ReferralLink.objects.count() == 16


def test_books_and_trails_are_in_order(made):
    assert verification.breaches() == []
    assert StatusChange.objects.count() > 1_000


def test_the_work_is_of_every_kind(made):
    waiting = reviews.waiting()

    assert set(waiting.values_list("tries", flat=True)) == {0, 1, 3}
    assert waiting.filter(due_at__lte=WEDNESDAY).exists()
    assert waiting.filter(due_at__gt=WEDNESDAY).exists()
    assert waiting.filter(call_back_by__isnull=False).values("call_back_by").distinct().count() > 1
    assert waiting.filter(holder__isnull=False, held_until__gt=WEDNESDAY).exists()
    assert waiting.filter(opens_at__lte=WEDNESDAY).exists()
    assert waiting.filter(opens_at__gt=WEDNESDAY).exists()
    assert set(ReferredAccount.objects.values_list("status", flat=True)) == {
        AccountStatus.IN_REVIEW,
        AccountStatus.QUALIFIED,
        AccountStatus.NOT_QUALIFIED,
    }
    assert ReferredAccount.objects.values("country").distinct().count() == 5


def test_a_copy_is_a_company_of_its_own_and_found_as_any_other(made):
    for account in ReferredAccount.objects.select_related("sign_up"):
        told = account.sign_up
        assert (account.name_key, account.phone_key, account.domain) == (
            name_key(account.company_name),
            phone_key(account.phone) if account.phone else "",
            company_domain(account.email),
        )
        assert (told.company_name, told.email, told.phone, told.website, told.host_account) == (
            account.company_name,
            account.email,
            account.phone,
            account.website,
            account.host_account,
        )
    assert ReferredAccount.objects.values("company_name").distinct().count() > 700


def test_decisions_calls_and_counters_belong_to_their_accounts(made):
    late = Decision.objects.filter(decided_at__lt=F("account__signed_up_at"))
    twice = (
        Review.objects.filter(closed_at=None).values("account").annotate(Count("pk")).filter(pk__count__gt=1)
    )

    assert (late.count(), twice.count()) == (0, 0)
    signed_up = FunnelCount.objects.filter(milestone="signed_up").values_list("accounts", flat=True)
    assert sum(signed_up) == 800


def test_a_database_in_use_is_refused(made):
    with pytest.raises(CommandError, match="referred accounts already"):
        call_command("make_accounts", "1")


def test_without_debug_it_must_be_told(settings):
    settings.DEBUG = False

    with pytest.raises(CommandError, match="DEBUG=yes or --in-production"):
        call_command("make_accounts", "1")

    assert not ReferredAccount.objects.exists()
