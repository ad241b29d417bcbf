"""Who plays in the demo: staff and referrers with their log-ins, which are shown to everybody."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.db import transaction

from referrals.models import ApiClient, Host, Referrer

PASSWORD = "demo"  # noqa: S105  no secret: it is printed, and refused without DEBUG
CLIENT = "Demo host product"
HOST = "Lindenvale"
"""For whom callers say that they call."""


@dataclass(frozen=True, slots=True)
class LogIn:
    """Somebody who can log in, and what to look at then."""

    username: str
    role: str
    look: str
    name: str
    group: str = ""


STAFF = [
    LogIn(
        "cara",
        "Caller",
        "Reviews: “Next company”, a call or four answers, “Qualified”; “Undo” within ten minutes. No money.",
        "Cara Lind",
        "Callers",
    ),
    LogIn(
        "sam",
        "Senior caller",
        "Board: who is on what; assign companies. Reviews, Flagged: say what a sign means. Reopen, revoke.",
        "Sam Okoye",
        "Seniors",
    ),
    LogIn(
        "kim",
        "Senior caller, the second",
        "Second looks: decide again, blind. Proposals: what takes a second person, but nothing of her own.",
        "Kim Larsen",
        "Seniors",
    ),
    LogIn(
        "sue",
        "Support",
        "Referrers: why was nothing credited? “See as referrer”; “Take up an appeal” of a refusal.",
        "Sue Adler",
        "Support",
    ),
    LogIn(
        "fay",
        "Finance, prepares",
        "Batches: put the draft up. Bonuses: each says why it is not paid yet; “Hold” stops it.",
        "Fay Brandt",
        "Finance preparers",
    ),
    LogIn(
        "finn",
        "Finance, approves",
        "Batches: approve the one that Fay has put up; within half a minute the worker pays it.",
        "Finn Moreau",
        "Finance approvers",
    ),
    LogIn(
        "mia",
        "Program manager",
        "Programs; and under “All applications” terms, calendars and holidays. Approves nothing.",
        "Mia Castell",
        "Program managers",
    ),
    LogIn(
        "ann",
        "Auditor",
        "All rows, trails and transfers, no phone and no e-mail; nothing can be changed.",
        "Ann Keller",
        "Auditors",
    ),
    LogIn(
        "admin",
        "Operator",
        "Jobs: every run of the worker with what it did. May everything else, too, but nothing alone.",
        "Ada Novak",
        "Operators",
    ),
]
REFERRERS = [
    LogIn(
        "rosa",
        "Referrer, a freelance translator",
        "Refer a client: link, code, counters, balance. Smartcat's program, and Upwork's of 2019.",
        "Rosa Lang",
    ),
    LogIn(
        "ben",
        "Referrer, a client of the receptionists",
        "Refer a friend: $1,000 and $200 bonuses; and the monthly credits of the older program.",
        "Ben Ortiz",
    ),
]
LOG_INS = [*STAFF, *REFERRERS]


@dataclass(frozen=True, slots=True)
class Brings:
    """A referrer of the demo, and the link and code for each program."""

    key: str
    name: str
    email: str
    attributes: Mapping[str, str]
    links: Mapping[str, str] = field(default_factory=dict)


FREELANCER = {"kind": "FREELANCER", "country": "US", "tier": "top_rated"}
CLIENT_OF_HOST = {"kind": "CLIENT", "country": "US"}
BRINGING = [
    Brings(
        "rosa",
        "Rosa Lang",
        "rosa@lang-words.example",
        FREELANCER,
        {"smartcat": "rosa", "upwork-2019": "rosa-lang"},
    ),
    Brings(
        "jonas",
        "Jonas Weber",
        "jonas@weber-text.example",
        FREELANCER,
        {"smartcat": "jonas", "upwork-2019": "jweber"},
    ),
    Brings("lena", "Lena Fischer", "lena@fischer-lingua.example", FREELANCER, {"smartcat": "lena"}),
    Brings("theo", "Theo Marsh", "theo@marsh-copy.example", FREELANCER, {"smartcat": "theo"}),
    Brings(
        "ben",
        "Ben Ortiz",
        "ben@ortiz-law.example",
        CLIENT_OF_HOST,
        {"smithai": "ben25", "smithai-legacy": "ortiz"},
    ),
    Brings(
        "dana",
        "Dana Reyes",
        "dana@reyes-dental.example",
        CLIENT_OF_HOST,
        {"smithai": "dana", "smithai-legacy": "reyes"},
    ),
    Brings("priya", "Priya Nair", "priya@nair-homes.example", CLIENT_OF_HOST, {"smithai": "priya"}),
]


def shown() -> list[LogIn]:
    """The log-ins of the demo, if this installation has them."""
    if not ApiClient.objects.filter(name=CLIENT).exists():
        return []
    there = set(
        User.objects.values_list("username", flat=True).filter(username__in=[one.username for one in LOG_INS])
    )
    return [one for one in LOG_INS if one.username in there]


@transaction.atomic
def make_log_ins() -> dict[str, User]:
    """Make the log-ins that are missing; those that are there stay as they are."""
    made: dict[str, User] = {}
    # Hashed once: to do it well takes long on purpose.
    password = make_password(PASSWORD)
    for one in LOG_INS:
        first, last = one.name.split()
        user, is_new = User.objects.get_or_create(
            username=one.username,
            defaults={
                "first_name": first,
                "last_name": last,
                "password": password,
                "email": f"{one.username}@backoffice.example",
                "is_staff": one in STAFF,
                "is_superuser": one.username == "admin",
            },
        )
        if is_new and one.group:
            user.groups.add(Group.objects.get(name=one.group))
        made[one.username] = user
    return made


@transaction.atomic
def make_referrers(host: Host, users: Mapping[str, User]) -> dict[str, Referrer]:
    """Make the referrers that are missing; some can log in."""
    made = {}
    for one in BRINGING:
        made[one.key], _ = Referrer.objects.get_or_create(
            host=host,
            host_account=f"demo-{one.key}",
            defaults={"name": one.name, "email": one.email, "user": users.get(one.key), **one.attributes},
        )
    return made
