"""
Ten thousand steps by chance, and nothing is paid twice, too early, to nobody, or lost.

    SIMULATOR_SEED=7 TEST_DATABASE=sqlite python -m pytest tests/simulator -k many_steps

plays the run with that seed again, each step as it was. SIMULATOR_STEPS asks for more steps, or for fewer:
then it is not asked what the plays have come to.
"""

import os
import random

import pytest
from django.db import connection

from tests.simulator.machine import simulate

pytestmark = pytest.mark.django_db

STEPS = {"sqlite": 10_000, "postgresql": 1_000}
# Only what a run of that length comes to many times, whatever the seed.
MUST_BE_SEEN = {
    "sqlite": {
        "bonuses paid",
        "bonuses paid late",
        "bonuses reversed",
        "bonuses held",
        "batches approved by a person",
        "batches approved by several",
        "batches voided",
        "payouts confirmed",
        "payouts failed",
        "payouts returned",
        "payouts reissued",
        "payouts unknown",
        "files voided",
        "withdrawals",
        "services paid from balances",
        "months closed",
        "messages lost",
        "messages doubled",
    },
    "postgresql": {"bonuses paid", "bonuses held", "messages lost", "messages doubled"},
}


def test_many_steps_by_chance_break_nothing(report):
    seed = int(os.environ.get("SIMULATOR_SEED") or random.SystemRandom().randrange(10**6))
    steps = int(os.environ.get("SIMULATOR_STEPS") or STEPS[connection.vendor])

    run = simulate(seed=seed, steps=steps)

    report(run)
    assert run.steps >= steps
    if steps >= STEPS[connection.vendor]:
        assert MUST_BE_SEEN[connection.vendor] - set(run.seen) == set()


def test_a_seed_plays_the_same_plays_again():
    first, second = (simulate(seed=7, steps=400) for _ in range(2))

    assert first.journals == second.journals
    assert first.seen == second.seen
