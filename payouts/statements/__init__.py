"""
What a referrer may know of a program: the standing, counters, accounts without their names, money.

What is private ends here: no contact, no evidence, no note, nobody of staff, and no reason that is not meant
for the referrer. Read in a fixed number of queries, however many accounts there are.
"""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import F, OuterRef, QuerySet, Subquery

from payouts.statements import money
from payouts.statements.accounts import AccountLine
from payouts.statements.accounts import accounts as accounts_brought
from payouts.statements.money import Balance, Transaction
from payouts.statements.offers import Offers, Step, counters, steps_of
from payouts.statements.offers import offers_of as offers_of
from payouts.statements.paging import Page
from referrals.models import Enrollment, ReferralCode, ReferralLink, Referrer, Terms
from referrals.rules.words import ProgramStatus


@dataclass(frozen=True, slots=True)
class Statement:
    """What became of the sign-ups of a referrer in one program."""

    counters: list[Step]
    balances: list[Balance]
    accounts: Page[AccountLine]
    history: Page[Transaction]


def enrollments_of(user: User) -> list[Enrollment]:
    """
    Where somebody who logs in takes part or is invited, in programs of their own host.

    Each with ``link`` and ``code``: the texts that are valid now.
    """
    return _shown(Enrollment.objects.filter(referrer__user=user, program__host=F("referrer__host")))


def enrollments_of_referrer(referrer: Referrer) -> list[Enrollment]:
    """The same of a referrer, who may have no log-in at all."""
    return _shown(Enrollment.objects.filter(referrer=referrer, program__host=referrer.host_id))


def _shown(enrollments: QuerySet[Enrollment]) -> list[Enrollment]:
    return list(
        enrollments.exclude(program__status=ProgramStatus.DRAFT)
        .select_related("program", "referrer")
        .annotate(link=_text_now(ReferralLink), code=_text_now(ReferralCode))
        .order_by("pk")
    )


def terms_shown(enrollment: Enrollment, *, at: datetime) -> Terms | None:
    """The terms in force, else the first to come, with their payout schedule."""
    rows = Terms.objects.filter(program=enrollment.program_id).select_related("payout_schedule")
    return rows.in_force(at=at).first() or rows.latest_first().last()


def statement(
    enrollment: Enrollment,
    *,
    terms: Terms,
    offers: Offers,
    as_of: datetime,
    accounts: int = 1,
    history: int = 1,
) -> Statement:
    """
    What the referrer may know at that instant.

    :param offers: what ``offers_of`` said
    :param accounts: the page of accounts that is wanted
    :param history: the page of transactions that is wanted
    """
    steps = steps_of(enrollment, terms=terms)
    books = money.balances(enrollment)
    return Statement(
        counters=counters(steps),
        balances=money.shown(books, offers.get(terms.pk, []), currency=terms.currency),
        accounts=accounts_brought(enrollment, steps=steps, offers=offers, as_of=as_of, number=accounts),
        history=money.history(books, number=history),
    )


def _text_now(model: type[ReferralLink] | type[ReferralCode]) -> Subquery:
    current = model._default_manager.filter(enrollment=OuterRef("pk"), valid_until__isnull=True)
    return Subquery(current.values("text")[:1])
