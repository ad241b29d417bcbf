"""A payout grows while a run goes on: nobody is told of it before it is whole, and it grows no more after."""

from datetime import datetime

import pytest

from payouts import holds, release, verification
from payouts.models import Bonus, Payout, PayoutBatch
from payouts.payments import candidates, orders, steps
from payouts.rails import sender_of
from payouts.rules.lifecycle import PayoutStatus
from payouts.rules.payees import Rail
from tests.payments import CASH, DUE, is_paid_to, make, pays_by
from tests.story import Story, refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("paypal")]


@pytest.fixture(params=[Rail.PAYPAL, Rail.PAYPAL_API])
def story(request, monkeypatch):
    """Rosa has earned twice; the run has paid her the first, and breaks off before it is over."""
    story = Story(changes=CASH)
    story.earn("acme")
    story.second = story.earn("beta")
    story.method = pays_by(story, request.param)
    is_paid_to(story, rail=request.param)
    holds.place(story.second, reason="a question", by=story.fay, at=story.now)
    story.now = datetime.fromisoformat(DUE)

    def break_off(**_):
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(release.batches, "close_paid_out", break_off)
        with pytest.raises(ZeroDivisionError):
            run(story)
    assert payouts() == [("PREPARED", 10_000)]
    return story


def run(story):
    return release.release_due(as_of=story.now, program=story.program)


def payouts():
    return list(Payout.objects.order_by("pk").values_list("status", "amount_minor"))


def tell_bank(story):
    if story.method.code == Rail.PAYPAL:
        return [file.total_minor for file in make(story)]
    orders.write(story.method, sender=sender_of(story.method, at=story.now), at=story.now)
    return list(story.method.orders.values_list("amount_minor", flat=True))


def test_until_it_is_over_no_bank_is_told_and_then_of_all_of_it(story):
    if story.method.code == Rail.PAYPAL:
        with refused("nothing_to_pay"):
            tell_bank(story)
    else:
        assert tell_bank(story) == []
    assert [payout.why for payout in candidates.waiting(story.method, at=story.now)] == ["NOT_WHOLE"]

    holds.lift(story.second, by=story.fay, at=story.now)
    run(story)

    assert (payouts(), tell_bank(story)) == ([("PREPARED", 20_000)], [20_000])
    assert [(each.message, each.rows) for each in verification.breaches()] == []


@pytest.mark.plants_breaches
def test_one_that_has_left_all_the_same_does_not_grow_and_the_rest_is_paid_by_the_next_run(story):
    """The database refuses it, whoever tells a bank too soon."""
    (first,) = Payout.objects.all()
    steps.move([first.pk], old=PayoutStatus.PREPARED, new=PayoutStatus.SENDING, at=story.now, by=None)
    holds.lift(story.second, by=story.fay, at=story.now)

    tally = run(story)

    assert payouts() == [("SENDING", 10_000)]
    assert (tally.done, tally.failed) == (0, 1)
    assert "IntegrityError" in tally.errors[0]
    assert Bonus.objects.get(pk=story.second.pk).status == "ACTIVATED"

    run(story)

    assert payouts() == [("SENDING", 10_000), ("PREPARED", 10_000)]
    assert PayoutBatch.objects.count() == 2
    assert Bonus.objects.get(pk=story.second.pk).payout != first
