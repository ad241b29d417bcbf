"""Payouts on their way: what is unknown first, and what a person can say or do about each."""

from datetime import datetime
from functools import partial
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString

from payouts.admin.payments import order as order_page
from payouts.admin.payments.asking import ask
from payouts.admin.payments.made_up import ArrivalInline, SetOffInline
from payouts.admin.payments.roles import APPROVE, PREPARE
from payouts.models import (
    Arrival,
    Bonus,
    Destination,
    PaymentLine,
    PaymentOrder,
    PaymentReportLine,
    Payout,
    PayoutChange,
    SetOff,
)
from payouts.payments import arrivals, doubts, reissues, reports, set_offs
from payouts.rails import BY_NETWORK
from payouts.rules.lifecycle import (
    REPORTED,
    REPORTED_FROM,
    FileStatus,
    OrderStatus,
    PayoutStatus,
    Result,
    Verdict,
)
from payouts.rules.ways import WAYS, Way
from referrals.admin.base import (
    PartOfAnother,
    PlainInline,
    ReadOnlyAdmin,
    display,
    link_to,
    link_to_list,
    register,
)
from referrals.admin.columns import (
    AMOUNT_COLUMNS,
    NOTHING,
    amount,
    became,
    chip_of,
    grouped,
    person_at,
    referrer,
    status,
)
from referrals.admin.steps import ReasonForm, Step, StepAdmin
from referrals.names import of_person
from referrals.rules.words import RewardKind

ABOUT = ("payout_was_sent", "payout_was_not_sent", "payment_arrived", "reissue_payout", "payout_came_back")
MAY_HAVE_ARRIVED = (*arrivals.PAYS, *arrivals.PAID, PayoutStatus.REISSUED)
MOST_UNKNOWN = 20
verdict = chip_of("verdict", label="verdict")


class DetailForm(forms.Form):
    """What the bank says, as it says it."""

    detail = forms.CharField(
        max_length=200,
        label="What it says",
        help_text="The bank's own words or code, and where they can be looked up.",
        widget=forms.TextInput(attrs={"class": "staff-input"}),
    )


class PaymentChoice(forms.ModelChoiceField):
    def label_from_instance(self, line: Any) -> str:
        return _payment(line)


class ArrivedForm(ReasonForm):
    """Which payment arrived, and how that is known."""

    line = PaymentChoice(
        PaymentLine.objects.none(),
        label="Which payment",
        widget=forms.Select(attrs={"class": "staff-input"}),
    )
    field_order = ["line", "reason"]

    def look_at(self, payout: Payout) -> None:
        """Offer the payments that were given up."""
        cast(forms.ModelChoiceField, self.fields["line"]).queryset = arrivals.given_up(payout)


class PayoutChangeInline(PlainInline):
    model = PayoutChange
    fields = ["changed_at", became, person_at("changed_by"), person_at("approved_by")]
    related = ["changed_by", "approved_by"]


class LineInline(PlainInline):
    model = PaymentLine
    fields = ["reference", "file", "destination", "is_void"]
    related = ["file", "destination"]


class ReportLineInline(PlainInline):
    model = PaymentReportLine
    fields = ["report", "result", "detail", verdict, "because"]
    related = ["report"]


def _tell(payout: Payout, by: User, at: datetime, told: dict[str, Any], *, result: Result) -> str:
    reports.tell(payout, result=result, detail=told["detail"], by=by, at=at)
    return f"{payout} is {REPORTED[result].label.lower()}."


def _can_become(payout: Any, *, result: Result) -> bool:
    if payout.status not in REPORTED_FROM[result] or payout.status == PayoutStatus.SENDING:
        return False
    # What goes over the network is told by those who were called.
    return not payout.in_doubt and not payout.has_orders


def _arrived_by_network(payout: Payout) -> bool:
    order = order_page.order_of(payout)
    if order is None or order.destination_id is None:
        return False
    return payout.status == PayoutStatus.CONFIRMED and order.status == OrderStatus.CONFIRMED


def _in_a_file_of_several(payout: Payout, user: User) -> str | None:
    if doubts.is_one_of_several(payout):
        return "A file is taken as a whole: say it on the page of the file."
    return None


def _is_unknown(payout: Payout) -> bool:
    return payout.status == PayoutStatus.UNKNOWN


def _propose(
    payout: Payout, by: User, at: datetime, told: dict[str, Any], *, action: str, **more: str
) -> str:
    return ask(payout, actions=ABOUT, action=action, reason=told["reason"], by=by, at=at, **more)


def _payment(line: PaymentLine) -> str:
    return f"{line.reference} in {line.file}"


def _may_have_arrived(payout: Any) -> bool:
    was_in_a_file = payout.has_lines or payout.attempt > 1
    return was_in_a_file and payout.status in MAY_HAVE_ARRIVED and arrivals.given_up(payout).exists()


def _something_comes_first(payout: Payout, user: User) -> str | None:
    return arrivals.what_comes_first(payout) or None


def _arrived(payout: Payout, by: User, at: datetime, told: dict[str, Any]) -> str:
    line: PaymentLine = told["line"]
    more = {"line": str(line.pk), "payment": _payment(line)}
    return ask(payout, actions=ABOUT, action="payment_arrived", reason=told["reason"], by=by, at=at, **more)


def _reissue(payout: Payout, by: User, at: datetime, told: dict[str, Any]) -> str:
    mine = Payout.objects.filter(pk=payout.pk)
    if reissues.takes_two(mine):
        return _propose(payout, by, at, told, action="reissue_payout", payments=reissues.summary(mine))
    reissues.reissue(mine, by=by, at=at)
    return f"{payout} is followed by another attempt, which waits for the next payment file."


STEPS = [
    *order_page.STEPS,
    Step(
        "was-sent",
        verb="It was sent",
        explains="Once another person confirms, it counts as sent, and waits for the bank's word.",
        permissions=[PREPARE, APPROVE],
        take=partial(_propose, action="payout_was_sent"),
        is_offered=_is_unknown,
        form=ReasonForm,
    ),
    Step(
        "was-not-sent",
        verb="It was not sent",
        explains="Once another person confirms, it counts as failed, and can be reissued.",
        permissions=[PREPARE, APPROVE],
        take=partial(_propose, action="payout_was_not_sent"),
        is_offered=_is_unknown,
        why_not=_in_a_file_of_several,
        form=ReasonForm,
    ),
    *(
        Step(
            result.value.lower(),
            verb=f"The bank says: {result.label.lower()}",
            explains=explains,
            permissions=[PREPARE],
            take=partial(_tell, result=result),
            is_offered=partial(_can_become, result=result),
            form=DetailForm,
        )
        for result, explains in [
            (Result.CONFIRMED, "The money has arrived: it leaves the books' clearing for the bank."),
            (Result.FAILED, "The bank did not carry it out; it can be reissued."),
            (Result.RETURNED, "It came back; if it was confirmed before, that is booked back."),
        ]
    ),
    Step(
        "came-back",
        verb="It came back",
        explains="They said that it arrived, and their account shows that it came back: from then on nobody"
        " asks them any more. Once another person confirms, it is booked back, and can be reissued.",
        permissions=[PREPARE, APPROVE],
        take=partial(_propose, action="payout_came_back"),
        is_offered=_arrived_by_network,
        form=ReasonForm,
    ),
    Step(
        "arrived",
        verb="An earlier payment of it arrived",
        explains="Its file was voided, or another attempt followed, and the money left all the same. Once"
        " another person confirms, the payout is paid by it and is not paid again; if it was paid meanwhile,"
        " the referrer owes the second payment, and later payouts make up for it.",
        permissions=[PREPARE, APPROVE],
        take=_arrived,
        is_offered=_may_have_arrived,
        why_not=_something_comes_first,
        form=ArrivedForm,
        is_apart=True,
        asks_again=True,
    ),
    Step(
        "reissue",
        verb="Reissue",
        explains="A payout with the same amount follows it, and waits for the next payment file. Look at the"
        " destination first: what is wrong with it is wrong the next time, too. Where the program asks for"
        " two people, or the sum does, another person confirms it.",
        permissions=[PREPARE],
        take=_reissue,
        is_offered=lambda payout: payout.status in reissues.CAN_BE_REISSUED,
        form=ReasonForm,
        is_next=True,
    ),
]


def _any(model: type[Model], **more: object) -> Exists:
    """There are such rows of a payout."""
    return Exists(model._default_manager.filter(payout=OuterRef("pk"), **more).order_by())


OF_PAGE = {
    "has_lines": _any(PaymentLine),
    "has_orders": _any(PaymentOrder),
    "has_reports": _any(PaymentReportLine),
    "has_set_offs": _any(SetOff),
    "has_arrivals": _any(Arrival),
    "in_doubt": _any(PaymentLine, is_void=False, file__status=FileStatus.IN_DOUBT),
    # From an earlier attempt, too.
    "was_kept": Exists(
        SetOff.objects.filter(payout__batch=OuterRef("batch"), enrollment=OuterRef("enrollment")).order_by()
    ),
    "by_network": Exists(
        Destination.objects.live().filter(enrollment=OuterRef("enrollment"), method__in=BY_NETWORK).order_by()
    ),
}
"""What the page of a payout asks of it, with the payout itself: most payouts have few of these rows."""
JOINED = ["enrollment__referrer", "enrollment__program", "batch__program", "withdrawal"]
SHOWN_IF = {
    SetOffInline: "has_set_offs",
    LineInline: "has_lines",
    order_page.OrderInline: "has_orders",
    ReportLineInline: "has_reports",
    ArrivalInline: "has_arrivals",
}


@register(Payout)
class PayoutAdmin(StepAdmin, ReadOnlyAdmin):
    of_program = "enrollment__program"
    steps = STEPS
    list_before_template = "admin/payouts/payment/unknown.html"
    change_form_outer_before_template = "admin/payouts/payment/steps.html"
    when_empty = "A payout appears when cash bonuses are released, or when a referrer withdraws."
    list_display = ["id", referrer, "cause", amount, "way", status, "attempt", "created_at"]
    list_filter = ["status", "enrollment__program"]
    list_select_related = ["enrollment__referrer", "batch__program", "withdrawal"]
    search_fields = ["enrollment__referrer__host_account__exact", "^enrollment__referrer__name"]
    exclude = AMOUNT_COLUMNS
    readonly_fields = [amount, "before", "way", "bonuses"]
    inlines = [
        *(SetOffInline, LineInline, order_page.OrderInline),
        *(ReportLineInline, ArrivalInline, PayoutChangeInline),
    ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        unknown: list[Payout] = []
        if self.has_view_permission(request):
            rows = self.get_queryset(request).filter(status=PayoutStatus.UNKNOWN).order_by("pk")
            joined = rows.select_related("enrollment__program", "enrollment__referrer")
            unknown = list(joined[: MOST_UNKNOWN + 1])
        named = unknown[:MOST_UNKNOWN]
        shown = {
            "unknown": [(link_to(payout), payout.enrollment, amount(payout)) for payout in named],
            "all_unknown": link_to_list(Payout, "All of them", status__exact=PayoutStatus.UNKNOWN)
            if unknown[MOST_UNKNOWN:]
            else "",
        }
        return super().changelist_view(request, {**shown, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of a payout, with what can be said or done about it."""
        payout = self.row_of_page(request, object_id, self.whole(request))
        shown = {"buttons": payout and self.buttons(payout, request.user), "says": payout and _says(payout)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def whole(self, request: HttpRequest) -> QuerySet[Payout]:
        """Payouts with all that a page or a step asks of one."""
        return self.get_queryset(request).select_related(*JOINED).annotate(**OF_PAGE)

    def load(self, request: HttpRequest, pk: int) -> Any:
        return get_object_or_404(self.whole(request), pk=pk)

    def get_inline_instances(self, request: HttpRequest, obj: Any = None) -> Any:
        """Nothing stands there of what a payout does not have."""
        every = super().get_inline_instances(request, obj)
        return [each for each in every if getattr(obj, SHOWN_IF.get(type(each), ""), True)]

    @display(description="of", ordering="batch")
    def cause(self, payout: Payout) -> str:
        return f"{payout.batch}" if payout.batch_id else f"{payout.withdrawal}".capitalize()

    @display(description="paid as")
    def way(self, payout: Payout) -> str:
        return _way(payout).label

    @display(description="before what was kept")
    def before(self, payout: Any) -> str:
        """Its amount and what was kept from it, so that it adds up with its bonuses."""
        if not payout.was_kept:
            return NOTHING
        kept = set_offs.kept_from(payout)
        gross, less = (
            f"{payout.currency} {grouped(minor, payout.currency)}"
            for minor in (payout.amount_minor + kept, kept)
        )
        return f"{gross}, of which {less} is kept for what the referrer owed"

    @display(description="bonuses")
    def bonuses(self, payout: Payout) -> SafeString | str:
        return link_to_list(Bonus, "All its bonuses", payout=payout.pk) if payout.batch_id else NOTHING


SENTENCES = {
    PayoutStatus.PREPARED: "It waits for a payment file. Finance makes one on the page of payment files.",
    PayoutStatus.CREDITED: "It was credited to the referrer's balance: nothing is to be sent.",
    PayoutStatus.SENDING: "It is in a payment file that nobody has said to be uploaded.",
    PayoutStatus.SENT: "It was sent. What the bank says of it is read in as a report, or told here.",
    PayoutStatus.CONFIRMED: "It has arrived.",
    PayoutStatus.UNKNOWN: "Nobody knows whether it was sent. Ask the bank; read its report in, or let two"
    " people say what it was. It is never simply tried again.",
    PayoutStatus.FAILED: "The bank did not carry it out. Put the destination right, then reissue it.",
    PayoutStatus.RETURNED: "It came back. Put the destination right, then reissue it.",
    PayoutStatus.REISSUED: "Another attempt follows it.",
    PayoutStatus.CANCELLED: "Nothing is to be sent: all of it made up for what the referrer owed.",
}
"""How a payout stands, and who does what next."""


def _way(payout: Payout) -> Way:
    """What is withdrawn is cash from then on; what a batch pays is what its bonuses are."""
    return WAYS[RewardKind(payout.batch.kind) if payout.batch else RewardKind.CASH]


def _says(payout: Any) -> str:
    """How a payout stands; where one person alone said that it can be tried again, that too."""
    order = order_page.order_of(payout)
    if order is not None and payout.status in order_page.ON_THE_WAY:
        return order_page.says(order)
    if payout.status == PayoutStatus.PREPARED and payout.by_network:
        return "It is sent over the network by itself, once its batch is paid and nothing keeps it back."
    sentence = SENTENCES[PayoutStatus(payout.status)]
    if payout.status == PayoutStatus.CREDITED:
        return f"{_way(payout).label}: {_way(payout).rule} Nothing is to be sent."
    if payout.status not in reissues.CAN_BE_REISSUED:
        return sentence
    said = payout.report_lines.filter(verdict=Verdict.DONE).select_related("report__read_by").last()
    if said is None or said.report.name != reports.BY_HAND:
        return sentence
    return f"{sentence} {of_person(said.report.read_by)} alone said so: no report of the bank was read in."


@register(PayoutChange)
class PayoutChangeAdmin(PartOfAnother):
    of_program = "payout__enrollment__program"
    list_display = ["__str__", "payout", "changed_at", person_at("changed_by"), person_at("approved_by")]
    list_filter = ["new_status"]
    list_select_related = ["payout", "changed_by", "approved_by"]
