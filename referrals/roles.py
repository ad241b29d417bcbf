"""
The roles of staff, as data: who may look at what, and who may do what. ``make_groups`` makes groups of them.

Callers see no money. Finance neither qualifies nor sees how a person is reached, and who prepares does not
approve. Nobody but finance moves money; auditors write nothing. Keys and secrets are the administrator's.
"""

from collections.abc import Mapping, Sequence

CONTACT = "referrals.contact_referredaccount"
"""Phone, e-mail and contact."""

ACCOUNTS = [
    "referrals.view_referredaccount",
    "referrals.view_signup",
    "referrals.view_review",
    "referrals.view_call",
    "referrals.view_decision",
    "referrals.view_statuschange",
    "referrals.view_criterionresult",
    "referrals.view_milestonereached",
    "referrals.view_comparison",
    "referrals.view_signal",
    "referrals.view_referrer",
    "referrals.view_enrollment",
]
CALLER = [
    *ACCOUNTS,
    CONTACT,
    "referrals.decide_referredaccount",
    "referrals.view_correction",
    "referrals.view_note",
    "referrals.add_note",
    "referrals.view_proposal",
]
SENIOR = [
    *CALLER,
    "referrals.reopen_referredaccount",
    "referrals.waive_referredaccount",
    "referrals.lead_referredaccount",
    "referrals.appeal_referredaccount",
    "referrals.bulkdecide_referredaccount",
    "referrals.suspend_enrollment",
    "referrals.change_note",
    "referrals.delete_note",
    "referrals.view_secondlook",
    "referrals.view_jobrun",
]
SUPPORT = [
    CONTACT,
    "referrals.attribute_signup",
    "referrals.see_as_referrer",
    "referrals.appeal_referredaccount",
    "referrals.suspend_enrollment",
    "view referrals",
    "view payouts",
]
FINANCE = [
    *ACCOUNTS,
    "referrals.view_program",
    "referrals.view_proposal",
    "referrals.view_jobrun",
    "payouts.hold_bonus",
    "payouts.close_monthclose",
    "view payouts",
]
MANAGER = [
    "referrals.add_program",
    "referrals.change_program",
    "referrals.change_calloutcome",
    "referrals.add_sharetext",
    "referrals.change_sharetext",
    "referrals.delete_sharetext",
    "referrals.change_referrer",
    "referrals.suspend_enrollment",
    "referrals.add_calendar",
    "referrals.change_calendar",
    "referrals.add_holiday",
    "referrals.change_holiday",
    "referrals.delete_holiday",
    "view referrals",
    "view payouts",
]
OPERATOR = [
    "referrals.view_jobrun",
    "referrals.change_jobrun",
    "referrals.view_failingpart",
    "referrals.view_accountevent",
    "referrals.view_message",
    "referrals.view_programstaff",
    "referrals.change_programstaff",
    "auth.view_user",
]

ROLES: Mapping[str, Sequence[str]] = {
    "Callers": CALLER,
    "Seniors": SENIOR,
    "Support": SUPPORT,
    "Finance preparers": [
        *FINANCE,
        "payouts.prepare_payoutbatch",
        "payouts.prepare_paymentfile",
        "payouts.set_destination",
        "payouts.set_taxform",
    ],
    "Finance approvers": [
        *FINANCE,
        "payouts.approve_payoutbatch",
        "payouts.approve_paymentfile",
        "payouts.confirm_destination",
        "payouts.close_payoutmethod",
    ],
    "Program managers": MANAGER,
    "Operators": OPERATOR,
    "Auditors": ["view referrals", "view payouts"],
}
"""
Role to what it may; ``view payouts`` stands for looking at all rows of that app.

Who may change a run of a job may start one; who may change the programs of a person lets people leave.
"""

CREDENTIALS = ["view_apikey", "view_webhooksecret"]
WRITTEN_BY_PEOPLE = ["view_note", "view_correction"]
"""What people write and put right may hold a phone number."""

NOT_WITH_THE_REST: Mapping[str, Sequence[str]] = {
    "Auditors": [*WRITTEN_BY_PEOPLE, *CREDENTIALS],
    "Program managers": [*WRITTEN_BY_PEOPLE, *CREDENTIALS],
    "Support": CREDENTIALS,
}

FORMER: Mapping[str, Sequence[str]] = {"Finance": ["Finance preparers", "Finance approvers"]}
"""
A role that is no more to those that came after it.

Nobody is moved: who prepared and approved by one group is asked for one of the two.
"""
