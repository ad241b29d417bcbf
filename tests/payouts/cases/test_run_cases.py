"""The command: what is printed, what stays, and that one wrong case does not stop the others."""

import json
import re
from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from payouts import accrual, program_files
from payouts.cases import runner
from referrals.models import Host, Program

pytestmark = pytest.mark.django_db

SIGN_UP = {
    "at": "2026-02-01T09:00:00Z",
    "do": "sign_up",
    "account": "acme",
    "link": "ana",
    "kind": "COMPANY",
    "company_name": "Acme",
    "email": "info@acme.example",
    "website": "https://acme.example",
    "phone": "+4930123456",
}
CASE = {
    "id": "a-story",
    "program": "smartcat",
    "referrers": {"ana": {"kind": "FREELANCER", "email": "ana@ana.example"}},
    "steps": [SIGN_UP],
    "as_of": "2026-02-02T00:00:00Z",
    "expect": {"accounts": {"acme": {"status": "IN_REVIEW"}}},
}
GROUP = {
    "id": "german",
    "schedule": {
        "month_offset": 1,
        "opens": {"day": 1},
        "closes": {"day": -1},
        "time_zone": "Europe/Berlin",
    },
    "rows": [{"anchor": "2026-03-31T22:00:00Z", "window_opens": "2026-05-01", "note": "already April"}],
}


@pytest.fixture
def write(tmp_path):
    """Write a file of cases and windows."""

    def write(*cases, windows=(), name="cases.json"):
        path = tmp_path / name
        path.write_text(json.dumps({"cases": list(cases), "windows": list(windows)}))
        return path

    return write


def run(capsys, *paths):
    """Run the command; return its exit code and what it printed as JSON."""
    code = 0
    try:
        call_command("run_cases", *paths, "--json")
    except CommandError as failed:
        code = failed.returncode
    return code, json.loads(capsys.readouterr().out)


def outcome_of(write, **changes):
    [outcome] = runner.run([write({**CASE, **changes})]).outcomes
    return outcome


def error_of(write, **changes):
    outcome = outcome_of(write, **changes)
    assert outcome.differences == []
    return outcome.error


def test_what_is_as_expected(write, capsys):
    path = write(CASE, windows=[GROUP])

    assert run(capsys, path) == (
        0,
        {
            "passed": 2,
            "failed": 0,
            "cases": [
                {"id": "a-story", "file": str(path), "ok": True, "differences": []},
                {"id": "german[0]", "file": str(path), "ok": True, "differences": []},
            ],
        },
    )


def test_what_differs_and_what_is_wrong(write, capsys):
    expects = {"accounts": {"acme": {"status": "QUALIFIED", "referrer": "ana"}}}
    path = write(
        {**CASE, "expect": expects},
        {**CASE, "id": "no-offset", "as_of": "2026-02-02T00:00:00"},
        {**CASE, "id": "right"},
        windows=[{**GROUP, "rows": [{"anchor": "2026-03-31T21:59:59Z", "window_opens": "2026-05-01"}]}],
    )

    assert run(capsys, path) == (
        1,
        {
            "passed": 1,
            "failed": 3,
            "cases": [
                {
                    "id": "a-story",
                    "file": str(path),
                    "ok": False,
                    "differences": [
                        {"path": "accounts.acme.status", "expected": "QUALIFIED", "got": "IN_REVIEW"}
                    ],
                },
                {
                    "id": "no-offset",
                    "file": str(path),
                    "ok": False,
                    "error": "as_of: '2026-02-02T00:00:00' has no offset",
                    "differences": [],
                },
                {"id": "right", "file": str(path), "ok": True, "differences": []},
                {
                    "id": "german[0]",
                    "file": str(path),
                    "ok": False,
                    "differences": [{"path": "window_opens", "expected": "2026-05-01", "got": "2026-04-01"}],
                },
            ],
        },
    )


def test_people_read_a_paragraph_for_each_failure(write, capsys):
    path = write({**CASE, "expect": {"accounts": {"acme": None}}}, {**CASE, "id": "wrong", "steps": 5})

    with pytest.raises(CommandError, match="2 of 2 cases failed"):
        call_command("run_cases", path)

    told = capsys.readouterr().out
    assert told.startswith(f"FAILED a-story ({path})\n  accounts.acme: expected None, got {{'status':")
    assert told.endswith(f"FAILED wrong ({path})\n  steps: must be a list, not 5\n\n0 passed, 2 failed.\n")


def test_nothing_of_a_case_stays(write, capsys):
    before = {model: model.objects.count() for model in apps.get_models()}

    run(capsys, write(CASE, {**CASE, "id": "wrong", "expect": {"accounts": {"acme": None}}}))

    assert {model: model.objects.count() for model in apps.get_models()} == before


def test_nothing_of_the_installation_is_seen(write):
    document = program_files.read(program_files.bundled()["smartcat"])
    program_files.store(document, host=program_files.default_host(), now=datetime(2026, 1, 1, tzinfo=UTC))
    User.objects.create(username="mia")
    path = write(CASE)
    alone = runner.run([path])

    assert alone.failed == []
    assert [program.slug for program in Program.objects.all()] == ["smartcat"]


def test_a_loaded_program_goes_before_the_file_of_that_name(write):
    document = program_files.read(program_files.bundled()["smartcat"])
    document["program"]["status"] = "PAUSED"
    document["terms"]["referred_kind"] = "FREELANCER"
    program_files.store(document, host=program_files.default_host(), now=datetime(2026, 1, 1, tzinfo=UTC))

    outcome = outcome_of(write)

    assert [each.path for each in outcome.differences] == ["accounts.acme.status"]


def test_a_program_without_published_terms_is_not_loaded(write):
    host = Host.objects.create(slug=program_files.default_host().slug + "-other", name="Other")
    Program.objects.create(host=host, slug="smartcat", currency="EUR", time_zone="UTC")
    Program.objects.create(
        host=program_files.default_host(), slug="smartcat", currency="EUR", time_zone="UTC"
    )

    assert outcome_of(write).is_as_expected


def test_a_program_may_be_a_file_beside_the_cases(write, tmp_path):
    (tmp_path / "mine.yaml").write_text(program_files.bundled()["smartcat"].read_text())

    assert outcome_of(write, program="mine.yaml").is_as_expected


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"program": "nobody"}, "program: there is no program 'nobody', neither loaded nor as a file"),
        ({"set": {"terms.mood": 5}}, "set: terms.mood: is not known here; known are version"),
        (
            {"set": {"rewards.nobody.amount": "5.00"}},
            "set: rewards.nobody.amount: there is no rewards.nobody",
        ),
        ({"set": {"rewards.new_customer.amount": "5"}}, "set: rewards[new_customer].amount: '5' is not"),
        ({"set": 5}, "set: must be an object, not 5"),
        ({"program": 5}, "program: must be text, not 5"),
    ],
)
def test_a_program_that_is_wrong(write, changes, error):
    assert error_of(write, **changes).startswith(error)


def test_a_program_file_that_is_not_there(write, tmp_path):
    assert error_of(write, program="no.yaml") == (
        f"program: {tmp_path / 'no.yaml'}: cannot be read: No such file or directory"
    )


def test_a_step_is_refused_as_written(write):
    call = {"at": "2026-02-01T10:00:00Z", "do": "undo", "account": "acme", "by": "mia", "refused": "too_late"}

    assert outcome_of(write, steps=[SIGN_UP, call]).is_as_expected


@pytest.mark.parametrize(
    ("account", "refused", "got"),
    [("acme", None, "too_late"), ("acme", "not_in_program", "too_late")],
)
def test_a_refusal_that_is_not_as_written_differs(write, account, refused, got):
    undo = {"at": "2026-02-01T10:00:00Z", "do": "undo", "account": account, "by": "mia", "refused": refused}

    outcome = outcome_of(write, steps=[SIGN_UP, undo])

    assert [(each.path, each.expected, each.got) for each in outcome.differences] == [
        ("steps[1]", refused, got)
    ]


def test_a_step_that_is_not_refused_as_written_differs(write):
    outcome = outcome_of(write, steps=[{**SIGN_UP, "refused": "not_in_program"}])

    assert [(each.path, each.expected, each.got) for each in outcome.differences] == [
        ("steps[0]", "not_in_program", None)
    ]


def test_an_id_is_used_once_over_all_files(write, tmp_path):
    first = write(CASE, windows=[GROUP], name="first.json")
    second = write(CASE, {**CASE, "id": "another"}, windows=[GROUP], name="second.json")

    outcomes = runner.run([tmp_path]).outcomes

    assert [(outcome.id, outcome.file, outcome.error) for outcome in outcomes] == [
        ("a-story", str(first), ""),
        ("german[0]", str(first), ""),
        ("a-story", str(second), "id: 'a-story' is used twice"),
        ("another", str(second), ""),
        ("german[0]", str(second), "id: 'german' is used twice"),
    ]


def test_a_file_that_cannot_be_read_is_a_failure_beside_the_others(write, tmp_path, capsys):
    good = write(CASE)
    bad = tmp_path / "bad.json"
    bad.write_text("{")

    code, told = run(capsys, bad, good)

    assert (code, told["passed"], told["failed"]) == (1, 1, 1)
    assert told["cases"][0] == {
        "id": "bad.json",
        "file": str(bad),
        "ok": False,
        "error": "is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        "differences": [],
    }


def test_a_case_without_an_id_is_named_by_its_place(write):
    [outcome] = runner.run([write({**CASE, "id": None})]).outcomes

    assert (outcome.id, outcome.error) == ("cases.json: cases[0]", "id: is required")


def test_what_breaks_fails_its_case_alone(write, monkeypatch):
    def broken(*args, **kwargs):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(accrual.Accrual, "chunk", broken)

    assert re.fullmatch(r"SweepFailed: account \d+: ZeroDivisionError: by zero", error_of(write))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"schedule": None}, "must have either a program or a schedule of its own"),
        ({"program": "smartcat"}, "must have either a program or a schedule of its own"),
        ({"set": {"terms.version": 5}}, "set: goes with a program only"),
        ({"schedule": {}}, "schedule.month_offset: is required; schedule.opens: is required"),
        (
            {"schedule": {**GROUP["schedule"], "calendar": "MARS"}},
            "schedule.calendar: there is no calendar 'MARS'",
        ),
        (
            {"schedule": {**GROUP["schedule"], "opens": {"day": 15}, "closes": {"business_day": 2}}},
            "schedule.closes: lies before opens, first in 2016-01",
        ),
        ({"mood": "good"}, "mood: is not known here"),
    ],
)
def test_a_group_that_is_wrong_fails_in_every_row(write, changes, error):
    rows = [{"anchor": "2026-03-31T22:00:00Z"}, {"anchor": "2026-04-30T22:00:00Z"}]

    outcomes = runner.run([write(windows=[{**GROUP, "rows": rows, **changes}])]).outcomes

    assert [outcome.id for outcome in outcomes] == ["german[0]", "german[1]"]
    assert all(outcome.error.startswith(error) for outcome in outcomes)


@pytest.mark.parametrize("rows", [5, None, []])
def test_a_group_without_rows_is_one_failure(write, rows):
    [outcome] = runner.run([write(windows=[{**GROUP, "rows": rows}])]).outcomes

    assert outcome.id == "german"
    assert outcome.error.startswith("rows: ")


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({}, "anchor: is required"),
        ({"anchor": "2026-03-31"}, "anchor: '2026-03-31' has no offset"),
        ({"anchor": "2026-03-31T00:00:00Z", "opens": "2026-05-01"}, "opens: is not known here"),
        ({"anchor": "9999-12-31T00:00:00Z"}, "anchor: "),
        (5, "must be a mapping of keys"),
    ],
)
def test_a_row_that_is_wrong_fails_alone(write, row, error):
    wrong, right = runner.run([write(windows=[{**GROUP, "rows": [row, *GROUP["rows"]]}])]).outcomes

    assert wrong.id == "german[0]"
    assert error in wrong.error
    assert right.is_as_expected


def test_windows_may_come_from_a_changed_program(write):
    group = {
        "id": "smartcat-15",
        "program": "smartcat",
        "set": {"payout_schedule.opens": {"day": 15}},
        "rows": [
            {
                "anchor": "2026-02-10T00:00:00Z",
                "window_opens": "2026-03-15",
                "window_closes": "2026-03-31",
                "opens_at": "2026-03-15T01:00:00+01:00",
            }
        ],
    }

    assert runner.run([write(windows=[group])]).failed == []
