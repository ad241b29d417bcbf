"""What a program counts and what it gives, in the words of its terms."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Subquery
from django.db.models.functions import Coalesce

from payouts.models import Reward, RewardMilestone
from referrals.models import Enrollment, FunnelCount, Milestone, MilestoneAfter, Terms
from referrals.rules.words import Beneficiary


@dataclass(frozen=True, slots=True)
class Step:
    """A milestone of the terms, and how many accounts of the referrer have it now."""

    code: str
    label: str
    definition: str
    funnel: int | None
    accounts: int
    comes_later: bool
    """It holds only while another one holds: the qualification, mostly."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A reward of the terms, and what must be reached for it."""

    reward: Reward
    conditions: tuple[Milestone, ...]

    @property
    def is_for_referrer(self) -> bool:
        return self.reward.beneficiary == Beneficiary.REFERRER


Offers = Mapping[int, list[Offer]]
"""By the id of their terms."""


def steps_of(enrollment: Enrollment, *, terms: Terms) -> list[Step]:
    """All milestones of the terms, in their order."""
    counted = FunnelCount.objects.filter(enrollment=enrollment, milestone=OuterRef("code"))
    earlier = MilestoneAfter.objects.filter(milestone=OuterRef("pk"))
    rows = Milestone.objects.filter(terms=terms).values_list(
        "code",
        "label",
        "definition",
        "funnel",
        Coalesce(Subquery(counted.values("accounts")), 0),
        Exists(earlier),
    )
    return [Step(*row) for row in rows]


def counters(steps: Iterable[Step]) -> list[Step]:
    """The milestones that the program counts before the referrer's eyes, in the order of the funnel."""
    return sorted((step for step in steps if step.funnel is not None), key=lambda step: step.funnel or 0)


def offers_of(enrollment: Enrollment) -> Offers:
    """The rewards of every version of the terms: an account keeps its own."""
    required = (
        RewardMilestone.objects.filter(reward__terms__program=enrollment.program_id)
        .select_related("reward__terms", "milestone")
        .order_by("reward__position", "reward_id", "position")
    )
    conditions: dict[Reward, list[Milestone]] = {}
    for row in required:
        conditions.setdefault(row.reward, []).append(row.milestone)
    found: dict[int, list[Offer]] = defaultdict(list)
    for reward, milestones in conditions.items():
        found[reward.terms_id].append(Offer(reward, tuple(milestones)))
    return found
