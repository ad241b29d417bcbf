"""The addresses of the site."""

from importlib.util import find_spec

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from config.front import front
from config.health import healthz, readyz
from referrals.api import api

# The admin has no log-in of its own: it would know no second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", front, name="front"),
    path("accounts/", include("allauth.urls")),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
    path("", include("referrals.urls")),
]
# Becomes a line of the list when the referrer's page is there.
if find_spec("payouts.urls"):
    urlpatterns.append(path("refer/", include("payouts.urls")))
