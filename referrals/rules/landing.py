"""Where a link leads: the program's landing page, with the link handed on."""

import re
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

HANDED_ON = "ref"
"""The parameter in which the landing page finds the link, and sends it back with the sign-up."""

_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]{1,5})?")
_PATH = "/%:@!$&'()*+,;=~"


def landing_host(landing_url: str) -> str:
    """
    The host, with its port, that a program's visitors may be sent to.

    '' for anything but an https address of a plain host: whatever a browser may read in another way than we
    do (a user name, a backslash, letters that are none) allows no host at all.
    """
    try:
        parts = urlsplit(landing_url)
    except ValueError:
        return ""
    host = parts.netloc.lower()
    return host if parts.scheme == "https" and _HOST.fullmatch(host) else ""


def landing_address(landing_url: str, *, link: str) -> str:
    """
    The address of the landing page with the link handed on; '' if the program may send nobody there.

    The page's own parameters stay, but for one of the same name.
    """
    host = landing_host(landing_url)
    if not host:
        return ""
    parts = urlsplit(landing_url)
    own = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != HANDED_ON]
    query = urlencode([*own, (HANDED_ON, link)], quote_via=quote)
    path = quote(parts.path, safe=_PATH)
    return urlunsplit(("https", host, path or "/", query, quote(parts.fragment, safe=_PATH + "?")))
