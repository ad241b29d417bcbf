"""A sign-up that nobody brought, and a referrer who says otherwise: proposed by one, confirmed by another."""

from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User

from referrals import intake, proposals, scopes
from referrals.admin.steps import Step
from referrals.models import Program, Proposal, Referrer
from referrals.rules.lifecycle import EnrollmentStatus

ATTRIBUTE = "referrals.attribute_signup"
TEXT = {"class": "staff-input"}


class AttributionForm(forms.Form):
    """Which sign-up it was, and what speaks for it."""

    program = forms.ModelChoiceField(
        Program.objects.none(), empty_label=None, widget=forms.Select(attrs=TEXT), label="Program"
    )
    host_account = forms.CharField(
        max_length=100,
        label="Account at the host",
        widget=forms.TextInput(attrs=TEXT),
        help_text="As the host names it: the account has signed up and has no referrer yet.",
    )
    reason = forms.CharField(
        max_length=500,
        label="Evidence",
        widget=forms.Textarea(attrs={**TEXT, "rows": 3}),
        help_text="What shows that this referrer brought it, and where it can be looked up.",
    )

    def look_at(self, referrer: Referrer) -> None:
        """Offer the programs in which the referrer is active."""
        active = Program.objects.filter(
            enrollments__referrer=referrer, enrollments__status=EnrollmentStatus.ACTIVE
        )
        field = cast(forms.ModelChoiceField, self.fields["program"])
        field.queryset = active.order_by("name", "pk")
        field.label_from_instance = lambda program: program.name  # type: ignore[method-assign, assignment]


def _propose(referrer: Referrer, by: User, at: datetime, told: dict[str, Any]) -> str:
    program, account = told["program"], told["host_account"]
    scopes.refuse_outside(by, program.pk)
    intake.check_attribution(program, host_account=account, referrer=referrer, at=at)
    waiting = Proposal.objects.filter(
        action="attribute",
        target=str(program.pk),
        arguments__host_account=account,
        confirmed_at__isnull=True,
        withdrawn_at__isnull=True,
    ).first()
    if waiting is not None:
        raise proposals.AlreadyProposed(
            f"Proposal {waiting.pk} about {account} waits already: confirm or withdraw that one first."
        )
    asked = {"host_account": account, "referrer": str(referrer.pk), "note": told["reason"]}
    proposal = proposals.propose("attribute", target=str(program.pk), arguments=asked, by=by, at=at)
    return f"Proposal {proposal.pk} waits for another person to confirm that {referrer} brought {account}."


ATTRIBUTE_STEP = Step(
    "attribute",
    verb="Attribute a sign-up",
    explains="Once a second person confirms, the account counts as brought by this referrer, with the"
    " instant of its own sign-up.",
    permissions=[ATTRIBUTE],
    take=_propose,
    is_offered=lambda referrer: True,
    form=AttributionForm,
)
