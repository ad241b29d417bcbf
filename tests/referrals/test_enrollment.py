"""Enrollments: who may join, links and codes that belong to one person for ever, suspending and resuming."""

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product

import pytest
from django.db.models import Model

from payouts import program_files
from referrals import enrollment
from referrals.models import Enrollment, EnrollmentChange, ReferralCode, ReferralLink, Referrer
from referrals.rules.lifecycle import EnrollmentStatus
from tests.factories import TERMS_BEGIN_AT, EnrollmentFactory, ProgramFactory, ReferrerFactory
from tests.story import Story, at_once, nothing_changes, refused

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


@pytest.fixture
def story():
    return Story("smartcat")


def newcomer(story: Story, **attributes) -> Referrer:
    """A freelancer who could take part and does not yet."""
    ordinary = {"host": story.host, "host_account": "nora", "email": "nora@words.example"}
    return Referrer.objects.create(**{**ordinary, "kind": "FREELANCER", **attributes})


def texts(rows) -> list[tuple[str, datetime, datetime | None]]:
    return list(rows.order_by("pk").values_list("text", "valid_from", "valid_until"))


# --- joining ------------------------------------------------------------------------------------------


def test_who_joins_is_active_and_has_a_link_and_a_code(story):
    nora = newcomer(story)

    joined = enrollment.enroll(nora, program=story.program, at=story.now, link="Nora", code="NO-RA")

    assert (joined.status, joined.since) == ("ACTIVE", story.now)
    assert list(joined.changes.values_list("old_status", "new_status", "changed_at", "changed_by")) == [
        ("", "ACTIVE", story.now, None)
    ]
    assert texts(joined.links) == [("Nora", story.now, None)]
    assert texts(joined.codes) == [("NO-RA", story.now, None)]


def test_a_link_and_a_code_that_nobody_chose_can_be_told_on_the_phone(story):
    joined = enrollment.enroll(newcomer(story), program=story.program, at=story.now)

    link, code = joined.links.get().text, joined.codes.get().text
    assert (len(link), len(code)) == (8, 8)
    assert set(link) <= set("bcdfghjkmnpqrstvwxz23456789")
    assert set(code) <= set("BCDFGHJKMNPQRSTVWXZ23456789")


def test_what_is_made_up_and_taken_is_made_up_again(story, monkeypatch):
    enrollment.change_link(story.ben, program=story.program, text="b" * 8, at=story.now)
    letters = iter("b" * 8 + "c" * 8 + "d" * 8)
    monkeypatch.setattr(enrollment.secrets, "choice", lambda alphabet: next(letters))

    joined = enrollment.enroll(newcomer(story), program=story.program, at=story.now)

    assert (joined.links.get().text, joined.codes.get().text) == ("c" * 8, "D" * 8)


def test_who_joins_twice_has_joined_once(story):
    with nothing_changes():
        again = enrollment.enroll(story.rosa, program=story.program, at=story.now, link="another")

    assert again == story.enrollment()


def test_one_joins_before_the_terms_begin_under_the_first_to_come(story):
    joined = enrollment.enroll(newcomer(story), program=story.program, at=datetime(2000, 1, 1, tzinfo=UTC))

    assert joined.status == "ACTIVE"


def test_a_program_takes_those_who_are_what_it_asks_for(story):
    client = newcomer(story, kind="CLIENT")

    with refused("not_eligible") as refusal:
        enrollment.enroll(client, program=story.program, at=story.now)

    assert "freelancer_workspace" in str(refusal.value)


def test_a_program_by_invitation_takes_the_invited_who_are_eligible():
    story = Story("upwork-2019")
    nora = newcomer(story)
    silent = newcomer(story, host_account="silent", marketing_opt_out=True)

    with refused("not_invited"):
        enrollment.enroll(nora, program=story.program, at=story.now)
    with refused("not_invited"):
        enrollment.enroll(silent, program=story.program, at=story.now)
    with refused("not_eligible"):
        enrollment.enroll(silent, program=story.program, at=story.now, invited=True)
    assert enrollment.enroll(nora, program=story.program, at=story.now, invited=True).status == "ACTIVE"


def test_nobody_joins_from_the_instant_at_which_enrollment_closes():
    story = Story("upwork-2019")
    closes_at = datetime(2019, 4, 16, 7, tzinfo=UTC)
    nora = newcomer(story)

    with refused("enrollment_closed"):
        enrollment.enroll(nora, program=story.program, at=closes_at, invited=True)
    assert enrollment.enroll(nora, program=story.program, at=closes_at - SECOND, invited=True).pk


@pytest.mark.parametrize("status", ["DRAFT", "PAUSED", "ENDED"])
def test_only_an_active_program_takes_new_referrers(story, status):
    story.program.status = status
    story.program.save()
    nora = newcomer(story)

    with refused("enrollment_closed"):
        enrollment.enroll(nora, program=story.program, at=story.now)


def test_a_program_without_published_terms_takes_nobody():
    program = ProgramFactory(terms__published=False)
    referrer = ReferrerFactory(host=program.host)

    with refused("enrollment_closed"):
        enrollment.enroll(referrer, program=program, at=TERMS_BEGIN_AT)


# --- links and codes ----------------------------------------------------------------------------------


def test_a_new_link_or_code_ends_the_old_one_which_stays(story):
    story.wait(days=1)
    enrollment.change_link(story.rosa, program=story.program, text="Rosa-2", at=story.now)
    enrollment.change_code(story.rosa, program=story.program, text="ROSA 25", at=story.now)

    of_rosa = story.enrollment()
    began = of_rosa.since
    assert texts(of_rosa.links) == [("rosa", began, story.now), ("Rosa-2", story.now, None)]
    assert texts(of_rosa.codes) == [("rosa", began, story.now), ("ROSA 25", story.now, None)]


@pytest.mark.parametrize("change", [enrollment.change_link, enrollment.change_code])
@pytest.mark.parametrize("wanted", ["ben", " BEN ", "rosa", "old-ben"])
def test_what_belongs_to_anybody_or_ever_did_is_taken(story, change, wanted):
    change(story.ben, program=story.program, text="old-ben", at=story.now)
    change(story.ben, program=story.program, text="ben-now", at=story.now)

    with refused("already_taken"):
        change(story.rosa, program=story.program, text=wanted, at=story.now)


def test_codes_are_the_same_without_spaces_and_hyphens_and_links_are_not(story):
    enrollment.change_code(story.ben, program=story.program, text="ACME-25", at=story.now)
    enrollment.change_link(story.ben, program=story.program, text="acme-25", at=story.now)

    with refused("already_taken"):
        enrollment.change_code(story.rosa, program=story.program, text=" acme 2 5", at=story.now)
    assert enrollment.change_link(story.rosa, program=story.program, text="acme25", at=story.now).pk


@pytest.mark.parametrize("wanted", [{"link": "ROSA"}, {"code": "RO-SA"}])
def test_who_joins_cannot_take_what_is_taken(story, wanted):
    nora = newcomer(story)

    with refused("already_taken"):
        enrollment.enroll(nora, program=story.program, at=story.now, **wanted)


@pytest.mark.parametrize("change", [enrollment.change_link, enrollment.change_code])
def test_another_host_may_have_the_same_link_or_code(story, change):
    elsewhere = Story("smartcat", host="elsewhere")
    change(elsewhere.rosa, program=elsewhere.program, text="summer", at=story.now)

    assert change(story.rosa, program=story.program, text="summer", at=story.now).pk


@pytest.mark.parametrize("change", [enrollment.change_link, enrollment.change_code])
@pytest.mark.parametrize("status", EnrollmentStatus)
def test_who_ever_took_part_may_change_a_link_or_code_and_nobody_else(story, change, status):
    Enrollment.objects.filter(referrer=story.rosa).update(status=status)
    nora = newcomer(story)

    assert change(story.rosa, program=story.program, text="summer", at=story.now).pk
    with refused("not_enrolled"):
        change(nora, program=story.program, text="winter", at=story.now)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (enrollment.change_link, ""),
        (enrollment.change_link, "  "),
        (enrollment.change_code, ""),
        (enrollment.change_code, " - "),
    ],
)
def test_a_link_or_code_of_nothing_is_refused(story, change, text):
    with refused("wrong_field"):
        change(story.rosa, program=story.program, text=text, at=story.now)


# --- suspending and resuming --------------------------------------------------------------------------


def test_suspending_and_resuming_leave_a_row_each(story):
    suspended_at = story.now
    enrollment.suspend(story.rosa, program=story.program, by=story.sam, at=story.now, reason="Spam.")
    assert story.enrollment().status == "SUSPENDED"
    story.wait(days=1)
    enrollment.resume(story.rosa, program=story.program, by=story.fay, at=story.now)

    assert (story.enrollment().status, story.enrollment().since) == ("ACTIVE", story.now)
    assert list(
        EnrollmentChange.objects.filter(enrollment=story.enrollment(), changed_by__isnull=False).values_list(
            "old_status", "new_status", "changed_by", "changed_at"
        )
    ) == [
        ("ACTIVE", "SUSPENDED", story.sam.pk, suspended_at),
        ("SUSPENDED", "ACTIVE", story.fay.pk, story.now),
    ]


def take(step: str, story: Story, referrer: Referrer) -> None:
    who_when = {"program": story.program, "by": story.sam, "at": story.now}
    if step == "suspend":
        enrollment.suspend(referrer, **who_when, reason="Spam.")
    else:
        enrollment.resume(referrer, **who_when)


STEPS = {
    "suspend": ("ACTIVE", "SUSPENDED", "not_enrolled"),
    "resume": ("SUSPENDED", "ACTIVE", "not_suspended"),
}


@pytest.mark.parametrize(("source", "target"), list(product(EnrollmentStatus, repeat=2)))
def test_every_pair_of_statuses_is_a_step_or_every_step_there_is_refused(source, target):
    """Who is invited joins by enroll(); what else leads out of INVITED, and to CLOSED, nobody takes yet."""
    story = Story("smartcat")
    Enrollment.objects.filter(referrer=story.rosa).update(status=source)
    leading = [step for step, (_, to, _) in STEPS.items() if to == target]

    for step in leading:
        only_source, _, code = STEPS[step]
        if source == only_source:
            take(step, story, story.rosa)

            assert story.enrollment().status == target
            assert story.enrollment().changes.last().old_status == source
        else:
            with refused(code):
                take(step, story, story.rosa)
    if not leading:
        assert story.enrollment().status == source


@pytest.mark.parametrize(("step", "code"), [("suspend", "not_enrolled"), ("resume", "not_suspended")])
def test_who_never_took_part_is_neither_suspended_nor_resumed(story, step, code):
    nora = newcomer(story)

    with refused(code):
        take(step, story, nora)


@pytest.mark.parametrize(("step", "code"), [("suspend", "not_enrolled"), ("resume", "not_suspended")])
def test_a_step_is_not_taken_twice(story, step, code):
    if step == "resume":
        take("suspend", story, story.rosa)
    take(step, story, story.rosa)

    with refused(code):
        take(step, story, story.rosa)


def test_a_suspension_is_one_of_one_program():
    of_a_program = EnrollmentFactory()
    of_another = EnrollmentFactory(program__host=of_a_program.program.host, referrer=of_a_program.referrer)
    story = Story("smartcat")

    enrollment.suspend(
        of_a_program.referrer, program=of_a_program.program, by=story.sam, at=story.now, reason="Spam."
    )

    statuses = [Enrollment.objects.get(pk=each.pk).status for each in (of_a_program, of_another)]
    assert statuses == ["SUSPENDED", "ACTIVE"]


# --- what the host tells of a referrer ----------------------------------------------------------------


def test_new_attributes_of_a_referrer_leave_the_enrollment_alone(story):
    enrollment.change_referrer(story.rosa, changes={"kind": "CLIENT", "country": "FR"})

    story.rosa.refresh_from_db()
    assert (story.rosa.kind, story.rosa.country, story.enrollment().status) == ("CLIENT", "FR", "ACTIVE")


def test_the_first_unmet_rule_of_a_moment_is_named():
    story = Story("upwork-2019")
    terms = program_files.latest_terms(story.program)
    enrollment.change_referrer(story.rosa, changes={"country": "FR", "tier": ""})

    unmet = enrollment.unmet_rule(story.rosa, terms=terms, checked_at="SIGN_UP")

    assert unmet.code == "in_the_us"
    assert enrollment.unmet_rule(story.ben, terms=terms, checked_at="SIGN_UP") is None
    assert enrollment.unmet_rule(story.rosa, terms=terms, checked_at="ENROLLMENT") is None


def test_no_row_of_a_link_or_code_is_lost_when_it_is_changed(story):
    for number in range(3):
        enrollment.change_link(story.rosa, program=story.program, text=f"rosa-{number}", at=story.now)
        enrollment.change_code(story.rosa, program=story.program, text=f"rosa-{number}", at=story.now)

    of_rosa = {"enrollment": story.enrollment()}
    assert (
        ReferralLink.objects.filter(**of_rosa).count() == ReferralCode.objects.filter(**of_rosa).count() == 4
    )
    assert [link.text for link in ReferralLink.objects.filter(**of_rosa).current()] == ["rosa-2"]


# --- two at once --------------------------------------------------------------------------------------


def changes(story: Story, kind: str, *wanted: tuple[Referrer, str]) -> list[str]:
    """Several referrers change their link or code at one instant; what each was given, or why not."""
    change = {"link": enrollment.change_link, "code": enrollment.change_code}[kind]
    met = at_once(
        *(
            partial(change, referrer, program=story.program, text=text, at=story.now)
            for referrer, text in wanted
        )
    )
    return sorted(each.text if isinstance(each, Model) else type(each).__name__ for each in met)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["link", "code"])
def test_of_two_who_choose_the_same_text_at_once_one_is_told_that_it_is_taken(story, kind):
    assert changes(story, kind, (story.rosa, "fox"), (story.ben, "fox")) == ["AlreadyTaken", "fox"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["link", "code"])
def test_one_who_asks_twice_at_once_for_the_same_text_gets_it_once(story, kind):
    assert changes(story, kind, (story.rosa, "fox"), (story.rosa, "fox")) == ["AlreadyTaken", "fox"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["link", "code"])
def test_of_two_changes_of_one_referrer_at_once_the_second_ends_what_the_first_gave(story, kind):
    assert changes(story, kind, (story.rosa, "fox"), (story.rosa, "owl")) == ["fox", "owl"]

    rows = getattr(story.enrollment(), f"{kind}s")
    assert (rows.count(), rows.current().count()) == (3, 1)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_join_at_once_with_the_same_link_one_is_told_that_it_is_taken(story):
    nora, nick = newcomer(story), newcomer(story, host_account="nick", email="nick@words.example")

    met = at_once(
        *(
            partial(enrollment.enroll, who, program=story.program, at=story.now, link="fox")
            for who in (nora, nick)
        )
    )

    assert sorted(type(each).__name__ for each in met) == ["AlreadyTaken", "Enrollment"]
    assert Enrollment.objects.filter(referrer__in=[nora, nick]).count() == 1


@pytest.mark.django_db(transaction=True)
def test_who_joins_twice_at_once_has_joined_once(story):
    nora = newcomer(story)

    first, second = at_once(*[partial(enrollment.enroll, nora, program=story.program, at=story.now)] * 2)

    assert first == second == story.enrollment(nora)
    assert (first.links.count(), first.codes.count(), first.changes.count()) == (1, 1, 1)


@pytest.mark.parametrize("change", [enrollment.change_link, enrollment.change_code])
def test_what_only_the_unique_key_knows_to_be_taken_is_refused_in_the_same_words(story, monkeypatch, change):
    """Negative control: the races above are real, and the key is the last line of defence."""
    monkeypatch.setattr(enrollment, "_is_taken", lambda *_: False)

    with refused("already_taken"):
        change(story.rosa, program=story.program, text="ben", at=story.now)
