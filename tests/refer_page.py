"""*Refer a client* as a referrer reads it."""

import html
import re

import time_machine
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from payouts.statements import Statement, offers_of, statement, terms_shown
from referrals.models import Referrer
from tests.story import Story

PAGE = "/refer/"
AS_TYPED = str.maketrans({"\N{EN DASH}": "-", "\N{MINUS SIGN}": "-"})


def logged_in(referrer: Referrer) -> Client:
    """A browser in which that referrer is logged in."""
    if referrer.user is None:
        referrer.user = User.objects.create(username=f"{referrer.host}-{referrer.host_account}")
        referrer.save()
    client = Client()
    client.force_login(referrer.user)
    return client


def answer(story: Story, path: str = PAGE, *, referrer: Referrer | None = None) -> HttpResponse:
    """What the referrer, Rosa unless told otherwise, gets at the story's instant."""
    with time_machine.travel(story.now, tick=False):
        return logged_in(referrer or story.rosa).get(path)


def read(story: Story, path: str = PAGE, *, referrer: Referrer | None = None) -> str:
    """What the page says."""
    response = answer(story, path, referrer=referrer)
    assert response.status_code == 200
    return text_of(response)


def text_of(response: HttpResponse) -> str:
    """The words of a page without its head."""
    return words(response.content.decode().split("<main")[1].split(">", 1)[1])


def account_lines(story: Story, path: str = PAGE) -> list[str]:
    """The rows of the table of accounts."""
    section = answer(story, path).content.decode().split('id="accounts"')[1].split("</section>")[0]
    return [words(row) for row in re.findall(r"<tr>(.*?)</tr>", section, re.DOTALL)[1:]]


def words(markup: str) -> str:
    """What can be read: tags left out, spaces and lines made one, dashes as they are typed."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).translate(AS_TYPED).split())


def told(story: Story) -> Statement:
    """The statement of Rosa at the story's instant."""
    mine = story.enrollment()
    terms = terms_shown(mine, at=story.now)
    return statement(mine, terms=terms, offers=offers_of(mine), as_of=story.now)
