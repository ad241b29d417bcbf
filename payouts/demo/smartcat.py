"""Smartcat's program: each week a company, and bonuses that are due, held and blocked today."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import cycle

from payouts import sweeps
from payouts.demo.anchors import latest_opened
from payouts.demo.companies import LATE, company
from payouts.demo.history import QUIET, History, on_a_workday, uses_balance
from payouts.demo.script import Script, Stage, Story
from payouts.program_files import latest_terms, schedule_of
from referrals import enrollment
from referrals.models import Referrer


def write(history: History) -> None:
    """Fill the script with all that happened in this program, but for the work of today."""
    write_year(history)
    write_latest(history)


def _qualified(story: Story) -> Story:
    return story.decide(at=on_a_workday(story.signed_up_at + timedelta(days=2, hours=2)))


def _only_qualified(story: Story) -> None:
    _qualified(story)


def _subscribed(story: Story) -> None:
    _qualified(story).tell("subscription.started", at=story.signed_up_at + timedelta(days=9))


def _subscribed_first(story: Story) -> None:
    story.tell("subscription.started", at=story.signed_up_at + timedelta(hours=20))
    _qualified(story)


def _spent(story: Story) -> None:
    _qualified(story)
    for amount_minor, days in ((90_000, 6), (210_000, 13), (240_000, 24)):
        story.tell("payment.received", amount_minor, at=story.signed_up_at + timedelta(days=days))


def _spent_too_little(story: Story) -> None:
    _qualified(story).tell("payment.received", 499_999, at=story.signed_up_at + timedelta(days=12))


def _refunded(story: Story) -> None:
    _subscribed(story)
    story.tell("subscription.refunded", at=story.signed_up_at + timedelta(days=12))


def _refused(reason: str) -> Callable[[Story], None]:
    def decide(story: Story) -> None:
        at = on_a_workday(story.signed_up_at + timedelta(days=1, hours=4))
        story.decide("NOT_QUALIFIED", reason=reason, at=at)

    return decide


def _unreachable(story: Story) -> None:
    for days in (1, 4, 7, 9, 12):
        # Other days, other times of the day.
        at = on_a_workday(story.signed_up_at + timedelta(days=days)) + timedelta(hours=days % 3)
        story.call("NO_ANSWER", at=at)
    give_up_at = story.signed_up_at + timedelta(days=32)
    story.script.at(
        give_up_at,
        lambda at: sweeps.give_up_unreachable(as_of=at, program=story.program),
        follows=story.program,
    )


def _nothing_more(story: Story) -> None:
    """The checks of the sign-up decide."""


ORDINARY: list[tuple[Callable[[Story], None], dict[str, str]]] = [
    (_subscribed, {}),
    (_spent, {}),
    (_nothing_more, {"email": "{mailbox}.{number}@gmail.com"}),
    (_subscribed_first, {}),
    (_only_qualified, {}),
    (_refused("freelancer"), {}),
    (_subscribed, {}),
    (_unreachable, {}),
    (_refunded, {}),
    (_spent_too_little, {}),
    (_subscribed, {}),
    (_refused("language_service_provider"), {}),
    (_nothing_more, {"website": ""}),
    (_spent, {}),
    (_refused("no_translation_need"), {}),
]
"""What becomes of a company, and what it told differently."""


def write_year(history: History) -> None:
    """Each week a company; what it earns is paid when its window opens."""
    kinds, links = cycle(ORDINARY), cycle(["rosa", "jonas", "rosa", "lena"])
    for number, at in enumerate(history.starts("smartcat", every=timedelta(days=7), number=52)):
        becomes, told = next(kinds)
        comes = next(history.companies)
        differently = {key: value.format(mailbox=comes.mailbox, number=number) for key, value in told.items()}
        becomes(history.story("smartcat", next(links), at, comes, **differently))
    for month in history.months("smartcat", since=history.before(days=400)):
        history.script.at(month.window.opens_at + timedelta(minutes=5), history.stage.jobs("smartcat"))
    history.script.at(
        history.before(days=19), uses_balance("rosa", "smartcat", spent=6_000, withdrawn=15_000)
    )


def write_latest(history: History) -> None:
    """The month whose window opened last: due now, held, and of a referrer who is suspended."""
    month, now = history.latest("smartcat"), history.now

    def bought(link: str, day: int) -> Story:
        return history.story("smartcat", link, month.day(day)).decide(at=month.day(day + 2, hour=9))

    # Their billing was late to tell: what happened in that month is known since some minutes only.
    for place, link in enumerate(["rosa", "jonas", "rosa"]):
        told_at = now - timedelta(minutes=8 - 2 * place)
        bought(link, 3 + place).tell("subscription.started", at=month.day(10 + place), told_at=told_at)
    for day, link, lifted_at in (
        (2, "rosa", now - timedelta(minutes=5)),
        (4, "lena", now - timedelta(minutes=3)),
    ):
        story = bought(link, day).tell("subscription.started", at=month.day(9))
        story.hold("Is it the same company as last year's?", at=month.day(10, hour=8), lifted_at=lifted_at)
    for day, link, why in (
        (5, "rosa", "The subscription is disputed by the bank."),
        (6, "jonas", "Three sign-ups from one address: looked into."),
    ):
        bought(link, day).tell("subscription.started", at=month.day(11)).hold(why, at=month.day(12))
    bought("theo", 6).tell("subscription.started", at=month.day(12))
    history.script.at(month.day(20), _suspends("demo-theo", history.stage))


def _suspends(host_account: str, stage: Stage) -> Callable[[datetime], object]:
    def suspend(at: datetime) -> None:
        enrollment.suspend(
            Referrer.objects.get(host=stage.client.host, host_account=host_account),
            program=stage.programs["smartcat"],
            by=stage.users["sam"],
            at=at,
            reason="Shares the link in job advertisements.",
        )

    return suspend


def write_fresh(script: Script, *, now: datetime, since: int, number: int) -> None:
    """Further bonuses that are due at once, since their purchases were told late."""
    schedule = schedule_of(latest_terms(script.stage.programs["smartcat"]))
    month = latest_opened(schedule, now=now, ago=QUIET)
    for place in range(since, since + number):
        comes = company(LATE + place)
        story = Story(script, "smartcat", comes, by="rosa", at=month.day(3), host_account=f"late-{place}")
        story.decide(at=month.day(5, hour=9))
        story.tell("subscription.started", at=month.day(11), told_at=now - timedelta(minutes=1))
