"""
What has happened when the demo starts: a year of sign-ups, calls, purchases and payments, up to now.

Each program writes its part of the script, relative to now unless the program is over. In the last hours the
daily jobs have not run: what fell due since then is what the worker pays when it starts.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count

from payouts import withdrawals
from payouts.demo.anchors import Month, latest_opened, months_until
from payouts.demo.companies import Company, company
from payouts.demo.script import Script, Story
from payouts.program_files import latest_terms, schedule_of
from referrals.models import Enrollment

QUIET = timedelta(hours=6)
"""For so long the daily jobs have not run."""


class History:
    """Everything that the script of a first start holds."""

    def __init__(self, script: Script, *, now: datetime) -> None:
        self.script, self.stage, self.now = script, script.stage, now
        self.companies = map(company, count())

    def story(
        self, slug: str, by: str, at: datetime, comes: Company | None = None, **differently: str
    ) -> Story:
        """An account that signs up by that link at that instant; the next company unless it is told."""
        return Story(self.script, slug, comes or next(self.companies), by=by, at=at, **differently)

    def before(self, **time: float) -> datetime:
        return self.now - timedelta(**time)

    def months(self, slug: str, *, since: datetime) -> list[Month]:
        """The months whose windows have opened before the daily jobs went quiet."""
        schedule = schedule_of(latest_terms(self.stage.programs[slug]))
        return months_until(schedule, since=since, until=self.now - QUIET)

    def latest(self, slug: str) -> Month:
        return latest_opened(schedule_of(latest_terms(self.stage.programs[slug])), now=self.now, ago=QUIET)

    def starts(self, slug: str, *, every: timedelta, number: int) -> Iterator[datetime]:
        """Sign-ups spread over the last year; none before the program began."""
        began_at = latest_terms(self.stage.programs[slug]).effective_from + timedelta(days=1)
        for place in range(number):
            at = self.now - timedelta(days=364) + place * every + timedelta(hours=place * 5 % 9)
            if began_at < at < self.now - QUIET:
                yield at


def on_a_workday(at: datetime) -> datetime:
    """Nobody calls on Saturday or Sunday."""
    return at + timedelta(days=max(0, 7 - at.weekday()) if at.weekday() >= 5 else 0)


def uses_balance(link: str, slug: str, *, spent: int, withdrawn: int = 0) -> Callable[[datetime], object]:
    """A referrer buys a service and withdraws something, as far as there is enough."""

    def use(at: datetime) -> None:
        taking = Enrollment.objects.get(program__slug=slug, links__folded=link)
        try:
            withdrawals.spend(taking, amount_minor=spent, service="services", at=at)
            if withdrawn:
                withdrawals.withdraw(taking, amount_minor=withdrawn, at=at)
        except withdrawals.InsufficientBalance:
            return

    return use
