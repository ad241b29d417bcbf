"""
The rules that lead to a bonus, line by line: each with the words of the terms, its state, since, until.

Of an account: how it came, what was checked, who qualified it, what it has reached. What a person did, or a
fact of the host, is asked of the database for staff only.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import F
from django.utils.translation import gettext as _

from payouts.explain import headlines
from payouts.explain.conditions import ASKED, Asked
from payouts.explain.sentences import RULES, Audience, Says, say
from referrals.evaluation import Evaluated
from referrals.models import AccountEvent, CriterionResult, Milestone, ReferredAccount, StatusChange
from referrals.names import of_check, of_person
from referrals.rules.lifecycle import CLOSED, AccountStatus
from referrals.rules.milestones import is_holding
from referrals.rules.words import (
    AnswerSource,
    AttributionMethod,
    CriterionSource,
    Result,
    TestKind,
    Word,
)

SIGNED_UP, QUALIFIED = "signed_up", "qualified"
FACTS_NAMED = 3
"""Of more facts of one instant the rest is counted."""


class State(Word):
    MET = "MET"
    UNMET = "UNMET"
    WAITING = "WAITING"


@dataclass(frozen=True, slots=True)
class Line:
    """One rule: its words, how it stands, and since when."""

    code: str
    label: str
    detail: str
    quote: str
    state: State
    since: datetime | None = None
    until: datetime | None = None
    """While it waits: the instant from which nothing counts any more."""

    @property
    def is_met(self) -> bool:
        return self.state is State.MET


OF_STAFF = frozenset({AccountStatus.IN_REVIEW, *CLOSED})
"""Where an account stands by what staff do, or did."""

FOUND = {Result.PASS: State.MET, Result.WAIVED: State.MET, Result.FAIL: State.UNMET}
ANSWERS = {Result.PASS: "yes", Result.FAIL: "no", Result.UNKNOWN: "not known"}
SOURCES = {
    AnswerSource.CALL: "from the call",
    AnswerSource.DOCUMENT: "from a document",
    AnswerSource.REGISTRY: "from a registry",
}


def of_account(
    each: Evaluated, *, as_of: datetime, audience: Audience, known: Asked = ASKED
) -> Iterator[Line]:
    """What leads an account to its bonus, in the order in which it happens."""
    account = each.account
    milestones = list(Milestone.objects.filter(terms=account.terms_id))
    kinds = {rule.code: {test.kind for test in rule.tests} for rule in each.terms.milestones}
    of_kind = {kind: m for m in reversed(milestones) for kind in kinds[m.code] if len(kinds[m.code]) == 1}
    signed_up, qualified = (of_kind.get(kind) for kind in (TestKind.SIGNED_UP, TestKind.QUALIFIED))
    yield _signed_up(account, signed_up, audience)
    results = _results(account) if audience is Audience.STAFF else {}
    if audience is Audience.STAFF:
        yield from _checks(account, results)
    labels = {milestone.code: milestone.label for milestone in milestones}
    # Where a milestone qualifies, its own line says so, unless staff had a word.
    if each.terms.qualifying_milestone is None or each.decision or account.status in OF_STAFF:
        yield _qualified(each, qualified, results.values(), labels, audience, known)
    rest = [milestone for milestone in milestones if milestone not in (signed_up, qualified)]
    facts = _facts(each, [milestone.code for milestone in rest]) if audience is Audience.STAFF else {}
    for milestone in rest:
        yield _milestone(each, milestone, facts, as_of=as_of, audience=audience)


def _signed_up(account: ReferredAccount, milestone: Milestone | None, audience: Audience) -> Line:
    text = account.sign_up.code if account.attribution_method == AttributionMethod.CODE else ""
    if not text:
        text = account.touch.link.text if account.touch else account.sign_up.link
    says = {AttributionMethod.CODE: Says.BY_CODE, AttributionMethod.MANUAL: Says.BY_HAND}
    detail = say(
        says.get(AttributionMethod(account.attribution_method), Says.BY_LINK),
        audience,
        text=text,
        rule=RULES.get(account.attribution_rule, account.attribution_rule.replace("_", " ")),
        by=of_person(account.attributed_by),
        also=of_person(account.attribution_approved_by),
    )
    return Line(
        code=milestone.code if milestone else SIGNED_UP,
        label=milestone.label if milestone else _("Signed up"),
        detail=detail,
        quote=account.terms.attribution_quote or (milestone.quote if milestone else ""),
        state=State.MET,
        since=account.signed_up_at,
    )


def _results(account: ReferredAccount) -> dict[int, CriterionResult]:
    """The latest result of each criterion."""
    rows = CriterionResult.objects.filter(account=account)
    rows = rows.select_related("criterion", "found_by", "approved_by")
    return {row.criterion_id: row for row in rows.order_by("pk")}


def _checks(account: ReferredAccount, results: Mapping[int, CriterionResult]) -> Iterator[Line]:
    """Each check and each question, with who found it; for staff."""
    criteria = [found.criterion for found in results.values()]
    if account.status == AccountStatus.IN_REVIEW:
        # What has no result otherwise was never come to: another one had decided before.
        criteria = list(account.terms.criteria.all())
    for criterion in sorted(criteria, key=lambda each: each.position):
        found = results.get(criterion.pk)
        is_check = criterion.source == CriterionSource.AUTOMATIC
        if found is None and (is_check or not criterion.required or criterion.asked != "ALWAYS"):
            continue
        name = of_check(criterion.check_kind) if is_check else criterion.question
        yield Line(
            code=criterion.code,
            label=name[:1].upper() + name[1:],
            detail=_found(found),
            quote=criterion.quote,
            state=FOUND.get(Result(found.result), State.WAITING) if found else State.WAITING,
            since=found.found_at if found else None,
        )


def _found(found: CriterionResult | None) -> str:
    if found is None:
        return say(Says.NOT_ASKED_YET, Audience.STAFF)
    by, also = of_person(found.found_by), of_person(found.approved_by)
    if found.result == Result.WAIVED:
        return say(Says.WAIVED, Audience.STAFF, by=by, also=also)
    if not found.source:
        return say(Says.CHECKED, Audience.STAFF, result="Passed" if found.result == Result.PASS else "Failed")
    answer = ANSWERS[Result(found.result)].capitalize()
    return say(
        Says.ANSWERED, Audience.STAFF, answer=answer, source=SOURCES[AnswerSource(found.source)], by=by
    )


def _qualified(
    each: Evaluated,
    milestone: Milestone | None,
    results: Iterable[CriterionResult],
    labels: Mapping[str, str],
    audience: Audience,
    known: Asked,
) -> Line:
    account, status = each.account, AccountStatus(each.account.status)
    since = until = None
    stands = headlines.of_status(account, audience=audience, known=known)
    if stands is not None:
        detail = stands.sentence
        state = State.WAITING if status == AccountStatus.IN_REVIEW else State.UNMET
        # A decision that came and went has left the status as it was.
        changes = StatusChange.objects.filter(account=account, new_status=status)
        moved = changes.exclude(old_status=F("new_status")).order_by("-pk")
        since = moved.values_list("changed_at", flat=True).first()
        decision = account.pending_decision
        until = decision.takes_effect_at if decision and audience is Audience.STAFF else None
    elif each.decision is not None:
        state, since = State.MET, each.decision.decided_at
        detail = _by_whom(each, results, audience)
    elif status == AccountStatus.QUALIFIED:
        state = State.MET
        detail = say(Says.QUALIFIED_BY_MILESTONE, audience, label=labels.get(each.terms.qualified_by, ""))
    else:
        state, detail, until = State.WAITING, say(Says.SCREENED, audience), each.expires_at
    return Line(
        code=milestone.code if milestone else QUALIFIED,
        label=milestone.label if milestone else _("Qualified"),
        detail=detail,
        quote=milestone.quote if milestone else "",
        state=state,
        since=since,
        until=until,
    )


def _by_whom(each: Evaluated, results: Iterable[CriterionResult], audience: Audience) -> str:
    """Who qualified it, by how many answers, after which call; to a referrer only that it was done."""
    if audience is Audience.REFERRER or each.decision is None:
        return say(Says.QUALIFIED_BY, audience)
    decision = each.decision
    answered = [found for found in results if found.decision_id == decision.pk and found.source]
    call = each.account.calls.filter(
        called_by=decision.decided_by_id, called_at__lte=decision.decided_at, connected=True
    ).last()
    return say(
        Says.QUALIFIED_BY,
        audience,
        # Whoever decided gave the answers: their names came with these.
        by=of_person(answered[0].found_by if answered else decision.decided_by),
        met=sum(found.result == Result.PASS for found in answered),
        asked=len(answered),
        call=f", in the call of {headlines.at_utc(call.called_at)}" if call else "",
    )


def _milestone(
    each: Evaluated,
    milestone: Milestone,
    facts: Mapping[datetime, Collection[tuple[str, str]]],
    *,
    as_of: datetime,
    audience: Audience,
) -> Line:
    history = each.outcome.histories[milestone.code]
    rule = each.terms.by_code[milestone.code]
    since = until = None
    if is_holding(history):
        state, since = State.MET, history[-1].since
        types = frozenset().union(*(test.counts for test in rule.tests))
        by = _named(facts.get(since, ()), types)
        detail = say(Says.MILESTONE_BY_FACT, audience, fact=by) if by else ""
    elif history:
        state, since = State.UNMET, history[-1].until
        types = frozenset().union(*(test.undone_by for test in rule.tests))
        by = _named(facts.get(since, ()) if since else (), types)
        detail = say(Says.MILESTONE_LOST_BY_FACT, audience, fact=by or _("what it rests on is gone"))
    else:
        # The deadline of this milestone, worked out as that of the one that qualifies.
        until = replace(each.terms, qualified_by=milestone.code).deadline(each.account.signed_up_at)
        is_over = each.account.status in CLOSED or (until is not None and until <= as_of)
        state, detail = State.UNMET if is_over else State.WAITING, say(Says.MILESTONE_OPEN, audience)
    return Line(milestone.code, milestone.label, detail, milestone.quote, state, since, until)


def _facts(each: Evaluated, codes: Iterable[str]) -> dict[datetime, list[tuple[str, str]]]:
    """Type and number of the facts of the instants at which these milestones came, or went."""
    last = [each.outcome.histories[code][-1] for code in codes if each.outcome.histories[code]]
    at = {stretch.until or stretch.since for stretch in last}
    found: dict[datetime, list[tuple[str, str]]] = defaultdict(list)
    if at:
        rows = AccountEvent.objects.filter(
            host=each.account.program.host_id,
            host_account=each.account.host_account,
            occurred_at__in=at,
            void__isnull=True,
        )
        for occurred_at, kind, number in rows.order_by("pk").values_list("occurred_at", "type", "event_id"):
            found[occurred_at].append((kind, number))
    return found


def _named(facts: Iterable[tuple[str, str]], types: Collection[str]) -> str:
    """'subscription.started evt_77', and how many more of that instant there are."""
    of_it = [f"{kind} {number}" for kind, number in facts if kind in types]
    more = len(of_it) - FACTS_NAMED
    return ", ".join(of_it[:FACTS_NAMED]) + (f" and {more} more" if more > 0 else "")
