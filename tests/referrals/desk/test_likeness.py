"""Companies that look alike, what people found when they compared them, and two claims on one company."""

from datetime import timedelta

import pytest
from django.urls import reverse

from referrals import likeness
from referrals.models import Comparison, ExistingCustomer, ProgramStaff, ReferredAccount
from referrals.rules.identity import name_key, phone_key
from referrals.rules.words import Verdict
from tests.factories import ReferredAccountFactory
from tests.story import Story, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def story():
    return Story("smartcat")


def customer(story: Story, host_account: str = "old", **told: str) -> ExistingCustomer:
    keys = {"name_key": name_key(told.get("company_name")), "phone_key": phone_key(told.get("phone"))}
    return ExistingCustomer.objects.create(host=story.host, host_account=host_account, **keys, **told)


def alike(story: Story, account: ReferredAccount) -> list[tuple[object, tuple[str, ...]]]:
    found = likeness.look_alikes(account, compared=likeness.compared_with(account), seen_by=story.cara)
    return [(each.company, each.same) for each in found]


def of_another_program(story: Story) -> ReferredAccount:
    return ReferredAccountFactory(
        enrollment__program__host=story.host, domain="acme.example", email="office@acme.example"
    )


def plain(story: Story, name: str, **told: object) -> ReferredAccount:
    """A company that shares nothing with another one, unless it is told."""
    number = f"+49302312{sum(map(ord, name)) % 9000 + 1000}"
    return story.sign_up(name, **{"phone": number, **told})


@pytest.mark.parametrize(
    ("told", "same"),
    [
        ({"email": "office@acme.example"}, ("e-mail",)),
        ({"domain": "acme.example"}, ("domain",)),
        ({"phone": "+49 30 123456"}, ("phone",)),
        ({"registration": "HRB 1"}, ("registration number",)),
        ({"company_name": "ACME"}, ("name",)),
        ({"company_name": "Acme Inc.", "phone": "0049 30 12 34 56"}, ("name",)),
        ({"company_name": "Bold", "phone": "123456"}, None),
        ({"company_name": "Acmeville"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_a_customer_looks_alike_by_what_it_shares(told, same, story):
    account = story.sign_up("acme", registration="HRB 1", phone="+49 30 123456")
    known = customer(story, **told)

    assert alike(story, account) == ([] if same is None else [(known, same)])


def test_a_customer_that_staff_write_down_is_found_by_name_and_phone(story, admin_client):
    account = story.sign_up("acme")
    typed = {
        "company_name": "Acme Inc.",
        "phone": "+49 30 123456",
        "host": story.host.pk,
        "host_account": "old",
    }

    admin_client.post(reverse("admin:referrals_existingcustomer_add"), typed)
    known = ExistingCustomer.objects.get()
    assert alike(story, account) == [(known, ("phone", "name"))]

    change = reverse("admin:referrals_existingcustomer_change", args=[known.pk])
    admin_client.post(change, {**typed, "company_name": "Bold", "phone": ""})
    assert alike(story, account) == []


def test_names_that_are_nearly_the_same_are_alike(story):
    account = story.sign_up("acme", company_name="Nordlicht Optics GmbH")
    known = customer(story, company_name="Nordlicht Optic Inc.")
    customer(story, "other", company_name="Nordlicht Foods")

    assert alike(story, account) == [(known, ())]


def test_what_shares_most_comes_first(story):
    account = story.sign_up("acme", phone="+49 30 123456")
    by_name = customer(story, "a", company_name="Acme")
    by_three = customer(story, "b", company_name="Acme", phone="+4930123456", domain="acme.example")

    assert [company for company, _ in alike(story, account)] == [by_three, by_name]


def test_accounts_of_all_programs_of_the_host_are_looked_at_and_of_no_other_host(story):
    account = plain(story, "acme")
    beside = of_another_program(story)
    elsewhere = Story("smartcat", host="elsewhere")
    plain(elsewhere, "acme")
    ExistingCustomer.objects.create(host=elsewhere.host, host_account="old", domain="acme.example")

    assert alike(story, account) == [(beside, ("e-mail", "domain"))]
    assert claims(story, account) == []


def test_of_a_common_first_word_the_nearest_names_are_found(story):
    """More names begin with the same word than are looked at; the one that goes on alike is among them."""
    ExistingCustomer.objects.bulk_create(
        ExistingCustomer(host=story.host, host_account=f"c{n}", name_key=f"global b{n:04}")
        for n in range(likeness.BY_NAME + 50)
    )
    near = customer(story, company_name="Global Logistics Partner")
    account = story.sign_up("acme", company_name="Global Logistics Partners")

    assert [company for company, _ in alike(story, account)] == [near]


def test_look_alikes_cost_two_questions_however_many_there_are(story, django_assert_num_queries):
    account = ReferredAccount.objects.select_related("program").get(pk=story.sign_up("acme").pk)
    for number in range(4):
        customer(story, f"c{number}", company_name="Acme", domain="acme.example")

    with django_assert_num_queries(2):
        list(likeness.look_alikes(account, compared={}, seen_by=_superuser(story)))


def _superuser(story: Story):
    story.sam.is_superuser = True
    return story.sam


# --- comparing ------------------------------------------------------------------------------------------


def test_the_latest_comparison_counts_from_both_sides(story):
    one, two = plain(story, "acme"), plain(story, "bold")
    for verdict, by in ((Verdict.SAME, story.cara), (Verdict.DIFFERENT, story.sam)):
        likeness.compare(one, two, verdict=verdict, by=by, at=story.now)
        assert likeness.compared_with(one) == {("account", two.pk): verdict}
        assert likeness.compared_with(two) == {("account", one.pk): verdict}
        # The later one is known by the earlier one, never the other way round.
        assert (likeness.is_known(one), likeness.is_known(two)) == (False, verdict == Verdict.SAME)

    rows = Comparison.objects.values_list("verdict", "compared_by__username", "compared_at")
    assert list(rows) == [("SAME", "cara", story.now), ("DIFFERENT", "sam", story.now)]


def test_who_became_a_customer_after_the_sign_up_was_not_known_before(story):
    account = plain(story, "acme")
    for days, is_known in ((1, False), (-1, True)):
        since = story.now + timedelta(days=days)
        later = ExistingCustomer.objects.create(host=story.host, host_account=f"{days}", customer_since=since)
        likeness.compare(account, later, verdict=Verdict.SAME, by=story.cara, at=story.now)

        assert likeness.is_known(account) is is_known


def test_what_was_compared_stays_in_the_list_however_little_it_looks_alike(story):
    account, known = plain(story, "acme"), customer(story, company_name="Zebra")
    likeness.compare(account, known, verdict=Verdict.SAME, by=story.cara, at=story.now)

    assert alike(story, account) == [(known, ())]


def test_a_company_is_not_compared_with_itself_or_with_one_of_another_host(story):
    account = plain(story, "acme")
    stranger = plain(Story("smartcat", host="elsewhere"), "acme")

    for other in (account, stranger):
        with refused("not_comparable"):
            likeness.compare(account, other, verdict=Verdict.SAME, by=story.cara, at=story.now)


def test_somebody_of_one_program_sees_no_account_of_another(story):
    account = plain(story, "acme")
    of_another_program(story)
    ProgramStaff.objects.create(program=story.program, user=story.cara)

    assert alike(story, account) == []
    assert likeness.search(account, "acme.example", seen_by=story.cara) == []


# --- claims ---------------------------------------------------------------------------------------------


def claims(story: Story, account: ReferredAccount) -> list[ReferredAccount]:
    compared = likeness.compared_with(account)
    found = likeness.look_alikes(account, compared=compared, seen_by=story.cara)
    return likeness.claims(account, found, compared=compared)


def test_a_second_referrers_account_of_the_same_domain_is_a_claim_on_the_same_company(story):
    first = story.sign_up("acme")
    second = story.sign_up("acme-2", link="ben", email="anna@acme.example")
    story.sign_up("bold")

    assert (first.status, second.status) == ("IN_REVIEW", "NOT_QUALIFIED")
    assert claims(story, first) == [second]
    assert claims(story, second) == [first]
    assert second.reviews.count() == 0  # never a second task


def test_an_account_that_somebody_found_to_be_the_same_is_a_claim(story):
    first, second = plain(story, "acme"), plain(story, "bold", link="ben")
    assert claims(story, first) == []

    likeness.compare(second, first, verdict=Verdict.SAME, by=story.cara, at=story.now)

    assert claims(story, first) == [second]


def test_a_company_is_found_by_what_somebody_says_on_the_phone(story):
    account, other = plain(story, "acme"), plain(story, "bold", registration="HRB 7")
    known = customer(story, "customer-9", domain="zebra.example")

    assert likeness.search(account, " HRB 7 ", seen_by=story.cara) == [other]
    assert likeness.search(account, "Zebra.example", seen_by=story.cara) == [known]
    assert likeness.search(account, "customer-9", seen_by=story.cara) == [known]
    assert likeness.search(account, "acme", seen_by=story.cara) == []
    assert likeness.search(account, "", seen_by=story.cara) == []
