"""What a caller fills in on the review page, and how it is kept: call, answers, decision and note as one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from referrals import desk, evidence, notes, qualification, reviews
from referrals.admin import claims
from referrals.models import (
    Call,
    CallOutcome,
    Criterion,
    CriterionResult,
    Decision,
    ReferredAccount,
    StatusChange,
)
from referrals.rules import call_backs
from referrals.rules.call_backs import Preset
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.refusal import Refused
from referrals.rules.words import Result

YES, NO, OPEN = "yes", "no", "?"
ANSWERS = [(YES, "Yes"), (NO, "No"), (OPEN, "?")]
ANSWER = "answer_"
CALL, DOCUMENT = "call", "document"
SOURCES = [(CALL, "this call"), (DOCUMENT, "a document or registry; nobody was called")]
RESULTS = [(AccountStatus.QUALIFIED.value, "Qualified"), (AccountStatus.NOT_QUALIFIED.value, "Not qualified")]
CALL_BACK = "CALL_BACK"
"""The result of a call after which the company says when it may be called again."""
STORED: dict[str, type[Call | Decision | StatusChange]] = {
    "call": Call,
    "decision": Decision,
    "change": StatusChange,
}


class MovedOn(Refused):
    """Somebody, perhaps the same person in another tab, has stored something since the page was opened."""

    code = "moved_on"


class ReviewForm(forms.Form):
    """
    The checklist of one account, with the buttons of its program.

    Pressed is either the result of a call, or when to call back, or a decision.
    """

    version = forms.CharField(widget=forms.HiddenInput)
    outcome = forms.ChoiceField(required=False)
    call_back = forms.ChoiceField(choices=Preset.choices(), required=False)
    call_back_at = forms.DateTimeField(
        required=False,
        label="Another time, on their clock",
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local", "class": "staff-input staff-short"}, format="%Y-%m-%dT%H:%M"
        ),
    )
    result = forms.ChoiceField(choices=RESULTS, required=False)
    source = forms.ChoiceField(
        choices=SOURCES, required=False, initial=CALL, label="The answers come from", widget=forms.RadioSelect
    )
    reason = forms.ChoiceField(
        required=False, label="Reason", widget=forms.Select(attrs={"class": "staff-input"})
    )
    note = forms.CharField(
        required=False,
        label="Internal note",
        widget=forms.Textarea(attrs={"rows": 3, "class": "staff-input"}),
    )

    def __init__(
        self, data: Any = None, *, account: ReferredAccount, initial: Mapping[str, Any], now: datetime
    ) -> None:
        super().__init__(data, initial={"source": CALL, **initial, "version": version_of(account)})
        self.now = now
        self.zone = reviews.zone_of_company(account)
        review = claims.review_of(account)
        self.results = {row.criterion: row for row in results_of(account)}
        self.waived = {c.code for c, row in self.results.items() if row.result == Result.WAIVED}
        self.questions = [c for c in account.terms.criteria.all() if evidence.is_asked(c, account)]
        self.outcomes = list(account.program.call_outcomes.filter(in_use=True))
        self.may_call_back = any(outcome.code == CALL_BACK for outcome in self.outcomes)
        self.presets = call_backs.offered(
            zone=self.zone, now=now, closes_at=review.closes_at if review else None
        )
        for question in self.questions:
            self.fields[_name(question)] = forms.ChoiceField(
                choices=ANSWERS,
                required=False,
                initial=initial.get(question.code, OPEN),
                label=question.question,
                widget=forms.RadioSelect,
            )
        _choices(self, "outcome", [(outcome.code, outcome.label) for outcome in self.outcomes])
        reasons = account.terms.rejection_reasons.all()
        of_the_terms = [(reason.code, reason.internal_text) for reason in reasons]
        _choices(self, "reason", [("", "Reason of the first No"), *of_the_terms])

    def rows(self) -> list[tuple[Criterion, forms.BoundField, bool]]:
        """Each question with its answers, and whether it is waived."""
        return [(c, self[_name(c)], c.code in self.waived) for c in self.questions]

    @property
    def answers(self) -> dict[str, bool]:
        """Yes or no by criterion; an open one is left out."""
        told = {question.code: self.cleaned_data[_name(question)] for question in self.questions}
        return {code: answer == YES for code, answer in told.items() if answer in (YES, NO)}

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        if sum(bool(told.get(pressed)) for pressed in ("outcome", "call_back", "result")) != 1:
            raise forms.ValidationError("Press the result of the call, or a decision.")
        told["call_back_at"] = self._call_back_at() if told["call_back"] else None
        if told["call_back"]:
            told["outcome"] = CALL_BACK
        if told["result"] == AccountStatus.NOT_QUALIFIED and not told.get("reason"):
            told["reason"] = self._reason_of_the_first_no()
        if told["result"] and told.get("source") == DOCUMENT and not told.get("note"):
            self.add_error("note", "Name the document or registry that the answers come from.")
        return told

    def look_again(self, account: ReferredAccount) -> None:
        """Let the next press rest on what is stored by now."""
        self.data = {**{name: self.data[name] for name in self.data}, "version": version_of(account)}

    def _call_back_at(self) -> datetime | None:
        """When the company is called back; what was typed is a time on its own clock."""
        preset = Preset(self.cleaned_data["call_back"])
        if preset != Preset.OTHER:
            return call_backs.instant(preset, zone=self.zone, now=self.now)
        typed = self.cleaned_data.get("call_back_at")
        if typed is None:
            if "call_back_at" not in self.errors:
                self.add_error("call_back_at", "Say when they want to be called.")
            return None
        at = typed.replace(tzinfo=self.zone).astimezone(UTC)
        if why_not := call_backs.why_not(at, now=self.now):
            self.add_error("call_back_at", why_not)
        return at

    def _reason_of_the_first_no(self) -> str:
        for question in self.questions:
            if self.cleaned_data.get(_name(question)) == NO:
                return question.reason
        self.add_error("reason", "Choose a reason, or answer No to what speaks against the account.")
        return ""


def with_version(accounts: QuerySet[ReferredAccount]) -> QuerySet[ReferredAccount]:
    """Accounts with the last of each row that is stored about them."""
    return accounts.annotate(**{f"last_{name}": _last(model) for name, model in STORED.items()})


def version_of(account: ReferredAccount) -> str:
    """What has been stored about an account so far; changes with every call, decision and step."""
    return ".".join(str(getattr(account, f"last_{name}") or 0) for name in STORED)


def typed(posted: Mapping[str, str]) -> dict[str, str]:
    """What somebody had filled in, to fill it in again."""
    kept = {name: posted[name] for name in ("source", "reason", "note", "call_back_at") if name in posted}
    answers = {
        name.removeprefix(ANSWER): answer for name, answer in posted.items() if name.startswith(ANSWER)
    }
    return {**kept, **answers}


def results_of(account: ReferredAccount) -> QuerySet[CriterionResult]:
    """What is known of its criteria without the answers of a decision; the later counts."""
    rows = CriterionResult.objects.filter(account=account, decision__isnull=True)
    return rows.select_related("criterion").order_by("pk")


@transaction.atomic
def store(account: ReferredAccount, form: ReviewForm, *, by: User, at: datetime) -> Decision | None:
    """
    Keep what was filled in: all of it, or nothing.

    Who decides on the strength of a call and pressed no result for it has reached somebody.

    :raises MovedOn: if something was stored since the page was opened
    :raises LeaseOver: if the person does not hold the company any more
    :raises HeldBySomebody: if somebody else does
    :raises Refused: what the decision refuses
    """
    # The row is the gate: of two who press at once the second waits here. What is stored is read by a
    # query of its own, after the wait: PostgreSQL answers a query as of the moment at which it began.
    ReferredAccount.objects.select_for_update().get(pk=account.pk)
    account = with_version(ReferredAccount.objects.filter(pk=account.pk)).get()
    told = form.cleaned_data
    if told["version"] != version_of(account):
        raise MovedOn(f"Nothing was stored now: {_what_happened(account)}")
    reviews.refuse_without_lease(account, by, at=at)
    outcome = told["outcome"] or (told["source"] != DOCUMENT and _reached(account, form.outcomes))
    if outcome:
        row = next(row for row in form.outcomes if row.code == outcome)
        _refuse_closed(account)
        desk.log_call(account, outcome=row, by=by, at=at, call_back_at=told["call_back_at"])
    about = told["result"].lower() or "call"
    notes.write(account, about=about, text=told["note"], by=by, at=at)
    if not told["result"]:
        return None
    return qualification.decide(
        account, result=told["result"], by=by, at=at, reason=told["reason"], answers=form.answers
    )


def _reached(account: ReferredAccount, outcomes: list[CallOutcome]) -> str:
    """The result of the call that a decision speaks of; empty: it is logged already, or there is none."""
    last = account.calls.filter(round=account.review_round).select_related("outcome").last()
    if last is not None and last.outcome.final and last.connected:
        return ""
    return next((outcome.code for outcome in outcomes if outcome.connected and outcome.final), "")


def _refuse_closed(account: ReferredAccount) -> None:
    if account.status != AccountStatus.IN_REVIEW or account.pending_decision_id is not None:
        raise qualification.NotInReview(f"{account} is not in review: {_what_happened(account)}")


def _what_happened(account: ReferredAccount) -> str:
    """The last thing that was stored about the account, in words."""
    decision = account.pending_decision
    if decision is not None:
        result = AccountStatus(decision.result).label.lower()
        when = f"{decision.takes_effect_at:%H:%M} UTC"
        return f"{decision.decided_by} has decided that it is {result}; it takes effect at {when}."
    if account.status != AccountStatus.IN_REVIEW:
        return f"the account is {AccountStatus(account.status).label.lower()}."
    last = account.calls.select_related("outcome", "called_by").last()
    if last is None:
        return "a decision was undone, or the account reopened."
    called = f"{last.called_by} logged “{last.outcome.label}” at {last.called_at:%H:%M} UTC."
    return f"{called} What you typed is still here."


def _last(model: type[Call | Decision | StatusChange]) -> Subquery:
    return Subquery(model.objects.filter(account=OuterRef("pk")).order_by("-pk").values("pk")[:1])


def _choices(form: forms.Form, field: str, choices: list[tuple[str, str]]) -> None:
    cast(forms.ChoiceField, form.fields[field]).choices = choices


def _name(question: Criterion) -> str:
    return f"{ANSWER}{question.code}"
