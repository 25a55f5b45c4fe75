"""What pleases customers and what annoys them."""

import math
from random import Random
from typing import NamedTuple

from schemas.events import ContactType
from streams.simulation import world
from streams.simulation.chance import happens
from streams.simulation.contact import Contact
from streams.simulation.desk import Agent


class Experience(NamedTuple):
    """What a customer went through until the ticket was resolved.

    Attributes:
        strategy: How the case was handled; None where there was nothing to decide.
        agent: Who resolved it; None when a bot did.
        contact_type: What the contact was in the end.
        slowness: The longest wait, in multiples of the usual one.
        cycle: How often the desk has declared it solved.
    """

    contact: Contact
    strategy: str | None
    agent: Agent | None
    contact_type: ContactType
    slowness: float
    cycle: int


def is_satisfied(rng: Random, experience: Experience) -> bool:
    """Draw whether the customer is satisfied."""
    return happens(rng, satisfied_probability(experience))


def satisfied_probability(experience: Experience) -> float:
    """Return how likely this customer is satisfied: a base by strategy, less for all that went wrong."""
    strategy = experience.strategy
    probability = world.STRATEGIES[strategy].satisfied if strategy else world.SATISFIED_BASE
    if experience.agent:
        probability += world.QUALITY_RANGE * experience.agent.quality
    if experience.slowness > 2:
        probability -= min(world.MOST_SLOW_PENALTY, world.SLOW_PENALTY * math.log2(experience.slowness / 2))
    if experience.contact_type is ContactType.COMPLAINT:
        probability -= world.COMPLAINT_PENALTY
    if experience.contact.is_faulty:
        probability -= world.FAULT_PENALTY
    return probability - world.REOPENED_PENALTY * (experience.cycle - 1)


def comes_back(rng: Random, experience: Experience) -> bool:
    """Draw whether the customer writes again because it is not solved."""
    strategy = experience.strategy
    return happens(rng, world.STRATEGIES[strategy].reopened if strategy else world.REOPENED_SHARE)
