"""``POST events``: the host tells facts, one or up to 100 in a call."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router
from pydantic import BaseModel, ValidationError

from referrals import events
from referrals.api.access import Caller, Signed
from referrals.api.answers import FieldError, NotAccepted, Problem, problem_of, problem_of_fields
from referrals.api.bodies import EventBody, parsed
from referrals.rules.refusal import Refused, WrongField

LARGEST_BATCH = 100

router = Router(tags=["events"])


class EventResult(BaseModel):
    """
    What became of one event: 202 stored, 200 known before, 409 known with other content, 422 refused.

    ``code`` is ``stored`` or ``known``, else says why nothing was stored.
    """

    event_id: str | None
    status: int
    code: str
    message: str = ""
    errors: list[FieldError] = []


class BatchResult(BaseModel):
    """What became of each event, in their order."""

    results: list[EventResult]


EVENT = EventBody.model_json_schema()
BATCH = {
    "title": "BatchBody",
    "type": "object",
    "description": f"Up to {LARGEST_BATCH} events; each stands or falls alone.",
    "required": ["events"],
    "additionalProperties": False,
    "properties": {"events": {"type": "array", "minItems": 1, "maxItems": LARGEST_BATCH, "items": EVENT}},
}
HEADERS = {
    "webhook-client": "The public id of your client.",
    "webhook-id": "An id of this message; part of what is signed.",
    "webhook-timestamp": "Seconds since 1970 when it was signed.",
}
DOCUMENTED = {
    "parameters": [
        {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
        for name, text in HEADERS.items()
    ],
    # Described here and read below: ninja would refuse a whole batch for one event.
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"oneOf": [EVENT, BATCH]}}},
    },
}
ANSWERS = {
    200: BatchResult | EventResult,
    202: EventResult,
    409: EventResult,
    422: EventResult | Problem,
    **dict.fromkeys([400, 401, 413, 503], Problem),
}

STORED = {"status": 202, "code": "stored", "message": "", "errors": []}
KNOWN = {"status": 200, "code": "known", "message": "", "errors": []}


@router.post(
    "/events", auth=Signed(), response=ANSWERS, summary="Tell one event or a batch", openapi_extra=DOCUMENTED
)
def tell_events(request: HttpRequest) -> HttpResponse:
    """
    Store facts; what is answered with 202 is on the disk.

    One event is answered with its own status: 202 stored, 200 known before, 409 the id is known with other
    content, 422 refused. A batch, `{"events": [...]}`, is answered with 200 and a result for each event, in
    order. An event of an account that has not signed up yet is stored and waits.
    """
    caller: Caller = request.auth  # type: ignore[attr-defined]
    told = parsed(request.body)
    if not (isinstance(told, dict) and "events" in told):
        [result] = _results(caller, [told])
        return JsonResponse(result, status=int(result["status"]))
    batch = told["events"]
    if len(told) > 1:
        beside = next(key for key in told if key != "events")
        raise NotAccepted(422, "wrong_field", "is not known beside the events of a batch.", field=beside[:50])
    if not isinstance(batch, list) or not batch:
        raise NotAccepted(422, "wrong_field", "is no list of events.", field="events")
    if len(batch) > LARGEST_BATCH:
        raise NotAccepted(413, "batch_too_large", f"are more than {LARGEST_BATCH}.", field="events")
    return JsonResponse({"results": _results(caller, batch)})


def _results(caller: Caller, told: list[Any]) -> list[dict[str, Any]]:
    """What became of each event, in their order."""
    readable: dict[int, events.EventTold] = {}
    unreadable: dict[int, Problem] = {}
    for place, event in enumerate(told):
        try:
            readable[place] = EventBody.model_validate(event).told()
        except ValidationError as wrong:
            unreadable[place] = problem_of_fields(wrong.errors(include_url=False, include_input=False))
        except WrongField as refusal:
            unreadable[place] = problem_of(refusal)
    recorded = events.record_all(caller.client, told=list(readable.values()), received_at=caller.called_at)
    outcomes = unreadable | dict(zip(readable, recorded, strict=True))
    return [_result(_id_of(event), outcomes[place]) for place, event in enumerate(told)]


def _result(event_id: str | None, outcome: bool | Refused | Problem) -> dict[str, Any]:  # noqa: FBT001
    """As ``EventResult`` describes it; a plain dictionary is written three times as fast."""
    if isinstance(outcome, bool):
        return {"event_id": event_id, **(STORED if outcome else KNOWN)}
    status = 409 if isinstance(outcome, events.EventIdConflict) else 422
    problem = problem_of(outcome) if isinstance(outcome, Refused) else outcome
    return {"event_id": event_id, "status": status, **problem.model_dump()}


def _id_of(event: object) -> str | None:
    """The id by which the caller finds its event again, if it has one."""
    event_id = event.get("event_id") if isinstance(event, dict) else None
    return event_id if isinstance(event_id, str) else None
