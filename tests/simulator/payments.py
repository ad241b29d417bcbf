"""
What is done to pay: files are made, uploaded, voided, doubted; reports come; payouts are reissued.

Who says that a file was or was not taken has asked the provider. Who voids one alone has not.
"""

from zoneinfo import ZoneInfo

from payouts import destinations, ledger, own_withdrawals, withdrawals
from payouts.models import Destination, PaymentFile, Payout
from payouts.payments import doubts, files, reissues, reports
from payouts.rules.lifecycle import AccountKind, FileStatus, PayoutStatus, Result
from payouts.rules.payees import Rail
from referrals.models import Program
from referrals.rules.zones import local_date
from tests.simulator.checks import Breach
from tests.simulator.play import NoCandidate, Play, any_of, one_of, two_of
from tests.simulator.provider import Report
from tests.simulator.world import payee

PAYOUTS = Payout.objects.all()
FILES = PaymentFile.objects.all()
AMOUNTS = (0, 0, 1, 2_500, 10_000, 25_000)
"""0 stands for all there is."""
SAME_AS_BOOKS = "a file says of each payment what the books say"
NOT_TALKED_OUT = "a confirmed payout stays confirmed, whatever is said of a failure"


def withdraws(play: Play, chance: int, other: int) -> None:
    """A referrer asks for the balance, or part of it, on the own page."""
    # Those of the first program can; the others are refused.
    mine = play.world.enrollments[:2] if other % 8 != 7 else play.world.enrollments
    enrollment = one_of(mine, chance)
    there = ledger.balance_minor(ledger.account_of(enrollment, kind=AccountKind.BALANCE))
    amount_minor = one_of(AMOUNTS, other) or there
    own_withdrawals.ask(enrollment, amount_minor=amount_minor, seen_minor=there, at=play.now)


def gives(play: Play, chance: int, other: int) -> None:
    """One referrer gives to another."""
    giver, receiver = play.world.enrollments[chance % 2], play.world.enrollments[1 - chance % 2]
    if other % 8 == 7:
        receiver = one_of(play.world.enrollments, chance)
    amount_minor = one_of(AMOUNTS, other) or 100
    withdrawals.transfer(giver, receiver=receiver, amount_minor=amount_minor, at=play.now)


def tells_destination(play: Play, chance: int, other: int) -> None:
    """A referrer is to be paid elsewhere; mostly somebody else confirms it at once, and it cools."""
    waiting = Destination.objects.waiting()
    if waiting.exists():
        by = play.world.fay if other % 4 == 3 else play.world.finn
        return destinations.confirm(any_of(waiting, chance), by=by, at=play.now)
    enrollment = one_of(play.world.enrollments, chance)
    method = play.world.methods.get(enrollment.program_id)
    destinations.tell(
        enrollment,
        method=Rail(method.code) if method else Rail.PAYPAL,
        payee=payee(Rail(method.code) if method else Rail.PAYPAL, ("new", "rosa", "ben")[other % 3]),
        reason="By phone, called back.",
        by=play.world.fay,
        at=play.now,
    )
    return None


def makes_file(play: Play, chance: int, other: int) -> None:
    method = one_of(list(play.world.methods.values()), chance)
    today = local_date(play.now, ZoneInfo(method.program.time_zone))
    files.make(method, pay_on=today, by=play.world.fay, at=play.now)


def downloads(play: Play, chance: int, other: int) -> None:
    """Somebody has the file now; the same bytes each time."""
    file = any_of(FILES, chance, fitting=FILES.filter(status=FileStatus.MADE))
    content = files.download(file, by=play.world.finn, at=play.now).content
    if play.downloaded.setdefault(file.pk, content) != content:
        raise Breach(SAME_AS_BOOKS, file.pk)


def uploads(play: Play, chance: int, other: int) -> None:
    """
    A file goes to the provider, once; the line may be cut before, or after it was taken.

    Who hears the answer says so at once, or later.
    """
    file = one_of([file for file in _made(play) if not play.provider.has(file.pk)], chance)
    if other % 8 == 7:
        return
    accepted = play.provider.take(
        play.downloaded[file.pk],
        rail=Rail(file.method.code),
        file=file.pk,
        program=file.program_id,
    )
    told = {each.payout: (each.amount_minor, each.currency) for each in accepted}
    rows = PAYOUTS.filter(lines__file=file, lines__is_void=False)
    booked = {row.pk: (row.amount_minor, row.currency) for row in rows}
    if told != booked:
        raise Breach(SAME_AS_BOOKS, (told, booked))
    if other % 2 == 0:
        files.mark_uploaded(file, by=play.world.finn, at=play.now)


def marks_uploaded(play: Play, chance: int, other: int) -> None:
    file = one_of([file for file in _made(play) if play.provider.has(file.pk)], chance)
    files.mark_uploaded(file, by=play.world.fay if other % 8 == 7 else play.world.finn, at=play.now)


def voids_alone(play: Play, chance: int, other: int) -> None:
    """One person takes a file back without asking anybody."""
    file = any_of(FILES, chance, fitting=FILES.filter(status=FileStatus.MADE))
    files.void(file, by=play.world.fay, at=play.now)


def voids_by_two(play: Play, chance: int, other: int) -> None:
    """Two people take a file back, and the provider says that it has none."""
    file = one_of([file for file in _made(play) if not play.provider.has(file.pk)], chance)
    by, approved_by = two_of((play.world.fay, play.world.finn), other)
    files.void(file, by=by, approved_by=approved_by, at=play.now)


def doubts_file(play: Play, chance: int, other: int) -> None:
    """Nobody knows whether the provider has a file that somebody tried to upload."""
    files.put_in_doubt(one_of(_made(play), chance), by=play.world.finn, at=play.now)


def settles(play: Play, chance: int, other: int) -> None:
    """Two people say what became of a file, or of one of its payments, as the provider told them."""
    file = any_of(FILES, chance, fitting=FILES.filter(status=FileStatus.IN_DOUBT))
    by, approved_by = two_of((play.world.fay, play.world.finn), other)
    has = play.provider.has(file.pk)
    if other % 4 == 3:
        payout = any_of(PAYOUTS.filter(lines__file=file), other)
        doubts.settle(payout, was_sent=has, by=by, approved_by=approved_by, at=play.now)
    else:
        doubts.settle_file(file, was_taken=has, by=by, approved_by=approved_by, at=play.now)


def reissues_some(play: Play, chance: int, other: int) -> None:
    """Another attempt; mostly of one payout, now and then of all of a program."""
    failed = PAYOUTS.filter(status__in=reissues.CAN_BE_REISSUED)
    chosen = any_of(PAYOUTS, chance, fitting=failed)
    mine = PAYOUTS.filter(pk=chosen.pk)
    if other % 4 == 3:
        mine = PAYOUTS.filter(enrollment__program=chosen.enrollment.program_id)
    reissues.reissue(mine, by=play.world.fay, at=play.now)


def provider_works(play: Play, chance: int, other: int) -> None:
    """It pays, refuses, or sends back what it paid."""
    provider = play.provider
    if other % 4 == 3 and (paid := provider.in_state("PAID")):
        return provider.sends_back(one_of(paid, chance))
    each = one_of(provider.in_state("ACCEPTED"), chance)
    return provider.refuses(each) if other % 4 == 2 else provider.pays(each)


def reports_come(play: Play, chance: int, other: int) -> None:
    """The news, or the oldest or the latest of them."""
    news = play.provider.news
    if not news:
        raise NoCandidate
    chosen = (news, news[:1], news[-1:])[chance % 3]
    for report in play.provider.report(list(chosen)):
        reads(play, report)


def report_comes_again(play: Play, chance: int, other: int) -> None:
    reads(play, one_of(play.provider.reports, chance))


def report_lies(play: Play, chance: int, other: int) -> None:
    """Of what is confirmed somebody says that it failed: nothing must come of it."""
    payout = any_of(PAYOUTS.filter(status=PayoutStatus.CONFIRMED), chance)
    reads(play, Report(payout.enrollment.program_id, ((f"P{payout.pk}", "FAILED"),)))
    payout.refresh_from_db()
    if payout.status != PayoutStatus.CONFIRMED:
        raise Breach(NOT_TALKED_OUT, payout.pk)


def tells_by_hand(play: Play, chance: int, other: int) -> None:
    """One person read elsewhere what became of a payment."""
    words = {"PAID": Result.CONFIRMED, "FAILED": Result.FAILED, "RETURNED": Result.RETURNED}
    known = [each for each in play.provider.book if each.state in words]
    each = one_of(known, chance)
    payout = PAYOUTS.get(pk=each.payout)
    reports.tell(payout, result=words[each.state], detail="", by=play.world.fay, at=play.now)


def reads(play: Play, report: Report) -> None:
    """A report is read in."""
    program = Program.objects.get(pk=report.program)
    reports.read_in(program, name="report.csv", content=report.content, by=play.world.fay, at=play.now)


def _made(play: Play) -> list[PaymentFile]:
    """Files that somebody has and that wait to be uploaded."""
    waiting = FILES.filter(status=FileStatus.MADE, pk__in=list(play.downloaded)).order_by("pk")
    return list(waiting.select_related("method", "program"))
