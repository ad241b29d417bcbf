"""
What a batch holds and would pay: its lines, their hash, and what changed since they were put up.

Questions, no steps: payouts.batches asks them in its transactions, the page of a batch shows the answers.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value

from payouts import due
from payouts.insertion import insert_from
from payouts.models import BatchLine, Bonus, PayoutBatch, PayoutSchedule
from payouts.models.bonus import BonusQuerySet
from payouts.rules.lifecycle import BatchStatus, BonusStatus

DRAFTED = [BatchStatus.DRAFT, BatchStatus.AWAITING_APPROVAL]
"""Of these the content may still change."""
PAYABLE = Q(status__in=[BonusStatus.ACTIVATED, BonusStatus.APPROVED, BonusStatus.PAID])

Line = tuple[int, int, int, str]
"""Bonus, enrollment, amount in minor units and currency."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What came and what went since a batch was put up the last time."""

    came: list[Bonus]
    went: list[Bonus]
    came_count: int
    went_count: int

    def __str__(self) -> str:
        return f"+{self.came_count} -{self.went_count}"

    @property
    def is_none(self) -> bool:
        return not self.came_count and not self.went_count


def lines(batch: PayoutBatch) -> BonusQuerySet:
    """The bonuses of a batch that nobody has approved yet."""
    return Bonus.objects.filter(batch=batch, status=BonusStatus.ACTIVATED)


def schedules(batch: PayoutBatch) -> list[PayoutSchedule]:
    """The schedules of the bonuses of a batch; at most three questions, however many they are."""
    terms = Bonus.objects.filter(batch=batch).order_by().values("terms")
    return list(due.with_rules(PayoutSchedule.objects.filter(terms__in=terms)))


def will_be_paid(batch: PayoutBatch, known: Sequence[PayoutSchedule], *, as_of: datetime) -> Q:
    """
    Which bonuses of a batch would be paid now, or are; of one that is over, all that are not cancelled.

    :param known: its schedules
    """
    stopped = due.BLOCKED | due.waits(known) | due.fails(known)
    if batch.status == BatchStatus.APPROVED:
        return PAYABLE & (Q(status=BonusStatus.PAID) | ~stopped)
    if batch.status not in DRAFTED:
        return PAYABLE
    paying = Q(pk__in=[])
    for schedule in known:
        mine = Q(terms=schedule.terms_id)
        if schedule.minimum_minor is not None:
            reaching = due.payable(due.due(schedule, as_of=as_of), schedule, kind=batch.kind)
            mine &= Q(enrollment__in=reaching.order_by().values("enrollment"))
        paying |= mine
    return Q(status=BonusStatus.ACTIVATED) & paying & ~stopped


def content(batch: PayoutBatch) -> list[Line]:
    """What is to be paid of a batch that nothing held or waiting is left in: lines whose condition holds."""
    fields = ("pk", "enrollment_id", "amount_minor", "currency")
    return list(_to_pay(batch).order_by("pk").values_list(*fields))


def fingerprint(lines: Sequence[Line]) -> str:
    """The hash of lines."""
    text = "\n".join(":".join(str(value) for value in line) for line in lines)
    return hashlib.sha256(text.encode()).hexdigest()


def keep(batch: PayoutBatch) -> None:
    """Write down the lines that are put up, so that what changes can be shown."""
    insert_from(
        _to_pay(batch),
        into=BatchLine,
        values={
            "batch": Value(batch.pk),
            "turn": Value(batch.turn),
            "bonus": F("pk"),
            "amount_minor": F("amount_minor"),
        },
    )


def stays(batch: PayoutBatch, paying: Q) -> Q:
    """Which of its bonuses were put up the last time, and are paid still."""
    put_up = BatchLine.objects.filter(batch=batch, turn=batch.turn, bonus=OuterRef("pk")).order_by()
    return paying & Q(Exists(put_up))


def difference(batch: PayoutBatch, paying: Q, *, most: int = 0, is_none: bool = False) -> Difference | None:
    """
    What changed since a batch was put up the last time; ``None``: it never was.

    :param paying: what ``will_be_paid`` says of it
    :param most: so many bonuses are named of what came, and of what went
    :param is_none: it is known already that nothing did
    """
    if not batch.turn:
        return None
    if is_none:
        return Difference([], [], 0, 0)
    joined = ["account", "enrollment__referrer", "reward"]
    put_up = BatchLine.objects.filter(batch=batch, turn=batch.turn).order_by()
    now = Bonus.objects.filter(paying, batch=batch)
    came = now.exclude(pk__in=put_up.values("bonus"))
    went = Bonus.objects.filter(pk__in=put_up.values("bonus")).exclude(pk__in=now.order_by().values("pk"))
    (some_came, came_count), (some_went, went_count) = (_some(each, joined, most) for each in (came, went))
    return Difference(some_came, some_went, came_count, went_count)


def _to_pay(batch: PayoutBatch) -> BonusQuerySet:
    return lines(batch).exclude(due.fails(schedules(batch)))


def _some(bonuses: QuerySet[Bonus], joined: Sequence[str], most: int) -> tuple[list[Bonus], int]:
    """Some of them, and how many they are."""
    count = bonuses.count()
    return (list(bonuses.select_related(*joined).order_by("pk")[:most]) if count else []), count
