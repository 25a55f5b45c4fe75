"""The service desk as everybody finds it: its people, how many wait, how fast it answers, what goes wrong this week."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from random import Random
from typing import NamedTuple

from streams.simulation import world
from streams.simulation.chance import Weighted, around
from streams.simulation.contact import Contact
from streams.simulation.rhythm import DAY, HOUR, SECOND, Rhythm, Span
from streams.simulation.timeline import Timeline
from streams.simulation.world import CHANNELS, PRIORITY_PACE, Reason, Team


class Agent(NamedTuple):
    """One person of the desk.

    Attributes:
        id: The id that events carry.
        pace: How long this person takes, relative to the others.
        quality: From -1 to 1; zero is average.
        solves: How readily this person solves a problem instead of judging about it.
    """

    id: str
    pace: float
    quality: float
    solves: float


class Reply(NamedTuple):
    """When an answer comes.

    Attributes:
        at: The instant.
        slowness: The working time it took, in multiples of what is usual for this team and channel.
    """

    at: int
    slowness: float


class Crew:
    """A team with its people and with those who wait for it."""

    def __init__(self, team: Team, agents: list[Agent]) -> None:
        self.name = team.name
        self.pace = team.pace
        self.weight = team.weight
        self.agents = agents
        # Who is faster takes more tickets.
        self._shares = Weighted({agent: 1 / agent.pace for agent in agents})
        self._reasons = Weighted({reason: reason.weight for reason in team.reasons})
        self._named = {reason.name: reason for reason in team.reasons}
        self._waiting: dict[Contact, None] = {}

    def an_agent(self, rng: Random) -> Agent:
        """Return whoever takes the next ticket."""
        return self._shares.draw(rng)

    def a_reason(self, rng: Random) -> Reason:
        """Return why somebody gets in touch with this team."""
        return self._reasons.draw(rng)

    def reason(self, name: str) -> Reason:
        """Return one of this team's reasons by its name."""
        return self._named[name]

    @property
    def best(self) -> Agent:
        """Who gets the difficult cases."""
        return max(self.agents, key=lambda agent: agent.quality)

    @property
    def waiting(self) -> int:
        """How many customers wait for an answer."""
        return len(self._waiting)

    def somebody_waiting(self, rng: Random) -> Contact | None:
        """Return somebody who waits, None when nobody does."""
        if not self._waiting:
            return None
        return next(islice(self._waiting, rng.randrange(len(self._waiting)), None))

    @contextmanager
    def queue(self, contact: Contact) -> Iterator[None]:
        """Count a contact as waiting for as long as the block lasts, even if its tale is broken off in there."""
        self._waiting[contact] = None
        try:
            yield
        finally:
            del self._waiting[contact]


class Desk:
    """The desk of one simulated world. Everything random is drawn from its generator, in order of simulated time."""

    def __init__(
        self, rng: Random, timeline: Timeline, rhythm: Rhythm, fault: Span, per_day: float, live_per_day: float
    ) -> None:
        self.rng = rng
        self.timeline = timeline
        self.rhythm = rhythm
        self.fault = fault
        self._per_day = per_day
        self._live_per_day = live_per_day
        self.crews = [Crew(team, [_hire(rng, id) for id in team.agents]) for team in world.TEAMS]
        self._by_team = {crew.name: crew for crew in self.crews}
        self._by_weight = Weighted({crew: crew.weight for crew in self.crews})
        self._by_weight_in_fault = Weighted({crew: crew.weight * self._extra(crew) for crew in self.crews})

    def is_faulty(self, crew: Crew, at: int) -> bool:
        """Say whether the carrier is losing the boxes of this crew's customers."""
        return crew.name == world.FAULTY_TEAM and at in self.fault

    def demand(self, at: int) -> float:
        """Return how many tickets a day would come if it went on like this."""
        surge = sum(crew.weight * self._extra(crew) for crew in self.crews) if at in self.fault else 1.0
        return self._usual_per_day(at) * self.rhythm.demand(at) * surge

    def next_arrival(self, rng: Random, at: int, per_ticket: float) -> int:
        """Return the next arrival of a Poisson process whose rate changes with the hour.

        Args:
            rng: Draws it.
            at: After this instant.
            per_ticket: How many come for each ticket.
        """
        ahead = rng.expovariate(1.0)
        while True:
            rate = self.demand(at) * per_ticket / DAY
            changes_at = self.rhythm.demand_changes_at(at)
            if ahead < rate * (changes_at - at):
                return at + int(ahead / rate) + 1
            ahead -= rate * (changes_at - at)
            at = changes_at

    def crew(self, team: str) -> Crew:
        """Return a team by its name."""
        return self._by_team[team]

    def a_crew(self, at: int) -> Crew:
        """Return the team that a contact is for."""
        return (self._by_weight_in_fault if at in self.fault else self._by_weight).draw(self.rng)

    def another_crew(self, crew: Crew) -> Crew:
        """Return a team that is not concerned."""
        return self.rng.choice([other for other in self.crews if other is not crew])

    def reply(self, contact: Contact, at: int, crew: Crew, agent: Agent, *, is_first: bool) -> Reply:
        """Return when an agent answers somebody who waits from `at` on, opening hours considered."""
        way = CHANNELS[contact.channel]
        usual = (way.reply_seconds if is_first else way.next_reply_seconds) * crew.pace
        pace = agent.pace * PRIORITY_PACE[contact.priority] * self._pressure(crew, at)
        if self.is_faulty(crew, at):
            pace *= world.FAULT_PACE
        slowness = around(self.rng, pace, world.REPLY_SPREAD)
        working = int(usual * slowness * SECOND) + 2 * SECOND
        return Reply(self.rhythm.worked(at, working), slowness)

    def _pressure(self, crew: Crew, at: int) -> float:
        """Return how much longer than usual everything takes, for the number of people who wait."""
        usual = self._usual_per_day(at) / 24 * crew.weight * world.USUAL_QUEUE_HOURS
        return min(2.0, max(0.7, math.sqrt((crew.waiting + 1) / (usual + 1))))

    def _usual_per_day(self, at: int) -> float:
        return self._live_per_day if self.rhythm.is_live(at) else self._per_day

    @staticmethod
    def _extra(crew: Crew) -> float:
        return 1.0 + (world.FAULT_EXTRA_CONTACTS if crew.name == world.FAULTY_TEAM else 0.0)


def _hire(rng: Random, agent_id: str) -> Agent:
    return Agent(agent_id, pace=around(rng, 1.0, 0.25), quality=rng.uniform(-1, 1), solves=rng.betavariate(1.6, 1.1))


def hours(rng: Random, median: float, spread: float = 0.8) -> int:
    """Return a log-normal duration, its median given in hours."""
    return int(around(rng, median, spread) * HOUR)


def seconds(rng: Random, median: float, spread: float = 0.8) -> int:
    """Return a log-normal duration, its median given in seconds."""
    return int(around(rng, median, spread) * SECOND) + 1
