"""Program files as they lie in folders."""

from pathlib import Path

from django.conf import settings

from payouts.rules.program_document import Document, NotYaml, check, parse
from referrals import calendars

BUNDLED: Path = settings.BASE_DIR / "referrals" / "programs"


class ProgramFileRefused(Exception):
    """Something is wrong with a program file; ``problems`` has one line for each thing."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read(path: Path) -> Document:
    """
    The document of a program file, checked against the calendars of the installation.

    :raises ProgramFileRefused: with everything that is wrong with the file
    """
    try:
        written, twice = parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProgramFileRefused([f"{path}: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ProgramFileRefused(
            [f"{path}: is not UTF-8 text: {error.reason} at byte {error.start}"]
        ) from error
    except NotYaml as error:
        raise ProgramFileRefused([f"{path}: {error}"]) from error

    document, wrong = check(written, calendars.all_business_days())
    if document is None or twice:
        raise ProgramFileRefused([f"{path}: {problem}" for problem in [*twice, *wrong]])
    return document


def bundled() -> dict[str, Path]:
    """The program files that come with the project, by slug."""
    return {path.stem: path for path in sorted(BUNDLED.glob("*.yaml"), key=lambda path: path.stem)}
