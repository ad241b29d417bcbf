"""
Pay what is due. Beat, the admin, the command line: all call this.

Chunk by chunk, each one transaction: claim, book, set paid. A chunk takes all that is due
to each of its referrers, so that a minimum is measured once and a payout is whole. What
cannot be paid is told and passed over: the next run tries it again, a few times; then it is on hold.
"""

import logging
from datetime import date, datetime

from django.db import transaction
from django.db.models import (
    Case,
    Exists,
    F,
    IntegerField,
    Min,
    OuterRef,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.expressions import Combinable

from payouts import batches, due, failpoints, holds, ledger, trail
from payouts.insertion import insert_from, listed
from payouts.models import Bonus, Payout, PayoutChange, PayoutSchedule
from payouts.models.bonus import BonusQuerySet
from payouts.payments import credits, set_offs
from payouts.rules.lifecycle import UNPAID, AccountKind, BonusStatus, PayoutStatus, TransferKind
from referrals import jobs
from referrals.jobs import Tally
from referrals.models import Program
from referrals.rules.words import Release, RewardKind
from referrals.rules.zones import local_date

log = logging.getLogger(__name__)

JOB = "release"
CHUNK = 5_000


class MovedMeanwhile(Exception):
    """A claimed bonus was held or paid by somebody else: the chunk rolls back, the next run tries again."""


def release_due(*, as_of: datetime, program: Program | None = None, size: int = CHUNK) -> Tally:
    """
    Pay every bonus that is due at that instant; unless the caller holds a transaction open, a crash loses one
    chunk's work at most.

    :param size: about so many bonuses make one transaction
    """
    tally = Tally()
    for schedule in due.schedules(as_of=as_of, program=program):
        with tally.surviving(schedule.terms):
            ledger.refuse_closed_month(schedule.terms.program_id, at=as_of)
            for kind in ledger.PAID_TO:
                _Run(schedule, kind, as_of=as_of, size=size, tally=tally).pay_all()
    batches.close_paid_out(at=as_of, program=program)
    set_offs.make_up_all(at=as_of, tally=tally, program=program)
    tally.examined = tally.done + tally.failed
    return tally


class _Run:
    """Paying the due bonuses of one schedule and kind."""

    def __init__(
        self, schedule: PayoutSchedule, kind: str, *, as_of: datetime, size: int, tally: Tally
    ) -> None:
        self.schedule, self.kind, self.as_of, self.size, self.tally = schedule, kind, as_of, size, tally
        self.today = local_date(as_of, schedule.zone)
        self.is_automatic = schedule.release == Release.AUTOMATIC
        self.told_to_host = credits.method_of(schedule.terms.program, kind=kind)
        # Of an automatic schedule: the batch of today's run. Else each bonus is in its own.
        self.batch: Combinable = F("batch_id")

    def pay_all(self) -> None:
        """Chunk by chunk, referrer by referrer."""
        last = 0
        while (up_to := self._end_of_chunk(after=last)) is not None:
            try:
                self._pay_chunk(after=last, up_to=up_to)
            except Exception:
                log.exception("chunk rolled back; its referrers are paid one by one")
                self._pay_one_by_one(after=last, up_to=up_to)
            last = up_to

    def _end_of_chunk(self, *, after: int) -> int | None:
        """The referrer of the last bonus that fits; where fewer are left, of the very last."""
        due_ones = due.due(self.schedule, as_of=self.as_of).filter(kind=self.kind, enrollment_id__gt=after)
        referrers = due_ones.order_by("enrollment_id").values_list("enrollment_id", flat=True)
        return next(iter(referrers[self.size - 1 : self.size]), None) or referrers.last()

    def _pay_one_by_one(self, *, after: int, up_to: int) -> None:
        """One poisoned referrer does not stop the others; after some tries it waits for a person."""
        payable = self._payable(after=after, up_to=up_to).order_by("enrollment_id")
        for referrer in list(payable.values_list("enrollment_id", flat=True).distinct()):
            part = f"enrollment {referrer}"
            with self.tally.surviving(part):
                try:
                    self._pay_chunk(after=referrer - 1, up_to=referrer)
                except MovedMeanwhile:
                    # Held or paid by somebody else since the chunk: nothing is wrong with it.
                    continue
            if part in self.tally.failing and jobs.needs_a_person(JOB, part, as_of=self.as_of):
                poisoned = self._payable(after=referrer - 1, up_to=referrer)
                self.tally.notes["held"] += holds.place_on_failing(poisoned, at=self.as_of)

    def _payable(self, *, after: int, up_to: int) -> BonusQuerySet:
        """What can be paid to the referrers behind ``after``, up to and including ``up_to``."""
        bonuses = due.due(self.schedule, as_of=self.as_of).filter(
            enrollment_id__gt=after,
            enrollment_id__lte=up_to,
            # Implied, but said: so the database reads these accounts and not all of them.
            account__enrollment_id__gt=after,
            account__enrollment_id__lte=up_to,
        )
        payable = due.payable(bonuses, self.schedule, kind=self.kind)
        return payable if self.is_automatic else payable.filter(status=BonusStatus.APPROVED)

    def _pay_chunk(self, *, after: int, up_to: int) -> None:
        self.tally.done += self._chunk(after=after, up_to=up_to)
        failpoints.reach("after_commit")

    @transaction.atomic
    def _chunk(self, *, after: int, up_to: int) -> int:
        """Claim the bonuses of these referrers, book them, set them paid: all or nothing."""
        # Other workers skip rows claimed here. SQLite has no row locks: there BEGIN IMMEDIATE
        # makes this the only writer.
        claimed = list(
            self._payable(after=after, up_to=up_to)
            .order_by("enrollment_id", "pk")
            .select_for_update(skip_locked=True, of=("self",))
            .values_list("pk", "window_closes_on")
        )
        failpoints.reach("after_claim")
        if claimed:
            if self.is_automatic:
                self.batch = Value(batches.automatic(self.schedule, kind=self.kind, as_of=self.as_of).pk)
            chunk = Bonus.objects.filter(pk__in=listed([pk for pk, _ in claimed]))
            self._pay(chunk, count=len(claimed), closed={day for _, day in claimed if day < self.today})
        failpoints.reach("before_commit")
        return len(claimed)

    def _pay(self, chunk: BonusQuerySet, *, count: int, closed: set[date]) -> None:
        if self.is_automatic:
            not_approved = chunk.filter(status=BonusStatus.ACTIVATED)
            trail.log_each(not_approved, new=BonusStatus.APPROVED, at=self.as_of)
        trail.log_each(chunk, old=BonusStatus.APPROVED, new=BonusStatus.PAID, at=self.as_of)
        self._make_payouts(chunk)
        ledger.post_for_each(
            chunk,
            kind=TransferKind.RELEASED,
            debit=AccountKind.PAYABLE,
            credit=ledger.PAID_TO[RewardKind(self.kind)],
            posted_at=self.as_of,
        )
        failpoints.reach("after_transfers")
        batch = OuterRef("batch_id") if not self.is_automatic else self.batch
        payout = Payout.objects.filter(batch=batch, enrollment=OuterRef("enrollment_id"), attempt=1)
        paid = chunk.filter(status__in=UNPAID, on_hold=False).update(
            status=BonusStatus.PAID,
            batch=self.batch,
            payout=Subquery(payout.values("pk")),
            paid_at=self.as_of,
            released_on=self.today,
            days_late=self._days_late(closed),
        )
        if paid != count:
            raise MovedMeanwhile(f"Of {count} claimed bonuses {paid} could be paid.")
        self._log_payouts(chunk)
        if self.told_to_host is not None:
            credits.write(chunk, method=self.told_to_host, at=self.as_of)

    def _make_payouts(self, chunk: BonusQuerySet) -> None:
        status = PayoutStatus.PREPARED if self.kind == RewardKind.CASH else PayoutStatus.CREDITED
        insert_from(
            chunk.order_by().values("enrollment_id", "batch_id" if not self.is_automatic else "currency"),
            into=Payout,
            values={
                "batch": self.batch,
                "enrollment": F("enrollment_id"),
                "attempt": Value(1),
                "amount_minor": Sum("amount_minor"),
                "currency": Min("currency"),
                "status": Value(status.value),
                "created_at": Value(self.as_of),
            },
            # Where two workers share a referrer, or a batch is paid in two runs, the payout grows.
            otherwise="ON CONFLICT (batch_id, enrollment_id, attempt) DO UPDATE"
            " SET amount_minor = payouts_payout.amount_minor + excluded.amount_minor",
        )

    def _log_payouts(self, chunk: BonusQuerySet) -> None:
        logged = PayoutChange.objects.filter(payout=OuterRef("pk"))
        payouts = Payout.objects.filter(pk__in=chunk.order_by().values("payout")).filter(~Exists(logged))
        insert_from(
            payouts,
            into=PayoutChange,
            values={
                "payout": F("pk"),
                "old_status": Value(""),
                "new_status": F("status"),
                "changed_at": Value(self.as_of),
            },
        )

    def _days_late(self, closed: set[date]) -> Case:
        """So many days after the window closed; a chunk knows few windows."""
        return Case(
            *(When(window_closes_on=day, then=Value((self.today - day).days)) for day in sorted(closed)),
            default=Value(0),
            output_field=IntegerField(),
        )
