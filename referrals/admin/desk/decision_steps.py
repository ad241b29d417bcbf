"""The steps around a decision: undo, reopen, appeal, revoke, waive."""

from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User

from payouts import reversals
from referrals import appeals, first_decider, proposals, qualification, undoing
from referrals.admin.desk.claims import DECIDE, REOPEN
from referrals.admin.steps import ReasonForm, Step
from referrals.models import ReferredAccount
from referrals.rules.lifecycle import CLOSED, AccountStatus

APPEAL = "referrals.appeal_referredaccount"


class AppealForm(forms.Form):
    """What the referrer says; whoever decides next goes by it."""

    evidence = forms.CharField(
        max_length=2_000,
        label="What the referrer says, and what shows it",
        help_text="It is kept as a note. No phone numbers or e-mail addresses: they stand on the account.",
        widget=forms.Textarea(attrs={"rows": 4, "class": "staff-input"}),
    )


class WaiverForm(ReasonForm):
    """Which check shall not count."""

    criterion = forms.ChoiceField(label="Check", widget=forms.Select(attrs={"class": "staff-input"}))
    field_order = ["criterion", "reason"]

    def look_at(self, row: ReferredAccount) -> None:
        named = [(c.code, c.question or c.code.replace("_", " ")) for c in row.terms.criteria.all()]
        cast(forms.ChoiceField, self.fields["criterion"]).choices = named


def _undo(account: ReferredAccount, by: User, at: datetime, told: dict[str, Any]) -> str:
    is_theirs = undoing.undo(account, by=by, at=at)
    yours = ", and yours again" if is_theirs else ""
    return f"The decision about {account} is undone: it is in review again{yours}."


def _not_the_decider(account: ReferredAccount, user: User) -> str | None:
    decision = account.pending_decision
    if decision is None or decision.decided_by_id == user.pk:
        return None
    if account.review_round and first_decider.is_appealed(account, user):
        return first_decider.why_not(account)
    if user.has_perm(REOPEN):
        return None
    return f"{decision.decided_by} decided this: only the same person or a senior undoes it."


def _reopen(account: ReferredAccount, by: User, at: datetime, told: dict[str, Any]) -> str:
    qualification.reopen(account, by=by, at=at, note=told["reason"])
    return f"{account} is in review again."


def _stays_closed(account: ReferredAccount, user: User) -> str | None:
    reason = account.rejection_reason
    return None if reason is None or reason.reopenable else f"It stays closed: {reason.internal_text}"


def _appeal(account: ReferredAccount, by: User, at: datetime, told: dict[str, Any]) -> str:
    against = appeals.take_up(account, by=by, at=at, evidence=told["evidence"])
    if against is None:
        return f"{account} is in review again. No person had refused it, so anybody may decide."
    return f"{account} is in review again; {against.decided_by}, who refused it, does not decide this time."


def _revoke(account: ReferredAccount, by: User, at: datetime, told: dict[str, Any]) -> str:
    """Revoke; where a bonus rests on the qualification, propose it to a second person."""
    reason = told["reason"]
    try:
        reversals.revoke(account, by=by, at=at, reason=reason)
    except reversals.SecondPersonNeeded:
        asked = {"reason": reason}
        proposal = proposals.propose("revoke", target=str(account.pk), arguments=asked, by=by, at=at)
        return f"A bonus rests on {account}: proposal {proposal.pk} waits for another person to confirm it."
    return f"The qualification of {account} is revoked: it is in review again."


def _waive(account: ReferredAccount, by: User, at: datetime, told: dict[str, Any]) -> str:
    asked = {"criterion": told["criterion"], "note": told["reason"]}
    proposal = proposals.propose("waive", target=str(account.pk), arguments=asked, by=by, at=at)
    return f"Proposal {proposal.pk} waits for a senior to confirm it."


DECISION_STEPS = [
    Step(
        "undo",
        verb="Undo",
        explains="The decision does not take effect; the account is in review again.",
        permissions=[DECIDE],
        take=_undo,
        is_offered=lambda account: account.pending_decision_id is not None,
        why_not=_not_the_decider,
        then="review",
    ),
    Step(
        "reopen",
        verb="Reopen",
        explains="The account is in review again and expires no more; its history stays.",
        permissions=[REOPEN],
        take=_reopen,
        is_offered=lambda account: account.status in CLOSED,
        why_not=_stays_closed,
        form=ReasonForm,
        then="review",
    ),
    Step(
        "appeal",
        verb="Take up an appeal",
        explains="The referrer asks for it: the account is in review again, and goes to another person than"
        " the one who refused it.",
        permissions=[APPEAL],
        take=_appeal,
        is_offered=lambda account: account.status in CLOSED,
        why_not=_stays_closed,
        form=AppealForm,
    ),
    Step(
        "revoke",
        verb="Revoke",
        explains="The account is in review again; unpaid bonuses wait. Once there is a bonus,"
        " a second person confirms.",
        permissions=[REOPEN],
        take=_revoke,
        is_offered=lambda account: account.status == AccountStatus.QUALIFIED,
        form=ReasonForm,
        then="review",
    ),
    Step(
        "waive",
        verb="Waive a check",
        explains="Once a senior confirms, the check no longer counts against this account.",
        permissions=[DECIDE],
        take=_waive,
        is_offered=lambda account: (
            account.status == AccountStatus.IN_REVIEW and account.pending_decision_id is None
        ),
        form=WaiverForm,
        then="review",
    ),
]
