"""What is looked at when an account signs up, one question at a time."""

import pytest

from referrals.rules.criteria import (
    Finding,
    first_refusal,
    has_company_email,
    is_complete,
    is_eligible,
    kind_fits,
    self_referral,
)

FLAG_ALL = ("FLAG", "FLAG", "FLAG")
ROSA = ("rosa", "rosa@words.example")


def finding(code: str, *, passed: bool, required: bool = True) -> Finding:
    return Finding(code, passed, required, reason=f"no_{code}")


@pytest.mark.parametrize(
    ("findings", "reason"),
    [
        ([], None),
        ([finding("kind", passed=True)], None),
        ([finding("kind", passed=False)], "no_kind"),
        ([finding("kind", passed=True), finding("email", passed=False)], "no_email"),
        ([finding("kind", passed=False), finding("email", passed=False)], "no_kind"),
        ([finding("email", passed=False), finding("kind", passed=False)], "no_email"),
        ([finding("kind", passed=False, required=False)], None),
        ([finding("kind", passed=False, required=False), finding("email", passed=False)], "no_email"),
    ],
)
def test_the_first_required_criterion_that_fails_gives_the_reason(findings, reason):
    assert first_refusal(findings) == reason


@pytest.mark.parametrize(
    ("actual", "operator", "values", "eligible"),
    [
        ("US", "IS", ["US"], True),
        ("us", "IS", ["US"], False),
        ("", "IS", ["US"], False),
        ("DE", "IS_NOT", ["US"], True),
        ("US", "IS_NOT", ["US"], False),
        ("", "IS_NOT", ["US"], True),
        ("CA", "IN", ["US", "CA"], True),
        ("DE", "IN", ["US", "CA"], False),
        ("DE", "NOT_IN", ["US", "CA"], True),
        ("CA", "NOT_IN", ["US", "CA"], False),
        ("false", "IS", ["false"], True),
        ("true", "IS", ["false"], False),
    ],
)
def test_an_eligibility_row_compares_one_attribute(actual, operator, values, eligible):
    assert is_eligible(actual, operator=operator, values=values) is eligible


@pytest.mark.parametrize(
    ("kind", "wanted", "fits"),
    [
        ("COMPANY", "COMPANY", True),
        ("FREELANCER", "COMPANY", False),
        ("", "COMPANY", False),
        ("FREELANCER", "ANY", True),
        ("", "ANY", True),
    ],
)
def test_the_account_is_of_the_kind_the_program_is_for(kind, wanted, fits):
    assert kind_fits(kind, wanted=wanted) is fits


@pytest.mark.parametrize(
    ("email", "is_company"),
    [
        ("office@acme.example", True),
        ("Office@ACME.example ", True),
        ("", False),
        ("acme.example", False),
        ("ann@gmail.com", False),
        ("ann@GMX.de", False),
        ("ann@mailinator.com", False),
    ],
)
def test_a_company_email_is_at_no_public_or_disposable_service(email, is_company):
    assert has_company_email(email) is is_company


@pytest.mark.parametrize(
    ("told", "complete"),
    [
        ({"email": "a@b.example", "phone": "1"}, True),
        ({"email": "a@b.example", "phone": "1", "contact": ""}, True),
        ({"email": "a@b.example"}, False),
        ({"email": "a@b.example", "phone": ""}, False),
        ({"email": "a@b.example", "phone": "  "}, False),
    ],
)
def test_evidence_is_complete_with_everything_the_terms_ask_for(told, complete):
    assert is_complete(told, required=["email", "phone"]) is complete


def test_where_nothing_is_asked_for_nothing_is_missing():
    assert is_complete({}, required=[])


@pytest.mark.parametrize(
    ("account", "flags"),
    [
        (("acme", "office@acme.example"), ()),
        (("acme", ""), ()),
        (("rosa", "office@acme.example"), ("referrer_account_match",)),
        (("ROSA", "office@acme.example"), ()),
        (("acme", " Rosa@WORDS.example"), ("referrer_email_match", "referrer_domain_match")),
        (("acme", "ann@mail.words.example"), ("referrer_domain_match",)),
        (
            ("rosa", "rosa@words.example"),
            ("referrer_account_match", "referrer_email_match", "referrer_domain_match"),
        ),
    ],
)
def test_what_makes_referrer_and_account_look_like_one_raises_a_flag(account, flags):
    found = self_referral(referrer=ROSA, account=account, rules=FLAG_ALL)

    assert (found.flags, found.refused) == (flags, False)


def test_at_a_public_service_the_address_matches_and_the_domain_never_does():
    ann = ("ann", "ann@gmail.com")

    same = self_referral(referrer=ann, account=("acme", "Ann@gmail.com"), rules=FLAG_ALL)
    other = self_referral(referrer=ann, account=("acme", "ben@gmail.com"), rules=FLAG_ALL)

    assert (same.flags, other.flags) == (("referrer_email_match",), ())


def test_two_without_an_email_are_not_the_same():
    found = self_referral(referrer=("rosa", ""), account=("acme", ""), rules=("REJECT", "REJECT", "REJECT"))

    assert (found.flags, found.refused) == ((), False)


@pytest.mark.parametrize(
    ("rules", "flags", "refused"),
    [
        (("REJECT", "REJECT", "FLAG"), ("referrer_domain_match",), True),
        (("REJECT", "FLAG", "FLAG"), ("referrer_email_match", "referrer_domain_match"), False),
        (("ALLOW", "ALLOW", "REJECT"), (), True),
        (("REJECT", "ALLOW", "ALLOW"), (), False),
    ],
)
def test_the_terms_say_what_refuses_and_what_only_raises_a_flag(rules, flags, refused):
    found = self_referral(referrer=ROSA, account=("acme", "rosa@words.example"), rules=rules)

    assert (found.flags, found.refused) == (flags, refused)
