"""Sign-ups: every one is kept, one that somebody brought becomes an account and is screened at once."""

from datetime import UTC, datetime, timedelta

import pytest

from referrals import enrollment, intake
from referrals.models import ExistingCustomer, ReferredAccount, SignUp, Touch
from tests.story import Story, nothing_changes, refused

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
NAIVE = datetime(2026, 2, 2, 10)  # noqa: DTZ001


@pytest.fixture
def story():
    return Story("smartcat")


def told(story: Story, name: str = "acme", **more) -> SignUp:
    """The host tells of a sign-up that nothing but ``more`` says anything about."""
    ordinary = {"host_account": name, "occurred_at": story.now}
    return intake.sign_up(story.program, told=intake.SignUpTold(**{**ordinary, **more}), told_at=story.now)


def accounts(story: Story) -> list[tuple[str, str, str]]:
    """Who came in, by whom, and what the attribution was decided by."""
    rows = ReferredAccount.objects.filter(program=story.program).order_by("pk")
    return list(rows.values_list("host_account", "enrollment__referrer__host_account", "attribution_rule"))


def attribute(story: Story, name: str = "acme", **more) -> ReferredAccount:
    ordinary = {
        "host_account": name,
        "referrer": story.rosa,
        "by": story.cara,
        "approved_by": story.sam,
        "at": story.now,
        "note": "She wrote to us.",
    }
    return intake.attribute(story.program, **{**ordinary, **more})


# --- sign-ups -----------------------------------------------------------------------------------------


def test_a_sign_up_that_somebody_brought_becomes_an_account(story):
    account = story.sign_up("acme", email=" Office@Mail.ACME.example", country="DE", contact="Ann")

    row = SignUp.objects.get()
    assert row.email == " Office@Mail.ACME.example"
    assert (row.account, row.told_at, row.repeats) == (account, story.now, None)
    assert (account.email, account.domain) == ("office@mail.acme.example", "acme.example")
    assert (account.country, account.contact, account.kind) == ("DE", "Ann", "COMPANY")
    assert (account.signed_up_at, account.entered_at) == (story.now, story.now)
    assert (account.attribution_method, account.attribution_rule) == ("LINK", "only_touch")
    assert (account.enrollment, account.status) == (story.enrollment(), "IN_REVIEW")


def test_a_sign_up_that_nobody_brought_is_kept_and_is_no_account(story):
    with refused("not_in_program"):
        intake.account_in(story.program, host_account="acme")
    row = told(story)

    assert list(SignUp.objects.all()) == [row]
    assert accounts(story) == []
    with refused("not_in_program"):
        intake.account_in(story.program, host_account="acme")


def test_the_same_account_again_is_another_contact_and_changes_nothing(story):
    account = story.sign_up()
    as_it_was = ReferredAccount.objects.values().get()
    story.wait(days=1)

    again = told(story, link="ben", email="other@acme.example")

    assert again.repeats == account.sign_up
    assert accounts(story) == [("acme", "rosa", "only_touch")]
    changed = {"facts_evaluated", "needs_evaluation", "activity_at"}
    now = ReferredAccount.objects.values().get()
    assert {key: now[key] for key in now if key not in changed} == {
        key: as_it_was[key] for key in as_it_was if key not in changed
    }


def test_who_first_came_without_a_referrer_is_not_brought_later(story):
    told(story)
    story.wait(days=1)

    told(story, link="rosa")

    assert accounts(story) == []


@pytest.mark.parametrize("status", ["DRAFT", "PAUSED", "ENDED"])
def test_a_program_that_is_not_active_takes_in_no_sign_up(story, status):
    story.program.status = status
    story.program.save()

    with refused("program_not_active"):
        told(story, link="rosa")


@pytest.mark.parametrize(
    "occurred_at", [NAIVE, datetime(2026, 2, 2, 10, 0, 1, tzinfo=UTC)], ids=["no offset", "in the future"]
)
def test_a_sign_up_at_a_time_that_makes_no_sense_is_refused(story, occurred_at):
    with refused("wrong_field") as refusal:
        told(story, link="rosa", occurred_at=occurred_at)

    assert refusal.value.field == "occurred_at"


def test_a_sign_up_of_nobody_is_refused(story):
    with refused("wrong_field") as refusal:
        told(story, "", link="rosa")

    assert refusal.value.field == "account"


@pytest.mark.parametrize(
    ("longest", "field"),
    [({"host_account": 100}, "account"), ({"company_name": 200}, "company_name"), ({"phone": 50}, "phone")],
)
def test_a_sign_up_that_says_more_than_is_kept_is_refused(story, longest, field):
    ((told_as, most),) = longest.items()

    with refused("wrong_field") as refusal:
        told(story, **{"name": "acme", told_as: "x" * (most + 1)})
    assert refusal.value.field == field
    assert told(story, **{"name": "acme", told_as: "x" * most}).pk


@pytest.mark.parametrize(
    ("instant", "comes_in"),
    [
        ("2018-12-31T23:59:59-08:00", False),
        ("2019-01-01T00:00:00-08:00", True),
        ("2019-04-15T23:59:59-07:00", True),
        ("2019-04-16T00:00:00-07:00", False),
    ],
)
def test_a_sign_up_comes_in_from_the_beginning_of_the_terms_until_enrollment_closes(instant, comes_in):
    story = Story("upwork-2019")
    story.now = datetime.fromisoformat(instant)

    told(story, link="rosa", kind="FREELANCER", email="ann@words.example")

    assert accounts(story) == ([("acme", "rosa", "only_touch")] if comes_in else [])


# --- attribution --------------------------------------------------------------------------------------


def test_what_a_visitor_opened_counts_and_another_visitors_does_not(story):
    touch = intake.open_link(story.host, link="ROSA", visitor="v1", at=story.now)
    intake.open_link(story.host, link="ben", visitor="v2", at=story.now)
    story.wait(days=1)

    told(story, visitor="v1")
    told(story, "bold", visitor="v3")

    assert accounts(story) == [("acme", "rosa", "only_touch")]
    assert ReferredAccount.objects.get().touch == touch


def test_a_link_that_does_not_exist_is_opened_without_a_trace(story):
    with nothing_changes():
        assert intake.open_link(story.host, link="nobody", visitor="v1", at=story.now) is None


def test_a_link_opened_after_the_sign_up_counts_for_nothing(story):
    signed_up_at = story.now
    story.now += SECOND
    intake.open_link(story.host, link="rosa", visitor="v1", at=story.now)

    told(story, visitor="v1", occurred_at=signed_up_at)

    assert Touch.objects.count() == 1
    assert accounts(story) == []


def test_the_code_that_was_typed_wins_over_the_forms_link(story):
    told(story, link="rosa", code=" B-en ")

    assert accounts(story) == [("acme", "ben", "code_beats_link")]
    assert ReferredAccount.objects.get().attribution_method == "CODE"


def test_a_link_or_code_that_nobody_has_brings_nobody(story):
    told(story, link="nobody", code="nothing")

    assert accounts(story) == []


def test_the_link_of_another_program_brings_nobody(story):
    elsewhere = Story("smithai", host="elsewhere")
    enrollment.change_link(elsewhere.rosa, program=elsewhere.program, text="only-there", at=story.now)

    told(story, link="only-there")

    assert accounts(story) == []


def test_who_is_suspended_brings_nobody_until_resumed(story):
    who_when = {"program": story.program, "by": story.sam, "at": story.now}
    enrollment.suspend(story.rosa, **who_when, reason="Spam.")
    told(story, "acme", link="rosa")
    enrollment.resume(story.rosa, **who_when)

    told(story, "bold", link="rosa")

    assert accounts(story) == [("bold", "rosa", "only_touch")]


def test_a_sign_up_told_late_is_judged_by_the_links_of_its_time_and_the_enrollments_of_now():
    story = Story("smartcat", {"attribution.old_links_work": False})
    signed_up_at = story.now
    story.now += DAY
    enrollment.change_link(story.rosa, program=story.program, text="rosa-2", at=story.now)

    told(story, "acme", link="rosa", occurred_at=signed_up_at)
    told(story, "bold", link="rosa-2", occurred_at=signed_up_at)
    told(story, "cold", link="rosa")

    assert accounts(story) == [("acme", "rosa", "only_touch")]
    account = ReferredAccount.objects.get()
    assert (account.signed_up_at, account.entered_at) == (signed_up_at, story.now)


# --- screening ----------------------------------------------------------------------------------------


def verdict(story: Story, name: str = "acme", **more) -> tuple[str, str | None, list[str]]:
    """Status, reason and flags of an account that has just signed up."""
    account = story.sign_up(name, **more)
    flags = [flag for flag in ("account_match", "email_match", "domain_match") if getattr(account, flag)]
    return account.status, account.rejection_reason and account.rejection_reason.code, flags


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"kind": "FREELANCER"}, "freelancer"),
        ({"email": "acme@gmail.com"}, "public_email_domain"),
        ({"email": ""}, "public_email_domain"),
        ({"phone": " "}, "incomplete"),
        ({"website": ""}, "incomplete"),
        ({"kind": "FREELANCER", "email": "acme@gmail.com", "phone": ""}, "freelancer"),
    ],
)
def test_the_first_automatic_criterion_that_fails_refuses_at_once(story, more, reason):
    assert verdict(story, **more) == ("NOT_QUALIFIED", reason, [])
    account = ReferredAccount.objects.get()
    assert [(c.old_status, c.new_status, c.cause, c.changed_by) for c in account.status_changes.all()] == [
        ("SIGNED_UP", "NOT_QUALIFIED", "SCREENED", None)
    ]
    assert not account.reviews.exists()


def test_what_was_found_about_each_automatic_criterion_is_kept(story):
    account = story.sign_up(kind="FREELANCER", phone="")

    assert list(account.criterion_results.values_list("criterion__code", "result", "found_by")) == [
        ("corporate_user", "FAIL", None),
        ("company_email", "PASS", None),
        ("fields_complete", "FAIL", None),
        ("not_registered_before", "PASS", None),
    ]


def test_a_criterion_that_is_not_required_decides_nothing():
    story = Story("smartcat", {"criteria.company_email.required": False})

    assert verdict(story, email="acme@gmail.com") == ("IN_REVIEW", None, [])


@pytest.mark.parametrize(
    ("customer", "is_new"),
    [
        ({"host_account": "acme"}, False),
        ({"email": "office@acme.example"}, False),
        ({"domain": "acme.example"}, False),
        ({"domain": "acme.example", "customer_since": timedelta(0)}, True),
        ({"domain": "acme.example", "customer_since": -SECOND}, False),
        ({"domain": "acme.example", "customer_since": SECOND}, True),
        ({"email": "", "domain": ""}, True),
        ({"email": "office@acme.example.org", "domain": "example.org"}, True),
    ],
)
def test_who_was_a_customer_before_the_sign_up_is_not_new(story, customer, is_new):
    since = customer.pop("customer_since", None)
    ExistingCustomer.objects.create(
        **{"host": story.host, "host_account": "old", **customer},
        customer_since=None if since is None else story.now + since,
    )

    status, reason, _ = verdict(story)

    assert (status, reason) == (("IN_REVIEW", None) if is_new else ("NOT_QUALIFIED", "already_registered"))


def test_a_customer_of_another_host_is_new_here(story):
    ExistingCustomer.objects.create(host=Story("smithai", host="elsewhere").host, host_account="acme")

    assert verdict(story)[0] == "IN_REVIEW"


@pytest.mark.parametrize(
    ("kinds", "customer", "is_new"),
    [
        (["COMPANY"], "COMPANY", False),
        (["COMPANY"], "FREELANCER", True),
        (["FREELANCER"], "FREELANCER", False),
        (["COMPANY", "FREELANCER"], "", True),
        (["ANY"], "", False),
    ],
)
def test_the_terms_say_which_customers_matter(kinds, customer, is_new):
    story = Story("smartcat", {"criteria.not_registered_before.existing_kinds": kinds})
    ExistingCustomer.objects.create(host=story.host, host_account="acme", kind=customer)

    assert verdict(story)[0] == ("IN_REVIEW" if is_new else "NOT_QUALIFIED")


def test_what_the_terms_do_not_compare_makes_no_double():
    story = Story("smartcat", {"criteria.not_registered_before.match": ["EMAIL"]})
    ExistingCustomer.objects.create(host=story.host, host_account="acme", domain="acme.example")

    assert verdict(story)[0] == "IN_REVIEW"


def test_of_two_accounts_of_one_company_the_one_that_signed_up_first_is_new(story):
    first = verdict(story, "acme", email="one@acme.example")
    at_the_same_instant = verdict(story, "acme-2", email="two@acme.example")
    late = story.now - DAY
    earlier_but_told_last = verdict(story, "acme-3", email="three@acme.example", occurred_at=late)

    assert [first[:2], at_the_same_instant[:2], earlier_but_told_last[:2]] == [
        ("IN_REVIEW", None),
        ("NOT_QUALIFIED", "already_registered"),
        ("IN_REVIEW", None),
    ]


def test_a_refused_account_signed_up_too(story):
    assert verdict(story, "acme", phone="")[0] == "NOT_QUALIFIED"
    assert verdict(story, "acme-2", email="two@acme.example")[:2] == ("NOT_QUALIFIED", "already_registered")


def test_the_referrer_is_looked_at_first_then_self_referral_then_the_criteria():
    story = Story("upwork-2019")
    cleo = story.referrer("cleo", country="FR")
    dora = story.referrer("dora", tier="")
    incomplete = {"email": "", "kind": "COMPANY"}

    assert verdict(story, "a", link="cleo", **incomplete)[:2] == (
        "NOT_QUALIFIED",
        "referrer_not_eligible_country",
    )
    assert verdict(story, "b", link="dora", email=dora.email)[1] == "referrer_not_eligible_tier"
    assert verdict(story, "rosa", **incomplete)[1] == "not_new"
    assert verdict(story, "c", **incomplete)[1] == "not_a_freelancer"
    enrollment.change_referrer(cleo, changes={"country": "US"})
    assert verdict(story, "d", link="cleo", kind="FREELANCER")[0] == "SIGNED_UP"


@pytest.mark.parametrize(
    ("name", "email", "flags"),
    [
        ("rosa", "office@acme.example", ["account_match"]),
        ("acme", "ROSA@rosa-words.example", ["email_match", "domain_match"]),
        ("acme", "office@mail.rosa-words.example", ["domain_match"]),
    ],
)
def test_what_looks_like_the_referrer_raises_flags(story, name, email, flags):
    assert verdict(story, name, email=email) == ("IN_REVIEW", None, flags)


def test_a_flag_is_raised_beside_a_refusal_too():
    story = Story("smithai")

    assert verdict(story, email="rosa@rosa-words.example") == (
        "NOT_QUALIFIED",
        "self_referral",
        ["domain_match"],
    )


def test_only_where_a_flag_gives_reason_to_ask_there_is_work_for_staff():
    story = Story("smithai")

    assert verdict(story, "acme") == ("SIGNED_UP", None, [])
    assert verdict(story, "bold", email="office@rosa-words.example") == ("IN_REVIEW", None, ["domain_match"])
    assert list(ReferredAccount.objects.filter(reviews__isnull=False).values_list("host_account")) == [
        ("bold",)
    ]


# --- attribution by staff -----------------------------------------------------------------------------


def test_an_account_that_came_without_a_referrer_comes_in_with_its_own_instant(story):
    row = told(story, email="office@acme.example", company_name="Acme", website="acme.example", phone="1")
    story.wait(days=3)

    account = attribute(story)

    assert (account.sign_up, account.signed_up_at, account.entered_at) == (row, row.occurred_at, story.now)
    assert (account.attribution_method, account.attribution_rule) == ("MANUAL", "by_staff")
    assert (account.attributed_by, account.attribution_approved_by) == (story.cara, story.sam)
    assert (account.enrollment, account.status) == (story.enrollment(), "IN_REVIEW")
    assert [(note.about, note.text, note.written_by) for note in account.notes.all()] == [
        ("attributed", "She wrote to us.", story.cara)
    ]


def test_where_the_terms_know_no_attribution_by_staff_there_is_none():
    story = Story("upwork-2019")
    told(story, kind="FREELANCER")

    with refused("method_not_allowed"):
        attribute(story, approved_by=story.cara)
    with refused("method_not_allowed"):
        attribute(story, "nobody")


def test_one_person_alone_attributes_nothing(story):
    with refused("same_person"):
        attribute(story, "nobody", approved_by=story.cara)


def test_who_did_not_sign_up_is_not_attributed(story):
    with refused("not_signed_up"):
        attribute(story, "nobody")


def test_who_signed_up_while_the_program_took_in_nobody_is_not_attributed(story):
    told(story, occurred_at=datetime(2023, 12, 31, 23, 59, 59, tzinfo=UTC))

    with refused("not_signed_up"):
        attribute(story)


def test_who_has_a_referrer_keeps_it(story):
    story.sign_up()

    with refused("already_attributed"):
        attribute(story, referrer=story.ben)


def test_who_was_attributed_by_staff_is_not_attributed_again(story):
    told(story)
    attribute(story)

    with refused("already_attributed"):
        attribute(story, referrer=story.ben, by=story.fay, approved_by=story.finn)


def test_an_account_is_attributed_to_who_is_active(story):
    told(story)
    enrollment.suspend(story.rosa, program=story.program, by=story.sam, at=story.now, reason="Spam.")
    stranger = Story("smartcat", host="elsewhere").rosa

    with refused("not_enrolled"):
        attribute(story)
    with refused("not_enrolled"):
        attribute(story, referrer=stranger)


def test_what_is_attributed_is_screened_with_what_it_told(story):
    told(story, email="acme@gmail.com")

    account = attribute(story)

    assert (account.status, account.rejection_reason.code) == ("NOT_QUALIFIED", "public_email_domain")
