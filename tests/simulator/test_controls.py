"""
Negative controls: with a guard taken off the simulator turns red, and says which promise was broken.

A check that stays green without the guard that it checks proves nothing.
"""

from functools import partial

import pytest

from payouts import batch_content, batches, holds, ledger
from payouts.models import Hold, Transfer
from payouts.payments import files
from payouts.rules.lifecycle import TransferKind
from tests.payouts.verification.plant import guards_down
from tests.simulator import checks, finance, machine, payments
from tests.simulator.checks import Breach
from tests.simulator.machine import simulate
from tests.simulator.provider import Provider

pytestmark = pytest.mark.django_db

STEPS = 3_000
"""At most: a control ends with the first breach."""


def found(**more):
    """The first promise that is broken; where chance has not led there, by another seed."""
    for seed in (1, 2, 3):
        try:
            simulate(seed=seed, steps=STEPS, shrinks=False, **more)
        except Breach as breach:
            return breach
    return pytest.fail(f"Three times {STEPS} steps, and nothing was found.")


def test_two_workers_with_one_claim_and_no_key_book_a_payment_twice(monkeypatch):
    post = ledger.post_for_each

    def post_for_each(bonuses, *, kind, **more):
        both = 2 if kind == TransferKind.RELEASED else 1
        return [post(bonuses, kind=kind, **more) for _ in range(both)][-1]

    monkeypatch.setattr(ledger, "post_for_each", post_for_each)
    with guards_down(Transfer, "transfer_once_per_bonus_and_kind"):
        breach = found()

    # verify_books is one of the sweeps, and may have been faster.
    assert breach.check == checks.RELEASED_ONCE or "verify_books: I2: " in str(breach)


def test_a_hold_that_does_not_swap_the_bonus_is_paid_through(monkeypatch):
    def write_only(bonus, *, reason, by, at):
        return Hold.objects.create(bonus=bonus, reason=reason, placed_at=at, placed_by=by)

    monkeypatch.setattr(holds, "place", write_only)

    assert found().check == checks.HOLDS


def test_who_approves_without_looking_again_approves_what_was_not_put_up(monkeypatch):
    monkeypatch.setattr(batches, "_leave_out", lambda batch, *, at: None)
    monkeypatch.setattr(batch_content, "fingerprint", lambda lines: "0" * 64)

    often = {finance.puts_up: 30, finance.holds_one: 30, finance.approves: 30}

    assert found(often=often).check == finance.AS_PUT_UP


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

    # Whichever comes first: another file is taken, or the play ends.
    assert found(often=often).check in {checks.PAID_ONCE, machine.ENDS_WELL}


def test_a_provider_that_takes_twice_what_is_sent_once_is_found_out():
    assert found(provider=partial(Provider, accepts_twice=True)).check == checks.PAID_ONCE


def test_a_release_that_forgets_a_kind_of_bonus_is_incomplete(monkeypatch):
    monkeypatch.setattr(ledger, "PAID_TO", dict(list(ledger.PAID_TO.items())[:1]))

    assert found().check == checks.COMPLETE
