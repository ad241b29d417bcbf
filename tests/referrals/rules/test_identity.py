"""When two texts mean the same: e-mails, companies, phones, links, codes, names."""

import socket

import pytest

from referrals.rules import identity

PUBLIC_IN_THE_CASES = ["gmail.com", "outlook.com", "yahoo.com", "hotmail.com", "gmx.de"]


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        ("  Ann@Acme.Example ", "ann@acme.example"),
        ("STRASSE@\u00c4RZTE.example", "strasse@\u00e4rzte.example"),
        ("ann@stra\u00dfe.example", "ann@stra\u00dfe.example"),
        ("", ""),
        ("   ", ""),
        (None, ""),
    ],
)
def test_an_email_is_compared_without_outer_spaces_and_case(text, normalized):
    assert identity.normalized_email(text) == normalized


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        ("Ann@Mail.ACME.example", "mail.acme.example"),
        ('"a@b"@acme.example', "acme.example"),
        ("ann@B\u00dcCHER.example", "xn--bcher-kva.example"),
        ("no address", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_the_domain_of_an_email_is_what_follows_the_last_at(email, domain):
    assert identity.email_domain(email) == domain


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("acme.example", "acme.example"),
        ("mail.acme.example", "acme.example"),
        ("a.b.c.acme.example", "acme.example"),
        ("WWW.Acme.Example.", "acme.example"),
        (" https://user@www.acme.co.uk:8443/path?q=1#top ", "acme.co.uk"),
        ("shop.acme.co.uk", "acme.co.uk"),
        ("alice.github.io", "alice.github.io"),
        ("github.io", "github.io"),
        ("homeoffice.gov.uk", "homeoffice.gov.uk"),
        ("https://www.b\u00fccher.example/", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("co.uk", ""),
        ("localhost", ""),
        ("192.168.0.1", ""),
        ("http://[2001:db8::1]/", ""),
        ("n/a", ""),
        ("acme.example (our site)", ""),
        ("\ud800.example", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_hosts_and_pages_belong_to_the_domain_that_somebody_registered(text, domain):
    assert identity.registrable_domain(text) == domain


def test_domains_are_told_without_the_network(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    freshly_loaded = type(identity._split)(
        suffix_list_urls=identity._split.suffix_list_urls, cache_dir=None, include_psl_private_domains=True
    )
    monkeypatch.setattr(identity, "_split", freshly_loaded)

    assert identity.registrable_domain("mail.acme.co.uk") == "acme.co.uk"


@pytest.mark.parametrize("domain", [*PUBLIC_IN_THE_CASES, "GMAIL.com", "mail.gmail.com", "mailinator.com"])
def test_free_and_throw_away_services_are_public(domain):
    assert identity.is_public_email_domain(domain)
    assert identity.company_domain(f"ann@{domain}") == ""


@pytest.mark.parametrize(
    "domain", ["acme.example", "gmail.example", "yahoo.com.example", "notgmail.example", ""]
)
def test_other_domains_are_not_public(domain):
    assert not identity.is_public_email_domain(domain)


def test_no_example_domain_is_public():
    assert [domain for domain in identity.PUBLIC_EMAIL_DOMAINS if domain.endswith(".example")] == []


def test_a_company_is_known_by_the_registrable_domain_of_its_email():
    assert identity.company_domain("Ann@Mail.Acme.Example") == "acme.example"
    assert identity.email_registrable_domain("ann@mail.acme.example") == "acme.example"
    assert identity.email_registrable_domain("ann@mail.gmail.com") == "gmail.com"
    assert identity.company_domain(None) == ""
    assert identity.company_domain("no address") == ""


def test_links_compare_without_regard_to_case():
    assert identity.folded_link(" Rosa-2 ") == "rosa-2"
    assert identity.folded_link(None) == ""


@pytest.mark.parametrize(
    "typed",
    [
        "ACME25",
        " acme-2 5 ",
        "Acme\u00a02\u20115",
        "acme\u200b25",
        "a\u2013c\u2014m\u2212e 2\u00ad5",
        "\tacme\u300025\n",
    ],
)
def test_codes_compare_without_regard_to_case_spaces_and_hyphens(typed):
    assert identity.folded_code(typed) == "acme25"


def test_what_is_no_space_or_hyphen_counts_in_a_code():
    assert identity.folded_code("ac_me.25") == "ac_me.25"
    assert identity.folded_code(None) == ""


@pytest.mark.parametrize(
    ("text", "country", "phone"),
    [
        ("+49 30 123456", None, "+4930123456"),
        ("030 / 12 34 56", "DE", "+4930123456"),
        ("030 123456", "de", "+4930123456"),
        ("0049 30 123456", "DE", "+4930123456"),
        ("(415) 555-0100", "US", "+14155550100"),
        ("+1 415 555 0100 ext. 7", "DE", "+14155550100"),
        ("030 123456", None, ""),
        ("030 123456", "XX", ""),
        ("555-0100", "US", ""),
        ("12", "DE", ""),
        ("call me", "US", ""),
        ("", "US", ""),
        (None, None, ""),
    ],
)
def test_a_phone_number_is_compared_in_its_international_form(text, country, phone):
    assert identity.normalized_phone(text, country) == phone


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme Inc", "ACME GmbH"),
        ("Acme, Inc.", "Acme"),
        ("Foo GmbH & Co. KG", "foo"),
        ("Acme S.A.", "acme sp. z o.o."),
        ("M\u00fcller Maschinen AG", "Maschinen Muller"),
        ("Nordea A/S", "Nordea"),
        ("O'Neil Ltd", "O\u2019Neil"),
        ("AG", "A.G."),
    ],
)
def test_names_are_alike_whatever_their_legal_form_accents_and_order(one, other):
    assert identity.name_likeness(one, other) == identity.name_likeness(other, one) == 100


def test_a_slip_of_the_pen_is_a_look_alike_and_another_company_is_not():
    assert identity.name_likeness("Globex Corporation", "Globexx Corp.") >= identity.LOOK_ALIKE_FROM
    assert identity.name_likeness("Acme Holding GmbH", "ACME gmbh") < identity.LOOK_ALIKE_FROM
    assert identity.name_likeness("Initech GmbH", "Hooli GmbH") < identity.LOOK_ALIKE_FROM


@pytest.mark.parametrize(("one", "other"), [("", ""), (None, None), ("Acme", ""), ("!!!", "???")])
def test_no_name_is_like_no_name(one, other):
    assert identity.name_likeness(one, other) == 0


@pytest.mark.parametrize(
    "email", ["ann@acme.example", "ann+tag@mail.acme.example", "j\u00f6rg@b\u00fccher.example"]
)
def test_well_written_addresses_are_accepted(email):
    assert identity.is_valid_email(email)


@pytest.mark.parametrize(
    "email", ["", None, "ann", "ann@", "@acme.example", "ann@@acme.example", "a b@acme.example"]
)
def test_badly_written_addresses_are_refused(email):
    assert not identity.is_valid_email(email)
