"""
What comes in about people: links opened, sign-ups told, sign-ups attributed by staff.

Every sign-up told is kept. One that somebody brought becomes a referred account and is
screened at once; screening looks at the referrer, at self-referral and at the automatic
criteria, in this order, and the first that fails gives the reason.
"""

from dataclasses import asdict, dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from referrals import arrivals, enrollment, notes, screening
from referrals.models import (
    Enrollment,
    Host,
    Program,
    ReferralCode,
    ReferralLink,
    ReferredAccount,
    Referrer,
    SignUp,
    Terms,
    Touch,
)
from referrals.rules.attribution import AttributionRules, Candidate, TouchKind, Winner
from referrals.rules.attribution import attribute as choose
from referrals.rules.identity import (
    company_domain,
    folded_code,
    folded_link,
    name_key,
    normalized_email,
    phone_key,
)
from referrals.rules.lifecycle import AccountStatus, EnrollmentStatus
from referrals.rules.refusal import Refused, WrongField, require_two_people
from referrals.rules.words import (
    AttributionMethod,
    Kind,
    ProgramStatus,
)


class ProgramNotActive(Refused):
    """The program takes in no sign-ups."""

    code = "program_not_active"


class NotInProgram(Refused):
    """No such account takes part in the program."""

    code = "not_in_program"


class MethodNotAllowed(Refused):
    """The terms know no attribution by staff."""

    code = "method_not_allowed"


class NotSignedUp(Refused):
    """The account has not signed up, or at a time at which the program took in nobody."""

    code = "not_signed_up"


class AlreadyAttributed(Refused):
    """The account has a referrer already."""

    code = "already_attributed"


@dataclass(frozen=True, slots=True)
class SignUpTold:
    """A sign-up as the host tells it; empty text is what was not told."""

    host_account: str
    occurred_at: datetime
    visitor: str = ""
    link: str = ""
    code: str = ""
    kind: str = ""
    company_name: str = ""
    email: str = ""
    website: str = ""
    phone: str = ""
    country: str = ""
    contact: str = ""
    registration: str = ""


def open_link(host: Host, *, link: str, visitor: str, at: datetime) -> Touch | None:
    """Keep that a visitor opened a link; ``None``: there is no such link."""
    row = ReferralLink.objects.filter(host=host, folded=folded_link(link)).first()
    return Touch.objects.create(link=row, visitor=visitor, touched_at=at) if row else None


def account_in(program: Program, *, host_account: str) -> ReferredAccount:
    """
    The account of the host that takes part in the program.

    :raises NotInProgram: if there is none
    """
    account = ReferredAccount.objects.filter(program=program, host_account=host_account).first()
    if account is None:
        raise NotInProgram(f"{host_account} is not in {program.name}.")
    return account


@transaction.atomic
def sign_up(program: Program, *, told: SignUpTold, told_at: datetime) -> SignUp:
    """
    Keep a sign-up; if somebody brought it, it becomes a referred account and is screened.

    The same account again is another contact: it is kept, and changes nothing.

    :raises ProgramNotActive: if the program is a draft, paused or ended
    :raises WrongField: if the sign-up lies in the future or has no offset
    """
    if program.status != ProgramStatus.ACTIVE:
        raise ProgramNotActive(f"{program.name} is {program.status.lower()}: it takes in no sign-ups.")
    if not told.host_account:
        raise WrongField("account", "is missing.")
    for field, value in asdict(told).items():
        most = SignUp._meta.get_field(field).max_length  # type: ignore[union-attr]
        if most is not None and len(value) > most:
            name = "account" if field == "host_account" else field
            raise WrongField(name, f"is longer than {most} characters.")
    if told.occurred_at.utcoffset() is None:
        raise WrongField("occurred_at", f"'{told.occurred_at.isoformat()}' has no offset.")
    if told.occurred_at > told_at:
        raise WrongField("occurred_at", f"'{told.occurred_at.isoformat()}' lies in the future.")

    arrivals.wait_for_turn(program.host, told.host_account)
    first = SignUp.objects.filter(program=program, host_account=told.host_account, repeats=None).first()
    row = SignUp.objects.create(program=program, told_at=told_at, repeats=first, **asdict(told))
    terms = terms_at(program, at=told.occurred_at)
    if first is None and terms is not None:
        candidates = _candidates(row)
        winner = choose(candidates, rules=_attribution_rules(terms), signed_up_at=row.occurred_at)
        if winner:
            _enter(row, terms=terms, enrollment=candidates[winner.candidate], won=winner, at=told_at)
    return row


@transaction.atomic
def attribute(
    program: Program,
    *,
    host_account: str,
    referrer: Referrer,
    by: User,
    approved_by: User,
    at: datetime,
    note: str,
) -> ReferredAccount:
    """
    Let an account that signed up without a referrer come in, with its own sign-up instant.

    :raises MethodNotAllowed: if the terms know no attribution by staff
    :raises SamePerson: if one person wants to do it alone
    :raises NotSignedUp: if it did not sign up while the program took in sign-ups
    :raises AlreadyAttributed: if it has a referrer
    :raises NotEnrolled: if the referrer is not active in the program
    """
    arrivals.wait_for_turn(program.host, host_account)
    row, terms = _sign_up_of(program, host_account=host_account, at=at)
    require_two_people(by, approved_by)
    row, terms, active = _without_referrer(program, row, terms, host_account=host_account, referrer=referrer)
    account = _enter(row, terms=terms, enrollment=active, by=(by, approved_by), at=at)
    notes.write(account, about="attributed", text=note, by=by, at=at)
    return account


def check_attribution(program: Program, *, host_account: str, referrer: Referrer, at: datetime) -> None:
    """
    Refuse at once what ``attribute`` would refuse as things stand, before a second person is asked.

    :raises MethodNotAllowed: if the terms know no attribution by staff
    :raises NotSignedUp: if it did not sign up while the program took in sign-ups
    :raises AlreadyAttributed: if it has a referrer
    :raises NotEnrolled: if the referrer is not active in the program
    """
    row, terms = _sign_up_of(program, host_account=host_account, at=at)
    _without_referrer(program, row, terms, host_account=host_account, referrer=referrer)


def _sign_up_of(program: Program, *, host_account: str, at: datetime) -> tuple[SignUp | None, Terms | None]:
    """The sign-up of an account that counts, and its terms, where these let staff attribute it."""
    row = SignUp.objects.filter(program=program, host_account=host_account, repeats=None).first()
    terms = terms_at(program, at=row.occurred_at) if row else None
    if not (terms or enrollment.terms_for_joining(program, at=at)).manual_counts:
        raise MethodNotAllowed(f"The terms of {program.name} know no attribution by staff.")
    return row, terms


def _without_referrer(
    program: Program, row: SignUp | None, terms: Terms | None, *, host_account: str, referrer: Referrer
) -> tuple[SignUp, Terms, Enrollment]:
    """A sign-up that nobody brought, its terms, and where the referrer takes part."""
    if row is None or terms is None:
        raise NotSignedUp(f"{host_account} did not sign up while {program.name} took in sign-ups.")
    if ReferredAccount.objects.filter(sign_up=row).exists():
        raise AlreadyAttributed(f"{host_account} has a referrer already.")
    active = Enrollment.objects.filter(
        program=program, referrer=referrer, status=EnrollmentStatus.ACTIVE
    ).first()
    if active is None:
        raise enrollment.NotEnrolled(f"{referrer} is not active in {program.name}.")
    return row, terms, active


def terms_at(program: Program, *, at: datetime) -> Terms | None:
    """The terms under which a sign-up of that instant comes; ``None``: none are taken in."""
    terms = Terms.objects.filter(program=program).in_force(at=at).first()
    if terms is None or (terms.enrollment_closes_at and at >= terms.enrollment_closes_at):
        return None
    return terms


def _attribution_rules(terms: Terms) -> AttributionRules:
    counts = {
        AttributionMethod.LINK: terms.link_counts,
        AttributionMethod.CODE: terms.code_counts,
        AttributionMethod.MANUAL: terms.manual_counts,
    }
    return AttributionRules(
        methods={method for method, does in counts.items() if does},
        touch=terms.touch,
        window_days=terms.window_days,
        code_beats_link=terms.code_beats_link,
        old_links_work=terms.old_links_work,
        old_codes_work=terms.old_codes_work,
    )


def _candidates(row: SignUp) -> dict[Candidate, Enrollment]:
    """The touches that may have brought a sign-up, with whom each of them speaks for."""
    found: dict[Candidate, Enrollment] = {}

    def add(kind: TouchKind, at: datetime, key: int, text: ReferralLink | ReferralCode | None) -> None:
        if text is not None and text.enrollment.program_id == row.program_id:
            candidate = Candidate(
                kind=kind,
                at=at,
                key=key,
                valid_from=text.valid_from,
                valid_until=text.valid_until,
                referrer_is_active=text.enrollment.status == EnrollmentStatus.ACTIVE,
            )
            found[candidate] = text.enrollment

    host_id = row.program.host_id
    if row.visitor:
        touches = Touch.objects.filter(
            visitor=row.visitor, link__host=host_id, touched_at__lte=row.occurred_at
        ).select_related("link__enrollment")
        for touch in touches:
            add(TouchKind.OPENED_LINK, touch.touched_at, touch.pk, touch.link)
    if row.code:
        codes = ReferralCode.objects.filter(host=host_id, folded=folded_code(row.code))
        add(TouchKind.TYPED_CODE, row.occurred_at, 0, codes.select_related("enrollment").first())
    if row.link:
        links = ReferralLink.objects.filter(host=host_id, folded=folded_link(row.link))
        add(TouchKind.FORM_LINK, row.occurred_at, 0, links.select_related("enrollment").first())
    return found


def _enter(
    row: SignUp,
    *,
    terms: Terms,
    enrollment: Enrollment,
    at: datetime,
    won: Winner | None = None,
    by: tuple[User | None, User | None] = (None, None),
) -> ReferredAccount:
    """Make the referred account of a sign-up, and screen it."""
    opened = won is not None and won.candidate.kind is TouchKind.OPENED_LINK
    wanted = terms.referred_kind if terms.referred_kind != Kind.ANY else ""
    account = ReferredAccount.objects.create(
        program=row.program,
        terms=terms,
        enrollment=enrollment,
        sign_up=row,
        host_account=row.host_account,
        kind=row.kind or wanted,
        company_name=row.company_name,
        email=normalized_email(row.email),
        domain=company_domain(row.email),
        website=row.website,
        phone=row.phone,
        country=row.country,
        contact=row.contact,
        registration=row.registration,
        name_key=name_key(row.company_name),
        phone_key=phone_key(row.phone, row.country),
        signed_up_at=row.occurred_at,
        entered_at=at,
        attribution_method=won.candidate.method if won else AttributionMethod.MANUAL,
        attribution_rule=won.rule if won else "by_staff",
        touch_id=won.candidate.key if won and opened else None,
        attributed_by=by[0],
        attribution_approved_by=by[1],
        status=AccountStatus.SIGNED_UP,
    )
    screening.screen(account, at=at)
    return account
