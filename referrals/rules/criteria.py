"""What is looked at when an account signs up: the referrer, self-referral, automatic criteria."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from referrals.rules.identity import company_domain, email_domain, is_public_email_domain, normalized_email
from referrals.rules.words import Flag, Kind, Operator, SelfReferralRule


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one criterion."""

    code: str
    passed: bool
    required: bool
    reason: str


def first_refusal(findings: Iterable[Finding]) -> str | None:
    """The reason of the first required criterion that failed."""
    return next((f.reason for f in findings if f.required and not f.passed), None)


def is_eligible(actual: str, *, operator: str, values: Collection[str]) -> bool:
    """Does an attribute of the referrer satisfy an eligibility row?"""
    among = actual in values
    return among if operator in (Operator.IS, Operator.IN) else not among


def kind_fits(kind: str, *, wanted: str) -> bool:
    """Is the account of the kind that the program is for?"""
    return wanted in (Kind.ANY, kind)


def has_company_email(email: str) -> bool:
    """There is an e-mail, and its domain is no public or disposable e-mail service."""
    domain = email_domain(email)
    return bool(domain) and not is_public_email_domain(domain)


def is_complete(told: Mapping[str, str], *, required: Iterable[str]) -> bool:
    """Is everything there that the terms ask for?"""
    return all(told.get(field, "").strip() for field in required)


@dataclass(frozen=True, slots=True)
class SelfReferral:
    """How far a referrer and an account look like one and the same."""

    flags: tuple[Flag, ...]
    refused: bool


def self_referral(
    *, referrer: tuple[str, str], account: tuple[str, str], rules: tuple[str, str, str]
) -> SelfReferral:
    """
    Compare a referrer with an account.

    :param referrer: host account and e-mail of the referrer
    :param account: host account and e-mail of the account
    :param rules: what the terms say of the same account, e-mail and company domain, in this order
    """
    own_domain = company_domain(referrer[1])
    own_email = normalized_email(referrer[1])
    matches = (
        referrer[0] == account[0],
        bool(own_email) and own_email == normalized_email(account[1]),
        bool(own_domain) and own_domain == company_domain(account[1]),
    )
    matching = [(flag, rule) for flag, rule, match in zip(Flag, rules, matches, strict=True) if match]
    return SelfReferral(
        flags=tuple(flag for flag, rule in matching if rule == SelfReferralRule.FLAG),
        refused=any(rule == SelfReferralRule.REJECT for _, rule in matching),
    )
