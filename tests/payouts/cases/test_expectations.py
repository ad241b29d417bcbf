"""What was expected beside what was seen: only what is written counts, lists in any order."""

import pytest

from payouts.cases.expectations import differences
from payouts.cases.report import Difference


def told(expected, seen):
    return [(each.path, each.expected, each.got) for each in differences(expected, seen, path="bonuses")]


@pytest.mark.parametrize(
    ("expected", "seen"),
    [
        ({}, {"status": "PAID"}),
        ({"status": "PAID"}, {"status": "PAID", "held": "late"}),
        ({"held": None}, {"held": None}),
        ({"held": None}, {}),
        (None, None),
        (None, []),
        ([], []),
        (["a", "b"], ["a", "b"]),
        ([{"account": "a"}, {"account": "b"}], [{"account": "b", "x": 1}, {"account": "a", "x": 2}]),
        # The first fits both rows, the second only one: they have to share.
        ([{"status": "PAID"}, {"account": "a"}], [{"account": "a", "status": "PAID"}, {"status": "PAID"}]),
        ([{}, {"n": 1}, {"m": 1}], [{"n": 1, "m": 1}, {"m": 1}, {"n": 2}]),
    ],
)
def test_as_expected(expected, seen):
    assert told(expected, seen) == []


@pytest.mark.parametrize(
    ("expected", "seen", "difference"),
    [
        ({"a": {"status": "PAID"}}, {"a": {"status": "X"}}, ("bonuses.a.status", "PAID", "X")),
        ({"a": {"status": "PAID"}}, {"a": None}, ("bonuses.a", {"status": "PAID"}, None)),
        ({"a": None}, {"a": {"status": "X"}}, ("bonuses.a", None, {"status": "X"})),
        ({"a": 0}, {}, ("bonuses.a", 0, None)),
        (["a"], ["b"], ("bonuses", ["a"], ["b"])),
        ([{"account": "a"}], [], ("bonuses[0]", {"account": "a"}, None)),
        ([], [{"account": "a"}], ("bonuses", None, {"account": "a"})),
    ],
)
def test_a_difference(expected, seen, difference):
    assert told(expected, seen) == [difference]


def test_an_entry_is_compared_with_the_nearest_of_the_same_account_reward_and_period():
    expected = [
        {"account": "a", "reward": "r", "status": "PAID", "amount": "1.00"},
        {"account": "b", "reward": "r", "status": "PAID"},
    ]
    seen = [
        {"account": "b", "reward": "r", "status": "PAID"},
        {"account": "a", "reward": "r", "status": "CANCELLED", "amount": "2.00"},
        {"account": "a", "reward": "r", "status": "APPROVED", "amount": "1.00"},
    ]

    assert told(expected, seen) == [
        ("bonuses[0].status", "PAID", "APPROVED"),
        ("bonuses", None, seen[1]),
    ]


def test_another_account_is_another_entry():
    assert told([{"account": "a"}], [{"account": "b"}]) == [
        ("bonuses[0]", {"account": "a"}, None),
        ("bonuses", None, {"account": "b"}),
    ]


def test_a_difference_reads_aloud():
    assert (
        str(Difference("bonuses[0].status", "PAID", None)) == "bonuses[0].status: expected 'PAID', got None"
    )
