"""What a caller fills in on the review page, and how it is kept: call, answers, decision and note as one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery

from referrals import desk, evidence, likeness, matches, notes, qualification, reviews
from referrals.admin.desk.calling_days import calling_days
from referrals.models import (
    Call,
    CallOutcome,
    Comparison,
    Correction,
    Criterion,
    Decision,
    ReferredAccount,
    StatusChange,
)
from referrals.rules import call_backs
from referrals.rules.call_backs import Preset
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.refusal import Refused
from referrals.rules.words import AnswerSource, CriterionSource, Result

YES, NO, OPEN = "yes", "no", "?"
ANSWERS = [(YES, "Yes"), (NO, "No"), (OPEN, "?")]
ANSWER = "answer_"
SOURCE = "source_"
SOURCES = [
    (AnswerSource.CALL.value, "this call"),
    (AnswerSource.DOCUMENT.value, "a document"),
    (AnswerSource.REGISTRY.value, "a registry"),
]
OTHER = "other"
"""The reason that says nothing by itself."""
RESULTS = [(AccountStatus.QUALIFIED.value, "Qualified"), (AccountStatus.NOT_QUALIFIED.value, "Not qualified")]
CALL_BACK = "CALL_BACK"
"""The result of a call after which the company says when it may be called again."""
STORED: dict[str, tuple[type[Call | Decision | StatusChange | Correction | Comparison], str]] = {
    "call": (Call, "account"),
    "decision": (Decision, "account"),
    "change": (StatusChange, "account"),
    "correction": (Correction, "account"),
    # From its own page, and from that of the company that it is compared with.
    "comparison": (Comparison, "account"),
    "comparison_by_other": (Comparison, "other"),
}
"""What makes a page old, and by which column it is about an account."""


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
    not_called = forms.BooleanField(required=False, label="Nobody was called: the note says what it rests on")
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
        super().__init__(data, initial={**initial, "version": version_of(account)})
        self.account, self.now = account, now
        self.zone = reviews.zone_of_company(account)
        self.criteria = list(account.terms.criteria.all())
        self.known = {c.code: c.known for c in self.criteria if c.known}  # type: ignore[attr-defined]
        self.questions = [c for c in self.criteria if evidence.is_asked(c, account)]
        self.outcomes = list(account.program.call_outcomes.filter(in_use=True))
        self.may_call_back = any(outcome.code == CALL_BACK for outcome in self.outcomes)
        self.hours = reviews.hours_of(account.terms, weekdays=calling_days(account))
        self.presets = call_backs.offered(zone=self.zone, now=now, hours=self.hours)
        for number, question in enumerate(self.questions, start=1):
            self.fields[_name(question)] = forms.ChoiceField(
                choices=ANSWERS,
                required=False,
                initial=initial.get(question.code, OPEN),
                label=question.question,
                widget=forms.RadioSelect,
            )
            self.fields[_source_name(question)] = forms.ChoiceField(
                choices=SOURCES,
                required=False,
                initial=initial.get(_source_name(question), AnswerSource.CALL.value),
                label=f"Where answer {number} comes from",
                widget=forms.Select(attrs={"class": "staff-input staff-short"}),
            )
        _choices(self, "outcome", [(outcome.code, outcome.label) for outcome in self.outcomes])
        self.reasons = list(account.terms.rejection_reasons.all())
        of_the_terms = [(reason.code, reason.internal_text) for reason in self.reasons]
        _choices(self, "reason", [("", "Reason of the first No"), *of_the_terms])

    def rows(self) -> list[tuple[Criterion, forms.BoundField, forms.BoundField, bool]]:
        """Each question with its answers, where they come from, and whether it is waived."""
        return [
            (c, self[_name(c)], self[_source_name(c)], self.known.get(c.code) == Result.WAIVED)
            for c in self.questions
        ]

    @property
    def answers(self) -> dict[str, bool]:
        """Yes or no by criterion; an open one is left out."""
        told = {question.code: self.cleaned_data.get(_name(question)) for question in self.questions}
        return {code: answer == YES for code, answer in told.items() if answer in (YES, NO)}

    @property
    def sources(self) -> dict[str, str]:
        """Where each answer comes from, by criterion: from this call, unless another source is chosen."""
        told = {question.code: self.cleaned_data.get(_source_name(question)) for question in self.questions}
        return {code: told[code] or AnswerSource.CALL for code in self.answers}

    @property
    def rests_on_a_call(self) -> bool:
        """An answer comes from a call; without any answer there was one, unless somebody says otherwise."""
        if not self.answers:
            return not self.cleaned_data.get("not_called")
        return AnswerSource.CALL in self.sources.values()

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        if sum(bool(told.get(pressed)) for pressed in ("outcome", "call_back", "result")) != 1:
            raise forms.ValidationError("Press the result of the call, or a decision.")
        told["call_back_at"] = self._call_back_at() if told["call_back"] else None
        if told["call_back"]:
            told["outcome"] = CALL_BACK
        if told["result"] == AccountStatus.NOT_QUALIFIED and not told.get("reason"):
            told["reason"] = self._reason_of_the_first_no()
        if told["result"]:
            self._check_what_it_rests_on()
        if told["result"] == AccountStatus.NOT_QUALIFIED:
            self._check_reason(told.get("reason", ""))
        return told

    def _check_what_it_rests_on(self) -> None:
        told, sources = self.cleaned_data, set(self.sources.values())
        if told.get("not_called") and AnswerSource.CALL in sources:
            self.add_error(
                "not_called", "An answer says that it comes from this call: choose another source."
            )
        if told.get("note"):
            return
        if sources - {AnswerSource.CALL}:
            self.add_error("note", "Name the document or registry that the answers come from.")
        elif told.get("not_called"):
            self.add_error("note", "Nobody was called: say what the decision rests on.")

    def _check_reason(self, reason: str) -> None:
        """What a reason must name: that of a known company this company, another one what it is."""
        if likeness.is_unnamed(self.account, reason=reason):
            self.add_error(
                "reason",
                "Name the earlier account: compare it with this one, and say that they are the same.",
            )
        if reason == OTHER and not self.cleaned_data.get("note"):
            self.add_error("note", "This reason says nothing by itself: write what it is.")

    def failed_checks(self) -> list[str]:
        """What the required automatic checks speak against, and what helps."""
        good = {Result.PASS, Result.WAIVED}
        checks = (c for c in self.criteria if c.source == CriterionSource.AUTOMATIC and c.required)
        return [evidence.why_failed(c) for c in checks if self.known.get(c.code) not in good]

    def look_again(self, account: ReferredAccount) -> None:
        """Let the next press rest on what is stored by now."""
        self.data = {**{name: self.data[name] for name in self.data}, "version": version_of(account)}

    def _call_back_at(self) -> datetime | None:
        """When the company is called back; what was typed is a time on its own clock."""
        preset = Preset(self.cleaned_data["call_back"])
        if preset != Preset.OTHER:
            return call_backs.instant(preset, zone=self.zone, now=self.now, hours=self.hours)
        typed = self.cleaned_data.get("call_back_at")
        if typed is None:
            if "call_back_at" not in self.errors:
                self.add_error("call_back_at", "Say when they want to be called.")
            return None
        try:
            at: datetime = typed.replace(tzinfo=self.zone).astimezone(UTC)
        except OverflowError:
            # The first and the last day of the calendar are none everywhere.
            self.add_error("call_back_at", "There is no such time in UTC. Choose another one.")
            return None
        if why_not := call_backs.why_not(at, now=self.now):
            self.add_error("call_back_at", why_not)
        return at

    def _reason_of_the_first_no(self) -> str:
        for question in self.questions:
            if self.cleaned_data.get(_name(question)) == NO:
                return question.reason
        self.add_error("reason", "Answer a question with No, or choose a reason.")
        return ""


def with_version(accounts: QuerySet[ReferredAccount], *, for_person: User) -> QuerySet[ReferredAccount]:
    """
    Accounts with the last of each row that is stored about them.

    :param for_person: what this person has compared meanwhile, in another tab, is no news to them
    """
    last = {f"last_{name}": _last(model, about, for_person) for name, (model, about) in STORED.items()}
    return accounts.annotate(**last)


def version_of(account: ReferredAccount) -> str:
    """What has been stored about an account so far; changes with every call, decision and step."""
    return ".".join(str(getattr(account, f"last_{name}") or 0) for name in STORED)


def typed(posted: Mapping[str, str]) -> dict[str, str]:
    """What somebody had filled in, to fill it in again."""
    of_the_form = ("reason", "note", "call_back_at", "not_called")
    kept = {name: text for name, text in posted.items() if name in of_the_form or name.startswith(SOURCE)}
    answers = {
        name.removeprefix(ANSWER): answer for name, answer in posted.items() if name.startswith(ANSWER)
    }
    return {**kept, **answers}


def all_yes(account: ReferredAccount) -> dict[str, str]:
    """Every question that is asked, with yes."""
    return {c.code: YES for c in account.terms.criteria.all() if evidence.is_asked(c, account)}


@transaction.atomic
def store(account: ReferredAccount, form: ReviewForm, *, by: User, at: datetime) -> Decision | None:
    """
    Keep what was filled in: all of it, or nothing.

    Who decides on the strength of a call and pressed no result for it has reached somebody.

    :raises MovedOn: if something was stored since the page was opened
    :raises LeaseOver: if the person does not hold the company any more
    :raises HeldBySomebody: if somebody else does
    :raises SeniorFirst: if it looks like its referrer, and the person who qualifies it is no senior
    :raises Refused: what the decision refuses
    """
    # The row is the gate: of two who press at once the second waits here. What is stored is read by a
    # query of its own, after the wait: PostgreSQL answers a query as of the moment at which it began.
    ReferredAccount.objects.select_for_update().get(pk=account.pk)
    account = with_version(ReferredAccount.objects.filter(pk=account.pk), for_person=by).get()
    told = form.cleaned_data
    if told["version"] != version_of(account):
        raise MovedOn(f"Nothing was stored now: {_what_happened(account)}")
    reviews.refuse_without_lease(account, by, at=at)
    if told["result"] == AccountStatus.QUALIFIED and not by.has_perm(reviews.SENIOR):
        matches.refuse_told(account)
    needs_call = bool(told["result"]) and form.rests_on_a_call
    outcome = told["outcome"] or (needs_call and _reached(account, form.outcomes))
    if outcome:
        row = next(row for row in form.outcomes if row.code == outcome)
        _refuse_closed(account)
        desk.log_call(account, outcome=row, by=by, at=at, call_back_at=told["call_back_at"])
    if needs_call:
        evidence.refuse_uncalled(account)
    about = told["result"].lower() or "call"
    notes.write(account, about=about, text=told["note"], by=by, at=at)
    if not told["result"]:
        return None
    return qualification.decide(
        account,
        result=told["result"],
        by=by,
        at=at,
        reason=told["reason"],
        answers=form.answers,
        sources=form.sources,
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
    corrected = account.corrections.select_related("corrected_by").last()
    compared = Comparison.objects.filter(Q(account=account) | Q(other=account)).select_related("compared_by")
    said = compared.order_by("pk").last()
    others = [] if last is None else [last.called_at]
    others += [] if corrected is None else [corrected.corrected_at]
    if said is not None and all(said.compared_at >= each for each in others):
        when = f"{said.compared_at:%H:%M} UTC"
        return f"{said.compared_by} compared it with another company at {when}. What you typed is still here."
    if corrected is not None and (last is None or corrected.corrected_at > last.called_at):
        field = corrected.field.replace("_", " ")
        when = f"{corrected.corrected_at:%H:%M} UTC"
        return f"{corrected.corrected_by} corrected the {field} at {when}. What you typed is still here."
    if last is None:
        return "a decision was undone, or the account reopened."
    called = f"{last.called_by} logged “{last.outcome.label}” at {last.called_at:%H:%M} UTC."
    return f"{called} What you typed is still here."


def _last(
    model: type[Call | Decision | StatusChange | Correction | Comparison], about: str, for_person: User
) -> Subquery:
    rows: QuerySet[Any] = model.objects.filter(**{about: OuterRef("pk")})
    rows = rows.exclude(compared_by=for_person) if model is Comparison else rows
    return Subquery(rows.order_by("-pk").values("pk")[:1])


def _choices(form: forms.Form, field: str, choices: list[tuple[str, str]]) -> None:
    cast(forms.ChoiceField, form.fields[field]).choices = choices


def _name(question: Criterion) -> str:
    return f"{ANSWER}{question.code}"


def _source_name(question: Criterion) -> str:
    return f"{SOURCE}{question.code}"
