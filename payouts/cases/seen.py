"""
What is seen at the end of a worked case, as its ``expect`` would write it.

Each section has a function; the mappings speak only of the names that are asked for.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Sum

from payouts import explain, ledger
from payouts.cases.format import EXCEPTIONS
from payouts.cases.kinds import utc_text
from payouts.cases.stage import Stage
from payouts.models import Benefit, Bonus, LedgerAccount
from payouts.rules.lifecycle import UNPAID, AccountKind, BonusStatus
from referrals.models import Enrollment, FunnelCount, ReferredAccount
from referrals.rules import money
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.words import Flag, RewardKind

REVOKED, REFUNDED = EXCEPTIONS


def seen(stage: Stage, section: str, names: Iterable[str], *, as_of: datetime) -> Any:
    """
    What is seen of a section of ``expect``.

    :param names: of the accounts or referrers that are asked about; lists are always whole
    """
    return SECTIONS[section](stage, names, as_of)


def _accounts(stage: Stage, names: Iterable[str], _: datetime) -> dict[str, Any]:
    found = ReferredAccount.objects.filter(program=stage.program, host_account__in=names).select_related(
        "rejection_reason", "enrollment__referrer"
    )
    by_name = {account.host_account: _account(account) for account in found}
    return {name: by_name.get(name) for name in names}


def _account(account: ReferredAccount) -> dict[str, Any]:
    flags = {
        Flag.REFERRER_ACCOUNT_MATCH: account.account_match,
        Flag.REFERRER_EMAIL_MATCH: account.email_match,
        Flag.REFERRER_DOMAIN_MATCH: account.domain_match,
    }
    return {
        "status": account.status,
        "reason": account.rejection_reason.code if account.rejection_reason else None,
        "referrer": account.enrollment.referrer.host_account,
        "flags": [flag.value for flag, is_raised in flags.items() if is_raised],
        "activity": account.activity,
    }


def _enrollments(stage: Stage, names: Iterable[str], _: datetime) -> dict[str, Any]:
    rows = Enrollment.objects.filter(program=stage.program)
    statuses = dict(rows.values_list("referrer__host_account", "status"))
    return {name: statuses.get(name) for name in names}


def _counters(stage: Stage, names: Iterable[str], _: datetime) -> dict[str, Any]:
    counted = [row["code"] for row in stage.case.document["milestones"] if row["funnel"] is not None]
    counters = {name: dict.fromkeys(counted, 0) for name in names}
    rows = FunnelCount.objects.filter(enrollment__program=stage.program)
    for name, milestone, accounts in rows.values_list(
        "enrollment__referrer__host_account", "milestone", "accounts"
    ):
        if name in counters:
            counters[name][milestone] = accounts
    return counters


def _bonuses(stage: Stage, _: Iterable[str], as_of: datetime) -> list[dict[str, Any]]:
    rows = Bonus.objects.filter(account__program=stage.program).order_by("pk")
    rows = rows.select_related("account", "account__program", "reward", "terms", "enrollment__referrer")
    return [_bonus(bonus, as_of) for bonus in rows]


def _bonus(bonus: Bonus, as_of: datetime) -> dict[str, Any]:
    is_unpaid = bonus.status in UNPAID
    return {
        "account": bonus.account.host_account,
        "reward": bonus.reward.code,
        "period": bonus.period,
        "referrer": bonus.enrollment.referrer.host_account,
        "amount": money.to_text(bonus.amount_minor, bonus.currency),
        "currency": bonus.currency,
        "kind": bonus.kind,
        "activated_at": utc_text(bonus.activated_at),
        "window_opens": bonus.window_opens_on.isoformat(),
        "window_closes": bonus.window_closes_on.isoformat(),
        "status": bonus.status,
        "reason": bonus.cancel_reason or None,
        "held": explain.held(bonus, as_of=as_of) if is_unpaid else None,
        "released_on": bonus.released_on.isoformat() if bonus.released_on else None,
        "days_late": bonus.days_late,
        "overdue_days": explain.overdue_days(bonus, as_of=as_of) if is_unpaid else 0,
    }


def _benefits(stage: Stage, _: Iterable[str], __: datetime) -> list[dict[str, Any]]:
    rows = Benefit.objects.filter(account__program=stage.program).order_by("pk")
    return [_benefit(benefit) for benefit in rows.select_related("account", "reward")]


def _benefit(benefit: Benefit) -> dict[str, Any]:
    is_amount = benefit.amount_minor is not None
    return {
        "account": benefit.account.host_account,
        "reward": benefit.reward.code,
        "kind": benefit.kind,
        "amount": money.to_text(benefit.amount_minor or 0, benefit.currency) if is_amount else None,
        "quantity": benefit.quantity,
        "product": benefit.product,
    }


def _balances(stage: Stage, names: Iterable[str], _: datetime) -> dict[str, Any]:
    return {name: _balance(stage, name) for name in names}


def _balance(stage: Stage, referrer: str) -> dict[str, str]:
    of_referrer = {"enrollment__program": stage.program, "enrollment__referrer": stage.referrers[referrer]}
    accounts = {row.kind: row for row in LedgerAccount.objects.filter(**of_referrer)}
    paid = Bonus.objects.filter(**of_referrer, kind=RewardKind.CASH, status=BonusStatus.PAID)
    amounts = {
        "balance": _in_account(accounts.get(AccountKind.BALANCE)),
        "credit": _in_account(accounts.get(AccountKind.CREDIT)),
        "cash": paid.aggregate(total=Sum("amount_minor"))["total"] or 0,
    }
    return {name: money.to_text(minor, stage.program.currency) for name, minor in amounts.items()}


def _in_account(account: LedgerAccount | None) -> int:
    return ledger.balance_minor(account) if account else 0


def _exceptions(stage: Stage, _: Iterable[str], __: datetime) -> list[dict[str, Any]]:
    rows = Bonus.objects.paid_exceptions().filter(account__program=stage.program).order_by("pk")
    return [
        {
            "type": REFUNDED if bonus.account.status == AccountStatus.QUALIFIED else REVOKED,
            "account": bonus.account.host_account,
            "reward": bonus.reward.code,
        }
        for bonus in rows.select_related("account", "reward")
    ]


def _explain(stage: Stage, names: Iterable[str], as_of: datetime) -> dict[str, Any]:
    return {name: explain.first_unmet(stage.program, host_account=name, as_of=as_of) for name in names}


SECTIONS: Mapping[str, Callable[[Stage, Iterable[str], datetime], Any]] = {
    "accounts": _accounts,
    "enrollments": _enrollments,
    "counters": _counters,
    "bonuses": _bonuses,
    "benefits": _benefits,
    "balances": _balances,
    "exceptions": _exceptions,
    "explain": _explain,
}
