"""What a web server remembers: never more clicks than were made, and none lost that it can save."""

import threading
import time
from datetime import UTC, datetime

import pytest
from django.db import Error, OperationalError, connection

from referrals import links
from referrals.clicks import Clicks, Targets
from referrals.models import Click, ReferralLink, Touch
from tests.factories import EnrollmentFactory

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def opened(link_id=1, visitor="", at=NOON):
    return links.Opened(link_id, visitor, at)


class Book:
    """Takes what would be written; ``fails`` is raised so many times first."""

    def __init__(self, *fails):
        self.fails = list(fails)
        self.kept = []

    def __call__(self, taken):
        if self.fails:
            raise self.fails.pop(0)
        self.kept += taken


@pytest.fixture
def link(db):
    row = ReferralLink.objects.get(enrollment=EnrollmentFactory())
    ReferralLink.objects.filter(pk=row.pk).update(text="rosa", folded="rosa")
    return row


def wait_until(condition):
    for _ in range(200):
        if condition():
            return True
        time.sleep(0.02)
    return False


# --- writing


def test_clicks_are_summed_per_link_and_touches_are_not(link):
    other = ReferralLink.objects.get(enrollment=EnrollmentFactory())

    links.keep([opened(link.pk, "v1"), opened(other.pk), opened(link.pk, "v2"), opened(link.pk, "v1")])

    assert dict(Click.objects.values_list("link_id", "times")) == {link.pk: 3, other.pk: 1}
    assert list(Touch.objects.order_by("pk").values_list("link_id", "visitor", "touched_at")) == [
        (link.pk, "v1", NOON),
        (link.pk, "v2", NOON),
        (link.pk, "v1", NOON),
    ]
    assert Click.objects.get(link=link).clicked_at == NOON


def test_before_a_web_server_begins_each_click_is_written_at_once():
    book = Book()

    Clicks(keep=book).add(opened())

    assert book.kept == [opened()]


def test_clicks_wait_and_are_written_together_soon():
    book = Book()
    waiting = Clicks(keep=book, seconds=0.05)
    waiting.begin()
    for number in range(5):
        waiting.add(opened(number))

    assert book.kept == []
    assert wait_until(lambda: len(book.kept) == 5)


def test_who_flushes_finds_everything_written():
    book = Book()
    waiting = Clicks(keep=book, seconds=60)
    waiting.begin()
    waiting.add(opened())
    waiting.flush()

    assert book.kept == [opened()]
    waiting._timer.cancel()


def test_what_could_not_be_written_waits_for_the_next_time_in_its_order():
    book = Book(links.NotKept(), links.NotKept())
    waiting = Clicks(keep=book, seconds=0.02)
    waiting.begin()
    waiting.add(opened(1))
    waiting.add(opened(2))

    assert wait_until(lambda: len(book.kept) == 2)
    assert [one.link_id for one in book.kept] == [1, 2]


def test_while_the_database_is_away_the_oldest_go_first():
    book = Book(links.NotKept())
    waiting = Clicks(keep=book, most=2)
    for number in range(3):
        waiting._waiting.append(opened(number))
    waiting.flush()
    waiting.flush()

    assert [one.link_id for one in book.kept] == [1, 2]


def test_what_may_have_been_written_is_not_written_again(caplog):
    book = Book(OperationalError("the answer to COMMIT is missing"))
    waiting = Clicks(keep=book)
    waiting.add(opened())
    waiting.flush()

    assert book.kept == []
    assert "1 clicks are lost" in caplog.text


def test_a_broken_connection_before_the_commit_leaves_nothing(link, monkeypatch):
    calls = []

    def add(model, *args):
        calls.append(model)
        if model is Touch:
            raise OperationalError("server closed the connection")

    monkeypatch.setattr(links, "_add", add)
    with pytest.raises(links.NotKept):
        links.keep([opened(link.pk, "v1")])

    assert calls == [Click, Touch]


def test_many_threads_lose_no_click_and_add_none():
    book = Book()
    waiting = Clicks(keep=book, seconds=0.01)
    waiting.begin()
    threads = [
        threading.Thread(target=lambda: [waiting.add(opened(number)) for number in range(500)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wait_until(lambda: len(book.kept) >= 2000)
    assert len(book.kept) == 2000


# --- remembering


class Register:
    """Where links lead, and how often it was asked; ``away``: it does not answer."""

    def __init__(self, monkeypatch):
        self.known, self.asked, self.away = {"rosa", "ben"}, [], False
        monkeypatch.setattr(links, "leads_to", self.leads_to)

    def leads_to(self, folded, *, at):
        self.asked.append(sorted(folded))
        if self.away:
            raise OperationalError("away")
        return {
            one: links.Target(1, one, "smartcat", "a.example", f"https://a.example/?ref={one}", 60)
            for one in folded
            if one in self.known
        }


@pytest.fixture
def register(monkeypatch):
    return Register(monkeypatch)


def remembering(**more):
    targets = Targets(**more)
    targets.begin()
    return targets


def test_a_link_is_asked_for_once_in_a_while(register):
    targets = remembering()

    assert [targets.of(text, at=NOON).link for text in ("rosa", "ROSA", "rosa ")] == ["rosa"] * 3
    assert register.asked == [["rosa"]]


def test_nothing_is_remembered_before_a_web_server_begins(register):
    targets = Targets()
    targets.of("rosa", at=NOON)
    targets.of("rosa", at=NOON)

    assert register.asked == [["rosa"], ["rosa"]]


def test_what_leads_nowhere_is_asked_for_each_time_and_drives_nothing_out(register):
    targets = remembering(most=2)
    targets.of("rosa", at=NOON)
    for number in range(10):
        assert targets.of(f"guess{number}", at=NOON) is None
    register.away = True

    assert targets.of("rosa", at=NOON).link == "rosa"


def test_all_that_are_in_use_are_asked_for_together(register):
    targets = remembering(seconds=0)
    targets.of("rosa", at=NOON)
    targets.of("ben", at=NOON)
    register.asked.clear()
    targets.of("rosa", at=NOON)

    assert register.asked == [["ben", "rosa"]]


def test_a_link_that_ended_leads_nowhere_a_few_seconds_later(register):
    targets = remembering(seconds=0)
    targets.of("rosa", at=NOON)
    register.known.clear()

    assert targets.of("rosa", at=NOON) is None


def test_a_database_that_is_away_is_not_asked_by_everybody(register, monkeypatch):
    targets = remembering()
    targets.of("rosa", at=NOON)
    register.asked.clear()
    register.away = True
    ticking = time.monotonic() + 6
    monkeypatch.setattr(time, "monotonic", lambda: ticking)

    assert {targets.of("rosa", at=NOON).link for _ in range(50)} == {"rosa"}
    assert register.asked == [["rosa"]]
    with pytest.raises(Error):
        targets.of("ben", at=NOON)


def test_the_oldest_are_forgotten_first(register):
    targets = remembering(most=1)
    targets.of("rosa", at=NOON)
    targets.of("ben", at=NOON)
    register.away = True

    assert targets.of("ben", at=NOON).link == "ben"
    with pytest.raises(Error):
        targets.of("rosa", at=NOON)


@pytest.mark.django_db
def test_where_many_links_lead_is_found_in_a_few_queries(django_assert_max_num_queries):
    program = EnrollmentFactory().program
    for _ in range(5):
        EnrollmentFactory(program=program)
    folded = list(ReferralLink.objects.values_list("folded", flat=True))

    with django_assert_max_num_queries(2):
        assert set(links.leads_to(folded, at=NOON)) == set(folded)
    assert connection.vendor
