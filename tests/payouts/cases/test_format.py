"""What a worked case may say; everything that is wrong with one is told with its place."""

from copy import deepcopy
from datetime import UTC, datetime

import pytest

from payouts import program_files
from payouts.cases import format
from payouts.cases.format import Jobs
from payouts.cases.steps import TAKE

pytestmark = pytest.mark.django_db

CASE = {
    "id": "a-story",
    "program": "smartcat",
    "referrers": {"ana": {"email": "ana@ana.example"}, "ben": {}},
    "steps": [
        {"at": "2026-02-01T09:00:00+01:00", "do": "sign_up", "account": "acme", "link": "ana"},
        {"at": "2026-02-02T09:00:00Z", "do": "event", "account": "acme", "type": "invoice.paid"},
        {"at": "2026-02-02T09:00:00Z", "do": "call", "account": "acme", "by": "mia", "outcome": "REACHED"},
    ],
    "as_of": "2026-03-01T00:00:00Z",
    "expect": {"counters": {"ana": {"signed_up": 1}}},
}


@pytest.fixture
def document():
    return program_files.read(program_files.bundled()["smartcat"])


def with_changes(changes):
    """Return the case with the value at each dotted path set; ``...`` takes it away."""
    case = deepcopy(CASE)
    for path, value in changes.items():
        inside = case
        *leading, last = (int(name) if name.isdigit() else name for name in path.split("."))
        for name in leading:
            inside = inside[name]
        if value is ...:
            del inside[last]
        else:
            inside[last] = value
    return case


def problems_of(case, document):
    _, problems = format.read(case, document)
    return [str(problem) for problem in problems]


def test_a_case_is_read_in_canonical_form(document):
    case, problems = format.read(CASE, document)

    assert problems == []
    assert case.as_of == datetime(2026, 3, 1, tzinfo=UTC)
    assert (case.jobs, case.approves_at_once, case.existing_customers) == (Jobs(), True, ())
    assert case.referrers["ben"] == {
        "kind": "CLIENT",
        "email": "",
        "country": "",
        "tier": "",
        "is_partner": False,
        "marketing_opt_out": False,
        "invited": False,
        "withdrawal_minimum": 0,
    }
    sign_up, fact, _ = case.steps
    assert (sign_up.position, sign_up.do, sign_up.refused) == (0, "sign_up", None)
    assert sign_up.at == sign_up.keys["occurred_at"] == datetime(2026, 2, 1, 8, tzinfo=UTC)
    assert fact.keys == {
        "account": "acme",
        "type": "invoice.paid",
        "event_id": "steps[1] of the case",
        "occurred_at": fact.at,
        "amount_minor": 0,
        "currency": "USD",
        "product": "",
        "category": "",
    }


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"title": 5}, "title: must be text, not 5 (put it in quotes)"),
        ({"id": ...}, "id: is required"),
        ({"steps": ...}, "steps: is required"),
        ({"as_of": ...}, "as_of: is required"),
        ({"as_of": "2026-03-01"}, "as_of: '2026-03-01' has no offset"),
        ({"as_of": "soon"}, "as_of: 'soon' is no instant such as 2026-03-01T09:00:00Z"),
        ({"as_of": 5}, "as_of: 5 is no instant such as 2026-03-01T09:00:00Z"),
        (
            {"as_of": "0001-01-01T00:00:00+01:00"},
            "as_of: '0001-01-01T00:00:00+01:00' is no instant such as 2026-03-01T09:00:00Z",
        ),
        ({"steps.2.at": "2026-02-02T09:00:00"}, "steps[2].at: '2026-02-02T09:00:00' has no offset"),
        (
            {"steps.2.at": "2026-02-02T08:59:59Z"},
            "steps[2].at: 2026-02-02T08:59:59Z is earlier than the step before",
        ),
        ({"steps.2.at": "2026-03-01T00:00:01Z"}, "steps[2].at: 2026-03-01T00:00:01Z is later than as_of"),
        (
            {"steps.0.occurred_at": "2026-02-01T08:00:01Z"},
            "steps[0].occurred_at: 2026-02-01T08:00:01Z is later than at",
        ),
        (
            {"steps.1.occurred_at": "2026-02-03T00:00:00Z"},
            "steps[1].occurred_at: 2026-02-03T00:00:00Z is later than at",
        ),
        ({"steps.1.type": "invoice.lost"}, "steps[1].type: must be"),
        ({"steps.1.amount": 5}, "steps[1].amount: must be text, not 5 (put it in quotes)"),
        ({"steps.1.amount": "5.0"}, "steps[1].amount: '5.0' is not an amount of USD"),
        (
            {"steps.1.amount": "5.00", "steps.1.currency": "JPY"},
            "steps[1].amount: '5.00' is not an amount of JPY",
        ),
        ({"steps.1.currency": "XXX"}, "steps[1].currency: must be an ISO 4217 currency code"),
        ({"steps.1.mood": "good"}, "steps[1].mood: is not known here; known are at, do, refused, account"),
        ({"steps.1.account": ...}, "steps[1].account: is required"),
        ({"steps.1.account": "a\x00b"}, "steps[1].account: must not hold the character '\\x00'"),
        ({"steps.1.do": "dance"}, "steps[1].do: must be open_link, sign_up, event"),
        ({"steps.1.do": ...}, "steps[1].do: is required"),
        ({"steps.1": "dance"}, "steps[1]: must be an object, not 'dance'"),
        ({"steps.2.outcome": "SANG"}, "steps[2].outcome: there is no call outcome 'SANG'"),
        ({"steps": {}}, "steps: must be a list, not a mapping"),
        ({"jobs": "daily"}, 'jobs: must be "none", {"at": […]} or {"down": […]}'),
        ({"jobs": {"at": [], "down": []}}, 'jobs: must be "none", {"at": […]} or {"down": […]}'),
        ({"jobs": {"at": ["noon"]}}, "jobs.at[0]: 'noon' is no instant"),
        ({"jobs": {"down": [{"from": "2026-02-02T00:00:00Z"}]}}, "jobs.down[0].to: is required"),
        ({"jobs": {"up": []}}, "jobs.up: is not known here; known are at, down"),
        ({"approvals": "yes"}, "approvals: must be automatic or none, not 'yes'"),
        ({"referrers.ana.age": 5}, "referrers.ana.age: is not known here"),
        ({"referrers.ana.is_partner": "yes"}, "referrers.ana.is_partner: must be true or false"),
        ({"referrers.ana.withdrawal_minimum": "5"}, "referrers.ana.withdrawal_minimum: '5' is not an amount"),
        ({"existing_customers": [{"email": "a@b.example"}]}, "existing_customers[0].id: is required"),
        ({"expect.mood": {}}, "expect.mood: is not known here; known are accounts, enrollments"),
        ({"expect.accounts": {"acme": {"state": "X"}}}, "expect.accounts.acme.state: is not known here"),
        ({"expect.accounts": {"acme": {"status": "DONE"}}}, "expect.accounts.acme.status: must be SIGNED_UP"),
        ({"expect.bonuses": [{"amount": 100}]}, "expect.bonuses[0].amount: must be an amount as text"),
        (
            {"expect.bonuses": [{"activated_at": "2026-02-01T00:00:00"}]},
            "expect.bonuses[0].activated_at: '2026-02-01T00:00:00' has no offset",
        ),
        (
            {"expect.bonuses": [{"window_opens": "March"}]},
            "expect.bonuses[0].window_opens: 'March' is no date",
        ),
        (
            {"expect.balances": {"ana": {"balance": "-5"}}},
            "expect.balances.ana.balance: '5' is not an amount of USD",
        ),
        ({"expect.balances": {"cleo": {}}}, "expect.balances.cleo: there is no referrer 'cleo'"),
        ({"expect.enrollments": {"cleo": None}}, "expect.enrollments.cleo: there is no referrer 'cleo'"),
        (
            {"expect.counters.ana": {"subscribed": 1}},
            "expect.counters.ana.subscribed: is no milestone with a funnel place",
        ),
        ({"mood": "good"}, "mood: is not known here; known are id, title"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(document, changes, problem):
    [found] = problems_of(with_changes(changes), document)

    assert found.startswith(problem)


STEP = {"at": "2026-02-03T00:00:00Z"}


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        (
            {"do": "change_link", "referrer": "cleo", "link": "c"},
            "steps[3].referrer: there is no referrer 'cleo'",
        ),
        (
            {"do": "transfer", "referrer": "ana", "to": "cleo", "amount": "1.00"},
            "steps[3].to: there is no referrer 'cleo'",
        ),
        ({"do": "withdraw", "referrer": "ana", "amount": "0.00"}, "steps[3].amount: must be more than zero"),
        ({"do": "withdraw", "referrer": "ana", "amount": 5}, "steps[3].amount: must be an amount as text"),
        (
            {"do": "change_referrer", "referrer": "ana", "set": {"age": 5}},
            "steps[3].set.age: is not known here",
        ),
        ({"do": "run_jobs", "times": 0}, "steps[3].times: must be from 1"),
        (
            {"do": "decide", "account": "acme", "by": "mia", "result": "EXPIRED"},
            "steps[3].result: must be QUALIFIED or NOT_QUALIFIED",
        ),
        (
            {"do": "decide", "account": "a", "by": "mia", "result": "QUALIFIED", "answers": {"mood": "YES"}},
            "steps[3].answers.mood: there is no criterion 'mood'",
        ),
        (
            {
                "do": "waive",
                "account": "acme",
                "criterion": "mood",
                "by": "a",
                "approved_by": "b",
                "note": "x",
            },
            "steps[3].criterion: there is no criterion 'mood'",
        ),
    ],
)
def test_what_is_wrong_with_a_step(document, step, problem):
    [found] = problems_of({**CASE, "steps": [*CASE["steps"], {**STEP, **step}]}, document)

    assert found.startswith(problem)


def test_everything_wrong_is_told_at_once(document):
    case = with_changes({"as_of": "soon", "steps.0.at": "now", "mood": "good"})

    assert len(problems_of(case, document)) == 3


def test_what_is_no_object_is_no_case(document):
    assert "must be a mapping of keys, not 'a story'" in problems_of("a story", document)


def test_a_null_in_changed_attributes_is_the_default(document):
    steps = [{**STEP, "do": "change_referrer", "referrer": "ana", "set": {"kind": None, "tier": None}}]

    case, _ = format.read({**CASE, "steps": steps}, document)

    assert case.steps[0].keys["set"] == {"kind": "CLIENT", "tier": ""}


def test_every_step_of_the_format_can_be_taken():
    assert list(TAKE) == list(format.STEPS)
