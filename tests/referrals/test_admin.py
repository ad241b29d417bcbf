"""The admin of who and whether: everything can be looked at, and little can be changed."""

from datetime import UTC, datetime

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils.html import escape

from referrals.models import (
    AccountEvent,
    ApiClient,
    Calendar,
    CallOutcome,
    ExistingCustomer,
    Holiday,
    Host,
    Note,
    Program,
    ReferredAccount,
    Referrer,
    ShareText,
    Terms,
)
from tests.admin_pages import add_page, list_page, models_of, one_of_each, page, statuses
from tests.factories import (
    AccountEventFactory,
    HostFactory,
    ProgramFactory,
    ReferredAccountFactory,
    ReferrerFactory,
    TermsFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

ADD, CHANGE, DELETE = "add", "change", "delete"
MAY = {
    Host: {ADD, CHANGE},
    ApiClient: {ADD, CHANGE},
    ExistingCustomer: {ADD, CHANGE, DELETE},
    Calendar: {ADD, CHANGE},
    Holiday: {ADD, CHANGE, DELETE},
    Program: {ADD, CHANGE},
    CallOutcome: {CHANGE},
    ShareText: {ADD, CHANGE, DELETE},
    Referrer: {ADD, CHANGE},
    Note: {ADD, CHANGE, DELETE},
}
"""What a superuser may do in the admin; every other model is read-only."""


@pytest.fixture
def support() -> Client:
    """A member of staff who may look at referred accounts, and at nothing else."""
    clerk = UserFactory()
    clerk.user_permissions.add(Permission.objects.get(codename="view_referredaccount"))
    client = Client()
    client.force_login(clerk)
    return client


def test_every_model_of_both_apps_has_its_admin():
    models = {*models_of("referrals"), *models_of("payouts")}

    assert models - set(site._registry) == set()


def test_every_list_and_page_can_be_looked_at(admin_client):
    rows = one_of_each("referrals")
    pages = [*(list_page(type(row)) for row in rows), *(page(row) for row in rows)]

    assert statuses(admin_client, pages) == dict.fromkeys(pages, 200)


def test_a_superuser_changes_what_an_installation_sets_and_nothing_else(admin_client):
    rows = one_of_each("referrals")
    steps = {
        address: step in MAY.get(type(row), ())
        for row in rows
        for step, address in [(ADD, add_page(type(row))), (CHANGE, page(row)), (DELETE, page(row, "delete"))]
    }

    answers = statuses(admin_client, steps, method="post")

    assert {address: status != 403 for address, status in answers.items()} == steps


def test_rows_are_not_deleted_from_a_list_of_what_is_read_only(admin_client):
    read_only = [row for row in one_of_each("referrals") if DELETE not in MAY.get(type(row), ())]

    for row in read_only:
        chosen = {"action": "delete_selected", "_selected_action": row.pk, "index": 0, "post": "yes"}
        admin_client.post(list_page(type(row)), chosen)

    assert [row for row in read_only if not type(row).objects.filter(pk=row.pk)] == []


def test_who_is_no_superuser_sees_what_the_permissions_say(support):
    account = ReferredAccountFactory()
    pages = {
        list_page(ReferredAccount): 200,
        page(account): 200,
        page(account.terms): 403,
        list_page(Terms): 403,
        list_page(Host): 403,
        page(account.program): 403,
        add_page(Note): 403,
    }

    assert statuses(support, pages) == pages


def test_who_is_not_logged_in_is_sent_to_the_login(client):
    account = ReferredAccountFactory()

    answers = [client.get(address) for address in [list_page(ReferredAccount), page(account)]]

    assert [answer.url.partition("?")[0] for answer in answers] == ["/admin/login/"] * 2


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    ("factory", "queries"),
    [(ReferredAccountFactory, 5), (AccountEventFactory, 6)],
)
def test_a_list_costs_the_same_with_one_row_and_with_three(
    factory, queries, rows, admin_client, django_assert_num_queries
):
    made = factory.create_batch(rows)

    with django_assert_num_queries(queries):
        shown = admin_client.get(list_page(type(made[0])))

    assert list(shown.context["cl"].result_list) == made[::-1]


@pytest.mark.parametrize(
    "searched",
    ["Acme GmbH", "acme g", "office@acme.example", "acme.example", "acme-1"],
)
def test_an_account_is_found_by_its_whole_text(searched, admin_client):
    acme = ReferredAccountFactory(
        company_name="Acme GmbH",
        name_key="acme",
        host_account="acme-1",
        domain="acme.example",
        email="office@acme.example",
    )
    ReferredAccountFactory(company_name="Acme Inc.", name_key="acme")

    found = admin_client.get(list_page(ReferredAccount), {"q": searched})

    assert list(found.context["cl"].result_list) == [acme]


@pytest.mark.parametrize("searched", ['"', "'", "\\", 'Acme "GmbH"', "%"])
def test_no_text_breaks_the_search(searched, admin_client):
    ReferredAccountFactory()

    found = admin_client.get(list_page(ReferredAccount), {"q": searched})

    assert list(found.context["cl"].result_list) == []


def test_the_facts_of_an_account_are_one_click_away(admin_client):
    account = ReferredAccountFactory()
    of_the_account = AccountEventFactory(client__host=account.program.host, host_account=account.host_account)
    AccountEventFactory(host_account=account.host_account)

    linked = f"{list_page(AccountEvent)}?host={account.program.host_id}&host_account={account.host_account}"

    assert f'href="{escape(linked)}"' in admin_client.get(page(account)).content.decode()
    assert list(admin_client.get(linked).context["cl"].result_list) == [of_the_account]


def test_the_page_of_terms_shows_their_rewards_in_their_currency(admin_client):
    terms = TermsFactory(program__currency="KWD", reward__amount_minor=1_500)

    assert "KWD 1.500" in admin_client.get(page(terms)).content.decode()


# --- what can be changed --------------------------------------------------------------------------------


def of_program(**changes: object) -> dict[str, object]:
    """What a browser sends with the page of a program."""
    typed = {
        "name": "Refer a friend",
        "status": "PAUSED",
        "landing_url": "https://app.company.example/welcome",
        "undo_minutes": 5,
        "sla_calling_hours": 8,
        "people_needed": 3,
        "terms-TOTAL_FORMS": 0,
        "terms-INITIAL_FORMS": 0,
    }
    return typed | changes


def test_a_program_keeps_its_slug_currency_and_zone(admin_client):
    program = ProgramFactory()
    kept = (program.host, program.slug, program.currency, program.time_zone)

    answer = admin_client.post(
        page(program), of_program(slug="other", currency="EUR", time_zone="Asia/Tokyo", host=HostFactory().pk)
    )

    assert answer.status_code == 302
    program.refresh_from_db()
    assert (program.name, program.status, program.people_needed) == ("Refer a friend", "PAUSED", 3)
    assert (program.host, program.slug, program.currency, program.time_zone) == kept


def test_the_terms_on_the_page_of_a_program_stay_as_they_are(admin_client):
    program = ProgramFactory()
    published = list(Terms.objects.values())
    crafted = {
        "terms-TOTAL_FORMS": 2,
        "terms-INITIAL_FORMS": 1,
        "terms-0-id": published[0]["id"],
        "terms-0-program": program.pk,
        "terms-0-qualified_by": "signed_up",
        "terms-0-DELETE": "on",
        "terms-1-version": 2,
        "terms-1-qualified_by": "signed_up",
    }

    assert admin_client.post(page(program), of_program(**crafted)).status_code == 302

    assert list(Terms.objects.values()) == published


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("landing_url", "http://app.company.example/"),
        ("currency", "USX"),
        ("time_zone", "Mars/Olympus"),
        ("undo_minutes", 1441),
        ("slug", "Upper"),
    ],
)
def test_a_program_is_only_what_its_file_may_say(field, value, admin_client):
    new = of_program(host=HostFactory().pk, slug="new", currency="USD", time_zone="UTC")

    refused = admin_client.post(add_page(Program), new | {field: value})

    assert list(refused.context["adminform"].form.errors) == [field]
    assert admin_client.post(add_page(Program), new).status_code == 302
    assert Program.objects.get().slug == "new"


def test_a_share_text_says_where_the_link_goes_and_ends_its_lines_as_a_file_does(admin_client):
    typed = {"program": ProgramFactory().pk, "position": 0, "language": "en", "channel": "EMAIL"}

    refused = admin_client.post(add_page(ShareText), typed | {"text": "Try it!"})
    admin_client.post(add_page(ShareText), typed | {"text": "Try it:\r\n{link}"})

    assert list(refused.context["adminform"].form.errors) == ["text"]
    assert [text.text for text in ShareText.objects.all()] == ["Try it:\n{link}"]


def test_a_call_outcome_is_worded_here_and_counts_as_the_file_says(admin_client):
    outcome = CallOutcome.objects.create(
        program=ProgramFactory(), position=0, code="BUSY", label="Busy", connected=False, retry_after_hours=2
    )

    admin_client.post(page(outcome), {"label": "Line is busy", "next_step": "", "connected": "on"})

    outcome.refresh_from_db()
    assert (outcome.label, outcome.connected, outcome.retry_after_hours) == ("Line is busy", False, 2)


def test_an_existing_customer_is_kept_as_screening_compares_it(admin_client):
    typed = {"host": HostFactory().pk, "host_account": "old", "email": " Office@Mail.Acme.Example "}

    admin_client.post(add_page(ExistingCustomer), typed)
    customer = ExistingCustomer.objects.get()
    assert (customer.email, customer.domain) == ("office@mail.acme.example", "acme.example")

    admin_client.post(page(customer), {"email": "anna@gmail.com"})
    customer.refresh_from_db()
    assert (customer.host_account, customer.email, customer.domain) == ("old", "anna@gmail.com", "")

    refused = admin_client.post(page(customer), {"email": "nobody"})
    assert list(refused.context["adminform"].form.errors) == ["email"]


def test_a_note_keeps_who_wrote_it_and_when(admin_client, admin_user, time_machine):
    account = ReferredAccountFactory()
    time_machine.move_to(datetime(2026, 2, 1, 9, tzinfo=UTC), tick=False)
    admin_client.post(add_page(Note), {"account": account.pk, "text": "Call in spring."})
    note = Note.objects.get()

    time_machine.move_to(datetime(2026, 2, 2, 9, tzinfo=UTC), tick=False)
    colleague = Client()
    colleague.force_login(UserFactory(is_superuser=True))
    colleague.post(page(note), {"text": "Call in summer."})

    note.refresh_from_db()
    assert (note.account, note.text, note.written_by) == (account, "Call in summer.", admin_user)
    assert note.written_at == datetime(2026, 2, 1, 9, tzinfo=UTC)


def test_a_referrer_keeps_the_account_at_the_host(admin_client):
    referrer = ReferrerFactory()
    typed = {"name": "J. Doe", "kind": "FREELANCER", "host_account": "somebody else"}

    admin_client.post(page(referrer), typed | {"enrollments-TOTAL_FORMS": 0, "enrollments-INITIAL_FORMS": 0})

    assert [(row.name, row.kind, row.host_account) for row in Referrer.objects.all()] == [
        ("J. Doe", "FREELANCER", referrer.host_account)
    ]
