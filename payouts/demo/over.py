"""The programs that are over: Upwork's of 2019, and Smith.ai's older one, whose credits go on each month."""

from datetime import UTC, datetime, timedelta
from itertools import cycle, islice

from payouts import sweeps
from payouts.demo.history import History, uses_balance

CLIENTS_SINCE = ["2025-01-15", "2025-03-03", "2025-04-22", "2025-06-10", "2025-08-18", "2025-10-06"]
"""When the clients of the older program signed up; the first has left since."""

SERVICE, DESIGN = "customer_service", "design"
FRIENDS: list[tuple[str, str, list[tuple[str, int, str]]]] = [
    ("rosa-lang", "2019-02-05", [("2019-02-20", 50_000, SERVICE)]),
    ("rosa-lang", "2019-02-11", [("2019-03-08", 49_999, SERVICE)]),
    ("jweber", "2019-02-14", [("2019-03-01", 32_000, SERVICE), ("2019-03-12", 40_000, DESIGN)]),
    ("rosa-lang", "2019-02-26", [("2019-03-06", 25_000, SERVICE), ("2019-03-19", 25_000, SERVICE)]),
    (
        "jweber",
        "2019-03-04",
        [("2019-03-20", 50_000, SERVICE), ("2019-03-28", -8_000, SERVICE), ("2019-04-10", 8_000, SERVICE)],
    ),
    ("rosa-lang", "2019-03-25", []),
]
"""By whose link a friend registered, when, and what was earned until April 15; negative: reversed."""


def write(history: History) -> None:
    """Fill the script with all that happened in these programs."""
    write_upwork(history)
    write_legacy(history)


def write_upwork(history: History) -> None:
    """Friends who earned $500 in time, and friends who did not."""
    for number, (link, registered, earnings) in enumerate(FRIENDS, start=1):
        comes = next(history.companies)
        story = history.story(
            "upwork-2019",
            link,
            _noon(registered),
            comes,
            host_account=f"upwork-{number}",
            kind="FREELANCER",
            company_name=comes.contact,
            website="",
            email=f"{comes.mailbox}{number}@post.example",
        )
        for day, amount_minor, category in earnings:
            type = "earning.posted" if amount_minor > 0 else "earning.reversed"
            story.tell(type, abs(amount_minor), at=_noon(day), category=category)
    # The last window opens in May.
    for month in islice(history.months("upwork-2019", since=_noon("2019-02-02")), 4):
        history.script.at(month.window.opens_at + timedelta(minutes=5), history.stage.jobs("upwork-2019"))
    program = history.stage.programs["upwork-2019"]
    deadline = datetime(2019, 4, 16, 7, tzinfo=UTC)
    history.script.at(deadline, lambda at: sweeps.evaluate(program, as_of=at))


def write_legacy(history: History) -> None:
    """Clients of the older program: a credit each month for as long as they stay."""
    links = cycle(["ortiz", "reyes", "ortiz"])
    stories = [history.story("smithai-legacy", next(links), _noon(day)) for day in CLIENTS_SINCE]
    for story in stories:
        story.tell("account.activated", at=story.signed_up_at + timedelta(days=2))
    stories[0].tell("account.cancelled", at=_noon("2025-07-10"))
    for month in history.months("smithai-legacy", since=_noon("2025-01-02")):
        history.script.at(month.window.opens_at + timedelta(minutes=5), history.stage.jobs("smithai-legacy"))
    history.script.at(_noon("2025-09-09"), uses_balance("ortiz", "smithai-legacy", spent=15_000))


def _noon(day: str) -> datetime:
    """About noon of that day in the zone of these programs."""
    return datetime.fromisoformat(day).replace(hour=19, tzinfo=UTC)
