"""Log-ins of staff and referrers, the groups that say what staff may do, and the programs they do it for."""

from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib.auth.admin import GroupAdmin as StockGroupAdmin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.forms import ReadOnlyPasswordHashWidget
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import Group, User
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from referrals import assignments, leaving, scopes
from referrals.admin.base import (
    AdminPasswordChangeForm,
    PartOfAnother,
    TabularInline,
    ThemedAdmin,
    UserChangeForm,
    UserCreationForm,
    register,
    site,
)
from referrals.admin.steps import Step, StepAdmin
from referrals.models import ProgramStaff

LET_LEAVE = "referrals.change_programstaff"
CHANGE_PEOPLE = "auth.change_user"
KEEP, WITHDRAW = "keep", "withdraw"
SELECT = {"class": "staff-input"}

site.unregister([User, Group])


class LeavingForm(forms.Form):
    """Who goes on with the work, and what becomes of proposals."""

    to = forms.ModelChoiceField(
        User.objects.none(),
        label="Companies and call backs go to",
        required=False,
        empty_label="Everybody: whoever asks for the next company",
        widget=forms.Select(SELECT),
    )
    proposals = forms.ChoiceField(
        label="What this person proposed",
        choices=[
            (KEEP, "Stays open: another person confirms or withdraws it"),
            (WITHDRAW, "Is withdrawn"),
        ],
        widget=forms.Select(SELECT),
    )

    def look_at(self, row: User) -> None:
        """Offer the colleagues, and say what will move."""
        had = leaving.in_hand(row)
        to, proposals = cast(forms.ModelChoiceField, self.fields["to"]), self.fields["proposals"]
        to.queryset = assignments.people_of(scopes.programs_of(row) or ()).exclude(pk=row.pk)
        to.help_text = (
            f"{had.assigned} assigned, {had.call_backs} agreed to be called back, {had.shared_views} shared"
            f" views. What {row} holds now ({had.held}) is everybody's at once."
        )
        proposals.help_text = f"{had.proposals} open. {row} can confirm nothing any more."


def _leave(person: User, by: User, at: datetime, told: dict[str, Any]) -> str:
    to = told["to"]
    had = leaving.leave(person, to=to, withdraw=told["proposals"] == WITHDRAW, by=by, at=at)
    return (
        f"{person} has left. To {to or 'everybody'}: companies assigned: {had.assigned}, call-backs:"
        f" {had.call_backs}. Free now, held before: {had.held}."
    )


def _cannot_leave(person: User, user: User) -> str | None:
    if person.pk == user.pk:
        return "This is you: another person does this."
    return _not_an_administrator(person, user)


def _not_an_administrator(person: User, user: User) -> str | None:
    if person.is_superuser and not user.is_superuser:
        return f"{person} is an administrator: only another administrator does this."
    return None


def _come_back(person: User, by: User, at: datetime, told: dict[str, Any]) -> str:
    leaving.come_back(person, by=by, at=at)
    return f"{person} can log in again, with the groups and programs of before. Nothing is handed back."


LEAVING = [
    Step(
        "leave",
        verb="This person leaves",
        explains="The log-in ends, everywhere and at once; what this person had in hand goes to others.",
        permissions=[LET_LEAVE],
        take=_leave,
        is_offered=lambda person: person.is_active and person.is_staff,
        why_not=_cannot_leave,
        form=LeavingForm,
    ),
    Step(
        "come-back",
        verb="Comes back",
        explains="The log-in is open again, with the groups and programs of before. Nothing is handed back.",
        permissions=[LET_LEAVE],
        take=_come_back,
        is_offered=lambda person: person.is_staff and not person.is_active,
        why_not=_not_an_administrator,
    ),
]


class PasswordIsSet(ReadOnlyPasswordHashWidget):
    """Whether there is a password; how it is kept is nothing for a page."""

    def get_context(self, name: str, value: Any, attrs: Any) -> Any:
        context = super().get_context(name, value, attrs)
        is_set = bool(value) and not value.startswith(UNUSABLE_PASSWORD_PREFIX)
        return context | {"summary": [{"label": "A password is set." if is_set else "No password is set."}]}


class PersonForm(UserChangeForm):
    """A log-in; that of staff is ended by the step that hands over what they have in hand."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "password" in self.fields:
            self.fields["password"].widget = PasswordIsSet()
        if "is_active" in self.fields:
            self.fields["is_active"].help_text = "Of staff, “This person leaves” ends the log-in."

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        before = User.objects.get(pk=self.instance.pk)
        for field in ["is_active", "is_staff"]:
            # A form without the field changes nothing of it.
            ticked = field not in self.fields or self.cleaned_data.get(field)
            if before.is_active and before.is_staff and not ticked:
                self.add_error(
                    field,
                    "Press “This person leaves” at the top of this page instead: it hands over what they"
                    " have in hand.",
                )
        return cleaned


class ProgramStaffInline(TabularInline):
    model = ProgramStaff
    verbose_name = "program"
    verbose_name_plural = "Programs of this person; none: all"
    extra = 1

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """In a table the field has no label that is read out."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field is not None:
            field.widget.attrs["aria-label"] = "Program"
        return field


@register(User)
class UserAdmin(StockUserAdmin, StepAdmin):  # type: ignore[misc]  # the order of the first counts
    form = PersonForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    contact = ["email"]
    # Two lists with arrows between them need JavaScript, and are wider than a telephone.
    filter_horizontal = ()
    list_display = ["username", "first_name", "last_name", "is_active", "is_staff", "last_login"]
    list_filter = ["is_active", "is_staff", "groups"]
    change_form_outer_before_template = "admin/auth/user/leaving.html"
    steps = LEAVING

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Trails name people for good: a log-in is ended, never deleted."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """
        Who may change log-ins sees all of them; who only lets people leave, those of staff.

        Who works for some programs sees nobody who works for another.
        """
        within_reach = leaving.within_reach(cast(User, request.user))
        people = super().get_queryset(request).filter(pk__in=within_reach.values("pk"))
        return people if request.user.has_perm(CHANGE_PEOPLE) else people.filter(is_staff=True)

    def get_inlines(self, request: HttpRequest, obj: Model | None) -> list[Any]:
        return [ProgramStaffInline] if isinstance(obj, User) and obj.is_staff else []

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of a person begins with what that person has in hand."""
        staff = self.get_queryset(request).filter(is_staff=True)
        person = staff.filter(pk=object_id).first() if object_id.isdecimal() else None
        shown: dict[str, Any] = {}
        if person is not None:
            shown = {
                "person": person,
                "had": leaving.in_hand(person),
                "told": leaving.last_told(person),
                "buttons": self.buttons(person, request.user),
            }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001
        """Whoever works for fewer programs, or decides no more, keeps nothing that is out of reach."""
        super().save_related(request, form, formsets, change)
        person = User.objects.get(pk=form.instance.pk)
        by = cast(User, request.user)
        freed = leaving.give_back_out_of_reach(person, by=by, at=timezone.now())
        if freed:
            self.message_user(request, f"{freed} companies that {person} can open no more are everybody's.")


@register(ProgramStaff)
class ProgramStaffAdmin(PartOfAnother):
    of_program = "program"
    list_display = ["user", "program"]
    list_filter = ["program"]
    list_select_related = ["user", "program"]
    search_fields = ["user__username"]


@register(Group)
class GroupAdmin(StockGroupAdmin, ThemedAdmin):
    list_display = ["name"]
