"""
The site of the redirect benchmark: our redirect beside the same view that records nothing, and beside the
plain one that looks up and inserts.

``python -m tests.bench.redirect_site NUMBER``: make that many links, in an empty database.
"""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

# These read the registry of models, which the line above fills.
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402

from config.urls import urlpatterns as project  # noqa: E402
from payouts import program_files  # noqa: E402
from referrals import clicks, models  # noqa: E402
from referrals.rules.landing import landing_address  # noqa: E402
from referrals.views import OpenLink  # noqa: E402
from tests import factories  # noqa: E402

PROGRAM = "smartcat"
AT_ONCE = 5_000


class NothingRecorded(OpenLink):
    """Our redirect, without click, cookie and touch."""

    def record(self, *args, **more) -> None:
        pass


def looked_up_and_inserted(request: HttpRequest, slug: str) -> HttpResponse:
    """What one writes first: one SELECT and one INSERT per click."""
    link = models.ReferralLink.objects.select_related("enrollment__program").get(folded=slug)
    models.Click.objects.create(link=link, clicked_at=timezone.now(), times=1)
    return HttpResponseRedirect(landing_address(link.enrollment.program.landing_url, link=link.text))


urlpatterns = [
    path("bare/<path:slug>", NothingRecorded.as_view()),
    path("plain/<path:slug>", looked_up_and_inserted),
    *project,
]


def make(number: int) -> None:
    """Make the tables, the program, and so many referrers with a link each: link0, link1, …"""
    call_command("migrate", verbosity=0)
    document = program_files.read(program_files.bundled()[PROGRAM])
    host = program_files.default_host()
    begin = factories.TERMS_BEGIN_AT
    program = program_files.store(document, host=host, now=begin)
    for first in range(0, number, AT_ONCE):
        texts = [f"link{index}" for index in range(first, min(first + AT_ONCE, number))]
        referrers = models.Referrer.objects.bulk_create(
            models.Referrer(host=host, host_account=text) for text in texts
        )
        enrollments = models.Enrollment.objects.bulk_create(
            models.Enrollment(program=program, referrer=referrer, status="ACTIVE", since=begin)
            for referrer in referrers
        )
        models.EnrollmentChange.objects.bulk_create(
            models.EnrollmentChange(enrollment=enrollment, new_status="ACTIVE", changed_at=begin)
            for enrollment in enrollments
        )
        models.ReferralLink.objects.bulk_create(
            models.ReferralLink(host=host, enrollment=enrollment, text=text, folded=text, valid_from=begin)
            for enrollment, text in zip(enrollments, texts, strict=True)
        )


if __name__ == "__main__":
    make(int(sys.argv[1]))
else:
    settings.ROOT_URLCONF = __name__
    application = get_wsgi_application()
    clicks.begin()
