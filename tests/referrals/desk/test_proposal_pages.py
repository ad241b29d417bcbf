"""Proposals on the first page and on their own: who is asked to confirm, and in which words."""

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from payouts import proposals as confirmations
from referrals import proposals
from referrals.models import Proposal, ReferredAccount
from tests.admin_pages import main_part
from tests.refer_page import words
from tests.story import Story, person

pytestmark = pytest.mark.django_db

GROUPS = {
    "cara": "Callers",
    "sam": "Seniors",
    "fay": "Finance preparers",
    "finn": "Finance approvers",
    "mia": "Program managers",
    "ann": "Auditors",
    "sue": "Support",
}
CONFIRM, OTHERS = "to confirm", "waiting for another person"


@pytest.fixture
def story(time_machine) -> Story:
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    time_machine.move_to(told.now, tick=False)
    return told


@pytest.fixture
def people(story) -> dict[str, User]:
    cast = {name: person(name) for name in GROUPS}
    for name, group in GROUPS.items():
        cast[name].groups.set([Group.objects.get(name=group)])
    return cast


@pytest.fixture
def acme(story) -> ReferredAccount:
    return story.sign_up("acme")


@pytest.fixture
def open_ones(story, acme, people) -> dict[str, Proposal]:
    """One of each kind: Sam proposed all but the waiver, which is Cara's."""
    bonus = story.earn("globex")
    asked = {
        "revoke": (bonus.account.pk, {"reason": "They are freelancers."}, "sam"),
        "attribute": (
            story.program.pk,
            {"host_account": "initech", "referrer": str(story.rosa.pk), "note": "a mail"},
            "sam",
        ),
        "reverse": (bonus.pk, {"note": "A refund."}, "sam"),
        "waive": (acme.pk, {"criterion": "company_email", "note": "Known to us."}, "cara"),
    }
    return {
        action: proposals.propose(
            action, target=str(target), arguments=arguments, by=people[who], at=story.now
        )
        for action, (target, arguments, who) in asked.items()
    }


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def told_home(user: User) -> dict[str, tuple[int, str]]:
    """What the first page says of proposals: the number and the list behind it."""
    needs = client_of(user).get(reverse("admin:index")).context["needs"]
    return {
        which: (count, link)
        for label, count, link in needs
        for which in (CONFIRM, OTHERS)
        if "proposal" in label and which in label
    }


@pytest.mark.parametrize(
    ("who", "numbers"),
    [
        ("cara", {OTHERS: ["waive"]}),
        ("sam", {CONFIRM: ["waive"], OTHERS: ["attribute", "revoke"]}),
        # Both of finance confirm that a month is closed.
        ("fay", {CONFIRM: []}),
        ("finn", {CONFIRM: ["reverse", "revoke"]}),
        ("mia", {}),
        ("ann", {}),
        ("sue", {}),
    ],
)
def test_the_first_page_asks_whoever_may_confirm_and_lists_just_those(who, numbers, people, open_ones):
    told = told_home(people[who])

    assert {which: count for which, (count, _) in told.items()} == {
        which: len(actions) for which, actions in numbers.items()
    }
    for which, actions in numbers.items():
        listed = client_of(people[who]).get(told[which][1]).context["cl"].result_list
        assert sorted(each.action for each in listed) == actions
        if which == CONFIRM:
            assert all(_is_confirmed_by(people[who], each) for each in listed)


def _is_confirmed_by(user: User, proposal: Proposal) -> bool:
    page = client_of(user).get(reverse("admin:referrals_proposal_change", args=[proposal.pk]))
    return {button.step.name: button.why_not for button in page.context["buttons"]}["confirm"] is None


def test_what_was_confirmed_or_withdrawn_is_asked_of_nobody(story, people, open_ones):
    proposals.withdraw(open_ones["revoke"], at=story.now)
    confirmations.confirm(open_ones["waive"], by=people["sam"], at=story.now)

    assert told_home(people["sam"])[CONFIRM][0] == 0
    assert told_home(people["sam"])[OTHERS][0] == 1
    assert told_home(people["cara"]) == {}


def page_of(user: User, proposal: Proposal) -> str:
    return words(
        main_part(client_of(user).get(reverse("admin:referrals_proposal_change", args=[proposal.pk])))
    )


@pytest.mark.parametrize(
    ("action", "who", "said"),
    [
        (
            "revoke",
            "finn",
            [
                "Revoke the qualification of Globex GmbH",
                "Once confirmed: it is in review again",
                "Company Globex GmbH",
                "Reason They are freelancers.",
            ],
        ),
        ("waive", "sam", ["Once confirmed: the check no longer counts", "Check company email"]),
        ("attribute", "sam", ["Attribute a sign-up in Smartcat", "Referrer rosa", "Account initech"]),
        ("reverse", "finn", ["Take back Bonus", "Company Globex GmbH", "Reason A refund."]),
    ],
)
def test_a_page_says_in_words_what_is_proposed_and_that_nothing_is_done_yet(
    action, who, said, people, open_ones
):
    page = page_of(people[who], open_ones[action])

    assert [text for text in [*said, "Nothing has changed yet."] if text not in page] == []
    assert [raw for raw in ("{'", "Arguments", "Target") if raw in page] == []


def test_the_company_is_a_link(people, open_ones, acme):
    page = client_of(people["sam"]).get(
        reverse("admin:referrals_proposal_change", args=[open_ones["waive"].pk])
    )

    assert f'<a href="{reverse("admin:referrals_referredaccount_change", args=[acme.pk])}">' in main_part(
        page
    )


def test_afterwards_the_page_says_what_became_of_it(story, people, open_ones):
    confirmations.confirm(open_ones["waive"], by=people["sam"], at=story.now)
    proposals.withdraw(open_ones["revoke"], at=story.now)
    done, gone = (page_of(people["sam"], open_ones[action]) for action in ("waive", "revoke"))

    assert "✓ Confirmed by sam" in done
    assert "Nothing was done." in gone
    assert "Once confirmed" not in done + gone


def test_the_list_costs_the_same_however_long(story, people, acme, open_ones, django_assert_max_num_queries):
    for number in range(30):
        proposals.propose(
            "waive",
            target=str(acme.pk),
            arguments={"criterion": "company_email", "note": str(number)},
            by=people["cara"],
            at=story.now,
        )
    client = client_of(people["sam"])

    with django_assert_max_num_queries(12):
        listed = client.get(reverse("admin:referrals_proposal_changelist"), {"waits_for": "me"})
    assert listed.context["cl"].result_count == 31
