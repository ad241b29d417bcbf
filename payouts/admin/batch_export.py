"""A batch as a file for a spreadsheet: what is paid to whom, by which rule and in which window."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, cast

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.translation import ngettext

from payouts.models import Bonus
from referrals import exports
from referrals.admin.steps import StepAdmin

HEADINGS = [
    "Batch",
    "Program",
    "Referrer",
    "Host id",
    "Amount",
    "Currency",
    "Bonuses",
    "Reward",
    "Rule",
    "Window opens",
    "Window closes",
]
CHUNK = 2_000


class BatchExport(StepAdmin):
    """Batches that can be taken away as CSV or XLSX."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_view)
        name = self.address_name("export")
        return [path("<int:pk>/export/", view, name=name), *super().get_urls()]

    def export_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """What the batch pays, or would pay now, as a file; who took it stands in the log."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET"])
        batch = self.load(request, pk)
        wanted = request.GET.get("format", "csv")
        if wanted not in exports.TABLES:
            raise Http404
        count = batch.sums.total.bonuses
        bonuses = ngettext("%(count)s bonus", "%(count)s bonuses", count) % {"count": count}
        told = f"{bonuses}, as {exports.TABLES[wanted]}"
        exports.log(cast(User, request.user), of=str(batch), told=told, row=batch)
        return exports.as_table(wanted, f"batch-{batch.pk}", HEADINGS, rows(batch))


def rows(batch: Any) -> Iterator[list[object]]:
    """One row for what a referrer gets by one rule in one window: together the sum of the batch."""
    paid = Bonus.objects.filter(batch.sums.paying, batch=batch).select_related(
        "reward", "enrollment__referrer"
    )
    in_order = paid.order_by("enrollment_id", "reward_id", "window_opens_on", "window_closes_on", "pk")
    for (_, _, opens, closes), group in groupby(in_order.iterator(CHUNK), key=_what_for):
        bonuses = list(group)
        referrer, reward = bonuses[0].enrollment.referrer, bonuses[0].reward
        total = exports.decimal(sum(bonus.amount_minor for bonus in bonuses), batch.currency)
        yield [
            batch.pk,
            batch.program.slug,
            referrer.name,
            referrer.host_account,
            total,
            batch.currency,
            _numbers(bonuses),
            reward.code,
            reward.quote,
            opens,
            closes,
        ]


def _what_for(bonus: Bonus) -> tuple[Any, ...]:
    return bonus.enrollment_id, bonus.reward_id, bonus.window_opens_on, bonus.window_closes_on


def _numbers(bonuses: Iterable[Bonus]) -> str:
    return " ".join(str(bonus.pk) for bonus in bonuses)
