"""
The rails on which money travels: one small module each, of two shapes.

A rail of files says which currencies it takes, how much fits into one file, and writes the file. To add one:
its writer in payouts.rules.payment_files, a module here, and its line in ``RAILS``.

A rail over the network sends one payment under a key and is asked about a key (payouts.rails.sender). To add
one: a module here, and its line in ``sender_of``.
"""

from datetime import datetime
from urllib.parse import unquote, urlsplit

from django.conf import settings

from payouts.models import PayoutMethod
from payouts.rails import nacha, paypal, sepa, wise
from payouts.rails.host import HostBalance
from payouts.rails.paypal_api import PayPal
from payouts.rails.rail import Sending, Writer
from payouts.rails.sender import Said, Sender
from payouts.rails.stripe import Stripe
from payouts.rules.payees import Rail
from referrals import credentials

RAILS: dict[Rail, Writer] = {
    Rail.SEPA: sepa.WRITER,
    Rail.NACHA: nacha.WRITER,
    Rail.PAYPAL: paypal.WRITER,
    Rail.WISE: wise.WRITER,
}
BY_NETWORK = frozenset(Rail) - frozenset(RAILS)


def sender_of(method: PayoutMethod, *, at: datetime) -> Sender:
    """The rail over the network by which a method pays, as this installation is set up."""
    match Rail(method.code):
        case Rail.PAYPAL_API:
            address, client, secret = _account(settings.PAYPAL_URL)
            return PayPal(address, client, secret)
        case Rail.STRIPE:
            address, _, secret = _account(settings.STRIPE_URL)
            return Stripe(address, secret)
        case Rail.HOST:
            client = method.client.public_id if method.client else ""
            signer = credentials.signer(client, at=at)
            secrets = signer.live(at=at) if signer else []
            return HostBalance(method.endpoint, method.program.slug, client, secrets, at)
    raise LookupError(f"{method} pays by files.")


def _account(address: str) -> tuple[str, str, str]:
    """The address of a service without the account in it, and the name and password of the account."""
    parts = urlsplit(address)
    place = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
    return place, unquote(parts.username or ""), unquote(parts.password or "")


__all__ = ["BY_NETWORK", "RAILS", "Said", "Sender", "Sending", "Writer", "sender_of"]
