"""What one person proposed and another confirms: the step is taken when it is confirmed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from django.contrib.auth.models import User
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse

from payouts import proposals as steps_of_two
from payouts.models import Bonus, MonthClose, PaymentFile, Payout
from referrals import proposals, scopes
from referrals.admin.base import (
    Admin,
    EmptyFieldListFilter,
    ReadOnlyAdmin,
    Rows,
    SimpleListFilter,
    display,
    link_to,
    register,
    site,
)
from referrals.admin.columns import amount
from referrals.admin.steps import Step, StepAdmin
from referrals.models import AccountEvent, Program, Proposal, ReferredAccount, Referrer
from referrals.names import of_person, of_program

APPROVE = "payouts.approve_payoutbatch"
APPROVE_PAYMENT = "payouts.approve_paymentfile"
CLOSE = "payouts.close_monthclose"
MAY_CONFIRM: dict[str, Sequence[str]] = {
    "revoke": ["referrals.reopen_referredaccount", APPROVE],
    "waive": ["referrals.waive_referredaccount"],
    "attribute": ["referrals.reopen_referredaccount"],
    "reverse": [APPROVE],
    "void_event": [APPROVE],
    "payout_was_sent": [APPROVE_PAYMENT],
    "payout_was_not_sent": [APPROVE_PAYMENT],
    "file_was_taken": [APPROVE_PAYMENT],
    "file_was_not_taken": [APPROVE_PAYMENT],
    "void_file": [APPROVE_PAYMENT],
    "payment_arrived": [APPROVE_PAYMENT],
    "reissue_payout": [APPROVE_PAYMENT],
    "reissue_file": [APPROVE_PAYMENT],
    "payout_came_back": [APPROVE_PAYMENT],
    "close_month": [CLOSE],
    "reopen_month": [CLOSE],
}
"""Action to who may confirm it: any of these permissions."""

SEEN_WITH = {
    "reverse": "payouts.view_bonus",
    "void_event": "referrals.view_accountevent",
    "payout_was_sent": "payouts.view_payout",
    "payout_was_not_sent": "payouts.view_payout",
    "file_was_taken": "payouts.view_paymentfile",
    "file_was_not_taken": "payouts.view_paymentfile",
    "void_file": "payouts.view_paymentfile",
    "payment_arrived": "payouts.view_payout",
    "reissue_payout": "payouts.view_payout",
    "reissue_file": "payouts.view_paymentfile",
    "payout_came_back": "payouts.view_payout",
    "close_month": "payouts.view_monthclose",
    "reopen_month": "payouts.view_monthclose",
}
"""Proposals that tell of money or facts, and the permission without which they are not shown."""

ANY = sorted({permission for each in MAY_CONFIRM.values() for permission in each})

SENTENCES = {
    "revoke": ("Revoke the qualification of", "it is in review again, and its unpaid bonuses wait."),
    "waive": ("Waive a check of", "the check no longer counts against it."),
    "attribute": ("Attribute a sign-up in", "the referrer earns what it brings."),
    "reverse": ("Take back", "a new line of the books takes the money back."),
    "void_event": ("Void the fact", "it counts no more."),
    "payout_was_sent": ("Say that it was sent:", "it counts as sent, and waits for the bank's word."),
    "payout_was_not_sent": ("Say that it was not sent:", "it has failed, and can be reissued."),
    "file_was_taken": ("Say that the bank has", "its payouts count as sent."),
    "file_was_not_taken": ("Say that nobody took", "its payouts have failed, and can be reissued."),
    "payment_arrived": ("Say that an earlier payment arrived, of", "it is not paid again."),
    "reissue_payout": ("Try again", "another attempt follows, and is paid like any other."),
    "reissue_file": ("Try again what failed or came back of", "another attempt follows each."),
    "payout_came_back": ("Say that it came back:", "it is booked back, and can be reissued."),
    "void_file": ("Void, although somebody has it,", "its payouts wait for another file."),
    "close_month": ("Close a month of", "no transfer is posted into it any more."),
    "reopen_month": ("Open again", "transfers can be posted into it."),
}
"""Action to how it is called, and what will be so once it is confirmed."""

ARGUMENTS = {"reason": "Reason", "note": "Reason", "criterion": "Check", "host_account": "Account"}
ARGUMENTS |= {"month": "Month", "payment": "Payment", "payments": "Payments"}
"""What was said with a proposal, in words."""

OPEN = Q(confirmed_at__isnull=True, withdrawn_at__isnull=True)
ABOUT = {
    "revoke": ReferredAccount,
    "waive": ReferredAccount,
    "attribute": Program,
    "reverse": Bonus,
    "void_event": AccountEvent,
    "payout_was_sent": Payout,
    "payout_was_not_sent": Payout,
    "file_was_taken": PaymentFile,
    "file_was_not_taken": PaymentFile,
    "void_file": PaymentFile,
    "payment_arrived": Payout,
    "reissue_payout": Payout,
    "reissue_file": PaymentFile,
    "payout_came_back": Payout,
    "close_month": Program,
    "reopen_month": MonthClose,
}


def shown_to(user: Any, rows: QuerySet[Proposal] | None = None) -> QuerySet[Proposal]:
    """The proposals that a person may look at: of the own programs, and about what is shown."""
    hidden = [action for action, permission in SEEN_WITH.items() if not user.has_perm(permission)]
    seen = (Proposal.objects.all() if rows is None else rows).exclude(action__in=hidden)
    programs = scopes.programs_of(user)
    if programs is None:
        return seen
    theirs = {
        action: model._default_manager.filter(cast(Admin, site.get_model_admin(model)).of_programs(programs))
        for action, model in ABOUT.items()
    }
    return scopes.proposals(seen, theirs)


def confirmed_by(user: Any, rows: QuerySet[Proposal]) -> QuerySet[Proposal]:
    """Of these proposals, those that this person may confirm: open ones of others."""
    actions = [
        action
        for action, permissions in MAY_CONFIRM.items()
        if any(user.has_perm(permission) for permission in permissions)
    ]
    return rows.filter(OPEN, action__in=actions).exclude(proposed_by=user)


def proposed_by(user: Any, rows: QuerySet[Proposal]) -> QuerySet[Proposal]:
    """Of these proposals, the open ones of this person: another one confirms them."""
    return rows.filter(OPEN, proposed_by=user)


def may_confirm_some(user: Any) -> bool:
    """There are proposals that this person may confirm."""
    return any(user.has_perm(permission) for permission in ANY)


def _confirm(proposal: Proposal, by: User, at: datetime, told: dict[str, Any]) -> str:
    steps_of_two.confirm(proposal, by=by, at=at)
    return f"Proposal {proposal.pk} is confirmed, and its step is taken."


def _withdraw(proposal: Proposal, by: User, at: datetime, told: dict[str, Any]) -> str:
    proposals.withdraw(proposal, at=at)
    return f"Proposal {proposal.pk} is withdrawn; nothing was done."


def _cannot_confirm(proposal: Proposal, user: User) -> str | None:
    if proposal.proposed_by_id == user.pk:
        return "You proposed this: another person confirms it."
    if not any(user.has_perm(permission) for permission in MAY_CONFIRM.get(proposal.action, ())):
        return "Your permissions do not reach to this step."
    return None


def _cannot_withdraw(proposal: Proposal, user: User) -> str | None:
    if proposal.proposed_by_id == user.pk or _cannot_confirm(proposal, user) is None:
        return None
    return f"{of_person(proposal.proposed_by)}, or who may confirm it, withdraws it."


def _by_who_left(proposal: Proposal) -> str:
    return "" if proposal.proposed_by.is_active else f"; {of_person(proposal.proposed_by)} has left"


def _is_open(proposal: Proposal) -> bool:
    return proposal.confirmed_at is None and proposal.withdrawn_at is None


class WaitsFor(SimpleListFilter):
    """Open proposals by whom they wait for."""

    title = "waits for"
    parameter_name = "waits_for"
    of = {"me": confirmed_by, "another": proposed_by}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("me", "Me"), ("another", "Another person, by me")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        chosen = self.of.get(self.value() or "")
        return chosen(request.user, queryset) if chosen else queryset


class Named(Rows):
    """Proposals with the names of what they are about: one query for each kind of row."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        proposals = list(self.result_list)
        for model in set(ABOUT.values()):
            of_this_kind = [each for each in proposals if ABOUT.get(each.action) is model]
            numbers = [int(each.target) for each in of_this_kind if each.target.isdecimal()]
            rows = model._default_manager.in_bulk(numbers) if numbers else {}
            for each in of_this_kind:
                found = rows.get(int(each.target)) if each.target.isdecimal() else None
                each.named = found or each.target
        self.result_list = proposals


@register(Proposal)
class ProposalAdmin(StepAdmin, ReadOnlyAdmin):
    when_empty = "What needs two people appears here once the first of them has proposed it."
    list_display = ["about", "state", "proposed", "proposed_at", "confirmed", "confirmed_at"]
    list_filter = [
        WaitsFor,
        "action",
        ("confirmed_at", EmptyFieldListFilter),
        ("withdrawn_at", EmptyFieldListFilter),
    ]
    list_select_related = ["proposed_by", "confirmed_by"]
    search_fields = ["target__exact"]
    change_form_outer_before_template = "admin/referrals/proposal/steps.html"
    steps = [
        Step(
            "confirm",
            verb="Confirm",
            explains="The step is taken at once, in both names.",
            permissions=[*ANY, "referrals.decide_referredaccount"],
            take=_confirm,
            is_offered=_is_open,
            why_not=_cannot_confirm,
            is_next=True,
            asks_again=True,
        ),
        Step(
            "withdraw",
            verb="Withdraw",
            explains="Nothing is done; the proposal is kept as withdrawn.",
            permissions=[*ANY, "referrals.decide_referredaccount"],
            take=_withdraw,
            is_offered=_is_open,
            why_not=_cannot_withdraw,
        ),
    ]

    @display(description="proposal", ordering="pk")
    def about(self, proposal: Proposal) -> str:
        target = getattr(proposal, "named", proposal.target)
        return f"{SENTENCES.get(proposal.action, (proposal.action,))[0]} {_called(target)}"

    @display(description="proposed by", ordering="proposed_by__username")
    def proposed(self, proposal: Proposal) -> str:
        return of_person(proposal.proposed_by)

    @display(description="confirmed by", ordering="confirmed_by__username")
    def confirmed(self, proposal: Proposal) -> str:
        return of_person(proposal.confirmed_by) or "-"

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """All that there is to say stands above, in words."""
        return []

    def in_scope(self, rows: QuerySet, request: HttpRequest) -> QuerySet:
        return shown_to(request.user, rows)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[Named]:
        return Named

    @display(description="state")
    def state(self, proposal: Proposal) -> str:
        if _is_open(proposal):
            return "◔ waits for another person" + _by_who_left(proposal)
        return "✓ confirmed" if proposal.confirmed_at else "✗ withdrawn"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of a proposal: what is proposed, about whom, and who confirms it."""
        proposals_seen = self.get_queryset(request).select_related("proposed_by", "confirmed_by")
        proposal = proposals_seen.filter(pk=object_id).first() if object_id.isdecimal() else None
        shown = _page(proposal, request.user) if proposal else {}
        shown["buttons"] = proposal and self.buttons(proposal, request.user)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})


def _page(proposal: Proposal, user: Any) -> dict[str, Any]:
    verb, effect = SENTENCES.get(proposal.action, (proposal.action, ""))
    model = ABOUT.get(proposal.action)
    known = model is not None and proposal.target.isdecimal()
    target = model._default_manager.filter(pk=proposal.target).first() if known and model else None
    return {
        "proposal": proposal,
        "verb": verb,
        "effect": effect,
        "target": _called(target or proposal.target),
        "facts": [*_about(target, user), *_told(proposal, user)],
        "is_open": _is_open(proposal),
    }


def _called(target: Model | str) -> str:
    """How people call what a proposal is about."""
    return of_program(target) if isinstance(target, Program) else str(target)


def _about(target: Model | None, user: Any) -> list[tuple[str, str]]:
    """What a proposal is about, as links to what this person may look at."""
    if isinstance(target, Bonus):
        return [
            ("Bonus", _link(target, user)),
            ("Amount", amount(target)),
            ("Referrer", str(target.enrollment.referrer)),
            ("Company", _link(target.account, user)),
        ]
    if isinstance(target, ReferredAccount):
        return [("Company", _link(target, user)), ("Program", of_program(target.program))]
    if isinstance(target, Payout):
        return [("Payout", _link(target, user)), ("Referrer", str(target.enrollment.referrer))]
    if isinstance(target, PaymentFile):
        return [("Payment file", _link(target, user)), ("Program", of_program(target.program))]
    if isinstance(target, AccountEvent):
        return [("Fact", _link(target, user)), ("Account", target.host_account)]
    if isinstance(target, MonthClose):
        return [("Closed month", _link(target, user)), ("Program", of_program(target.program))]
    return []


def _told(proposal: Proposal, user: Any) -> list[tuple[str, str]]:
    """What was said with a proposal."""
    told = dict(proposal.arguments)
    told.pop("line", None)
    number = str(told.pop("referrer", ""))
    referrer = Referrer.objects.filter(pk=number).first() if number.isdecimal() else None
    facts = [("Referrer", _link(referrer, user))] if referrer is not None else []
    for name, value in told.items():
        shown = value.replace("_", " ") if name == "criterion" else value
        facts.append((ARGUMENTS.get(name, name.replace("_", " ").capitalize()), shown))
    return facts


def _link(row: Model, user: Any) -> str:
    may_look = user.has_perm(f"{row._meta.app_label}.view_{row._meta.model_name}")
    return link_to(row) if may_look else str(row)
