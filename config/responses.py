"""What every answer carries, by its address: the policy of what a page may load, and compression."""

from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

ADMIN = "/admin/"


class ContentSecurityPolicy(CSPMiddleware):
    """Nothing from elsewhere and nothing inline; the theme of the admin alone needs more."""

    def get_policy_parts(
        self,
        request: HttpRequest,
        response: HttpResponseBase,
        report_only: bool = False,  # noqa: FBT001, FBT002  the signature is django-csp's
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        # A page below the admin that is not dressed by the theme says so, and keeps the strict policy.
        if not report_only and parts.config is None and request.path_info.startswith(ADMIN):
            parts.config = settings.CONTENT_SECURITY_POLICY_OF_THE_ADMIN
        return parts


class AdminCompression(GZipMiddleware):
    """Compress the pages of the admin: a list of the theme is 590 KB, and 18 KB when compressed."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not request.path_info.startswith(ADMIN):
            return response
        return super().process_response(request, response)
