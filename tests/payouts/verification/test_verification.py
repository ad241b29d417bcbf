"""The checker is silent about what is right, complete, and tells it to people and programs."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from payouts import verification
from tests.factories import (
    LATER,
    AccountEventFactory,
    EnrollmentFactory,
    ReferredAccountFactory,
    booked_bonus,
    cancelled_bonus,
    paid_bonus,
    reversed_bonus,
)
from tests.payouts.verification.plant import AFTER_APPROVAL, SECOND, found, taken_out

pytestmark = pytest.mark.django_db


def test_nothing_is_found_in_an_empty_database():
    assert found(as_of=LATER) == []


def test_nothing_is_found_where_everything_is_right():
    booked_bonus(opens_at=LATER + SECOND)
    cancelled_bonus()
    paid = paid_bonus(**AFTER_APPROVAL)
    for kind in ("WITHDRAWN", "SPENT", "GIVEN"):
        taken_out(paid.enrollment, kind=kind)
    for kind in ("ACCOUNT_BALANCE", "ACCOUNT_CREDIT", "CASH"):
        paid_bonus(account__enrollment__program__terms__reward__kind=kind)
        reversed_bonus(account__enrollment__program__terms__reward__kind=kind)
    paid_bonus(account__enrollment__program__terms__qualified_by="qualified")
    paid_bonus(account__enrollment__program__terms__reward__cap=1)
    paid_bonus(account__enrollment__program__people_needed=3, **AFTER_APPROVAL)
    paid_bonus(at=LATER)
    for status in ("SIGNED_UP", "IN_REVIEW", "QUALIFIED", "NOT_QUALIFIED", "EXPIRED"):
        ReferredAccountFactory(status=status, evaluated=True)
    for status in ("INVITED", "ACTIVE", "SUSPENDED", "CLOSED", "DECLINED", "EXPIRED"):
        EnrollmentFactory(status=status)
    AccountEventFactory()

    assert found(as_of=LATER) == []


def test_a_withdrawn_balance_that_is_taken_back_may_be_below_zero():
    bonus = reversed_bonus()
    taken_out(bonus.enrollment, kind="WITHDRAWN", amount_minor=bonus.amount_minor)

    assert found() == []


def test_every_check_has_a_planted_breach():
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    checks = [*verification.ALWAYS, *verification.bonuses.COMPLETE]

    assert [check.finds for check in checks if f'"{check.finds}"' not in tests] == []


def test_it_asks_one_question_per_check_however_many_rows_there_are(django_assert_num_queries):
    paid_bonus()
    with django_assert_num_queries(len(verification.ALWAYS) + 2):
        verification.breaches()
    for _ in range(3):
        paid_bonus()

    with django_assert_num_queries(len(verification.ALWAYS) + 2):
        verification.breaches()


def test_the_first_rows_are_named_and_all_are_counted():
    events = AccountEventFactory.create_batch(7, body_sha256="")

    assert verification.breaches() == [
        verification.Breach(
            invariant="I10",
            message="events without the hash of their content",
            rows=[event.pk for event in events[:5]],
            count=7,
        )
    ]


def verify(*arguments):
    """Run the command; return what it printed and its exit code."""
    out = StringIO()
    try:
        call_command("verify_books", *arguments, stdout=out)
    except SystemExit as stopped:
        return out.getvalue(), stopped.code
    return out.getvalue(), 0


ALL_CHECKED = ["I1", "I2", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I13"]


def test_the_command_says_that_all_is_well():
    paid_bonus()

    assert verify() == (f"Checked {', '.join(ALL_CHECKED)}: no breaches.\n", 0)


def test_the_command_prints_one_object():
    printed, code = verify("--json")

    assert (json.loads(printed), code) == ({"ok": True, "checked": ALL_CHECKED, "breaches": []}, 0)


def test_the_command_fails_on_a_breach():
    event = AccountEventFactory(body_sha256="")
    checked = ", ".join(ALL_CHECKED)

    assert verify() == (
        f"I10: events without the hash of their content: 1 ({event.pk})\nChecked {checked}: 1 breach.\n",
        1,
    )
    printed, code = verify("--json")
    assert (json.loads(printed), code) == (
        {
            "ok": False,
            "checked": ALL_CHECKED,
            "breaches": [
                {
                    "invariant": "I10",
                    "message": "events without the hash of their content",
                    "rows": [event.pk],
                    "count": 1,
                }
            ],
        },
        1,
    )


def test_the_command_asks_about_an_instant():
    bonus = booked_bonus()

    printed, code = verify("--json", "--as-of", "2026-02-16T01:00:00+01:00")

    assert code == 1
    assert json.loads(printed)["checked"] == sorted([*ALL_CHECKED, "I3"], key=lambda name: int(name[1:]))
    assert [(breach["invariant"], breach["rows"]) for breach in json.loads(printed)["breaches"]] == [
        ("I3", [bonus.pk])
    ]
    assert verify("--as-of", "2026-02-16T00:59:59+01:00")[1] == 0


@pytest.mark.parametrize("text", ["yesterday", "2026-02-16T00:00:00"])
def test_the_command_wants_an_instant_with_an_offset(text):
    with pytest.raises(CommandError):
        verify("--as-of", text)
