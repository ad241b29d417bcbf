"""
What payouts.explain says, to staff and to a referrer: every sentence of both voices, in one table.

Staff read who did what and why. A referrer reads nothing of that: a sentence of the second column has room
for public words only (``PUBLIC``), so that neither a name nor a note can come in, whoever calls. '' is not
told.
"""

import re
from collections.abc import Mapping
from enum import auto

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from payouts.rules.lifecycle import NO_LONGER_HOLDS, NOT_ACTIVE, QUALIFICATION_REVOKED
from referrals.rules.words import Word

Text = str | Promise


class Audience(Word):
    """Who listens."""

    STAFF = "STAFF"
    REFERRER = "REFERRER"


class Who(Word):
    """Who must act, so that it goes on."""

    COMPANY = "COMPANY"
    CALLER = "CALLER"
    SENIOR = "SENIOR"
    SUPPORT = "SUPPORT"
    FINANCE = "FINANCE"
    PREPARER = "PREPARER"
    APPROVER = "APPROVER"
    PAYER = "PAYER"
    HOST = "HOST"
    US = "US"
    TIME = "TIME"
    NOBODY = "NOBODY"


class Says(Word):
    """The sentences, by name."""

    # why it is not paid: one of these is the headline
    NOT_TOLD = auto()
    NOT_ATTRIBUTED = auto()
    SCREENED = auto()
    IN_REVIEW = auto()
    DECIDED = auto()
    REFUSED = auto()
    REFUSED_SILENTLY = auto()
    EXPIRED = auto()
    STILL_TO_COME = auto()
    WORKED_OUT = auto()
    CONDITIONS_MET = auto()
    NO_REWARD = auto()
    CAPPED = auto()
    PAID_ALL = auto()
    PAID = auto()
    MADE_UP = auto()
    CAME_BACK = auto()
    REVERSED = auto()
    CANCELLED = auto()
    CANCELLED_SILENTLY = auto()
    NOT_ACTIVE = auto()
    NO_LONGER_HOLDS = auto()
    REVOKED = auto()
    WILL_BE_CANCELLED = auto()
    ON_HOLD = auto()
    SUSPENDED = auto()
    UNDER_REVIEW = auto()
    PAUSED = auto()
    PAST_DUE = auto()
    BELOW_MINIMUM = auto()
    WINDOW_NOT_OPEN = auto()
    AWAITING_APPROVAL = auto()
    NEXT_RUN = auto()
    BROKEN_PROMISE = auto()

    # the rules, line by line
    BY_LINK = auto()
    BY_CODE = auto()
    BY_HAND = auto()
    NO_TOUCH = auto()
    CHECKED = auto()
    WAIVED = auto()
    ANSWERED = auto()
    NOT_ASKED_YET = auto()
    QUALIFIED_BY = auto()
    QUALIFIED_BY_MILESTONE = auto()
    MILESTONE_BY_FACT = auto()
    MILESTONE_LOST_BY_FACT = auto()
    MILESTONE_OPEN = auto()
    WINDOW = auto()
    WINDOW_TO_OPEN = auto()
    WINDOW_AHEAD = auto()
    NO_APPROVAL = auto()
    NO_BATCH_YET = auto()
    IN_DRAFT = auto()
    PUT_UP = auto()
    APPROVED = auto()
    HELD = auto()
    HELD_BY_RULE = auto()
    HOLD_LIFTED = auto()
    NO_HOLDS = auto()
    CONDITION_MET = auto()
    CONDITION_WAITS = auto()
    CONDITION_UNMET = auto()
    NO_CONDITION = auto()
    ELIGIBLE = auto()
    NOT_ELIGIBLE = auto()
    MINIMUM_REACHED = auto()
    MINIMUM_OPEN = auto()
    AS_CREDIT = auto()
    KEPT = auto()
    KEPT_BEFORE_FEE = auto()
    FEE = auto()
    NO_FEE = auto()
    RUN_PAID = auto()
    RUN_AHEAD = auto()
    RUN_NONE = auto()


PUBLIC = frozenset(
    {
        *("day", "in_days", "window", "words", "label", "public", "due", "minimum", "days", "way"),
        *("gross", "kept", "net"),
    }
)
"""What a sentence for a referrer may speak of: dates, labels of the terms, the referrer's own bonuses."""

SENTENCES: Mapping[Says, tuple[Text, Text]] = {
    Says.NOT_TOLD: (
        _("The host has not told of a sign-up of this account."),
        _("It did not sign up with your link or code."),
    ),
    Says.NOT_ATTRIBUTED: (
        _("It is nobody's referral: no link or code counted when it signed up."),
        _("It did not sign up with your link or code."),
    ),
    Says.SCREENED: (
        _("Signed up: the next run looks at it."),
        _("We look at what they told us, then we contact them."),
    ),
    Says.IN_REVIEW: (
        _("In review: nobody has decided yet."),
        _("We talk to them, then you see here whether they qualify."),
    ),
    Says.DECIDED: (
        _("Decided: %(result)s. It takes effect at %(at)s; until then it can be undone."),
        _("We talk to them, then you see here whether they qualify."),
    ),
    Says.REFUSED: ("%(reason)s", "%(public)s"),
    Says.REFUSED_SILENTLY: ("%(reason)s", _("It did not meet the terms of the program.")),
    Says.EXPIRED: (
        _("Expired: the time to meet the conditions is over."),
        _("The conditions were not met in time."),
    ),
    Says.STILL_TO_COME: (_("Still to come: %(label)s."), _("Still to come: %(label)s.")),
    Says.WORKED_OUT: (
        _("Nothing is missing: the next run works out what it brings."),
        _("All conditions are met. The next run works out what you get."),
    ),
    Says.CONDITIONS_MET: (_("All conditions are met."), _("All conditions are met.")),
    Says.NO_REWARD: (
        _("Nothing is missing: these terms give the referrer nothing for it."),
        _("Nothing is missing: these terms give you nothing for it."),
    ),
    Says.CAPPED: (
        _("Nothing is missing, and no bonus follows: the referrer has all %(cap)s that the terms allow."),
        _("You have all the bonuses of this kind that the terms allow."),
    ),
    Says.PAID_ALL: (_("Everything it earned is paid."), _("Everything you earned with it is paid.")),
    Says.PAID: (_("It is paid, since %(day)s."), _("It is paid, since %(day)s.")),
    Says.MADE_UP: (
        _("It was paid, and made up for what was taken back before: nothing of it is sent."),
        _("It made up for what was taken back before: nothing of it is sent."),
    ),
    Says.CAME_BACK: (
        _(
            "It was sent, and did not arrive or came back. "
            "Finance puts the destination right, then reissues it."
        ),
        _("It came back. It stays yours, and we send it again."),
    ),
    Says.REVERSED: (
        _("It was paid, and taken back."),
        _("It was taken back after it had been paid."),
    ),
    Says.CANCELLED: (_("It was cancelled: %(reason)s"), "%(public)s"),
    Says.CANCELLED_SILENTLY: (
        _("It was cancelled: %(reason)s"),
        _("The terms of the program are not met at the moment."),
    ),
    Says.NOT_ACTIVE: (
        _("It was cancelled: %(reason)s"),
        _("Their account was no longer active when it was due."),
    ),
    Says.NO_LONGER_HOLDS: (
        _("It was cancelled: %(reason)s"),
        _("A condition that had been met no longer was."),
    ),
    Says.REVOKED: (
        _("It was cancelled: %(reason)s"),
        _("A second look showed that the terms were not met."),
    ),
    Says.WILL_BE_CANCELLED: (
        _("A condition no longer holds: the run of its window cancels it, unless it holds again by then."),
        _("The terms of the program are not met at the moment."),
    ),
    Says.ON_HOLD: (_("It is on hold: %(reason)s"), _("Being checked before it is paid.")),
    Says.SUSPENDED: (
        _("The referrer is suspended."),
        _("Waits while your taking part is paused."),
    ),
    Says.UNDER_REVIEW: (
        _("The referred account is in review."),
        _("We look at it once more before it is paid."),
    ),
    Says.PAUSED: (
        _("The referred account is paused."),
        _("Waits until their account is active again."),
    ),
    Says.PAST_DUE: (
        _("The referred account is past due."),
        _("Waits until their account is active again."),
    ),
    Says.BELOW_MINIMUM: (
        _("What is due to the referrer is below the minimum, and is carried over."),
        _("Waits until your bonuses together reach the program's minimum."),
    ),
    Says.WINDOW_NOT_OPEN: (
        _("Not paid yet: the window opens on %(day)s, %(in_days)s. Nothing is missing."),
        _("Expected %(window)s. Nothing is missing."),
    ),
    Says.AWAITING_APPROVAL: (
        _("The window is open; the bonus waits for its batch to be approved."),
        _("Expected %(window)s. It is being checked."),
    ),
    Says.NEXT_RUN: (
        _("Nothing is missing: the next run pays it."),
        _("Expected %(window)s. Nothing is missing."),
    ),
    Says.BROKEN_PROMISE: (
        "",
        _("It is unpaid beyond the time that we promised. We are on it, and it stays yours."),
    ),
    Says.BY_LINK: (_("With the link %(text)s; %(rule)s."), _("With your link.")),
    Says.BY_CODE: (_("With the code %(text)s; %(rule)s."), _("With your code.")),
    Says.BY_HAND: (
        _("Attributed by %(by)s, confirmed by %(also)s."),
        _("We put it down to you."),
    ),
    Says.NO_TOUCH: (
        _("The host told of it; no link, code or person says whose referral it is."),
        "",
    ),
    Says.CHECKED: (_("%(result)s, checked by the program."), ""),
    Says.WAIVED: (_("Waived by %(by)s, confirmed by %(also)s."), ""),
    Says.ANSWERED: (_("%(answer)s, %(source)s, by %(by)s."), ""),
    Says.NOT_ASKED_YET: (_("Nobody has answered this yet."), ""),
    Says.QUALIFIED_BY: (
        _("%(by)s, %(met)s of %(asked)s questions answered with yes%(call)s."),
        _("We talked to them, and they qualify."),
    ),
    Says.QUALIFIED_BY_MILESTONE: (_("By what was reached: %(label)s."), _("By: %(label)s.")),
    Says.MILESTONE_BY_FACT: (_("By %(fact)s."), ""),
    Says.MILESTONE_LOST_BY_FACT: (_("No longer: %(fact)s."), _("No longer.")),
    Says.MILESTONE_OPEN: (_("Not yet."), _("Not yet.")),
    Says.WINDOW: (_("%(window)s (%(zone)s): %(words)s."), _("%(window)s: %(words)s.")),
    Says.WINDOW_TO_OPEN: (
        _("%(window)s (%(zone)s), opens %(in_days)s: %(words)s."),
        _("%(window)s, opens %(in_days)s: %(words)s."),
    ),
    Says.WINDOW_AHEAD: (_("Paid %(words)s (%(zone)s)."), _("Paid %(words)s.")),
    Says.NO_APPROVAL: (_("Not needed: the schedule itself approves."), ""),
    Says.NO_BATCH_YET: (
        _("When the window opens it is drafted into a batch, which is approved before it is paid."),
        _("It is checked before it is paid."),
    ),
    Says.IN_DRAFT: (_("%(batch)s is a draft: somebody puts it up."), _("It is being checked.")),
    Says.PUT_UP: (
        _("%(batch)s was put up by %(by)s, and waits for an approver."),
        _("It is being checked."),
    ),
    Says.APPROVED: (_("%(batch)s was approved%(by)s."), _("It is checked.")),
    Says.HELD: (_("%(reason)s By %(by)s."), _("Being checked before it is paid.")),
    Says.HELD_BY_RULE: (_("%(reason)s By a rule of the program."), _("Being checked before it is paid.")),
    Says.HOLD_LIFTED: (_("%(reason)s By %(by)s, lifted by %(also)s."), ""),
    Says.NO_HOLDS: (_("None."), ""),
    Says.CONDITION_MET: (_("%(condition)s: still so."), _("Still met.")),
    Says.CONDITION_WAITS: (
        _("%(condition)s: not now, it waits."),
        _("Waits until their account is active again."),
    ),
    Says.CONDITION_UNMET: (
        _("%(condition)s: no longer; the run cancels it."),
        _("The terms of the program are not met at the moment."),
    ),
    Says.NO_CONDITION: (_("Nothing is looked at again when it is paid."), ""),
    Says.ELIGIBLE: (_("The referrer is still who the terms pay."), ""),
    Says.NOT_ELIGIBLE: (
        _("The referrer no longer is whom the terms pay: %(reason)s"),
        _("The terms of the program are not met at the moment."),
    ),
    Says.MINIMUM_REACHED: (
        _("%(due)s due together, at least %(minimum)s."),
        _("%(due)s due together, at least %(minimum)s."),
    ),
    Says.MINIMUM_OPEN: (
        _("%(due)s due together, less than %(minimum)s: it is carried over."),
        _("%(due)s due together, less than %(minimum)s: it waits for more."),
    ),
    Says.AS_CREDIT: (_("%(rule)s"), _("%(way)s")),
    Says.KEPT: (
        _("%(kept)s of the payout of %(gross)s is kept for what the referrer owed: %(net)s is sent."),
        _("%(kept)s of your payout of %(gross)s makes up for what you owed: %(net)s is sent."),
    ),
    Says.KEPT_BEFORE_FEE: (
        _("%(kept)s of the payout of %(gross)s is kept for what the referrer owed: %(net)s is left."),
        _("%(kept)s of your payout of %(gross)s makes up for what you owed: %(net)s is left."),
    ),
    Says.FEE: (
        _("The referrer bears a fee of %(kept)s of the payment of %(gross)s: %(net)s is sent."),
        _("A fee of %(kept)s is kept from your payment of %(gross)s: %(net)s is sent."),
    ),
    Says.NO_FEE: (
        _("By the terms this bonus is free of the fee that the rest of its payout bears."),
        _("No fee is taken from this bonus, only from others in the same payment."),
    ),
    Says.RUN_PAID: (_("Paid on %(day)s."), _("Paid on %(day)s.")),
    Says.RUN_AHEAD: (
        _("From %(day)s on; a run every few seconds, nobody starts it."),
        _("From %(day)s on."),
    ),
    Says.RUN_NONE: (_("It pays this no more."), ""),
}

ACTS: Mapping[Who, tuple[Text, Text]] = {
    Who.COMPANY: (_("The company acts next."), _("They act next.")),
    Who.CALLER: (_("A caller acts next."), _("We act next.")),
    Who.SENIOR: (_("A senior acts next."), _("We act next.")),
    Who.SUPPORT: (_("Support acts next."), _("We act next.")),
    Who.FINANCE: (_("Finance acts next: somebody lifts the hold."), _("We act next.")),
    Who.PREPARER: (_("Finance acts next: a preparer puts the batch up."), _("We act next.")),
    Who.APPROVER: (_("Finance acts next: an approver looks at the batch."), _("We act next.")),
    Who.PAYER: (_("Finance acts next: somebody puts the destination right."), _("We act next.")),
    Who.HOST: (_("The host product acts next: it tells of the sign-up."), _("They act next.")),
    Who.US: (_("We act next."), _("We act next.")),
    Who.TIME: (_("Nobody has to act: it takes its time."), _("Nobody has to act.")),
    Who.NOBODY: (_("Nothing more happens by itself."), _("Nothing more happens by itself.")),
}

OF_STAFF = frozenset(
    {Who.CALLER, Who.SENIOR, Who.SUPPORT, Who.FINANCE, Who.PREPARER, Who.APPROVER, Who.PAYER},
)
"""Who of us acts is between staff: a referrer reads that we do."""

RULES: Mapping[str, Text] = {
    "only_touch": _("no other touch counted"),
    "code_beats_link": _("a typed code beats a link"),
    "first_touch": _("the first of several touches"),
    "last_touch": _("the last of several touches"),
}
"""Why one touch won, by the rule that attribution kept; for staff."""

OF_CODE: Mapping[str, Says] = {
    "in_review": Says.UNDER_REVIEW,
    "referrer_suspended": Says.SUSPENDED,
    "referred_account_paused": Says.PAUSED,
    "referred_account_past_due": Says.PAST_DUE,
    "below_minimum": Says.BELOW_MINIMUM,
    "window_not_open": Says.WINDOW_NOT_OPEN,
    "awaiting_approval": Says.AWAITING_APPROVAL,
    "next_run": Says.NEXT_RUN,
    "reversed": Says.REVERSED,
    NOT_ACTIVE: Says.NOT_ACTIVE,
    NO_LONGER_HOLDS: Says.NO_LONGER_HOLDS,
    QUALIFICATION_REVOKED: Says.REVOKED,
    "on_hold": Says.ON_HOLD,
}
"""Codes of bonuses that every program has; reasons of holds and of terms are none of these."""

ON_TIME = frozenset({"window_not_open", "awaiting_approval", "next_run"})
"""Codes that are the ordinary course of things."""

PLACE = re.compile(r"%\((\w+)\)")


class NotPublic(Exception):
    """A sentence for a referrer has room for what a referrer may not read."""


def say(what: Says, audience: Audience, **values: object) -> str:
    """
    A sentence in the voice for that audience; '' if this audience is not told.

    :raises NotPublic: if a referrer would read more than public words
    """
    text = str(SENTENCES[what][audience is Audience.REFERRER])
    if audience is Audience.REFERRER and not PUBLIC.issuperset(PLACE.findall(text)):
        raise NotPublic(f"{what}: {text}")
    # What people wrote is a value, never a pattern: a per cent sign in it stays one.
    return text % values if "%(" in text else text


def who_acts(who: Who, audience: Audience) -> str:
    """Who must act, in a sentence."""
    return str(ACTS[who][audience is Audience.REFERRER])


def overdue(days: int, audience: Audience) -> str:
    """That a bonus is unpaid so many days after its window closed."""
    if audience is Audience.REFERRER:
        return say(Says.BROKEN_PROMISE, audience)
    return ngettext("Overdue by %(days)s day.", "Overdue by %(days)s days.", days) % {"days": days}


def in_so_many_days(days: int) -> str:
    """'today', or in how many days."""
    return ngettext("in %(days)s day", "in %(days)s days", days) % {"days": days} if days else str(_("today"))


def as_sentence(code: str) -> str:
    """What a person or a rule has written, as words with a stop at their end."""
    text = code.replace("_", " ")
    return text if text.endswith((".", "?", "!")) else f"{text}."
