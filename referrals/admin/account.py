"""Sign-ups and referred accounts: where each stands, why, and what it has brought."""

from datetime import date
from typing import Any, cast

from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from payouts import explain
from payouts.models import Benefit, Bonus
from referrals import search
from referrals.admin import alike
from referrals.admin.activity import ActivityPages
from referrals.admin.base import (
    SEE_CONTACT,
    PartOfAnother,
    PlainInline,
    ReadOnlyAdmin,
    display,
    link_to_list,
    register,
    section,
    site,
)
from referrals.admin.board import BoardPages
from referrals.admin.claims import DECIDE
from referrals.admin.columns import NOTHING, amount, became, chip_of, company, opened, referrer, status
from referrals.admin.desk import DeskAdmin
from referrals.admin.evidence_steps import EVIDENCE_STEPS
from referrals.admin.likeness import after, before, compared_with
from referrals.models import (
    AccountEvent,
    Call,
    Comparison,
    Correction,
    CriterionResult,
    Decision,
    MilestoneReached,
    Note,
    ReferredAccount,
    Review,
    Signal,
    SignUp,
    StatusChange,
)
from referrals.rules.lifecycle import AccountStatus


class StatusChangeInline(PlainInline):
    model = StatusChange
    fields = ["changed_at", became, "cause", "reason", "changed_by", "approved_by"]
    related = ["reason", "changed_by", "approved_by"]


class DecisionInline(PlainInline):
    model = Decision
    fields = [chip_of("result", label="result"), "reason", "decided_by", "decided_at", "takes_effect_at"]
    related = ["reason", "decided_by"]


class ReviewInline(PlainInline):
    model = Review
    fields = ["opened_at", "closed_at", "holder", "held_until", "call_back_at"]
    related = ["account", "holder"]


class CallInline(PlainInline):
    model = Call
    fields = ["called_at", "outcome", "connected", "called_by", "round"]
    related = ["outcome", "called_by"]


class CriterionResultInline(PlainInline):
    model = CriterionResult
    fields = ["criterion", "result", "source", "found_at", "found_by", "approved_by"]
    related = ["criterion", "found_by", "approved_by"]


class ComparisonInline(PlainInline):
    model = Comparison
    fk_name = "account"
    fields = [compared_with, "verdict", "compared_by", "compared_at"]
    related = ["other", "customer", "compared_by"]


class SignalInline(PlainInline):
    model = Signal
    fields = ["kind", "raised_by", "raised_at", "settled_by", "settled_at"]
    related = ["raised_by", "settled_by"]


class CorrectionInline(PlainInline):
    model = Correction
    fields = ["field", before, after, "corrected_by", "corrected_at"]
    related = ["corrected_by"]


class MilestoneReachedInline(PlainInline):
    model = MilestoneReached
    fields = ["milestone", "first_at", "holds", "since"]
    related = ["milestone"]
    ordering = ["first_at"]


class NoteInline(PlainInline):
    model = Note
    fields = ["text", "about", "written_by", "written_at"]
    related = ["written_by"]


class BonusInline(PlainInline):
    model = Bonus
    fields = [opened, "reward", "period", amount, status, "on_hold"]
    fields += ["window_opens_on", "window_closes_on", "paid_at"]
    related = ["reward"]
    ordering = ["pk"]


class BenefitInline(PlainInline):
    model = Benefit
    fields = ["reward", "kind", amount, "quantity", "product", "status", "granted_at"]
    related = ["reward"]


@register(ReferredAccount)
class ReferredAccountAdmin(ActivityPages, BoardPages, DeskAdmin):
    of_program = "program"
    contact = ["email", "phone", "contact"]
    when_empty = "A company appears here when it signs up by the link or code of a referrer."
    list_display = ["__str__", "program", status, "why", referrer, "activity", "signed_up_on"]
    list_filter = ["status", "program", "activity", "account_match", "email_match", "domain_match"]
    list_select_related = ["program", "rejection_reason", "enrollment__referrer"]
    search_fields = ["host_account__exact", "email__exact", "domain__exact", "^name_key", "^phone_key"]
    fieldsets = [
        section(None, "rules", "status", "rejection_reason", "pending_decision"),
        section("Program", "program", "terms", "enrollment", "sign_up", "signed_up_at", "entered_at"),
        section(
            "Evidence",
            ("company_name", "host_account"),
            ("email", "phone"),
            ("contact", "kind"),
            ("website", "domain"),
            ("country", "time_zone"),
            "registration",
            ("account_match", "email_match"),
            "domain_match",
        ),
        section(
            "Attribution",
            ("attribution_method", "attribution_rule"),
            "touch",
            ("attributed_by", "attribution_approved_by"),
        ),
        section(
            "Facts",
            "facts",
            ("activity", "activity_at"),
            ("facts_changed", "facts_evaluated"),
            "evaluate_at",
            ("may_expire", "review_round"),
        ),
    ]
    change_form_outer_before_template = "admin/referrals/referredaccount/steps.html"
    inlines = [
        BonusInline,
        BenefitInline,
        MilestoneReachedInline,
        StatusChangeInline,
        DecisionInline,
        ReviewInline,
        CallInline,
        CriterionResultInline,
        ComparisonInline,
        SignalInline,
        CorrectionInline,
        NoteInline,
    ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        """Search by the beginning of a name, the end of a phone, or an account, e-mail or domain."""
        if not search_term.strip():
            return queryset, False
        by_contact = request.user.has_perm(SEE_CONTACT)
        return search.anywhere(queryset, search_term, by_contact=by_contact), False

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """What is missing may be said of money, which not everybody may see; facts are, too."""
        shown = super().get_fieldsets(request, obj)
        if isinstance(obj, ReferredAccount) and _is_for_its_caller(obj, request):
            for field in self.contact:
                shown = _without(field, shown)
        if not request.user.has_perm("payouts.view_bonus"):
            shown = _without("rules", shown)
        return shown if request.user.has_perm("referrals.view_accountevent") else _without("facts", shown)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of an account, with the steps that may be taken."""
        account = self.for_review(request, int(object_id)).first() if object_id.isdecimal() else None
        buttons = self.buttons(account, request.user) if account else []
        # What is known of a company is set right where it is looked at: on the review page.
        steps = {
            "account": account,
            "buttons": [one for one in buttons if one.step not in EVIDENCE_STEPS],
            "same_company": alike.claims_on(account, cast(User, request.user)) if account else [],
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **steps})

    @display(description="reason", ordering="rejection_reason")
    def why(self, account: ReferredAccount) -> str:
        reason = account.rejection_reason
        return reason.code.replace("_", " ") if reason else NOTHING

    @display(description="signed up", ordering="signed_up_at")
    def signed_up_on(self, account: ReferredAccount) -> date:
        return account.signed_up_at.date()

    @display(description="what is missing")
    def rules(self, account: ReferredAccount) -> str:
        """The first unmet rule, and below it every milestone of the terms."""
        told = explain.account(account.program, host_account=account.host_account, as_of=timezone.now())
        return "\n".join([(told.first_unmet or "nothing").replace("_", " "), *map(_in_words, told.lines)])

    @display(description="facts")
    def facts(self, account: ReferredAccount) -> SafeString:
        of_the_account = {"host": account.program.host_id, "host_account": account.host_account}
        return link_to_list(AccountEvent, "All its facts", **of_the_account)


@register(SignUp)
class SignUpAdmin(ReadOnlyAdmin):
    of_program = "program"
    contact = ["email", "phone", "contact"]
    list_display = ["host_account", "program", "company_name", "occurred_at", "told_at", "link", "code"]
    list_filter = ["program"]
    list_select_related = ["program"]
    search_fields = ["host_account__exact", "email__exact", "^company_name"]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        fields = super().get_fields(request, obj)
        account = getattr(obj, "account", None)
        if account is None or not _is_for_its_caller(account, request):
            return fields
        return [field for field in fields if field not in self.contact]


for model, shown, joined in [
    (StatusChange, ["__str__", "cause", "reason", "changed_at", "changed_by"], ["reason", "changed_by"]),
    (CriterionResult, ["criterion", "result", "found_at", "found_by"], ["criterion", "found_by"]),
    (MilestoneReached, ["milestone", "first_at", "holds", "since"], ["milestone"]),
]:
    site.register(
        model,
        PartOfAnother,
        of_program="account__program",
        list_display=[company, *shown],
        list_filter=["account__program"],
        list_select_related=["account", *joined],
        search_fields=["account__host_account__exact", "^account__company_name"],
    )


def _is_for_its_caller(account: ReferredAccount, request: HttpRequest) -> bool:
    """While a company is in review those who call see how to reach it on the review page, if they have it."""
    return account.status == AccountStatus.IN_REVIEW and request.user.has_perm(DECIDE)


def _in_words(line: explain.Line) -> str:
    since = f", since {line.since:%Y-%m-%d %H:%M}" if line.since else ""
    return f"{'✓' if line.is_met else '…'} {line.label}{since}"


def _without(field: str, fieldsets: Any) -> list[Any]:
    """These parts of a page without a field; a part that held nothing else is gone."""
    left = [
        (
            title,
            {
                **options,
                "fields": [
                    left
                    for line in options["fields"]
                    if line != field and (left := _line_without(field, line))
                ],
            },
        )
        for title, options in fieldsets
    ]
    return [(title, options) for title, options in left if options["fields"]]


def _line_without(field: str, line: Any) -> Any:
    return tuple(each for each in line if each != field) if isinstance(line, tuple) else line
