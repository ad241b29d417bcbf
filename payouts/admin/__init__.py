"""The admin of how much and when: bonuses, batches and the books, to look at."""

from payouts.admin import batch as batch
from payouts.admin import bonus as bonus
from payouts.admin import closing as closing
from payouts.admin import ledger as ledger
from payouts.admin import money_month as money_month
from payouts.admin import payments as payments
from payouts.admin import reward as reward
