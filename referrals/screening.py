"""
What is found out about an account by itself: when it signs up, and again when what it told is corrected.

Screening looks at the referrer, at self-referral and at the automatic criteria, in this order; the first that
fails gives the reason.
"""

from collections.abc import Collection
from datetime import datetime

from django.db.models import Q

from referrals import enrollment, evidence, qualification
from referrals.models import Criterion, CriterionResult, ExistingCustomer, ReferredAccount
from referrals.rules.criteria import (
    Finding,
    first_refusal,
    has_company_email,
    is_complete,
    kind_fits,
    self_referral,
)
from referrals.rules.lifecycle import AccountStatus
from referrals.rules.words import Check, CheckedAt, CriterionSource, Flag, Kind, Match, Result

FLAGS = ["account_match", "email_match", "domain_match"]


def screen(account: ReferredAccount, *, at: datetime) -> None:
    """Let the checks of a sign-up refuse it, or hand it to staff."""
    reason = look(account, at=at)
    if reason is not None:
        qualification.screened(account, to=AccountStatus.NOT_QUALIFIED, reason=reason, at=at)
    elif evidence.required_questions(account):
        qualification.screened(account, to=AccountStatus.IN_REVIEW, reason=None, at=at)


def look(account: ReferredAccount, *, at: datetime, waived: Collection[str] = ()) -> str | None:
    """
    Find out all that can be found out, and keep it; the code of the reason that speaks against the account.

    :param waived: criteria that two people have waived, which stay so
    """
    terms, referrer = account.terms, account.enrollment.referrer
    looks_like = self_referral(
        referrer=(referrer.host_account, referrer.email),
        account=(account.host_account, account.email),
        rules=(terms.same_account, terms.same_email, terms.same_domain),
    )
    account.account_match = Flag.REFERRER_ACCOUNT_MATCH in looks_like.flags
    account.email_match = Flag.REFERRER_EMAIL_MATCH in looks_like.flags
    account.domain_match = Flag.REFERRER_DOMAIN_MATCH in looks_like.flags
    account.save(update_fields=FLAGS)

    findings = _check(account, at=at, waived=waived)
    unmet = enrollment.unmet_rule(referrer, terms=terms, checked_at=CheckedAt.SIGN_UP)
    if unmet:
        return unmet.reason
    return terms.self_referral_reason if looks_like.refused else first_refusal(findings)


def _check(account: ReferredAccount, *, at: datetime, waived: Collection[str]) -> list[Finding]:
    """Find out about every automatic criterion, and keep what was found."""
    automatic = account.terms.criteria.filter(source=CriterionSource.AUTOMATIC)
    criteria = [criterion for criterion in automatic if criterion.code not in waived]
    results = {criterion: _passes(criterion, account) for criterion in criteria}
    CriterionResult.objects.bulk_create(
        CriterionResult(
            account=account,
            criterion=criterion,
            result=Result.PASS if passed else Result.FAIL,
            found_at=at,
        )
        for criterion, passed in results.items()
    )
    return [
        Finding(criterion.code, passed, criterion.required, criterion.reason)
        for criterion, passed in results.items()
    ]


def _passes(criterion: Criterion, account: ReferredAccount) -> bool:
    match criterion.check_kind:
        case Check.KIND:
            return kind_fits(account.kind, wanted=account.terms.referred_kind)
        case Check.COMPANY_EMAIL:
            return has_company_email(account.email)
        case Check.EVIDENCE:
            required = account.terms.required_evidence.values_list("field", flat=True)
            return is_complete({field: getattr(account, field) for field in required}, required=required)
        case _:
            return not _is_known(criterion, account)


def _is_known(criterion: Criterion, account: ReferredAccount) -> bool:
    """
    Is there an existing customer, or an account that signed up earlier, that is the same?

    Who became a customer through another program of the host is no new one: it never earns in both.
    """
    # An empty e-mail or domain is nobody's.
    compared = {
        Match.HOST_ID: (criterion.match_host_account, {"host_account": account.host_account}),
        Match.EMAIL: (criterion.match_email and account.email, {"email": account.email}),
        Match.DOMAIN: (criterion.match_domain and account.domain, {"domain": account.domain}),
    }
    same = Q(pk__in=[])
    for looks, lookup in compared.values():
        if looks:
            same |= Q(**lookup)

    customers = ExistingCustomer.objects.filter(same, host=account.program.host_id).filter(
        Q(customer_since__isnull=True) | Q(customer_since__lt=account.signed_up_at)
    )
    elsewhere = ReferredAccount.objects.filter(
        same, program__host=account.program.host_id, status=AccountStatus.QUALIFIED
    ).exclude(program=account.program)
    if not criterion.existing_any:
        kinds = {Kind.COMPANY: criterion.existing_companies, Kind.FREELANCER: criterion.existing_freelancers}
        counted = [kind for kind, counts in kinds.items() if counts]
        customers, elsewhere = customers.filter(kind__in=counted), elsewhere.filter(kind__in=counted)
    # Of two that signed up at one instant, the one told first was earlier.
    earlier = Q(signed_up_at__lt=account.signed_up_at) | Q(
        signed_up_at=account.signed_up_at, pk__lt=account.pk
    )
    accounts = ReferredAccount.objects.filter(same, earlier, program=account.program)
    return customers.exists() or accounts.exists() or elsewhere.filter(earlier).exists()
