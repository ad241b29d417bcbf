"""The steps about evidence: correct what a company told, tell a signal, settle it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from referrals import corrections, warning_signs
from referrals.admin.base import SEE_CONTACT
from referrals.admin.desk.claims import DECIDE, REOPEN, holds, is_open
from referrals.admin.steps import Button, ReasonForm, Step
from referrals.models import ReferredAccount, Review, Signal
from referrals.rules.lifecycle import CLOSED
from referrals.rules.refusal import Refused
from referrals.rules.words import SignalKind

WIDGET = {"class": "staff-input"}
LABELS = {"company_name": "Company", "registration": "Registration number", "time_zone": "Time zone"}
MEANS = {
    SignalKind.EMPLOYEE: "It may be an employee of the referrer",
    SignalKind.NEW_LOCATION: "It may be a new location of a company that we know",
    SignalKind.OWNED_BUSINESS: "The referrer may own it",
    SignalKind.SAME_DESTINATION: "It may be paid to where the referrer is paid",
}


class CorrectionForm(ReasonForm):
    """What a company told of itself, to be set right."""

    field_order = [*corrections.FIELDS, "reason"]

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for name in corrections.FIELDS:
            longest = ReferredAccount._meta.get_field(name).max_length  # type: ignore[union-attr]
            label = LABELS.get(name, name.replace("_", " ").capitalize())
            self.fields[name] = forms.CharField(
                max_length=longest, label=label, required=False, widget=forms.TextInput(attrs=WIDGET)
            )
        self.order_fields(self.field_order)

    def look_at(self, row: ReferredAccount) -> None:
        for name in corrections.FIELDS:
            self.fields[name].initial = getattr(row, name)


class SignalForm(forms.Form):
    """Why a senior looks at an account, and what shows it."""

    kind = forms.ChoiceField(
        label="Why",
        choices=[(kind.value, text) for kind, text in MEANS.items()],
        widget=forms.Select(attrs=WIDGET),
    )
    note = forms.CharField(
        max_length=1_000, label="What shows it", widget=forms.Textarea(attrs={**WIDGET, "rows": 2})
    )


class SettleForm(SignalForm):
    """What a signal meant."""

    def look_at(self, row: ReferredAccount) -> None:
        kinds = [(kind.value, kind.label) for kind in SignalKind if getattr(row, _column(kind))]
        cast(forms.ChoiceField, self.fields["kind"]).choices = kinds
        self.fields["kind"].label = "Signal"
        self.fields["note"].label = "What it means"


def with_open_signals(accounts: QuerySet[ReferredAccount]) -> QuerySet[ReferredAccount]:
    """Accounts with the kinds of their signals that nobody has settled."""
    unsettled = Signal.objects.filter(account=OuterRef("pk"), settled_at__isnull=True)
    return accounts.annotate(**{_column(kind): Exists(unsettled.filter(kind=kind)) for kind in SignalKind})


def _column(kind: SignalKind) -> str:
    return f"signals_{kind.lower()}"


def _is_signalled(account: ReferredAccount) -> bool:
    return any(getattr(account, _column(kind)) for kind in SignalKind)


def _put(account: ReferredAccount, by: User, at: datetime, told: dict[str, Any]) -> str:
    kind = SignalKind(told["kind"])
    warning_signs.put(account, kind=kind, by=by, at=at, note=told["note"])
    return f"{account}: {kind.label.lower()}. A senior looks at it before it is qualified."


def _settle(account: ReferredAccount, by: User, at: datetime, told: dict[str, Any]) -> str:
    kind = SignalKind(told["kind"])
    warning_signs.settle(account, kind=kind, by=by, at=at, note=told["note"])
    return f"{account}: “{kind.label}” is settled."


def _correct(account: ReferredAccount, by: User, at: datetime, told: dict[str, Any]) -> str:
    wanted = {name: told[name] for name in corrections.FIELDS}
    rows = corrections.correct(account, told=wanted, reason=told["reason"], by=by, at=at)
    fields = ", ".join(row.field.replace("_", " ") for row in rows)
    corrected = f"Corrected: {fields}. The checks were made again."
    given_back = is_open(account) and not Review.objects.filter(account=account, holder=by).exists()
    return f"{corrected} A senior looks at it next: you have given it back." if given_back else corrected


def _may_be_corrected(account: ReferredAccount) -> bool:
    return is_open(account) or account.status in CLOSED


def _not_theirs_to_correct(account: ReferredAccount, user: User) -> str | None:
    """Whoever has a company corrects it; one that is closed a senior."""
    if not user.has_perm(SEE_CONTACT):
        return "You may not see how the company is reached."
    if account.status in CLOSED:
        if not user.has_perm(REOPEN):
            return f"{account} is closed: a senior corrects what it told."
        return _refusal(lambda: corrections.refuse_wrong_time(account))
    return (
        None if holds(account, user, at=timezone.now()) else f"Whoever has {account} corrects what it told."
    )


def _refusal(check: Callable[[], None]) -> str | None:
    try:
        check()
    except Refused as refused:
        return str(refused)
    return None


def as_shown_to(user: User, button: Button) -> Button:
    """The button in the words of the person: a senior does not tell a senior."""
    if button.step.name != "signal" or not user.has_perm(REOPEN):
        return button
    explains = "Until it is settled, nobody qualifies it; it may still be refused."
    return replace(button, label="Put a signal", step=replace(button.step, explains=explains))


EVIDENCE_STEPS = [
    Step(
        "correct",
        verb="Correct",
        explains="What was mistyped is set right and checked again; what stood there before stays readable.",
        permissions=[DECIDE],
        take=_correct,
        is_offered=_may_be_corrected,
        why_not=_not_theirs_to_correct,
        form=CorrectionForm,
        then="review",
    ),
    Step(
        "signal",
        verb="Tell a senior",
        explains="Until a senior has looked at it, nobody qualifies it; it may still be refused. You give it"
        " back.",
        permissions=[DECIDE],
        take=_put,
        is_offered=is_open,
        form=SignalForm,
        then="review",
    ),
    Step(
        "settle",
        verb="Settle the signal",
        explains="It stops nobody any more; what it meant is kept as a note.",
        permissions=[REOPEN],
        take=_settle,
        is_offered=_is_signalled,
        form=SettleForm,
        then="review",
    ),
]
