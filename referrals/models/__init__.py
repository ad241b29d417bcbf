"""The rows of WHO and WHETHER: programs, referrers, referred accounts, evidence, decisions."""

from referrals.models.account import (
    CriterionResult,
    MilestoneReached,
    ReferredAccount,
    SignUp,
    StatusChange,
)
from referrals.models.calendar import (
    Calendar,
    Holiday,
)
from referrals.models.click import Click
from referrals.models.credentials import (
    ApiKey,
    WebhookSecret,
)
from referrals.models.event import (
    AccountEvent,
    EventVoid,
)
from referrals.models.funnel_month import FunnelMonth
from referrals.models.host import (
    ApiClient,
    ExistingCustomer,
    Host,
)
from referrals.models.job import FailingPart, JobRun
from referrals.models.likeness import Comparison, Correction, Signal
from referrals.models.message import Message
from referrals.models.program import (
    CallingDay,
    CallingRules,
    CallOutcome,
    Criterion,
    EligibilityRule,
    EligibilityValue,
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
from referrals.models.referrer import (
    Enrollment,
    EnrollmentChange,
    FunnelCount,
    ReferralCode,
    ReferralLink,
    Referrer,
    Touch,
)
from referrals.models.review import (
    Call,
    Decision,
    Note,
    Proposal,
    Review,
)
from referrals.models.second_look import SecondLook
from referrals.models.staff import ProgramStaff, SavedView, SeenAs

__all__ = [
    "AccountEvent",
    "ApiClient",
    "ApiKey",
    "Calendar",
    "Call",
    "CallOutcome",
    "CallingDay",
    "CallingRules",
    "Click",
    "Comparison",
    "Correction",
    "Criterion",
    "CriterionResult",
    "Decision",
    "EligibilityRule",
    "EligibilityValue",
    "Enrollment",
    "EnrollmentChange",
    "EventVoid",
    "ExistingCustomer",
    "FailingPart",
    "FunnelCount",
    "FunnelMonth",
    "Holiday",
    "Host",
    "JobRun",
    "Message",
    "Milestone",
    "MilestoneAfter",
    "MilestoneReached",
    "MilestoneTest",
    "MilestoneTestEvent",
    "Note",
    "Program",
    "ProgramStaff",
    "Proposal",
    "ReferralCode",
    "ReferralLink",
    "ReferredAccount",
    "Referrer",
    "RejectionReason",
    "RequiredEvidence",
    "Review",
    "SavedView",
    "SecondLook",
    "SeenAs",
    "ShareText",
    "SignUp",
    "Signal",
    "StatusChange",
    "Terms",
    "Touch",
    "WebhookSecret",
]
