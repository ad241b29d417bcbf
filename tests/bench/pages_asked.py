"""``python -m tests.bench.pages_asked NOW ROUNDS``: ask for each page of staff, and print what it took."""

import json
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

# These read the registry of models, which the line above fills.
import time_machine  # noqa: E402
from django.contrib import admin  # noqa: E402
from django.contrib.auth.models import Group, User  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.urls import reverse  # noqa: E402

from config import loaded  # noqa: E402
from referrals import reviews  # noqa: E402
from referrals.models import ReferralCode, ReferredAccount, Review  # noqa: E402
from tests.bench.usage import Measured  # noqa: E402

SLOWEST_MS = 250
AIMED_AT_MS = 150
MOST_QUERIES = 12
MOST_KILOBYTES = 60
SLOWEST_NEXT_MS = 300
DEEP_AT_MOST = 2
FEW, MANY = 50, 200

QUEUE = reverse("admin:referrals_referredaccount_reviews")
LIST = reverse("admin:referrals_referredaccount_changelist")
TABS = ["now", "mine", "call-backs", "over", "later", "flagged", "decided"]


@dataclass
class Asked:
    """What a page took."""

    milliseconds: list[float] = field(default_factory=list)
    cpu_milliseconds: float | None = None
    """Of a request, in this process and in the one of the database: a busy machine hardly changes it."""
    queries: int = 0
    queries_of_many: int | None = None
    """With four times as many rows on the page; ``None``: it is no list."""
    rows: int | None = None
    kilobytes: float = 0

    @property
    def p95(self) -> float:
        return sorted(self.milliseconds)[max(0, -(-len(self.milliseconds) * 95 // 100) - 1)]

    def told(self) -> dict[str, Any]:
        """The figures of the page."""
        found: dict[str, Any] = {
            "p50_ms": round(statistics.median(self.milliseconds), 1),
            "p95_ms": round(self.p95, 1),
            "cpu_ms": self.cpu_milliseconds and round(self.cpu_milliseconds, 1),
            "queries": self.queries,
        }
        if self.queries_of_many is not None:
            found["queries_200"] = self.queries_of_many
        same = self.queries_of_many in {None, self.queries}
        return {
            **found,
            "kilobytes": round(self.kilobytes, 1),
            "passed": self.p95 <= SLOWEST_MS and self.queries <= MOST_QUERIES and same,
        }


def main(now: str, rounds: str) -> None:
    """Print the figures of all pages."""
    loaded.keep()
    begins_at = datetime.fromisoformat(now) + timedelta(minutes=1)
    with time_machine.travel(begins_at, tick=True):
        reviews.move_to_next_hours(as_of=begins_at)
        pages = {}
        for name, page in _pages(int(rounds)):
            pages[name] = page
            sys.stderr.write(f"{name}: {page.told()}\n")
        next_ms = list(_decide_and_go_on(int(rounds)))
    first, deep = pages["accounts"], pages["accounts, page 1,000"]
    queue = max(page.kilobytes for name, page in pages.items() if name.startswith("queue"))
    next_p95 = Asked(milliseconds=next_ms).p95
    goals = {
        "p95_ms_at_most": (max(page.p95 for page in pages.values()), SLOWEST_MS),
        "queries_at_most": (max(page.queries for page in pages.values()), MOST_QUERIES),
        "deep_page_times_the_first": (
            statistics.median(deep.milliseconds) / statistics.median(first.milliseconds),
            DEEP_AT_MOST,
        ),
        "queue_kilobytes_at_most": (queue, MOST_KILOBYTES),
        "next_after_a_decision_ms": (next_p95, SLOWEST_NEXT_MS),
    }
    told = {name: page.told() for name, page in pages.items()}
    json.dump(
        {
            "goals": {
                name: {"measured": round(measured, 2), "at_most": most, "passed": measured <= most}
                for name, (measured, most) in goals.items()
            },
            "slower_than_aimed_at": [name for name, page in pages.items() if page.p95 > AIMED_AT_MS],
            "next_after_a_decision": Asked(milliseconds=next_ms, queries=0).told(),
            "pages": told,
            "passed": all(measured <= most for measured, most in goals.values())
            and all(page["passed"] for page in told.values()),
        },
        sys.stdout,
    )


def _pages(rounds: int) -> Iterator[tuple[str, Asked]]:
    caller, senior = _log_in("caller40"), _log_in("senior", group="Seniors")
    for tab in TABS:
        yield f"queue, {tab}", _ask(caller, QUEUE, {"tab": tab}, rounds, is_list=True)
    yield "queue, senior", _ask(senior, QUEUE, {}, rounds, is_list=True)
    yield "queue, page 20", _ask(caller, QUEUE, {"page": "20"}, rounds, is_list=True)
    filters = {"country": "DE", "tries": "3", "flag": "any", "holder": "nobody", "referrer": "bi"}
    for name, value in {**filters, "program": "smartcat"}.items():
        yield f"queue, {name}={value}", _ask(caller, QUEUE, {name: value}, rounds, is_list=True)
    for what, text in _texts().items():
        asked = {"q": text, "tab": "over"}
        yield f"queue, search {what}", _ask(caller, QUEUE, asked, rounds, is_list=True)
    yield "accounts", _ask(senior, LIST, {}, rounds, is_list=True)
    yield "accounts, page 1,000", _ask(senior, LIST, {"p": str(_page_of(1_000))}, rounds, is_list=True)
    for name, value in {"status__exact": "IN_REVIEW", "domain_match__exact": "1"}.items():
        yield f"accounts, {name}={value}", _ask(senior, LIST, {name: value}, rounds, is_list=True)
    for what, text in _texts().items():
        yield f"accounts, search {what}", _ask(senior, LIST, {"q": text}, rounds, is_list=True)
    waiting = reviews.next_for(User.objects.get(username="caller40"), at=_now())[: rounds + 2]
    yield "review page, held by somebody else", _ask(senior, _of(_held(), "review"), {}, rounds)
    taken = [review.account for review in waiting]
    caller.post(_of(taken[0], "take"))
    yield "review page", _ask(caller, _of(taken[0], "review"), {}, rounds)
    caller.post(_of(taken[0], "release"))
    yield "account", _ask(senior, _of(_decided(), "change"), {}, rounds)
    yield "next company", _next(caller, rounds)


def _texts() -> dict[str, str]:
    """What somebody types to find a company that waits."""
    review = Review.objects.filter(closed_at__isnull=True).order_by("due_at").select_related("account")[0]
    account = review.account
    code = ReferralCode.objects.get(enrollment=account.enrollment_id)
    return {
        "company": account.company_name,
        "beginning of a name": account.name_key[:4],
        "two letters": account.name_key[:2],
        "domain": account.domain,
        "phone": f"0{account.phone[3:]}",
        "end of a phone": account.phone[-6:],
        "referrer": account.enrollment.referrer.name,
        "code": code.text,
        "nothing": "no company is called so",
    }


def _ask(client: Client, address: str, asked: dict[str, str], rounds: int, *, is_list: bool = False) -> Asked:
    page = Asked()

    def get(**differently: str) -> Any:
        answer = client.get(address, asked | differently, headers={"accept-encoding": "gzip"})
        if answer.status_code != 200:
            raise SystemExit(f"{address} {asked} was answered with {answer.status_code}.")
        return answer

    get()
    page.queries, answer = _queries(get)
    page.kilobytes = len(answer.content) / 1024
    if is_list:
        # Of longer pages there are fewer.
        same_rows = {name: str(max(1, int(asked[name]) * FEW // MANY)) for name in asked.keys() & {"p"}}
        with _rows_on_a_page(MANY):
            get(**same_rows)
            page.queries_of_many, _ = _queries(lambda: get(**same_rows))
    with Measured(backend=connection.connection.info.backend_pid) as measured:
        for _ in range(rounds):
            begun = time.perf_counter()
            get()
            page.milliseconds.append((time.perf_counter() - begun) * 1_000)
    if measured.usage.cpu_seconds is not None:
        page.cpu_milliseconds = measured.usage.cpu_seconds * 1_000 / rounds
    return page


def _next(client: Client, rounds: int) -> Asked:
    """Take the next company, and read its page; then give it back."""
    page, queries = Asked(), []
    for _ in range(rounds):
        begun = time.perf_counter()
        with CaptureQueriesContext(connection) as captured:
            taken = client.post(reverse("admin:referrals_referredaccount_next"))
        page.milliseconds.append((time.perf_counter() - begun) * 1_000)
        queries.append(len(captured))
        client.post(taken["location"].replace("/review/", "/release/"))
    page.queries = max(queries)
    return page


def _decide_and_go_on(rounds: int) -> Iterator[float]:
    """From the press on *Qualified* to the whole page of the next company, in milliseconds."""
    caller = _log_in("caller39")
    address = caller.post(reverse("admin:referrals_referredaccount_next"))["location"]
    page = caller.get(address)
    for _ in range(rounds):
        written = page.content.decode()
        version = re.search(r'name="version" value="([^"]*)"', written)
        told = dict.fromkeys(re.findall(r'name="([^"]+)" value="yes"', written), "yes")
        told |= {"version": version[1] if version else "", "result": "QUALIFIED"}
        begun = time.perf_counter()
        answer = caller.post(address, told)
        if answer.status_code != 302:
            said = re.findall(r"<(?:p|li)[^>]*>[^<]*", answer.content.decode())[:9]
            raise SystemExit(f"The decision was answered with {answer.status_code}: {said}")
        page = caller.get(answer["location"])
        yield (time.perf_counter() - begun) * 1_000
        address = answer["location"]


def _queries(get: Callable[[], Any]) -> tuple[int, Any]:
    with CaptureQueriesContext(connection) as captured:
        answer = get()
    if os.environ.get("BENCH_SHOWS_QUERIES"):
        for query in sorted(captured.captured_queries, key=lambda each: -float(each["time"]))[:2]:
            sys.stderr.write(f"{answer.request['PATH_INFO']}?{answer.request['QUERY_STRING']} {query}\n")
    return len(captured), answer


@contextmanager
def _rows_on_a_page(number: int) -> Iterator[None]:
    listed = admin.site._registry[ReferredAccount]
    listed.list_per_page = number
    try:
        yield
    finally:
        listed.list_per_page = FEW


def _page_of(number: int) -> int:
    """That page, or the last one, if there are not as many accounts."""
    return min(number, ReferredAccount.objects.count() // FEW)


def _log_in(username: str, *, group: str = "") -> Client:
    user, _ = User.objects.get_or_create(username=username, defaults={"is_staff": True})
    if group:
        user.groups.add(Group.objects.get(name=group))
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    return client


def _held() -> ReferredAccount:
    return Review.objects.filter(holder__isnull=False).select_related("account")[0].account


def _decided() -> ReferredAccount:
    return ReferredAccount.objects.filter(status="QUALIFIED").order_by("-pk")[0]


def _of(account: ReferredAccount, page: str) -> str:
    return reverse(f"admin:referrals_referredaccount_{page}", args=[account.pk])


def _now() -> datetime:
    return django.utils.timezone.now()


if __name__ == "__main__":
    main(*sys.argv[1:])
