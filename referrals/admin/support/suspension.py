"""Suspending a referrer in one program, and letting the referrer go on."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from referrals import enrollment
from referrals.admin.steps import ReasonForm, Step
from referrals.models import Enrollment
from referrals.rules.lifecycle import EnrollmentStatus

SUSPEND = "referrals.suspend_enrollment"


def _suspend(row: Enrollment, by: User, at: datetime, told: dict[str, Any]) -> str:
    enrollment.suspend(row.referrer, program=row.program, by=by, at=at, reason=told["reason"])
    return f"{row.referrer} is suspended in {row.program.name}: nothing new counts, and bonuses wait."


def _resume(row: Enrollment, by: User, at: datetime, told: dict[str, Any]) -> str:
    enrollment.resume(row.referrer, program=row.program, by=by, at=at)
    return f"{row.referrer} takes part in {row.program.name} again; the next run pays what has become due."


SUSPENSION_STEPS = [
    Step(
        "suspend",
        verb="Suspend",
        explains="Links and codes do not count from now on, and bonuses wait until somebody lets the referrer"
        " go on. What was earned stays. The referrer reads that it is suspended, not why.",
        permissions=[SUSPEND],
        take=_suspend,
        is_offered=lambda row: row.status == EnrollmentStatus.ACTIVE,
        form=ReasonForm,
    ),
    Step(
        "resume",
        verb="Let go on",
        explains="Links and codes count again from now on; what waited is paid by the next run if it is due.",
        permissions=[SUSPEND],
        take=_resume,
        is_offered=lambda row: row.status == EnrollmentStatus.SUSPENDED,
    ),
]
