"""
Whatever dies during a release, after one more sweep every bonus is paid once.

Beside each fault stands its negative control: the same without the guard, and the checker turns red. The
numbers of the faults are explained in the package.
"""

import random
import time
from pathlib import Path

import pytest

from tests import postgres
from tests.chaos.site import Broker, Site, eventually
from tests.chaos.stage import ALL, OF_A_PROGRAM

PLACES = ["after_claim", "after_transfers", "before_commit", "after_commit"]


def all_are_paid(site: Site) -> bool:
    return site.statuses() == {"PAID": ALL}


def sees_each_paid_once(site: Site) -> None:
    assert (site.statuses(), site.released()) == ({"PAID": ALL}, ALL)
    assert site.breaches() == set()


def marked(site: Site) -> Path:
    """The file that says that a process has come to the place in question."""
    return site.folder / "mark"


def failing(site: Site, place: str) -> dict[str, str]:
    return {"FAILPOINT": f"{place}:{marked(site)}"}


def lingering(site: Site, place: str, *, seconds: float = 1.5) -> dict[str, str]:
    return {"LINGER": f"{place}:{seconds}:{marked(site)}"}


def drop_the_unique_key(site: Site) -> None:
    """The last line of defence, which is the database's own."""
    site.execute("DROP INDEX transfer_once_per_bonus_and_kind")


# --- killed at four points -------------------------------------------------------------------------------


@pytest.mark.parametrize("place", PLACES)
def test_a_child_that_is_killed_gives_its_message_back_and_each_bonus_is_paid_once(place, site):
    """F1."""
    site.worker(pool="prefork", **failing(site, place))

    site.send()
    eventually(marked(site).exists)
    # No other message was sent: the worker takes the same one again.
    eventually(lambda: all_are_paid(site))

    sees_each_paid_once(site)
    eventually(lambda: all(ended for ended, _ in site.runs()[1:]))
    before = OF_A_PROGRAM if place == "after_commit" else 0
    assert site.runs() == [(False, 0), (True, ALL - before)]


@pytest.mark.parametrize("place", PLACES)
def test_a_worker_that_is_killed_leaves_a_chunk_wholly_or_not_at_all_and_one_more_sweep_pays_the_rest(
    place, site
):
    """F2."""
    site.worker(pool="solo", **failing(site, place))

    site.send()
    eventually(site.died_of_sigkill)
    paid = OF_A_PROGRAM if place == "after_commit" else 0
    assert (site.statuses()["PAID"], site.released()) == (paid, paid)

    site.manage("tick")
    sees_each_paid_once(site)


def test_without_transactions_a_kill_leaves_half_a_chunk_and_the_checker_turns_red(site):
    """F1, F2: control."""
    site.worker(pool="solo", UNGUARDED="transactions", **failing(site, "after_transfers"))

    site.send()
    eventually(site.died_of_sigkill)
    site.manage("tick")

    assert "I2" in site.breaches()


# --- Redis ------------------------------------------------------------------------------------------------


LOST = {"F9": Broker.restart, "F10": lambda broker: broker.client.flushall()}
"""Redis begins anew, empty; or somebody empties it."""


@pytest.mark.parametrize("fault", LOST)
def test_when_redis_loses_everything_during_a_run_the_next_beat_sends_anew(fault, site, broker: Broker):
    """F9, F10."""
    site.worker(concurrency=2, **lingering(site, "after_claim"))
    site.beat()

    eventually(marked(site).exists)
    LOST[fault](broker)
    runs = len(site.runs())
    eventually(lambda: all_are_paid(site))
    eventually(lambda: len(site.runs()) > runs + 2, saying=lambda: "beat and worker are deaf since then")

    sees_each_paid_once(site)


@pytest.mark.parametrize("fault", LOST)
def test_without_beat_a_lost_message_is_never_sent_again_and_the_checker_turns_red(
    fault, site, broker: Broker
):
    """F9, F10: control."""
    site.send()
    LOST[fault](broker)
    site.worker()

    site.send("let_decisions_take_effect")
    eventually(lambda: broker.client.llen("celery") == 0)

    assert site.runs() == []
    assert site.breaches() == {"I3"}


def test_a_message_taken_for_lost_while_its_run_goes_on_finds_nothing_left(site):
    """F12: the broker gives the message to a second worker, as the first takes longer than it waits."""
    for _ in range(2):
        site.worker(IMPATIENT="yes", **lingering(site, "after_claim"))

    site.send()
    eventually(lambda: len(site.runs()) > 1 and all(ended for ended, _ in site.runs()))

    assert sum(done for _, done in site.runs()) == ALL
    sees_each_paid_once(site)


def test_without_claims_a_message_taken_for_lost_pays_twice_and_the_checker_turns_red(site):
    """F12: control."""
    drop_the_unique_key(site)
    for _ in range(2):
        site.worker(IMPATIENT="yes", UNGUARDED="claims", **lingering(site, "after_claim"))

    site.send()
    eventually(lambda: len(site.runs()) > 1 and site.released() > ALL)
    site.kill()

    assert "I2" in site.breaches()


# --- more than one of each --------------------------------------------------------------------------------


def test_three_beats_at_once_do_no_harm(site):
    """F14."""
    site.worker(concurrency=2, **lingering(site, "after_claim"))
    for _ in range(3):
        site.beat()

    eventually(lambda: all_are_paid(site))
    runs = len(site.runs())
    eventually(lambda: len(site.runs()) > runs + 4)
    site.kill()

    sees_each_paid_once(site)


def test_without_claims_three_beats_pay_twice_and_the_checker_turns_red(site):
    """F14: control."""
    drop_the_unique_key(site)
    site.worker(concurrency=2, UNGUARDED="claims", **lingering(site, "after_claim"))
    for _ in range(3):
        site.beat()

    eventually(lambda: all_are_paid(site))
    site.kill()

    assert site.released() > ALL
    assert "I2" in site.breaches()


def test_a_doubled_message_and_two_workers_pay_each_bonus_once(site):
    """F13."""
    for _ in range(2):
        site.worker(**lingering(site, "after_claim"))

    site.send(times=4)
    eventually(lambda: len(site.runs()) == 4 and all(ended for ended, _ in site.runs()))

    assert sum(done for _, done in site.runs()) == ALL
    sees_each_paid_once(site)


def test_without_claims_a_doubled_message_pays_twice_and_the_checker_turns_red(site):
    """F13: control."""
    drop_the_unique_key(site)
    for _ in range(2):
        site.worker(UNGUARDED="claims", **lingering(site, "after_claim"))

    site.send(times=2)
    eventually(lambda: len(site.runs()) == 2 and all(ended for ended, _ in site.runs()))

    assert site.released() > ALL
    assert "I2" in site.breaches()


# --- the database -----------------------------------------------------------------------------------------


def test_when_the_database_is_restarted_four_times_during_a_run_a_later_one_pays(
    site, server: postgres.Server
):
    """F4."""
    site.worker(**lingering(site, "after_transfers"))
    site.beat()

    for _ in range(4):
        marked(site).unlink(missing_ok=True)
        eventually(marked(site).exists)
        server.restart()
    eventually(lambda: all_are_paid(site))
    site.kill()

    sees_each_paid_once(site)


def test_when_connections_are_ended_at_random_a_later_run_pays(site):
    """F6."""
    chance = random.Random(6)  # noqa: S311  it is to come out the same each time
    site.worker(concurrency=2, **lingering(site, "after_transfers"))
    site.beat()

    ended = 0
    for _ in range(5):
        marked(site).unlink(missing_ok=True)
        eventually(marked(site).exists)
        time.sleep(chance.uniform(0, 0.7))
        ended += site.end_connections(which=lambda pids: chance.sample(pids, k=(len(pids) + 1) // 2))
    eventually(lambda: all_are_paid(site))
    site.kill()

    assert ended >= 5
    sees_each_paid_once(site)


def test_without_transactions_an_ended_connection_leaves_half_a_chunk_and_the_checker_turns_red(site):
    """F6: control."""
    site.worker(UNGUARDED="transactions", **lingering(site, "after_transfers"))

    site.send()
    eventually(marked(site).exists)
    site.end_connections(which=lambda pids: pids)
    site.kill()
    site.manage("tick")

    assert "I2" in site.breaches()


def test_without_transactions_a_restart_leaves_half_a_chunk_and_the_checker_turns_red(
    site, server: postgres.Server
):
    """F4: control."""
    site.worker(UNGUARDED="transactions", **lingering(site, "after_transfers"))

    site.send()
    eventually(marked(site).exists)
    server.restart()
    site.kill()
    site.manage("tick")

    assert "I2" in site.breaches()


# --- time ---------------------------------------------------------------------------------------------------


def run_out_of_time(site: Site, **variables: str) -> None:
    """Let a child be killed in the middle of a chunk, because it takes too long."""
    log = site.worker(TIME_LIMIT="1", **variables, **lingering(site, "after_transfers", seconds=20))
    site.send()
    eventually(marked(site).exists)
    eventually(lambda: b"Hard time limit" in log.read_bytes(), saying=log.read_text)
    site.kill()


def test_a_chunk_that_runs_out_of_time_is_rolled_back_and_the_next_sweep_pays(site):
    """F18."""
    run_out_of_time(site)
    assert (site.statuses()["PAID"], site.released(), site.runs()) == (0, 0, [(False, 0)])

    site.manage("tick")

    sees_each_paid_once(site)


def test_without_transactions_a_time_limit_leaves_half_a_chunk_and_the_checker_turns_red(site):
    """F18: control."""
    run_out_of_time(site, UNGUARDED="transactions")
    site.manage("tick")

    assert "I2" in site.breaches()


# --- three ways to start it ---------------------------------------------------------------------------------


def started_in_three_ways(site: Site, **variables: str) -> int:
    """By a message, by the button of the admin and by the command line at one instant; what they told."""
    site.worker(**variables, **lingering(site, "after_claim"))
    go = site.folder / "go"
    others = {
        way: site.python(
            "-m", "tests.chaos.at_once", way, str(go), **variables, **lingering(site, "after_claim")
        )
        for way in ("button", "command")
    }
    eventually(lambda: all(go.with_suffix(f".{way}").exists() for way in others))

    go.touch()
    site.send()
    told = {}
    for way, process in others.items():
        said, complained = process.communicate(timeout=60)
        assert process.returncode == 0, complained
        told[way] = int(said.splitlines()[-1])
    eventually(lambda: len(site.runs()) == 2 and all(ended for ended, _ in site.runs()))
    # Message and button leave a row each; of the command there is only what it writes.
    rows = [done for _, done in site.runs()]
    assert told["button"] in rows
    return told["command"] + sum(rows)


def test_a_release_started_in_three_ways_at_once_pays_each_bonus_once_and_the_reports_add_up(site):
    """F16."""
    assert started_in_three_ways(site) == ALL

    sees_each_paid_once(site)


def test_without_claims_three_ways_pay_twice_and_the_checker_turns_red(site):
    """F16: control."""
    drop_the_unique_key(site)
    started_in_three_ways(site, UNGUARDED="claims")

    assert site.released() > ALL
    assert "I2" in site.breaches()
