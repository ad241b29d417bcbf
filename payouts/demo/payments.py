"""
How the money of the demo travels: methods, destinations, payment files, and what the banks said of them.

Smith.ai's bonuses go by American bank payments, once a month; withdrawals of Smartcat and of Upwork's program
by PayPal. Whatever a person of finance meets is there once: a file to upload, a payment that came back and is
tried again, a destination to confirm, one that cools, and a balance below its referrer's own minimum.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from payouts import destinations, payout_methods, withdrawals
from payouts.demo.history import QUIET, History
from payouts.demo.script import Stage, Take
from payouts.models import Destination, PaymentFile, Payout, PayoutMethod
from payouts.payments import files, planning, reissues, reports
from payouts.payments.files import NothingToPay
from payouts.payments.reissues import NothingToReissue
from payouts.program_files import latest_terms
from payouts.rules.lifecycle import FileStatus, PayoutStatus
from payouts.rules.payees import Payee, Rail
from referrals.models import Enrollment
from referrals.rules.zones import local_date

SMITH, CAT, UPWORK = "smithai", "smartcat", "upwork-2019"
BY_PHONE = "By phone; called back at the number on file."
BY_MAIL = "By e-mail; called back at the number on file."
# The digits of a routing number that no bank has.
NO_BANK = "123456780"
LENAS_MINIMUM_MINOR = 100_000
TO_UPLOAD, TO_SAY, COOLS = timedelta(hours=3), timedelta(days=2), timedelta(days=1)
A_MONTH_PAID = timedelta(hours=36)
"""After the opening of a window, its bonuses have been paid, and a file can be made."""


def write(history: History) -> None:
    """Fill the script with everything that happens to money after it was released."""
    write_receptionists(history)
    write_translators(history)
    write_friends(history)


def write_receptionists(history: History) -> None:
    """A file each month; one of its payments has come back and is tried again in the file of today."""
    script, stage, now = history.script, history.stage, history.now
    began_at = latest_terms(stage.programs[SMITH]).effective_from + timedelta(days=9)
    if began_at > now - timedelta(days=60):
        return
    method = {
        "payer_name": "Lindenvale Reception",
        "payer_identification": "1987654321",
        "payer_routing_number": NO_BANK,
        "payer_bank_name": "Example Bank",
    }
    script.at(began_at, _pays_by(stage, SMITH, Rail.NACHA, **method))
    for link, name, account_number in (
        ("ben25", "Ben Ortiz", "000111222333"),
        ("dana", "Dana Reyes", "000444555666"),
    ):
        account = Payee(name, routing_number=NO_BANK, account_number=account_number)
        script.at(began_at + timedelta(days=2), _is_paid_to(stage, SMITH, link, Rail.NACHA, account))
    last_file_at = now - QUIET - timedelta(hours=2)
    for month in history.months(SMITH, since=now - timedelta(days=400)):
        made_at = month.window.opens_at + A_MONTH_PAID
        if made_at + TO_SAY < last_file_at - timedelta(days=8):
            script.at(made_at, _make_file(stage, SMITH, Rail.NACHA))
            script.at(made_at + TO_UPLOAD, _upload(stage, SMITH))
            script.at(made_at + TO_SAY, _bank_says(stage, SMITH))
    # Her bank has closed the account: what was confirmed last comes back, and goes to another one.
    script.at(last_file_at - timedelta(days=7), _comes_back(stage, SMITH, "dana"))
    account = Payee("Dana Reyes", routing_number=NO_BANK, account_number="000777888999")
    script.at(
        last_file_at - timedelta(days=6), _is_paid_to(stage, SMITH, "dana", Rail.NACHA, account, why=BY_MAIL)
    )
    script.at(last_file_at - timedelta(days=2), _tries_again(stage, SMITH))
    script.at(last_file_at, _make_file(stage, SMITH, Rail.NACHA))
    # Nobody but Fay knows of it yet: Finn confirms.
    account = Payee("Priya Nair", routing_number=NO_BANK, account_number="000123123123", is_savings=True)
    script.at(last_file_at + timedelta(hours=1), _tells(stage, SMITH, "priya", Rail.NACHA, account))


def write_translators(history: History) -> None:
    """Rosa's withdrawal has arrived, Jonas's waits for his new address to cool, Lena saves up."""
    script, stage, before = history.script, history.stage, history.before
    began_at = before(days=390)
    script.at(began_at, _pays_by(stage, CAT, Rail.PAYPAL, minimum_minor=2_500))
    for link, name in (("rosa", "Rosa Lang"), ("jonas", "Jonas Weber"), ("lena", "Lena Fischer")):
        account = Payee(name, recipient=f"{link}@paypal.example")
        script.at(began_at + timedelta(days=2), _is_paid_to(stage, CAT, link, Rail.PAYPAL, account))
    # Rosa's withdrawal is in the part of the script that tells of her balance.
    script.at(before(days=18), _make_file(stage, CAT, Rail.PAYPAL))
    script.at(before(days=18) + TO_UPLOAD, _upload(stage, CAT))
    script.at(before(days=16), _bank_says(stage, CAT))
    account = Payee("Jonas Weber", recipient="weber.text@paypal.example")
    script.at(before(hours=26), _is_paid_to(stage, CAT, "jonas", Rail.PAYPAL, account, why=BY_MAIL))
    script.at(before(hours=22), _withdraws(CAT, "jonas", 10_000))
    script.at(before(days=25), _saves_for(CAT, "lena", LENAS_MINIMUM_MINOR))


def write_friends(history: History) -> None:
    """What the friends of 2019 brought was withdrawn like any earnings, and has arrived."""
    script, stage = history.script, history.stage
    at = datetime(2019, 6, 3, 18, tzinfo=UTC)
    script.at(at, _pays_by(stage, UPWORK, Rail.PAYPAL))
    account = Payee("Rosa Lang", recipient="rosa@paypal.example")
    script.at(at + timedelta(days=1), _is_paid_to(stage, UPWORK, "rosa-lang", Rail.PAYPAL, account))
    script.at(at + timedelta(days=2), _withdraws(UPWORK, "rosa-lang", 10_000))
    script.at(at + timedelta(days=3), _make_file(stage, UPWORK, Rail.PAYPAL))
    script.at(at + timedelta(days=3) + TO_UPLOAD, _upload(stage, UPWORK))
    script.at(at + timedelta(days=5), _bank_says(stage, UPWORK))


def _pays_by(stage: Stage, slug: str, rail: Rail, **of_payer: object) -> Take:
    def open_it(at: datetime) -> None:
        method = PayoutMethod(program=stage.programs[slug], code=rail, **of_payer)
        payout_methods.open_method(method, by=stage.users["finn"], at=at)

    return open_it


def _tells(
    stage: Stage, slug: str, link: str, rail: Rail, account: Payee, *, why: str = BY_PHONE
) -> Callable[[datetime], Destination]:
    def tell(at: datetime) -> Destination:
        return destinations.tell(
            _of(slug, link), method=rail, payee=account, reason=why, by=stage.users["fay"], at=at
        )

    return tell


def _is_paid_to(
    stage: Stage, slug: str, link: str, rail: Rail, account: Payee, *, why: str = BY_PHONE
) -> Take:
    """Fay writes it down, and Finn confirms."""
    tell = _tells(stage, slug, link, rail, account, why=why)
    return lambda at: destinations.confirm(tell(at), by=stage.users["finn"], at=at)


def _withdraws(slug: str, link: str, amount_minor: int) -> Take:
    def withdraw(at: datetime) -> None:
        with suppress(withdrawals.InsufficientBalance):
            withdrawals.withdraw(_of(slug, link), amount_minor=amount_minor, at=at)

    return withdraw


def _saves_for(slug: str, link: str, minimum_minor: int) -> Take:
    """The host has told what the referrer chose."""
    return lambda at: Enrollment.objects.filter(pk=_of(slug, link).pk).update(
        withdrawal_minimum_minor=minimum_minor
    )


def _make_file(stage: Stage, slug: str, rail: Rail) -> Take:
    """Fay puts what can be paid into a file, for the next working day."""

    def make(at: datetime) -> None:
        method = PayoutMethod.objects.open().get(program__slug=slug, code=rail)
        day = local_date(at, ZoneInfo(method.program.time_zone)) + timedelta(days=1)
        pay_on = day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() >= 5 else 0)
        with suppress(NothingToPay):
            files.make(method, pay_on=pay_on, by=stage.users["fay"], at=at)

    return make


def _upload(stage: Stage, slug: str) -> Take:
    """Finn takes what Fay has made to the bank."""

    def upload(at: datetime) -> None:
        for file in PaymentFile.objects.filter(program__slug=slug, status=FileStatus.MADE):
            files.download(file, by=stage.users["finn"], at=at)
            files.mark_uploaded(file, by=stage.users["finn"], at=at)

    return upload


def _bank_says(stage: Stage, slug: str) -> Take:
    """The report of the bank about all that it has: it has arrived."""

    def read_in(at: datetime) -> None:
        sent = Payout.objects.filter(enrollment__program__slug=slug, status=PayoutStatus.SENT).order_by("pk")
        _read_in(stage, slug, [(payout, "CONFIRMED", "") for payout in sent], at=at)

    return read_in


def _comes_back(stage: Stage, slug: str, link: str) -> Take:
    def read_in(at: datetime) -> None:
        arrived = Payout.objects.filter(enrollment=_of(slug, link), status=PayoutStatus.CONFIRMED)
        last = arrived.order_by("-pk")[:1]
        _read_in(stage, slug, [(payout, "RETURNED", "R02 account closed") for payout in last], at=at)

    return read_in


def _read_in(stage: Stage, slug: str, said: list[tuple[Payout, str, str]], *, at: datetime) -> None:
    if not said:
        return
    lines = [f"{planning.reference_of(payout.pk)},{word},{detail}" for payout, word, detail in said]
    content = "\n".join(["reference,result,detail", *lines]).encode()
    name = f"returns-{at:%Y-%m-%d}.csv" if said[0][1] == "RETURNED" else f"paid-{at:%Y-%m-%d}.csv"
    reports.read_in(stage.programs[slug], name=name, content=content, by=stage.users["fay"], at=at)


def _tries_again(stage: Stage, slug: str) -> Take:
    def reissue(at: datetime) -> None:
        with suppress(NothingToReissue):
            mine = Payout.objects.filter(enrollment__program__slug=slug)
            reissues.reissue(mine, by=stage.users["fay"], approved_by=stage.users["finn"], at=at)

    return reissue


def _of(slug: str, link: str) -> Enrollment:
    return Enrollment.objects.get(program__slug=slug, links__folded=link)
