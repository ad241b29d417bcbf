"""
The sections and keys of a program file, in the order of the page that describes them.

Each table below is one table of that page: key, kind of value, default. Rows that depend on
one another are looked at in the function beside their table; what concerns several sections
is in the checks.
"""

from typing import Any

from payouts.rules.program_document import values
from payouts.rules.program_document.keys import (
    Key,
    Keys,
    is_empty,
    mapping,
    refuse_repeated,
    rows,
    takes_no,
    wants,
)
from payouts.rules.program_document.problems import BROKEN, Place, shown
from referrals.rules import money, words
from referrals.rules.facts import EventType

BY_STAFF = "STAFF"


QUOTE = Key("quote", values.text(empty=True), "")

PROGRAM: Keys = (
    Key("slug", values.code),
    Key("name", values.text(at_most=values.NAME_LENGTH)),
    Key("status", values.one_of(words.ProgramStatus), words.ProgramStatus.ACTIVE.value),
    Key("currency", values.currency),
    Key("time_zone", values.time_zone),
    Key("landing_url", values.landing_url),
    Key("undo_minutes", values.number(least=0, most=1440), 10),
)


def _qualified_by(value: Any, at: Place) -> Any:
    return value if value == BY_STAFF else values.code(value, at)


def _check_terms(terms: dict[str, Any], at: Place) -> None:
    if not is_empty(terms["earn_by"]):
        wants(terms, at, ["expired_reason"], "with earn_by")


TERMS: Keys = (
    Key("version", values.number(least=0, most=values.NUMBER_AT_MOST)),
    Key("effective_from", values.moment),
    Key("referred_kind", values.one_of(words.Kind)),
    Key("enrollment", values.one_of(words.EnrollmentMode)),
    Key("enrollment_closes_at", values.moment, None),
    Key("earn_by", values.moment, None),
    Key("qualified_by", _qualified_by),
    Key("expired_reason", values.code, None),
    Key("stacking", values.one_of(words.Stacking), words.Stacking.SUM.value),
    Key("clawback", values.one_of(words.Clawback), words.Clawback.NONE.value),
    QUOTE,
)

ATTRIBUTION: Keys = (
    Key("methods", values.set_of(words.AttributionMethod)),
    Key("touch", values.one_of(words.TouchOrder), words.TouchOrder.LAST.value),
    Key("window_days", values.number(least=1, most=values.DAYS_AT_MOST), 30),
    Key("code_beats_link", values.yes_or_no, default=True),
    Key("old_links_work", values.yes_or_no, default=True),
    Key("old_codes_work", values.yes_or_no, default=True),
    QUOTE,
)

_YES_OR_NO_ATTRIBUTES = (words.Attribute.IS_PARTNER, words.Attribute.MARKETING_OPT_OUT)
_OPERATORS_OF_LISTS = (words.Operator.IN, words.Operator.NOT_IN)


def _check_eligibility(row: dict[str, Any], at: Place) -> None:
    attribute, operator, value = row["attribute"], row["operator"], row["value"]
    if value is not BROKEN and operator is not BROKEN:
        if operator in _OPERATORS_OF_LISTS and not isinstance(value, list):
            at.key("value").refuse(f"must be a list with {operator}, not {shown(value)}")
        if operator not in _OPERATORS_OF_LISTS and isinstance(value, list):
            at.key("value").refuse(f"must be one value with {operator}, not a list")
    if value is not BROKEN and attribute is not BROKEN:
        wanted, meant = (bool, "true or false") if attribute in _YES_OR_NO_ATTRIBUTES else (str, "text")
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, wanted):
                hint = " (put it in quotes)" if wanted is str else ""
                at.key("value").refuse(f"must be {meant} with {attribute}, not {shown(each)}{hint}")
    if row["checked_at"] in (words.CheckedAt.SIGN_UP, words.CheckedAt.RELEASE):
        wants(row, at, ["reason"], f"with checked_at {row['checked_at']}")


ELIGIBILITY: Keys = (
    Key("code", values.code),
    Key("attribute", values.one_of(words.Attribute)),
    Key("operator", values.one_of(words.Operator)),
    Key("value", values.one_or_several(values.yes_no_or_text)),
    Key("checked_at", values.one_of(words.CheckedAt)),
    Key("reason", values.code, None),
    QUOTE,
)

EVIDENCE: Keys = (
    Key("required", values.set_of(words.Evidence, empty=True)),
    QUOTE,
)


def _check_self_referral(section: dict[str, Any], at: Place) -> None:
    rejecting = [
        name
        for name in ("same_account", "same_email", "same_domain")
        if section[name] == words.SelfReferralRule.REJECT
    ]
    if rejecting:
        wants(section, at, ["reason"], f"since {' and '.join(rejecting)} is REJECT")


_SELF_REFERRAL_RULE = values.one_of(words.SelfReferralRule)

SELF_REFERRAL: Keys = (
    Key("same_account", _SELF_REFERRAL_RULE, words.SelfReferralRule.REJECT.value),
    Key("same_email", _SELF_REFERRAL_RULE, words.SelfReferralRule.REJECT.value),
    Key("same_domain", _SELF_REFERRAL_RULE, words.SelfReferralRule.FLAG.value),
    Key("reason", values.code, None),
    QUOTE,
)


def _check_criterion(row: dict[str, Any], at: Place) -> None:
    comparison = ["match", "existing_kinds"]
    if row["source"] == words.CriterionSource.STAFF:
        wants(row, at, ["question"], "with source STAFF")
        takes_no(row, at, ["check", *comparison], "with source STAFF")
        if row["asked"] is None:
            row["asked"] = words.Asked.ALWAYS.value
    if row["source"] == words.CriterionSource.AUTOMATIC:
        wants(row, at, ["check"], "with source AUTOMATIC")
        takes_no(row, at, ["question", "asked"], "with source AUTOMATIC")
        if row["check"] == words.Check.NEW_CUSTOMER:
            wants(row, at, comparison, "with check NEW_CUSTOMER")
        elif isinstance(row["check"], str):
            takes_no(row, at, comparison, f"with check {row['check']}")


# ``asked`` is empty on a row that asks nobody.
CRITERION: Keys = (
    Key("code", values.code),
    Key("source", values.one_of(words.CriterionSource)),
    Key("check", values.one_of(words.Check), None),
    Key("match", values.set_of(words.Match, empty=True), []),
    Key("existing_kinds", values.set_of(("ANY", "COMPANY", "FREELANCER"), empty=True), []),
    Key("question", values.text(empty=True), ""),
    Key("asked", values.one_of(words.Asked), None),
    Key("required", values.yes_or_no, default=True),
    Key("reason", values.code),
    QUOTE,
)

_DECIDED_ELSEWHERE = (words.TestKind.SIGNED_UP, words.TestKind.QUALIFIED)


def _check_test(test: dict[str, Any], at: Place) -> None:
    kind = test["test"]
    if kind is BROKEN:
        return
    if kind in _DECIDED_ELSEWHERE:
        takes_no(test, at, [name for name in test if name != "test"], f"with test {kind}")
        return
    wants(test, at, ["events"], f"with test {kind}")
    if kind == words.TestKind.TOTAL:
        wants(test, at, ["at_least"], "with test TOTAL")
        least = test["at_least"]
        if isinstance(least, str) and at.currency and money.to_minor(least, at.currency) == 0:
            at.key("at_least").refuse(f"must be more than zero with test TOTAL, not {shown(least)}")


TEST: Keys = (
    Key("test", values.one_of(words.TestKind)),
    Key("events", values.set_of(EventType, empty=True), []),
    Key("undone_by", values.set_of(EventType, empty=True), []),
    Key("product", values.code, None),
    Key("category", values.code, None),
    Key("at_least", values.amount(), None),
    Key("before", values.moment, None),
    Key("within_days", values.number(least=0, most=values.DAYS_AT_MOST), None),
)


def _check_milestone(row: dict[str, Any], at: Place) -> None:
    written = [name for name in ("any", "all") if row[name] is not None]
    if len(written) != 1:
        at.refuse(f"must have either any or all, {'not both' if written else 'and has neither'}")
        return
    [unused] = {"any", "all"} - {*written}
    del row[unused]


_TESTS = rows(TEST, and_check=_check_test, named_by_code=False)

# Of ``any`` and ``all`` a canonical row has the one that is used.
MILESTONE: Keys = (
    Key("code", values.code),
    Key("label", values.text(at_most=values.NAME_LENGTH)),
    Key("definition", values.text()),
    Key("funnel", values.number(least=0), None),
    Key("after", values.list_of(values.code, empty=True), []),
    Key("any", _TESTS, None),
    Key("all", _TESTS, None),
    QUOTE,
)


def _read_milestones(value: Any, at: Place) -> Any:
    milestones = rows(MILESTONE, and_check=_check_milestone)(value, at)
    if milestones is not BROKEN:
        refuse_repeated(milestones, at, "funnel")
    return milestones


_FOR_REFERRED = (words.RewardKind.DISCOUNT, words.RewardKind.FREE_MONTHS)
_FOR_REFERRER = (words.RewardKind.ACCOUNT_BALANCE, words.RewardKind.CASH)


def _check_reward(row: dict[str, Any], at: Place) -> None:
    kind, beneficiary, recurrence = row["kind"], row["beneficiary"], row["recurrence"]
    if kind == words.RewardKind.FREE_MONTHS:
        wants(row, at, ["quantity"], "with kind FREE_MONTHS")
        takes_no(row, at, ["amount"], "with kind FREE_MONTHS")
    elif kind is not BROKEN:
        wants(row, at, ["amount"], f"with kind {kind}")
        takes_no(row, at, ["quantity"], f"with kind {kind}")
    if kind in _FOR_REFERRED and beneficiary == words.Beneficiary.REFERRER:
        at.key("kind").refuse(f"{kind} is for beneficiary REFERRED only")
    if kind in _FOR_REFERRER and beneficiary == words.Beneficiary.REFERRED:
        at.key("kind").refuse(f"{kind} is for beneficiary REFERRER only")
    if kind == words.RewardKind.ACCOUNT_CREDIT and row["withdrawable"] is True:
        at.key("withdrawable").refuse("ACCOUNT_CREDIT is never withdrawable")
    if recurrence == words.Recurrence.MONTHLY:
        wants(row, at, ["each_month_on"], "with recurrence MONTHLY")
        if beneficiary == words.Beneficiary.REFERRED:
            at.key("recurrence").refuse("MONTHLY is for beneficiary REFERRER only")
    if recurrence == words.Recurrence.ONCE:
        takes_no(row, at, ["each_month_on"], "with recurrence ONCE")


REWARD: Keys = (
    Key("code", values.code),
    Key("beneficiary", values.one_of(words.Beneficiary)),
    Key("requires", values.list_of(values.code)),
    Key("kind", values.one_of(words.RewardKind)),
    Key("amount", values.amount(positive=True), None),
    Key("quantity", values.number(least=1), None),
    Key("product", values.code, None),
    Key("recurrence", values.one_of(words.Recurrence), words.Recurrence.ONCE.value),
    Key("each_month_on", values.first_or_last, None),
    Key("cap", values.number(least=1, most=values.NUMBER_AT_MOST), None),
    Key("withdrawable", values.yes_or_no, default=False),
    Key("transferable", values.yes_or_no, default=False),
    Key("fee_exempt", values.yes_or_no, default=False),
    QUOTE,
)

PAYOUT_SCHEDULE: Keys = (
    Key("anchor", values.one_of(words.Anchor)),
    Key("month_offset", values.number(least=0, most=24)),
    Key("opens", values.point),
    Key("closes", values.point),
    Key("calendar", values.text(), None),
    Key("time_zone", values.time_zone, None),
    Key("condition", values.one_of(words.Condition), words.Condition.NONE.value),
    Key("if_paused", values.one_of(words.IfNotActive), words.IfNotActive.WAIT.value),
    Key("if_past_due", values.one_of(words.IfNotActive), words.IfNotActive.WAIT.value),
    Key("minimum", values.amount(), None),
    Key("release", values.one_of(words.Release)),
    Key("late_policy", values.one_of(words.LatePolicy), words.LatePolicy.NEXT_RUN.value),
    QUOTE,
)


def _check_calling(section: dict[str, Any], at: Place) -> None:
    opens, closes = section["opens"], section["closes"]
    if opens is not BROKEN and closes is not BROKEN and closes <= opens:
        at.key("closes").refuse(f"must be later than opens, {opens}, and is {closes}")


CALLING: Keys = (
    Key("days", values.set_of(words.Weekday)),
    Key("opens", values.time_of_day),
    Key("closes", values.time_of_day),
    Key("max_attempts", values.number(least=1)),
    Key("give_up_after_business_days", values.number(least=0)),
    Key("unreachable_reason", values.code),
    QUOTE,
)

CALL_OUTCOME: Keys = (
    Key("code", values.capital_code),
    Key("label", values.text(at_most=values.NAME_LENGTH)),
    Key("connected", values.yes_or_no),
    Key("final", values.yes_or_no, default=False),
    Key("retry_after_hours", values.number(least=0, most=values.DAYS_AT_MOST), None),
    Key("next_step", values.text(empty=True), ""),
)

REJECTION_REASON: Keys = (
    Key("code", values.code),
    Key("internal", values.text()),
    Key("public", values.text()),
    Key("shown", values.yes_or_no, default=True),
    Key("reopenable", values.yes_or_no, default=True),
)

SHARE_TEXT: Keys = (
    Key("language", values.language),
    Key("channel", values.one_of(words.Channel)),
    Key("text", values.share_text),
)

# Belongs to the program, not to its terms: the law sets it for all payments, whatever terms they come from.
TAX_FORM: Keys = (
    Key("above", values.amount()),
    QUOTE,
)

SECTIONS: Keys = (
    Key("format", values.format_version),
    Key("program", mapping(PROGRAM)),
    Key("terms", mapping(TERMS, and_check=_check_terms)),
    Key("attribution", mapping(ATTRIBUTION)),
    Key("eligibility", rows(ELIGIBILITY, and_check=_check_eligibility, empty=True), []),
    Key("evidence", mapping(EVIDENCE)),
    Key("self_referral", mapping(SELF_REFERRAL, and_check=_check_self_referral)),
    Key("criteria", rows(CRITERION, and_check=_check_criterion, empty=True), []),
    Key("milestones", _read_milestones),
    Key("rewards", rows(REWARD, and_check=_check_reward)),
    Key("payout_schedule", mapping(PAYOUT_SCHEDULE)),
    Key("calling", mapping(CALLING, and_check=_check_calling), None),
    Key("call_outcomes", rows(CALL_OUTCOME, empty=True), []),
    Key("rejection_reasons", rows(REJECTION_REASON)),
    Key("share_texts", rows(SHARE_TEXT, empty=True, named_by_code=False), []),
    Key("tax_form", mapping(TAX_FORM), None),
)
