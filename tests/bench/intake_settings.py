"""The project's settings, with the bare view beside its addresses."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "tests.bench.intake_site"
