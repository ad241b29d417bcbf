"""
Program files as YAML text: read without surprises, written so that a person can read them aloud.

Reading is narrower than YAML. Dates stay text, references and tags are refused, and a key
written twice is found. What may be text to one reader and a word to another is quoted in
what is written.
"""

import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from payouts.rules.program_document.checks import Document
from payouts.rules.program_document.keys import is_empty
from payouts.rules.program_document.problems import Place, Problem, printable

LONGEST_FILE = 1_000_000
DEEPEST = 12

# What YAML 1.1 reads as something else than text; the written form of numbers is kept to what people write.
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(["", "~", "null", "Null", "NULL"]),
    **dict.fromkeys(
        [case(word) for word in ("yes", "true", "on") for case in (str, str.title, str.upper)], True
    ),
    **dict.fromkeys(
        [case(word) for word in ("no", "false", "off") for case in (str, str.title, str.upper)], False
    ),
}
_NUMBERS: tuple[tuple[re.Pattern[str], Callable[[str], int | float]], ...] = (
    (re.compile(r"[-+]?(0|[1-9][0-9]{0,999})"), int),
    (re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+][0-9]+)?"), float),
)

_Path = tuple[str | int, ...]


class NotYaml(ValueError):
    """The text is not YAML, or YAML that no program file needs."""


def parse(text: str) -> tuple[object, list[Problem]]:
    """
    Read YAML into mappings, lists, text, whole numbers and truths, with the keys written twice.

    :raises NotYaml: if it is not one YAML document, or holds references or tags
    """
    if len(text) > LONGEST_FILE:
        raise NotYaml(f"has {len(text)} characters; a program file has at most {LONGEST_FILE}")
    try:
        reading = _Reading(yaml.parse(text, Loader=yaml.SafeLoader))
        document = reading.document()
    except yaml.MarkedYAMLError as error:
        raise NotYaml(f"is not YAML: {_line(error.problem_mark)}{error.problem or error.context}") from error
    # PyYAML lets errors of its own conversions through, such as a character that does not exist.
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        if isinstance(error, NotYaml):
            raise
        raise NotYaml(f"is not YAML: {' '.join(str(error).split())}") from error
    return document, [Problem(_place_of(path, document).path, "is written twice") for path in reading.twice]


class _Reading:
    """One pass over the events of a YAML text."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self.twice: list[_Path] = []

    def document(self) -> object:
        next(self._events)  # the beginning of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        document = self._value(next(self._events), ())
        next(self._events)  # the end of the document
        if not isinstance(next(self._events), yaml.StreamEndEvent):
            raise NotYaml("holds more than one document")
        return document

    def _value(self, event: yaml.Event, path: _Path) -> object:
        if len(path) > DEEPEST:
            raise NotYaml(f"{_line(event.start_mark)}is nested deeper than any program file")
        if isinstance(event, yaml.AliasEvent):
            raise NotYaml(
                f"{_line(event.start_mark)}*{event.anchor} is a reference: write out what it stands for"
            )
        if tag := getattr(event, "tag", None):
            raise NotYaml(f"{_line(event.start_mark)}the tag {printable(tag)} is not taken")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path)
        return _scalar(event)

    def _mapping(self, path: _Path) -> dict[str, object]:
        mapping: dict[str, object] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise NotYaml(f"{_line(event.start_mark)}a key must be a word")
            key = event.value
            value = self._value(next(self._events), (*path, key))
            if key in mapping:
                self.twice.append((*path, key))
            else:
                mapping[key] = value
        return mapping

    def _list(self, path: _Path) -> list[object]:
        values: list[object] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._value(event, (*path, len(values))))
        return values


def _scalar(event: Any) -> object:
    plain, _ = event.implicit
    if not plain:
        return event.value
    if event.value in _WORDS:
        return _WORDS[event.value]
    for pattern, number in _NUMBERS:
        if pattern.fullmatch(event.value):
            return number(event.value)
    return event.value


def _line(mark: Any) -> str:
    return f"line {mark.line + 1}: " if mark else ""


def _place_of(path: _Path, document: Any) -> Place:
    at, inside = Place(), document
    for step in path:
        inside = inside[step]
        at = at.key(step) if isinstance(step, str) else at.row(inside, step)
    return at


class _OneLine(dict[str, Any]):
    """A mapping that is written on one line: a point of a month, a row of a table."""


_TABLES = ("call_outcomes", "rejection_reasons", "share_texts")


def dump(document: Document) -> str:
    """
    A canonical document as a program file, in the order of the page that describes it.

    Of rows, keys without a value are left out; of sections, quotes without words.
    """
    sections = {name: _readable(name, section) for name, section in document.items() if not is_empty(section)}
    return "\n".join(
        yaml.dump({name: section}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=sys.maxsize)
        for name, section in sections.items()
    )


def _readable(name: str, section: Any) -> Any:
    if name in _TABLES:
        return [_OneLine(row) for row in section]
    if isinstance(section, list):
        return [_without_empty_keys(row) for row in section]
    if isinstance(section, dict):
        return {
            key: _OneLine(value) if isinstance(value, dict) else value
            for key, value in section.items()
            if key != "quote" or value
        }
    return section


def _without_empty_keys(row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: [_without_empty_keys(test) for test in value] if key in ("any", "all") else value
        for key, value in row.items()
        if not is_empty(value)
    }


# Amounts and times of day; some of them YAML would read as text anyway, and a person would wonder which.
_LIKE_A_NUMBER = re.compile(r"[0-9.:]+")


class _Dumper(yaml.SafeDumper):
    # Our reader leaves dates as text, so that they need no quotes.
    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
    }

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002
        # Rows stand two spaces inside their section.
        super().increase_indent(flow, indentless=False)

    def choose_scalar_style(self) -> str:
        style: str = super().choose_scalar_style()
        return '"' if style == "'" else style


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = '"' if _LIKE_A_NUMBER.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _write_list(dumper: yaml.SafeDumper, values: list[Any]) -> yaml.Node:
    of_rows = any(isinstance(value, dict) for value in values)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=not of_rows)


def _write_on_one_line(dumper: yaml.SafeDumper, row: _OneLine) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", row, flow_style=True)


_Dumper.add_representer(str, _write_text)
_Dumper.add_representer(list, _write_list)
_Dumper.add_representer(_OneLine, _write_on_one_line)
