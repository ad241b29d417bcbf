"""
The one module that knows the theme: every other module of the admin builds on what is here.

Facts, money, statuses and published terms are read-only for everybody, superusers too: what changes them is
a decision, never a form.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, cast

from django.contrib.admin import EmptyFieldListFilter as EmptyFieldListFilter
from django.contrib.admin import FieldListFilter, RelatedFieldListFilter
from django.contrib.admin import SimpleListFilter as SimpleListFilter
from django.contrib.admin import display as display
from django.contrib.admin import register as register
from django.contrib.admin import site as site
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.auth.models import User
from django.core.exceptions import FieldDoesNotExist
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.admin import TabularInline as TabularInline
from unfold.forms import AdminPasswordChangeForm as AdminPasswordChangeForm
from unfold.forms import UserChangeForm as UserChangeForm
from unfold.forms import UserCreationForm as UserCreationForm
from unfold.views import ChangeList

from referrals import scopes
from referrals.filters import SEE_CONTACT as SEE_CONTACT
from referrals.models import Host, Program
from referrals.names import of_person

ROW_OF_PAGE = "_row_of_this_page"
MOST_COUNTED = 100_000
"""Longer lists are searched and filtered, not turned to their end."""

ThemedAdmin = ModelAdmin
"""What is not ours is dressed, and stays as it is."""


class Rows(ChangeList):
    """The rows of a list; of all of them nobody needs to be shown all."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        try:
            super().get_results(request)
        except OverflowError as too_much:
            # A number in the address that no row can have: SQLite cannot even be asked for it.
            raise IncorrectLookupParameters from too_much
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count
        self.is_capped = self.result_count > MOST_COUNTED
        if self.multi_page and not self.show_all:
            # Skipped are numbers from an index, not rows with all that a line shows.
            end = self.page_num * self.list_per_page
            shown = self.queryset.values("pk")[end - self.list_per_page : end]
            self.result_list = self.queryset.filter(pk__in=shown)


class Counted(Paginator):
    """Pages of a list that is counted as far as somebody may want to turn the pages."""

    @cached_property
    def count(self) -> int:
        """All rows, but no more than one more than so many."""
        rows = cast("QuerySet", self.object_list)
        return rows.order_by()[: MOST_COUNTED + 1].count()


class NamesOfScope(RelatedFieldListFilter):
    """A filter by program or host: it names those of the person who looks, and no others."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        programs = scopes.programs_of(request.user)
        mine: Any = Q()
        if programs is not None:
            of_host = scopes.of_hosts(programs, "pk")
            mine = Q(pk__in=programs) if field.related_model is Program else of_host
        ordering = self.field_admin_ordering(field, request, model_admin)
        return field.get_choices(include_blank=False, ordering=ordering, limit_choices_to=mine)


FieldListFilter.register(
    lambda field: bool(field.remote_field) and field.related_model in {Program, Host},
    NamesOfScope,
    take_priority=True,
)


class Admin(ModelAdmin):
    """Rows that an installation sets."""

    list_per_page = 50
    paginator = Counted
    show_full_result_count = False
    ordering = ["-pk"]
    when_empty = "Rows appear here when something of this kind happens."
    """Why the list may be empty."""
    fixed: Sequence[str] = ()
    """Fields that are given once, when the row is made."""
    contact: Sequence[str] = ()
    """Fields by which a person is reached: neither shown nor searched without the permission."""
    of_program: str | None = None
    """Where from a row its program is found, such as ``account__program``; the row's own number is ``pk``."""

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """The rows of the programs of whoever asks: every list, page, step and search begins here."""
        return self.in_scope(super().get_queryset(request), request)

    def in_scope(self, rows: QuerySet, request: HttpRequest) -> QuerySet:
        """Of these rows, those of the programs of whoever asks."""
        programs = scopes.programs_of(request.user)
        return rows if programs is None else rows.filter(self.of_programs(programs))

    def of_programs(self, programs: scopes.Programs) -> Q:
        """What holds for the rows of these programs; by default, what ``of_program`` says."""
        return Q(**{f"{self.of_program}__in": programs}) if self.of_program else Q()

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField | None:
        """Nothing is written about what its writer does not see."""
        other = self.admin_site._registry.get(db_field.related_model)
        if isinstance(other, Admin) and scopes.programs_of(request.user) is not None:
            kwargs.setdefault("queryset", other.get_queryset(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return Rows

    def row_of_page(self, request: HttpRequest, object_id: str, rows: QuerySet | None = None) -> Any:
        """
        The row of a page, read once: what stands above it and the stock part speak of the same.

        :param rows: the rows of whoever asks, with what the page needs of them; ``None``: as they are
        """
        found = self.get_queryset(request) if rows is None else rows
        row = found.filter(pk=object_id).first() if object_id.isdecimal() else None
        setattr(request, ROW_OF_PAGE, row)
        return row

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = getattr(request, ROW_OF_PAGE, None)
        if isinstance(row, self.model) and str(row.pk) == object_id and from_field is None:
            return row
        return super().get_object(request, object_id, from_field)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Fields in the order of the model, whether they can be changed or not."""
        order = [field.name for field in self.opts.fields]
        fields = self._may_see(request, super().get_fields(request, obj))
        return sorted(fields, key=lambda field: order.index(field) if field in order else len(order))

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return [
            (title, {**options, "fields": self._may_see(request, options["fields"])})
            for title, options in super().get_fieldsets(request, obj)
        ]

    def get_list_display(self, request: HttpRequest) -> Any:
        return self._may_see(request, super().get_list_display(request))

    def get_search_fields(self, request: HttpRequest) -> Any:
        searched = super().get_search_fields(request)
        seen = self._may_see(request, [field.lstrip("^").partition("__")[0] for field in searched])
        return [field for field in searched if field.lstrip("^").partition("__")[0] in seen]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """
        A list is asked for what its pages show, and nothing else: its length would tell the rest.

        How somebody is reached is asked of no list, whoever asks: it is shown of one company at a time.
        """
        if self._asks_for_contact(lookup):
            return False
        field = lookup.partition("__")[0]
        fields = flatten_fieldsets(self.get_fieldsets(request))
        shown = {*(getattr(each, "of_field", each) for each in fields), "pk", self.opts.pk.name}
        by_filters = {each[0] if isinstance(each, tuple) else each for each in self.get_list_filter(request)}
        of_its_own = field in {each.name for each in self.opts.concrete_fields}
        if of_its_own and field not in shown and lookup not in by_filters:
            return False
        return super().lookup_allowed(lookup, value, request)

    def _asks_for_contact(self, lookup: str) -> bool:
        model: Any = self.model
        for part in lookup.split("__"):
            if part in getattr(self.admin_site._registry.get(model), "contact", ()):
                return True
            try:
                model = model._meta.get_field(part).related_model
            except FieldDoesNotExist:
                return False
            if model is None:
                return False
        return False

    def _may_see(self, request: HttpRequest, fields: Sequence[Any]) -> list[Any]:
        """Of these fields, lines of fields among them, what this person may see."""
        if not self.contact or request.user.has_perm(SEE_CONTACT):
            return list(fields)
        lines = [self._may_see(request, field) if isinstance(field, tuple) else field for field in fields]
        return [tuple(line) if isinstance(line, list) else line for line in lines if line not in self.contact]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return [*self.readonly_fields, *(self.fixed if obj else ())]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        """Search for the text as a whole: no company's name begins with each of its words."""
        escaped = search_term.replace("\\", "\\\\").replace('"', '\\"')
        return super().get_search_results(request, queryset, f'"{escaped}"' if escaped else "")


class KeptAdmin(Admin):
    """Rows that may be changed and are never deleted."""

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnly:
    """Rows that nobody adds, changes or deletes here."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, Admin):
    """A list to look at; a page shows ``readonly_fields`` and then all columns but those in ``exclude``."""

    actions = None

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        left_out = {self.opts.pk.name, *(self.exclude or ())}
        columns = (
            person_at(field.name) if field.related_model is User else field.name
            for field in self.opts.fields
            if field.name not in left_out
        )
        return self._may_see(request, [*self.readonly_fields, *columns])

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return flatten_fieldsets(self.get_fieldsets(request, obj))


class PartOfAnother(ReadOnlyAdmin):
    """Rows that are read on the page of what they belong to: no entry of their own in the menu."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False


class ReadOnlyInline(ReadOnly, TabularInline):
    """Rows shown on the page of what they belong to."""

    extra = 0
    can_delete = False
    show_change_link = True
    related: Sequence[str] = ()
    prefetched: Sequence[str] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request).prefetch_related(*self.prefetched)
        listed = self.admin_site._registry.get(self.model)
        if isinstance(listed, Admin):
            rows = listed.in_scope(rows, request)
        return rows.select_related(*self.related) if self.related else rows

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return self.fields or ()


class PlainInline(ReadOnlyInline):
    """Rows that say all in their columns: nothing stands above each of them."""

    hide_title = True


@cache
def person_at(field: str) -> Any:
    """
    A column that names who did it, as everywhere; the list joins the person.

    The same column each time: a page asks twice for its fields, and knows by that which are read-only.
    """

    @display(description=field.replace("_", " "), ordering=f"{field}__username")
    def column(row: Model) -> str:
        return of_person(getattr(row, field)) or "-"

    # A list may still be asked for the field that the column shows.
    column.of_field = field  # type: ignore[attr-defined]
    return column


def section(title: str | None, *fields: Any) -> Any:
    """A part of a page; fields in a tuple stand in one line."""
    return title, {"fields": fields}


def link_to(row: Model) -> SafeString:
    """A link to the page of a row."""
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    return format_html('<a href="{}">{}</a>', reverse(name, args=[row.pk]), row)


def link_to_list(model: type[Model], text: str, **only: object) -> SafeString:
    """
    A link to the list of those rows.

    :param only: field names to values, as a list is filtered in its address
    """
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    return format_html('<a href="{}">{}</a>', reverse(name, query=only), text)
