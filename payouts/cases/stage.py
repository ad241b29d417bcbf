"""
The stage of a worked case: a host of its own, so that nothing of the installation is seen.

On it are a private copy of the program, the referrers, the existing customers and the people
that the case names. What is played there is rolled back.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.db import connection, transaction

from payouts import accrual, batches, program_files, sweeps
from payouts.cases.format import Case
from payouts.rules.program_document import to_instant
from referrals import enrollment, qualification
from referrals.models import ApiClient, Enrollment, ExistingCustomer, Host, Referrer
from referrals.rules.identity import company_domain, normalized_email

# Whoever approves at once what needs approval; names with a space are nobody's of a case.
APPROVERS = ("puts up", "approves")
NAMES_OF_PEOPLE = ("by", "approved_by", "put_up_by")
OF_THE_ENROLLMENT = ("invited", "withdrawal_minimum")


class SweepFailed(Exception):
    """A sweep could not do its work for some accounts."""


class Stage:
    """What a case is played on."""

    def __init__(self, case: Case) -> None:
        begins = _before_everything(case)
        self.case = case
        self.host = Host.objects.create(slug=f"case-{secrets.token_hex(8)}", name=case.id[:200])
        self.client = ApiClient.objects.create(host=self.host, name="the case")
        self.program = program_files.store(case.document, host=self.host, now=begins)
        self.people = self._people()
        self.referrers = {
            name: self._referrer(name, attributes, at=begins) for name, attributes in case.referrers.items()
        }
        self.effects: dict[str, datetime] = {}
        """When waiting decisions take effect, by account."""
        ExistingCustomer.objects.bulk_create(
            ExistingCustomer(
                host=self.host,
                host_account=customer["id"],
                email=normalized_email(customer["email"]),
                domain=company_domain(customer["email"]),
                kind=customer["kind"],
            )
            for customer in case.existing_customers
        )

    def person(self, name: str) -> User:
        return self.people[name]

    def enrollment(self, referrer: str) -> Enrollment:
        """
        The enrollment of a referrer.

        :raises NotEnrolled: if the referrer never took part
        """
        row = Enrollment.objects.filter(program=self.program, referrer=self.referrers[referrer]).first()
        if row is None:
            raise enrollment.NotEnrolled(f"{referrer} does not take part in {self.program}.")
        return row

    def change_referrer(self, referrer: str, changes: Mapping[str, Any]) -> None:
        """Let the host change what a referrer is; whether it was invited is not asked again."""
        of_referrer = {key: value for key, value in changes.items() if key not in OF_THE_ENROLLMENT}
        enrollment.change_referrer(self.referrers[referrer], changes=of_referrer)
        if "withdrawal_minimum" in changes:
            enrolled = Enrollment.objects.filter(program=self.program, referrer=self.referrers[referrer])
            enrolled.update(withdrawal_minimum_minor=changes["withdrawal_minimum"])

    def evaluate(self, at: datetime) -> None:
        """
        Let due decisions take effect, and what follows from facts and decisions be stored.

        :raises SweepFailed: if an account cannot be evaluated; in an installation the others go on
        """
        qualification.let_take_effect(as_of=at, program=self.program)
        tally = accrual.accrue(as_of=at, program=self.program)
        if tally.failed:
            raise SweepFailed("; ".join(tally.errors))

    def run_jobs(self, at: datetime) -> None:
        """Run the daily jobs of the program."""
        approve = self._approve if self.case.approves_at_once else None
        sweeps.run_daily(self.program, as_of=at, between=approve and (lambda: approve(at)))

    def _approve(self, at: datetime) -> None:
        put_up_by, approved_by = (self.person(name) for name in APPROVERS)
        with suppress(batches.NothingToApprove):
            batches.approve_all(self.program, put_up_by=put_up_by, approved_by=approved_by, at=at)

    def _people(self) -> dict[str, User]:
        named = [step.keys[key] for step in self.case.steps for key in NAMES_OF_PEOPLE if step.keys.get(key)]
        return {
            name: User.objects.create(username=f"{name}@{self.host.slug}")
            for name in dict.fromkeys([*APPROVERS, *named])
        }

    def _referrer(self, name: str, attributes: Mapping[str, Any], *, at: datetime) -> Referrer:
        referrer = Referrer.objects.create(
            host=self.host,
            host_account=name,
            **{key: value for key, value in attributes.items() if key not in OF_THE_ENROLLMENT},
        )
        with suppress(enrollment.NotEligible, enrollment.NotInvited):
            enrolled = enrollment.enroll(
                referrer,
                program=self.program,
                at=at,
                invited=attributes["invited"],
                link=name,
                code=name,
            )
            enrolled.withdrawal_minimum_minor = attributes["withdrawal_minimum"]
            enrolled.save(update_fields=["withdrawal_minimum_minor"])
        return referrer


@contextmanager
def staged(case: Case) -> Iterator[Stage]:
    """A stage for a case; deferred constraints are checked at its end, and nothing of it stays."""
    with transaction.atomic():
        yield Stage(case)
        connection.check_constraints()
        transaction.set_rollback(True)


def _before_everything(case: Case) -> datetime:
    """An instant before all that a case speaks of, and at which its program still takes referrers."""
    told = [step.keys["occurred_at"] for step in case.steps if "occurred_at" in step.keys]
    closes_at = case.document["terms"]["enrollment_closes_at"]
    zone = ZoneInfo(case.document["program"]["time_zone"])
    closing = [to_instant(closes_at, zone)] if closes_at else []
    spoken_of: list[datetime] = [*(step.at for step in case.steps), *told, *case.jobs.at, *closing]
    return min([*spoken_of, case.as_of]) - timedelta(days=1)
