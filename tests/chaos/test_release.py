"""
Whatever dies during a release, after one more sweep every bonus is paid once.

Beside each fault stands its negative control: the same without the guard, and the checker turns red.
"""

from pathlib import Path

import pytest
import redis

from tests import postgres
from tests.chaos.site import Site, eventually
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
    site.worker(pool="solo", **failing(site, place))

    site.send()
    eventually(site.died_of_sigkill)
    paid = OF_A_PROGRAM if place == "after_commit" else 0
    assert (site.statuses()["PAID"], site.released()) == (paid, paid)

    site.manage("tick")
    sees_each_paid_once(site)


def test_without_transactions_a_kill_leaves_half_a_chunk_and_the_checker_turns_red(site):
    site.worker(pool="solo", UNGUARDED="transactions", **failing(site, "after_transfers"))

    site.send()
    eventually(site.died_of_sigkill)
    site.manage("tick")

    assert "I2" in site.breaches()


# --- Redis ------------------------------------------------------------------------------------------------


def test_when_redis_loses_everything_during_a_run_the_next_beat_sends_anew(site, broker: redis.Redis):
    site.worker(concurrency=2, **lingering(site, "after_claim"))
    site.beat()

    eventually(marked(site).exists)
    broker.flushall()
    runs = len(site.runs())
    eventually(lambda: all_are_paid(site))
    eventually(lambda: len(site.runs()) > runs + 2, saying=lambda: "beat and worker are deaf since the flush")

    sees_each_paid_once(site)


def test_without_beat_a_lost_message_is_never_sent_again_and_the_checker_turns_red(site, broker: redis.Redis):
    site.send()
    broker.flushall()
    site.worker()

    site.send("let_decisions_take_effect")
    eventually(lambda: broker.llen("celery") == 0)

    assert site.runs() == []
    assert site.breaches() == {"I3"}


# --- more than one of each --------------------------------------------------------------------------------


def test_three_beats_at_once_do_no_harm(site):
    site.worker(concurrency=2, **lingering(site, "after_claim"))
    for _ in range(3):
        site.beat()

    eventually(lambda: all_are_paid(site))
    runs = len(site.runs())
    eventually(lambda: len(site.runs()) > runs + 4)
    site.kill()

    sees_each_paid_once(site)


def test_without_claims_three_beats_pay_twice_and_the_checker_turns_red(site):
    drop_the_unique_key(site)
    site.worker(concurrency=2, UNGUARDED="claims", **lingering(site, "after_claim"))
    for _ in range(3):
        site.beat()

    eventually(lambda: all_are_paid(site))
    site.kill()

    assert site.released() > ALL
    assert "I2" in site.breaches()


def test_a_doubled_message_and_two_workers_pay_each_bonus_once(site):
    for _ in range(2):
        site.worker(**lingering(site, "after_claim"))

    site.send(times=4)
    eventually(lambda: len(site.runs()) == 4 and all(ended for ended, _ in site.runs()))

    assert sum(done for _, done in site.runs()) == ALL
    sees_each_paid_once(site)


def test_without_claims_a_doubled_message_pays_twice_and_the_checker_turns_red(site):
    drop_the_unique_key(site)
    for _ in range(2):
        site.worker(UNGUARDED="claims", **lingering(site, "after_claim"))

    site.send(times=2)
    eventually(lambda: len(site.runs()) == 2 and all(ended for ended, _ in site.runs()))

    assert site.released() > ALL
    assert "I2" in site.breaches()


# --- the database -----------------------------------------------------------------------------------------


def test_when_the_database_is_restarted_during_a_run_the_next_one_pays(site, server: postgres.Server):
    site.worker(**lingering(site, "after_transfers"))
    site.beat()

    eventually(marked(site).exists)
    server.restart()
    eventually(lambda: all_are_paid(site))
    site.kill()

    sees_each_paid_once(site)


def test_without_transactions_a_restart_leaves_half_a_chunk_and_the_checker_turns_red(
    site, server: postgres.Server
):
    site.worker(UNGUARDED="transactions", **lingering(site, "after_transfers"))

    site.send()
    eventually(marked(site).exists)
    server.restart()
    site.kill()
    site.manage("tick")

    assert "I2" in site.breaches()
