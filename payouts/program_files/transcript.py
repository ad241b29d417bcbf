"""The rows of a program written out as a document again, word for word as they were loaded."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from payouts.models import PayoutSchedule, Reward
from payouts.program_files import tables, tax_form
from payouts.program_files.tables import Meant, section
from payouts.rules.program_document import Document, schema
from payouts.rules.program_document.keys import Keys
from referrals.models import CallingRules, EligibilityRule, Host, Milestone, MilestoneTest, Program, Terms
from referrals.rules import words
from referrals.rules.facts import EventType

LIST_OPERATORS = (words.Operator.IN, words.Operator.NOT_IN)
YES_OR_NO_ATTRIBUTES = (words.Attribute.IS_PARTNER, words.Attribute.MARKETING_OPT_OUT)


def export(program: Program, terms: Terms | None = None) -> Document:
    """
    The document of a program with one version of its terms.

    :param terms: absent: the version published for the latest time
    :raises Terms.DoesNotExist: if the program has no published terms
    """
    terms = terms or latest_terms(program)
    meant = Meant(terms.currency, ZoneInfo(terms.time_zone))
    sections = {
        "format": 1,
        "program": {
            "slug": program.slug,
            "name": program.name,
            "status": program.status,
            "currency": terms.currency,
            "time_zone": terms.time_zone,
            "landing_url": program.landing_url,
            "undo_minutes": program.undo_minutes,
        },
        "terms": section(tables.TERMS, terms, meant),
        "attribution": section(tables.ATTRIBUTION, terms, meant),
        "eligibility": _eligibility(terms, meant),
        "evidence": _evidence(terms, meant),
        "self_referral": section(tables.SELF_REFERRAL, terms, meant),
        "criteria": _criteria(terms, meant),
        "milestones": _milestones(terms, meant),
        "rewards": _rewards(terms, meant),
        "payout_schedule": _payout_schedule(terms, meant),
        "calling": _calling(terms, meant),
        "call_outcomes": [
            section(tables.CALL_OUTCOME, outcome, meant)
            for outcome in program.call_outcomes.filter(in_use=True)
        ],
        "rejection_reasons": [
            section(tables.REJECTION_REASON, reason, meant) for reason in terms.rejection_reasons.all()
        ],
        "share_texts": [section(tables.SHARE_TEXT, text, meant) for text in program.share_texts.all()],
        "tax_form": tax_form.section_of(program, meant),
    }
    return _in_order(schema.SECTIONS, sections)


def latest_terms(program: Program) -> Terms:
    """
    The published version that is in force last.

    :raises Terms.DoesNotExist: if nothing is published
    """
    terms = program.terms.latest_first().first()
    if terms is None:
        raise Terms.DoesNotExist(f"{program} has no published terms.")
    return terms


def export_version(slug: str, version: int, *, host: Host) -> Document | None:
    """The document of a program with that version of its terms, if they are there."""
    terms = (
        Terms.objects.published()
        .filter(program__host=host, program__slug=slug, version=version)
        .select_related("program")
        .first()
    )
    return export(terms.program, terms) if terms else None


def _eligibility(terms: Terms, meant: Meant) -> list[dict[str, Any]]:
    return [
        _in_order(schema.ELIGIBILITY, {**section(tables.ELIGIBILITY, rule, meant), "value": _value(rule)})
        for rule in terms.eligibility.prefetch_related("values")
    ]


def _value(rule: EligibilityRule) -> Any:
    written = [value.value for value in rule.values.all()]
    values = [text == "true" for text in written] if rule.attribute in YES_OR_NO_ATTRIBUTES else written
    return values if rule.operator in LIST_OPERATORS else values[0]


def _evidence(terms: Terms, meant: Meant) -> dict[str, Any]:
    required = {evidence.field for evidence in terms.required_evidence.all()}
    return {
        "required": [field for field in words.Evidence.values() if field in required],
        **section(tables.EVIDENCE, terms, meant),
    }


def _criteria(terms: Terms, meant: Meant) -> list[dict[str, Any]]:
    # Only a question is asked; the column has its default also where there is none.
    return [
        _in_order(
            schema.CRITERION,
            {
                **section(tables.CRITERION, criterion, meant),
                "asked": criterion.asked if criterion.source == words.CriterionSource.STAFF else None,
            },
        )
        for criterion in terms.criteria.all()
    ]


def _milestones(terms: Terms, meant: Meant) -> list[dict[str, Any]]:
    milestones = terms.milestones.prefetch_related("after__earlier", "tests__events")
    return [_in_order(schema.MILESTONE, _milestone(milestone, meant)) for milestone in milestones]


def _milestone(milestone: Milestone, meant: Meant) -> dict[str, Any]:
    return {
        **section(tables.MILESTONE, milestone, meant),
        "after": [after.earlier.code for after in milestone.after.all()],
        "all" if milestone.needs_all else "any": [_test(test, meant) for test in milestone.tests.all()],
    }


def _test(test: MilestoneTest, meant: Meant) -> dict[str, Any]:
    events = {(event.event_type, event.undoes) for event in test.events.all()}
    return _in_order(
        schema.TEST,
        {
            **section(tables.MILESTONE_TEST, test, meant),
            "events": [type_.value for type_ in EventType if (type_, False) in events],
            "undone_by": [type_.value for type_ in EventType if (type_, True) in events],
        },
    )


def _rewards(terms: Terms, meant: Meant) -> list[dict[str, Any]]:
    return [
        _in_order(
            schema.REWARD,
            {
                **section(tables.REWARD, reward, meant),
                "requires": [required.milestone.code for required in reward.requires.all()],
            },
        )
        for reward in Reward.objects.filter(terms=terms).prefetch_related("requires__milestone")
    ]


def _payout_schedule(terms: Terms, meant: Meant) -> dict[str, Any]:
    schedule = PayoutSchedule.objects.select_related("calendar").get(terms=terms)
    return _in_order(
        schema.PAYOUT_SCHEDULE,
        {
            **section(tables.PAYOUT_SCHEDULE, schedule, meant),
            "calendar": schedule.calendar.code if schedule.calendar else None,
        },
    )


def _calling(terms: Terms, meant: Meant) -> dict[str, Any] | None:
    calling = CallingRules.objects.filter(terms=terms).prefetch_related("days").first()
    if calling is None:
        return None
    days = {day.weekday for day in calling.days.all()}
    return {
        "days": [day for day in words.Weekday.values() if day in days],
        **section(tables.CALLING, calling, meant),
    }


def _in_order(keys: Keys, values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values, in the order in which a file has their keys."""
    return {key.name: values[key.name] for key in keys if key.name in values}
