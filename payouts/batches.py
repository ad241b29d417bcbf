"""
Batches: what is due together is drafted, put up by one person and approved by another.

What a batch holds is fixed by a hash when it is put up, and its lines are written down; approving looks
again at every line, at its condition and its holds. Where the sum asks for it a second person approves, too.
An approved batch can only be voided, which frees its bonuses.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import cast

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Max

from payouts import batch_content, cancellations, due, holds, signing, trail
from payouts.batch_content import lines
from payouts.insertion import listed
from payouts.models import BatchApproval, BatchChange, BatchNote, Bonus, PayoutBatch, PayoutSchedule
from payouts.rules.lifecycle import BATCH_SOURCES, BatchRemark, BatchStatus, BonusStatus
from referrals.jobs import Tally
from referrals.models import Program
from referrals.rules.refusal import Refused, require_two_people
from referrals.rules.words import LatePolicy, Release
from referrals.rules.zones import local_date


class NothingToApprove(Refused):
    """No bonus in a batch waits for an approval."""

    code = "nothing_to_approve"


class StepNotAllowed(Refused):
    """The batch has moved on since it was looked at."""

    code = "step_not_allowed"


class ContentChanged(Refused):
    """The batch is no longer what was put up: it is a draft again."""

    code = "content_changed"


class QualifiedByTheSame(Refused):
    """Who qualified an account may not handle its bonus as well."""

    code = "qualified_by_the_same"


class ApprovedAlready(Refused):
    """This person has approved the batch: another one is needed."""

    code = "approved_already"


class NothingDue(Refused):
    """Nothing that waits for an approval is due by then, or all of it is in a batch already."""

    code = "nothing_due"


class NotYet(Refused):
    """Nothing is drafted for a time that has not come."""

    code = "not_yet"


def prepare(*, as_of: datetime, program: Program | None = None) -> Tally:
    """
    Look at everything that is due: hold what is late, cancel what fails, draft what needs an approval.

    One schedule that fails does not stop the others.
    """
    tally = Tally()
    for schedule in due.schedules(as_of=as_of, program=program):
        with tally.surviving(schedule.terms):
            _prepare(schedule, as_of=as_of, tally=tally)
    tally.done = sum(tally.notes.values())
    return tally


def draft(program: Program, *, as_of: datetime, at: datetime) -> int:
    """
    Draft what is due by an instant and in no batch yet, without waiting for the next run; returns how many.

    :param as_of: windows that had opened by then; what is held, waits or fails is left to the runs
    :raises NotYet: if that is later than now
    :raises NothingDue: if there is nothing
    """
    if as_of > at:
        raise NotYet("A batch is drafted for today or earlier: what opens later is in the forecast.")
    tally = Tally()
    for schedule in due.schedules(as_of=as_of, program=program):
        if schedule.release == Release.AFTER_APPROVAL:
            _draft(schedule, as_of=as_of, at=at, tally=tally)
    if not tally.notes["drafted"]:
        raise NothingDue(
            f"{program.name} has nothing more to draft: what is due is in a batch already, on hold or waits."
        )
    return tally.notes["drafted"]


@transaction.atomic
def put_up(batch: PayoutBatch, *, by: User, at: datetime) -> None:
    """
    Ask for approval of a draft; what is held or waits leaves it for a later one.

    :raises StepNotAllowed: if it is no draft any more
    :raises NothingToApprove: if nothing remains
    """
    if batch.status != BatchStatus.DRAFT:
        raise StepNotAllowed(f"{batch} is {BatchStatus(batch.status).label.lower()}: only a draft is put up.")
    _lock_bonuses(batch)
    _leave_out(batch, at=at)
    if not lines(batch).exists():
        raise NothingToApprove(f"Nothing in {batch} can be approved now.")
    content = batch_content.content(batch)
    changes = {
        "content_sha256": batch_content.fingerprint(content),
        "prepared_by": by,
        "turn": batch.turn + 1,
        "approvals_needed": signing.approvals_needed(
            batch.program, sum_minor=sum(amount for _, _, amount, _ in content)
        ),
    }
    _move(batch, to=BatchStatus.AWAITING_APPROVAL, at=at, by=by, changes=changes)
    batch_content.keep(batch)


def approve(batch: PayoutBatch, *, by: User, at: datetime) -> None:
    """
    Accept what was put up; with the last name that it needs the next run pays it.

    :raises SamePerson: if it takes more than one person, and this one prepared it
    :raises ApprovedAlready: if this person has approved it, and another one is needed
    :raises QualifiedByTheSame: if the program wants three and one of them qualified an account
    :raises ContentChanged: if it is no longer what was put up; it is a draft again
    :raises StepNotAllowed: if it does not wait for approval
    """
    if (changed := _approve(batch, by=by, at=at)) is not None:
        raise ContentChanged(
            f"{batch} changed since it was put up ({changed}): it is a draft again. Look at it, and put it up"
            " once more."
        )


@transaction.atomic
def approve_all(program: Program, *, put_up_by: User, approved_by: User, at: datetime) -> None:
    """
    Put up and approve every draft of a program, by two people.

    :raises SamePerson: if both are one
    :raises NothingToApprove: if no draft holds anything that can be approved now
    """
    require_two_people(put_up_by, approved_by)
    approved = 0
    for batch in PayoutBatch.objects.in_draft().filter(program=program).order_by("pk"):
        try:
            put_up(batch, by=put_up_by, at=at)
        except NothingToApprove:
            continue
        approve(batch, by=approved_by, at=at)
        approved += 1
    if not approved:
        raise NothingToApprove(f"Nothing of {program.name} waits for an approval now.")


@transaction.atomic
def refuse(batch: PayoutBatch, *, by: User, at: datetime, reason: str = "") -> None:
    """Make a batch that was put up a draft again; approvals that it has count no more."""
    changes = {"content_sha256": "", "prepared_by": None, "approvals_needed": 1}
    _move(batch, to=BatchStatus.DRAFT, at=at, by=by, changes=changes)
    _remark(batch, BatchRemark.REFUSED, reason, by=by, at=at)


@transaction.atomic
def void(batch: PayoutBatch, *, by: User, at: datetime, reason: str = "") -> None:
    """Take an approval back; bonuses that are not paid yet are free for another batch."""
    _lock_bonuses(batch)
    _move(batch, to=BatchStatus.VOIDED, at=at, by=by, changes={})
    _remark(batch, BatchRemark.VOIDED, reason, by=by, at=at)
    freed = Bonus.objects.filter(batch=batch, status=BonusStatus.APPROVED)
    trail.log_each(freed, new=BonusStatus.ACTIVATED, at=at, by=by, reason="batch_voided")
    freed.update(status=BonusStatus.ACTIVATED, batch=None, prepared_by=None, approved_by=None)


def automatic(schedule: PayoutSchedule, *, kind: str, as_of: datetime) -> PayoutBatch:
    """The open batch of today's run that the schedule itself approves."""
    if (batch := _automatic(schedule, kind=kind, as_of=as_of)) is not None:
        return batch
    try:
        with transaction.atomic():
            return _new(schedule, kind=kind, as_of=as_of, status=BatchStatus.APPROVED)
    except IntegrityError:
        # Another worker has just made it.
        return automatic(schedule, kind=kind, as_of=as_of)


def _automatic(schedule: PayoutSchedule, *, kind: str, as_of: datetime) -> PayoutBatch | None:
    program, run_on = schedule.terms.program, local_date(as_of, schedule.zone)
    mine = PayoutBatch.objects.filter(program=program, run_on=run_on, kind=kind, currency=program.currency)
    return mine.filter(automatic=True, status=BatchStatus.APPROVED).first()


def close(batch: PayoutBatch, *, at: datetime) -> None:
    """An approved batch of which nothing waits for its payment any more is released."""
    with transaction.atomic():
        _move(batch, to=BatchStatus.RELEASED, at=at, by=None, changes={})


def close_paid_out(*, at: datetime, program: Program | None = None) -> None:
    """Close approved batches of which everything is paid or cancelled, those of a run that broke off too."""
    approved = PayoutBatch.objects.filter(status=BatchStatus.APPROVED)
    if program is not None:
        approved = approved.filter(program=program)
    for batch in approved.exclude(bonuses__status=BonusStatus.APPROVED).order_by("pk"):
        # Another run may have closed it since the query, or a person voided it.
        with suppress(StepNotAllowed):
            close(batch, at=at)


def _prepare(schedule: PayoutSchedule, *, as_of: datetime, tally: Tally) -> None:
    _hold_late(schedule, as_of=as_of, tally=tally)
    for failing, reason in due.failures(schedule):
        bonuses = due.due(schedule, as_of=as_of).exclude(due.BLOCKED).filter(failing)
        tally.notes["cancelled"] += cancellations.cancel_each(bonuses, reason=reason, at=as_of)
    if schedule.release == Release.AFTER_APPROVAL:
        _draft(schedule, as_of=as_of, at=as_of, tally=tally)


def _hold_late(schedule: PayoutSchedule, *, as_of: datetime, tally: Tally) -> None:
    if schedule.late_policy == LatePolicy.HOLD:
        today = local_date(as_of, schedule.zone)
        late = due.due(schedule, as_of=as_of).filter(window_closes_on__lt=today)
        tally.notes["held"] += holds.place_on_late(late, at=as_of)


@transaction.atomic
def _draft(schedule: PayoutSchedule, *, as_of: datetime, at: datetime, tally: Tally) -> None:
    """Put what can be paid, and is in no batch yet, into the open draft of its kind."""
    bonuses = due.due(schedule, as_of=as_of)
    for kind in bonuses.order_by().values_list("kind", flat=True).distinct():
        new = due.payable(bonuses, schedule, kind=kind).filter(status=BonusStatus.ACTIVATED, batch=None)
        claimed = list(new.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
        if claimed:
            program = schedule.terms.program
            drafts = PayoutBatch.objects.in_draft().filter(program=program, kind=kind)
            batch = drafts.first() or _new(schedule, kind=kind, as_of=at, status=BatchStatus.DRAFT)
            Bonus.objects.filter(pk__in=claimed, status=BonusStatus.ACTIVATED, batch=None).update(batch=batch)
            tally.notes["drafted"] += len(claimed)


def _new(schedule: PayoutSchedule, *, kind: str, as_of: datetime, status: BatchStatus) -> PayoutBatch:
    run_on = local_date(as_of, schedule.zone)
    return _numbered(schedule.terms.program, run_on=run_on, kind=kind, status=status, at=as_of)


def following_draft(batch: PayoutBatch, *, at: datetime) -> PayoutBatch:
    """The next draft of the same kind, for what leaves this one; made if there is none."""
    others = PayoutBatch.objects.in_draft().filter(program=batch.program_id, kind=batch.kind)
    return others.exclude(pk=batch.pk).order_by("pk").first() or _successor(batch, at=at)


def _successor(batch: PayoutBatch, *, at: datetime) -> PayoutBatch:
    """The next draft of the same run, for what leaves this one."""
    return _numbered(batch.program, run_on=batch.run_on, kind=batch.kind, status=BatchStatus.DRAFT, at=at)


def _numbered(program: Program, *, run_on: date, kind: str, status: BatchStatus, at: datetime) -> PayoutBatch:
    key = {"program": program, "run_on": run_on, "kind": kind, "currency": program.currency}
    last = PayoutBatch.objects.filter(**key).aggregate(last=Max("sequence"))["last"] or 0
    batch = PayoutBatch.objects.create(
        **key,
        sequence=last + 1,
        status=status,
        automatic=status == BatchStatus.APPROVED,
        people_needed=program.people_needed,
    )
    BatchChange.objects.create(batch=batch, old_status="", new_status=status, changed_at=at)
    return batch


@transaction.atomic
def _approve(batch: PayoutBatch, *, by: User, at: datetime) -> batch_content.Difference | None:
    """What changed since it was put up, if anything did: the batch is a draft again."""
    # Of two who approve at once the second waits here, and then counts the first.
    _lock_bonuses(batch)
    batch.refresh_from_db()
    _refuse_the_preparer(batch, by)
    if batch.status == BatchStatus.AWAITING_APPROVAL:
        _leave_out(batch, at=at)
        content = batch_content.content(batch)
        if batch_content.fingerprint(content) != batch.content_sha256:
            paying = batch_content.will_be_paid(batch, batch_content.schedules(batch), as_of=at)
            changed = batch_content.difference(batch, paying)
            refuse(batch, by=by, at=at)
            return changed or batch_content.Difference([], [], 0, 0)
        if _sign(batch, by=by, at=at) < batch.approvals_needed:
            return None
        # What fails its condition is in no sum that was signed: the next run cancels it, or drafts it anew.
        signed = listed([number for number, *_ in content])
        lines(batch).exclude(pk__in=signed).update(batch=None)
    approved = lines(batch)
    _move(batch, to=BatchStatus.APPROVED, at=at, by=by, changes={"approved_by": by})
    trail.log_each(approved, new=BonusStatus.APPROVED, at=at, by=batch.prepared_by, approved_by=by)
    approved.update(status=BonusStatus.APPROVED, prepared_by=batch.prepared_by, approved_by=by)
    return None


def _refuse_the_preparer(batch: PayoutBatch, by: User) -> None:
    """Where it takes more than one person, the preparer is not the other."""
    if batch.people_needed >= 2 or batch.approvals_needed > 1:
        require_two_people(batch.prepared_by, by)


def _sign(batch: PayoutBatch, *, by: User, at: datetime) -> int:
    """Put a name under a batch; returns how many approvals it has now."""
    given = BatchApproval.objects.filter(batch=batch, turn=batch.turn)
    names = [*given.values_list("person", flat=True), batch.prepared_by_id, by.pk]
    if by.pk in names[:-2]:
        raise ApprovedAlready(f"You have approved {batch} already: another person has to.")
    if batch.people_needed >= 3 and lines(batch).filter(qualified_by__in=names).exists():
        raise QualifiedByTheSame(
            f"Another person must put up and approve {batch}: one qualified an account in it."
        )
    several = batch.approvals_needed + 1 if batch.approvals_needed > 1 else 1
    BatchApproval.objects.create(
        batch=batch,
        turn=batch.turn,
        person=by,
        at=at,
        prepared_by=cast(User, batch.prepared_by),
        people_needed=max(batch.people_needed, several),
    )
    return given.count()


def _remark(batch: PayoutBatch, about: BatchRemark, text: str, *, by: User, at: datetime) -> None:
    if text:
        BatchNote.objects.create(batch=batch, about=about, text=text, written_by=by, written_at=at)


def _lock_bonuses(batch: PayoutBatch) -> None:
    """
    Let nobody else move the bonuses of a batch until the transaction ends.

    They are logged before they are moved: what a payment or a cancellation moves in between would have a
    step in its trail that it never took.
    """
    list(Bonus.objects.filter(batch=batch).order_by("pk").select_for_update().values_list("pk", flat=True))


def _leave_out(batch: PayoutBatch, *, at: datetime) -> None:
    """What is held or waits at this moment goes on into the next draft."""
    mine = lines(batch)
    ready: list[int] = []
    for schedule in batch_content.schedules(batch):
        approvable = due.approvable(mine, schedule, kind=batch.kind, as_of=at)
        ready += approvable.values_list("pk", flat=True)
    waiting = mine.exclude(pk__in=listed(ready))
    if waiting.exists():
        waiting.update(batch=following_draft(batch, at=at))


def _move(
    batch: PayoutBatch,
    *,
    to: BatchStatus,
    at: datetime,
    by: User | None,
    changes: Mapping[str, object],
) -> None:
    seen = BatchStatus(batch.status)
    moved = seen in BATCH_SOURCES[to] and PayoutBatch.objects.filter(pk=batch.pk, status=seen).update(
        status=to, **changes
    )
    if not moved:
        raise StepNotAllowed(f"{batch} is {seen.label.lower()}: it cannot become {to.label.lower()}.")
    BatchChange.objects.create(batch=batch, old_status=seen, new_status=to, changed_at=at, changed_by=by)
    batch.refresh_from_db()
