"""
Every account and bonus of a program explained, to staff and to the referrer, and what is wrong with that.

The headline is what is expected, in both voices; a list answers as one by one; and nothing of what a referrer
may not know is in what a referrer reads.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User

from payouts import explain, explain_many
from payouts.explain import Audience, Explanation
from payouts.explain.headlines import NOT_ELIGIBLE, ON_HOLD
from payouts.models import Bonus, Hold
from payouts.rules.lifecycle import UNPAID
from referrals.models import AccountEvent, Note, Program, ReferredAccount, RejectionReason, Terms
from referrals.rules.money import to_text

CANARY = "Canary-of-the-staff"
SHORT = 5
OF_THE_COMPANY = {
    "company_name": "Quetzal-company GmbH",
    "email": "quetzal@hidden-mail.example",
    "phone": "+15550194711",
    "contact": "Quinn Quetzal",
    "website": "https://quetzal-hidden.example",
}


@dataclass(frozen=True)
class Both:
    """An answer in both voices."""

    staff: Explanation
    referrer: Explanation


def texts(told: Explanation) -> list[str]:
    """All that an answer says."""
    words = [told.headline.code or "", told.headline.sentence, told.headline.acts]
    for line in told.lines:
        words += [line.code, line.label, line.detail, line.quote]
    return words


def of_account(program: Program, name: str, *, as_of: datetime) -> Both:
    return Both(
        *(
            explain.account(program, host_account=name, as_of=as_of, audience=audience)
            for audience in (Audience.STAFF, Audience.REFERRER)
        )
    )


def of_bonus(bonus: Bonus, *, as_of: datetime) -> Both:
    return Both(
        *(
            explain.bonus(bonus, as_of=as_of, audience=audience)
            for audience in (Audience.STAFF, Audience.REFERRER)
        )
    )


def plant_canaries(program: Program) -> None:
    """Give everybody and everything that is private a name that is easily found."""
    User.objects.update(first_name=CANARY, last_name="Ann")
    ReferredAccount.objects.filter(program=program).update(**OF_THE_COMPANY)
    Note.objects.update(text=CANARY)


def secrets_of(program: Program) -> set[str]:
    """What no referrer of a program may read, but for what its published terms say themselves."""
    published = " ".join(
        text
        for terms in Terms.objects.filter(program=program)
        for rows in (terms.milestones.all(), terms.rewards.all())
        for text in [terms.attribution_quote, terms.payout_schedule.quote, *(row.quote for row in rows)]
    )
    shown = RejectionReason.objects.filter(terms__program=program, shown=True)
    published += " ".join(shown.values_list("public_text", flat=True))
    hidden = RejectionReason.objects.filter(terms__program=program)
    accounts = ReferredAccount.objects.filter(program=program).values_list("host_account", flat=True)
    spent = AccountEvent.objects.filter(host=program.host_id, host_account__in=accounts, amount_minor__gt=0)
    own = {
        amount
        for bonus in Bonus.objects.filter(terms__program=program)
        for amount in written(bonus.amount_minor, bonus.currency)
    }
    amounts = {
        amount for event in spent for amount in written(event.amount_minor, event.currency) if amount
    } - own
    events = set(spent.values_list("event_id", flat=True))
    private = {
        CANARY,
        *OF_THE_COMPANY.values(),
        *hidden.values_list("internal_text", flat=True),
        *hidden.filter(shown=False).values_list("public_text", flat=True),
        *hidden.filter(shown=False).values_list("code", flat=True),
        *User.objects.values_list("username", flat=True),
        # A short number of an event is in many a date, a short reason in many a word.
        *(each for each in events if len(each) > SHORT),
        *(each for each in Hold.objects.values_list("reason", flat=True) if len(each) > SHORT),
    }
    return {secret for secret in private | amounts if secret and secret not in published}


def written(minor: int, currency: str) -> Iterator[str]:
    amount = to_text(minor, currency)
    yield amount
    yield f"{Decimal(amount):,}"


def public_code(code: str | None, program: Program, name: str) -> str | None:
    """What the referrer is told instead of a code: a hold has no reason, nor has what is not shown."""
    account = ReferredAccount.objects.filter(program=program, host_account=name).first()
    if code is None or account is None:
        return code
    bonuses = Bonus.objects.filter(account=account)
    if bonuses.filter(on_hold=True, status__in=list(UNPAID), holds__reason=code).exists():
        return ON_HOLD
    hidden = RejectionReason.objects.filter(terms=account.terms, code=code, shown=False)
    return NOT_ELIGIBLE if hidden.exists() else code


def explained_wrongly(program: Program, *, as_of: datetime, expected: dict[str, str | None]) -> list[object]:
    """
    What is wrong with the answers about every account and bonus of a program, in both voices.

    :param expected: account to the code of the first unmet condition, for those of which it is known
    """
    plant_canaries(program)
    secrets = secrets_of(program)
    wrong: list[object] = []
    rows = list(_rows(program))
    told = explain_many.accounts(rows, as_of=as_of)
    for name in {*expected, *(row.host_account for row in rows)}:
        both = of_account(program, name, as_of=as_of)
        if name in expected and both.staff.first_unmet != expected[name]:
            wrong.append((name, both.staff.headline, expected[name]))
        if both.referrer.first_unmet != public_code(both.staff.first_unmet, program, name):
            wrong.append((name, "public", both.referrer.headline))
        wrong += _told_wrongly(both, secrets)
    for row in rows:
        one = explain.account(program, host_account=row.host_account, as_of=as_of)
        if told[row.pk].headline != one.headline:
            wrong.append((row.host_account, told[row.pk].headline, one.headline))
    for bonus in Bonus.objects.filter(terms__program=program).order_by("pk"):
        both = of_bonus(bonus, as_of=as_of)
        if both.staff.first_unmet != explain.of_bonus(bonus, as_of=as_of):
            wrong.append((bonus, both.staff.headline))
        wrong += _told_wrongly(both, secrets)
    return wrong


def _rows(program: Program) -> Iterator[ReferredAccount]:
    found = ReferredAccount.objects.filter(program=program).select_related(
        "terms", "enrollment", "rejection_reason", "program"
    )
    yield from explain_many.with_what_is_missing(found).order_by("pk")


def _told_wrongly(both: Both, secrets: set[str]) -> list[object]:
    wrong: list[object] = []
    for told in (both.staff, both.referrer):
        if not told.headline.sentence or not told.headline.acts:
            wrong.append(("says nothing", told.headline))
        wrong += [("no label", line) for line in told.lines if not line.label]
    said = "\n".join(texts(both.referrer))
    wrong += [("tells", secret, said) for secret in secrets if secret in said]
    if (both.staff.earliest_on, both.staff.latest_on) != (both.referrer.earliest_on, both.referrer.latest_on):
        wrong.append(("other days", both))
    return wrong
