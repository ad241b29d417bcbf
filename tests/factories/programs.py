"""Users, hosts, programs and their terms."""

from datetime import UTC, datetime

import factory
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from factory.django import DjangoModelFactory

from payouts import models as payouts
from referrals import models as referrals

TERMS_BEGIN_AT = datetime(2025, 1, 1, tzinfo=UTC)
OF_PROGRAM = ["EXPENSE", "CLEARING", "BANK", "SERVICES", "FEES"]
OF_REFERRER = ["PAYABLE", "BALANCE", "CREDIT", "CASH_OWED"]


class UserFactory(DjangoModelFactory):
    """A member of staff without any permission; log in with ``force_login``."""

    class Meta:
        model = get_user_model()

    username = factory.Sequence("person{}".format)
    email = factory.LazyAttribute("{0.username}@company.example".format)
    password = factory.LazyFunction(lambda: make_password(None))
    is_staff = True


class HostFactory(DjangoModelFactory):
    class Meta:
        model = referrals.Host

    slug = factory.Sequence("host{}".format)
    name = factory.LazyAttribute("The product {0.slug}".format)


class ApiClientFactory(DjangoModelFactory):
    class Meta:
        model = referrals.ApiClient

    host = factory.SubFactory(HostFactory)
    name = factory.Sequence("client{}".format)


class TermsFactory(DjangoModelFactory):
    """
    Published terms: one question, two milestones with a counter, one bonus for ``qualified``.

    ``reward=``, ``schedule=`` and ``criterion=`` change these rows: ``TermsFactory(reward__cap=2)``.
    ``published=False`` leaves a draft, to which rows can still be added.
    """

    class Meta:
        model = referrals.Terms
        skip_postgeneration_save = True

    program = factory.SubFactory("tests.factories.programs.ProgramFactory", terms=None)
    version = factory.LazyAttribute(lambda terms: terms.program.terms.count() + 1)
    effective_from = TERMS_BEGIN_AT
    currency = factory.SelfAttribute("program.currency")
    time_zone = factory.SelfAttribute("program.time_zone")
    referred_kind = "COMPANY"
    enrollment_mode = "OPEN"
    qualified_by = "STAFF"
    stacking = "SUM"
    clawback = "BY_STAFF"
    link_counts = True
    code_counts = True
    manual_counts = True
    touch = "LAST"
    window_days = 30
    code_beats_link = True
    old_links_work = True
    old_codes_work = True
    same_account = "FLAG"
    same_email = "FLAG"
    same_domain = "FLAG"

    @factory.post_generation
    def reasons(terms, create, extracted, **changes):
        for position, code in enumerate(["already_registered", "unreachable"]):
            referrals.RejectionReason.objects.create(
                terms=terms,
                position=position,
                code=code,
                internal_text=f"Internal: {code}.",
                public_text=f"Public: {code}.",
                shown=True,
                reopenable=True,
            )

    @factory.post_generation
    def criterion(terms, create, extracted, **changes):
        ordinary = {
            "code": "new_customer",
            "source": "STAFF",
            "question": "Has nobody there used us before?",
            "reason": "already_registered",
        }
        referrals.Criterion.objects.create(terms=terms, position=0, **ordinary | changes)

    @factory.post_generation
    def milestones(terms, create, extracted, **changes):
        # Where a milestone qualifies, no milestone may ask for a decision.
        kinds = {
            "signed_up": "SIGNED_UP",
            "qualified": "QUALIFIED" if terms.qualified_by_staff else "OCCURRED",
        }
        for position, (code, kind) in enumerate(kinds.items()):
            milestone = referrals.Milestone.objects.create(
                terms=terms,
                position=position,
                code=code,
                label=code,
                definition=f"Companies: {code}.",
                funnel=position + 1,
                needs_all=False,
            )
            test = referrals.MilestoneTest.objects.create(milestone=milestone, position=0, kind=kind)
            if kind == "OCCURRED":
                referrals.MilestoneTestEvent.objects.create(test=test, event_type="subscription.started")

    @factory.post_generation
    def reward(terms, create, extracted, **changes):
        ordinary = {
            "code": "welcome",
            "beneficiary": "REFERRER",
            "kind": "ACCOUNT_BALANCE",
            "amount_minor": 10_000,
            "recurrence": "ONCE",
            "withdrawable": changes.get("kind") != "ACCOUNT_CREDIT",
            "transferable": True,
            "fee_exempt": False,
        }
        reward = payouts.Reward.objects.create(terms=terms, position=0, **ordinary | changes)
        qualified = terms.milestones.get(code="qualified")
        payouts.RewardMilestone.objects.create(reward=reward, position=0, milestone=qualified)

    @factory.post_generation
    def schedule(terms, create, extracted, **changes):
        ordinary = {
            "anchor": "BONUS_ACTIVATED",
            "month_offset": 1,
            "opens_kind": "DAY_OF_MONTH",
            "opens_n": 16,
            "closes_kind": "DAY_OF_MONTH",
            "closes_n": -1,
            "condition": "MILESTONE_HOLDS",
            "if_paused": "WAIT",
            "if_past_due": "WAIT",
            "release": "AUTOMATIC",
            "late_policy": "NEXT_RUN",
        }
        payouts.PayoutSchedule.objects.create(terms=terms, **ordinary | changes)

    @factory.post_generation
    def published(terms, create, extracted, **changes):
        if extracted is not False:
            terms.published_at, terms.sha256 = TERMS_BEGIN_AT, "f" * 64
            terms.save(update_fields=["published_at", "sha256"])


class ProgramFactory(DjangoModelFactory):
    """An active program with published terms; ``terms__schedule__release=`` and the like change these."""

    class Meta:
        model = referrals.Program
        skip_postgeneration_save = True

    host = factory.SubFactory(HostFactory)
    slug = factory.Sequence("program{}".format)
    name = "Refer a client"
    status = "ACTIVE"
    currency = "USD"
    time_zone = "UTC"
    landing_url = "https://app.company.example/sign-up"
    accounts = factory.PostGeneration(lambda program, *_, **__: open_accounts(program=program))
    terms = factory.RelatedFactory(TermsFactory, factory_related_name="program")


def open_accounts(*, program, enrollment=None):
    """Open the accounts in the books of a program, or of a referrer in it, where they are missing."""
    payouts.LedgerAccount.objects.bulk_create(
        (
            payouts.LedgerAccount(
                kind=kind, program=program, enrollment=enrollment, currency=program.currency
            )
            for kind in (OF_REFERRER if enrollment else OF_PROGRAM)
        ),
        ignore_conflicts=True,
    )
