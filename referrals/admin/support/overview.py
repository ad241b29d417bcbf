"""
What support sees of a referrer: links and codes, counters, money, accounts with why each is not paid yet.

Questions, no steps; a fixed number of queries, however many accounts there are. What somebody may not see is
not asked for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import (
    CharField,
    DateTimeField,
    Exists,
    F,
    IntegerField,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Cast, Coalesce

from payouts import explain_many
from payouts.explain import Headline
from payouts.explain_many import Told
from payouts.models import Bonus, LedgerAccount
from payouts.rules.lifecycle import UNPAID, AccountKind, BonusStatus
from payouts.rules.schedule_words import in_days
from payouts.statements.money import Balance, in_account
from referrals import scopes
from referrals.admin.columns import amount, grouped
from referrals.models import (
    Enrollment,
    FunnelCount,
    Milestone,
    ReferralCode,
    ReferralLink,
    ReferredAccount,
    Signal,
    SignUp,
)

SEE_MONEY = "payouts.view_bonus"
PER_PAGE = 50


@dataclass(slots=True)
class Part:
    """A referrer in one program."""

    enrollment: Enrollment
    links: list[Any] = field(default_factory=list)
    codes: list[Any] = field(default_factory=list)
    """Texts, the one that is valid now first, then the former ones with their end."""
    counters: list[tuple[str, int]] = field(default_factory=list)
    money: list[tuple[str, str]] = field(default_factory=list)
    """What it is, and the amount in words."""


@dataclass(frozen=True, slots=True)
class Text:
    """A link or code; without an end it is valid now."""

    text: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class BonusLine:
    """A bonus of an account, and why it is not paid yet."""

    bonus: Bonus
    amount: str
    why: str
    window: str


@dataclass(frozen=True, slots=True)
class Line:
    """An account as support sees it."""

    account: ReferredAccount
    headline: Headline
    """The first unmet rule in one line, and who acts next."""
    bonuses: list[BonusLine]
    signals: bool
    """A sign of a likeness that nobody has settled."""
    claimed_again: bool
    """It signed up more than once: somebody else may say that they brought it."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the accounts; nobody counts all of them: one more is asked for than is shown."""

    lines: list[Line]
    number: int
    has_next: bool


def parts(referrer: int, user: Any) -> list[Part]:
    """The programs of this person in which the referrer takes part, with links, codes and counters."""
    found = scopes.within(Enrollment.objects.filter(referrer=referrer), user)
    joined = found.select_related("program", "referrer__host")
    enrolled = {row.pk: Part(row) for row in joined.order_by("program__name", "pk")}
    if not enrolled:
        return []
    for enrollment, what, text, _, number, until in _texts_and_counters(enrolled):
        part = enrolled[enrollment]
        if what == "counter":
            part.counters.append((text, number))
        else:
            (part.links if what == "link" else part.codes).append(Text(text, until))
    for part in enrolled.values():
        for texts in (part.links, part.codes):
            texts.sort(key=lambda each: (each.until is not None, each.until and -each.until.timestamp()))
    return list(enrolled.values())


def money_of(found: Iterable[Part]) -> list[Balance]:
    """Fill in what each part has in the books, and return all these accounts of the books."""
    of_enrollment = {part.enrollment.pk: part for part in found}
    unpaid = Bonus.objects.filter(on_hold=True, status__in=list(UNPAID))
    rows = LedgerAccount.objects.filter(enrollment__in=of_enrollment).order_by("enrollment", "pk")
    balances = []
    for row in rows.annotate(
        amount=in_account(), held=_sum_of(unpaid), paid=_sum_of(Bonus.objects.filter(status=BonusStatus.PAID))
    ):
        balances.append(Balance(row.pk, row.kind, row.currency, row.amount))
        part = of_enrollment[row.enrollment_id or 0]
        shown = _shown_of(row)
        part.money += [(what, f"{row.currency} {grouped(minor, row.currency)}") for what, minor in shown]
    return balances


def accounts(found: Iterable[Part], user: User, *, as_of: datetime, number: int) -> Page:
    """The accounts that the referrer brought, the latest first, each with why it is not paid yet."""
    rows, has_next = page_of_accounts(found, number=number)
    if not user.has_perm(SEE_MONEY):
        alone = [_line(row, explain_many.of_account_alone(row), []) for row in rows]
        return Page(alone, number, has_next)
    told = explain_many.accounts(rows, as_of=as_of)
    return Page([_line(row, told[row.pk].headline, _earned(told[row.pk])) for row in rows], number, has_next)


def page_of_accounts(found: Iterable[Part], *, number: int) -> tuple[list[ReferredAccount], bool]:
    """The accounts of one page, and whether there are more."""
    enrolled = {part.enrollment.pk: part.enrollment for part in found}
    again = SignUp.objects.filter(repeats=OuterRef("sign_up"))
    open_signals = Signal.objects.filter(account=OuterRef("pk"), settled_at__isnull=True)
    query = (
        explain_many.with_what_is_missing(ReferredAccount.objects.filter(enrollment__in=enrolled))
        .select_related("program", "terms", "rejection_reason", "sign_up", "touch__link")
        .select_related("attributed_by", "attribution_approved_by")
        .annotate(has_signals=Exists(open_signals), claimed_again=Exists(again))
        .order_by("-signed_up_at", "-pk")
    )
    first = (number - 1) * PER_PAGE
    rows: list[Any] = list(query[first : first + PER_PAGE + 1])
    for row in rows:
        row.enrollment = enrolled[row.enrollment_id]
    return rows[:PER_PAGE], len(rows) > PER_PAGE


def _line(account: Any, headed: Headline, bonuses: list[BonusLine]) -> Line:
    return Line(account, headed, bonuses, account.has_signals, account.claimed_again)


def _earned(told: Told) -> list[BonusLine]:
    return [
        BonusLine(
            bonus, amount(bonus), headed.sentence, in_days(bonus.window_opens_on, bonus.window_closes_on)
        )
        for bonus, headed in zip(told.bonuses, told.lines, strict=True)
    ]


def _texts_and_counters(enrolled: Mapping[int, Part]) -> list[tuple[Any, ...]]:
    """Links, codes and counters in one query: whose, what, text, place, number, until."""
    texts = [
        model._default_manager.filter(enrollment__in=enrolled).values_list(
            "enrollment",
            Value(what, output_field=CharField()),
            F("text"),
            Value(0, output_field=IntegerField()),
            Value(0, output_field=IntegerField()),
            F("valid_until"),
        )
        for model, what in ((ReferralLink, "link"), (ReferralCode, "code"))
    ]
    # A counter has the label that the latest terms give it.
    named = Milestone.objects.filter(
        terms__program=OuterRef("enrollment__program"), code=OuterRef("milestone")
    ).order_by("-terms__version")
    counters = FunnelCount.objects.filter(enrollment__in=enrolled).values_list(
        "enrollment",
        Value("counter", output_field=CharField()),
        Coalesce(Subquery(named.values("label")[:1]), F("milestone")),
        Coalesce(Subquery(named.values("funnel")[:1], output_field=IntegerField()), 0),
        F("accounts"),
        # PostgreSQL wants to be told of which type the nothing is.
        Cast(Value(None), DateTimeField()),
    )
    return sorted(texts[0].union(texts[1], counters, all=True), key=lambda row: (row[3], row[2]))


def _sum_of(bonuses: QuerySet[Bonus]) -> Coalesce:
    """The sum of these bonuses of an account in the books, in minor units."""
    mine = bonuses.filter(enrollment=OuterRef("enrollment"), currency=OuterRef("currency"))
    summed = mine.order_by().values("enrollment").annotate(total=Sum("amount_minor"))
    return Coalesce(Subquery(summed.values("total")), 0)


def _shown_of(row: Any) -> list[tuple[str, int]]:
    """What an account of the books says in the heading; what is empty and not usual is left out."""
    if row.kind == AccountKind.PAYABLE:
        return [("expected", row.amount), ("paid", row.paid), ("held", row.held)]
    if row.kind == AccountKind.BALANCE or row.amount:
        return [(row.get_kind_display().lower(), row.amount)]
    return []
