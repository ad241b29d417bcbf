"""The addresses of the site."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from config.front import front
from config.health import healthz, readyz
from config.typed_text import logged_in_again
from referrals.api import api

# The admin has no log-in of its own: it would know no second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    # First, what is asked for most: a link opened, a fact told.
    path("", include("referrals.urls")),
    path("api/v1/", api.urls),
    path("", front, name="front"),
    path("accounts/logged-in-again/", logged_in_again, name="logged_in_again"),
    path("accounts/", include("allauth.urls")),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("refer/", include("payouts.urls")),
]
