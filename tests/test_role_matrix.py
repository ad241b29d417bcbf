"""
Who may open which page of the admin, and press what on it: every role, every address, GET and POST.

What is written down here binds: an address that is in no table is reported until somebody says whose it is.
"""

import re
from dataclasses import dataclass

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.admin import site as admin_site
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from payouts.models import Bonus
from referrals.admin.columns import grouped
from referrals.models import (
    Correction,
    ExistingCustomer,
    Message,
    Program,
    ReferredAccount,
    Referrer,
    SignUp,
)
from referrals.roles import CONTACT, ROLES
from tests.addresses import Address, addresses
from tests.admin_pages import main_part, one_of_each
from tests.factories import UserFactory
from tests.story import nothing_changes

pytestmark = pytest.mark.django_db

# C aller, S enior, s U pport, finance P reparer, finance A pprover, program M anager, O perator, audito R
LETTERS = dict(zip("CSUPAMOR", ROLES, strict=True))
NOBODY, EVERYBODY = "", "CSUPAMOR"

READS = {
    "CSUPAMR": """
        referrals_call referrals_comparison referrals_criterionresult referrals_decision referrals_enrollment
        referrals_milestonereached referrals_proposal referrals_referredaccount referrals_referrer
        referrals_review referrals_signal referrals_signup referrals_statuschange
    """,
    "UPAMR": """
        payouts_approvaltier payouts_arrival payouts_batchapproval payouts_batchchange payouts_batchline
        payouts_batchnote payouts_setoff
        payouts_benefit payouts_bonus payouts_bonuschange payouts_destination payouts_gift payouts_hold
        payouts_paymentfile payouts_paymentfilechange payouts_paymentline payouts_paymentreport
        payouts_paymentreportline payouts_payoutmethod
        payouts_paymentcall payouts_paymentnotice payouts_paymentorder
        payouts_closedbalance payouts_hostspend payouts_monthclose
        payouts_ledgeraccount payouts_moneymonth payouts_payout payouts_payoutbatch payouts_payoutchange
        payouts_payoutlimit payouts_payoutschedule
        payouts_reward payouts_rewardmilestone payouts_spend payouts_transfer payouts_withdrawal
        referrals_program
    """,
    "UMR": """
        referrals_apiclient referrals_calendar referrals_callingday referrals_callingrules
        referrals_calloutcome referrals_click referrals_criterion referrals_eligibilityrule
        referrals_eligibilityvalue referrals_enrollmentchange referrals_eventvoid referrals_existingcustomer
        referrals_funnelcount referrals_funnelmonth referrals_holiday referrals_host referrals_milestone
        referrals_milestoneafter referrals_milestonetest referrals_milestonetestevent referrals_referralcode
        referrals_referrallink referrals_rejectionreason referrals_requiredevidence referrals_seenas
        referrals_sharetext referrals_terms referrals_touch
    """,
    "UMOR": "referrals_accountevent referrals_failingpart referrals_message referrals_programstaff",
    "CSUMR": "referrals_savedview",
    "SUMR": "referrals_secondlook",
    "SUPAMOR": "referrals_jobrun",
    "CSU": "referrals_correction referrals_note",
    "O": "auth_user",
    NOBODY: """
        account_emailaddress auth_group mfa_authenticator referrals_apikey referrals_webhooksecret
    """,
}
"""Who opens the list of a model, the page of a row and its history."""

DOES = {
    EVERYBODY: "index login password_change search",
    "CS": """
        referrals_note_add referrals_referredaccount_activity referrals_referredaccount_bulk
        referrals_referredaccount_compare referrals_referredaccount_comparison
        referrals_referredaccount_correct referrals_referredaccount_next referrals_referredaccount_release
        referrals_referredaccount_reviews referrals_referredaccount_signal referrals_referredaccount_take
        referrals_referredaccount_undo referrals_referredaccount_waive referrals_savedview_forget
        referrals_savedview_rename referrals_savedview_save referrals_secondlook_agreement
        referrals_secondlook_looked_at
    """,
    "S": """
        referrals_note_delete referrals_referredaccount_assign referrals_referredaccount_assign_many
        referrals_referredaccount_board referrals_referredaccount_hand_over referrals_referredaccount_reopen
        referrals_referredaccount_revoke referrals_referredaccount_settle referrals_referredaccount_take_over
        referrals_referredaccount_unassign referrals_secondlook_look referrals_secondlook_waiting
    """,
    "SU": "referrals_referredaccount_appeal",
    "U": "referrals_referrer_attribute referrals_referrer_see-as",
    "SUM": "referrals_enrollment_suspend referrals_enrollment_resume",
    "P": """
        payouts_paymentfile_make payouts_paymentfile_reissue payouts_paymentreport_read
        payouts_payout_confirmed payouts_payout_failed payouts_payout_reissue payouts_payout_returned
        payouts_payout_send-again payouts_paymentorder_send-again
        payouts_payoutbatch_draft payouts_payoutbatch_exclude-lines payouts_payoutbatch_put-up
        referrals_enrollment_pay-to
    """,
    "A": """
        payouts_destination_confirm payouts_paymentfile_uploaded payouts_paymentfile_void
        payouts_payoutbatch_approve payouts_payoutbatch_void payouts_payoutmethod_add
        payouts_payoutmethod_close payouts_paymentorder_give-up payouts_payout_give-up
    """,
    "PA": """
        payouts_bonus_hold payouts_bonus_lift payouts_bonus_take-back payouts_destination_retire
        payouts_paymentfile_doubt
        payouts_paymentorder_ask payouts_payout_ask
        payouts_paymentfile_download payouts_paymentfile_not-taken payouts_paymentfile_taken
        payouts_payout_arrived payouts_payout_came-back payouts_payout_was-not-sent
        payouts_payout_was-sent
        payouts_payoutbatch_hold-lines payouts_payoutbatch_refuse payouts_monthclose_reopen
    """,
    # A qualification on which a bonus rests is taken back by approvers, too; both of finance close months.
    "CSPA": "referrals_proposal_confirm referrals_proposal_withdraw",
    # A run that is tried writes nothing.
    "UPAMR": """
        payouts_bonus_ahead payouts_ledgeraccount_statement payouts_ledgeraccount_trial_balance
        payouts_transfer_export referrals_referrer_statement
    """,
    "M": """
        referrals_calendar_add referrals_holiday_add referrals_holiday_delete referrals_program_add
        referrals_program_calling referrals_program_signing referrals_sharetext_add referrals_sharetext_delete
    """,
    "O": "auth_user_come-back auth_user_leave referrals_message_try_again",
    # An empty question is refused whoever asks; what is offered is tested with scopes.
    NOBODY: "app_list autocomplete auth_user_password_change view_on_site",
}
"""Who opens other pages, and presses what is on them."""

LOOKS = {
    EVERYBODY: "jsi18n password_change_done",
    "U": "referrals_referrer_page referrals_referrer_page_of",
    "UPAMR": """
        payouts_bonus_overdue payouts_bonus_liabilities payouts_monthclose_months payouts_payoutbatch_export
        referrals_referredaccount_why
    """,
    "CSUPAMR": "referrals_referredaccount_review referrals_referrer_details",
}
"""Who opens pages on which others press, or nobody does."""

PRESSES = {
    "CS": "referrals_referredaccount_renew referrals_referredaccount_review",
    "S": "referrals_note_change",
    "M": """
        referrals_calendar_change referrals_calloutcome_change referrals_holiday_change
        referrals_program_change referrals_referrer_change referrals_referrer_details
        referrals_sharetext_change
    """,
    "O": "referrals_jobrun_run",
    "PA": "payouts_monthclose_months",
}
"""Who presses where others only look, or nobody does."""

TO_TODAYS_ADDRESS = re.compile(r"^admin:/admin/(.*<path:object_id>/|<url>)$")
"""Django's own way from an old address of a row; whoever goes there is refused there."""

DELETE_ALL = {"action": "delete_selected", "_selected_action": "1", "select_across": "1", "post": "yes"}
"""A crafted press on a list: all of its rows."""

PHONE, MAIL, CONTACT_PERSON = "+1 555 0199 4711", "canary@hidden-mail.example", "Conny Canary"


@dataclass(frozen=True, slots=True)
class World:
    """One of everything, and somebody of each role."""

    site: list[Address]
    people: dict[str, User]
    amounts: set[str]


def spread(table: dict[str, str]) -> dict[str, str]:
    """Each name of a table to the letters of its roles."""
    return {name: letters for letters, names in table.items() for name in names.split()}


READ, DONE, LOOKED, PRESSED = (spread(table) for table in (READS, DOES, LOOKS, PRESSES))
STOCK = re.compile(r"(.+)_(changelist|history|change|add|delete)$")


def declared(name: str, method: str) -> str | None:
    """The letters of who may, by the tables above; ``None``: nobody has said."""
    if name in DONE:
        return DONE[name]
    if name in LOOKED or name in PRESSED:
        table = LOOKED if method == "get" else PRESSED
        if name in table:
            return table[name]
        stock = STOCK.match(name)
        return READ.get(stock[1]) if stock and method == "get" else NOBODY
    stock = STOCK.match(name)
    if stock is None or stock[1] not in READ:
        return None
    model, page = stock[1], stock[2]
    is_written = page in {"add", "delete"} or (page == "change" and method == "post")
    return NOBODY if is_written else READ[model]


@pytest.fixture(scope="module")
def world(rows_of_module: None) -> World:
    """Made once; each test takes back what it does to it."""
    rows = one_of_each("referrals", "payouts")
    call_command("make_groups", verbosity=0)
    reached = {"phone": PHONE, "email": MAIL, "contact": CONTACT_PERSON}
    ReferredAccount.objects.update(**reached)
    SignUp.objects.update(**reached)
    Referrer.objects.update(email=MAIL)
    ExistingCustomer.objects.update(email=MAIL, phone=PHONE)
    Correction.objects.update(field="phone", old=PHONE, new=PHONE, reason=f"Call {CONTACT_PERSON}.")
    Message.objects.update(address=MAIL)
    people = {}
    for letter, role in LETTERS.items():
        people[letter] = UserFactory(username=f"one-of-{role.lower().replace(' ', '-')}")
        people[letter].groups.set([Group.objects.get(name=role)])
    somebody = UserFactory()
    rows += [
        somebody,
        Group.objects.get(name="Callers"),
        EmailAddress.objects.create(user=somebody, email="caller@example.com"),
        Authenticator.objects.create(user=somebody, type=Authenticator.Type.TOTP, data={}),
    ]
    examples = {
        "program": Program.objects.order_by("pk")[0].slug,
        "job": "forget_old_runs",
        "kind": "customer",
        "other": str(ExistingCustomer.objects.order_by("pk")[0].pk),
    }
    site = [
        Address(address.path, address.name.removeprefix("admin:"))
        for address in addresses(rows, examples)
        if address.is_admin and "logout" not in address.name and not TO_TODAYS_ADDRESS.match(address.name)
    ]
    amounts = {grouped(bonus.amount_minor, bonus.currency) for bonus in Bonus.objects.all()}
    return World(site, people, amounts)


def is_let_in(answer: HttpResponse) -> bool:
    log_ins = ("/accounts/login/", "/admin/login/")
    sent_away = answer.status_code == 302 and answer["Location"].startswith(log_ins)
    return not sent_away and answer.status_code not in {401, 403, 404, 405}


class TakenBack(Exception):
    """What happened inside is taken back."""


def looks_only(letter: str, name: str) -> bool:
    """Its list takes nothing away from rows, whatever is pressed there."""
    return name.endswith("_changelist") and letter not in DONE.get(
        f"{name.removesuffix('_changelist')}_delete", NOBODY
    )


def asked(client: Client, method: str, address: Address, *, is_kept: bool) -> HttpResponse:
    """The answer; what it changed is taken back, unless it must have changed nothing."""
    ask = getattr(client, method)
    pressed = DELETE_ALL if method == "post" and address.name.endswith("_changelist") else {}
    if is_kept:
        return ask(address.path, pressed)
    try:
        with transaction.atomic():
            answer = ask(address.path, pressed)
            raise TakenBack
    except TakenBack:
        return answer


def test_every_address_is_somebodys_or_nobodys(world):
    unsaid = [address.name for address in world.site if declared(address.name, "get") is None]
    names = {address.name for address in world.site}
    models = {stock[1] for name in names if (stock := STOCK.match(name))}

    assert unsaid == []
    # Nor does a table speak of what is no more.
    assert sorted({*DONE, *LOOKED, *PRESSED} - names) == []
    assert sorted(set(READ) - models) == []


@pytest.mark.parametrize("letter", LETTERS)
def test_each_role_opens_and_presses_what_is_its_own_and_nothing_else(letter, world):
    person = world.people[letter]
    sees_contact = CONTACT in ROLES[LETTERS[letter]]
    sees_money = "view payouts" in ROLES[LETTERS[letter]]
    client = Client(raise_request_exception=False)
    client.force_login(person)
    wrong, told = {}, {}

    with nothing_changes():
        for address in world.site:
            # A history answers a press as it answers a look.
            for method in ["get"] if address.name.endswith("_history") else ["get", "post"]:
                may = letter in (declared(address.name, method) or NOBODY)
                answer = asked(client, method, address, is_kept=not may or looks_only(letter, address.name))
                if is_let_in(answer) != may or answer.status_code >= 500:
                    wrong[f"{method} {address.name}"] = answer.status_code
                if method == "get" and answer.status_code == 200:
                    told |= found_in(answer, address, [] if sees_contact else [PHONE, MAIL, CONTACT_PERSON])
                    told |= found_in(answer, address, [] if sees_money else world.amounts)

    assert (wrong, told) == ({}, {})


def found_in(answer: HttpResponse, address: Address, secrets: object) -> dict[str, list[str]]:
    """Which of these a page tells, under the name of its address."""
    page = answer.getvalue().decode() if answer.streaming else main_part(answer)
    found = [secret for secret in secrets if secret in page]
    return {address.name: found} if found else {}


def test_the_secrets_are_found_where_they_are_shown(world):
    """Else a page that tells them would pass unseen."""
    client = Client()
    client.force_login(world.people["U"])
    pages = {address.name: address for address in world.site}

    seen = {
        name: found_in(
            client.get(pages[name].path), pages[name], [PHONE, MAIL, CONTACT_PERSON, *world.amounts]
        )
        for name in ("referrals_signup_change", "referrals_referrer_details", "payouts_bonus_change")
    }

    assert [len(found.get(name, [])) for name, found in seen.items()] == [3, 1, 1]


def test_a_page_that_tells_too_much_is_noticed(world, monkeypatch):
    """The negative control: an admin forgets which of its fields are a person's."""
    monkeypatch.setattr(admin_site.get_model_admin(SignUp), "contact", [])
    client = Client()
    client.force_login(world.people["R"])
    page = next(address for address in world.site if address.name == "referrals_signup_change")

    assert found_in(client.get(page.path), page, [PHONE, MAIL, CONTACT_PERSON]) != {}


@pytest.mark.parametrize("letter", "PR")
def test_no_search_tells_who_is_reached_how(letter, world):
    client = Client()
    client.force_login(world.people[letter])
    # One question for all of it.
    ReferredAccount.objects.update(phone=MAIL, contact=MAIL)
    SignUp.objects.update(phone=MAIL, contact=MAIL)
    ExistingCustomer.objects.update(phone=MAIL)
    found = {}

    for address in world.site:
        if not address.name.endswith("_changelist") or letter not in (
            declared(address.name, "get") or NOBODY
        ):
            continue
        listed = client.get(address.path, {"q": MAIL}).context["cl"]
        # A list that cannot be searched shows all of its rows.
        if listed.search_fields and len(listed.result_list):
            found[address.name] = len(listed.result_list)

    assert found == {}
