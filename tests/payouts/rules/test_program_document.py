"""Program files as documents: what is refused and where, and that nothing is lost on the way."""

import json
from copy import deepcopy
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

import referrals
from payouts.rules import program_document
from payouts.rules.program_document import NotYaml, Problem, check, dump, fingerprint, parse
from referrals.rules.business_days import BusinessDays

PROGRAMS = Path(referrals.__file__).parent / "programs"
SLUGS = ["smartcat", "smithai", "smithai-legacy", "upwork-2019"]
WITHOUT_BUSINESS_DAYS = BusinessDays(frozenset(date(2024, 2, day) for day in range(1, 30)))
CALENDARS = {"US-FED": BusinessDays(frozenset({date(2026, 7, 3)})), "EU-TARGET": BusinessDays()}
COMPARED = {
    "terms",
    "attribution",
    "eligibility",
    "evidence",
    "self_referral",
    "criteria",
    "milestones",
    "rewards",
    "payout_schedule",
    "calling",
    "rejection_reasons",
}


def text_of(slug):
    return (PROGRAMS / f"{slug}.yaml").read_text(encoding="utf-8")


def written(slug):
    """The program file as YAML gives it."""
    document, problems = parse(text_of(slug))
    assert problems == []
    return document


def canonical(slug):
    document, problems = check(written(slug), CALENDARS)
    assert problems == []
    return document


def problems_after(slug, changes):
    document, nowhere = program_document.changed(written(slug), changes)
    assert nowhere == []
    return check(document, CALENDARS)[1]


@pytest.mark.parametrize("slug", SLUGS)
def test_the_four_programs_are_right_and_survive_writing_and_reading(slug):
    document = canonical(slug)

    again, twice = parse(dump(document))

    assert twice == []
    assert check(again, CALENDARS) == (document, [])
    assert check(document, CALENDARS) == (document, [])


@pytest.mark.parametrize("slug", SLUGS)
def test_what_is_written_looks_like_what_was_read(slug):
    """Another reader of YAML sees the same values, apart from keys that say the default."""

    def told(value):
        if isinstance(value, dict):
            return {key: told(each) for key, each in value.items() if each not in (None, "", [], True, False)}
        return [told(each) for each in value] if isinstance(value, list) else value

    read_by_others = yaml.safe_load(dump(canonical(slug)))

    original = yaml.safe_load(text_of(slug))
    for row in read_by_others["rewards"]:
        row.pop("recurrence")
    for row in original["rewards"]:
        row.pop("recurrence")
    assert told(read_by_others) == told(original)


def test_everything_has_its_default_in_the_order_of_the_page():
    document = canonical("smithai-legacy")

    assert list(document) == [
        "format",
        "program",
        "terms",
        "attribution",
        "eligibility",
        "evidence",
        "self_referral",
        "criteria",
        "milestones",
        "rewards",
        "payout_schedule",
        "calling",
        "call_outcomes",
        "rejection_reasons",
        "share_texts",
        "tax_form",
    ]
    assert (document["calling"], document["call_outcomes"], document["share_texts"]) == (None, [], [])
    assert document["criteria"] == [
        {
            "code": "first_time_client",
            "source": "AUTOMATIC",
            "check": "NEW_CUSTOMER",
            "match": ["HOST_ID", "EMAIL"],
            "existing_kinds": ["ANY"],
            "question": "",
            "asked": None,
            "required": True,
            "reason": "not_first_time_client",
            "quote": "",
        }
    ]
    assert document["milestones"][1] == {
        "code": "became_client",
        "label": "Clients",
        "definition": "Signed up and became a client.",
        "funnel": 2,
        "after": [],
        "any": [
            {
                "test": "OCCURRED",
                "events": ["account.activated"],
                "undone_by": [],
                "product": None,
                "category": None,
                "at_least": None,
                "before": None,
                "within_days": None,
            }
        ],
        "quote": "is a client with Smith.ai",
    }
    assert document["rewards"] == [
        {
            "code": "monthly_credit",
            "beneficiary": "REFERRER",
            "requires": ["became_client"],
            "kind": "ACCOUNT_CREDIT",
            "amount": "25.00",
            "quantity": None,
            "product": None,
            "recurrence": "MONTHLY",
            "each_month_on": -1,
            "cap": None,
            "withdrawable": False,
            "transferable": False,
            "fee_exempt": False,
            "quote": "for as long as",
        }
    ]


def test_null_and_leaving_a_key_out_mean_the_same():
    document = written("upwork-2019")
    for section in ("program", "terms", "attribution", "payout_schedule"):
        for key in [*document[section]]:
            if document[section][key] is None:
                del document[section][key]
    document["calling"] = document["share_texts"] = document["eligibility"][0]["quote"] = None

    without_quote, _ = program_document.changed(
        canonical("upwork-2019"), {"eligibility.not_opted_out.quote": ""}
    )
    assert check(document, CALENDARS) == (without_quote, [])


def test_defaults_are_those_of_the_page():
    document = written("smartcat")
    document["program"] = {
        key: document["program"][key] for key in ("slug", "name", "currency", "time_zone", "landing_url")
    }
    document["attribution"] = {"methods": ["MANUAL", "LINK"]}
    document["self_referral"] = {"reason": "suspected_fraud"}
    document["call_outcomes"] = [{"code": "NO", "label": "No", "connected": False}]
    document["rejection_reasons"] = [
        {key: row[key] for key in ("code", "internal", "public")} for row in document["rejection_reasons"]
    ]
    for key in ("stacking", "clawback", "quote"):
        del document["terms"][key]
    document["payout_schedule"] = {
        key: document["payout_schedule"][key]
        for key in ("anchor", "month_offset", "opens", "closes", "release")
    }

    read, problems = check(document, CALENDARS)

    assert problems == []
    assert (read["program"]["status"], read["program"]["undo_minutes"]) == ("ACTIVE", 10)
    assert (read["terms"]["stacking"], read["terms"]["clawback"], read["terms"]["quote"]) == (
        "SUM",
        "NONE",
        "",
    )
    assert read["attribution"] == {
        "methods": ["LINK", "MANUAL"],
        "touch": "LAST",
        "window_days": 30,
        "code_beats_link": True,
        "old_links_work": True,
        "old_codes_work": True,
        "quote": "",
    }
    assert read["self_referral"] == {
        "same_account": "REJECT",
        "same_email": "REJECT",
        "same_domain": "FLAG",
        "reason": "suspected_fraud",
        "quote": "",
    }
    assert read["call_outcomes"] == [
        {
            "code": "NO",
            "label": "No",
            "connected": False,
            "final": False,
            "retry_after_hours": None,
            "next_step": "",
        }
    ]
    assert {(row["shown"], row["reopenable"]) for row in read["rejection_reasons"]} == {(True, True)}
    assert read["payout_schedule"] == {
        "anchor": "BONUS_ACTIVATED",
        "month_offset": 1,
        "opens": {"day": 16},
        "closes": {"day": -1},
        "calendar": None,
        "time_zone": None,
        "condition": "NONE",
        "if_paused": "WAIT",
        "if_past_due": "WAIT",
        "minimum": None,
        "release": "AUTOMATIC",
        "late_policy": "NEXT_RUN",
        "quote": "",
    }


TEST = "milestones.qualifying_purchase.any.1"
TEST_PATH = "milestones[qualifying_purchase].any[1]"
QUALIFIED_TEST = {"code": "seen", "label": "Seen", "definition": "Seen.", "any": [{"test": "QUALIFIED"}]}

REFUSALS = [
    # format and program
    ("smartcat", {"format": 2}, "format", "must be 1, not 2"),
    ("smartcat", {"format": "1"}, "format", "not '1'"),
    ("smartcat", {"format": True}, "format", "not true"),
    ("smartcat", {"format": None}, "format", "is required"),
    ("smartcat", {"prices": []}, "prices", "is not known"),
    ("smartcat", {"program.colour": "red"}, "program.colour", "is not known"),
    ("smartcat", {"program.slug": "Smart Cat"}, "program.slug", "'Smart Cat'"),
    ("smartcat", {"program.slug": "s" * 65}, "program.slug", "64"),
    ("smartcat", {"program.name": "  "}, "program.name", "must not be empty"),
    ("smartcat", {"program.name": 2019}, "program.name", "put it in quotes"),
    ("smartcat", {"program.name": "nul \0"}, "program.name", "\\x00"),
    ("smartcat", {"program.name": "half \ud800"}, "program.name", "\\ud800"),
    ("smartcat", {"program.name": None}, "program.name", "is required"),
    ("smartcat", {"program.name": "n" * 201}, "program.name", "at most 200 characters"),
    ("smartcat", {"program.landing_url": ""}, "program.landing_url", "must not be empty"),
    ("smartcat", {"program.status": "OPEN"}, "program.status", "DRAFT, ACTIVE, PAUSED or ENDED, not 'OPEN'"),
    ("smartcat", {"program.currency": "USDollar"}, "program.currency", "'USDollar'"),
    ("smartcat", {"program.time_zone": "Mars/Base"}, "program.time_zone", "'Mars/Base'"),
    ("smartcat", {"program.landing_url": "http://a.example"}, "program.landing_url", "https"),
    ("smartcat", {"program.landing_url": "https://"}, "program.landing_url", "host"),
    ("smartcat", {"program.landing_url": "https://[x"}, "program.landing_url", "host"),
    ("smartcat", {"program.landing_url": "https://a.example:port/"}, "program.landing_url", "host"),
    ("smartcat", {"program.landing_url": "https://a\\@b.example"}, "program.landing_url", "host"),
    ("smartcat", {"program.undo_minutes": 1441}, "program.undo_minutes", "from 0 to 1440, not 1441"),
    ("smartcat", {"program.undo_minutes": True}, "program.undo_minutes", "whole number, not true"),
    ("smartcat", {"program.undo_minutes": "10"}, "program.undo_minutes", "whole number, not '10'"),
    # terms
    ("smartcat", {"terms": []}, "terms", "must be a mapping"),
    ("smartcat", {"terms.version": None}, "terms.version", "is required"),
    ("smartcat", {"terms.version": 1.5}, "terms.version", "whole number"),
    ("smartcat", {"terms.version": -1}, "terms.version", "from 0"),
    ("smartcat", {"terms.effective_from": 20240101}, "terms.effective_from", "must be a date"),
    ("smartcat", {"terms.effective_from": "2024-02-30"}, "terms.effective_from", "'2024-02-30'"),
    ("smartcat", {"terms.effective_from": "soon"}, "terms.effective_from", "'soon'"),
    ("smartcat", {"terms.effective_from": "0001-01-01T00:00:00+14:00"}, "terms.effective_from", "date"),
    ("upwork-2019", {"terms.earn_by": "2019-04-16T00:00:00"}, "terms.earn_by", "needs its offset"),
    ("smartcat", {"terms.referred_kind": "company"}, "terms.referred_kind", "'company'"),
    ("smartcat", {"terms.enrollment": "CLOSED"}, "terms.enrollment", "'CLOSED'"),
    ("smithai", {"terms.qualified_by": "paid"}, "terms.qualified_by", "no milestone 'paid'"),
    ("smartcat", {"terms.qualified_by": "EVERYBODY"}, "terms.qualified_by", "'EVERYBODY'"),
    ("smartcat", {"terms.earn_by": "2026-06-01"}, "terms.expired_reason", "is required with earn_by"),
    ("upwork-2019", {"terms.expired_reason": "late"}, "terms.expired_reason", "no rejection reason 'late'"),
    ("smartcat", {"terms.stacking": "BOTH"}, "terms.stacking", "'BOTH'"),
    ("smartcat", {"terms.clawback": True}, "terms.clawback", "not true"),
    # attribution
    ("smartcat", {"attribution": None}, "attribution", "is required"),
    ("smartcat", {"attribution.methods": []}, "attribution.methods", "must not be empty"),
    ("smartcat", {"attribution.methods": "LINK"}, "attribution.methods", "must be a list"),
    ("smartcat", {"attribution.methods": ["LINK", "FAX"]}, "attribution.methods", "'FAX'"),
    (
        "smartcat",
        {"attribution.methods": ["LINK", "LINK"]},
        "attribution.methods",
        "'LINK' stands there twice",
    ),
    ("smartcat", {"attribution.touch": "BEST"}, "attribution.touch", "'BEST'"),
    ("smartcat", {"attribution.window_days": 0}, "attribution.window_days", "from 1"),
    (
        "smartcat",
        {"attribution.old_links_work": "yes"},
        "attribution.old_links_work",
        "true or false, not 'yes'",
    ),
    ("smartcat", {"attribution.quote": 1}, "attribution.quote", "must be text"),
    # eligibility
    (
        "upwork-2019",
        {"eligibility.in_the_us.attribute": "city"},
        "eligibility[in_the_us].attribute",
        "'city'",
    ),
    ("upwork-2019", {"eligibility.in_the_us.operator": "LIKE"}, "eligibility[in_the_us].operator", "'LIKE'"),
    ("upwork-2019", {"eligibility.in_the_us.operator": "IN"}, "eligibility[in_the_us].value", "list with IN"),
    ("upwork-2019", {"eligibility.in_the_us.value": ["US"]}, "eligibility[in_the_us].value", "not a list"),
    ("upwork-2019", {"eligibility.in_the_us.value": False}, "eligibility[in_the_us].value", "in quotes"),
    ("upwork-2019", {"eligibility.in_the_us.value": 1}, "eligibility[in_the_us].value", "not 1"),
    ("upwork-2019", {"eligibility.in_the_us.value": None}, "eligibility[in_the_us].value", "is required"),
    (
        "smithai",
        {"eligibility.not_a_partner.value": "no"},
        "eligibility[not_a_partner].value",
        "true or false",
    ),
    (
        "upwork-2019",
        {"eligibility.in_the_us.checked_at": "EVER"},
        "eligibility[in_the_us].checked_at",
        "'EVER'",
    ),
    ("upwork-2019", {"eligibility.in_the_us.reason": None}, "eligibility[in_the_us].reason", "SIGN_UP"),
    ("upwork-2019", {"eligibility.in_the_us.reason": "far"}, "eligibility[in_the_us].reason", "'far'"),
    # evidence and self_referral
    ("smartcat", {"evidence": None}, "evidence", "is required"),
    ("smartcat", {"evidence": {}}, "evidence.required", "is required"),
    ("smartcat", {"evidence.required": ["email", "fax"]}, "evidence.required", "'fax'"),
    ("smartcat", {"self_referral": None}, "self_referral.reason", "same_account and same_email is REJECT"),
    ("smartcat", {"self_referral.same_domain": "REJECT"}, "self_referral.reason", "is required"),
    ("smithai", {"self_referral.reason": "me"}, "self_referral.reason", "'me'"),
    # criteria
    ("smartcat", {"criteria.company_email.code": "not_lsp"}, "criteria[not_lsp].code", "used twice"),
    ("smartcat", {"criteria.company_email.source": "ORACLE"}, "criteria[company_email].source", "'ORACLE'"),
    ("smartcat", {"criteria.company_email.check": None}, "criteria[company_email].check", "is required"),
    (
        "smartcat",
        {"criteria.company_email.question": "Is it?"},
        "criteria[company_email].question",
        "not taken",
    ),
    ("smartcat", {"criteria.company_email.asked": "ALWAYS"}, "criteria[company_email].asked", "not taken"),
    ("smartcat", {"criteria.company_email.match": ["EMAIL"]}, "criteria[company_email].match", "not taken"),
    (
        "smartcat",
        {"criteria.not_registered_before.match": None},
        "criteria[not_registered_before].match",
        "NEW_C",
    ),
    (
        "smartcat",
        {"criteria.not_registered_before.existing_kinds": ["ALL"]},
        "criteria[not_registered_before].existing_kinds",
        "'ALL'",
    ),
    ("smartcat", {"criteria.not_lsp.question": None}, "criteria[not_lsp].question", "is required"),
    (
        "smartcat",
        {"criteria.not_lsp.check": "KIND"},
        "criteria[not_lsp].check",
        "not taken with source STAFF",
    ),
    ("smartcat", {"criteria.not_lsp.reason": None}, "criteria[not_lsp].reason", "is required"),
    ("smartcat", {"criteria.not_lsp.reason": "lsp"}, "criteria[not_lsp].reason", "no rejection reason 'lsp'"),
    # milestones
    ("smithai-legacy", {"rewards": 25}, "rewards", "must be a list, not 25"),
    ("smartcat", {"milestones.subscribed.label": ""}, "milestones[subscribed].label", "must not be empty"),
    ("smartcat", {"milestones.subscribed.funnel": 3}, "milestones[qualifying_purchase].funnel", "used twice"),
    (
        "smartcat",
        {"milestones.subscribed.after": ["paid"]},
        "milestones[subscribed].after",
        "milestone 'paid'",
    ),
    ("smartcat", {"milestones.subscribed.after": ["subscribed"]}, "milestones[subscribed].after", "circle"),
    ("smartcat", {"milestones.subscribed.any": None}, "milestones[subscribed]", "has neither"),
    (
        "smartcat",
        {"milestones.subscribed.all": [{"test": "SIGNED_UP"}]},
        "milestones[subscribed]",
        "not both",
    ),
    ("smartcat", {"milestones.subscribed.any": []}, "milestones[subscribed].any", "must not be empty"),
    ("smartcat", {f"{TEST}.test": "EVER"}, f"{TEST_PATH}.test", "'EVER'"),
    ("smartcat", {f"{TEST}.events": None}, f"{TEST_PATH}.events", "is required with test TOTAL"),
    ("smartcat", {f"{TEST}.events": ["payment.lost"]}, f"{TEST_PATH}.events", "'payment.lost'"),
    ("smartcat", {f"{TEST}.undone_by": ["payment.lost"]}, f"{TEST_PATH}.undone_by", "'payment.lost'"),
    ("smartcat", {f"{TEST}.product": "Pro Plan"}, f"{TEST_PATH}.product", "'Pro Plan'"),
    ("smartcat", {f"{TEST}.at_least": None}, f"{TEST_PATH}.at_least", "is required with test TOTAL"),
    ("smartcat", {f"{TEST}.at_least": "0.00"}, f"{TEST_PATH}.at_least", "more than zero"),
    ("smartcat", {f"{TEST}.at_least": 5000.0}, f"{TEST_PATH}.at_least", "5000.0"),
    ("smartcat", {f"{TEST}.before": "2024-01-01T00:00"}, f"{TEST_PATH}.before", "needs its offset"),
    ("smartcat", {f"{TEST}.within_days": -1}, f"{TEST_PATH}.within_days", "from 0"),
    ("smartcat", {f"{TEST}.quote": "words"}, f"{TEST_PATH}.quote", "is not known"),
    (
        "smartcat",
        {"milestones.signed_up.any.0.within_days": 3},
        "milestones[signed_up].any[0].within_days",
        "not taken with test SIGNED_UP",
    ),
    (
        "smartcat",
        {"milestones.qualified.any.0.events": ["invoice.paid"]},
        "milestones[qualified].any[0].events",
        "not taken with test QUALIFIED",
    ),
    ("smithai", {"milestones.seen": QUALIFIED_TEST}, "milestones[seen].any[0].test", "STAFF only"),
    # rewards
    ("smartcat", {"rewards": []}, "rewards", "must not be empty"),
    ("smartcat", {"rewards.new_customer.beneficiary": "BOTH"}, "rewards[new_customer].beneficiary", "'BOTH'"),
    (
        "smartcat",
        {"rewards.new_customer.requires": []},
        "rewards[new_customer].requires",
        "must not be empty",
    ),
    (
        "smartcat",
        {"rewards.new_customer.requires": ["x"]},
        "rewards[new_customer].requires",
        "no milestone 'x'",
    ),
    ("smartcat", {"rewards.new_customer.kind": "DISCOUNT"}, "rewards[new_customer].kind", "REFERRED only"),
    ("smithai", {"rewards.friend_discount.kind": "CASH"}, "rewards[friend_discount].kind", "REFERRER only"),
    ("smartcat", {"rewards.new_customer.amount": None}, "rewards[new_customer].amount", "is required"),
    ("smartcat", {"rewards.new_customer.amount": 100}, "rewards[new_customer].amount", "text in quotes"),
    ("smartcat", {"rewards.new_customer.amount": "-1.00"}, "rewards[new_customer].amount", "never negative"),
    ("smartcat", {"rewards.new_customer.amount": "100.0"}, "rewards[new_customer].amount", "2 decimals"),
    ("smartcat", {"rewards.new_customer.amount": "0.00"}, "rewards[new_customer].amount", "more than zero"),
    ("smartcat", {"rewards.new_customer.quantity": 2}, "rewards[new_customer].quantity", "not taken"),
    (
        "upwork-2019",
        {"rewards.freelancer_plus.quantity": None},
        "rewards[freelancer_plus].quantity",
        "required",
    ),
    ("upwork-2019", {"rewards.freelancer_plus.quantity": 0}, "rewards[freelancer_plus].quantity", "from 1"),
    (
        "upwork-2019",
        {"rewards.freelancer_plus.amount": "1.00"},
        "rewards[freelancer_plus].amount",
        "not taken",
    ),
    ("smithai", {"rewards.voice.recurrence": "WEEKLY"}, "rewards[voice].recurrence", "'WEEKLY'"),
    ("smithai", {"rewards.voice.recurrence": "MONTHLY"}, "rewards[voice].each_month_on", "is required"),
    ("smithai", {"rewards.voice.each_month_on": 1}, "rewards[voice].each_month_on", "not taken"),
    (
        "smithai-legacy",
        {"rewards.monthly_credit.each_month_on": 15},
        "rewards[monthly_credit].each_month_on",
        "1 (the first day) or -1 (the last day), not 15",
    ),
    (
        "smithai",
        {"rewards.friend_discount.recurrence": "MONTHLY", "rewards.friend_discount.each_month_on": 1},
        "rewards[friend_discount].recurrence",
        "REFERRER only",
    ),
    ("smithai", {"rewards.voice.cap": 0}, "rewards[voice].cap", "from 1"),
    (
        "smithai-legacy",
        {"rewards.monthly_credit.withdrawable": True},
        "rewards[monthly_credit].withdrawable",
        "never withdrawable",
    ),
    # payout_schedule
    ("smartcat", {"payout_schedule.anchor": "SIGN_UP"}, "payout_schedule.anchor", "'SIGN_UP'"),
    ("smartcat", {"payout_schedule.anchor": "MONTH_END"}, "payout_schedule.anchor", "ONCE is new_customer"),
    (
        "smartcat",
        {"payout_schedule.month_offset": 25},
        "payout_schedule.month_offset",
        "from 0 to 24, not 25",
    ),
    ("smartcat", {"payout_schedule.opens": 16}, "payout_schedule.opens", "{day: n}"),
    ("smartcat", {"payout_schedule.opens": {}}, "payout_schedule.opens", "either"),
    ("smartcat", {"payout_schedule.opens": {"day": 1, "business_day": 1}}, "payout_schedule.opens", "either"),
    ("smartcat", {"payout_schedule.opens": {"week": 1}}, "payout_schedule.opens.week", "is not known"),
    ("smartcat", {"payout_schedule.opens": {"day": 0}}, "payout_schedule.opens.day", "not 0"),
    ("smartcat", {"payout_schedule.opens": {"day": 32}}, "payout_schedule.opens.day", "not 32"),
    ("smartcat", {"payout_schedule.opens": {"day": "16"}}, "payout_schedule.opens.day", "'16'"),
    (
        "smartcat",
        {"payout_schedule.closes": {"business_day": -24}},
        "payout_schedule.closes.business_day",
        "-24",
    ),
    ("smartcat", {"payout_schedule.closes": {"day": 15}}, "payout_schedule.closes", "first in 2016-01"),
    (
        "smartcat",
        {"payout_schedule.opens": {"day": 3}, "payout_schedule.closes": {"business_day": 1}},
        "payout_schedule.closes",
        "first in 2016-01: opens 2016-01-03, closes 2016-01-01",
    ),
    ("smartcat", {"payout_schedule.calendar": "MOON"}, "payout_schedule.calendar", "EU-TARGET, US-FED"),
    ("smartcat", {"payout_schedule.calendar": 1}, "payout_schedule.calendar", "must be text"),
    ("smartcat", {"payout_schedule.time_zone": "PST8"}, "payout_schedule.time_zone", "'PST8'"),
    ("smartcat", {"payout_schedule.condition": "HAPPY"}, "payout_schedule.condition", "'HAPPY'"),
    ("smartcat", {"payout_schedule.if_paused": "ASK"}, "payout_schedule.if_paused", "'ASK'"),
    ("smartcat", {"payout_schedule.minimum": "50"}, "payout_schedule.minimum", "'50'"),
    ("smartcat", {"payout_schedule.release": None}, "payout_schedule.release", "is required"),
    ("smartcat", {"payout_schedule.late_policy": "NEVER"}, "payout_schedule.late_policy", "'NEVER'"),
    # calling, call outcomes, reasons, share texts
    ("smartcat", {"calling.days": ["MON", "FUN"]}, "calling.days", "'FUN'"),
    ("smartcat", {"calling.opens": "9:00"}, "calling.opens", "'9:00'"),
    ("smartcat", {"calling.opens": "24:00"}, "calling.opens", "'24:00'"),
    ("smartcat", {"calling.closes": "09:00"}, "calling.closes", "later than opens"),
    ("smartcat", {"calling.max_attempts": None}, "calling.max_attempts", "is required"),
    ("smartcat", {"calling.max_attempts": 0}, "calling.max_attempts", "from 1"),
    (
        "smartcat",
        {"calling.give_up_after_business_days": -1},
        "calling.give_up_after_business_days",
        "from 0",
    ),
    ("smartcat", {"calling.unreachable_reason": "gone"}, "calling.unreachable_reason", "'gone'"),
    ("smartcat", {"call_outcomes.BUSY.code": "Busy"}, "call_outcomes[Busy].code", "upper-case"),
    ("smartcat", {"call_outcomes.BUSY.connected": None}, "call_outcomes[BUSY].connected", "is required"),
    (
        "smartcat",
        {"call_outcomes.BUSY.retry_after_hours": -2},
        "call_outcomes[BUSY].retry_after_hours",
        "from 0",
    ),
    ("smartcat", {"call_outcomes.BUSY.next_step": ["x"]}, "call_outcomes[BUSY].next_step", "not a list"),
    ("smithai-legacy", {"rejection_reasons": {}}, "rejection_reasons", "must be a list, not a mapping"),
    (
        "smartcat",
        {"rejection_reasons.incomplete.public": ""},
        "rejection_reasons[incomplete].public",
        "empty",
    ),
    ("smartcat", {"rejection_reasons.incomplete.shown": 1}, "rejection_reasons[incomplete].shown", "not 1"),
    ("smartcat", {"share_texts.0.text": "Come!"}, "share_texts[0].text", "{link}"),
    ("smartcat", {"share_texts.0.text": None}, "share_texts[0].text", "is required"),
    ("smartcat", {"share_texts.0.channel": "FAX"}, "share_texts[0].channel", "'FAX'"),
    ("smartcat", {"share_texts.1.language": False}, "share_texts[1].language", "put it in quotes"),
]


@pytest.mark.parametrize(
    ("slug", "changes", "path", "words"), REFUSALS, ids=[f"{path}: {words}" for _, _, path, words in REFUSALS]
)
def test_one_wrong_value_is_refused_where_it_stands(slug, changes, path, words):
    problems = problems_after(slug, changes)

    assert [problem.path for problem in problems] == [path]
    assert words in problems[0].message


def test_a_required_question_must_always_be_asked_where_staff_qualify():
    staff = [row["code"] for row in written("smartcat")["criteria"] if row["source"] == "STAFF"]
    when_flagged = {f"criteria.{code}.asked": "WHEN_FLAGGED" for code in staff}
    not_required = {f"criteria.{code}.required": False for code in staff}

    assert [problem.path for problem in problems_after("smartcat", when_flagged)] == ["terms.qualified_by"]
    assert [problem.path for problem in problems_after("smartcat", not_required)] == ["terms.qualified_by"]
    assert problems_after("smartcat", {**when_flagged, "criteria.not_lsp.asked": None}) == []


def test_a_circle_is_told_at_each_milestone_in_it_and_at_no_other():
    problems = problems_after(
        "smartcat",
        {
            "milestones.signed_up.after": ["subscribed"],
            "milestones.subscribed.after": ["signed_up"],
            "milestones.qualified.after": ["subscribed"],
        },
    )

    assert [problem.path for problem in problems] == [
        "milestones[signed_up].after",
        "milestones[subscribed].after",
    ]


def test_references_to_sections_that_cannot_be_read_are_not_told_as_well():
    assert [problem.path for problem in problems_after("smartcat", {"milestones": "many"})] == ["milestones"]
    assert [problem.path for problem in problems_after("smartcat", {"criteria": "many"})] == ["criteria"]


def test_a_window_upside_down_is_told_beside_an_unknown_calendar():
    problems = problems_after(
        "smithai", {"payout_schedule.calendar": "MOON", "payout_schedule.opens": {"business_day": 16}}
    )

    assert [problem.path for problem in problems] == ["payout_schedule.calendar", "payout_schedule.closes"]


def test_month_end_asks_only_about_bonuses():
    benefit = {
        "code": "welcome",
        "beneficiary": "REFERRED",
        "requires": ["signed_up"],
        "kind": "ACCOUNT_CREDIT",
        "amount": "5.00",
    }

    assert problems_after("smithai-legacy", {"rewards.welcome": benefit}) == []


def test_a_calendar_that_leaves_a_month_without_business_days_is_refused():
    document, _ = program_document.changed(written("smithai"), {"payout_schedule.calendar": "FASTING"})

    read, problems = check(document, {"FASTING": WITHOUT_BUSINESS_DAYS})

    assert read is None
    assert [problem.path for problem in problems] == ["payout_schedule.calendar"]


def test_everything_wrong_is_told_at_once():
    document = {
        "format": 3,
        "program": {
            "slug": "A",
            "name": "Wrong",
            "currency": "XYZ",
            "time_zone": "X",
            "landing_url": "ftp://x",
        },
        "terms": {"earn_by": "2019-04-16T00:00:00", "qualified_by": "STAFF", "tax": True},
        "attribution": {"methods": ["FAX", "PIGEON"]},
        "eligibility": {},
        "evidence": "all",
        "criteria": [{"code": "Two Words"}, "text", {"code": "ok", "source": "STAFF", "reason": "none"}],
        "milestones": [
            {"code": "a", "label": "A", "definition": "A", "funnel": 1, "any": [{"test": "TOTAL"}], "all": 1},
            {"code": "a", "label": "A", "definition": "A", "funnel": 1, "any": [7]},
        ],
        "rewards": [{"code": "r", "requires": ["a", "b"], "amount": 5}],
        "payout_schedule": {"opens": {"day": 0}, "closes": {"business_day": 24}, "calendar": "MOON"},
        "rejection_reasons": [{"code": "spam", "internal": "Spam", "public": "Spam"}],
        2: "two",
    }

    read, problems = check(document, CALENDARS)

    assert read is None
    assert [problem.path for problem in problems] == [
        "2",
        "format",
        "program.slug",
        "program.currency",
        "program.time_zone",
        "program.landing_url",
        "terms.tax",
        "terms.version",
        "terms.effective_from",
        "terms.referred_kind",
        "terms.enrollment",
        "terms.earn_by",
        "terms.expired_reason",
        "attribution.methods",
        "attribution.methods",
        "eligibility",
        "evidence",
        "self_referral.reason",
        "criteria[0].code",
        "criteria[0].source",
        "criteria[0].reason",
        "criteria[1]",
        "criteria[ok].question",
        "milestones[a].any[0].events",
        "milestones[a].any[0].at_least",
        "milestones[a].all",
        "milestones[a]",
        "milestones[a].any[0]",
        "milestones[a].code",
        "milestones[a].funnel",
        "rewards[r].beneficiary",
        "rewards[r].kind",
        "rewards[r].amount",
        "payout_schedule.anchor",
        "payout_schedule.month_offset",
        "payout_schedule.opens.day",
        "payout_schedule.closes.business_day",
        "payout_schedule.release",
        "criteria[ok].reason",
        "rewards[r].requires",
        "payout_schedule.calendar",
    ]


@pytest.mark.parametrize("document", [None, "garbage", 1, [], {}])
def test_a_document_without_sections_is_refused(document):
    read, problems = check(document, CALENDARS)

    assert read is None
    assert problems


def test_a_problem_is_one_line_whatever_the_file_holds():
    problems = check({"two\nlines\ud800": 1, "format": "x\ny" * 99}, CALENDARS)[1]

    lines = [str(problem) for problem in problems]
    assert [line for line in lines if not line.isprintable() or len(line) > 400] == []
    assert str(Problem("", "whole file")) == "whole file"


NO_YAML = {
    "an open list": "a: [1, 2",
    "a tab": "a:\n\t- b",
    "a control character": "a: \x00",
    "a character that does not exist": 'a: "\\UFFFFFFFF"',
    "two documents": "a: 1\n---\nb: 2",
    "references": "a: &x [1]\nb: *x",
    "the billion laughs": "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]",
    "a tag": "a: !!python/object/apply:os.system [ls]",
    "a binary": "a: !!binary aGVsbG8=",
    "a list as key": "[1, 2]: x",
    "a thousand brackets": "[" * 100_000,
    "a thousand braces": "{a: " * 100_000,
    "a thousand dashes": "- " * 5_000,
    "too long": "x" * 1_000_001,
}


@pytest.mark.parametrize("text", NO_YAML.values(), ids=NO_YAML)
def test_what_is_not_yaml_is_refused_in_words(text):
    with pytest.raises(NotYaml) as refusal:
        parse(text)

    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 200


@given(text=st.text() | st.text(alphabet="{}[]:-,&*!|>'\"%@#\n \tab01.?~\\U"))
@example(text="%YAML 1.1\n--- a")
@settings(max_examples=100)
def test_whatever_the_text_it_is_read_or_refused(text):
    try:
        document, problems = parse(text)
    except NotYaml:
        return
    read, more = check(document, CALENDARS)
    assert read is None
    assert all(isinstance(problem, Problem) for problem in problems + more)


def test_keys_written_twice_are_told_with_their_path():
    text = text_of("smithai").replace(
        '    amount: "200.00"\n', '    amount: "200.00"\n    amount: "300.00"\n'
    )
    text = text.replace("        product: virtual_receptionist\n", "        product: x\n" * 2, 1)
    text += "\nformat: 1\nshare_texts:\n  - {language: en, language: de}\n"

    document, problems = parse(text)

    assert [str(problem) for problem in problems] == [
        "milestones[receptionist_invoiced].any[0].product: is written twice",
        "rewards[voice].amount: is written twice",
        "format: is written twice",
        "share_texts[0].language: is written twice",
    ]
    assert document["rewards"][1]["amount"] == "200.00"


def test_what_yaml_would_read_as_something_else_stays_text_or_is_clear():
    document, _ = parse(
        """
        date: 2019-04-16
        instant: 2019-04-16T00:00:00-07:00
        time: 17:00
        octal: 010
        grouped: 1_000
        quoted: "NO"
        country: NO
        yes: Yes
        nothing: ~
        empty:
        number: -12
        amount: 100.00
        merge: {<<: {a: 1}}
        """
    )

    assert document == {
        "date": "2019-04-16",
        "instant": "2019-04-16T00:00:00-07:00",
        "time": "17:00",
        "octal": "010",
        "grouped": "1_000",
        "quoted": "NO",
        "country": False,
        "yes": True,
        "nothing": None,
        "empty": None,
        "number": -12,
        "amount": 100.0,
        "merge": {"<<": {"a": 1}},
    }


LOS_ANGELES = ZoneInfo("America/Los_Angeles")


@pytest.mark.parametrize(
    ("zone", "moment", "is_written"),
    [
        ("America/Los_Angeles", "2019-04-16", "2019-04-16"),
        ("America/Los_Angeles", "2019-04-16T00:00:00-07:00", "2019-04-16"),
        ("America/Los_Angeles", "2019-04-16T07:00:00Z", "2019-04-16"),
        ("America/Los_Angeles", "2019-04-16 00:00-07:00", "2019-04-16"),
        ("America/Los_Angeles", "2019-04-16T00:00:00Z", "2019-04-15T17:00:00-07:00"),
        ("America/Los_Angeles", "2019-01-16T12:30:15.5+01:00", "2019-01-16T03:30:15.500000-08:00"),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04"),
        ("America/Sao_Paulo", "2018-11-04T01:00:00-02:00", "2018-11-04"),
        ("Africa/Monrovia", "1900-01-01T12:00:00Z", "1900-01-01T11:16:52-00:43:08"),
    ],
)
def test_an_instant_has_one_way_to_be_written(zone, moment, is_written):
    document, _ = program_document.changed(
        written("smartcat"), {"program.time_zone": zone, "terms.effective_from": moment}
    )

    read, problems = check(document, CALENDARS)

    assert problems == []
    assert read["terms"]["effective_from"] == is_written
    assert check(read, CALENDARS) == (read, [])


def test_a_date_is_the_beginning_of_that_day_in_the_zone():
    midnight = datetime(2019, 4, 16, 7, tzinfo=UTC)

    assert program_document.to_instant("2019-04-16", LOS_ANGELES) == midnight
    assert program_document.to_moment(midnight, LOS_ANGELES) == "2019-04-16"


@pytest.mark.parametrize(
    ("currency", "amount", "least"),
    [("JPY", "100", "5000"), ("KWD", "1.000", "0.001"), ("USD", "007.50", "1.00")],
)
def test_amounts_follow_the_currency(currency, amount, least):
    changes = {
        "program.currency": currency,
        "rewards.new_customer.amount": amount,
        "milestones.qualifying_purchase.any.1.at_least": least,
    }
    document, _ = program_document.changed(written("smartcat"), changes)

    read, problems = check(document, CALENDARS)

    assert problems == []
    assert read["rewards"][0]["amount"] == amount.lstrip("0")
    assert check(parse(dump(read))[0], CALENDARS) == (read, [])


# Changed values.

ALLOWED = [
    ("upwork-2019", {"eligibility.in_the_us.operator": "IN", "eligibility.in_the_us.value": ["US", "NO"]}),
    ("upwork-2019", {"criteria.new_to_us.existing_kinds": ["FREELANCER"]}),
    ("upwork-2019", {"terms.earn_by": "2019-04-15", "milestones.earned_500.any.0.before": "2019-03-01"}),
    (
        "upwork-2019",
        {
            "rewards.freelancer_plus.kind": "ACCOUNT_CREDIT",
            "rewards.freelancer_plus.amount": "10.00",
            "rewards.freelancer_plus.quantity": None,
            "rewards.freelancer_plus.product": None,
        },
    ),
    ("upwork-2019", {"eligibility.not_opted_out": None}),
    (
        "smithai",
        {"milestones.receptionist_paid.any.0.test": "TOTAL", "payout_schedule.anchor": "MILESTONE_REACHED"},
    ),
    ("smithai", {"milestones.receptionist_paid.any.0.at_least": "0.00"}),
    (
        "smithai",
        {"milestones.receptionist_invoiced.any.0.product": None, "rewards.friend_discount.product": None},
    ),
    ("smithai", {"milestones.paying_client.any.2": {"test": "OCCURRED", "events": ["usage.recorded"]}}),
    ("smithai", {"milestones.paying_client.any.1": None}),
    ("smithai", {"milestones.paying_client.any.1": {"test": "SIGNED_UP"}}),
    (
        "smithai",
        {
            "milestones.voice_paid.any": None,
            "milestones.voice_paid.all": [{"test": "SIGNED_UP", "events": [], "product": None}],
        },
    ),
    (
        "smithai",
        {
            "payout_schedule.calendar": None,
            "payout_schedule.opens": {"business_day": 2},
            "call_outcomes": [],
        },
    ),
    ("smithai", {"payout_schedule.closes": {"business_day": 1}, "payout_schedule.minimum": "150.00"}),
    ("smithai-legacy", {"rewards.monthly_credit.each_month_on": 1, "payout_schedule.opens": {"day": 1}}),
    ("smithai-legacy", {"criteria": None, "eligibility": None}),
    ("smithai-legacy", {"evidence.required": []}),
    ("smartcat", {"rewards.second": {**written("smartcat")["rewards"][0], "code": "second"}}),
    ("smartcat", {"criteria.not_lsp.required": False, "criteria.not_freelancer.asked": "WHEN_FLAGGED"}),
    ("smartcat", {"payout_schedule.time_zone": "Asia/Kathmandu", "program.undo_minutes": 0}),
    ("smartcat", {"calling": None, "call_outcomes": None, "share_texts": None}),
    ("smartcat", {"program.landing_url": "https://bücher.example:8443/a?b=c#d"}),
    ("smartcat", {"self_referral.reason": "suspected_fraud", "self_referral.same_account": "REJECT"}),
]


@pytest.mark.parametrize("from_canonical", [True, False], ids=["canonical", "as-written"])
@pytest.mark.parametrize(("slug", "changes"), ALLOWED, ids=[", ".join(changes) for _, changes in ALLOWED])
def test_other_readings_are_right_and_survive_writing_and_reading(slug, changes, from_canonical):
    before = canonical(slug) if from_canonical else written(slug)
    untouched = deepcopy(before)

    document, nowhere = program_document.changed(before, changes)
    read, problems = check(document, CALENDARS)

    assert (nowhere, problems) == ([], [])
    assert before == untouched
    assert fingerprint(read) != fingerprint(canonical(slug)) or not COMPARED & {
        path.split(".")[0] for path in changes
    }
    assert check(parse(dump(read))[0], CALENDARS) == (read, [])


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("rewards.silver.amount", "there is no rewards.silver"),
        ("prices.gold", "there is no prices"),
        ("program.slug.first", "program.slug is 'smithai-legacy' and has no key first"),
        ("calling.max_attempts", "calling is null and has no key max_attempts"),
        ("milestones.became_client.any.1.test", "there is no milestones.became_client.any.1"),
        ("milestones.became_client.any.x", "there is no row x: rows are counted from 0, and there are 1"),
        ("milestones.became_client.all.0.test", "there is no milestones.became_client.all"),
        ("rewards.0.amount", "there is no rewards.0"),
    ],
)
def test_a_path_that_leads_nowhere_is_told(path, message):
    before = canonical("smithai-legacy")

    after, problems = program_document.changed(before, {path: "1.00"})

    assert problems == [Problem(path, message)]
    assert after == before


def test_only_a_row_that_is_there_can_be_removed():
    _, problems = program_document.changed(canonical("smartcat"), {"rewards.silver": None})

    assert problems == [Problem("rewards.silver", "there is no row silver to remove")]


def test_the_first_row_of_an_empty_list_is_named_by_its_code():
    row = {"source": "AUTOMATIC", "check": "KIND", "reason": "self_referral"}
    without, _ = program_document.changed(canonical("smithai-legacy"), {"criteria": []})

    after, problems = program_document.changed(without, {"criteria.kind": row})

    assert problems == []
    assert after["criteria"] == [{"code": "kind", **row}]
    assert check(after, CALENDARS)[1] == []


# Fingerprints.


def leaves(value, path=()):
    """The path to each single value of a document."""
    if isinstance(value, dict):
        return [leaf for key, each in value.items() for leaf in leaves(each, (*path, key))]
    if isinstance(value, list) and value:
        return [leaf for position, each in enumerate(value) for leaf in leaves(each, (*path, position))]
    return [path]


@pytest.mark.parametrize("slug", SLUGS)
def test_the_fingerprint_is_of_what_a_version_fixes_and_of_nothing_else(slug):
    document = canonical(slug)
    telling = set()
    for *inside, last in leaves(document):
        other = deepcopy(document)
        where = other
        for step in inside:
            where = where[step]
        where[last] = "something else"
        if fingerprint(other) != fingerprint(document):
            telling.add((*inside, last))

    assert telling == {
        leaf
        for leaf in leaves(document)
        if leaf[0] in COMPARED or leaf in {("program", "currency"), ("program", "time_zone")}
    }


def test_the_fingerprint_does_not_depend_on_how_the_same_is_written():
    document, _ = program_document.changed(
        written("upwork-2019"), {"terms.earn_by": "2019-04-16T07:00:00Z", "terms.quote": "by April 15, 2019"}
    )
    shuffled = dict(reversed(document.items()))

    read, _ = check(shuffled, CALENDARS)

    assert fingerprint(read) == fingerprint(canonical("upwork-2019"))
    assert len(fingerprint(read)) == 64


# Whatever staff write into texts and dates, it is written and read again as it was.

# Control characters and halves of pairs are refused.
A_TEXT = st.text(
    alphabet=st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t:#{}[]'\"-,&*!|>%@0129 "),
    min_size=1,
    max_size=40,
).filter(str.strip)
A_MOMENT = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
A_DATE = st.dates(date(1900, 1, 1), date(2200, 1, 1))


@settings(max_examples=50, deadline=None)
@given(
    slug=st.sampled_from(SLUGS),
    texts=st.lists(A_TEXT, min_size=5, max_size=5),
    zone=st.sampled_from(["UTC", "America/Los_Angeles", "Pacific/Apia", "Africa/Monrovia", "Asia/Kathmandu"]),
    moment=A_MOMENT.map(datetime.isoformat) | A_DATE.map(date.isoformat),
    countries=st.lists(
        st.sampled_from(["NO", "US", "ON", "y", "null", "1e3", "12:30", "0x1F"]), unique=True, min_size=1
    ),
    product=st.none() | st.from_regex(r"[a-z0-9_-]{1,12}", fullmatch=True),
    within_days=st.none() | st.integers(0, 100_000),
    minor=st.integers(1, 10**15),
    offset=st.integers(0, 24),
    closes=st.sampled_from([{"day": 31}, {"day": -1}]),
    yes=st.booleans(),
)
def test_every_program_survives_writing_and_reading(
    slug, texts, zone, moment, countries, product, within_days, minor, offset, closes, yes
):
    first, second, third, fourth, fifth = texts
    document = written(slug)
    milestone, reward = document["milestones"][1], document["rewards"][0]
    document["program"] |= {"name": first, "time_zone": zone}
    document["terms"] |= {"effective_from": moment, "enrollment_closes_at": moment, "quote": second}
    document["eligibility"].append(
        {
            "code": "no",
            "attribute": "country",
            "operator": "IN",
            "value": countries,
            "checked_at": "ENROLLMENT",
        }
    )
    document["rejection_reasons"].append({"code": "off", "internal": third, "public": fourth, "shown": yes})
    document["share_texts"] = [{"language": "no", "channel": "X", "text": fifth + "{link}"}]
    milestone["any"] = [
        {"test": "FIRST", "events": ["invoice.paid"], "product": product, "within_days": within_days},
        {
            "test": "OCCURRED",
            "events": ["usage.recorded", "account.paused"],
            "before": moment,
            "category": product,
        },
    ]
    milestone["label"] = first
    reward |= {
        "amount": f"{minor // 100}.{minor % 100:02}",
        "product": product,
        "fee_exempt": yes,
        "quote": third,
    }
    document["payout_schedule"] |= {"month_offset": offset, "closes": closes, "quote": fourth}
    document["terms"]["qualified_by"] = milestone["code"]
    document["milestones"] = [
        row for row in document["milestones"] if row["code"] != "qualified" or row is milestone
    ]

    read, problems = check(document, CALENDARS)
    assert problems == []

    text = dump(read)
    assert check(parse(text)[0], CALENDARS) == (read, [])
    assert check(json.loads(json.dumps(read)), CALENDARS) == (read, [])
    assert dump(check(parse(text)[0], CALENDARS)[0]) == text
