"""How people, programs and checks are called on the pages of staff: the same everywhere."""

from django.contrib.auth.models import User

from referrals.models import Program
from referrals.rules.words import Check


def of_person(person: User | None) -> str:
    """Somebody by the full name, where it is known; else by the name of the log-in; nobody is ''."""
    return "" if person is None else person.get_full_name() or person.get_username()


def of_program(program: Program) -> str:
    """
    A program by its slug, such as 'Smartcat' and 'Upwork 2019'.

    Its name is what referrers read, and several programs may have the same.
    """
    return from_slug(program.slug)


CHECKS = {
    Check.KIND: "kind of account",
    Check.COMPANY_EMAIL: "company e-mail",
    Check.EVIDENCE: "website and phone",
    Check.NEW_CUSTOMER: "new customer",
}


def of_check(check_kind: str) -> str:
    """What an automatic check looks at."""
    return CHECKS[Check(check_kind)]


def from_slug(slug: str) -> str:
    """The same, of the slug alone."""
    words = slug.replace("-", " ").replace("_", " ")
    return words[:1].upper() + words[1:]
