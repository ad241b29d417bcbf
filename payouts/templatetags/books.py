"""Figures of the books as accountants read them."""

from django import template
from django.urls import reverse

from payouts import journal
from payouts.models import Transfer
from payouts.trial_balance import Sides
from referrals.exports import decimal

register = template.Library()


@register.filter
def figure(minor: int, currency: str) -> str:
    """'1,200.00', without the currency: that stands above the column."""
    return f"{decimal(minor, currency):,}"


@register.filter
def balance(sides: Sides, currency: str) -> str:
    """What is left and on which side: '1,200.00 Dr'; '0.00' has none."""
    side = " Dr" if sides.balance_minor > 0 else " Cr" if sides.balance_minor < 0 else ""
    return f"{figure(abs(sides.balance_minor), currency)}{side}"


@register.filter
def cause(transfer: Transfer) -> str:
    """What a transfer rests on, by kind and number: 'bonus 7'."""
    return journal.cause_of(transfer)


@register.filter
def cause_page(transfer: Transfer) -> str:
    """The address of the page of what a transfer rests on."""
    kind, _, number = journal.cause_of(transfer).partition(" ")
    return reverse(f"admin:payouts_{kind}_change", args=[number])
