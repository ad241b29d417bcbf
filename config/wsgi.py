"""What a web server loads."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

# Only now: models may be imported once the applications are loaded.
from config import loaded  # noqa: E402
from referrals import clicks  # noqa: E402

loaded.keep()
clicks.begin()
