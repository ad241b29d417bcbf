"""What the host product does: companies sign up, pay, cancel; it tells that twice, late, in any order."""

from dataclasses import replace
from datetime import timedelta

from payouts import host_spends
from payouts.host_spends import SpendTold
from referrals import events, intake
from referrals.events import EventTold
from tests.simulator.checks import Breach
from tests.simulator.play import Play, one_of
from tests.simulator.world import host_account, told_of

AGO = (timedelta(0), timedelta(0), timedelta(hours=1), timedelta(days=3))
AMOUNTS = (1, 500, 2_500, 5_000, 10_000)
ONCE = "what is told twice counts once"


def signs_up(play: Play, chance: int, other: int) -> None:
    """A new company comes; now and then one that came before, or one that looks like it."""
    known = chance % play.companies
    is_repeated, looks_alike = other % 8 == 5, other % 8 == 6
    number = known if is_repeated else play.companies
    offer, program = play.world.offer(number)
    told = told_of(number, slug=offer.slug, at=play.now - AGO[other // 8 % 4])
    if looks_alike:
        told = replace(told, website=f"https://{host_account(known)}.example")
    play.companies = max(play.companies, number + 1)
    intake.sign_up(program, told=told, told_at=play.now)


def tells(play: Play, chance: int, other: int) -> None:
    """A fact about a company, mostly a good one; now and then about one that has not signed up yet."""
    number = chance % (play.companies + 2)
    offer, program = play.world.offer(number)
    facts = offer.troubles if other % 4 == 3 else offer.earns
    type, amount_minor, product = facts[other // 4 % len(facts)]
    _record(
        play,
        EventTold(
            event_id=f"e{len(play.told)}",
            host_account=host_account(number),
            type=type,
            occurred_at=play.now - AGO[other // 32 % 4],
            amount_minor=amount_minor,
            currency=program.currency if amount_minor else "",
            product=product,
        ),
        is_new=True,
    )


def tells_again(play: Play, chance: int, other: int) -> None:
    """The same fact once more, or another one under its id."""
    told = one_of(play.told, chance)
    if other % 4 == 3:
        told = replace(told, occurred_at=told.occurred_at - timedelta(seconds=1))
    _record(play, told, is_new=False)


def voids(play: Play, chance: int, other: int) -> None:
    """Two people take a wrong fact out of account."""
    told = one_of(play.told, chance)
    row = play.world.client.events.get(event_id=told.event_id)
    second = play.world.cara if other % 8 == 7 else play.world.sam
    events.void(row, by=play.world.cara, approved_by=second, at=play.now)


def spends(play: Play, chance: int, other: int) -> None:
    """A referrer pays a service from the balance or credit; now and then the host tells it twice."""
    if other % 4 == 3:
        told, is_new = one_of(play.spends, chance), False
    else:
        enrollment = one_of(play.world.enrollments, chance)
        told, is_new = (
            SpendTold(
                spend_id=f"s{len(play.spends)}",
                program=enrollment.program.slug,
                referrer=enrollment.referrer.host_account,
                amount_minor=AMOUNTS[other // 4 % len(AMOUNTS)],
                currency=enrollment.program.currency,
                service="a service",
            ),
            True,
        )
    if host_spends.spend(play.world.client, told=told, at=play.now) != is_new:
        raise Breach(ONCE, told)
    if is_new:
        play.spends.append(told)


def _record(play: Play, told: EventTold, *, is_new: bool) -> None:
    [outcome] = events.record_all(play.world.client, told=[told], received_at=play.now)
    if isinstance(outcome, Exception):
        raise outcome
    if outcome != is_new:
        raise Breach(ONCE, told)
    if is_new:
        play.told.append(told)
