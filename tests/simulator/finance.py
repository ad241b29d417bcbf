"""What finance does: drafts, signs, holds, takes back, closes months; and new terms are published."""

from zoneinfo import ZoneInfo

from payouts import batch_content, batch_lines, batches, closing, holds, program_files, reversals
from payouts.models import Bonus, MonthClose, PayoutBatch
from payouts.rules.lifecycle import UNPAID, BatchStatus, BonusStatus
from referrals.rules.zones import local_date
from tests.simulator.checks import Breach
from tests.simulator.play import NoCandidate, Play, any_of, one_of, two_of
from tests.simulator.world import OFFERS, document_of

BONUSES = Bonus.objects.all()
BATCHES = PayoutBatch.objects.all()
AS_PUT_UP = "what is approved is what was put up, and nothing of it is on hold"


def holds_one(play: Play, chance: int, other: int) -> None:
    bonus = any_of(BONUSES, chance, fitting=BONUSES.filter(status__in=UNPAID))
    holds.place(bonus, reason="a doubt", by=play.world.fay, at=play.now)


def lifts(play: Play, chance: int, other: int) -> None:
    bonus = any_of(BONUSES, chance, fitting=BONUSES.filter(on_hold=True))
    holds.lift(bonus, by=play.world.fay, at=play.now)


def drafts(play: Play, chance: int, other: int) -> None:
    batches.draft(one_of(play.world.programs, chance), as_of=play.now, at=play.now)


def excludes(play: Play, chance: int, other: int) -> None:
    """A line of a draft is left to the next one, or held."""
    open_ones = BATCHES.filter(bonuses__status__in=UNPAID).distinct()
    batch = any_of(BATCHES, chance, fitting=open_ones)
    line = any_of(BONUSES.filter(batch=batch), other)
    if other % 2:
        batch_lines.hold(batch, [line.pk], reason="a doubt", by=play.world.fay, at=play.now)
    else:
        batch_lines.exclude(batch, [line.pk], reason="later", by=play.world.fay, at=play.now)


def puts_up(play: Play, chance: int, other: int) -> None:
    batch = any_of(BATCHES, chance, fitting=BATCHES.filter(status=BatchStatus.DRAFT))
    batches.put_up(batch, by=play.world.gus if other % 8 == 7 else play.world.fay, at=play.now)
    play.put_up[batch.pk] = {(number, amount) for number, _, amount, _ in batch_content.content(batch)}


def approves(play: Play, chance: int, other: int) -> None:
    """Mostly by somebody else than who put it up; where the sum asks for it, by two."""
    batch = any_of(BATCHES, chance, fitting=BATCHES.filter(status=BatchStatus.AWAITING_APPROVAL))
    by = (play.world.finn, play.world.gus, play.world.finn, play.world.fay)[other % 4]
    batches.approve(batch, by=by, at=play.now)
    approved = BONUSES.filter(batch=batch, status=BonusStatus.APPROVED)
    numbers = set(approved.values_list("pk", "amount_minor"))
    if not numbers <= play.put_up.get(batch.pk, set()) or approved.filter(on_hold=True).exists():
        raise Breach(AS_PUT_UP, (batch.pk, numbers, play.put_up.get(batch.pk)))


def refuses(play: Play, chance: int, other: int) -> None:
    batch = any_of(BATCHES, chance, fitting=BATCHES.filter(status=BatchStatus.AWAITING_APPROVAL))
    batches.refuse(batch, by=play.world.finn, at=play.now, reason="not like this")


def voids_batch(play: Play, chance: int, other: int) -> None:
    batch = any_of(BATCHES, chance, fitting=BATCHES.filter(status=BatchStatus.APPROVED))
    batches.void(batch, by=play.world.finn, at=play.now, reason="a mistake")


def reverses(play: Play, chance: int, other: int) -> None:
    bonus = any_of(BONUSES, chance, fitting=BONUSES.filter(status=BonusStatus.PAID))
    by, approved_by = two_of((play.world.fay, play.world.finn), other)
    reversals.reverse(bonus, by=by, approved_by=approved_by, at=play.now, note="a refund")


def closes_month(play: Play, chance: int, other: int) -> None:
    program = one_of(play.world.programs, chance)
    if (month := closing.next_month(program)) is None:
        raise NoCandidate
    by, confirmed_by = two_of((play.world.fay, play.world.finn), other)
    closing.close(program, month=month, by=by, confirmed_by=confirmed_by, at=play.now)


def reopens_month(play: Play, chance: int, other: int) -> None:
    closed = any_of(MonthClose.objects.all(), chance, fitting=MonthClose.objects.standing())
    by, confirmed_by = two_of((play.world.fay, play.world.finn), other)
    closing.reopen(closed, by=by, confirmed_by=confirmed_by, at=play.now, reason="a late bill")


def publishes(play: Play, chance: int, other: int) -> None:
    """New terms of a program, from tomorrow on: another amount, another way to approve, another minimum."""
    turn = chance % len(OFFERS)
    offer, program = OFFERS[turn], play.world.programs[turn]
    latest = program_files.latest_terms(program)
    reward = latest.rewards.order_by("position").first().code
    document = document_of(
        offer,
        {
            "terms.version": latest.version + 1,
            "terms.effective_from": local_date(play.now, ZoneInfo(latest.time_zone)).isoformat(),
            f"rewards.{reward}.amount": f"{50 + other % 4 * 25}.00",
            "payout_schedule.release": ("AUTOMATIC", "AFTER_APPROVAL")[other // 4 % 2],
            "payout_schedule.minimum": (None, "120.00")[other // 8 % 2],
            "payout_schedule.late_policy": ("NEXT_RUN", "HOLD")[other // 16 % 2],
        },
    )
    program_files.store(document, host=play.world.host, now=play.now)
