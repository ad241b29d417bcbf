"""
The demo's data: made once, and topped up when the demo is started again and too little is due.

What was due at the last start has been paid since then: each start would show less than the one before.
"""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import transaction

from payouts import due, ledger, program_files, sweeps
from payouts.demo import cast, over, payments, reviews, smartcat, smithai
from payouts.demo.companies import OUTSIDE
from payouts.demo.history import History
from payouts.demo.host_product import ACCOUNT
from payouts.demo.script import Script, Stage
from payouts.demo.statistics import look_anew
from payouts.models import Bonus
from payouts.rules.lifecycle import BonusStatus
from referrals import credentials, enrollment
from referrals.models import ApiClient, ExistingCustomer, Host, ReferralLink, ReferredAccount, SignUp
from referrals.rules.lifecycle import AccountStatus, EnrollmentStatus
from referrals.rules.words import Release

PROGRAMS = ["smartcat", "smithai", "smithai-legacy", "upwork-2019"]
ENROLLED_AT = {
    "smithai-legacy": datetime(2024, 11, 5, 18, tzinfo=UTC),
    "upwork-2019": datetime(2019, 2, 1, 18, tzinfo=UTC),
}
AT_LEAST_DUE = 3
KNOWN_TO_THE_HOST = 12


class NotEmpty(Exception):
    """There are referred accounts already, which are none of the demo's."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a start has made, and what there is now."""

    is_new: bool
    accounts: int
    bonuses: int
    due_now: int


@transaction.atomic
def make(*, now: datetime) -> Made:
    """
    Make what is missing: all of it at the first start, later only what must be due again.

    :raises ProgramUnknown: if a program is not loaded
    :raises NotEmpty: if the installation is in use already
    """
    host = program_files.default_host()
    programs = {slug: program_files.program_named(slug) for slug in PROGRAMS}
    client = ApiClient.objects.filter(host=host, name=cast.CLIENT).first()
    is_new = client is None
    if client is None:
        if ReferredAccount.objects.exists():
            raise NotEmpty(
                "This database has referred accounts that are not the demo's: name another DATA_DIR."
            )
        client = ApiClient.objects.create(host=host, name=cast.CLIENT)
        Host.objects.filter(pk=host.pk).update(name=cast.HOST)
    stage = Stage(programs, cast.make_log_ins(), client)
    if is_new:
        _write_history(stage, now=now)
        look_anew()
    elif (missing := AT_LEAST_DUE - _due_now(stage, now=now)) > 0:
        script = Script(stage)
        since = SignUp.objects.filter(host_account__startswith="late-").count()
        smartcat.write_fresh(script, now=now, since=since, number=missing)
        # Others were evaluated at later instants by now: only the present is looked at.
        script.play(until=now, evaluating=False)
    due_at_once = _due_now(stage, now=now)
    return Made(is_new, ReferredAccount.objects.count(), Bonus.objects.count(), due_at_once)


def due_now(*, as_of: datetime) -> int:
    """How many bonuses the next run pays."""
    found = 0
    for schedule in due.schedules(as_of=as_of):
        for kind in ledger.PAID_TO:
            payable = due.payable(due.due(schedule, as_of=as_of), schedule, kind=kind)
            if schedule.release == Release.AFTER_APPROVAL:
                payable = payable.filter(status=BonusStatus.APPROVED)
            found += payable.count()
    return found


def give_credentials(path: Path, *, at: datetime) -> None:
    """
    Keep key and secret of the host product in a file that only its owner reads.

    In a file whose client is still the demo's only the company is another one that signs up next.
    """
    client = ApiClient.objects.get(host=program_files.default_host(), name=cast.CLIENT)
    by_script = SignUp.objects.filter(host_account__startswith=ACCOUNT).count()
    next_company = {"next_company": OUTSIDE + by_script}
    if path.exists() and (told := json.loads(path.read_text()))["client"] == client.public_id:
        path.write_text(json.dumps(told | next_company))
        return
    _, key = credentials.issue_key(client, scopes=list(credentials.Scope), at=at)
    secret = credentials.issue_webhook_secret(client, at=at)
    told = {"client": client.public_id, "key": key, "secret": secret, **_known_to_the_host(), **next_company}
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as kept:
        json.dump(told, kept)


def _known_to_the_host() -> dict[str, object]:
    """The links that its customers open, and customers who go on buying."""
    links = ReferralLink.objects.filter(
        enrollment__program__slug__in=["smartcat", "smithai"], enrollment__status=EnrollmentStatus.ACTIVE
    )
    customers = ReferredAccount.objects.filter(
        program__slug__in=["smartcat", "smithai"], status=AccountStatus.QUALIFIED
    )
    return {
        "links": list(links.order_by("pk").values_list("enrollment__program__slug", "text")),
        "customers": list(
            customers.order_by("-pk").values_list("program__slug", "host_account")[:KNOWN_TO_THE_HOST]
        ),
    }


def _write_history(stage: Stage, *, now: datetime) -> None:
    referrers = cast.make_referrers(stage.client.host, stage.users)
    for one in cast.BRINGING:
        for slug, link in one.links.items():
            enrollment.enroll(
                referrers[one.key],
                program=stage.programs[slug],
                at=ENROLLED_AT.get(slug, now - timedelta(days=400)),
                invited=True,
                link=link,
                code=link.upper(),
            )
    ExistingCustomer.objects.create(
        host=stage.client.host,
        host_account="customer-17",
        company_name="Known Before Ltd",
        name_key="known before",
        email="info@known-before.example",
        domain="known-before.example",
        kind="COMPANY",
        customer_since=now - timedelta(days=900),
    )
    script = Script(stage)
    history = History(script, now=now)
    # The desk last: its accounts are the newest.
    for part in (over, smartcat, smithai, payments, reviews):
        part.write(history)
    script.play(until=now)
    for program in stage.programs.values():
        sweeps.evaluate(program, as_of=now)


def _due_now(stage: Stage, *, now: datetime) -> int:
    sweeps.evaluate(stage.programs["smartcat"], as_of=now)
    return due_now(as_of=now)
