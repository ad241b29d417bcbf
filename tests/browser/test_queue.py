"""The queue in a real browser: by keys alone, by views and choices, and past a log-in that has ended."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from referrals.models import Call, Decision, Review, SavedView
from tests.browser.test_desk import QUEUE, account, desk_of, review_page, story

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Of pytest-base-url, which pytest-playwright brings along.
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
]

__all__ = ["desk_of", "story"]
PASSWORD = "a-password-of-the-tests"


def switch_on(page: Any) -> None:
    page.get_by_role("button", name="Keyboard shortcuts: off").click()
    page.get_by_role("button", name="Keyboard shortcuts: on").wait_for()


def keys(page: Any, *pressed: str) -> None:
    for key in pressed:
        page.keyboard.press(key)


# --- keys -------------------------------------------------------------------------------------------------


def test_a_company_is_qualified_by_keys_alone(desk_of, story):
    desk = desk_of(story.cara)
    switch_on(desk.page)

    keys(desk.page, "n")
    desk.arrives_at("Acme")
    keys(desk.page, "1", "y", "2", "y", "3", "y", "4", "y", "q")

    desk.arrives_at("Globex")
    assert account("acme").pending_decision.result == "QUALIFIED"
    keys(desk.page, "2", "x", "r")
    desk.arrives_at("Initech")
    assert account("globex").pending_decision.reason.code == "language_service_provider"
    keys(desk.page, "u")
    desk.page.get_by_text("it is in review again").first.wait_for()
    assert account("globex").pending_decision is None


def test_all_yes_no_answer_and_call_back_have_keys(desk_of, story):
    desk = desk_of(story.cara)
    switch_on(desk.page)
    keys(desk.page, "n")
    desk.arrives_at("Acme")
    keys(desk.page, "a")
    desk.page.get_by_role("radio", name="Yes", checked=True).nth(3).wait_for()

    keys(desk.page, "c")
    focus = desk.page.evaluate("document.activeElement.name")
    keys(desk.page, "b")

    desk.arrives_at("Globex")
    assert focus == "call_back"
    assert [call.outcome.code for call in Call.objects.all()] == ["NO_ANSWER"]


def test_until_they_are_switched_on_keys_do_nothing(desk_of, story):
    desk = desk_of(story.cara)

    keys(desk.page, "n", "?", "/")
    desk.page.wait_for_timeout(300)

    assert desk.page.url.endswith(QUEUE)
    assert not desk.page.get_by_role("dialog").is_visible()
    assert not Review.objects.exclude(holder=None).exists()


def test_keys_do_nothing_while_a_text_is_typed(desk_of, story):
    desk = desk_of(story.cara)
    switch_on(desk.page)
    keys(desk.page, "n")
    desk.arrives_at("Acme").page.get_by_label("Internal note").focus()

    desk.page.keyboard.type("b1yq?/nu")

    assert desk.page.get_by_label("Internal note").input_value() == "b1yq?/nu"
    assert (Call.objects.count(), Decision.objects.count()) == (0, 0)


def test_the_question_mark_shows_the_keys_and_the_stroke_goes_to_the_search(desk_of, story, faults_of):
    desk = desk_of(story.cara)
    switch_on(desk.page)

    keys(desk.page, "?")
    dialog = desk.page.get_by_role("dialog", name="Keyboard shortcuts")
    dialog.wait_for()
    assert faults_of(desk.page, "queue-keys") == []
    keys(desk.page, "n", "Escape")
    assert not dialog.is_visible()

    keys(desk.page, "/")
    desk.page.keyboard.type("globex")
    keys(desk.page, "Enter")
    desk.page.wait_for_url(re.compile("q=globex"))
    assert desk.page.get_by_role("rowheader").all_inner_texts() == ["Globex GmbH"]


def test_the_switch_is_remembered_and_can_be_put_off(desk_of, story):
    desk = desk_of(story.cara)
    switch_on(desk.page)
    desk.page.reload()

    desk.page.get_by_role("button", name="Keyboard shortcuts: on").click()
    keys(desk.page, "n")
    desk.page.wait_for_timeout(300)

    assert desk.page.get_by_role("button", name="Keyboard shortcuts: off").is_visible()
    assert desk.page.url.endswith(QUEUE)


def test_without_javascript_nothing_is_said_of_keys(desk_of, story):
    desk = desk_of(story.cara, javascript=False)

    assert not desk.page.get_by_text("Keyboard shortcuts").first.is_visible()


# --- views, choices ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
def test_a_view_is_saved_shared_and_deleted(javascript, desk_of, story, faults_of):
    desk = desk_of(story.cara, javascript=javascript, path=f"{QUEUE}?tab=all&q=globex")
    page = desk.page
    page.get_by_text("Save this view …").click()
    page.get_by_label("Name of the view").fill("Only Globex")
    page.get_by_label("Everybody at the desk sees it").check()
    page.get_by_role("button", name="Save the view").click()
    page.get_by_text("The view “Only Globex” is saved.").first.wait_for()
    assert page.get_by_role("link", name="Only Globex").get_attribute("aria-current") == "page"
    if javascript:
        assert faults_of(page, "queue-view") == []

    others = desk_of(story.fay).page
    others.get_by_role("link", name="Only Globex by cara").click()
    others.get_by_role("rowheader", name="Globex").wait_for()
    assert others.get_by_role("link", name="Delete this view").count() == 0

    page.get_by_role("link", name="Delete this view").click()
    page.get_by_role("button", name="Delete the view").click()
    page.get_by_text("The view “Only Globex” is deleted").first.wait_for()
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
def test_chosen_companies_are_refused_for_one_reason(javascript, desk_of, story, faults_of):
    Review.objects.filter(account=account("globex")).update(
        holder=story.cara, held_since=timezone.now(), held_until=timezone.now() + timedelta(minutes=20)
    )
    page = desk_of(story.sam, javascript=javascript, path=f"{QUEUE}?tab=all").page
    for company in ("Acme", "Globex", "Initech"):
        page.get_by_role("checkbox", name=f"Choose {company} GmbH").check()
    page.get_by_role("button", name="Not qualified …").click()
    page.get_by_label("One reason for all").select_option("freelancer")
    page.get_by_role("button", name="Show who drops out").click()
    page.get_by_text("cara has it, until").wait_for()
    if javascript:
        assert faults_of(page, "queue-bulk") == []

    page.get_by_role("button", name="Not qualified: 2 companies").click()

    page.get_by_role("heading", name="Not qualified: 2 done").wait_for()
    if javascript:
        assert faults_of(page, "queue-bulk-done") == []
    assert sorted(Decision.objects.values_list("account__host_account", flat=True)) == ["acme", "initech"]


# --- a log-in that has ended ------------------------------------------------------------------------------


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
def test_what_was_typed_outlives_the_log_in(javascript, desk_of, story, faults_of):
    story.cara.set_password(PASSWORD)
    story.cara.save()
    desk = desk_of(story.cara, javascript=javascript)
    desk.next()
    for number in (1, 2, 3, 4):
        desk.arrives_at("Acme").answer(number, "Yes")
    desk.page.get_by_label("Internal note").fill("A long talk with Anna.")
    Session.objects.all().delete()

    desk.press("Qualified")
    desk.page.get_by_role("heading", name="Your log-in has ended").wait_for()
    assert desk.page.get_by_text("A long talk with Anna.").is_visible()
    if javascript:
        assert faults_of(desk.page, "typed-text") == []
    with desk.page.context.expect_page() as opened:
        desk.page.get_by_role("link", name="Log in").click()
    beside = opened.value
    beside.get_by_label("Login").fill("cara")
    beside.get_by_label("Password").fill(PASSWORD)
    beside.get_by_role("button", name="Log in", exact=True).click()
    beside.get_by_role("heading", name="You are logged in again").wait_for()
    beside.close()
    desk.press("Send again")
    desk.page.get_by_role("heading", name="Send it again").wait_for()
    assert Decision.objects.count() == 0
    desk.press("Send again")

    desk.arrives_at("Globex")
    assert account("acme").pending_decision.decided_by == story.cara
    assert [note.text for note in account("acme").notes.all()] == ["A long talk with Anna."]


# --- how it looks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_the_queue_can_be_read(scheme, width, desk_of, story, faults_of: Callable[[Any, str], list[str]]):
    desk = desk_of(story.sam, path=f"{QUEUE}?tab=all&country=XX")
    desk.page.set_viewport_size({"width": width, "height": 900})
    desk.page.emulate_media(color_scheme=scheme)
    assert faults_of(desk.page, f"queue-wrong-{width}-{scheme}") == []
    desk.page.goto(desk.page.url.replace("&country=XX", ""))

    assert faults_of(desk.page, f"queue-{width}-{scheme}") == []
    desk.page.goto(desk.page.url.replace(QUEUE, review_page("acme")))
    assert faults_of(desk.page, f"queue-review-{width}-{scheme}") == []
