"""The review page in a browser: look-alikes are compared in a tab of their own, and nothing typed is lost."""

import pytest
from django.urls import reverse

from referrals import corrections, reviews, warning_signs
from referrals.models import Comparison, CriterionResult, ExistingCustomer, ReferredAccount, Signal
from referrals.rules.identity import name_key
from referrals.rules.words import SignalKind
from tests.browser.test_desk import account, desk_of, log_in, review_page, story  # noqa: F401  fixtures
from tests.story import Story

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
]


@pytest.fixture
def known(story) -> ExistingCustomer:  # noqa: F811
    """A customer that is called like the first company."""
    return ExistingCustomer.objects.create(
        host=story.host, host_account="old", company_name="Acme Inc.", name_key=name_key("Acme Inc.")
    )


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
def test_a_look_alike_is_compared_in_another_tab_and_named_as_the_reason(
    javascript,
    desk_of,  # noqa: F811
    live_server,
    story,  # noqa: F811
    known,
):
    desk = desk_of(story.cara, javascript=javascript)
    desk.next()
    desk.arrives_at("Acme").answer(3, "No")
    desk.page.get_by_label("Internal note").fill("They say that they know us.")
    desk.press("Not qualified")
    desk.page.get_by_text("Name the earlier account").wait_for()

    link = desk.page.get_by_role("link", name="Compare with Acme Inc.")
    assert link.get_attribute("target") == "_blank"
    other = desk.page.context.new_page()
    other.goto(f"{live_server.url}{link.get_attribute('href')}")
    other.get_by_role("button", name="Same company").click()
    other.get_by_text("are the same company").first.wait_for()
    other.close()
    assert desk.page.get_by_label("Internal note").input_value() == "They say that they know us."
    desk.press("Not qualified")

    desk.arrives_at("Globex")
    assert account("acme").pending_decision.reason.code == "already_registered"
    assert Comparison.objects.get().compared_by == story.cara


def test_an_answer_from_a_registry_costs_two_presses_more(desk_of, story):  # noqa: F811
    desk = desk_of(story.cara)
    desk.next()
    desk.arrives_at("Acme").page.get_by_role("button", name="All yes").click()
    desk.page.get_by_label("Where answer 2 comes from").select_option("a registry")
    desk.page.get_by_label("Internal note").fill("HRB 1 Berlin")
    desk.press("Qualified")

    desk.arrives_at("Globex")
    sources = CriterionResult.objects.filter(decision__isnull=False).order_by("pk")
    assert list(sources.values_list("source", flat=True)) == ["CALL", "REGISTRY", "CALL", "CALL"]


def test_the_reason_that_is_chosen_says_what_the_referrer_will_read(desk_of, story):  # noqa: F811
    desk = desk_of(story.cara)
    desk.next()
    told = desk.arrives_at("Acme").page.locator("#reason-told")
    assert not told.is_visible()

    desk.page.get_by_label("Reason for not qualified").select_option("A freelancer and not a company.")
    assert told.inner_text() == "The referrer reads: “It is not a company.”"
    desk.page.get_by_label("Reason for not qualified").select_option("Fake data or abuse.")
    assert told.inner_text() == "The referrer does not read why."


def test_without_a_script_the_list_says_it(desk_of, story):  # noqa: F811
    desk = desk_of(story.cara, javascript=False)
    desk.next()
    desk.arrives_at("Acme").page.get_by_text("What the referrer reads of each reason").click()

    assert desk.page.get_by_text("The referrer reads: “It is not a company.”").is_visible()


def test_what_was_mistyped_is_corrected_on_the_page(desk_of, story):  # noqa: F811
    desk = desk_of(story.cara)
    desk.next()
    desk.arrives_at("Acme").page.get_by_text("Correct …").click()
    form = desk.page.locator("form[action$='/correct/']")
    form.get_by_label("Phone").fill("030 999999")
    form.get_by_label("Reason").fill("A digit was wrong.")
    desk.press("Correct", within=form)

    desk.page.get_by_text("+49 30 999999").first.wait_for()
    assert account("acme").phone == "+4930999999"


def test_a_senior_settles_what_a_caller_has_told(desk_of, story):  # noqa: F811
    caller = desk_of(story.cara)
    caller.next()
    caller.arrives_at("Acme").page.get_by_text("Tell a senior …").click()
    form = caller.page.locator("form[action$='/signal/']")
    form.get_by_label("What shows it").fill("The same surname as the referrer.")
    caller.press("Tell a senior", within=form)
    caller.page.get_by_text("A senior looks at it first").wait_for()
    caller.next()
    caller.arrives_at("Globex")

    senior = desk_of(story.sam)
    senior.next()
    senior.arrives_at("Acme").page.get_by_text("Settle the signal …").click()
    form = senior.page.locator("form[action$='/settle/']")
    form.get_by_label("What it means").fill("Namesakes.")
    senior.press("Settle the signal", within=form)
    senior.page.get_by_text("is settled").first.wait_for()

    assert Signal.objects.get().settled_by == story.sam


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (320, "light")])
def test_the_pages_have_no_faults(width, scheme, browser, live_server, faults_of, story, known):  # noqa: F811
    first = account("acme")
    _make_everything_happen(story, first)
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    log_in(context, story.sam, live_server.url)
    page, found = context.new_page(), []
    compare = reverse("admin:referrals_referredaccount_compare", args=[first.pk])
    pages = {
        "review": review_page("acme"),
        "compare": f"{compare}?q=nobody",
        "comparison": f"{compare}customer/{known.pk}/",
        "correct": reverse("admin:referrals_referredaccount_correct", args=[first.pk]),
        "account": reverse("admin:referrals_referredaccount_change", args=[first.pk]),
    }
    for name, path in pages.items():
        page.goto(f"{live_server.url}{path}")
        if name == "review":
            for opener in page.locator("details > summary").all():
                opener.click()
        found += faults_of(page, f"{name}-{width}-{scheme}")
    context.close()

    assert found == []


def _make_everything_happen(story: Story, first: ReferredAccount) -> None:  # noqa: F811
    story.sign_up("acme-2", link="ben", email="anna@acme.example", country="DE")
    story.call(first, "NO_ANSWER")
    warning_signs.put(first, kind=SignalKind.EMPLOYEE, by=story.cara, at=story.now, note="The same surname.")
    reviews.claim(first.reviews.get(), story.sam, at=story.now)
    corrections.correct(
        first, told={"registration": "HRB 1"}, reason="From the register.", by=story.sam, at=story.now
    )


def test_a_no_chooses_its_reason_where_it_is_seen(desk_of, story):  # noqa: F811
    desk = desk_of(story.cara)
    desk.next()
    reason = desk.arrives_at("Acme").page.get_by_label("Reason for not qualified")
    told = desk.page.locator("#reason-told")

    desk.answer(2, "No")
    assert reason.input_value() == "language_service_provider"
    assert told.is_visible()
    desk.answer(1, "No")
    assert reason.input_value() == "freelancer"
    desk.press("All yes")
    assert (reason.input_value(), told.is_visible()) == ("", False)
    # What was chosen by hand stays.
    reason.select_option("suspected_fraud")
    desk.answer(2, "No")
    assert reason.input_value() == "suspected_fraud"


def test_without_no_and_reason_it_says_so_beside_the_field(desk_of, story):  # noqa: F811
    desk = desk_of(story.cara)
    desk.next()
    desk.arrives_at("Acme")
    desk.press("Not qualified")

    desk.page.get_by_text("Answer a question with No, or choose a reason.").wait_for()
    desk.page.wait_for_function("document.activeElement.classList.contains('staff-error')", timeout=5_000)


def test_what_has_the_focus_is_never_under_the_results(desk_of, story):  # noqa: F811
    desk = desk_of(story.cara)
    desk.page.set_viewport_size({"width": 1366, "height": 800})
    desk.next()
    desk.arrives_at("Acme")
    assert desk.page.get_by_role("button", name="Not qualified").bounding_box()["y"] < 800

    hidden = desk.page.evaluate(
        """() => {
          const foot = document.querySelector(".staff-foot");
          const above = "form > :not(.staff-foot) :is(input:not([type=hidden]), select, textarea)";
          return [...document.querySelectorAll(above)].filter((each) => {
            if (!each.closest("form").contains(foot) || !each.offsetParent) return false;
            scrollTo(0, 0);
            each.focus();
            const [it, over] = [each.getBoundingClientRect(), foot.getBoundingClientRect()];
            return it.bottom > over.top + 1 && it.top < over.bottom;
          }).map((each) => each.name);
        }"""
    )
    assert hidden == []


def test_on_a_small_screen_nothing_sticks(desk_of, story):  # noqa: F811
    desk = desk_of(story.cara)
    desk.page.set_viewport_size({"width": 320, "height": 640})
    desk.next()
    desk.arrives_at("Acme")

    assert desk.page.locator(".staff-foot").evaluate("each => getComputedStyle(each).position") == "static"


def test_the_number_is_copied_and_that_is_said(desk_of, live_server, story):  # noqa: F811
    desk = desk_of(story.cara)
    desk.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=live_server.url)
    desk.next()
    desk.arrives_at("Acme")
    desk.press("Copy the phone number")

    desk.page.get_by_text("Copied.", exact=True).wait_for()
    assert desk.page.evaluate("navigator.clipboard.readText()") == "+4930123456"
