"""How the admin looks, and what its sidebar offers to whom. The settings take it up as ``UNFOLD``."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _whoever_may(*permissions: str) -> Callable[[HttpRequest], bool]:
    return lambda request: any(request.user.has_perm(permission) for permission in permissions)


def _entry(title: str, icon: str, address: str, *permissions: str) -> dict[str, Any]:
    """One line of the sidebar, shown to whoever has one of the permissions."""
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{address}"),
        "permission": _whoever_may(*permissions),
    }


def _list(title: str, icon: str, model: str) -> dict[str, Any]:
    """
    The list of a model's rows.

    :param model: such as ``payouts.bonus``
    """
    app, name = model.split(".")
    return _entry(title, icon, f"{app}_{name}_changelist", f"{app}.view_{name}")


def _is_desk(request: HttpRequest) -> bool:
    """The pages of the call desk lie below those of referred accounts."""
    of_the_desk = "/review" in request.path or "/compare/" in request.path
    return "/referredaccount/" in request.path and of_the_desk


def _is_board(request: HttpRequest) -> bool:
    return any(f"/reviews/{part}/" in request.path for part in ("board", "assign", "hand-over"))


def _is_queue(request: HttpRequest) -> bool:
    return _is_desk(request) and not _is_board(request) and "/reviews/activity/" not in request.path


def _is_report(request: HttpRequest) -> bool:
    return any(part in request.path for part in ("/agreement/", "/looked-at/", "/activity/"))


def _is_second_look(request: HttpRequest) -> bool:
    return "/secondlook/" in request.path and not _is_report(request)


def _is_account(request: HttpRequest) -> bool:
    return "/referredaccount/" in request.path and not _is_desk(request)


def _is_books(request: HttpRequest) -> bool:
    return any(f"/payouts/{part}/" in request.path for part in ("ledgeraccount", "transfer", "monthclose"))


def _is_ahead(request: HttpRequest) -> bool:
    return any(f"/payouts/bonus/{part}/" in request.path for part in ("ahead", "overdue", "liabilities"))


REVIEWS = {
    **_entry("Reviews", "call", "referrals_referredaccount_reviews", "referrals.decide_referredaccount"),
    "active": _is_queue,
}
BOARD = {
    **_entry("Board", "monitoring", "referrals_referredaccount_board", "referrals.lead_referredaccount"),
    "active": _is_board,
}
ACCOUNTS = {
    **_list("Referred accounts", "apartment", "referrals.referredaccount"),
    "active": _is_account,
}

SECOND_LOOKS = {
    **_entry(
        "Second looks", "visibility", "referrals_secondlook_waiting", "referrals.reopen_referredaccount"
    ),
    "active": _is_second_look,
}
REPORTS = {
    **_entry(
        "Reports",
        "bar_chart",
        "referrals_secondlook_agreement",
        "referrals.lead_referredaccount",
        "referrals.reopen_referredaccount",
        # Of the own decisions.
        "referrals.decide_referredaccount",
    ),
    "active": _is_report,
}

BOOKS = {
    **_entry("Books", "menu_book", "payouts_ledgeraccount_trial_balance", "payouts.view_transfer"),
    "active": _is_books,
}
BONUSES = {
    **_list("Bonuses", "redeem", "payouts.bonus"),
    "active": lambda request: "/payouts/bonus/" in request.path and not _is_ahead(request),
}
AHEAD = {
    **_entry("What will be paid", "calendar_month", "payouts_bonus_ahead", "payouts.view_bonus"),
    "active": _is_ahead,
}

NAVIGATION: list[dict[str, Any]] = [
    {"items": [{"title": "Home", "icon": "home", "link": reverse_lazy("admin:index")}]},
    {
        "title": "Who and whether",
        "separator": True,
        "items": [
            REVIEWS,
            BOARD,
            ACCOUNTS,
            _list("Referrers", "group", "referrals.referrer"),
            _list("Proposals", "handshake", "referrals.proposal"),
            _list("Events", "bolt", "referrals.accountevent"),
            SECOND_LOOKS,
            REPORTS,
        ],
    },
    {
        "title": "How much and when",
        "separator": True,
        "items": [
            BONUSES,
            AHEAD,
            _list("Batches", "stacks", "payouts.payoutbatch"),
            _list("Payouts", "payments", "payouts.payout"),
            _list("Payment files", "draft", "payouts.paymentfile"),
            _list("Withdrawals", "output", "payouts.withdrawal"),
            BOOKS,
        ],
    },
    {
        "title": "Set up",
        "separator": True,
        "items": [
            _list("Programs", "campaign", "referrals.program"),
            _list("Jobs", "schedule", "referrals.jobrun"),
            _list("Mails", "mail", "referrals.message"),
            _list("Log-ins", "key", "auth.user"),
        ],
    },
]

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Referral back office",
    "SITE_HEADER": "Referral back office",
    "SITE_SYMBOL": "handshake",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "referrals.admin.home.page.what_needs_me",
    "STYLES": [lambda request: static("staff.css")],
    "SCRIPTS": [lambda request: static("staff.js"), lambda request: static("shortcuts.js")],
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": _whoever_may("referrals.view_program"),
        "navigation": NAVIGATION,
    },
    # One quiet accent; white on 600, and 500 on a dark ground, both reach a contrast of 4.5.
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 237)",
            "100": "oklch(93.5% .03 237)",
            "200": "oklch(88% .058 237)",
            "300": "oklch(80.5% .096 238)",
            "400": "oklch(74.5% .125 239)",
            "500": "oklch(68% .145 241)",
            "600": "oklch(48.5% .125 243)",
            "700": "oklch(44% .11 243)",
            "800": "oklch(39% .09 243)",
            "900": "oklch(33% .075 243)",
            "950": "oklch(26% .06 243)",
        },
        # Grey text on grey ground, too, has to be read.
        "font": {
            "subtle-light": "var(--color-base-600)",
            "subtle-dark": "var(--color-base-300)",
            "default-light": "var(--color-base-700)",
            "default-dark": "var(--color-base-200)",
            "important-light": "var(--color-base-900)",
            "important-dark": "var(--color-base-100)",
        },
    },
}
