"""
The machine: Hypothesis chooses steps, and a failing play is made as short as it can be.

Each play begins with the same world and leaves no row: it is rolled back. A `Refused` is a normal end of a
step; whatever else is raised fails the play, and so does a check.
"""

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

import hypothesis
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from payouts import sweeps
from payouts.models import Payout, Transfer
from referrals.rules.refusal import Refused
from tests.simulator import checks, clock, desk, finance, host, payments, tally
from tests.simulator import play as plays
from tests.simulator.broker import last_run, refuse_failures
from tests.simulator.checks import Breach
from tests.simulator.play import CHANCES, NoCandidate
from tests.simulator.provider import Provider
from tests.simulator.world import STARTS, World, build

Step = Callable[[plays.Play, int, int], object]

STEPS_OF_A_PLAY = 200
EVERYTHING_EVERY = 200

WEIGHTS: Mapping[Step, int] = {
    clock.time_passes: 14,
    clock.a_message_comes: 16,
    clock.workers_catch_up: 8,
    host.signs_up: 8,
    host.tells: 12,
    host.tells_again: 2,
    host.voids: 1,
    host.spends: 4,
    desk.calls: 4,
    desk.decides: 9,
    desk.undoes: 1,
    desk.reopens: 2,
    desk.revokes: 2,
    desk.suspends: 1,
    desk.lets_go_on: 2,
    finance.holds_one: 2,
    finance.lifts: 4,
    finance.drafts: 2,
    finance.excludes: 1,
    finance.puts_up: 7,
    finance.approves: 9,
    finance.refuses: 1,
    finance.voids_batch: 5,
    finance.reverses: 2,
    finance.closes_month: 2,
    finance.reopens_month: 1,
    finance.publishes: 1,
    payments.withdraws: 6,
    payments.gives: 1,
    payments.tells_destination: 2,
    payments.makes_file: 12,
    payments.downloads: 8,
    payments.uploads: 9,
    payments.marks_uploaded: 2,
    payments.voids_alone: 3,
    payments.voids_by_two: 2,
    payments.doubts_file: 3,
    payments.settles: 3,
    payments.reissues_some: 14,
    payments.provider_works: 14,
    payments.reports_come: 9,
    payments.report_comes_again: 2,
    payments.report_lies: 1,
    payments.tells_by_hand: 1,
}
"""Steps, and how often each is chosen."""
STEPS: Mapping[str, Step] = {step.__name__: step for step in WEIGHTS}
CHANCE = st.integers(0, CHANCES - 1)
IDLE = (clock.time_passes.__name__, 0, 0)
MOST_IDLE = 8

ENDS_WELL = "with faults over, what the provider says and what the books say is the same"
NOTHING_TWICE = "a second tick at the same instant books nothing"


@dataclass(slots=True)
class Run:
    """Many plays with one seed."""

    seed: int
    steps: int = 0
    plays: int = 0
    taken: Counter[str] = field(default_factory=Counter)
    """Steps by name and end."""
    seen: Counter[str] = field(default_factory=Counter)
    """What the plays came to."""
    journals: list[list[str]] = field(default_factory=list)


class Simulator(RuleBasedStateMachine):
    """A play, step by step."""

    world: ClassVar[World]
    run: ClassVar[Run]
    provider: ClassVar[Callable[[], Provider]]

    def __init__(self) -> None:
        super().__init__()
        self.around = sys.exc_info()[1]
        self.idle = 0
        self.savepoint = transaction.savepoint()
        self.play = plays.Play(
            self.world, self.world.start, self.world.companies, provider=type(self).provider()
        )

    @initialize(days=st.sampled_from([0, 0, 4, 16, 26]))
    def begin(self, days: int) -> None:
        """Some days later than the world, so that windows and changes of clocks come at other times."""
        self.play.now += timedelta(days=days)

    def take(self, what: str, chance: int, other: int) -> None:
        """Somebody does something, or time does."""
        play = self.play
        self.idle = self.idle + 1 if (what, chance, other) == IDLE else 0
        if self.idle > MOST_IDLE:
            # Hypothesis tries what is simplest first, and often: to wait eleven minutes two hundred times.
            hypothesis.reject()
        try:
            STEPS[what](play, chance, other)
            end = "done"
        except NoCandidate:
            end = "nothing to do"
        except Refused as refusal:
            end = refusal.code
        play.steps += 1
        self.run.steps += 1
        self.run.taken[f"{what}: {end}"] += 1
        play.journal.append(f"{play.now:%Y-%m-%d %H:%M:%S} {what} {chance} {other}: {end}")
        checks.after_a_step(play.provider)
        if play.steps % EVERYTHING_EVERY == 0:
            checks.everything()

    def teardown(self) -> None:
        """The end, unless the play broke off; then all its rows are gone."""
        try:
            if sys.exc_info()[1] is self.around:
                self.end()
        finally:
            transaction.set_rollback(False)
            transaction.savepoint_rollback(self.savepoint)

    def end(self) -> None:
        """Faults are over: one tick, and all that was due is paid, or it is recorded why not."""
        play = self.play
        play.now += timedelta(hours=1)
        _tick(play)
        checks.everything(as_of=play.now)
        booked = Transfer.objects.count()
        _tick(play)
        if Transfer.objects.count() != booked:
            raise Breach(NOTHING_TWICE, Transfer.objects.count() - booked)
        _reconcile(play)
        checks.everything()
        checks.after_a_step(play.provider)
        self.run.plays += 1
        self.run.seen += tally.of(play)
        self.run.journals.append(play.journal)


def simulate(
    *,
    seed: int,
    steps: int,
    shrinks: bool = True,
    provider: Callable[[], Provider] = Provider,
    often: Mapping[Step, int] | None = None,
) -> Run:
    """
    Play until that many steps were taken; belongs into a transaction that is rolled back.

    :param shrinks: make a failing play as short as it can be before it is shown
    :param often: other weights of steps
    :raises Breach: or whatever else a play met, with the seed and the steps
    """
    run = Run(seed)
    with transaction.atomic():
        outside = transaction.savepoint()
        world = build(STARTS[seed % len(STARTS)])
        machine = _machine(world, run, provider, {**WEIGHTS, **(often or {})})
        phases = [Phase.generate, Phase.shrink] if shrinks else [Phase.generate]
        while run.steps < steps:
            asked = settings(
                max_examples=-(-(steps - run.steps) // STEPS_OF_A_PLAY),
                stateful_step_count=STEPS_OF_A_PLAY + 1,
                phases=phases,
                deadline=None,
                database=None,
                print_blob=False,
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            )
            try:
                run_state_machine_as_test(hypothesis.seed(f"{seed} {run.steps}")(machine), settings=asked)
            except BaseException as failure:
                failure.add_note(f"Play it again: SIMULATOR_SEED={seed} TEST_DATABASE={_database()}")
                raise
        transaction.savepoint_rollback(outside)
    return run


def _machine(
    world_: World, run_: Run, provider_: Callable[[], Provider], weights: Mapping[Step, int]
) -> type[Simulator]:
    names = [step.__name__ for step, weight in weights.items() for _ in range(weight)]

    class Play(Simulator):
        world, run, provider = world_, run_, staticmethod(provider_)

        @rule(what=st.sampled_from(names), chance=CHANCE, other=CHANCE)
        def step(self, what: str, chance: int, other: int) -> None:
            self.take(what, chance, other)

    return Play


def _database() -> str:
    return "postgres" if connection.vendor == "postgresql" else connection.vendor


def _tick(play: plays.Play) -> None:
    before = last_run()
    for name in sweeps.SWEEPS:
        sweeps.run(name, as_of=play.now, clock=lambda: play.now)
    refuse_failures(since=before)


def _reconcile(play: plays.Play) -> None:
    """The provider says once more, at last, what has become of everything that it took."""
    for report in play.provider.whole_truth():
        payments.reads(play, report)
    may_be = {
        "ACCEPTED": {"SENDING", "UNKNOWN", "SENT"},
        "PAID": {"CONFIRMED"},
        "FAILED": {"FAILED", "REISSUED"},
        "RETURNED": {"RETURNED", "REISSUED"},
    }
    stands = dict(Payout.objects.values_list("pk", "status"))
    wrong = [
        (each.payout, each.state, stands[each.payout])
        for each in play.provider.book
        if stands[each.payout] not in may_be[each.state]
    ]
    if wrong:
        raise Breach(ENDS_WELL, wrong)
