"""The project's site and, beside it, the bare view that the intake is measured against."""

import json

from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from config.urls import urlpatterns as project

INSERT = """
    INSERT INTO referrals_accountevent (client_id, event_id, host_id, host_account, type, occurred_at,
        received_at, amount_minor, currency, product, category, body_sha256)
    VALUES (%(client)s, %(event_id)s, %(host)s, %(account)s, %(type)s, %(occurred_at)s,
        %(occurred_at)s, %(amount)s, %(currency)s, '', '', repeat('0', 64))
    ON CONFLICT (client_id, event_id) DO NOTHING
"""


@csrf_exempt
def bare(request: HttpRequest) -> JsonResponse:
    """No signature, no checks, one statement: as little as a view that stores an event can do."""
    told = json.loads(request.body)
    with connection.cursor() as cursor:
        cursor.execute(INSERT, told)
    return JsonResponse({"event_id": told["event_id"]}, status=202)


urlpatterns = [path("bare", bare), *project]
