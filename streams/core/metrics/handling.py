"""Handling: in how many steps cases are solved, by how many hands they go, and whether the customer has to come back.

Answers are counted by the waits that they end: rows of days know these, and not every message.
"""

from typing import Final

from msgspec.structs import replace

from schemas.policy import SettledAfter
from streams.core.metrics.metric import DAYS, DAYS_ASKED, Direction, Kind, Metric, Observations, Topic, Unit
from streams.core.metrics.observation import RATINGS, RESOLVER, in_charge
from streams.core.metrics.satisfaction import CSAT_SHARE

FOLLOWED_DAYS: Final = 7
"""So long after a resolution a contact about the same is the same case again."""

_AT: Final = "assumeNotNull(ticket.first_resolved_at)"
_IS_RESOLVED: Final = "first_resolved_at IS NOT NULL"

_ASKED: Final = f"FROM ticket_days WHERE {DAYS_ASKED} AND toDate(first_resolved_at) = day"
_TOLD: Final = f"""
(
    SELECT
        ticket_id AS id,
        sum(arrayCount(end -> ifNull(end <= {_AT} AND toDate(end) = day, false), waits.answered_at)) AS answers,
        max(arrayExists((start, can_decide) -> can_decide AND start <= {_AT}, waits.started_at, waits.can_decide))
            AS is_customers
    FROM {DAYS}
    WHERE day >= (SELECT ifNull(toDate(minOrNull(created_at)), toDate('2149-06-06')) {_ASKED})
        AND day <= toDate(first_resolved_at) AND is_effective AND ticket_id IN (SELECT ticket_id {_ASKED})
    GROUP BY ticket_id
)""".strip()  # noqa: S608 - words of ours
"""Of each ticket how many waits a person ended until the first resolution, and whether a customer asked.

A row knows the waits of its day, so all days of these tickets are read, from the creation of the oldest one on.
"""

_CONTACTS: Final = f"""
(
    SELECT customer_id AS whom, reason AS why, cycle.started_at AS back_at
    FROM {DAYS} ARRAY JOIN cycles AS cycle
    WHERE {DAYS_ASKED} AND is_effective AND customer_id != '' AND day = toDate(cycle.started_at)
)""".strip()  # noqa: S608 - words of ours
"""When customers came, and with what: a ticket of theirs was created or reopened."""

_WHOSE: Final = "tickets that an agent opened have none"

FIRST_RESOLUTIONS: Final = Observations(
    name="first_resolutions",
    one="a ticket that was resolved",
    clock="first_resolved_at: when it was resolved for the first time",
    columns={
        "at": _AT,
        "teams": f"arrayFilter((team, since) -> team != '' AND since <= {_AT}, charges.team, charges.since)",
    },
    source=DAYS,
    where=_IS_RESOLVED,
    doers=in_charge("at"),
    whose=RESOLVER,
)

CUSTOMERS_RESOLUTIONS: Final = replace(
    FIRST_RESOLUTIONS,
    name="customers_resolutions",
    one=f"a ticket with a customer's question that was resolved; {_WHOSE}",
    columns={"at": _AT, "answers": "told.answers"},
    source=f"{DAYS}\nJOIN\n{_TOLD} AS told ON told.id = ticket.ticket_id",
    where=f"{_IS_RESOLVED} AND told.is_customers",
)

FOLLOWED_RESOLUTIONS: Final = replace(
    CUSTOMERS_RESOLUTIONS,
    name="followed_resolutions",
    one=f"a ticket with a known customer's question that was resolved; {_WHOSE}",
    columns={
        **CUSTOMERS_RESOLUTIONS.columns,
        "is_back": f"contact.back_at > at AND contact.back_at <= at + toIntervalDay({FOLLOWED_DAYS})",
    },
    source=f"{CUSTOMERS_RESOLUTIONS.source}\nASOF LEFT JOIN\n{_CONTACTS} AS contact\n"
    f"    ON contact.whom = ticket.customer_id AND contact.why = ticket.reason AND contact.back_at > {_AT}",
    where=f"{CUSTOMERS_RESOLUTIONS.where} AND ticket.customer_id != ''",
    lookahead_seconds=FOLLOWED_DAYS * 86_400,
)

FIRST_CONTACT_RESOLUTION: Final = Metric(
    name="first_contact_resolution",
    title="Solved at the first contact",
    topic=Topic.RESOLUTION,
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    observations=FOLLOWED_RESOLUTIONS,
    numerator="of them those that needed at most one answer of a person, and whose customer did not come back with the "
    f"same reason within {FOLLOWED_DAYS} days",
    denominator="tickets of known customers, not opened by an agent, resolved for the first time in the window",
    hit="answers <= 1 AND NOT is_back",
    matures_days=FOLLOWED_DAYS,
    is_main=False,
    about="Coming back is another ticket of the customer with the same reason, or this one or such a one reopened, by "
    "whomever. Two tickets without a reason count as about the same; spam, tests and tickets merged away are no "
    "contacts. Answers are waits of the customer that a person's public answer ended before the resolution: two "
    f"messages in a row are one answer, those of bots none. For {FOLLOWED_DAYS} days after its window the share goes "
    "on falling, and is compared with nothing.",
)

REPLIES_PER_RESOLUTION: Final = Metric(
    name="replies_per_resolution",
    title="Answers per resolution",
    topic=Topic.RESOLUTION,
    unit=Unit.AVERAGE,
    direction=Direction.DOWN,
    kind=Kind.MEAN,
    observations=CUSTOMERS_RESOLUTIONS,
    numerator="how many answers of persons they needed until then",
    denominator="tickets with a customer's question, not opened by an agent, resolved for the first time in the window",
    value="answers",
    is_main=False,
    about="Answers are the customer's waits that a person's public answer ended: two messages in a row are one answer, "
    "those of bots none. What came after the first resolution does not count.",
)

ONE_TOUCH_SHARE: Final = replace(
    REPLIES_PER_RESOLUTION,
    name="one_touch_share",
    title="Solved with one answer",
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    numerator="of them those that needed exactly one answer of a person until then, whatever came later",
    hit="answers = 1",
    value="",
    about="Answers are counted as in replies_per_resolution. Whether the solution held is another matter: see "
    "first_contact_resolution.",
)

TICKETS_TRANSFERRED: Final = Metric(
    name="tickets_transferred",
    title="Tickets transferred",
    topic=Topic.RESOLUTION,
    unit=Unit.SHARE,
    direction=Direction.DOWN,
    kind=Kind.SHARE,
    observations=FIRST_RESOLUTIONS,
    numerator="of them those that went from one team to another at least once until then",
    denominator="tickets resolved for the first time in the window",
    hit="length(arrayCompact(teams)) > 1",
    is_main=False,
    about="The first team that a ticket is given to is no transfer, nor is another agent of the same team. It is "
    "counted for the team that resolved, not for the one that passed it on.",
)

_BEFORE: Final = in_charge("at")
_PASSED_ON: Final = " OR ".join(
    f"({before} != '' AND arrayExists((one, since) -> since > at AND one != '' AND one != {before}, "
    f"charges.{name.value}, charges.since))"
    for name, before in _BEFORE.items()
)

FOLLOWED_RATINGS: Final = replace(
    RATINGS, name="followed_ratings", columns={**RATINGS.columns, "is_passed_on": f"({_PASSED_ON})"}
)

_GIVEN_AWAY_FOR: Final = SettledAfter().reassignments

REASSIGNED_AFTER_BAD_RATING: Final = Metric(
    name="reassigned_after_bad_rating",
    title="Given away after a bad rating",
    topic=Topic.TRUST,
    unit=Unit.SHARE,
    direction=Direction.NEITHER,
    kind=Kind.SHARE,
    observations=FOLLOWED_RATINGS,
    numerator="of them those after which the ticket was given to another agent or team, whenever that happened",
    denominator="valid ratings in the window by customers who were not satisfied",
    counted=f"({CSAT_SHARE.counted}) AND NOT ({CSAT_SHARE.hit})",
    hit="is_passed_on",
    matures_days=_GIVEN_AWAY_FOR,
    matures_by="reassignments",
    is_main=False,
    about="Unsatisfied is who csat_share does not count as satisfied. Giving a case to a specialist is good service; "
    "where it is common, figures by whoever has a ticket now say little of those who did the work. A ticket that "
    "nobody had before, or that is given to nobody, is not given away. For "
    f"{_GIVEN_AWAY_FOR} days, unless the desk's policy says otherwise, the share goes on rising.",
)
