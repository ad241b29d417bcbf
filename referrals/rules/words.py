"""
The closed lists of words in which programs are written and life cycles are told.

A ``Word`` is stored as it is written in a program file; ``label`` is how staff read it.
"""

from enum import StrEnum


class Word(StrEnum):
    """One word of a closed list."""

    @property
    def label(self) -> str:
        """The word as a person reads it: ``IN_REVIEW`` is 'In review'."""
        return self.value.replace("_", " ").capitalize()

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        """All words of the list with their labels, as a form or a column wants them."""
        return [(word.value, word.label) for word in cls]

    @classmethod
    def values(cls) -> list[str]:
        """All words of the list as plain text, as a constraint wants them."""
        return [word.value for word in cls]


class ProgramStatus(Word):
    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    ENDED = "ENDED"


class Kind(Word):
    """What a referred account is."""

    COMPANY = "COMPANY"
    FREELANCER = "FREELANCER"
    ANY = "ANY"


class EnrollmentMode(Word):
    """Who has a link: everybody eligible, who joins, who is invited."""

    AUTOMATIC = "AUTOMATIC"
    OPEN = "OPEN"
    INVITATION = "INVITATION"


class Stacking(Word):
    SUM = "SUM"
    HIGHEST = "HIGHEST"


class Clawback(Word):
    NONE = "NONE"
    BY_STAFF = "BY_STAFF"


class AttributionMethod(Word):
    LINK = "LINK"
    CODE = "CODE"
    MANUAL = "MANUAL"


class TouchOrder(Word):
    """Which of several touches wins."""

    FIRST = "FIRST"
    LAST = "LAST"


class Attribute(Word):
    """What an eligibility row looks at in a referrer; written in lower case, as in the file."""

    KIND = "kind"
    COUNTRY = "country"
    TIER = "tier"
    IS_PARTNER = "is_partner"
    MARKETING_OPT_OUT = "marketing_opt_out"


class Operator(Word):
    IS = "IS"
    IS_NOT = "IS_NOT"
    IN = "IN"
    NOT_IN = "NOT_IN"


class CheckedAt(Word):
    ENROLLMENT = "ENROLLMENT"
    SIGN_UP = "SIGN_UP"
    RELEASE = "RELEASE"


class Evidence(Word):
    """What a referred account may be asked to tell of itself; written as in the file."""

    COMPANY_NAME = "company_name"
    EMAIL = "email"
    WEBSITE = "website"
    PHONE = "phone"
    COUNTRY = "country"
    CONTACT = "contact"


class SelfReferralRule(Word):
    REJECT = "REJECT"
    FLAG = "FLAG"
    ALLOW = "ALLOW"


class CriterionSource(Word):
    AUTOMATIC = "AUTOMATIC"
    STAFF = "STAFF"


class Check(Word):
    """The automatic checks."""

    KIND = "KIND"
    COMPANY_EMAIL = "COMPANY_EMAIL"
    EVIDENCE = "EVIDENCE"
    NEW_CUSTOMER = "NEW_CUSTOMER"


class Match(Word):
    """By what an existing customer is recognized."""

    HOST_ID = "HOST_ID"
    EMAIL = "EMAIL"
    DOMAIN = "DOMAIN"


class Asked(Word):
    ALWAYS = "ALWAYS"
    WHEN_FLAGGED = "WHEN_FLAGGED"


class Result(Word):
    """What was found about one criterion."""

    PASS = "PASS"  # noqa: S105  (not a password)
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"
    WAIVED = "WAIVED"


class TestKind(Word):
    """How a milestone's test looks at the facts."""

    __test__ = False  # not a test class

    SIGNED_UP = "SIGNED_UP"
    QUALIFIED = "QUALIFIED"
    OCCURRED = "OCCURRED"
    FIRST = "FIRST"
    TOTAL = "TOTAL"


class Beneficiary(Word):
    REFERRER = "REFERRER"
    REFERRED = "REFERRED"


class RewardKind(Word):
    ACCOUNT_BALANCE = "ACCOUNT_BALANCE"
    CASH = "CASH"
    ACCOUNT_CREDIT = "ACCOUNT_CREDIT"
    DISCOUNT = "DISCOUNT"
    FREE_MONTHS = "FREE_MONTHS"


class Recurrence(Word):
    ONCE = "ONCE"
    MONTHLY = "MONTHLY"


class Anchor(Word):
    BONUS_ACTIVATED = "BONUS_ACTIVATED"
    FIRST_PAYMENT = "FIRST_PAYMENT"
    MILESTONE_REACHED = "MILESTONE_REACHED"
    MONTH_END = "MONTH_END"


class PointKind(Word):
    DAY_OF_MONTH = "DAY_OF_MONTH"
    BUSINESS_DAY = "BUSINESS_DAY"


class Condition(Word):
    """What must hold when a bonus is paid."""

    NONE = "NONE"
    MILESTONE_HOLDS = "MILESTONE_HOLDS"
    REFERRED_ACCOUNT_ACTIVE = "REFERRED_ACCOUNT_ACTIVE"


class IfNotActive(Word):
    """What a paused or past-due account means for a bonus that is due."""

    WAIT = "WAIT"
    PAY = "PAY"
    CANCEL = "CANCEL"


class Release(Word):
    AUTOMATIC = "AUTOMATIC"
    AFTER_APPROVAL = "AFTER_APPROVAL"


class LatePolicy(Word):
    NEXT_RUN = "NEXT_RUN"
    HOLD = "HOLD"


class Weekday(Word):
    MON = "MON"
    TUE = "TUE"
    WED = "WED"
    THU = "THU"
    FRI = "FRI"
    SAT = "SAT"
    SUN = "SUN"


class Channel(Word):
    EMAIL = "EMAIL"
    LINKEDIN = "LINKEDIN"
    X = "X"
    WHATSAPP = "WHATSAPP"
    OTHER = "OTHER"


class Flag(Word):
    """Signs of self-referral, raised at screening; written as staff and cases name them."""

    REFERRER_ACCOUNT_MATCH = "referrer_account_match"
    REFERRER_EMAIL_MATCH = "referrer_email_match"
    REFERRER_DOMAIN_MATCH = "referrer_domain_match"


class AnswerSource(Word):
    """Where the answer to a question comes from."""

    CALL = "CALL"
    DOCUMENT = "DOCUMENT"
    REGISTRY = "REGISTRY"


class Verdict(Word):
    """What comparing two companies has shown."""

    SAME = "SAME"
    DIFFERENT = "DIFFERENT"


class SignalKind(Word):
    """Why a senior looks at an account before it is qualified."""

    EMPLOYEE = "EMPLOYEE"
    NEW_LOCATION = "NEW_LOCATION"
    OWNED_BUSINESS = "OWNED_BUSINESS"
    SAME_DESTINATION = "SAME_DESTINATION"
    SELF_REFERRAL = "SELF_REFERRAL"
