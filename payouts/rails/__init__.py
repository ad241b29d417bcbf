"""
The rails on which money travels: one small module each, all of one shape.

A rail says which currencies it takes, how much fits into one file, and writes the file. To add one: its
writer in payouts.rules.payment_files, a module here, and its line in ``RAILS``.
"""

from payouts.rails import nacha, paypal, sepa, wise
from payouts.rails.rail import Sending, Writer
from payouts.rules.payees import Rail

RAILS: dict[Rail, Writer] = {
    Rail.SEPA: sepa.WRITER,
    Rail.NACHA: nacha.WRITER,
    Rail.PAYPAL: paypal.WRITER,
    Rail.WISE: wise.WRITER,
}

__all__ = ["RAILS", "Sending", "Writer"]
