"""Attribution: which of several touches brought a sign-up."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from referrals.rules.words import AttributionMethod, TouchOrder


class TouchKind(IntEnum):
    """How a touch came about, in the order that counts at one instant."""

    OPENED_LINK = 0
    TYPED_CODE = 1
    FORM_LINK = 2


@dataclass(frozen=True, slots=True)
class Candidate:
    """A touch that may have brought the sign-up."""

    kind: TouchKind
    at: datetime
    key: int
    """What the caller knows the touch by; of two at one instant the greater came later."""
    valid_from: datetime
    valid_until: datetime | None
    referrer_is_active: bool

    @property
    def method(self) -> AttributionMethod:
        typed = self.kind is TouchKind.TYPED_CODE
        return AttributionMethod.CODE if typed else AttributionMethod.LINK


@dataclass(frozen=True, slots=True)
class AttributionRules:
    """What the terms say about who brought whom."""

    methods: Collection[str]
    touch: str
    window_days: int
    code_beats_link: bool
    old_links_work: bool
    old_codes_work: bool

    def old_ones_work(self, method: AttributionMethod) -> bool:
        return self.old_codes_work if method is AttributionMethod.CODE else self.old_links_work


@dataclass(frozen=True, slots=True)
class Winner:
    """The touch that brought the sign-up, and the rule that decided."""

    candidate: Candidate
    rule: str


def attribute(
    candidates: Iterable[Candidate], *, rules: AttributionRules, signed_up_at: datetime
) -> Winner | None:
    """Choose the touch that brought a sign-up; ``None``: nobody did."""
    counting = sorted(
        (c for c in candidates if _counts(c, rules=rules, signed_up_at=signed_up_at)),
        key=lambda c: (c.at, c.kind, c.key),
    )
    if not counting:
        return None
    typed = [c for c in counting if c.kind is TouchKind.TYPED_CODE]
    if len(counting) == 1:
        return Winner(counting[0], "only_touch")
    if typed and rules.code_beats_link:
        return Winner(typed[0], "code_beats_link")
    if rules.touch == TouchOrder.FIRST:
        return Winner(counting[0], "first_touch")
    return Winner(counting[-1], "last_touch")


def _counts(candidate: Candidate, *, rules: AttributionRules, signed_up_at: datetime) -> bool:
    earliest = signed_up_at - timedelta(days=rules.window_days)
    if candidate.method not in rules.methods or not candidate.referrer_is_active:
        return False
    if not earliest <= candidate.at <= signed_up_at or candidate.at < candidate.valid_from:
        return False
    still_valid = candidate.valid_until is None or candidate.at < candidate.valid_until
    return still_valid or rules.old_ones_work(candidate.method)
