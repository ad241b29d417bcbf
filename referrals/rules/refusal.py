"""Refusals: a step that is not taken says why, in words for people and a code for programs."""


class Refused(Exception):
    """A step was refused and changed nothing. Each refusal lives beside the step that raises it."""

    code: str = "refused"


class SamePerson(Refused):
    """The step takes two people, and they are one."""

    code = "same_person"


class WrongField(Refused):
    """A value that came in makes no sense; ``field`` names it."""

    code = "wrong_field"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


def require_two_people(one: object, other: object) -> None:
    """
    A step that takes two people has two.

    :raises SamePerson: if it has one
    """
    if one == other:
        raise SamePerson(f"{one} cannot be both people of this step: another person has to confirm it.")
