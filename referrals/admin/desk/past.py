"""
Everything that people did about an account, read by one statement.

The review page tells what helps to decide; the page of the account tells all of it that a person may see.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import (
    BigIntegerField,
    Case,
    DateTimeField,
    F,
    FilteredRelation,
    Q,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, NullIf

from payouts.models import Benefit
from referrals import likeness, scopes
from referrals.corrections import OF_PEOPLE
from referrals.models import (
    Call,
    Comparison,
    Correction,
    CriterionResult,
    Decision,
    Milestone,
    Note,
    ReferredAccount,
    Review,
    Signal,
    StatusChange,
)
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.words import AnswerSource, Result, SignalKind, Verdict

SEE_MONEY = "payouts.view_bonus"

NOTHING = Value("", output_field=TextField())
NO_NUMBER = Value(0)
NEVER = Cast(Value(None), DateTimeField())


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that somebody did; what the texts mean depends on what it is."""

    what: str
    pk: int
    at: datetime | None
    """``None``: a milestone that is not reached."""
    by: str
    title: str
    text: str
    more: str
    reason: str
    also: str
    """Who else had a part in it, or what else there is to it."""
    number: int
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class EarlierDecision:
    """A decision that was taken, with the answers that it rests on."""

    row: Row
    result: str
    answers: list[tuple[str, str, str]]
    """Question, answer, and where it comes from."""


@dataclass(slots=True)
class Past:
    """What is known of an account's past, each kind in its order."""

    calls: list[Row] = field(default_factory=list)
    notes: list[Row] = field(default_factory=list)
    decisions: list[EarlierDecision] = field(default_factory=list)
    corrections: list[Row] = field(default_factory=list)
    signals: list[Row] = field(default_factory=list)
    comparisons: list[Row] = field(default_factory=list)
    changes: list[Row] = field(default_factory=list)
    reviews: list[Row] = field(default_factory=list)
    checks: list[Row] = field(default_factory=list)
    """What was found about criteria besides the answers that decisions rest on."""
    milestones: list[Row] = field(default_factory=list)
    benefits: list[Row] = field(default_factory=list)
    compared: dict[likeness.Known, str] = field(default_factory=dict)
    """What comparing has shown; the latest counts."""

    @property
    def open_signals(self) -> list[Row]:
        return [signal for signal in self.signals if signal.ended_at is None]


def of(account: ReferredAccount, *, seen_by: User, with_notes: bool, with_contact: bool) -> Past:
    """
    What people did about an account.

    :param seen_by: companies of programs that are not this person's are not named
    :param with_notes: may this person read what others wrote?
    :param with_contact: may this person read how somebody is reached?
    """
    parts = [
        _calls(account),
        _decisions(account),
        _answers(account),
        _corrections(account),
        _signals(account),
        *_comparisons(account, seen_by=seen_by),
    ]
    if with_notes:
        parts.append(_notes(account))
    return _read(parts, with_contact=with_contact)


def whole(account: ReferredAccount, *, seen_by: User) -> Past:
    """
    All that happened to an account, as far as this person may see it.

    How somebody is reached is not told, to nobody. What comparing has shown is read in any case: the claims
    on the company rest on it.
    """
    parts = [part(account) for needed, part in PARTS if seen_by.has_perm(needed)]
    if seen_by.has_perm(SEE_MONEY) or seen_by.has_perm("referrals.view_milestonereached"):
        # What is not reached yet may be said of money.
        parts.append(_milestones(account, with_missing=seen_by.has_perm(SEE_MONEY)))
    known = _read([*parts, *_comparisons(account, seen_by=seen_by)], with_contact=False)
    if not seen_by.has_perm("referrals.view_comparison"):
        known.comparisons = []
    return known


def _read(parts: list[QuerySet[Any]], *, with_contact: bool) -> Past:
    """The past that these parts tell, by one statement."""
    rows = sorted((Row(*row) for row in parts[0].union(*parts[1:], all=True)), key=lambda row: row.pk)
    of_kind: dict[str, list[Row]] = {}
    for row in rows:
        of_kind.setdefault(row.what, []).append(row)
    return Past(
        calls=of_kind.get("call", [])[::-1],
        notes=of_kind.get("note", []),
        decisions=_with_answers(of_kind.get("decision", []), of_kind.get("answer", [])),
        corrections=[
            _readable(row, with_contact=with_contact) for row in reversed(of_kind.get("correction", []))
        ],
        signals=[_signal(row) for row in of_kind.get("signal", [])],
        comparisons=[_comparison(row) for row in of_kind.get("comparison", [])][::-1],
        changes=of_kind.get("change", [])[::-1],
        reviews=of_kind.get("review", [])[::-1],
        checks=of_kind.get("check", [])[::-1],
        milestones=of_kind.get("milestone", []),
        benefits=of_kind.get("benefit", []),
        compared={(row.more, row.number): row.title for row in of_kind.get("comparison", [])},
    )


def _told(rows: QuerySet[Any], what: str, *, at: str, by: str = "", **columns: Any) -> QuerySet[Any]:
    """Rows of one kind in the columns that all kinds share; nobody does what comes of itself."""
    shared = {
        "title": NOTHING,
        "text": NOTHING,
        "more": NOTHING,
        "reason": NOTHING,
        "also": NOTHING,
        "number": NO_NUMBER,
        "ended_at": NEVER,
    }
    texts = {name: _as_text(column) for name, column in columns.items() if name not in {"number", "ended_at"}}
    plain = {name: _as_is(column) for name, column in columns.items() if name in {"number", "ended_at"}}
    chosen = {**shared, **texts, **plain}
    return rows.order_by().values_list(
        Value(what, output_field=TextField()),
        F("pk"),
        F(at),
        _as_text(f"{by}__username") if by else NOTHING,
        *(chosen[name] for name in shared),
    )


def _as_text(column: Any) -> Any:
    return Coalesce(Cast(F(column), TextField()), NOTHING) if isinstance(column, str) else column


def _as_is(column: Any) -> Any:
    return F(column) if isinstance(column, str) else column


def _calls(account: ReferredAccount) -> QuerySet[Any]:
    rows = Call.objects.filter(account=account)
    return _told(rows, "call", at="called_at", by="called_by", title="outcome__label", number="round")


def _notes(account: ReferredAccount) -> QuerySet[Any]:
    rows = Note.objects.filter(account=account)
    return _told(rows, "note", at="written_at", by="written_by", title="about", text="text")


def _decisions(account: ReferredAccount) -> QuerySet[Any]:
    rows = Decision.objects.filter(account=account)
    return _told(
        rows,
        "decision",
        at="decided_at",
        by="decided_by",
        title="result",
        text="reason__internal_text",
        ended_at="takes_effect_at",
    )


def _answers(account: ReferredAccount) -> QuerySet[Any]:
    rows = CriterionResult.objects.filter(account=account, decision__isnull=False)
    return _told(
        rows,
        "answer",
        at="found_at",
        by="found_by",
        title="criterion__question",
        text="result",
        more="source",
        number="decision",
    )


def _corrections(account: ReferredAccount) -> QuerySet[Any]:
    rows = Correction.objects.filter(account=account)
    return _told(
        rows,
        "correction",
        at="corrected_at",
        by="corrected_by",
        title="field",
        text="old",
        more="new",
        reason="reason",
    )


def _signals(account: ReferredAccount) -> QuerySet[Any]:
    rows = Signal.objects.filter(account=account)
    told_by = {"at": "raised_at", "by": "raised_by", "text": "settled_by__username", "ended_at": "settled_at"}
    return _told(rows, "signal", title="kind", **told_by)


def _comparisons(account: ReferredAccount, *, seen_by: User) -> list[QuerySet[Any]]:
    """
    Of the account with another, with a customer, and of another with it.

    :param seen_by: companies of programs that are not this person's are left out
    """
    rows = Comparison.objects.filter(account=account)
    others, customers = rows.filter(other__isnull=False), rows.filter(customer__isnull=False)
    by_others = Comparison.objects.filter(other=account)
    others = scopes.within(others, seen_by, "other__program")
    by_others = scopes.within(by_others, seen_by, "account__program")
    return [
        _compared(others, likeness.ACCOUNT, "other"),
        _compared(customers, likeness.CUSTOMER, "customer"),
        _compared(by_others, likeness.ACCOUNT, "account"),
    ]


def _compared(rows: QuerySet[Any], kind: str, which: str) -> QuerySet[Any]:
    name = NullIf(Cast(F(f"{which}__company_name"), TextField()), NOTHING)
    return _told(
        rows,
        "comparison",
        at="compared_at",
        by="compared_by",
        title="verdict",
        more=Value(kind, output_field=TextField()),
        reason=Coalesce(name, Cast(F(f"{which}__host_account"), TextField())),
        number=which,
    )


def _changes(account: ReferredAccount) -> QuerySet[Any]:
    rows = StatusChange.objects.filter(account=account)
    return _told(
        rows,
        "change",
        at="changed_at",
        by="changed_by",
        title="new_status",
        text="reason__internal_text",
        more="cause",
        also="approved_by__username",
    )


def _reviews(account: ReferredAccount) -> QuerySet[Any]:
    rows = Review.objects.filter(account=account)
    lasted = {"at": "opened_at", "ended_at": "closed_at"}
    return _told(rows, "review", by="holder", text="tries", more="appeal_of", number="round", **lasted)


def _checks(account: ReferredAccount) -> QuerySet[Any]:
    rows = CriterionResult.objects.filter(account=account, decision__isnull=True)
    return _told(
        rows,
        "check",
        at="found_at",
        by="found_by",
        title=Coalesce(NullIf(F("criterion__question"), NOTHING), Cast(F("criterion__code"), TextField())),
        text="result",
        more="source",
        also="approved_by__username",
    )


def _milestones(account: ReferredAccount, *, with_missing: bool) -> QuerySet[Any]:
    """The milestones of its terms, with what is known of those that it has reached."""
    of_the_account = FilteredRelation("reached", condition=Q(reached__account=account))
    rows = Milestone.objects.filter(terms=account.terms_id).annotate(mine=of_the_account)
    return _told(
        rows if with_missing else rows.filter(mine__isnull=False),
        "milestone",
        at="mine__first_at",
        title="label",
        number=Case(When(mine__holds=True, then=1), default=0),
        ended_at="mine__since",
    )


def _benefits(account: ReferredAccount) -> QuerySet[Any]:
    """What it gets: an amount with its currency, or a number of months without."""
    rows = Benefit.objects.filter(account=account)
    return _told(
        rows,
        "benefit",
        at="granted_at",
        title="reward__code",
        text="status",
        more="currency",
        reason="kind",
        also="product",
        number=Coalesce("amount_minor", "quantity", output_field=BigIntegerField()),
    )


PARTS: list[tuple[str, Callable[[ReferredAccount], QuerySet[Any]]]] = [
    ("referrals.view_call", _calls),
    ("referrals.view_decision", _decisions),
    ("referrals.view_criterionresult", _answers),
    ("referrals.view_criterionresult", _checks),
    ("referrals.view_correction", _corrections),
    ("referrals.view_signal", _signals),
    ("referrals.view_statuschange", _changes),
    ("referrals.view_review", _reviews),
    ("referrals.view_note", _notes),
    ("payouts.view_benefit", _benefits),
]
"""What of an account's past needs which permission."""


def _with_answers(decisions: Iterable[Row], answers: Iterable[Row]) -> list[EarlierDecision]:
    """The decisions, the latest first."""
    of_decision: dict[int, list[tuple[str, str, str]]] = {}
    for row in answers:
        source = AnswerSource(row.more).label.lower() if row.more else ""
        word = {Result.PASS: "yes", Result.FAIL: "no"}.get(Result(row.text), row.text.lower())
        of_decision.setdefault(row.number, []).append((row.title, word, source))
    return [
        EarlierDecision(row, AccountStatus(row.title).label, of_decision.get(row.pk, [])) for row in decisions
    ][::-1]


def _readable(row: Row, *, with_contact: bool) -> Row:
    """A correction as this person may read it."""
    is_hidden = row.title in OF_PEOPLE and not with_contact
    before, after = ("", "") if is_hidden else (row.text or "-", row.more or "-")
    reason = row.reason if with_contact else ""
    return _as(row, title=row.title.replace("_", " "), text=before, more=after, reason=reason)


def _signal(row: Row) -> Row:
    return _as(row, more=SignalKind(row.title).label)


def _comparison(row: Row) -> Row:
    return _as(row, title=Verdict(row.title).label)


def _as(row: Row, **changed: str) -> Row:
    values = {name: getattr(row, name) for name in Row.__slots__}
    return Row(**{**values, **changed})
