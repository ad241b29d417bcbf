"""
A large program: as many referred accounts as wanted, most of them decided, one in twenty waiting for a call.

Four hundred of them are a unit. A few of each kind are made by the decisions themselves; the database copies
them (``copies``). Nothing is bought: there is no money in it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.db.models import Count, Min, Model, QuerySet

from payouts import program_files, sweeps
from payouts.demo import copies
from payouts.demo.companies import CONTACTS, FORMS, PHONES, TRADE, phone
from payouts.demo.copies import capitalized, digits_of, reversed_digits_of, word_of
from payouts.demo.statistics import look_anew
from referrals import desk, enrollment, intake, qualification, reviews
from referrals.models import (
    Call,
    CriterionResult,
    Decision,
    Enrollment,
    EnrollmentChange,
    FunnelCount,
    MilestoneReached,
    Program,
    ReferralCode,
    ReferralLink,
    ReferredAccount,
    Referrer,
    Review,
    SignUp,
    StatusChange,
)

PROGRAM = "smartcat"
CALLERS = 40
ACCOUNTS_PER_REFERRER = 50
UNIT = 400
DECIDED_COPIES = 9
HELD = 30

OF_A_REFERRER: list[type[Model]] = [Referrer, Enrollment, EnrollmentChange, ReferralLink, ReferralCode]
OF_AN_ACCOUNT: list[type[Model]] = [
    SignUp,
    ReferredAccount,
    Review,
    Call,
    Decision,
    CriterionResult,
    StatusChange,
    MilestoneReached,
]


class NotEmpty(Exception):
    """There are referred accounts already."""


@dataclass(frozen=True, slots=True)
class Made:
    """What there is now."""

    accounts: int
    waiting: int
    referrers: int


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the samples play."""

    program: Program
    caller: User
    now: datetime


Life = Callable[[Stage, ReferredAccount], None]


@transaction.atomic
def make(accounts: int, *, now: datetime) -> Made:
    """
    Make so many accounts, rounded up to whole units of four hundred, in a database that has none.

    :raises NotEmpty: if there are referred accounts
    """
    if ReferredAccount.objects.exists():
        raise NotEmpty("This database has referred accounts already: name an empty one.")
    host = program_files.default_host()
    document = program_files.read(program_files.bundled()[PROGRAM])
    program = program_files.store(document, host=host, now=now)
    people = _people()
    units = -(-accounts // UNIT)
    referrers = max(1, units * UNIT // ACCOUNTS_PER_REFERRER)
    _make_referrers(program, number=referrers, at=now - timedelta(days=800))
    stage = Stage(program, User.objects.get(pk=people.first), now)
    times = DECIDED_COPIES * units
    weeks = f"({times} - n) * 104 / {times}"
    groups = [
        # Over two years, whole weeks, the first of them first.
        (DECIDED, times, f"{weeks} * 604800 + n % 3600"),
        (WAITING, units, ""),
        (TODAY, units, "n % 500"),
    ]
    sampled = []
    for number, (lives, times, earlier_by) in enumerate(groups):
        sampled.append((_sample(stage, lives, number * 1_000), times, earlier_by))
    sweeps.evaluate(program, as_of=now)
    reviews.move_to_next_hours(as_of=now)
    _multiply(sampled, people, referrers=referrers)
    look_anew()
    _count_milestones()
    _let_hold(people, at=now)
    return Made(ReferredAccount.objects.count(), reviews.waiting().count(), referrers)


def tidy_up() -> None:
    """Let the database look at what it has, and know where all rows are there for everybody."""
    # Within a transaction, as in a test, PostgreSQL does no more than look.
    may_vacuum = connection.vendor == "postgresql" and not connection.in_atomic_block
    look_anew("VACUUM ANALYZE" if may_vacuum else "ANALYZE")


# --- people ------------------------------------------------------------------------------------------------


def _people() -> copies.People:
    """Callers, without a password: nobody logs in as one of them."""
    callers = [
        User(username=f"caller{number}", first_name="Caller", last_name=str(number), is_staff=True)
        for number in range(1, CALLERS + 1)
    ]
    for caller in callers:
        caller.set_unusable_password()
    User.objects.bulk_create(callers)
    Group.objects.get(name="Callers").user_set.add(*callers)
    first = User.objects.filter(username__in=[caller.username for caller in callers]).aggregate(Min("pk"))
    return copies.People(first["pk__min"], CALLERS)


def _make_referrers(program: Program, *, number: int, at: datetime) -> None:
    referrer = Referrer.objects.create(
        host=program.host,
        host_account="referrer",
        name="Rosa Lang",
        email="rosa@lang.example",
        kind="FREELANCER",
    )
    enrollment.enroll(referrer, program=program, at=at, link="rosalang", code="ROSALANG")
    first, last = word_of("n"), word_of("n + 60000")
    differs: dict[tuple[type[Model], str], str] = {
        (Referrer, "host_account"): "host_account || n",
        (Referrer, "name"): f"{capitalized(first)} || ' ' || {capitalized(last)}",
        (Referrer, "email"): f"{first} || '@' || {last} || n || '.example'",
    }
    for model in (ReferralLink, ReferralCode):
        differs |= {(model, "text"): "text || n", (model, "folded"): "folded || n"}
    samples = {model: model._default_manager.all() for model in OF_A_REFERRER}
    copies.multiply(samples, copies=number, differs=differs)


# --- samples, by the decisions themselves ------------------------------------------------------------------


def _sample(stage: Stage, lives: list[Life], first: int) -> QuerySet[ReferredAccount]:
    """One account for each of these lives."""
    made = [_sign_up(stage, life, first + place) for place, life in enumerate(lives)]
    return ReferredAccount.objects.filter(pk__in=made)


def _sign_up(stage: Stage, life: Life, number: int) -> int:
    """An account signs up and lives; the company is called by a word of six letters and a trade."""
    country = list(PHONES)[number % len(PHONES)]
    name, trade = copies.word(number), TRADE[number % len(TRADE)]
    domain = f"{name}-{trade.lower()}{number // len(TRADE) or ''}.example"
    refused = {REFUSED_BY_CHECKS[number % 2]: ""} if life is _refused_by_checks else {}
    told = {
        "company_name": f"{name.capitalize()} {trade} {FORMS[country]}",
        "email": f"office@{domain}",
        "website": f"https://{domain}",
        "phone": phone(country, number // len(PHONES)),
        "country": country,
        "contact": CONTACTS[number % len(CONTACTS)],
        "registration": f"{country}{number:07}",
        **refused,
    }
    at = stage.now - AGES.get(life, timedelta(days=35)) - timedelta(minutes=number % 1_000 * 17)
    row = intake.sign_up(
        stage.program,
        told=intake.SignUpTold(host_account=f"account{number}", occurred_at=at, link="rosalang", **told),
        told_at=at,
    )
    account = ReferredAccount.objects.get(sign_up=row)
    life(stage, account)
    return account.pk


def _call(
    stage: Stage,
    account: ReferredAccount,
    outcome: str,
    *,
    at: datetime,
    call_back_at: datetime | None = None,
) -> None:
    row = stage.program.call_outcomes.get(code=outcome)
    desk.log_call(account, outcome=row, by=stage.caller, at=at, call_back_at=call_back_at)


def _decide(stage: Stage, account: ReferredAccount, result: str, reason: str, *, at: datetime) -> None:
    _call(stage, account, "REACHED", at=at)
    answers: dict[str, bool] | None = None if result == "QUALIFIED" else {}
    qualification.decide(account, result=result, by=stage.caller, at=at, reason=reason, answers=answers)
    account.refresh_from_db()
    effective_at = at + timedelta(minutes=stage.program.undo_minutes)
    if effective_at <= stage.now:
        qualification.take_effect(account, at=effective_at)


def _decided(*calls: str, result: str = "QUALIFIED", reason: str = "") -> Life:
    """Called every other day, then reached and decided."""

    def live(stage: Stage, account: ReferredAccount) -> None:
        at = account.signed_up_at + timedelta(hours=20)
        for outcome in calls:
            _call(stage, account, outcome, at=at)
            at += timedelta(days=2)
        _decide(stage, account, result, reason, at=at)

    return live


def _decided_anew(stage: Stage, account: ReferredAccount) -> None:
    """Refused, taken back at once, and qualified."""
    at = account.signed_up_at + timedelta(hours=20)
    qualification.decide(
        account, result="NOT_QUALIFIED", by=stage.caller, at=at, reason="freelancer", answers={}
    )
    qualification.undo(account, by=stage.caller, at=at + timedelta(minutes=2))
    account.refresh_from_db()
    _decide(stage, account, "QUALIFIED", "", at=at + timedelta(minutes=5))


def _given_up(stage: Stage, account: ReferredAccount) -> None:
    for day in range(1, 6):
        _call(stage, account, "NO_ANSWER", at=account.signed_up_at + timedelta(days=2 * day))
    qualification.give_up(account, reason="unreachable", at=account.signed_up_at + timedelta(days=25))


def _refused_by_checks(stage: Stage, account: ReferredAccount) -> None:
    """What is missing has refused it when it signed up."""


def _fresh(stage: Stage, account: ReferredAccount) -> None:
    """Nobody has called yet."""


def _late(stage: Stage, account: ReferredAccount) -> None:
    """Nobody has called yet, for days."""


def _tried(stage: Stage, account: ReferredAccount) -> None:
    _call(stage, account, "NO_ANSWER", at=account.signed_up_at + timedelta(hours=20))


def _tried_often(stage: Stage, account: ReferredAccount) -> None:
    for days in (1, 3, 5):
        _call(stage, account, "VOICEMAIL", at=account.signed_up_at + timedelta(days=days))


def _to_call_back(stage: Stage, account: ReferredAccount) -> None:
    _call(stage, account, "CALL_BACK", at=stage.now - timedelta(hours=20), call_back_at=stage.now)


def _decided_now(result: str, reason: str = "") -> Life:
    def live(stage: Stage, account: ReferredAccount) -> None:
        _decide(stage, account, result, reason, at=stage.now - timedelta(minutes=12))

    return live


REFUSED_BY_CHECKS = ["website", "phone"]
_FREELANCER = _decided(result="NOT_QUALIFIED", reason="freelancer")
_NO_NEED = _decided("NO_ANSWER", result="NOT_QUALIFIED", reason="no_translation_need")
DECIDED: list[Life] = [
    *[_decided()] * 12,
    *[_decided("NO_ANSWER")] * 7,
    *[_decided("BUSY", "VOICEMAIL")] * 4,
    *[_decided_anew] * 2,
    *[_FREELANCER] * 5,
    *[_NO_NEED] * 4,
    *[_given_up] * 4,
    *[_refused_by_checks] * 4,
]
WAITING: list[Life] = [
    *[_fresh] * 6,
    *[_late] * 5,
    *[_tried] * 4,
    *[_tried_often] * 3,
    *[_to_call_back] * 2,
]
TODAY: list[Life] = [_decided_now("QUALIFIED"), _decided_now("NOT_QUALIFIED", "freelancer")]
AGES: dict[Life, timedelta] = {
    _fresh: timedelta(hours=2),
    _late: timedelta(days=5),
    _tried: timedelta(days=2),
    _tried_often: timedelta(days=8),
    _to_call_back: timedelta(days=3),
    TODAY[0]: timedelta(days=2),
    TODAY[1]: timedelta(days=2),
}
"""How long ago they signed up; the others a month ago, and their copies weeks before that."""


# --- copies, by the database -------------------------------------------------------------------------------


def _multiply(
    sampled: list[tuple[QuerySet[ReferredAccount], int, str]], people: copies.People, *, referrers: int
) -> None:
    """Copy the samples of each group, the newest last."""
    first = Enrollment.objects.aggregate(first=Min("pk"))["first"]
    rows = [{model: _rows_of(model, accounts) for model in OF_AN_ACCOUNT} for accounts, *_ in sampled]
    with copies.bare(OF_AN_ACCOUNT):
        for samples, (_, times, earlier_by) in zip(rows, sampled, strict=True):
            differs = _differs(copies.next_ids(samples[SignUp]), first=first, referrers=referrers)
            copies.multiply(samples, copies=times, differs=differs, people=people, earlier_by=earlier_by)


def _rows_of(model: type[Model], accounts: QuerySet[ReferredAccount]) -> QuerySet[Model]:
    """The rows of these accounts, told by their numbers: more will be there when they are copied."""
    of_them = {SignUp: {"account__in": accounts}, ReferredAccount: {"pk__in": accounts}}
    found = model._default_manager.filter(**of_them.get(model, {"account__in": accounts}))
    return model._default_manager.filter(pk__in=list(found.values_list("pk", flat=True)))


def _differs(next_id: str, *, first: int, referrers: int) -> dict[tuple[type[Model], str], str]:
    """
    What tells a copy from its sample.

    Some referrers bring many accounts, most of them few: the square of an even spread.

    :param next_id: what is added to the number of a sign-up
    :param first: the enrollment of the first referrer
    """
    differs: dict[tuple[type[Model], str], str] = {}
    for model, number in ((SignUp, f"id + {next_id}"), (ReferredAccount, f"sign_up_id + {next_id}")):
        named, digits, backwards = word_of(number), digits_of(number), reversed_digits_of(number)
        differs |= {
            (model, "host_account"): "host_account || '-' || n",
            (model, "company_name"): f"{capitalized(named)} || SUBSTR(company_name, 7)",
            (model, "email"): _if_told("email", f"'office@' || {named} || SUBSTR(email, 14)"),
            (model, "website"): _if_told("website", f"'https://' || {named} || SUBSTR(website, 15)"),
            (model, "phone"): _if_told("phone", f"SUBSTR(phone, 1, LENGTH(phone) - 7) || {digits}"),
            (model, "registration"): f"SUBSTR(registration, 1, 2) || {digits}",
        }
        if model is ReferredAccount:
            spread = f"(({number}) * 48271 % 1000003)"
            differs |= {
                (model, "domain"): f"{named} || SUBSTR(domain, 7)",
                (model, "name_key"): f"{named} || SUBSTR(name_key, 7)",
                (model, "phone_key"): _if_told("phone_key", f"{backwards} || SUBSTR(phone_key, 8)"),
                (model, "enrollment_id"): f"{first} + {referrers} * {spread} / 1000003 * {spread} / 1000003",
                # Without having been screened: they look like their referrers.
                (model, "domain_match"): "n % 20 = 0",
            }
    return differs


def _if_told(column: str, expression: str) -> str:
    return f"CASE WHEN {column} = '' THEN '' ELSE {expression} END"


def _count_milestones() -> None:
    """The counters of the referrers, from what their accounts have reached."""
    FunnelCount.objects.all().delete()
    reached = MilestoneReached.objects.filter(holds=True, milestone__funnel__isnull=False)
    counted = reached.order_by().values_list("account__enrollment", "milestone__code").annotate(Count("pk"))
    FunnelCount.objects.bulk_create(
        (FunnelCount(enrollment_id=pk, milestone=code, accounts=number) for pk, code, number in counted),
        batch_size=2_000,
    )


def _let_hold(people: copies.People, *, at: datetime) -> None:
    """Some of the callers have a company right now."""
    callers = User.objects.filter(pk__gte=people.first).order_by("pk")[1 : HELD + 1]
    for caller in callers:
        reviews.claim_next(caller, at=at)
