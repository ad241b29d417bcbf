"""
A process dies while it makes a payment file, or while it says that one was uploaded (F23).

Either nothing of it is there, or the whole file, which comes out byte for byte the same from another process;
no payout ever stands in two files that are not void.
"""

import hashlib
import signal

import pytest

from tests.chaos.site import Site


@pytest.fixture
def waiting(site: Site) -> Site:
    """Two payouts wait for a file."""
    took(site, "prepare")
    assert stands(site) == ([], ["PREPARED", "PREPARED"])
    return site


def run(site: Site, step: str, **variables: str) -> tuple[int, str, str]:
    process = site.python("-m", "tests.chaos.filing", step, **variables)
    said, complained = process.communicate(timeout=60)
    return process.returncode, said, complained


def took(site: Site, step: str) -> str:
    code, said, complained = run(site, step)
    assert code == 0, complained
    return said


def died(site: Site, step: str, *, at: str, **variables: str) -> None:
    code, _, complained = run(site, step, FAILPOINT=f"{at}:{site.folder / 'mark'}", **variables)
    assert code == -signal.SIGKILL, complained


def stands(site: Site) -> tuple[list[str], list[str]]:
    """How the files stand, and the payouts that are sent by them."""
    files = site.rows("SELECT status FROM payouts_paymentfile ORDER BY id")
    payouts = site.rows("SELECT status FROM payouts_payout WHERE status <> 'CREDITED' ORDER BY id")
    return [status for (status,) in files], [status for (status,) in payouts]


def live_lines(site: Site) -> list[int]:
    """How many files that are not void each payout stands in."""
    return [
        count
        for (count,) in site.rows(
            "SELECT COUNT(*) FROM payouts_paymentline WHERE NOT is_void GROUP BY payout_id ORDER BY payout_id"
        )
    ]


def shown(site: Site) -> list[bytes]:
    """The bytes of every file, as a process of its own makes them again; each has its fingerprint."""
    contents = []
    for line in took(site, "show").splitlines():
        sha256, content = line.split()
        contents.append(bytes.fromhex(content))
        assert hashlib.sha256(contents[-1]).hexdigest() == sha256
    return contents


@pytest.mark.parametrize("place", ["after_lines", "before_file"])
def test_of_a_file_whose_maker_dies_nothing_is_there_and_it_is_made_once(place, waiting):
    """F23."""
    died(waiting, "make", at=place)
    assert stands(waiting) == ([], ["PREPARED", "PREPARED"])

    took(waiting, "make")

    assert stands(waiting) == (["MADE"], ["SENDING", "SENDING"])
    assert live_lines(waiting) == [1, 1]
    assert waiting.breaches() == set()


def test_a_file_comes_out_the_same_after_a_death_and_nothing_is_in_a_second_one(waiting):
    """F23: it was made, and whoever says that it was uploaded dies before that is written down."""
    took(waiting, "make")
    before = shown(waiting)

    died(waiting, "mark", at="before_mark")
    code, _, complained = run(waiting, "make")

    assert (code, "NothingToPay" in complained) == (1, True)
    assert (shown(waiting), len(before)) == (before, 1)
    assert stands(waiting) == (["MADE"], ["SENDING", "SENDING"])
    took(waiting, "mark")
    assert stands(waiting) == (["UPLOADED"], ["SENT", "SENT"])
    assert shown(waiting) == before
    assert waiting.breaches() == set()


def test_without_transactions_a_second_live_file_is_made_and_the_checker_turns_red(waiting):
    """F23: control."""
    waiting.execute("DROP INDEX payment_line_payout_in_one_live_file")

    died(waiting, "make", at="after_lines", UNGUARDED="transactions")
    took(waiting, "make")

    assert live_lines(waiting) == [2, 2]
    assert "I9" in waiting.breaches()
