"""What the pages show of companies that look alike, and of two referrers who claim one company."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.urls import reverse

from referrals import likeness
from referrals.likeness import Alike, Company, Known
from referrals.models import ExistingCustomer, ReferredAccount
from referrals.names import of_program
from referrals.rules.identity import LOOK_ALIKE_FROM
from referrals.rules.words import AttributionMethod, Check, Verdict

SHOWN = 5
"""More are a list that nobody reads."""
VERDICTS = {Verdict.SAME: "= same company", Verdict.DIFFERENT: "≠ different company"}


@dataclass(frozen=True, slots=True)
class AlikeLine:
    """A company that looks like the account, as a line."""

    name: str
    is_what: str
    same: str
    verdict: str
    address: str

    @property
    def is_settled(self) -> bool:
        return bool(self.verdict)


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """One of the accounts by which a company is claimed."""

    account: ReferredAccount
    came_by: str
    decided_by: str
    """The rule by which its referrer was chosen."""
    is_this: bool
    is_first: bool
    refused_by: str
    """The check that found the company to be claimed already."""
    address: str
    """Where the two are compared."""


def lines(account: ReferredAccount, alike: Iterable[Alike], compared: Mapping[Known, str]) -> list[AlikeLine]:
    """The companies that look most alike, but for claims on the same one, which stand apart."""
    others = [
        each
        for each in alike
        if not likeness.is_same_claim(account, each.company, verdict=compared.get(each.known))
    ]
    return [line(account, each, compared.get(each.known, "")) for each in others[:SHOWN]]


def claim_lines(account: ReferredAccount, others: Iterable[ReferredAccount]) -> list[ClaimLine]:
    """This account among the others that claim the same company, the earliest first; [] if there are none."""
    others = list(others)
    if not others:
        return []
    in_order = sorted([account, *others], key=lambda each: (each.signed_up_at, each.pk))
    checks = {c.reason: c.code for c in account.terms.criteria.all() if c.check_kind == Check.NEW_CUSTOMER}
    return [
        ClaimLine(
            account=each,
            came_by=came_by(each),
            decided_by=each.attribution_rule.replace("_", " "),
            is_this=each.pk == account.pk,
            is_first=place == 0,
            refused_by=_refused_by(each, checks),
            address=address_of(account, likeness.known(each)),
        )
        for place, each in enumerate(in_order)
    ]


def came_by(account: ReferredAccount) -> str:
    """By what an account that was read with its origin came to its referrer."""
    origin: Any = account
    if account.attribution_method == AttributionMethod.MANUAL:
        return "attributed by staff"
    if account.attribution_method == AttributionMethod.CODE:
        return f"code {origin.told_code}"
    return f"link {opened(account) or origin.told_link}"


def opened(account: ReferredAccount) -> str:
    """The link that was opened before an account that was read with its origin signed up; '': none was."""
    origin: Any = account
    return f"{origin.opened_link}, opened on {day(origin.opened_at)}" if origin.opened_link else ""


def what_it_is(company: Company) -> str:
    """What a company is to us."""
    if isinstance(company, ExistingCustomer):
        since = company.customer_since
        return f"customer since {since:%Y}" if since else "always was a customer"
    return (
        f"{of_program(company.program)}, {company.get_status_display().lower()}, {day(company.signed_up_at)}"
    )


def name_of(company: Company) -> str:
    """How a company is called."""
    return company.company_name or company.host_account


def address_of(account: ReferredAccount, known: Known) -> str:
    """The page on which the two are compared."""
    return reverse("admin:referrals_referredaccount_comparison", args=[account.pk, *known])


def _refused_by(account: ReferredAccount, checks: Mapping[str, str]) -> str:
    reason = account.rejection_reason
    return checks.get(reason.code, "").replace("_", " ") if reason is not None else ""


def line(account: ReferredAccount, each: Alike, verdict: str) -> AlikeLine:
    """A company beside an account, in words."""
    words = [f"same {', '.join(each.same)}"] if each.same else []
    if "name" not in each.same and each.likeness >= LOOK_ALIKE_FROM:
        words.append(f"name {each.likeness:.0f} % alike")
    return AlikeLine(
        name=name_of(each.company),
        is_what=what_it_is(each.company),
        same=" · ".join(words),
        verdict=VERDICTS.get(Verdict(verdict), "") if verdict else "",
        address=address_of(account, each.known),
    )


def day(at: date) -> str:
    """A day as the pages of the desk write it."""
    return f"{at:%b} {at.day}, {at.year}"
