"""
What the host's software calls: ``POST sign-ups`` with an API key; with a signature ``POST events``, and
``POST balances``, ``POST spends`` and ``POST credits``.

The OpenAPI document at ``openapi.json`` describes them. There is no page that shows it: ninja's would fetch
its scripts from elsewhere.
"""

from ninja import NinjaAPI

from referrals.api import answers, balances, credits, events, sign_ups
from referrals.api.bodies import StrictParser

api = NinjaAPI(
    title="Referral back office",
    version="1",
    description="The host product tells sign-ups and facts about accounts.",
    docs_url=None,
    parser=StrictParser(),
    urls_namespace="api",
)
api.add_router("", sign_ups.router)
api.add_router("", events.router)
api.add_router("", balances.router)
api.add_router("", credits.router)
answers.install(api)
