"""Opening a link: what is counted, whom we know again, and that nobody is led astray."""

from datetime import timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from referrals import clicks, enrollment, intake
from referrals.models import Click, Program, ReferralLink, Touch
from referrals.rules.landing import landing_address, landing_host
from tests.factories import EnrollmentFactory, ProgramFactory, TermsFactory
from tests.story import Story

LANDING = "https://app.company.example/sign-up"
ALLOWED = "app.company.example"


def program_with_link(text="rosa", **changes):
    """An enrollment whose link and code are that text."""
    row = EnrollmentFactory(program__landing_url=LANDING, **changes)
    ReferralLink.objects.filter(enrollment=row).update(text=text, folded=text.casefold())
    return row


# --- where a link leads


@pytest.mark.django_db
def test_a_link_leads_to_the_landing_page_and_is_handed_on(client):
    program_with_link()

    answer = client.get("/r/rosa")

    assert (answer.status_code, answer["Location"]) == (302, f"{LANDING}?ref=rosa")
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.django_db
@pytest.mark.parametrize("written", ["/r/ROSA", "/r/rosa/", "/r/%20rosa", "/r/rosa?next=//evil.example"])
def test_a_link_is_the_same_however_it_is_written(client, written):
    program_with_link()

    assert client.get(written)["Location"] == f"{LANDING}?ref=rosa"


@pytest.mark.parametrize(
    ("landing", "address"),
    [
        ("https://a.example", "https://a.example/?ref=rosa"),
        ("https://a.example/x?plan=a%26b&ref=other#form", "https://a.example/x?plan=a%26b&ref=rosa#form"),
        ("https://a.example/x?ref=1&ref=2&empty=", "https://a.example/x?empty=&ref=rosa"),
        ("https://a.example:8443/ä b", "https://a.example:8443/%C3%A4%20b?ref=rosa"),
        ("HTTPS://A.Example/x", "https://a.example/x?ref=rosa"),
    ],
)
def test_the_landing_pages_own_parameters_stay(landing, address):
    assert landing_address(landing, link="rosa") == address


@given(link=st.text(min_size=1, max_size=64))
def test_whatever_the_link_is_made_of_the_host_stays_and_the_link_arrives(link):
    parts = urlsplit(landing_address(f"{LANDING}?plan=a", link=link))

    assert (parts.scheme, parts.netloc, parts.path) == ("https", ALLOWED, "/sign-up")
    assert parse_qs(parts.query, errors="surrogatepass") == {"plan": ["a"], "ref": [link]}


@pytest.mark.parametrize(
    "landing",
    [
        "",
        "http://a.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "//a.example/x",
        "/sign-up",
        "https:///evil.example",
        "https:evil.example",
        "https://good.example@evil.example/",
        "https://user:word@evil.example/",
        "https://good.example\\@evil.example/",
        "https://evil.example\\.good.example/",
        "https://good.example%2f@evil.example/",
        "https://good.example%09.evil.example",
        "https://evil。example/",
        "https://\u0435vil.example/",
        "https://[::1]/",
        "https://a.example:port/",
        "https://a..example/",
        "https://.example/",
        "https://a_b.example/",
        "ftp://a.example/",
        "https://",
    ],
)
def test_what_a_browser_may_read_in_another_way_allows_no_host(landing):
    assert (landing_host(landing), landing_address(landing, link="rosa")) == ("", "")


@pytest.mark.django_db
@pytest.mark.parametrize("landing", ["http://a.example/", "javascript:alert(1)", "https://a@evil.example/"])
def test_a_program_that_may_send_nobody_away_uses_our_own_page(client, landing):
    row = program_with_link()
    Program.objects.filter(pk=row.program_id).update(landing_url=landing)

    assert client.get("/r/rosa")["Location"] == f"/join/{row.program.slug}/?ref=rosa"


@pytest.mark.django_db
def test_a_landing_page_that_is_ours_is_our_own_page(client):
    row = program_with_link()
    Program.objects.filter(pk=row.program_id).update(landing_url="https://testserver/welcome")

    assert client.get("/r/rosa")["Location"] == f"/join/{row.program.slug}/?ref=rosa"


# --- where nothing is


def page_of(client, address):
    answer = client.get(address)
    return answer.status_code, answer.content, answer.cookies.keys()


@pytest.mark.django_db
def test_what_never_was_has_ended_or_is_closed_gets_one_friendly_answer(client):
    never = page_of(client, "/r/nobody")
    for row, change in [
        (program_with_link("ended", program=ProgramFactory(terms=None, landing_url=LANDING)), "ended"),
        (program_with_link("paused", program__status="PAUSED"), ""),
        (program_with_link("draft", program__status="DRAFT"), ""),
        (program_with_link("over", program__status="ENDED"), ""),
        (program_with_link("future", program=ProgramFactory(terms=None)), "future"),
        (program_with_link("closed", program=ProgramFactory(terms=None)), "closed"),
    ]:
        now = timezone.now()
        if change:
            TermsFactory(
                program=row.program,
                old_links_work=False,
                effective_from=now + timedelta(days=1) if change == "future" else now - timedelta(days=9),
                enrollment_closes_at=now if change == "closed" else None,
            )
        ReferralLink.objects.filter(folded="ended").update(valid_until=now)
    Program.objects.update(status="PAUSED")
    closed = page_of(client, "/r/nobody")
    Program.objects.filter(enrollments__links__folded__in=["ended", "future", "closed"]).update(
        status="ACTIVE"
    )
    open_now = page_of(client, "/r/nobody")

    assert (never[0], b"leads nowhere" in never[1], list(never[2])) == (404, True, [])
    assert closed == never
    assert b'name="code"' in open_now[1]
    for text in ["ended", "paused", "draft", "over", "future", "closed", "nobody/x", "%00", "x" * 500, ""]:
        assert page_of(client, f"/r/{text}") == open_now, text
    assert Click.objects.count() == Touch.objects.count() == 0


@pytest.mark.django_db
def test_an_ended_link_goes_on_where_the_latest_terms_let_it(client):
    story = Story("smartcat")
    enrollment.change_link(story.rosa, program=story.program, text="rosa-new", at=story.now)

    assert client.get("/r/rosa").status_code == 302
    assert client.get("/r/rosa-new")["Location"].endswith("?ref=rosa-new")


# --- open redirects

HOSTS = [
    "evil.example", "//evil.example", "///evil.example", "////evil.example", "/\\evil.example",
    "\\\\evil.example", "\\/evil.example", "http://evil.example", "https://evil.example",
    "https:evil.example", "https:/evil.example", "http:///evil.example", "//evil.example/%2f..",
    "//evil.example@app.company.example", "//app.company.example@evil.example",
    "https://app.company.example@evil.example", "https://app.company.example.evil.example",
    "https://evil.example#app.company.example", "https://evil.example?app.company.example",
    "https://evil.example\\@app.company.example", "//evil。example", "//evil%E3%80%82example",
    "//ⓔvil.example", "//xn--vil-rja.example", "//0x7f000001", "//2130706433", "//[::1]",
    "//169.254.169.254", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)",
    "javascript://%0aalert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:msgbox(1)",
    "file:///etc/passwd", "ftp://evil.example", "mailto:a@evil.example", "\x01https://evil.example",
    " //evil.example", "\t//evil.example", "\n//evil.example", "\r\nLocation: https://evil.example",
    "rosa\r\nLocation: https://evil.example", "rosa\r\nSet-Cookie: a=b", "rosa\nX: y", "rosa%0d%0aX: y",
    "rosa@evil.example", "rosa.evil.example", "rosa#@evil.example", "rosa?@evil.example",
    "rosa//evil.example",
    "../rosa", "..//evil.example", "..;/evil.example", "rosa/../../evil.example", "%2e%2e//evil.example",
    "<script>alert(1)</script>", "\"><script>alert(1)</script>", "' OR 1=1 --", "{{7*7}}", "\x00", "rosa\x00",
]  # fmt: skip
PARAMETERS = ["ref", "next", "url", "redirect", "landing_url", "to"]
PATHS = [f"/r/{form(host)}" for host in HOSTS for form in (quote, lambda text: quote(quote(text)), str)]
QUERIES = [
    f"/r/rosa?{name}={quote(host)}"
    for host in HOSTS[::4]
    for name in PARAMETERS[: 2 if len(host) > 20 else 6]
]
PAYLOADS = sorted({*PATHS, *QUERIES})


@pytest.mark.django_db
def test_no_slug_and_no_query_leads_anywhere_else(client):
    program_with_link()
    assert len(PAYLOADS) >= 200
    led = {}
    for payload in PAYLOADS:
        answer = client.get("/" + payload.lstrip("/"))
        head = "".join(f"{name}: {value}" for name, value in answer.items())
        assert "\n" not in head, payload
        assert "\r" not in head, payload
        assert b"<script" not in answer.content, payload
        assert answer.status_code in {302, 404, 301}, payload
        if answer.status_code == 302:
            led[payload] = answer["Location"]
        elif answer.status_code == 301:
            assert urlsplit(answer["Location"]).netloc in {"", "testserver"}, payload

    assert set(led.values()) == {f"{LANDING}?ref=rosa"}
    assert set(led) >= set(QUERIES)


@pytest.mark.django_db
def test_another_host_in_the_head_is_refused(client):
    program_with_link()

    assert client.get("/r/rosa", headers={"host": "evil.example"}).status_code == 400


# --- clicks and touches


@pytest.mark.django_db
def test_a_click_is_counted_and_the_visitor_known_again(client):
    row = program_with_link()

    first = client.get("/r/rosa")
    client.get("/r/rosa")

    cookie = first.cookies["visitor"]
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", False)
    assert cookie["max-age"] == 30 * 24 * 60 * 60
    assert sum(Click.objects.filter(link__enrollment=row).values_list("times", flat=True)) == 2
    assert set(Touch.objects.values_list("visitor", flat=True)) == {cookie.value}


@pytest.mark.django_db
def test_in_production_the_cookie_travels_over_tls_only(client, settings):
    program_with_link()
    settings.SESSION_COOKIE_SECURE = True

    cookie = client.get("/r/rosa").cookies["visitor"]
    assert sorted(cookie.OutputString().split("; ")) == [
        "HttpOnly",
        "Max-Age=2592000",
        "Path=/",
        "SameSite=Lax",
        "Secure",
        f"visitor={cookie.value}",
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("forged", ["x", "a" * 21, "a" * 23, "a" * 21 + "'", "a" * 21 + " "])
def test_a_visitors_id_is_one_that_we_gave(client, forged):
    program_with_link()
    client.cookies["visitor"] = forged

    assert client.get("/r/rosa").cookies["visitor"].value != forged
    assert not Touch.objects.filter(visitor=forged).exists()


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["Sec-GPC", "DNT"])
def test_whose_browser_says_so_is_counted_and_not_known_again(client, header):
    program_with_link()

    answer = client.get("/r/rosa", headers={header: "1"})

    assert (answer.status_code, list(answer.cookies)) == (302, [])
    assert (Click.objects.count(), Touch.objects.count()) == (1, 0)


@pytest.mark.django_db
def test_a_head_request_leads_on_and_is_not_counted(client):
    program_with_link()

    answer = client.head("/r/rosa")

    assert (answer.status_code, answer["Location"]) == (302, f"{LANDING}?ref=rosa")
    assert (Click.objects.count(), list(answer.cookies)) == (0, [])


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_link_is_only_ever_opened(client, method):
    program_with_link()

    assert getattr(client, method)("/r/rosa").status_code == 405


@pytest.mark.django_db
def test_a_sign_up_told_by_the_host_finds_the_touch(client):
    story = Story("smartcat")
    visitor = client.get("/r/rosa").cookies["visitor"].value
    story.now = timezone.now()

    account = story.sign_up("acme", link="", visitor=visitor)

    assert account.enrollment == story.enrollment()
    assert account.touch == Touch.objects.get()


@pytest.mark.django_db
def test_no_address_of_a_visitor_is_kept(client):
    program_with_link()
    client.get("/r/rosa", REMOTE_ADDR="203.0.113.77", headers={"x-forwarded-for": "203.0.113.77"})

    kept = [*Click.objects.values_list(), *Touch.objects.values_list()]
    assert "203.0.113" not in str(kept)


@pytest.mark.django_db
@pytest.mark.parametrize("statement", ["UPDATE referrals_click SET times = 9", "DELETE FROM referrals_click"])
def test_clicks_are_never_changed_or_deleted(client, statement):
    program_with_link()
    client.get("/r/rosa")

    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute(statement)


# --- without a database


@pytest.mark.django_db
def test_a_link_that_is_known_works_while_the_database_is_away(client, monkeypatch):
    program_with_link()
    known = clicks.Targets(seconds=0)
    known.begin()
    monkeypatch.setattr(clicks, "targets", known)
    monkeypatch.setattr(clicks, "waiting", clicks.Clicks())
    client.get("/r/rosa")

    def away(*args, **more):
        raise OperationalError("the connection is closed")

    monkeypatch.setattr(intake, "terms_at", away)
    monkeypatch.setattr(connection, "cursor", away)
    answers = [client.get("/r/rosa") for _ in range(3)]
    unknown = client.get("/r/ben")

    assert {answer["Location"] for answer in answers} == {f"{LANDING}?ref=rosa"}
    assert (unknown.status_code, unknown["Retry-After"]) == (503, "10")
