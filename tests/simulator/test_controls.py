"""
Negative controls: with a guard taken off the simulator turns red, and says which promise was broken.

A check that stays green without the guard that it checks proves nothing.
"""

from functools import partial

import pytest
from django.db import connection
from django.db.models import Q

from payouts import batch_content, batches, holds, release
from payouts.models import Bonus, Hold
from payouts.payments import files
from payouts.rules.lifecycle import UNPAID, BonusStatus
from tests.simulator import checks, finance, payments
from tests.simulator.checks import Breach
from tests.simulator.machine import simulate
from tests.simulator.provider import Provider

pytestmark = pytest.mark.django_db

STEPS = 3_000
"""At most: a control ends with the first breach."""


def found(**more):
    """The first promise that is broken."""
    with pytest.raises(Breach) as breach:
        simulate(seed=1, steps=STEPS, shrinks=False, **more)
    return breach.value.check


def test_without_its_key_and_its_claim_a_release_pays_twice(monkeypatch):
    payable = release._Run._payable

    def payable_again(run, *, after, up_to):
        of_them = {"terms": run.schedule.terms_id, "enrollment__gt": after, "enrollment__lte": up_to}
        paid = Q(**of_them, kind=run.kind, status=BonusStatus.PAID)
        return Bonus.objects.filter(Q(pk__in=payable(run, after=after, up_to=up_to).values("pk")) | paid)

    monkeypatch.setattr(release._Run, "_payable", payable_again)
    monkeypatch.setattr(release, "UNPAID", frozenset({*UNPAID, BonusStatus.PAID}))
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX transfer_once_per_bonus_and_kind")

    assert found() == checks.RELEASED_ONCE


def test_a_hold_that_does_not_swap_the_bonus_is_paid_through(monkeypatch):
    def write_only(bonus, *, reason, by, at):
        return Hold.objects.create(bonus=bonus, reason=reason, placed_at=at, placed_by=by)

    monkeypatch.setattr(holds, "place", write_only)

    assert found() == checks.HOLDS


def test_who_approves_without_looking_again_approves_what_was_not_put_up(monkeypatch):
    monkeypatch.setattr(batches, "_leave_out", lambda batch, *, at: None)
    monkeypatch.setattr(batch_content, "fingerprint", lambda lines: "0" * 64)

    assert found() == finance.AS_PUT_UP


def test_one_person_who_voids_a_file_that_somebody_has_lets_it_be_paid_twice(monkeypatch):
    monkeypatch.setattr(files, "was_downloaded", lambda file: False)

    often = {
        payments.makes_file: 25,
        payments.downloads: 25,
        payments.uploads: 25,
        payments.voids_alone: 25,
        payments.marks_uploaded: 0,
        payments.doubts_file: 0,
    }

    assert found(often=often) == checks.PAID_ONCE


def test_a_provider_that_takes_twice_what_is_sent_once_is_found_out():
    assert found(provider=partial(Provider, accepts_twice=True)) == checks.PAID_ONCE


def test_a_release_that_forgets_a_kind_of_bonus_is_incomplete(monkeypatch):
    monkeypatch.setattr(release.ledger, "PAID_TO", dict(list(release.ledger.PAID_TO.items())[:1]))

    assert found() == checks.COMPLETE
