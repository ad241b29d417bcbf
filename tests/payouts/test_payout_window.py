"""``payout_window``: the promised window, from files as from rows."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from payouts import program_files
from payouts.rules.program_document import changed, check
from payouts.rules.schedule import window
from referrals import calendars
from tests.payouts.test_program_files import NOW

pytestmark = pytest.mark.django_db

CASES = Path(__file__).parents[1] / "cases"
ANCHOR = "2026-02-10T12:00:00+00:00"
PROMISED = {"window_opens": "2026-03-16", "window_closes": "2026-03-31", "opens_at": "2026-03-16T00:00:00Z"}


def groups(*, of_programs):
    files = [CASES / "schedule.json", CASES / "schedule-edges.json"]
    found = [group for path in files for group in json.loads(path.read_text())["windows"]]
    return [pytest.param(group, id=group["id"]) for group in found if ("program" in group) == of_programs]


def document_of(group):
    document = program_files.read(program_files.bundled()[group["program"]])
    document, problems = changed(document, group.get("set", {}))
    assert problems == []
    document, problems = check(document, calendars.all_business_days())
    assert problems == []
    return document


def promises(group, schedule):
    """What the schedule promises for each row, as far as the row tells."""
    promised = []
    for row in group["rows"]:
        of_row = window(schedule, datetime.fromisoformat(row["anchor"]))
        values = {
            "window_opens": of_row.opens_on.isoformat(),
            "window_closes": of_row.closes_on.isoformat(),
            "opens_at": f"{of_row.opens_at:%Y-%m-%dT%H:%M:%SZ}",
        }
        promised.append({name: values[name] for name in values if name in row})
    return promised


def expected(group):
    names = ["window_opens", "window_closes", "opens_at"]
    return [{name: row[name] for name in names if name in row} for row in group["rows"]]


def payout_window(capsys, *arguments):
    call_command("payout_window", *arguments)
    return capsys.readouterr().out


@pytest.mark.parametrize("group", groups(of_programs=True))
def test_the_worked_windows_follow_from_documents_and_from_rows(group):
    document = document_of(group)
    program = program_files.store(document, host=program_files.default_host(), now=NOW)

    from_document = program_files.schedule_from_document(document, calendars.all_business_days())
    from_rows = program_files.schedule_of(program.terms.get())

    assert from_document == from_rows
    assert promises(group, from_rows) == expected(group)


@pytest.mark.parametrize("group", groups(of_programs=False))
def test_the_worked_windows_follow_from_a_section_alone(group):
    schedule = program_files.schedule_from_section(
        group["schedule"], zone="UTC", calendars=calendars.all_business_days()
    )

    assert promises(group, schedule) == expected(group)


def test_a_loaded_program_answers_with_its_latest_terms(capsys):
    later = {"program": "smartcat", "set": {"payout_schedule.opens": {"day": 15}}}
    program_files.store(document_of(later), host=program_files.default_host(), now=NOW)

    answer = json.loads(payout_window(capsys, "smartcat", ANCHOR, "--json"))

    assert answer == {**PROMISED, "window_opens": "2026-03-15", "opens_at": "2026-03-15T00:00:00Z"}


def test_a_program_that_is_not_loaded_is_looked_for_among_the_files(capsys):
    assert json.loads(payout_window(capsys, "smartcat", ANCHOR, "--json")) == PROMISED


def test_a_file_is_named_by_its_path(capsys, tmp_path):
    copy = tmp_path / "copy.yaml"
    copy.write_bytes(program_files.bundled()["smartcat"].read_bytes())

    assert json.loads(payout_window(capsys, str(copy), ANCHOR, "--json")) == PROMISED


def test_without_json_a_person_can_read_it(capsys):
    assert payout_window(capsys, "smartcat", ANCHOR) == (
        "smartcat: anchored at 2026-02-10T12:00:00+00:00, paid from 2026-03-16 to 2026-03-31, both included; "
        "no money leaves before 2026-03-16T00:00:00Z.\n"
    )


@pytest.mark.parametrize(
    ("anchor", "told"),
    [
        ("2026-02-10T12:00:00", "'2026-02-10T12:00:00' has no offset"),
        ("2026-02-10", "'2026-02-10' has no offset"),
        ("yesterday", "'yesterday' is no ISO instant"),
        ("", "'' is no ISO instant"),
        ("9999-12-31T00:00:00Z", "'9999-12-31T00:00:00Z' has no window"),
        ("0001-01-01T00:00:00+14:00", r"'0001-01-01T00:00:00\+14:00' has no window"),
    ],
)
def test_an_anchor_that_is_no_instant_is_named(anchor, told):
    with pytest.raises(CommandError, match=told):
        call_command("payout_window", "smartcat", anchor)


def test_an_unknown_program_is_answered_with_those_known():
    with pytest.raises(CommandError) as refused:
        call_command("payout_window", "../smartcat", ANCHOR)

    assert str(refused.value) == (
        "There is no program '../smartcat'; loaded are: none. "
        "The project brings: smartcat, smithai, smithai-legacy, upwork-2019."
    )


def test_a_file_that_is_wrong_is_refused_with_its_problems(tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("format: 2\n")

    with pytest.raises(CommandError, match="format: must be 1, not 2"):
        call_command("payout_window", str(wrong), ANCHOR)
