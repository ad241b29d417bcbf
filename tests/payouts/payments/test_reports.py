"""What banks say: every line ends in a verdict, what is new is booked once, what contradicts is told."""

import pytest

from payouts import ledger
from payouts.models import PaymentFile, PaymentReport, PaymentReportLine, Payout, Transfer
from payouts.payments import doubts, files, planning, reissues, reports
from payouts.payments.candidates import Why
from payouts.rules.lifecycle import REPORTED, AccountKind, PayoutStatus, Result
from tests.payments import PAY_ON, make, sent, statuses, trail, with_cash
from tests.story import Story, nothing_changes, refused

pytestmark = pytest.mark.django_db


def csv_of(*lines):
    return "\n".join(["reference,result,detail", *lines]).encode()


def read_in(story, *lines, name="bank.csv"):
    return reports.read_in(story.program, name=name, content=csv_of(*lines), by=story.fay, at=story.now)


def verdicts(report):
    return list(report.lines.values_list("number", "reference", "verdict", "because"))


def held(story, kind):
    return ledger.balance_minor(ledger.account_of(story.enrollment(), kind=kind))


def both(result):
    return [f"P{pk},{result}," for pk in Payout.objects.order_by("pk").values_list("pk", flat=True)]


def test_what_is_confirmed_leaves_clearing_for_the_bank():
    story = with_cash()
    file = sent(story)
    assert (held(story, AccountKind.CLEARING), held(story, AccountKind.BANK)) == (20_000, 0)

    report = read_in(story, *both("CONFIRMED"))

    assert (report.done, report.unchanged, report.refused, report.name) == (2, 0, 0, "bank.csv")
    assert statuses() == ["CONFIRMED"] * 2
    booked = Transfer.objects.filter(kind="CONFIRMED")
    assert [(each.debit.kind, each.credit.kind, each.amount_minor) for each in booked] == [
        ("CLEARING", "BANK", 10_000)
    ] * 2
    assert (held(story, AccountKind.CLEARING), held(story, AccountKind.BANK)) == (0, file.total_minor)


def test_what_comes_back_after_that_is_booked_back():
    story = with_cash()
    sent(story)
    read_in(story, *both("CONFIRMED"))
    first = Payout.objects.order_by("pk")[0]

    read_in(story, f"P{first.pk},RETURNED,AC04")

    assert statuses() == ["RETURNED", "CONFIRMED"]
    back = Transfer.objects.get(kind="RETURNED")
    assert (back.payout, back.reverses.kind, back.debit.kind, back.credit.kind) == (
        first,
        "CONFIRMED",
        "BANK",
        "CLEARING",
    )
    assert (held(story, AccountKind.CLEARING), held(story, AccountKind.BANK)) == (10_000, 10_000)
    assert PaymentReportLine.objects.last().detail == "AC04"


def test_the_same_report_twice_changes_nothing():
    story = with_cash()
    sent(story)
    read_in(story, *both("CONFIRMED"))
    before = Transfer.objects.count(), statuses()

    again = read_in(story, *both("CONFIRMED"))

    assert (again.done, again.unchanged, again.refused) == (0, 2, 0)
    assert {because for *_, because in verdicts(again)} == {"It is confirmed already."}
    assert (Transfer.objects.count(), statuses()) == before


def test_every_line_ends_in_a_verdict_and_none_is_lost():
    story = with_cash()
    sent(story)
    first, second = Payout.objects.order_by("pk")

    report = read_in(
        story,
        f"P{first.pk},paid,",
        f"P{first.pk},CONFIRMED,",
        f"P{second.pk},FAILED,",
        f"P{second.pk},CONFIRMED,",
        "P999999,CONFIRMED,",
        f"P{first.pk}x,PENDING,",
        "",
        ",,",
    )

    assert verdicts(report) == [
        (2, f"P{first.pk}", "DONE", ""),
        (3, f"P{first.pk}", "UNCHANGED", "Said in line 2 already."),
        (4, f"P{second.pk}", "REFUSED", "Lines 4, 5 say different things of it."),
        (5, f"P{second.pk}", "REFUSED", "Lines 4, 5 say different things of it."),
        (6, "P999999", "REFUSED", "No file of this program has a payment with this reference."),
        (7, f"P{first.pk}x", "REFUSED", "No file of this program has a payment with this reference."),
    ]
    assert statuses() == ["CONFIRMED", "SENT"]


def test_a_word_that_nobody_knows_is_told():
    story = with_cash()
    sent(story)
    first = Payout.objects.order_by("pk")[0]

    report = read_in(story, f"P{first.pk},PENDING,")

    assert verdicts(report)[0][3] == "'PENDING' is none of CONFIRMED, FAILED, RETURNED."


def test_looking_writes_nothing_and_says_what_reading_in_does():
    story = with_cash()
    sent(story)
    lines = [*both("FAILED"), "P0,FAILED,"]

    with nothing_changes():
        looked = reports.look(story.program, content=csv_of(*lines))
    report = read_in(story, *lines)

    assert [(line.told.number, line.told.reference, line.verdict, line.because) for line in looked] == (
        verdicts(report)
    )


@pytest.mark.parametrize("result", Result)
@pytest.mark.parametrize("state", ["MADE", "IN_DOUBT"])
def test_a_bank_that_reports_has_the_file(state, result):
    """Asked for what became of it, the bank knows: the whole file was taken."""
    story = with_cash()
    (file,) = make(story)
    if state == "IN_DOUBT":
        files.put_in_doubt(file, by=story.fay, at=story.now)
    first = Payout.objects.order_by("pk")[0]

    read_in(story, f"P{first.pk},{result},")

    assert PaymentFile.objects.get().status == "UPLOADED"
    assert statuses() == [REPORTED[result], "SENT"]
    assert trail(first)[-2:] == ["SENT", REPORTED[result]]


def test_what_a_bank_knows_of_a_void_file_is_told_and_changes_nothing():
    story = with_cash()
    (file,) = make(story)
    files.void(file, by=story.finn, at=story.now)

    report = read_in(story, *both("CONFIRMED"))

    assert (report.refused, set(statuses())) == (2, {"PREPARED"})
    assert "is void, and yet somebody has it" in verdicts(report)[0][3]


def test_a_payment_that_was_given_up_and_is_confirmed_all_the_same_alarms():
    story = with_cash()
    (file,) = make(story)
    files.put_in_doubt(file, by=story.fay, at=story.now)
    doubts.settle_file(file, was_taken=False, by=story.fay, approved_by=story.finn, at=story.now)
    reissues.reissue(Payout.objects.all(), by=story.fay, approved_by=story.finn, at=story.now)
    first = Payout.objects.order_by("pk")[0]

    report = read_in(story, f"P{first.pk},CONFIRMED,")

    assert report.refused == 1
    assert "Find out which is right before anything is paid again" in verdicts(report)[0][3]


ENDS = {
    "CONFIRMED": {"CONFIRMED": "UNCHANGED", "FAILED": "REFUSED", "RETURNED": "DONE"},
    "FAILED": {"CONFIRMED": "REFUSED", "FAILED": "UNCHANGED", "RETURNED": "REFUSED"},
    "RETURNED": {"CONFIRMED": "REFUSED", "FAILED": "REFUSED", "RETURNED": "UNCHANGED"},
    "REISSUED": {"CONFIRMED": "REFUSED", "FAILED": "UNCHANGED", "RETURNED": "UNCHANGED"},
}


@pytest.mark.parametrize("result", Result)
@pytest.mark.parametrize("status", ENDS)
def test_every_result_for_every_end(status, result):
    story = with_cash("acme")
    sent(story)
    payout = Payout.objects.get()
    read_in(story, f"P{payout.pk},{'FAILED' if status == 'REISSUED' else status},")
    if status == "REISSUED":
        reissues.reissue(Payout.objects.all(), by=story.fay, approved_by=story.finn, at=story.now)

    report = read_in(story, f"P{payout.pk},{result},")

    payout.refresh_from_db()
    expected = ENDS[status][result]
    assert report.lines.get().verdict == expected
    assert payout.status == (REPORTED[result] if expected == "DONE" else PayoutStatus(status))


def test_what_somebody_read_elsewhere_is_a_report_of_one_line():
    story = with_cash()
    sent(story)
    first = Payout.objects.order_by("pk")[0]

    report = reports.tell(first, result=Result.RETURNED, detail="account closed", by=story.fay, at=story.now)
    with refused("nothing_done"):
        first.refresh_from_db()
        reports.tell(first, result=Result.RETURNED, detail="again", by=story.fay, at=story.now)

    assert statuses() == ["RETURNED", "SENT"]
    assert (report.name, report.lines.get().detail) == ("told by hand", "account closed")
    assert PaymentReport.objects.count() == 1


@pytest.mark.parametrize("result", Result)
@pytest.mark.parametrize("state", ["MADE", "IN_DOUBT", "partly settled"])
def test_one_persons_word_settles_no_doubt_and_is_no_upload(state, result):
    story = with_cash()
    (file,) = make(story)
    first = Payout.objects.order_by("pk")[0]
    if state != "MADE":
        files.put_in_doubt(file, by=story.fay, at=story.now)
    if state == "partly settled":
        doubts.settle(first, was_sent=True, by=story.fay, approved_by=story.finn, at=story.now)

    with nothing_changes(), refused("file_not_uploaded"):
        reports.tell(first, result=result, detail="by phone", by=story.fay, at=story.now)


def test_a_report_speaks_of_its_own_program_only():
    story = with_cash("acme")
    sent(story)
    other = Story("upwork-2019", host="elsewhere")

    report = reports.read_in(
        other.program, name="bank.csv", content=csv_of(*both("CONFIRMED")), by=other.fay, at=other.now
    )

    assert (report.refused, set(statuses())) == (1, {"SENT"})


def given_up(story, *, how):
    """Both payouts wait for another file, and somebody may have the first one."""
    (file,) = make(story)
    if how == "void":
        files.void(file, by=story.finn, at=story.now)
        return
    files.put_in_doubt(file, by=story.fay, at=story.now)
    doubts.settle_file(file, was_taken=False, by=story.fay, approved_by=story.finn, at=story.now)
    reissues.reissue(Payout.objects.all(), by=story.fay, approved_by=story.finn, at=story.now)


@pytest.mark.parametrize("word", ["CONFIRMED", "paid"])
@pytest.mark.parametrize("how", ["void", "reissued"])
def test_what_arrived_although_it_was_given_up_is_not_paid_again(how, word):
    story = with_cash()
    given_up(story, how=how)
    first = Payout.objects.order_by("pk")[0]
    of_first = Payout.objects.get(enrollment=first.enrollment, status="PREPARED")

    read_in(story, f"P{first.pk},{word},")

    planned = planning.plan(story.method, pay_on=PAY_ON, at=story.now, named=20)
    assert {why: left.first for why, left in planned.left_out.items()} == {Why.CONTRADICTED: [of_first]}
    assert planned.count == 1


@pytest.mark.parametrize("how", ["void", "reissued"])
def test_once_the_bank_says_that_it_came_back_it_is_paid_again(how):
    story = with_cash("acme")
    given_up(story, how=how)
    first = Payout.objects.order_by("pk")[0]
    read_in(story, f"P{first.pk},CONFIRMED,")
    with refused("nothing_to_pay"):
        make(story)

    read_in(story, f"P{first.pk},RETURNED,AC04")

    assert [file.count for file in make(story)] == [1]
