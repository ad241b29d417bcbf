"""Which files are meant, and what is no file of cases."""

import os

import pytest

from payouts.cases import reader


def test_a_folder_means_its_json_files_at_any_depth_and_each_file_once(tmp_path):
    (tmp_path / "deeper").mkdir()
    for name in ("b.json", "a.json", "deeper/c.json", "notes.txt"):
        (tmp_path / name).write_text("{}")

    found = reader.find([tmp_path / "b.json", tmp_path, tmp_path / "deeper" / "c.json"])

    assert found == [tmp_path / "b.json", tmp_path / "a.json", tmp_path / "deeper" / "c.json"]


def test_a_file_may_have_any_name_if_it_is_named(tmp_path):
    assert reader.find([tmp_path / "cases.txt"]) == [tmp_path / "cases.txt"]


def test_a_file_has_cases_and_windows(tmp_path):
    path = tmp_path / "both.json"
    path.write_text('{"cases": [{"id": "a"}], "windows": [{"id": "b"}]}')

    assert reader.read(path) == reader.CaseFile(path, cases=[{"id": "a"}], windows=[{"id": "b"}])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ('{"cases": [', "is not JSON: Expecting value: line 1 column 12 (char 11)"),
        ("[]", "must be an object with cases, or windows, or both"),
        ("{}", "has neither cases nor windows"),
        ('{"cases": [], "cases": []}', "the key 'cases' is written twice in one object"),
        ('{"cases": [{"id": 1, "id": 2}]}', "the key 'id' is written twice in one object"),
        ('{"cases": [NaN]}', "NaN is not JSON"),
        (
            "[" * 100_000,
            "is not JSON: maximum recursion depth exceeded while decoding a JSON array from a unicode string",
        ),
    ],
)
def test_what_is_no_file_of_cases(tmp_path, content, problem):
    path = tmp_path / "wrong.json"
    path.write_text(content)

    assert reader.read(path) == reader.CaseFile(path, problem=problem)


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "wrong.json"
    path.write_bytes(b'{"cases": ["\xff"]}')

    assert reader.read(path).problem.startswith("is not JSON: 'utf-8' codec can't decode byte 0xff")


def test_what_can_be_read_of_a_wrong_file_is_there(tmp_path):
    path = tmp_path / "wrong.json"
    path.write_text('{"cases": [{"id": "a"}], "windows": {}, "title": "Mixed"}')

    assert reader.read(path) == reader.CaseFile(
        path,
        cases=[{"id": "a"}],
        problem="title: is not known here; known are cases, windows; windows: must be a list",
    )


def test_a_file_that_is_not_there(tmp_path):
    assert reader.read(tmp_path / "no.json").problem == "cannot be read: No such file or directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "secret.json"
    path.write_text("{}")
    path.chmod(0)

    assert reader.read(path).problem == "cannot be read: Permission denied"


def test_a_folder_without_cases_was_meant_to_hold_some(tmp_path):
    [found] = reader.find([tmp_path])

    assert reader.read(found).problem == "is a folder without *.json files"
