"""
A checked document becomes rows: the only writer of terms.

A version of the terms is written and published in one transaction, and from then on the database itself
refuses every change of it. What belongs to the program follows the last document that was stored.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.db import transaction

from payouts import ledger
from payouts.models import PayoutSchedule, Reward, RewardMilestone
from payouts.program_files import tables, tax_form
from payouts.program_files.tables import Meant, columns, section
from payouts.program_files.transcript import latest_terms
from payouts.rules.program_document import Document, fingerprint
from referrals.models import (
    Calendar,
    CallingDay,
    CallingRules,
    CallOutcome,
    Criterion,
    EligibilityRule,
    EligibilityValue,
    Host,
    Milestone,
    MilestoneAfter,
    MilestoneTest,
    MilestoneTestEvent,
    Program,
    RejectionReason,
    RequiredEvidence,
    ShareText,
    Terms,
)


class StoringRefused(Exception):
    """The document is right by itself, and cannot be stored; ``path`` is the key that stands in the way."""

    path: ClassVar[str]


class TermsArePublished(StoringRefused):
    """That version of the terms is published with other content."""

    path = "terms.version"


class CurrencyIsFixed(StoringRefused):
    """The program's books are kept in another currency."""

    path = "program.currency"


@transaction.atomic
def store(document: Document, *, host: Host, now: datetime) -> Program:
    """
    Store and publish the document's version of the terms, and what belongs to the program.

    :param document: in canonical form, as ``read`` gives it
    :raises TermsArePublished: if that version is there with other content
    :raises CurrencyIsFixed: if the program is there with another currency
    """
    program = _program(document, host=host)
    if program.currency != document["program"]["currency"]:
        raise CurrencyIsFixed(f"is {program.currency} for good: a program keeps its currency")

    ledger.open_program_accounts(program)
    sha256 = fingerprint(document)
    known = program.terms.filter(version=document["terms"]["version"]).first()
    if known is None:
        terms = _write_terms(program, document)
        Terms.objects.filter(pk=terms.pk).update(published_at=now, sha256=sha256)
    elif known.sha256 != sha256:
        raise TermsArePublished(
            f"version {known.version} is published with other content: give it a new version"
        )

    _update_program(program, document)
    tax_form.store(program, document["tax_form"], _meant(document), now=now)
    return program


def _program(document: Document, *, host: Host) -> Program:
    written = document["program"]
    # The row is locked where rows can be, so that of two loads of one version the second finds the first's.
    program, _ = Program.objects.select_for_update().get_or_create(
        host=host, slug=written["slug"], defaults=written
    )
    return program


def _update_program(program: Program, document: Document) -> None:
    meant = _meant(document)
    program.name = document["program"]["name"]
    program.landing_url = document["program"]["landing_url"]
    program.undo_minutes = document["program"]["undo_minutes"]
    # An older version that is loaded later does not take the program back to its zone.
    program.time_zone = latest_terms(program).time_zone
    program.save(update_fields=["name", "landing_url", "undo_minutes", "time_zone"])
    _update_call_outcomes(program, document["call_outcomes"], meant)
    _update_share_texts(program, document["share_texts"], meant)


def _update_call_outcomes(program: Program, rows: list[dict[str, Any]], meant: Meant) -> None:
    CallOutcome.objects.bulk_create(
        [
            CallOutcome(program=program, position=position, **columns(tables.CALL_OUTCOME, row, meant))
            for position, row in enumerate(rows)
        ],
        update_conflicts=True,
        unique_fields=["program", "code"],
        update_fields=["position", "label", "connected", "final", "retry_after_hours", "next_step", "in_use"],
    )
    gone = program.call_outcomes.exclude(code__in=[row["code"] for row in rows])
    gone.filter(calls__isnull=True).delete()
    # A call keeps saying how it ended.
    gone.update(in_use=False)


def _update_share_texts(program: Program, rows: list[dict[str, Any]], meant: Meant) -> None:
    if [section(tables.SHARE_TEXT, text, meant) for text in program.share_texts.all()] == rows:
        return
    program.share_texts.all().delete()
    ShareText.objects.bulk_create(
        ShareText(program=program, position=position, **columns(tables.SHARE_TEXT, row, meant))
        for position, row in enumerate(rows)
    )


def _write_terms(program: Program, document: Document) -> Terms:
    meant = _meant(document)
    terms = Terms.objects.create(
        program=program,
        currency=meant.currency,
        time_zone=meant.zone.key,
        **columns(tables.TERMS, document["terms"], meant),
        **columns(tables.ATTRIBUTION, document["attribution"], meant),
        **columns(tables.EVIDENCE, document["evidence"], meant),
        **columns(tables.SELF_REFERRAL, document["self_referral"], meant),
    )
    RequiredEvidence.objects.bulk_create(
        RequiredEvidence(terms=terms, field=field) for field in document["evidence"]["required"]
    )
    RejectionReason.objects.bulk_create(
        RejectionReason(terms=terms, position=position, **columns(tables.REJECTION_REASON, row, meant))
        for position, row in enumerate(document["rejection_reasons"])
    )
    _write_eligibility(terms, document["eligibility"], meant)
    Criterion.objects.bulk_create(
        Criterion(terms=terms, position=position, **_asked(row), **columns(tables.CRITERION, row, meant))
        for position, row in enumerate(document["criteria"])
    )
    milestones = _write_milestones(terms, document["milestones"], meant)
    _write_rewards(terms, document["rewards"], milestones, meant)
    _write_payout_schedule(terms, document["payout_schedule"], meant)
    if document["calling"]:
        _write_calling(terms, document["calling"], meant)
    return terms


def _write_eligibility(terms: Terms, rows: list[dict[str, Any]], meant: Meant) -> None:
    rules = EligibilityRule.objects.bulk_create(
        EligibilityRule(terms=terms, position=position, **columns(tables.ELIGIBILITY, row, meant))
        for position, row in enumerate(rows)
    )
    EligibilityValue.objects.bulk_create(
        EligibilityValue(rule=rule, position=position, value=_as_text(value))
        for rule, row in zip(rules, rows, strict=True)
        for position, value in enumerate(row["value"] if isinstance(row["value"], list) else [row["value"]])
    )


def _as_text(value: str | bool) -> str:  # noqa: FBT001  (yes and no are values of the file)
    return value if isinstance(value, str) else str(value).lower()


def _asked(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"asked": row["asked"]} if row["asked"] else {}


def _write_milestones(terms: Terms, rows: list[dict[str, Any]], meant: Meant) -> dict[str, Milestone]:
    milestones = Milestone.objects.bulk_create(
        Milestone(
            terms=terms, position=position, needs_all="all" in row, **columns(tables.MILESTONE, row, meant)
        )
        for position, row in enumerate(rows)
    )
    by_code = {milestone.code: milestone for milestone in milestones}
    MilestoneAfter.objects.bulk_create(
        MilestoneAfter(milestone=milestone, position=position, earlier=by_code[code])
        for milestone, row in zip(milestones, rows, strict=True)
        for position, code in enumerate(row["after"])
    )
    written = [
        (
            MilestoneTest(
                milestone=milestone, position=position, **columns(tables.MILESTONE_TEST, test, meant)
            ),
            test,
        )
        for milestone, row in zip(milestones, rows, strict=True)
        for position, test in enumerate(row["all"] if milestone.needs_all else row["any"])
    ]
    MilestoneTest.objects.bulk_create(test for test, _ in written)
    MilestoneTestEvent.objects.bulk_create(
        MilestoneTestEvent(test=test, event_type=event_type, undoes=undoes)
        for test, row in written
        for undoes, key in [(False, "events"), (True, "undone_by")]
        for event_type in row[key]
    )
    return by_code


def _write_rewards(
    terms: Terms, rows: list[dict[str, Any]], milestones: Mapping[str, Milestone], meant: Meant
) -> None:
    rewards = Reward.objects.bulk_create(
        Reward(terms=terms, position=position, **columns(tables.REWARD, row, meant))
        for position, row in enumerate(rows)
    )
    RewardMilestone.objects.bulk_create(
        RewardMilestone(reward=reward, position=position, milestone=milestones[code])
        for reward, row in zip(rewards, rows, strict=True)
        for position, code in enumerate(row["requires"])
    )


def _write_payout_schedule(terms: Terms, written: dict[str, Any], meant: Meant) -> None:
    code = written["calendar"]
    PayoutSchedule.objects.create(
        terms=terms,
        calendar=Calendar.objects.get(code=code) if code else None,
        **columns(tables.PAYOUT_SCHEDULE, written, meant),
    )


def _write_calling(terms: Terms, written: dict[str, Any], meant: Meant) -> None:
    calling = CallingRules.objects.create(terms=terms, **columns(tables.CALLING, written, meant))
    CallingDay.objects.bulk_create(CallingDay(calling=calling, weekday=day) for day in written["days"])


def _meant(document: Document) -> Meant:
    return Meant(document["program"]["currency"], ZoneInfo(document["program"]["time_zone"]))
