"""Who brought an account: the touches of its visitor in the order of time, and the rule that decided."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import CharField, F, Q, Value

from referrals.models import ReferralCode, ReferralLink, ReferredAccount, Touch
from referrals.rules.identity import folded_code, folded_link
from referrals.rules.words import AttributionMethod

RULES = {
    "only_touch": "nothing else led here",
    "code_beats_link": "a typed code beats a link",
    "first_touch": "the first touch counts",
    "last_touch": "the last touch counts",
    "by_staff": "two people of the staff attributed it",
}
"""What decided between several touches, in words."""
MOST_TOUCHES = 500
"""Of all visitors of a page together; the latest."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A link opened, a code typed, or the link that the form carried."""

    at: datetime
    what: str
    text: str
    referrer: str
    won: bool
    too_old: bool
    """It lies before the time for which the terms count a touch."""


@dataclass(frozen=True, slots=True)
class Trail:
    """How an account came, and why it counts as this referrer's."""

    account: ReferredAccount
    touches: list[Seen]
    rule: str
    by: str
    """Who attributed it, where people did."""


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose a link or code is, and of which program."""

    referrer: str
    program: int


def trails(accounts: Sequence[ReferredAccount]) -> list[Trail]:
    """The trails of these accounts, by two queries for all of them."""
    owners = _owners(accounts)
    touches = _touches(accounts)
    return [_trail(account, touches, owners) for account in accounts]


def _trail(account: ReferredAccount, touches: list[Any], owners: dict[Any, _Owner]) -> Trail:
    sign_up, host = account.sign_up, account.program.host_id
    earliest = account.signed_up_at - timedelta(days=account.terms.window_days)
    by_code = account.attribution_method == AttributionMethod.CODE
    by_form = account.attribution_method == AttributionMethod.LINK and account.touch_id is None
    found = [
        Seen(
            touch.touched_at,
            "opened link",
            touch.link.text,
            str(touch.link.enrollment.referrer),
            won=touch.pk == account.touch_id,
            too_old=touch.touched_at < earliest,
        )
        for touch in touches
        if touch.visitor == sign_up.visitor
        and touch.link.enrollment.program_id == account.program_id
        and touch.touched_at <= account.signed_up_at
    ]
    told = [
        ("typed code", sign_up.code, ("code", host, folded_code(sign_up.code)), by_code),
        ("link of the form", sign_up.link, ("link", host, folded_link(sign_up.link)), by_form),
    ]
    for what, text, key, won in told:
        owner = owners.get(key)
        if text:
            known = owner is not None and owner.program == account.program_id
            name = owner.referrer if owner and known else "nobody of this program"
            found.append(Seen(sign_up.occurred_at, what, text, name, won and known, too_old=False))
    people = [account.attributed_by, account.attribution_approved_by]
    rule = account.attribution_rule
    return Trail(
        account,
        sorted(found, key=lambda seen: seen.at),
        RULES.get(rule, rule.replace("_", " ")),
        " and ".join(str(person) for person in people if person is not None),
    )


def _touches(accounts: Iterable[ReferredAccount]) -> list[Touch]:
    visitors = {account.sign_up.visitor for account in accounts} - {""}
    if not visitors:
        return []
    joined = Touch.objects.filter(visitor__in=visitors).select_related("link__enrollment__referrer")
    return list(joined.order_by("-touched_at", "-pk")[:MOST_TOUCHES])[::-1]


def _owners(accounts: Iterable[ReferredAccount]) -> dict[Any, _Owner]:
    """Whose the codes and links are that these sign-ups told of, by kind, host and text."""
    told: dict[str, set[str]] = {"code": set(), "link": set()}
    hosts = set()
    for account in accounts:
        hosts.add(account.program.host_id)
        told["code"].add(folded_code(account.sign_up.code))
        told["link"].add(folded_link(account.sign_up.link))
    asked = [
        model._default_manager.filter(Q(folded__in=told[what] - {""}), host__in=hosts).values_list(
            Value(what, output_field=CharField()),
            "host",
            "folded",
            F("enrollment__referrer__name"),
            F("enrollment__referrer__host_account"),
            F("enrollment__program"),
        )
        for what, model in (("code", ReferralCode), ("link", ReferralLink))
        if told[what] - {""}
    ]
    if not asked:
        return {}
    rows = asked[0].union(*asked[1:], all=True) if len(asked) > 1 else asked[0]
    return {
        (what, host, folded): _Owner(name or host_account, program)
        for what, host, folded, name, host_account, program in rows
    }
