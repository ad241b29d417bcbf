"""
Why is it not paid yet? The first unmet condition of an account or a bonus, and every rule
with its words, from the same rows that the engine runs on.

    told = explain.account(program, host_account="acme", as_of=now)
    told.first_unmet            'window_not_open', or None: everything is paid
    told.headline.sentence      'Not paid yet: the window opens on Mar 16, 2026, in 9 days. …'
    told.headline.who           who must act
    told.lines                  each rule: its quote, how it stands, since when, until when

For staff, or with ``audience=Audience.REFERRER`` for the referrer: then nobody is named, and no reason is
told that is not shown publicly. A list of accounts is explained by payouts.explain_many, by the same rules
and in a fixed number of queries.
"""

from payouts.explain.answers import Explanation as Explanation
from payouts.explain.answers import account as account
from payouts.explain.answers import bonus as bonus
from payouts.explain.answers import first_unmet as first_unmet
from payouts.explain.conditions import ASKED as ASKED
from payouts.explain.conditions import Asked as Asked
from payouts.explain.conditions import by_status as by_status
from payouts.explain.conditions import held as held
from payouts.explain.conditions import latest as latest
from payouts.explain.conditions import of_bonus as of_bonus
from payouts.explain.conditions import overdue_days as overdue_days
from payouts.explain.headlines import Headline as Headline
from payouts.explain.lines import Line as Line
from payouts.explain.lines import State as State
from payouts.explain.sentences import Audience as Audience
from payouts.explain.sentences import Who as Who
