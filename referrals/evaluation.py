"""
The live path of the evaluator: facts changed, evaluate, store the difference.

What an account has reached follows from its terms, facts and decisions alone; the rows
written here can be thrown away and worked out again.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.db.models import F, Q

from referrals import qualification
from referrals.models import (
    AccountEvent,
    Decision,
    FunnelCount,
    Milestone,
    MilestoneReached,
    ReferredAccount,
    StatusChange,
    Terms,
)
from referrals.rules.facts import Fact, activity
from referrals.rules.lifecycle import UNDECIDED, AccountStatus, Cause
from referrals.rules.milestones import Outcome, Ruling, evaluate, is_holding
from referrals.rules.terms import MilestoneRule, MilestoneTest, TermsRules


@dataclass(frozen=True, slots=True)
class Evaluated:
    """An account with what it has reached."""

    account: ReferredAccount
    terms: TermsRules
    facts: Sequence[Fact]
    outcome: Outcome
    decision: Decision | None
    """The latest decision that qualified it and took effect, unless it was revoked since."""
    deadline: datetime | None

    @property
    def expires_at(self) -> datetime | None:
        """When time alone will close the account; ``None``: never."""
        undecided = self.account.status in UNDECIDED and self.account.may_expire
        return self.deadline if undecided and self.account.pending_decision_id is None else None


@lru_cache(maxsize=256)
def _rules_of(terms_id: int, sha256: str) -> TermsRules:
    # Published terms never change; the fingerprint is in the key since a test's roll-back frees the number.
    terms = Terms.objects.get(pk=terms_id)
    milestones = terms.milestones.prefetch_related("tests__events", "after__earlier")
    return TermsRules(
        zone=ZoneInfo(terms.time_zone),
        milestones=tuple(
            MilestoneRule(
                code=milestone.code,
                needs_all=milestone.needs_all,
                after=tuple(after.earlier.code for after in milestone.after.all()),
                funnel=milestone.funnel,
                tests=tuple(
                    MilestoneTest(
                        kind=test.kind,
                        counts=frozenset(e.event_type for e in test.events.all() if not e.undoes),
                        undone_by=frozenset(e.event_type for e in test.events.all() if e.undoes),
                        product=test.product,
                        category=test.category,
                        at_least_minor=test.at_least_minor,
                        before=test.before,
                        within_days=test.within_days,
                    )
                    for test in milestone.tests.all()
                ),
            )
            for milestone in milestones
        ),
        qualified_by=terms.qualified_by,
        earn_by=terms.earn_by,
    )


def rules_of(terms: Terms) -> TermsRules:
    """The terms as the evaluator reads them."""
    return _rules_of(terms.pk, terms.sha256)


def evaluate_now(account: ReferredAccount, *, as_of: datetime) -> Evaluated:
    """What an account has reached with the facts known, nothing written."""
    return _evaluated([account], as_of=as_of)[0]


def evaluate_and_store(accounts: Sequence[ReferredAccount], *, as_of: datetime) -> list[Evaluated]:
    """
    Work out what accounts have reached, and store the difference: milestones, counters,
    activity, and the steps that a milestone or a deadline takes.

    :param accounts: locked by the caller, with terms, program and pending decision loaded
    """
    evaluated = _evaluated(accounts, as_of=as_of)
    _store_milestones(evaluated)
    for each in evaluated:
        now = activity(each.facts, as_of=as_of)
        if (now.activity, now.since) != (each.account.activity, each.account.activity_at):
            each.account.activity, each.account.activity_at = now.activity, now.since
            each.account.save(update_fields=["activity", "activity_at"])
        _step(each, as_of=as_of)
    return evaluated


def _step(each: Evaluated, *, as_of: datetime) -> None:
    """Let a milestone qualify the account, or a deadline close it."""
    account = each.account
    if account.pending_decision_id is not None:
        return
    milestone = each.terms.qualifying_milestone
    status = account.status
    reached = milestone is not None and each.outcome.reached_at(milestone.code) is not None
    if reached and status in (AccountStatus.SIGNED_UP, AccountStatus.EXPIRED):
        qualification.milestone_reached(account, at=as_of)
    elif each.expires_at is not None and each.expires_at <= as_of:
        qualification.expire(account, at=as_of)
        if reached:
            # It was in review: expired, what it had reached in time counts at once.
            qualification.milestone_reached(account, at=as_of)


def _evaluated(accounts: Sequence[ReferredAccount], *, as_of: datetime) -> list[Evaluated]:
    facts = _facts_of(accounts, as_of=as_of)
    rulings, decisions = _rulings_of(accounts)
    return [
        Evaluated(
            account=account,
            terms=(terms := rules_of(account.terms)),
            facts=facts[account.pk],
            outcome=evaluate(
                terms,
                signed_up_at=account.signed_up_at,
                facts=facts[account.pk],
                rulings=rulings[account.pk],
            ),
            decision=decisions.get(account.pk),
            deadline=terms.deadline(account.signed_up_at),
        )
        for account in accounts
    ]


def _facts_of(accounts: Sequence[ReferredAccount], *, as_of: datetime) -> dict[int, list[Fact]]:
    by_name: dict[tuple[int, str], list[ReferredAccount]] = defaultdict(list)
    for account in accounts:
        by_name[account.program.host_id, account.host_account].append(account)
    told = AccountEvent.objects.filter(
        host__in={host for host, _ in by_name},
        host_account__in={name for _, name in by_name},
        occurred_at__lte=as_of,
        void__isnull=True,
    ).values_list(
        "host_id", "host_account", "currency", "type", "occurred_at", "amount_minor", "product", "category"
    )
    facts: dict[int, list[Fact]] = {account.pk: [] for account in accounts}
    for host, name, currency, kind, occurred_at, amount_minor, product, category in told:
        for account in by_name.get((host, name), ()):
            if currency in ("", account.program.currency) and occurred_at >= account.signed_up_at:
                facts[account.pk].append(Fact(kind, occurred_at, amount_minor, product, category))
    return facts


def _rulings_of(
    accounts: Sequence[ReferredAccount],
) -> tuple[dict[int, list[Ruling]], dict[int, Decision]]:
    """Decisions in effect, by the instant they were made, and revocations; and who qualified whom."""
    rulings: dict[int, list[Ruling]] = defaultdict(list)
    decisions: dict[int, Decision] = {}
    changes = StatusChange.objects.filter(
        Q(cause=Cause.DECIDED, new_status=AccountStatus.QUALIFIED) | Q(cause=Cause.REVOKED),
        account__in=accounts,
    ).select_related("decision")
    for change in changes.order_by("pk"):
        if change.decision is not None:
            rulings[change.account_id].append(Ruling(change.decision.decided_at, qualified=True))
            decisions[change.account_id] = change.decision
        else:
            rulings[change.account_id].append(Ruling(change.changed_at, qualified=False))
            decisions.pop(change.account_id, None)
    return rulings, decisions


def _store_milestones(evaluated: Sequence[Evaluated]) -> None:
    stored = {
        (row.account_id, row.milestone.code): row
        for row in MilestoneReached.objects.filter(
            account__in=[each.account for each in evaluated]
        ).select_related("milestone")
    }
    rows_of: dict[int, dict[str, Milestone]] = {}
    new: list[MilestoneReached] = []
    counted: dict[tuple[int, str], int] = defaultdict(int)
    for each in evaluated:
        for rule in each.terms.milestones:
            history = each.outcome.histories[rule.code]
            before = stored.get((each.account.pk, rule.code))
            holds = is_holding(history)
            if rule.funnel is not None:
                held = before is not None and before.holds
                counted[each.account.enrollment_id, rule.code] += int(holds) - int(held)
            if not history:
                if before is not None:
                    before.delete()
                continue
            last = history[-1]
            values = {"first_at": history[0].since, "holds": holds, "since": last.until or last.since}
            if before is None:
                terms_id = each.account.terms_id
                if terms_id not in rows_of:
                    rows_of[terms_id] = {m.code: m for m in Milestone.objects.filter(terms=terms_id)}
                milestone = rows_of[terms_id][rule.code]
                new.append(MilestoneReached(account=each.account, milestone=milestone, **values))
            elif any(getattr(before, name) != value for name, value in values.items()):
                MilestoneReached.objects.filter(pk=before.pk).update(**values)
    MilestoneReached.objects.bulk_create(new)
    _count(counted)


def _count(counted: dict[tuple[int, str], int]) -> None:
    """Move the counters, in order of their keys so that two workers never wait for each other in a circle."""
    for (enrollment_id, milestone), difference in sorted(counted.items()):
        if difference:
            FunnelCount.objects.get_or_create(enrollment_id=enrollment_id, milestone=milestone)
            FunnelCount.objects.filter(enrollment_id=enrollment_id, milestone=milestone).update(
                accounts=F("accounts") + difference
            )


def mark_evaluated(account: ReferredAccount, *, seen: int, next_look_at: datetime | None) -> None:
    """
    An account is evaluated up to the change that was seen; a fact told meanwhile leaves it to be evaluated.

    :param seen: ``facts_changed`` as it was when the facts were read
    """
    ReferredAccount.objects.filter(pk=account.pk).update(facts_evaluated=seen, evaluate_at=next_look_at)


def look_again(accounts: Iterable[int], *, at: datetime) -> None:
    """Have these accounts evaluated again from that instant on, although no fact changed."""
    ReferredAccount.objects.filter(pk__in=list(accounts)).filter(
        Q(evaluate_at__isnull=True) | Q(evaluate_at__gt=at)
    ).update(evaluate_at=at)
