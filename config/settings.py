"""
The settings of one installation, all of them from environment variables.

Without any variable everything runs on this machine alone: SQLite, a folder as message broker, no server.
A value that makes no sense stops the start; the message names the variable, the value and what is allowed.
"""

import logging
import os
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured

from config.environment import (
    BASE_DIR,
    address,
    database,
    folder,
    list_of,
    log_level,
    mail_server,
    payment_service,
    read,
    seconds,
    seconds_from,
    site,
    url_of,
    yes_or_no,
)
from config.logs import configured
from config.unfold import UNFOLD as UNFOLD

# --- what an installation sets ---------------------------------------------------------------------------

SWITCH = "yes or no (also true, false, on, off, 1, 0)"
FROM_TEN_MINUTES = "a whole number of seconds from 600 to 999999999"

# DEBUG: yes on a developer's machine, no wherever somebody else can reach the site.
DEBUG = read("DEBUG", yes_or_no, default="yes", allowed=SWITCH)

# SECRET_KEY: signs sessions and links; at least 50 random characters. Not needed with DEBUG=yes.
INSECURE = "django-insecure-"
SECRET_KEY = os.environ.get("SECRET_KEY", "").strip() or (
    INSECURE + "for-a-developers-machine" if DEBUG else ""
)
if not DEBUG and (len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 5 or SECRET_KEY.startswith(INSECURE)):
    raise ImproperlyConfigured(
        f"SECRET_KEY ({len(SECRET_KEY)} characters, not shown) is refused. "
        "Allowed with DEBUG=no: at least 50 random characters."
    )

# ALLOWED_HOSTS: the names under which the site is reached, separated by commas. With DEBUG=yes this machine
# is always allowed; without, at least one name is required.
ALLOWED_HOSTS = read(
    "ALLOWED_HOSTS",
    list_of(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:]+\]"),
    default="",
    allowed="host names without scheme or port, separated by commas; no *",
)
if not ALLOWED_HOSTS and not DEBUG:
    raise ImproperlyConfigured("ALLOWED_HOSTS='' is refused. Allowed with DEBUG=no: at least one host name.")

# CSRF_TRUSTED_ORIGINS: origins of forms, where a proxy changes the host name.
CSRF_TRUSTED_ORIGINS = read(
    "CSRF_TRUSTED_ORIGINS",
    list_of(r"https?://(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]{1,5})?"),
    default="",
    allowed="origins such as https://referrals.example, separated by commas",
)

# DATA_DIR: folder of what this installation writes: the SQLite database, messages, collected static files.
DATA_DIR = read("DATA_DIR", folder, default=".data", allowed="a folder that can be made and written")

# DATABASE_URL: the database; PostgreSQL in production.
DATABASES = {
    "default": read(
        "DATABASE_URL",
        database,
        default=f"sqlite:///{quote(str(DATA_DIR / 'db.sqlite3'))}",
        allowed="postgres://user:password@host:port/name, postgres://user@/name?host=/folder/of/the/socket "
        "or sqlite:////path/of/a/file",
    )
}

# REDIS_URL: a Redis server, for everything that wants one.
REDIS_URL = read(
    "REDIS_URL", url_of("redis", "rediss"), default="", allowed="redis://host:port/number or rediss://…"
)

# CELERY_BROKER_URL: carries the messages between web, beat and workers. Absent: Redis if there is one, else
# a folder under DATA_DIR. With memory:// no other process hears a message.
CELERY_BROKER_URL = read(
    "CELERY_BROKER_URL",
    url_of("redis", "rediss", "amqp", "amqps", "filesystem", "memory"),
    default=REDIS_URL or "filesystem://",
    allowed="redis://…, rediss://…, amqp://…, amqps://…, filesystem:// or memory://",
)

# LOG_LEVEL: what is logged to the standard error output.
LOG_LEVEL = read(
    "LOG_LEVEL", log_level, default="INFO", allowed="one of DEBUG, INFO, WARNING, ERROR, CRITICAL"
)

PRODUCTION = "no" if DEBUG else "yes"

# EMAIL_URL: the server that sends our mails. Absent: with DEBUG=yes they are shown in the log, without, none
# is sent, and nobody can log in with a code by mail.
EMAIL_URL = os.environ.get("EMAIL_URL", "").strip()
globals().update(
    read("EMAIL_URL", mail_server, default="", allowed="smtp://user:password@host:port or smtps://…")
)

# DEFAULT_FROM_EMAIL: the sender of our mails.
DEFAULT_FROM_EMAIL = SERVER_EMAIL = read(
    "DEFAULT_FROM_EMAIL",
    address,
    default="Referrals <referrals@localhost>",
    allowed="an e-mail address such as Referrals <referrals@company.example>",
)

# SITE_URL: where people reach this site, for the links in our mails. Default: the first name of
# ALLOWED_HOSTS; with DEBUG=yes this machine.
SITE_URL = read(
    "SITE_URL",
    site,
    default="http://localhost:8000" if DEBUG else f"https://{ALLOWED_HOSTS[0].removeprefix('.')}",
    allowed="https://host, with a port if need be and without a path",
)

# REQUIRE_SECOND_FACTOR: let staff into the admin only with a second factor. Default: yes unless DEBUG.
REQUIRE_SECOND_FACTOR = read("REQUIRE_SECOND_FACTOR", yes_or_no, default=PRODUCTION, allowed=SWITCH)

# SESSION_IDLE_SECONDS, SESSION_SECONDS: after how long a log-in ends when it is not used, and in any case.
SESSION_IDLE_SECONDS = read(
    "SESSION_IDLE_SECONDS", seconds_from(600), default="7200", allowed=FROM_TEN_MINUTES
)
SESSION_SECONDS = read("SESSION_SECONDS", seconds_from(600), default="43200", allowed=FROM_TEN_MINUTES)

# SECURE_SSL_REDIRECT: answer plain HTTP with a redirect to HTTPS. Default: yes unless DEBUG.
SECURE_SSL_REDIRECT = read("SECURE_SSL_REDIRECT", yes_or_no, default=PRODUCTION, allowed=SWITCH)

# SECURE_HSTS_SECONDS: for how long browsers shall insist on HTTPS. Default: a year unless DEBUG.
SECURE_HSTS_SECONDS = read(
    "SECURE_HSTS_SECONDS",
    seconds,
    default="0" if DEBUG else "31536000",
    allowed="a whole number of seconds from 0 to 999999999",
)

# SECURE_HSTS_INCLUDE_SUBDOMAINS, SECURE_HSTS_PRELOAD: the two extensions of that promise. Default: yes
# unless DEBUG.
SECURE_HSTS_INCLUDE_SUBDOMAINS = read(
    "SECURE_HSTS_INCLUDE_SUBDOMAINS", yes_or_no, default=PRODUCTION, allowed=SWITCH
)
SECURE_HSTS_PRELOAD = read("SECURE_HSTS_PRELOAD", yes_or_no, default=PRODUCTION, allowed=SWITCH)

# BEHIND_TLS_PROXY: yes only behind a proxy that ends TLS and always sets or removes X-Forwarded-Proto
# and X-Forwarded-For itself; anyone else could send the headers, too.
if read("BEHIND_TLS_PROXY", yes_or_no, default="no", allowed=SWITCH):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # The address of a visitor, too, is known from that one proxy only.
    ALLAUTH_TRUSTED_PROXY_COUNT = AXES_IPWARE_PROXY_COUNT = 1
    AXES_IPWARE_META_PRECEDENCE_ORDER = ("HTTP_X_FORWARDED_FOR",)

# PAYPAL_URL, STRIPE_URL: the payment services that programs may pay by, with the account that pays. Absent:
# nobody can be paid by them over the network.
PAYPAL_URL = read(
    "PAYPAL_URL", payment_service, default="", allowed="https://client-id:secret@api-m.paypal.com"
)
STRIPE_URL = read("STRIPE_URL", payment_service, default="", allowed="https://:secret-key@api.stripe.com")

# --- the same in every installation ----------------------------------------------------------------------

INSTALLED_APPS = [
    # The theme takes the place of the admin's own templates, so it stands before it.
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",  # a template of allauth wants it
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "csp",
    "django_filters",
    "django_structlog",
    "ninja",
    "referrals",
    "payouts",
]

MIDDLEWARE = [
    "config.responses.ContentSecurityPolicy",
    "config.responses.AdminCompression",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.request_log.RequestLog",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "config.typed_text.GivenBack",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.second_factor.SecondFactor",
    "config.well_formed.WellFormed",
    "config.typed_text.TypedText",
    # Last: it turns what the log-in answers to somebody who is locked out into a page.
    "axes.middleware.AxesMiddleware",
]

# Who pays, and the host, are called on this machine on a developer's only, and nowhere without TLS.
OUTGOING_TO_LOOPBACK = DEBUG

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTHENTICATION_BACKENDS = [
    # First: it refuses who is locked out, whatever the others would say.
    "axes.backends.AxesStandaloneBackend",
    "config.who_may.Backend",
]

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "front"
ACCOUNT_ADAPTER = "config.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # log-ins are made by people, not by visitors
ACCOUNT_LOGIN_BY_CODE_ENABLED = DEBUG or bool(EMAIL_URL)
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_LOGOUT_REDIRECT_URL = "front"
ACCOUNT_SESSION_REMEMBER = True  # the session itself knows when it ends
# Wrong passwords are locked by axes, which comes first; this limit is for the codes of the second factor.
ACCOUNT_RATE_LIMITS = {"login_failed": "10/15m/key"}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "Referral back office"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG

AXES_VERBOSE = False
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_USERNAME_CALLABLE = "config.accounts.name_tried"
AXES_LOCKOUT_TEMPLATE = "account/locked.html"
AXES_DISABLE_ACCESS_LOG = True  # who logged in from where is nobody's business after 15 minutes
AXES_ENABLE_ADMIN = False

SESSION_ENGINE = "config.sessions"
SESSION_COOKIE_AGE = SESSION_SECONDS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "config.typed_text.csrf_failure"

_NOTHING_FROM_ELSEWHERE: dict[str, Any] = {
    "default-src": ["'self'"],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
}
CONTENT_SECURITY_POLICY = {"DIRECTIVES": _NOTHING_FROM_ELSEWHERE}
# The theme's scripts evaluate what stands in attributes, and set styles.
CONTENT_SECURITY_POLICY_OF_THE_ADMIN = _NOTHING_FROM_ELSEWHERE | {
    "script-src": ["'self'", "'unsafe-eval'"],
    "style-src": ["'self'", "'unsafe-inline'"],
}
X_FRAME_OPTIONS = "DENY"
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz)$"]  # asked from inside, without TLS

# What several processes must count together (tries, limits) needs a cache that they share.
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "config.formats"
USE_TZ = True
# Instants are stored and logged in UTC; each program has a time zone of its own.
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
# With DEBUG=yes the files are served from where they lie; without, as `collectstatic` has collected them.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG

CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {}
if CELERY_BROKER_URL.startswith("filesystem:"):
    # One folder for both ways. Kombu makes only the control folder, and a worker dies without the other.
    messages = str(folder(str(DATA_DIR / "messages")))
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": messages,
        "data_folder_out": messages,
        "control_folder": str(folder(str(DATA_DIR / "messages-control"))),
    }

LOGGING = configured(level=LOG_LEVEL, as_words=DEBUG)
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
DJANGO_STRUCTLOG_CELERY_ENABLED = True
# One line for a request, when it is answered; no addresses of people.
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
