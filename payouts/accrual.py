"""
Accrual: what has been earned becomes bonuses and benefits.

The sweep over changed accounts evaluates each, stores what it has reached, and adds the
bonuses that should be there: amount, window and explanation are frozen at that moment and
booked as owed. Nothing is paid here.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.db import transaction
from django.db.models import Count

from payouts import cancellations, ledger
from payouts.models import Benefit, Bonus, BonusChange, PayoutSchedule, Reward
from payouts.program_files import schedule_of
from payouts.rules import rewards
from payouts.rules.lifecycle import (
    QUALIFICATION_REVOKED,
    AccountKind,
    BenefitStatus,
    BonusStatus,
    TransferKind,
)
from payouts.rules.rewards import BonusDraft, EarlierBonus, Progress, RewardRule
from payouts.rules.schedule import Schedule, Window, window, window_of_month
from referrals import evaluation
from referrals.evaluation import Evaluated
from referrals.jobs import Tally
from referrals.models import Enrollment, Program, ReferredAccount, Terms
from referrals.rules.facts import first_payment_at
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.milestones import is_holding
from referrals.rules.words import Anchor, RewardKind

CHUNK = 200


@dataclass(frozen=True)
class PayingTerms:
    """The money side of one version of the terms."""

    terms: Terms
    schedule_row: PayoutSchedule
    rows: dict[str, Reward]
    rules: tuple[RewardRule, ...]

    @classmethod
    def of(cls, terms: Terms) -> "PayingTerms":
        rows = list(terms.rewards.prefetch_related("requires__milestone"))
        rules = tuple(
            RewardRule(
                code=row.code,
                beneficiary=row.beneficiary,
                requires=tuple(each.milestone.code for each in row.requires.all()),
                kind=row.kind,
                amount_minor=row.amount_minor,
                quantity=row.quantity,
                product=row.product,
                recurrence=row.recurrence,
                each_month_on=row.each_month_on,
                cap=row.cap,
            )
            for row in rows
        )
        return cls(terms, terms.payout_schedule, {row.code: row for row in rows}, rules)

    @cached_property
    def schedule(self) -> Schedule:
        return schedule_of(self.terms)


class Accrual:
    """One run of the sweep: what is read once, and what it has counted."""

    def __init__(self, *, as_of: datetime) -> None:
        self.as_of = as_of
        self.tally = Tally()
        self._paying: dict[int, PayingTerms] = {}

    def paying(self, terms: Terms) -> PayingTerms:
        if terms.pk not in self._paying:
            self._paying[terms.pk] = PayingTerms.of(terms)
        return self._paying[terms.pk]

    @transaction.atomic
    def chunk(self, claimed: Sequence[int]) -> None:
        """Evaluate these accounts and store what follows: all or nothing."""
        accounts = list(
            ReferredAccount.objects.filter(pk__in=claimed)
            .select_related("program", "terms", "enrollment__program", "pending_decision")
            .select_for_update(skip_locked=True, of=("self",))
            .order_by("pk")
        )
        # A fact told from here on finds its account dirty again.
        seen = {account.pk: account.facts_changed for account in accounts}
        evaluated = evaluation.evaluate_and_store(accounts, as_of=self.as_of)
        stored = _bonuses_of(accounts)
        self._follow(evaluated, stored)
        self._cancel_of_refused(evaluated)
        self._activate(evaluated, stored)
        self._grant(evaluated)
        for each in evaluated:
            # A step taken by the evaluation itself is no news to it.
            own_steps = each.account.facts_changed - seen[each.account.pk]
            evaluation.mark_evaluated(
                each.account, seen=seen[each.account.pk] + own_steps, next_look_at=self._next_look_at(each)
            )
        self.tally.examined += len(accounts)
        self.tally.done += len(accounts)

    def _follow(self, evaluated: Sequence[Evaluated], stored: dict[int, list[Bonus]]) -> None:
        """Keep on each bonus whether its milestones hold and its qualification stands: release asks."""
        changed: dict[bool, list[int]] = {True: [], False: []}
        for each in evaluated:
            rules = {rule.code: rule for rule in self.paying(each.account.terms).rules}
            for bonus in stored.get(each.account.pk, ()):
                holds = is_holding(each.outcome.together(rules[bonus.reward.code].requires))
                if holds != bonus.milestones_hold:
                    changed[holds].append(bonus.pk)
        for holds, bonuses in changed.items():
            if bonuses:
                Bonus.objects.filter(pk__in=bonuses).update(milestones_hold=holds)
        qualified = [e.account.pk for e in evaluated if e.account.status == AccountStatus.QUALIFIED]
        waiting = [b.pk for pk in qualified for b in stored.get(pk, ()) if b.under_review]
        if waiting:
            Bonus.objects.filter(pk__in=waiting).update(under_review=False)

    def _cancel_of_refused(self, evaluated: Sequence[Evaluated]) -> None:
        """Before anything is activated: what is cancelled makes room under a cap."""
        refused = [e.account.pk for e in evaluated if e.account.status == AccountStatus.NOT_QUALIFIED]
        if refused:
            unpaid = Bonus.objects.unpaid().filter(account__in=refused)
            cancellations.cancel_each(unpaid, reason=QUALIFICATION_REVOKED, at=self.as_of)

    def _activate(self, evaluated: Sequence[Evaluated], stored: dict[int, list[Bonus]]) -> None:
        taken: Counter[tuple[int, str]] = Counter()
        new: list[Bonus] = []
        for each in evaluated:
            if each.account.status != AccountStatus.QUALIFIED:
                continue
            paying = self.paying(each.account.terms)
            drafts = rewards.earned(
                paying.rules,
                stacking=each.account.terms.stacking,
                progress=Progress(
                    outcome=each.outcome,
                    facts=each.facts,
                    qualified_at=each.decision.decided_at if each.decision else None,
                    zone=each.terms.zone,
                    as_of=self.as_of,
                ),
                earlier=[
                    EarlierBonus(
                        reward=bonus.reward.code,
                        period=bonus.period,
                        is_cancelled=bonus.status == BonusStatus.CANCELLED,
                        activated_at=bonus.activated_at,
                    )
                    for bonus in stored.get(each.account.pk, ())
                ],
            )
            new += [
                self._bonus(each, paying, draft) for draft in drafts if _fits_cap(each.account, draft, taken)
            ]
        if new:
            _book(new, at=self.as_of)
            self.tally.notes["activated"] += len(new)

    def _bonus(self, each: Evaluated, paying: PayingTerms, draft: BonusDraft) -> Bonus:
        anchor_at, when = _window(each, paying, draft)
        row = paying.rows[draft.reward.code]
        return Bonus(
            account=each.account,
            enrollment=each.account.enrollment,
            terms=each.account.terms,
            reward=row,
            period=draft.period,
            kind=row.kind,
            amount_minor=row.amount_minor or 0,
            currency=each.account.program.currency,
            activated_at=draft.activated_at,
            milestone_at=draft.milestone_at,
            anchor_at=anchor_at,
            window_opens_on=when.opens_on,
            window_closes_on=when.closes_on,
            opens_at=when.opens_at,
            decision=each.decision,
            qualified_by=each.decision.decided_by if each.decision else None,
            people_needed=each.account.program.people_needed,
            milestones_hold=is_holding(each.outcome.together(draft.reward.requires)),
            explanation={
                "terms": each.account.terms.version,
                "milestones": [
                    {"code": code, "reached_at": reached.isoformat() if reached else None}
                    for code in draft.reward.requires
                    for reached in [each.outcome.reached_at(code)]
                ],
                "decision": each.decision.pk if each.decision else None,
                "anchor": paying.schedule_row.anchor,
                "facts": len(each.facts),
            },
            status=BonusStatus.ACTIVATED,
            created_at=self.as_of,
        )

    def _grant(self, evaluated: Sequence[Evaluated]) -> None:
        open_to_benefits = (AccountStatus.SIGNED_UP, AccountStatus.QUALIFIED)
        granted = []
        for each in evaluated:
            account = each.account
            if account.status not in open_to_benefits or account.pending_decision_id is not None:
                continue
            paying = self.paying(account.terms)
            for rule, earned_at in rewards.granted(paying.rules, outcome=each.outcome):
                amount_minor = rule.amount_minor
                if rule.kind == RewardKind.DISCOUNT:
                    types = each.terms.counting_types(rule.requires)
                    amount_minor = rewards.discount_minor(
                        rule, earned_at=earned_at, facts=each.facts, types=types
                    )
                granted.append(
                    Benefit(
                        account=account,
                        reward=paying.rows[rule.code],
                        kind=rule.kind,
                        amount_minor=amount_minor,
                        currency=account.program.currency if amount_minor is not None else "",
                        quantity=rule.quantity,
                        product=rule.product,
                        earned_at=earned_at,
                        granted_at=self.as_of,
                        status=BenefitStatus.GRANTED,
                    )
                )
        # Granted once: the unique key lets an earlier grant stay as it was.
        Benefit.objects.bulk_create(granted, ignore_conflicts=True)

    def _next_look_at(self, each: Evaluated) -> datetime | None:
        looks = [each.expires_at]
        if each.account.status == AccountStatus.QUALIFIED:
            rules = self.paying(each.account.terms).rules
            looks.append(rewards.next_month_day(rules, zone=each.terms.zone, as_of=self.as_of))
        return min((look for look in looks if look is not None), default=None)


def accrue(*, as_of: datetime, program: Program | None = None) -> Tally:
    """Evaluate the accounts about which something changed, in the order in which they came in."""
    accrual = Accrual(as_of=as_of)
    dirty = ReferredAccount.objects.to_evaluate(as_of=as_of).order_by("pk").values_list("pk", flat=True)
    if program is not None:
        dirty = dirty.filter(program=program)
    last = 0
    while claimed := list(dirty.filter(pk__gt=last)[:CHUNK]):
        last = claimed[-1]
        try:
            accrual.chunk(claimed)
        except Exception:
            # One poisoned account does not stop the rest: they are tried one by one.
            for pk in claimed:
                with accrual.tally.surviving(f"account {pk}"):
                    accrual.chunk([pk])
    return accrual.tally


def _bonuses_of(accounts: Sequence[ReferredAccount]) -> dict[int, list[Bonus]]:
    stored: dict[int, list[Bonus]] = {}
    for bonus in Bonus.objects.filter(account__in=accounts).select_related("reward").order_by("pk"):
        stored.setdefault(bonus.account_id, []).append(bonus)
    return stored


def _fits_cap(account: ReferredAccount, draft: BonusDraft, taken: Counter[tuple[int, str]]) -> bool:
    """Is there room for one more of this bonus under the referrer's cap?"""
    cap = draft.reward.cap
    if cap is None:
        return True
    key = (account.enrollment_id, draft.reward.code)
    if key not in taken:
        # Two accounts of one referrer may be evaluated at once: the second waits and counts the first.
        Enrollment.objects.select_for_update(no_key=True).get(pk=account.enrollment_id)
        living = Bonus.objects.living().filter(enrollment=account.enrollment, reward__code=draft.reward.code)
        taken[key] = living.aggregate(count=Count("pk"))["count"]
    if taken[key] >= cap:
        return False
    taken[key] += 1
    return True


def _window(each: Evaluated, paying: PayingTerms, draft: BonusDraft) -> tuple[datetime, Window]:
    """The anchor of a bonus, and the window that the schedule makes of it."""
    match paying.schedule_row.anchor:
        case Anchor.MONTH_END:
            year, month = (int(part) for part in draft.period.split("-"))
            return draft.activated_at, window_of_month(paying.schedule, year, month)
        case Anchor.FIRST_PAYMENT:
            anchor_at = first_payment_at(each.facts) or draft.activated_at
        case Anchor.MILESTONE_REACHED:
            anchor_at = draft.milestone_at
        case _:
            anchor_at = draft.activated_at
    return anchor_at, window(paying.schedule, anchor_at)


def _book(new: list[Bonus], *, at: datetime) -> None:
    ledger.open_referrer_accounts({bonus.enrollment for bonus in new})
    Bonus.objects.bulk_create(new)
    BonusChange.objects.bulk_create(
        BonusChange(bonus=bonus, old_status="", new_status=BonusStatus.ACTIVATED, changed_at=at)
        for bonus in new
    )
    ledger.post_for_each(
        Bonus.objects.filter(pk__in=[bonus.pk for bonus in new]),
        kind=TransferKind.ACTIVATED,
        debit=AccountKind.EXPENSE,
        credit=AccountKind.PAYABLE,
        posted_at=at,
    )
