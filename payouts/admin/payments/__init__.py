"""How the money gets to referrers: ways to pay, destinations, payouts, payment files, what banks say."""

from payouts.admin.payments import destination as destination
from payouts.admin.payments import fee as fee
from payouts.admin.payments import file as file
from payouts.admin.payments import made_up as made_up
from payouts.admin.payments import method as method
from payouts.admin.payments import order as order
from payouts.admin.payments import payout as payout
from payouts.admin.payments import report as report
