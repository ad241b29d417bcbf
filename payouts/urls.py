"""The addresses of the referrer's own page."""

from django.urls import path

from payouts import views

app_name = "refer"

urlpatterns = [
    path("", views.page, name="page"),
    path("<slug:program>/", views.page, name="program"),
    path("<slug:program>/join/", views.join, name="join"),
    path("<slug:program>/statement/", views.statement, name="statement"),
    path("<slug:program>/withdraw/", views.withdraw, name="withdraw"),
]
