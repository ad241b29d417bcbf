"""Assigning a company: the form that asks to whom, the step on its page, and what is said afterwards."""

from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.db.models import Q

from referrals import assignments
from referrals.admin.desk.claims import is_open, review_of
from referrals.admin.steps import Step
from referrals.assignments import Assigned
from referrals.models import ReferredAccount, Review
from referrals.names import of_person

LEAD = "referrals.lead_referredaccount"
NAMED = 3


class PersonChoice(forms.ModelChoiceField):
    """One of these people, by the full name where it is known."""

    def label_from_instance(self, person: User) -> str:
        return of_person(person)


class PersonForm(forms.Form):
    """Whose work it becomes."""

    person = PersonChoice(
        User.objects.none(),
        label="Assign to",
        empty_label="Choose",
        widget=forms.Select(attrs={"class": "staff-input"}),
    )

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._offer(assignments.people())

    def look_at(self, row: ReferredAccount) -> None:
        """Offer who works for the program of this company."""
        self._offer(assignments.people_of([row.program_id]))

    def name_only(self, seen: Q) -> None:
        """Offer only people of whom that holds."""
        self._offer(assignments.people().filter(seen))

    def _offer(self, people: Any) -> None:
        cast("forms.ModelChoiceField[User]", self.fields["person"]).queryset = people


def told(assigned: Assigned, to: User) -> str:
    """What is now true, in words."""
    count, held, gone = assigned.count, assigned.held, assigned.gone
    name = of_person(to)
    said = [
        f"1 company is assigned to {name}." if count == 1 else f"{count} companies are assigned to {name}."
    ]
    if held:
        names = ", ".join(f"{each.account} ({of_person(each.holder)})" for each in held[:NAMED])
        more = f" and {len(held) - NAMED} more" if len(held) > NAMED else ""
        said.append(f"Somebody works on {names}{more} and goes on; {name} gets it once it is given back.")
    if gone:
        said.append(f"{gone} of what you chose waits no more.")
    return " ".join(said)


def handed_over(assigned: Assigned, giver: User, receiver: User) -> str:
    """What became of the open work of somebody, in words."""
    if not assigned.count:
        return f"{of_person(giver)} has no open work: nothing changes."
    return f"The open work of {of_person(giver)}: {told(assigned, receiver)}"


def _assign(account: ReferredAccount, by: User, at: datetime, asked: dict[str, Any]) -> str:
    chosen = Review.objects.filter(pk=cast(Review, review_of(account)).pk)
    return told(assignments.assign(chosen, asked["person"], by=by, at=at), asked["person"])


def _unassign(account: ReferredAccount, by: User, at: datetime, asked: dict[str, Any]) -> str:
    chosen = Review.objects.filter(pk=cast(Review, review_of(account)).pk)
    assignments.unassign(chosen, by=by, at=at)
    return f"{account} is anybody's again."


def _is_assigned(account: ReferredAccount) -> bool:
    review = review_of(account)
    return is_open(account) and review is not None and review.assigned_to_id is not None


ASSIGNING = [
    Step(
        "assign",
        verb="Assign",
        explains="It comes first when that person asks for the next company, and is served to nobody else."
        " Whoever works on it now goes on.",
        permissions=[LEAD],
        take=_assign,
        is_offered=is_open,
        form=PersonForm,
        is_apart=True,
        then="review",
    ),
    Step(
        "unassign",
        verb="Make it anybody's",
        explains="It is served to whoever asks for the next company.",
        permissions=[LEAD],
        take=_unassign,
        is_offered=_is_assigned,
        then="review",
    ),
]
