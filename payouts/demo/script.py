"""
A script: acts at past instants, and the stage on which they are played in their order.

Each act calls one real decision, so what the demo shows is what the code does. What follows from an act is
evaluated right after it; the daily jobs are acts, too.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User

from payouts import batches, holds, sweeps
from payouts.demo.calling import callable_from
from payouts.demo.companies import Company
from payouts.models import Bonus, PayoutBatch
from payouts.rules.lifecycle import BatchStatus
from referrals import desk, events, intake, links, qualification
from referrals.models import ApiClient, Program, ReferralLink, ReferredAccount
from referrals.rules.refusal import Refused

Take = Callable[[datetime], object]
BETWEEN_CALLS = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Stage:
    """The programs, staff and software of the demo."""

    programs: Mapping[str, Program]
    users: Mapping[str, User]
    client: ApiClient

    def jobs(self, slug: str) -> Take:
        """The daily jobs of a program."""

        def run(at: datetime) -> None:
            sweeps.evaluate(self.programs[slug], as_of=at)
            sweeps.run_daily(self.programs[slug], as_of=at)

        return run

    def prepare(self, slug: str) -> Take:
        return lambda at: batches.prepare(as_of=at, program=self.programs[slug])

    def put_up(self, slug: str) -> Take:
        """Fay puts up every draft; what is not ready goes on into the next."""

        def put_up_each(at: datetime) -> None:
            for batch in list(PayoutBatch.objects.in_draft().filter(program=self.programs[slug])):
                with suppress(batches.NothingToApprove):
                    batches.put_up(batch, by=self.users["fay"], at=at)

        return put_up_each

    def approve(self, slug: str) -> Take:
        """Finn approves what has waited longest."""

        def approve_first(at: datetime) -> None:
            waiting = PayoutBatch.objects.filter(
                program=self.programs[slug], status=BatchStatus.AWAITING_APPROVAL
            )
            if (batch := waiting.order_by("pk").first()) is not None:
                batches.approve(batch, by=self.users["finn"], at=at)

        return approve_first


class Script:
    """What happens when."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._acts: list[tuple[datetime, Program | None, Take]] = []

    def at(self, instant: datetime, take: Take, *, follows: Program | None = None) -> None:
        """
        Let something happen at that instant.

        :param follows: the program whose accounts are evaluated afterwards
        """
        self._acts.append((instant, follows, take))

    def play(self, *, until: datetime, evaluating: bool = True) -> None:
        """Let everything happen that lies not after that instant, in its order."""
        for instant, program, take in sorted(self._acts, key=lambda act: act[0]):
            if instant > until:
                break
            take(instant)
            if program is not None and evaluating:
                sweeps.evaluate(program, as_of=instant)


class Story:
    """One account: it signs up, and all else is told by the time since then."""

    def __init__(
        self, script: Script, slug: str, company: Company, *, by: str, at: datetime, **differently: str
    ) -> None:
        """
        :param by: the link of a referrer, which somebody opened a few minutes before
        """
        self.script, self.company, self.signed_up_at = script, company, at
        self.stage = script.stage
        self.program = self.stage.programs[slug]
        self.host_account = differently.pop("host_account", company.domain.removesuffix(".example"))
        self._link, self._differently, self._told = by, differently, 0
        self._called_at: datetime | None = None
        script.at(at - timedelta(minutes=7), self._open_link)
        script.at(at, self._sign_up)

    @property
    def account(self) -> ReferredAccount:
        return intake.account_in(self.program, host_account=self.host_account)

    def call(self, outcome: str, *, at: datetime, by: str = "cara") -> "Story":
        """Somebody calls at that instant, or as soon as the company may be called."""
        again = at if self._called_at is None else max(at, self._called_at + BETWEEN_CALLS)
        self._called_at = at = callable_from(self.program, self.company, again)

        def log(at: datetime) -> None:
            row = self.program.call_outcomes.get(code=outcome)
            desk.log_call(self.account, outcome=row, by=self.stage.users[by], at=at)

        self.script.at(at, log)
        return self

    def decide(
        self,
        result: str = "QUALIFIED",
        *,
        at: datetime,
        reason: str = "",
        by: str = "cara",
        called_at: datetime | None = None,
    ) -> "Story":
        """
        Somebody is reached and decides; ten minutes later it counts.

        :param called_at: absent: it is decided during the call, as soon as the company may be called
        """
        if called_at is None:
            called_at = at = callable_from(self.program, self.company, at)
        self.call("REACHED", at=called_at, by=by)
        decider = self.stage.users[by]

        def decide(at: datetime) -> None:
            answers: dict[str, bool] | None = None if result == "QUALIFIED" else {}
            qualification.decide(
                self.account, result=result, by=decider, at=at, reason=reason, answers=answers
            )

        self.script.at(at, decide)
        effective_at = at + timedelta(minutes=self.program.undo_minutes)

        def take_effect(at: datetime) -> None:
            # An evaluation of the program at this very instant may have done it.
            with suppress(qualification.StepNotAllowed):
                qualification.take_effect(self.account, at=at)

        self.script.at(effective_at, take_effect, follows=self.program)
        return self

    def tell(
        self,
        type: str,
        amount_minor: int = 0,
        *,
        at: datetime,
        told_at: datetime | None = None,
        product: str = "",
        category: str = "",
    ) -> "Story":
        """The host tells a fact, at once or later."""
        self._told += 1
        event_id = f"demo-{self.host_account}-{self._told}"

        def record(received_at: datetime) -> None:
            events.record(
                self.stage.client,
                event_id=event_id,
                host_account=self.host_account,
                type=type,
                occurred_at=at,
                received_at=received_at,
                amount_minor=amount_minor,
                currency=self.program.currency if amount_minor else "",
                product=product,
                category=category,
            )

        self.script.at(told_at or at, record, follows=self.program)
        return self

    def hold(self, reason: str, *, at: datetime, lifted_at: datetime | None = None) -> "Story":
        """Fay stops the bonus of the account; perhaps she lifts it again."""
        fay = self.stage.users["fay"]
        self.script.at(at, lambda at: holds.place(self._bonus(), reason=reason, by=fay, at=at))
        if lifted_at is not None:
            self.script.at(lifted_at, lambda at: holds.lift(self._bonus(), by=fay, at=at))
        return self

    def then(self, step: Callable[[ReferredAccount, datetime], object], *, at: datetime) -> "Story":
        """Any other step of staff about the account; one that is not allowed then is left out."""

        def take(at: datetime) -> None:
            with suppress(Refused):
                step(self.account, at)

        self.script.at(at, take, follows=self.program)
        return self

    def _bonus(self) -> Bonus:
        return Bonus.objects.filter(account=self.account).latest("pk")

    def _visitor(self) -> str:
        return f"visitor-{self.host_account}"[:100]

    def _open_link(self, at: datetime) -> None:
        link = ReferralLink.objects.get(host=self.program.host_id, folded=self._link)
        links.keep([links.Opened(link.pk, self._visitor(), at)])

    def _sign_up(self, at: datetime) -> None:
        company = self.company
        told = {
            "visitor": self._visitor(),
            "company_name": company.name,
            "email": company.email,
            "website": company.website,
            "phone": company.phone,
            "country": company.country,
            "contact": company.contact,
            **self._differently,
        }
        intake.sign_up(
            self.program,
            told=intake.SignUpTold(host_account=self.host_account, occurred_at=at, **told),
            told_at=at,
        )
