"""What two copies of one version of a program's terms must have in common."""

import hashlib
import json

from payouts.rules.program_document.checks import Document

# programs/README.md: the rest belongs to the program and may change at any time.
_OF_THE_TERMS = (
    "terms",
    "attribution",
    "eligibility",
    "evidence",
    "self_referral",
    "criteria",
    "milestones",
    "rewards",
    "payout_schedule",
    "calling",
    "rejection_reasons",
)
_OF_THE_PROGRAM = ("currency", "time_zone")


def fingerprint(document: Document) -> str:
    """
    The SHA-256, in hexadecimal digits, of everything that a published version fixes.

    :param document: in canonical form, so that what means the same has the same fingerprint
    """
    fixed = {name: document[name] for name in _OF_THE_TERMS}
    fixed["program"] = {name: document["program"][name] for name in _OF_THE_PROGRAM}
    written = json.dumps(fixed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()
