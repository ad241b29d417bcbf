"""The admin of who and whether: what happened, to look at, and what an installation sets, to change."""

from referrals.admin import account as account
from referrals.admin import calendar as calendar
from referrals.admin import click as click
from referrals.admin import event as event
from referrals.admin import funnel_month as funnel_month
from referrals.admin import host as host
from referrals.admin import job as job
from referrals.admin import likeness as likeness
from referrals.admin import message as message
from referrals.admin import program as program
from referrals.admin import proposal as proposal
from referrals.admin import referrer as referrer
from referrals.admin import review as review
from referrals.admin import terms as terms
from referrals.admin import user as user
from referrals.admin.desk import saved_view as saved_view
from referrals.admin.desk import second_look as second_look
