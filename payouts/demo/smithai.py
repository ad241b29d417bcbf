"""Smith.ai's program: clients who pay, and the batches of the latest window in each of their states."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import cycle

from payouts.demo.history import QUIET, History
from payouts.demo.script import Story
from payouts.program_files import latest_terms

RECEPTIONIST, VOICE = "virtual_receptionist", "voice_assistant"


def write(history: History) -> None:
    """Fill the script with all that happened in this program."""
    write_year(history)
    write_latest(history)


def _pays(story: Story, product: str, amount_minor: int, at: datetime) -> Story:
    story.tell("invoice.issued", amount_minor, at=at - timedelta(hours=1), product=product)
    return story.tell("invoice.paid", amount_minor, at=at, product=product)


def _first_invoice(product: str, amount_minor: int) -> Callable[[Story], None]:
    def pay(story: Story) -> None:
        _pays(story, product, amount_minor, story.signed_up_at + timedelta(days=6))

    return pay


def _left(story: Story) -> None:
    _pays(story, RECEPTIONIST, 28_500, story.signed_up_at + timedelta(days=5))
    story.tell("account.cancelled", at=story.signed_up_at + timedelta(days=50))


def _only_chats(story: Story) -> None:
    """It uses what earns no bonus."""


CLIENTS = [
    _first_invoice(RECEPTIONIST, 23_500),
    _first_invoice(VOICE, 9_500),
    _first_invoice(RECEPTIONIST, 60_000),
    _left,
    _only_chats,
    _first_invoice(VOICE, 27_000),
]


def write_year(history: History) -> None:
    """Every other week a client; batches are put up and approved when a window opens."""
    kinds, links, stage = cycle(CLIENTS), cycle(["ben25", "dana", "ben25", "priya"]), history.stage
    for at in history.starts("smithai", every=timedelta(days=14), number=26):
        next(kinds)(history.story("smithai", next(links), at))
    for month in history.months("smithai", since=history.before(days=400)):
        opens_at = month.window.opens_at
        history.script.at(opens_at + timedelta(hours=9), stage.prepare("smithai"))
        if (paid_at := opens_at + timedelta(hours=32)) < history.now - QUIET:
            history.script.at(paid_at - timedelta(hours=3), stage.put_up("smithai"))
            history.script.at(paid_at - timedelta(hours=1), stage.approve("smithai"))
            history.script.at(paid_at, stage.jobs("smithai"))


def write_latest(history: History) -> None:
    """Three batches: approved a minute ago, put up and waiting for approval, still a draft."""
    month, stage, slug = history.latest("smithai"), history.stage, "smithai"
    if month.day(1) < latest_terms(stage.programs[slug]).effective_from:
        return
    groups = (
        (history.before(hours=5), ["ben25", "dana"], True),
        (history.before(hours=4), ["ben25", "priya", "dana"], True),
        (history.before(hours=3), ["priya", "ben25"], False),
    )
    for active_at, links, is_put_up in groups:
        for place, link in enumerate(links):
            product, amount_minor = (RECEPTIONIST, 28_500) if place % 2 == 0 else (VOICE, 12_000)
            story = history.story(slug, link, month.day(3 + place))
            _pays(story, product, amount_minor, month.day(9 + place, hour=18))
            # Who is past due waits, whatever the window says.
            story.tell("account.past_due", at=month.window.opens_at - timedelta(days=4))
            story.tell("account.activated", at=active_at)
        history.script.at(active_at + timedelta(minutes=5), stage.prepare(slug))
        if is_put_up:
            history.script.at(active_at + timedelta(minutes=20), stage.put_up(slug))
    history.script.at(history.before(minutes=1), stage.approve(slug))
    held = history.story(slug, "ben25", history.before(days=40))
    _pays(held, RECEPTIONIST, 45_000, history.before(days=33))
    held.hold("Same owner as an earlier client?", at=history.before(days=30))
