"""The page of a referrer: what support reads there, who may read what, and what it costs."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client

from payouts import holds
from referrals import enrollment, intake, notes, proposals, seen_as
from referrals.models import Message, ProgramStaff, Proposal, ReferredAccount, Signal
from tests.admin_pages import just_logged_in, main_part, page
from tests.factories import EnrollmentFactory, ReferrerFactory
from tests.refer_page import words
from tests.story import Story, nothing_changes

pytestmark = pytest.mark.django_db

EVIDENCE = {"reason": "Their mail of Feb 2, ticket 4711."}


@pytest.fixture
def story(time_machine) -> Story:
    """Cara calls, Sam is senior, Fay answers referrers."""
    told = Story("smartcat")
    call_command("make_groups", verbosity=0)
    for who, group in [(told.cara, "Callers"), (told.sam, "Seniors"), (told.fay, "Support")]:
        who.groups.set([Group.objects.get(name=group)])
    time_machine.move_to(told.now, tick=False)
    return told


def client_of(user: User) -> Client:
    return just_logged_in(user)


def answer(story: Story, part: str = "", *, who: User | None = None, **asked: str):
    asked = {"part": part, **asked} if part else asked
    return client_of(who or story.fay).get(page(story.rosa), asked)


def read(story: Story, part: str = "", *, who: User | None = None) -> str:
    shown = answer(story, part, who=who)
    assert shown.status_code == 200
    return words(main_part(shown))


def headlines(story: Story, *, who: User | None = None) -> dict[str, str]:
    lines = answer(story, who=who).context["page"].lines
    return {line.account.host_account: line.headline.sentence for line in lines}


def unbrought(story: Story, name: str) -> None:
    """A company signs up, and nobody brought it."""
    told = intake.SignUpTold(host_account=name, occurred_at=story.now, company_name=f"{name.title()} GmbH")
    intake.sign_up(story.program, told=told, told_at=story.now)


# --- heading --------------------------------------------------------------------------------------------


def test_the_heading_says_who_it_is_with_links_codes_counters_and_money(story, time_machine):
    story.earn("acme")
    story.sign_up("globex")
    holds.place(story.earn("held"), reason="fraud check", by=story.finn, at=story.now)
    enrollment.change_code(story.rosa, program=story.program, text="ROSA26", at=story.now)
    story.evaluate()

    shown = read(story)

    assert "rosa Freelancer · account rosa at Main" in shown
    assert "✓ Active since Jan 1, 2015" in shown
    assert "Links /r/rosa Codes ROSA26 · before: rosa until Feb 2, 2026" in shown
    assert "3 Signed up with your link · 2 Qualified referrals · 2 Made a qualifying purchase" in shown
    assert "expected USD 200.00 · paid USD 0.00 · held USD 100.00 · balance USD 0.00" in shown


def test_what_was_paid_is_in_the_balance(story, time_machine):
    story.earn("acme")
    story.pass_to("2026-03-16T00:05Z")
    time_machine.move_to(story.now, tick=False)

    assert "expected USD 0.00 · paid USD 100.00 · held USD 0.00 · balance USD 100.00" in read(story)
    assert headlines(story) == {"acme": "Everything it earned is paid."}
    assert "Mar 16, 2026 Bonus credited A… GmbH +$100.00" in read(story, "money")
    assert "Balance $100.00" in read(story, "money")


def test_somebody_who_takes_part_in_nothing_has_a_page(story):
    nora = ReferrerFactory(host=story.host, name="Nora")

    shown = client_of(story.fay).get(page(nora))

    assert shown.status_code == 200
    assert "Nora takes part in no program that you see" in words(main_part(shown))


# --- accounts -------------------------------------------------------------------------------------------


def test_each_account_says_what_is_missing_in_one_line(story, time_machine):
    story.earn("expected")
    holds.place(story.earn("held"), reason="fraud check", by=story.finn, at=story.now)
    story.decide(story.sign_up("refused"), "NOT_QUALIFIED", reason="freelancer")
    story.decide(story.sign_up("unbought"))
    story.wait(minutes=11)
    story.sign_up("new")
    time_machine.move_to(story.now, tick=False)

    refused = ReferredAccount.objects.get(host_account="refused").rejection_reason
    assert headlines(story) == {
        "expected": "Not paid yet: the window opens on Mar 16, 2026, in 42 days. Nothing is missing.",
        "held": "It is on hold: fraud check.",
        "refused": refused.internal_text,
        "unbought": "Still to come: Made a qualifying purchase.",
        "new": "In review: nobody has decided yet.",
    }
    assert "window Mar 16 - 31, 2026" in read(story)


def test_signals_and_repeated_sign_ups_are_hinted_at(story):
    acme = story.sign_up("acme")
    Signal.objects.create(account=acme, kind="EMPLOYEE", raised_by=story.cara, raised_at=story.now)
    story.sign_up("acme", link="ben")

    shown = read(story)

    assert "! signal, for a senior signed up more than once" in shown


def test_fifty_accounts_stand_on_a_page(story):
    rows = [story.sign_up(f"company{number}") for number in range(2)]
    _copies(rows[0], 50)

    first, second, third = (answer(story, page=str(number)).context["page"] for number in (1, 2, 3))

    assert [(len(each.lines), each.has_next) for each in (first, second, third)] == [
        (50, True),
        (2, False),
        (0, False),
    ]
    assert "There is nothing on this page." in words(main_part(answer(story, page="3")))


@pytest.mark.parametrize("accounts", [1, 12])
@pytest.mark.parametrize("part", ["accounts", "trail", "money", "history"])
@pytest.mark.parametrize("minimum", [None, "150.00"])
def test_the_page_costs_at_most_twelve_queries(
    minimum, part, accounts, time_machine, django_assert_max_num_queries
):
    story = Story("smartcat", {"payout_schedule.minimum": minimum} if minimum else None)
    call_command("make_groups", verbosity=0)
    story.fay.groups.set([Group.objects.get(name="Support")])
    ProgramStaff.objects.create(user=story.fay, program=story.program)
    for number in range(accounts):
        story.earn(f"company{number}", visitor="v1", code="rosa")
    time_machine.move_to("2026-03-16T00:01Z", tick=False)
    client = client_of(story.fay)

    with django_assert_max_num_queries(12):
        assert client.get(page(story.rosa), {"part": part}).status_code == 200


# --- how they came --------------------------------------------------------------------------------------


def test_the_trail_shows_the_touches_in_time_and_the_rule_that_decided(story):
    intake.open_link(story.host, link="ben", visitor="v1", at=story.now - timedelta(days=400))
    intake.open_link(story.host, link="ben", visitor="v1", at=story.now - timedelta(days=2))
    intake.open_link(story.host, link="rosa", visitor="v2", at=story.now - timedelta(days=1))
    story.sign_up("acme", visitor="v1", link="", code="rosa")

    shown = read(story, "trail")

    assert (
        "opened link ben of ben - too long before the sign-up Jan 31, 10:00 opened link ben of ben"
        " Feb 2, 10:00 typed code rosa of rosa ✓ counts = rosa : a typed code beats a link."
    ) in shown


@pytest.mark.parametrize(
    ("told", "wins"),
    [
        ({"visitor": "v1", "link": ""}, "Feb 1, 10:00 opened link rosa of rosa ✓ counts"),
        ({"visitor": ""}, "Feb 2, 10:00 link of the form rosa of rosa ✓ counts"),
    ],
)
def test_whichever_touch_counts_is_marked(told, wins, story):
    intake.open_link(story.host, link="rosa", visitor="v1", at=story.now - timedelta(days=1))
    story.sign_up("acme", **told)

    assert f"{wins} = rosa : nothing else led here." in read(story, "trail")


def test_what_two_people_attributed_names_them(story):
    unbrought(story, "acme")
    told = {"host_account": "acme", "referrer": story.rosa, "note": "a mail"}
    intake.attribute(story.program, by=story.cara, approved_by=story.sam, at=story.now, **told)

    shown = read(story, "trail")

    assert "= rosa : two people of the staff attributed it (cara and sam)." in shown
    assert "No link was opened and no code typed that we know of." in shown


# --- mails and history ----------------------------------------------------------------------------------


def test_mails_changes_notes_and_looks_are_listed(story):
    assert "No mails yet." in read(story, "history")
    story.rosa.user = User.objects.create(username="rosa-herself")
    story.rosa.save()
    mine = {"recipient": story.rosa.user, "address": "rosa@rosa-words.example", "written_at": story.now}
    Message.objects.create(kind="link", key="1", subject="Your link is ready", sent_at=story.now, **mine)
    Message.objects.create(kind="link", key="2", subject="Acme signed up", error="no route", tries=3, **mine)
    other = {**mine, "recipient": story.cara}
    Message.objects.create(kind="link", key="3", subject="For somebody else", **other)
    notes.write(story.sign_up("acme"), about="call", text="In spring.", by=story.cara, at=story.now)
    enrollment.suspend(story.rosa, program=story.program, by=story.sam, at=story.now, reason="a question")
    seen_as.begin(story.rosa, by=story.sam, at=story.now, reason="a question by phone")

    shown = read(story, "history")

    assert "Your link is ready · ✓ sent Feb 2, 10:00" in shown
    assert "Acme signed up · ✗ not sent: tried 3 times" in shown
    assert "For somebody else" not in shown
    assert "❚❚ Suspended by sam" in shown
    assert "Acme GmbH · cara · call: In spring." in shown
    assert "sam: a question by phone" in shown


# --- who may see what -----------------------------------------------------------------------------------


def test_a_caller_sees_no_money_no_mails_and_no_button(story):
    story.earn("acme")

    shown = read(story, who=story.cara)

    assert "Acme GmbH" in shown
    assert [word for word in ("USD", "$", "100.00", "window", "Attribute", "See as") if word in shown] == []
    assert headlines(story, who=story.cara) == {"acme": "All conditions are met."}
    # The part is not offered, and what is asked for by its address is the first part.
    assert "USD" not in read(story, "money", who=story.cara)
    assert "Your permissions do not reach to mails." in read(story, "history", who=story.cara)


def test_no_part_shows_how_somebody_is_reached(story):
    story.earn("acme", contact="Anna Muster", visitor="v1")

    everything = "".join(read(story, part) for part in ("accounts", "trail", "money", "history"))

    private = ["+4930123456", "office@acme.example", "Anna Muster", "rosa@rosa-words.example"]
    assert [each for each in private if each in everything] == []


def test_who_may_not_see_referrers_sees_none(story):
    assert answer(story, who=User.objects.create(username="nobody", is_staff=True)).status_code == 403


def test_somebody_of_another_program_does_not_see_this_one(story):
    other = EnrollmentFactory(program__host=story.host, program__name="Elsewhere", referrer=story.rosa)
    ProgramStaff.objects.create(user=story.fay, program=other.program)
    story.earn("acme")

    everything = "".join(read(story, part) for part in ("accounts", "trail", "money", "history"))

    assert "Acme" not in everything
    assert story.program.name not in everything
    assert "Elsewhere ✓ Active" in everything


# --- a sign-up attributed by hand -----------------------------------------------------------------------


def attribute(story: Story, who: User, **typed: object):
    told = {"program": story.program.pk, "host_account": "acme", **EVIDENCE, **typed}
    return client_of(who).post(page(story.rosa, "attribute"), told)


def test_support_proposes_and_a_senior_confirms(story):
    unbrought(story, "acme")

    proposed = attribute(story, story.fay)

    assert proposed.status_code == 302
    proposal = Proposal.objects.get()
    assert not ReferredAccount.objects.exists()
    confirmed = client_of(story.sam).post(page(proposal, "confirm"))
    assert confirmed.status_code == 302
    account = ReferredAccount.objects.get()
    assert account.enrollment == story.enrollment()
    assert (account.attributed_by, account.attribution_approved_by) == (story.fay, story.sam)


def test_what_could_not_be_confirmed_is_not_even_proposed(story):
    story.sign_up("acme")
    unbrought(story, "globex")
    proposals.propose(
        "attribute",
        target=str(story.program.pk),
        arguments={"host_account": "globex", "referrer": str(story.ben.pk), "note": "a mail"},
        by=story.cara,
        at=story.now,
    )

    for account, why in [
        ("nowhere", "nowhere did not sign up"),
        ("acme", "acme has a referrer already."),
        ("globex", "about globex waits already"),
    ]:
        with nothing_changes():
            refused = attribute(story, story.fay, host_account=account)
        assert refused.status_code == 409
        assert why in words(refused.content.decode())


def test_terms_that_know_no_attribution_by_staff_say_so(time_machine):
    story = Story("smithai", {"attribution.methods": ["LINK", "CODE"]})
    call_command("make_groups", verbosity=0)
    story.fay.groups.set([Group.objects.get(name="Support")])
    unbrought(story, "acme")
    time_machine.move_to(story.now, tick=False)

    with nothing_changes():
        refused = attribute(story, story.fay)

    assert "know no attribution by staff" in words(refused.content.decode())


def test_only_programs_in_which_the_referrer_is_active_are_offered(story):
    enrollment.suspend(story.rosa, program=story.program, by=story.sam, at=story.now, reason="a question")

    form = client_of(story.fay).get(page(story.rosa, "attribute")).context["button"].form

    assert list(form.fields["program"].queryset) == []


@pytest.mark.parametrize("who", ["cara", "sam"])
def test_without_the_permission_nobody_proposes_whose_a_sign_up_was(who, story):
    unbrought(story, "acme")

    with nothing_changes():
        assert attribute(story, getattr(story, who)).status_code == 403


def _copies(account: ReferredAccount, many: int) -> None:
    """More accounts like this one; nothing else follows from them."""
    for number in range(many):
        sign_up = account.sign_up
        sign_up.pk, sign_up.host_account = None, f"copy{number}"
        sign_up.save()
        account.pk, account.sign_up, account.host_account = None, sign_up, sign_up.host_account
        account.save()
