"""What a referrer owes in cash is kept from payouts that wait, once, and never more than is owed."""

from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction

from payouts import explain, holds, ledger, release, verification
from payouts.explain import Audience
from payouts.models import Bonus, Payout, SetOff, Transfer
from payouts.payments import files, reissues, reports
from payouts.rules.lifecycle import AccountKind, Result
from tests.payments import CASH, is_paid_to, pays_by, sent, trail
from tests.story import Story, at_once, refused

CLAWBACK = {**CASH, "terms.clawback": "BY_STAFF"}
DUE = "2026-03-16T00:05Z"
LATER = "2026-04-16T00:05Z"


def cash_of_rosa(*names, **more):
    """Each company brings Rosa 100.00, together one payout that waits."""
    story = Story(changes={**CLAWBACK, **more})
    for name in names:
        story.earn(name)
    story.method = pays_by(story)
    is_paid_to(story)
    story.pass_to(DUE)
    return story


def next_file(story):
    """A file of all that waits, to be paid today."""
    return files.make(story.method, pay_on=story.now.date(), by=story.fay, at=story.now)


def owes(*names, **more):
    """Rosa was sent 100.00 for each company, and the first of them was taken back."""
    story = cash_of_rosa("acme", *names, **more)
    if story.program.batches.filter(status="DRAFT").exists():
        story.approve_all()
        release.release_due(as_of=story.now)
    sent(story)
    story.reverse(of("acme"))
    return story


def of(name):
    return Bonus.objects.get(account__host_account=name)


def amounts():
    return list(Payout.objects.order_by("pk").values_list("status", "amount_minor"))


def owed(story):
    return -ledger.balance_minor(ledger.account_of(story.enrollment(), kind=AccountKind.CASH_OWED))


def clearing(story):
    return ledger.balance_minor(ledger.account_of(story.enrollment(), kind=AccountKind.CLEARING))


def booked():
    rows = Transfer.objects.filter(kind__in=["REVERSED", "SET_OFF"]).order_by("pk")
    return list(rows.values_list("kind", "debit__kind", "credit__kind", "amount_minor"))


def kept():
    return list(SetOff.objects.order_by("pk").values_list("turn", "owed_minor", "amount_minor"))


def whole():
    assert [(each.message, each.rows) for each in verification.breaches()] == []


@pytest.mark.django_db
class TestABonusTakenBack:
    def test_while_its_payout_waits_the_payout_shrinks_and_the_rest_is_sent(self):
        story = cash_of_rosa("acme", "beta", "gamma")
        story.reverse(of("beta"))

        assert amounts() == [("PREPARED", 20_000)]
        assert booked() == [
            ("REVERSED", "CASH_OWED", "EXPENSE", 10_000),
            ("SET_OFF", "CLEARING", "CASH_OWED", 10_000),
        ]
        assert (owed(story), clearing(story)) == (0, 20_000)
        assert trail(Payout.objects.get()) == ["PREPARED", "PREPARED"]
        file = sent(story)
        assert (file.total_minor, file.lines.get().amount_minor) == (20_000, 20_000)
        whole()

    def test_where_nothing_is_left_the_payout_is_cancelled_and_in_no_file(self):
        story = cash_of_rosa("acme")
        story.reverse(of("acme"))

        assert amounts() == [("CANCELLED", 0)]
        assert (owed(story), clearing(story)) == (0, 0)
        with refused("nothing_to_pay"):
            next_file(story)
        whole()

    def test_in_a_payment_file_it_stays_until_somebody_says_what_became_of_it(self):
        story = cash_of_rosa("acme", "beta")
        (file,) = next_file(story)
        with refused("being_sent") as refusal:
            story.reverse(of("acme"))
        assert "void the file first" in str(refusal.value)

        files.void(file, by=story.finn, at=story.now)
        story.reverse(of("acme"))

        assert amounts() == [("PREPARED", 10_000)]
        sent(story)
        whole()

    def test_in_doubt_too(self):
        story = cash_of_rosa("acme")
        (file,) = next_file(story)
        files.put_in_doubt(file, by=story.fay, at=story.now)

        with refused("being_sent") as refusal:
            story.reverse(of("acme"))
        assert "say that first" in str(refusal.value)

    @pytest.mark.parametrize("again", [Result.FAILED, Result.RETURNED])
    def test_after_it_came_back_its_next_attempt_is_less(self, again):
        story = cash_of_rosa("acme", "beta")
        sent(story)
        reports.tell(Payout.objects.get(), result=again, detail="", by=story.fay, at=story.now)
        story.reverse(of("acme"))
        assert (amounts(), owed(story)) == ([(again, 20_000)], 10_000)

        reissues.reissue(Payout.objects.all(), by=story.fay, approved_by=story.finn, at=story.now)

        assert (amounts(), owed(story)) == ([("REISSUED", 20_000), ("PREPARED", 10_000)], 0)
        sent(story)
        reports.tell(
            Payout.objects.get(attempt=2), result=Result.FAILED, detail="", by=story.fay, at=story.now
        )
        reissues.reissue(Payout.objects.all(), by=story.fay, approved_by=story.finn, at=story.now)
        assert amounts()[-1] == ("PREPARED", 10_000)
        whole()


@pytest.mark.django_db
class TestWhatIsOwed:
    def test_is_kept_in_part_from_a_larger_payout_at_its_release(self):
        story = owes()
        story.earn("beta")
        story.earn("gamma")
        assert owed(story) == 10_000

        story.pass_to(LATER)

        assert amounts() == [("SENT", 10_000), ("PREPARED", 10_000)]
        assert kept() == [(1, 10_000, 10_000)]
        assert owed(story) == 0
        whole()

    def test_is_made_up_by_several_payouts_that_are_too_small_for_it(self):
        story = owes("beta")
        story.reverse(of("beta"))
        assert owed(story) == 20_000
        story.earn("gamma")
        story.pass_to(LATER)
        assert (amounts()[1:], owed(story)) == ([("CANCELLED", 0)], 10_000)

        story.earn("delta")
        story.earn("epsilon")
        story.pass_to("2026-05-16T00:05Z")

        assert (amounts()[2:], owed(story)) == ([("PREPARED", 10_000)], 0)
        assert kept() == [(1, 20_000, 10_000), (2, 10_000, 10_000)]
        whole()

    def test_is_not_kept_from_others_or_from_what_comes_after(self):
        story = owes()
        story.earn("beta", link="ben")
        story.earn("gamma")
        story.pass_to(LATER)
        story.earn("delta")
        story.pass_to("2026-05-16T00:05Z")

        by_referrer = Payout.objects.order_by("enrollment", "pk").values_list(
            "enrollment__referrer__host_account", "status", "amount_minor"
        )
        assert list(by_referrer) == [
            ("rosa", "SENT", 10_000),
            ("rosa", "CANCELLED", 0),
            ("rosa", "PREPARED", 10_000),
            ("ben", "PREPARED", 10_000),
        ]
        assert SetOff.objects.count() == 1
        whole()

    def test_keeps_a_payout_out_of_a_file_until_it_is_kept(self, monkeypatch):
        story = owes()
        story.earn("beta")
        with monkeypatch.context() as nobody_keeps:
            nobody_keeps.setattr(release.set_offs, "make_up_all", lambda **_: None)
            story.pass_to(LATER)
        with refused("nothing_to_pay"):
            next_file(story)

        release.release_due(as_of=story.now)

        assert amounts()[1:] == [("CANCELLED", 0)]

    def test_waits_while_more_is_added_to_the_payout(self):
        story = owes(**{"payout_schedule.release": "AFTER_APPROVAL"})
        story.earn("beta")
        held = story.earn("gamma")
        story.pass_to(LATER)
        story.approve_all()
        holds.place(held, reason="a look", by=story.fay, at=story.now)
        release.release_due(as_of=story.now)
        assert (amounts()[1:], owed(story)) == ([("PREPARED", 10_000)], 10_000)

        holds.lift(held, by=story.fay, at=story.now)
        release.release_due(as_of=story.now)

        assert (amounts()[1:], owed(story)) == ([("PREPARED", 10_000)], 0)
        assert kept() == [(1, 10_000, 10_000)]
        whole()

    def test_is_told_to_staff_and_to_the_referrer(self):
        story = owes()
        beta = story.earn("beta")
        story.earn("gamma")
        story.pass_to(LATER)

        for_staff, for_rosa = "is kept for what the referrer owed:", "makes up for what you owed:"
        lines = {
            audience: [
                line.detail
                for line in explain.bonus(beta, as_of=story.now, audience=audience).lines
                if line.code == "set_off"
            ]
            for audience in Audience
        }

        assert lines == {
            Audience.STAFF: [f"USD 100.00 of the payout of USD 200.00 {for_staff} USD 100.00 is sent."],
            Audience.REFERRER: [f"$100.00 of your payout of $200.00 {for_rosa} $100.00 is sent."],
        }

    def test_a_payout_of_which_nothing_is_left_is_told_as_made_up(self):
        story = owes()
        beta = story.earn("beta")
        story.pass_to(LATER)

        assert [
            explain.bonus(beta, as_of=story.now, audience=audience).headline.sentence for audience in Audience
        ] == [
            "It was paid, and made up for what was taken back before: nothing of it is sent.",
            "It made up for what was taken back before: nothing of it is sent.",
        ]

    def test_the_database_keeps_one_turn_and_no_more_than_is_owed(self):
        story = owes()
        story.earn("beta")
        story.pass_to(LATER)

        for changes in ({"turn": 1}, {"turn": 2, "amount_minor": 10_001}, {"turn": 2, "amount_minor": 0}):
            row = SetOff.objects.get()
            row.pk = None
            for name, value in changes.items():
                setattr(row, name, value)
            with pytest.raises(IntegrityError), transaction.atomic():
                row.save(force_insert=True)


def two_payouts(monkeypatch):
    """Rosa owes 100.00; two payouts of 100.00 wait, and nothing is kept from them yet."""
    story = owes()
    monkeypatch.setattr(release.set_offs, "make_up_all", lambda **_: None)
    for name, instant in (("beta", LATER), ("gamma", "2026-05-16T00:05Z")):
        story.earn(name)
        story.pass_to(instant)
    monkeypatch.undo()
    return story


def releasing(story):
    return lambda: release.release_due(as_of=story.now).failed


@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    def test_two_releases_keep_what_is_owed_once(self, monkeypatch):
        story = two_payouts(monkeypatch)

        assert at_once(*[releasing(story)] * 4) == [0] * 4

        assert sorted(amounts()[1:]) == [("CANCELLED", 0), ("PREPARED", 10_000)]
        assert (owed(story), SetOff.objects.count()) == (0, 1)
        whole()

    def test_of_a_file_and_a_reversal_one_comes_first(self):
        story = cash_of_rosa("acme", "beta")

        made, back = at_once(lambda: next_file(story), lambda: story.reverse(of("acme")))

        if back is None and isinstance(made, list):
            assert amounts() == [("SENDING", 10_000)]
        elif back is None:
            assert (amounts(), made.code) == ([("PREPARED", 10_000)], "payout_moved")
        else:
            assert (amounts(), back.code) == ([("SENDING", 20_000)], "being_sent")
        whole()

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time anyway")
    def test_without_the_lock_the_database_lets_one_of_them_keep_it(self, monkeypatch):
        story = two_payouts(monkeypatch)
        both_have_summed, balance = Barrier(2), ledger.balance_minor

        def balance_and_wait(account):
            there = balance(account)
            both_have_summed.wait(timeout=20)
            return there

        monkeypatch.setattr(ledger, "lock", lambda account: None)
        monkeypatch.setattr(ledger, "balance_minor", balance_and_wait)
        failed = at_once(*[releasing(story)] * 2)
        monkeypatch.undo()

        assert (sorted(failed), SetOff.objects.count()) == ([0, 1], 1)
        whole()
