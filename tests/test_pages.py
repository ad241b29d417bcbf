"""What every page carries: the policy of what it may load, compression, a request id in the log."""

import logging

import pytest

from tests.addresses import addresses
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

STRICT = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"


def directives(policy: str) -> set[str]:
    return {directive.strip() for directive in policy.split(";")}


@pytest.fixture
def superuser(client):
    client.force_login(UserFactory(is_superuser=True))
    return client


def test_outside_of_the_admin_nothing_inline_and_nothing_from_elsewhere(superuser):
    policies = {
        address.path: superuser.get(address.path).get("Content-Security-Policy", "none")
        for address in addresses([], {})
        if not address.is_admin and address.name != "account_logout"
    }

    assert {
        path: policy for path, policy in policies.items() if directives(policy) != directives(STRICT)
    } == {}
    assert len(policies) > 20


def test_in_the_admin_what_the_theme_needs_and_nothing_from_elsewhere(superuser):
    policy = superuser.get("/admin/")["Content-Security-Policy"]

    assert directives(policy) == directives(STRICT) | {
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
    }


def test_pages_of_the_admin_are_compressed_and_others_are_not(superuser):
    headers = {"Accept-Encoding": "gzip"}

    assert superuser.get("/admin/", headers=headers)["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in superuser.get("/", headers=headers)


def test_the_front_page_tells_a_visitor_what_this_is_and_where_to_log_in(client):
    page = client.get("/")

    assert page.status_code == 200
    assert '<a href="/accounts/login/">Log in</a>' in page.content.decode()


def test_a_page_that_does_not_exist_says_so(client):
    page = client.get("/nowhere/")

    assert page.status_code == 404
    assert "There is no such page" in page.content.decode()


def test_a_request_leaves_one_line_with_its_id_and_without_what_was_searched_for(client, caplog):
    with caplog.at_level(logging.INFO):
        client.get("/?q=anna@acme.example")

    [line] = [record.msg for record in caplog.records if record.name.startswith("django_structlog")]
    assert (line["event"], line["request"], line["code"]) == ("request_finished", "GET /", 200)
    assert line["request_id"]
    assert "anna" not in str(line)
