"""The addresses that visitors meet: links, and the hosted sign-up page."""

from django.urls import path

from referrals import views

app_name = "links"

urlpatterns = [
    # Whatever stands behind /r/ gets an answer from us, also what could be no link.
    path("r/", views.OpenLink.as_view(), {"slug": ""}, name="code"),
    path("r/<path:slug>", views.OpenLink.as_view(), name="open"),
    path("join/<slug:program>/", views.join, name="join"),
    path("join/<slug:program>/thank-you/", views.thank_you, name="thank_you"),
]
