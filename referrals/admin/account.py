"""Sign-ups and referred accounts: where each stands, why, and what it has brought."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from django.contrib.admin.utils import display_for_field, flatten, label_for_field, lookup_field
from django.contrib.auth.models import User
from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from payouts import explain_many
from payouts.explain import Headline
from payouts.models import Bonus
from payouts.rules.schedule_words import in_days
from referrals import likeness, reviews, search
from referrals.admin.base import (
    SEE_CONTACT,
    Admin,
    PartOfAnother,
    ReadOnlyAdmin,
    display,
    link_to_list,
    register,
    section,
    site,
)
from referrals.admin.columns import NOTHING, amount, company, grouped, referrer, status
from referrals.admin.desk import alike, past
from referrals.admin.desk.activity import ActivityPages
from referrals.admin.desk.board import BoardPages
from referrals.admin.desk.claims import DECIDE, review_of, with_review
from referrals.admin.desk.evidence_steps import EVIDENCE_STEPS, with_open_signals
from referrals.admin.desk.past import SEE_MONEY
from referrals.admin.desk.review_page import DeskAdmin
from referrals.admin.why import WhyPage
from referrals.models import (
    AccountEvent,
    CriterionResult,
    Decision,
    MilestoneReached,
    ReferredAccount,
    SignUp,
    StatusChange,
)
from referrals.rules.lifecycle import AccountStatus

SHORT = "M j, Y, H:i"

JOINED = ["program__host", "terms__calling", "enrollment__referrer"]
"""What the page of an account speaks of beside it."""
LOOKED_UP: list[Any] = [
    *("terms__criteria", "attributed_by", "attribution_approved_by", "rejection_reason"),
    Prefetch("pending_decision", Decision.objects.select_related("decided_by", "reason")),
]
"""The same, but not in one query: with twenty tables PostgreSQL planned longer than it read."""


@dataclass(frozen=True, slots=True)
class BonusLine:
    """A bonus of an account, and why it is not paid yet."""

    bonus: Bonus
    amount: str
    why: str
    window: str


@register(ReferredAccount)
class ReferredAccountAdmin(WhyPage, ActivityPages, BoardPages, DeskAdmin):
    of_program = "program"
    contact = ["email", "phone", "contact"]
    when_empty = "A company appears here when it signs up by the link or code of a referrer."
    list_display = ["__str__", "program", status, "why", referrer, "activity", "signed_up_on"]
    list_filter = ["status", "program", "activity", "account_match", "email_match", "domain_match"]
    list_select_related = ["program", "rejection_reason", "enrollment__referrer"]
    search_fields = ["host_account__exact", "email__exact", "domain__exact", "^name_key", "^phone_key"]
    fieldsets = [
        section(None, "status", "rejection_reason", "pending_decision"),
        section("Program", "program", "terms", "enrollment", "sign_up_told", "signed_up_at", "entered_at"),
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
            "opened",
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

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        """Search by the beginning of a name, the end of a phone, or an account, e-mail or domain."""
        if not search_term.strip():
            return queryset, False
        by_contact = request.user.has_perm(SEE_CONTACT)
        return search.anywhere(queryset, search_term, by_contact=by_contact), False

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """How somebody is reached, and facts, which may be of money: not everybody sees them."""
        shown = super().get_fieldsets(request, obj)
        if isinstance(obj, ReferredAccount) and _is_for_its_caller(obj, request):
            for field in self.contact:
                shown = _without(field, shown)
        return shown if request.user.has_perm("referrals.view_accountevent") else _without("facts", shown)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of an account: how it stands, what may be done, and all that happened."""
        if request.method == "POST" or not object_id.isdecimal() or not self.has_view_permission(request):
            return super().change_view(request, object_id, form_url, extra_context)
        account = self._with_all_around(request, int(object_id)).first()
        if account is None:
            return super().change_view(request, object_id, form_url, extra_context)
        account.terms.program = account.enrollment.program = account.program
        return self._account_page(request, account, timezone.now())

    def _with_all_around(self, request: HttpRequest, pk: int) -> QuerySet[ReferredAccount]:
        """An account, as a set, with all that its page and its buttons speak of."""
        rows = with_open_signals(with_review(self.get_queryset(request).filter(pk=pk)))
        if request.user.has_perm(SEE_MONEY):
            rows = explain_many.with_what_is_missing(rows)
        return likeness.with_origin(rows).select_related(*JOINED).prefetch_related(*LOOKED_UP)

    def _account_page(
        self, request: HttpRequest, account: ReferredAccount, now: datetime
    ) -> TemplateResponse:
        user = cast(User, request.user)
        known = past.whole(account, seen_by=user)
        found = likeness.look_alikes(account, compared=known.compared, seen_by=user)
        review = review_of(account)
        is_held = review is not None and reviews.is_held(review, at=now)
        buttons = [
            button
            for button in self.buttons(account, user)
            # What is known of a company is set right where it is looked at: on the review page.
            if button.step not in EVIDENCE_STEPS and not (is_held and button.step.is_next)
        ]
        shown = {
            "title": str(account),
            "account": account,
            "review": review,
            "is_held": is_held,
            "buttons": buttons,
            "has_next": any(button.step.is_next for button in buttons),
            "same_company": alike.claim_lines(
                account, likeness.claims(account, found, compared=known.compared)
            ),
            "may_decide": user.has_perm(DECIDE),
            "sees_money": user.has_perm(SEE_MONEY),
            "past": known,
            "benefits": [(row, amount_of_benefit(row)) for row in known.benefits],
            "details": self._details(request, account),
        }
        if user.has_perm(SEE_MONEY):
            shown["missing"], shown["bonuses"] = _money(account, as_of=now)
        page = "admin/referrals/referredaccount/account.html"
        return TemplateResponse(request, page, self.context(request, **shown))

    def _details(
        self, request: HttpRequest, account: ReferredAccount
    ) -> list[tuple[str, list[tuple[str, Any]]]]:
        """The titled parts of the page with their labels and values; what is empty says nothing."""
        parts = []
        for title, options in self.get_fieldsets(request, account):
            lines = [
                (str(label_for_field(name, ReferredAccount, self)), value)
                for name in flatten(options["fields"])
                if (value := self._value(request, account, name)) not in ("", None)
            ]
            if title and lines:
                parts.append((title, lines))
        return parts

    def _value(self, request: HttpRequest, account: ReferredAccount, name: str) -> Any:
        """A field of an account, as its page shows it."""
        field, _, value = lookup_field(name, account, self)
        other = self.admin_site._registry.get(type(value))
        if isinstance(value, Model):
            may_open = isinstance(other, Admin) and other.has_view_permission(request)
            # A sign-up is called by its instant; that stands beside it.
            text = "What was told" if isinstance(value, SignUp) else str(value)
            return format_html('<a href="{}">{}</a>', page_of(value), text) if may_open else text
        if isinstance(value, datetime):
            return date_format(value, SHORT)
        if field is None or value in ("", None):
            return value
        if isinstance(value, bool):
            return "yes" if value else "no"
        return display_for_field(value, field, "")

    @display(description="reason", ordering="rejection_reason")
    def why(self, account: ReferredAccount) -> str:
        reason = account.rejection_reason
        return reason.code.replace("_", " ") if reason else NOTHING

    @display(description="signed up", ordering="signed_up_at")
    def signed_up_on(self, account: ReferredAccount) -> date:
        return account.signed_up_at.date()

    @display(description="sign-up")
    def sign_up_told(self, account: ReferredAccount) -> SignUp:
        # A link names its number and nothing else of it.
        return SignUp(pk=account.sign_up_id)

    @display(description="link opened")
    def opened(self, account: ReferredAccount) -> str:
        return alike.opened(account)

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
        # What was told again is about the same company.
        account = getattr(obj, "account", None) or getattr(getattr(obj, "repeats", None), "account", None)
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


def page_of(row: Model) -> str:
    """The address of a row's own page."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def amount_of_benefit(row: past.Row) -> str:
    """How much a benefit of the past is, in words."""
    if row.more:
        return f"{row.more} {grouped(row.number, row.more)}"
    return f"{row.number} month{'' if row.number == 1 else 's'} free"


def _money(account: ReferredAccount, *, as_of: datetime) -> tuple[Headline, list[BonusLine]]:
    """What is missing, and who acts next; and the bonuses, each with why it is not paid yet."""
    told, bonuses = explain_many.all_bonuses(account, as_of=as_of)
    lines = [
        BonusLine(
            bonus, amount(bonus), headed.sentence, in_days(bonus.window_opens_on, bonus.window_closes_on)
        )
        for bonus, headed in bonuses.items()
    ]
    return told.headline, lines


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
