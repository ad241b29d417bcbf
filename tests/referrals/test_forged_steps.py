"""What somebody could try by an address or a form that no page offers them, and how it is refused."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from referrals import likeness, reviews, saved_views
from referrals.models import Comparison, Decision, ProgramStaff, ReferredAccount, SavedView
from referrals.rules.words import Verdict
from tests.factories import EnrollmentFactory, ProgramFactory, ReferredAccountFactory, ReferrerFactory
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(time_machine) -> Story:
    """Cara and Fay call, Sam is a senior, Finn audits."""
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    groups = [(told.cara, "Callers"), (told.fay, "Callers"), (told.sam, "Seniors"), (told.finn, "Auditors")]
    for who, group in groups:
        who.groups.set([Group.objects.get(name=group)])
    time_machine.move_to(told.now, tick=False)
    return told


@pytest.fixture
def old(story, time_machine) -> ReferredAccount:
    """A company that was refused before the others signed up."""
    account = story.sign_up("oldco")
    story.decide(
        account, "NOT_QUALIFIED", reason=account.terms.rejection_reasons.filter(reopenable=True)[0].code
    )
    story.pass_to((story.now + timedelta(hours=1)).isoformat())
    time_machine.move_to(story.now, tick=False)
    account.refresh_from_db()
    return account


@pytest.fixture
def acme(story, old) -> ReferredAccount:
    """A company in review, which Cara has."""
    account = story.sign_up("acme")
    reviews.claim(account.reviews.get(), story.cara, at=story.now)
    return account


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def at(name: str, *args: object) -> str:
    return reverse(f"admin:referrals_referredaccount_{name}", args=args)


def say(who: User, one: ReferredAccount, other: ReferredAccount, verdict: str = "SAME") -> int:
    address = at("comparison", one.pk, "account", other.pk)
    return client_of(who).post(address, {"verdict": verdict}).status_code


# --- comparing ----------------------------------------------------------------------------------------------


def test_nobody_says_from_the_other_side_what_a_company_is_that_somebody_else_has(story, old, acme):
    with nothing_changes():
        assert say(story.fay, acme, old) == 409
        assert say(story.fay, old, acme) == 409

    assert not likeness.is_known(acme)
    page = client_of(story.fay).get(at("comparison", old.pk, "account", acme.pk))
    assert "cara has Acme GmbH" in page.context["why_not"]


@pytest.mark.parametrize("who", ["cara", "sam"])
def test_from_the_other_side_it_is_said_by_whoever_has_the_company_or_a_senior(who, story, old, acme):
    assert say(getattr(story, who), old, acme) == 302

    assert likeness.is_known(acme)


def test_of_two_in_review_both_are_needed_but_for_a_senior(story, acme):
    globex = story.sign_up("globex")
    assert say(story.cara, acme, globex) == 409
    page = client_of(story.cara).get(at("comparison", acme.pk, "account", globex.pk))
    assert [button.step.name for button in page.context["buttons"]] == ["take"]

    reviews.claim(globex.reviews.get(), story.cara, at=story.now)

    assert say(story.cara, acme, globex) == 302


def test_of_two_that_are_decided_about_only_a_senior_says_what_they_are(story, old):
    other = ReferredAccountFactory(program=old.program, status="NOT_QUALIFIED")

    with nothing_changes():
        assert say(story.cara, old, other) == 409
    assert say(story.sam, old, other) == 302


@pytest.mark.django_db(transaction=True)
def test_it_is_said_outside_of_a_transaction_too(story, old, acme):
    assert say(story.cara, acme, old) == 302


@pytest.mark.parametrize("is_from_other_side", [False, True])
def test_a_decision_does_not_rest_on_a_page_older_than_a_comparison(is_from_other_side, story, old, acme):
    cara = client_of(story.cara)
    version = cara.get(at("review", acme.pk)).context["form"]["version"].value()
    pair = (old, acme) if is_from_other_side else (acme, old)
    likeness.compare(*pair, verdict=Verdict.SAME, by=story.sam, at=story.now)

    form = {"version": version, "outcome": "NO_ANSWER"}
    stale = cara.post(at("review", acme.pk), form)

    assert stale.status_code == 409
    assert "sam compared it with another company" in stale.content.decode()
    assert not acme.calls.exists()
    assert (
        cara.post(
            at("review", acme.pk), {**form, "version": stale.context["form"].data["version"]}
        ).status_code
        == 302
    )


# --- programs -----------------------------------------------------------------------------------------------


def test_companies_of_other_programs_are_named_in_no_comparison(story, acme):
    elsewhere = ProgramFactory(host=story.host, name="Elsewhere")
    secret = ReferredAccountFactory(program=elsewhere, company_name="Zanzibar Ltd")
    row = likeness.compare(acme, secret, verdict=Verdict.DIFFERENT, by=story.sam, at=story.now)
    addresses = [at("review", acme.pk), reverse("admin:referrals_comparison_changelist")]
    page = reverse("admin:referrals_comparison_change", args=[row.pk])
    cara = client_of(story.cara)
    assert all("Zanzibar" in cara.get(address).content.decode() for address in [*addresses, page])

    ProgramStaff.objects.create(user=story.cara, program=story.program)

    assert not any("Zanzibar" in cara.get(address).content.decode() for address in addresses)
    assert cara.get(page).status_code == 302
    assert Comparison.objects.exists()


@pytest.mark.parametrize("name", ["board", "assign_many", "hand_over"])
def test_only_staff_are_named_who_share_a_program_with_the_reader(name, story):
    stranger = User.objects.create(username="zoe", is_staff=True)
    stranger.groups.set([Group.objects.get(name="Callers")])
    ProgramStaff.objects.create(user=stranger, program=ProgramFactory())
    story.sign_up("acme")
    sam = client_of(story.sam)
    assert "zoe" in sam.get(at(name)).content.decode()

    ProgramStaff.objects.create(user=story.sam, program=story.program)
    ProgramStaff.objects.create(user=story.fay, program=story.program)

    page = sam.get(at(name)).content.decode()
    assert ("zoe" in page, "fay" in page, "cara" in page) == (False, True, True)


def test_offers_of_other_programs_are_not_shown_with_the_page_of_a_referrer(story):
    elsewhere = ProgramFactory(host=story.host, name="Elsewhere", status="ACTIVE")
    EnrollmentFactory(program=elsewhere)
    noel = ReferrerFactory(host=story.host)
    story.fay.groups.set([Group.objects.get(name="Support")])
    ProgramStaff.objects.create(user=story.fay, program=story.program)
    fay = client_of(story.fay)
    fay.post(reverse("admin:referrals_referrer_see-as", args=[noel.pk]), {"reason": "They ask."})

    page = fay.get(reverse("admin:referrals_referrer_page", args=[noel.pk])).content.decode()

    assert (story.program.name in page, "Elsewhere" in page) == (True, False)


# --- saved views --------------------------------------------------------------------------------------------


def test_a_private_view_is_listed_to_its_owner_alone(story):
    SavedView.objects.create(owner=story.cara, name="Mine", query="tab=all&q=%2B493012345678")
    views = reverse("admin:referrals_savedview_changelist")

    seen = {
        who: "493012345678" in client_of(who).get(views).content.decode() for who in (story.cara, story.finn)
    }

    assert seen == {story.cara: True, story.finn: False}


def test_a_shared_view_is_shared_with_whoever_shares_a_program(story):
    view = SavedView.objects.create(owner=story.cara, name="Ours", query="tab=over", is_shared=True)
    ProgramStaff.objects.create(user=story.fay, program=story.program)
    assert view in saved_views.of(User.objects.get(pk=story.fay.pk))

    ProgramStaff.objects.create(user=story.cara, program=ProgramFactory())
    assert view not in saved_views.of(User.objects.get(pk=story.fay.pk))
    assert view in saved_views.of(story.sam)

    ProgramStaff.objects.create(user=story.cara, program=story.program)
    assert view in saved_views.of(User.objects.get(pk=story.fay.pk))


# --- links --------------------------------------------------------------------------------------------------


def filled_in(client: Client, address: str) -> dict[str, str]:
    form = client.get(address).context["form"]
    kept = {question.code: form[f"answer_{question.code}"].value() for question in form.questions}
    return {code: answer for code, answer in kept.items() if answer != "?"}


def test_no_link_that_somebody_sends_answers_a_question(story, acme):
    review, cara = at("review", acme.pk), client_of(story.cara)

    assert filled_in(cara, f"{review}?not_lsp=yes&lsp=yes&note=Sure&reason=other") == {}
    assert filled_in(cara, f"{review}?kept=x:y:z") == {}
    form = cara.get(f"{review}?note=Sure&reason=other").context["form"]
    assert (form["note"].value(), form["reason"].value()) == (None, None)


def test_the_page_keeps_what_was_answered_for_its_person_and_company_and_half_an_hour(
    story, acme, time_machine
):
    review, cara = at("review", acme.pk), client_of(story.cara)
    version = cara.get(review).context["form"]["version"].value()
    pressed = {"version": version, "outcome": "REACHED", "answer_not_lsp": "yes"}
    kept = cara.post(review, pressed).url
    globex = story.sign_up("globex")

    assert filled_in(cara, kept) == {"not_lsp": "yes"}
    assert filled_in(client_of(story.fay), kept) == {}
    assert filled_in(cara, kept.replace(review, at("review", globex.pk))) == {}
    time_machine.move_to(story.now + timedelta(minutes=31), tick=False)
    assert filled_in(client_of(story.cara), kept) == {}
    assert not Decision.objects.filter(account=acme).exists()
