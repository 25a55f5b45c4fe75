"""Integrity: whether the numbers come about as they should. Who is asked, who rates, what is repeated, what is stopped.

None of these proves bad faith. Each says where to look, with the cases behind it.
"""

from typing import Final

from msgspec.structs import replace

from streams.core.metrics.continuity import LATELY_DAYS
from streams.core.metrics.handling import FIRST_RESOLUTIONS
from streams.core.metrics.in_target import RESOLUTIONS_IN_TARGET
from streams.core.metrics.metric import (
    CUSTOMER,
    DAYS,
    DAYS_ASKED,
    OF_CUSTOMER,
    RETRACTED,
    Direction,
    Kind,
    Metric,
    Observations,
    Topic,
    Unit,
)
from streams.core.metrics.observation import (
    ANSWERED_WAITS,
    CYCLES,
    FIRST_TARGET_SECONDS,
    RATINGS,
    WAITED,
    in_charge,
    told_beside,
)

APART_DAYS: Final = 30
"""So many days may lie between a customer's rating and an agent's of the same case."""
ASKED_DAYS: Final = 7
"""So long after a resolution a survey is about it."""
SLOW_DAYS: Final = 31
"""Of a case that was resolved later than this after it began it is not looked up how its first answer was."""
BURST_SECONDS: Final = 600
BURST_RATINGS: Final = 3
"""So many ratings of one customer in so short a time are a burst."""
BACK_HOURS: Final = 24
"""A case that comes back within so many hours was not done."""
SETTLED_DAYS: Final = 92
"""An outcome that is told later than this after the creation of its ticket is not seen."""
RETURN: Final = "return"
"""What a desk calls it when goods come back."""

_RATED_AT: Final = "rating.rated_at"

RATED_TWICE: Final = Observations(
    name="rated_twice",
    one=f"a customer's valid rating of satisfaction on a ticket that an agent rated within {APART_DAYS} days of it",
    clock="rated_at: when the customer gave it",
    columns={
        "at": _RATED_AT,
        "own": f"arrayMap(one -> one.2, arrayFilter(one -> abs(dateDiff('second', one.1, {_RATED_AT})) "
        f"<= {APART_DAYS * 86_400}, inside.told))",
        "apart": "arrayAvg(own) - rating.score",
        CUSTOMER: OF_CUSTOMER,
    },
    source=f"""{DAYS} ARRAY JOIN ratings AS rating
INNER JOIN
(
    SELECT ticket_id, groupArray((rating.rated_at, rating.score)) AS told
    FROM {DAYS} ARRAY JOIN ratings AS rating
    WHERE {DAYS_ASKED} AND day = toDate(rating.rated_at)
        AND is_effective AND rating.source = 'agent' AND rating.kind = 'csat'
    GROUP BY ticket_id
) AS inside USING (ticket_id)""",  # noqa: S608 - words of ours
    where="rating.source = 'customer' AND rating.kind = 'csat' AND notEmpty(own)",
    doers=RATINGS.doers,
    whose=RATINGS.whose,
    lookback_seconds=APART_DAYS * 86_400,
    lookahead_seconds=APART_DAYS * 86_400,
)

SELF_RATING_BIAS: Final = Metric(
    name="self_rating_bias",
    title="Agents' own ratings above the customers'",
    topic=Topic.INTEGRITY,
    unit=Unit.AVERAGE,
    direction=Direction.DOWN,
    kind=Kind.MEAN,
    observations=RATED_TWICE,
    numerator="how many points of 100 the agents' rating lies above the customer's",
    denominator="valid ratings of satisfaction that customers gave in the window, on tickets that an agent rated, too",
    value="apart",
    is_main=False,
    about="Ratings that agents enter never count as satisfaction; here it shows by how much they would have flattered "
    "it. Of several by agents within 30 days their mean counts. Below 0 agents are stricter than their customers.",
)

_OFFERED: Final = f"""
(
    SELECT ticket_id, groupArray(survey.offered_at) AS offered
    FROM {DAYS} ARRAY JOIN surveys AS survey
    WHERE {DAYS_ASKED} AND is_effective AND day = toDate(survey.offered_at)
    GROUP BY ticket_id
)""".strip()  # noqa: S608 - words of ours
_SLOW: Final = f"""
(
    SELECT ticket_id, true AS was_slow
    FROM {WAITED}
    WHERE {DAYS_ASKED} AND is_effective AND day = toDate(wait.started_at) AND wait.is_first
        AND ifNull(wait.answered_at > wait.started_at + toIntervalSecond({FIRST_TARGET_SECONDS}), true)
    GROUP BY ticket_id
)""".strip()  # noqa: S608 - words of ours
"""Tickets whose customer waited longer than an hour for the first answer, or in vain."""

ASKED_RESOLUTIONS: Final = replace(
    FIRST_RESOLUTIONS,
    name="asked_resolutions",
    one="a ticket that was resolved, and whether a survey went out from an hour before until "
    f"{ASKED_DAYS} days after that",
    columns={
        "at": FIRST_RESOLUTIONS.columns["at"],
        "is_asked": f"arrayExists(one -> one >= at - toIntervalHour(1) AND one <= at + toIntervalDay({ASKED_DAYS}), "
        "offered)",
        "is_slow": f"was_slow AND created_at > at - toIntervalDay({SLOW_DAYS})",
    },
    source=f"""{DAYS} LEFT JOIN
{_OFFERED} AS surveyed USING (ticket_id)
LEFT JOIN
{_SLOW} AS slow USING (ticket_id)""",
    lookback_seconds=SLOW_DAYS * 86_400,
    lookahead_seconds=ASKED_DAYS * 86_400,
)

SURVEYED_SHARE: Final = Metric(
    name="surveyed_share",
    title="Customers asked after a case",
    topic=Topic.INTEGRITY,
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    observations=ASKED_RESOLUTIONS,
    numerator=f"of them those whose customer was sent a survey, at most {ASKED_DAYS} days later",
    denominator="tickets resolved for the first time in the window",
    hit="is_asked",
    matures_days=ASKED_DAYS,
    is_main=False,
    about="Satisfaction says nothing of customers who were never asked. A desk may ask every third one; it should be "
    "every third one of everybody: an agent far below the others chooses, or has a channel that does not ask.",
)

SURVEYED_AFTER_SLOW_SHARE: Final = replace(
    SURVEYED_SHARE,
    name="surveyed_after_slow_share",
    title="Asked after a slow first answer",
    denominator="tickets resolved for the first time in the window whose customer had waited longer than an hour for "
    "the first answer, or in vain",
    counted="is_slow",
    about="Read it beside surveyed_share: where customers who were served badly are asked more rarely than all, "
    f"surveys are withheld. Cases that took longer than {SLOW_DAYS} days are in surveyed_share alone.",
)

_GIVEN: Final = f"""
(
    SELECT customer_id, groupArray(rating.rated_at) AS given
    FROM {DAYS} ARRAY JOIN ratings AS rating
    WHERE {DAYS_ASKED} AND is_effective AND customer_id != '' AND day = toDate(rating.rated_at)
        AND rating.source = 'customer'
    GROUP BY customer_id
)""".strip()  # noqa: S608 - words of ours

KNOWN_RATINGS: Final = Observations(
    name="ratings_of_known_customers",
    one="a valid rating of a known customer, of whatever kind",
    clock="rated_at: when the rating was given",
    columns={
        "at": _RATED_AT,
        "at_once": f"arrayCount(one -> abs(dateDiff('millisecond', one, {_RATED_AT})) <= {BURST_SECONDS}000, given)",
        CUSTOMER: OF_CUSTOMER,
    },
    source=f"{DAYS} ARRAY JOIN ratings AS rating\nLEFT JOIN\n{_GIVEN} AS others USING (customer_id)",
    where="rating.source = 'customer' AND customer_id != ''",
    doers=RATINGS.doers,
    whose=RATINGS.whose,
    lookback_seconds=BURST_SECONDS,
    lookahead_seconds=BURST_SECONDS,
)

RATINGS_IN_BURSTS: Final = Metric(
    name="ratings_in_bursts",
    title="Ratings that came in bursts",
    topic=Topic.INTEGRITY,
    unit=Unit.SHARE,
    direction=Direction.DOWN,
    kind=Kind.SHARE,
    observations=KNOWN_RATINGS,
    numerator=f"of them those with {BURST_RATINGS - 1} others of the same customer, or more, not further than "
    f"{BURST_SECONDS // 60} minutes away",
    denominator="valid ratings of known customers in the window",
    hit=f"at_once >= {BURST_RATINGS}",
    is_main=False,
    about="Hardly anybody rates three cases in one sitting. Somebody who does may rate in bulk, be a test, or be no "
    "customer at all. The interval counts customers, not ratings.",
)

_BACK: Final = f"""
(
    SELECT ticket_id AS id, groupArray(cycle.started_at) AS began
    FROM {CYCLES}
    WHERE {DAYS_ASKED} AND is_effective AND NOT cycle.is_first AND day = toDate(cycle.started_at)
    GROUP BY id
)""".strip()  # noqa: S608 - words of ours

STOPPED_CLOCKS: Final = replace(
    RESOLUTIONS_IN_TARGET,
    name="stopped_clocks",
    one="a cycle that was resolved with less than a tenth of its target left by the clock",
    columns={
        **RESOLUTIONS_IN_TARGET.columns,
        "is_back": f"arrayExists(again -> again > at AND again <= at + toIntervalHour({BACK_HOURS}), back.began)",
    },
    source=f"{RESOLUTIONS_IN_TARGET.source}\nLEFT JOIN\n{_BACK} AS back ON back.id = ticket.ticket_id",
    where=f"{RESOLUTIONS_IN_TARGET.where}\n"
    "    AND is_kept AND dateDiff('millisecond', at, due_at) < target_seconds * 100",
    lookahead_seconds=BACK_HOURS * 3_600,
)

REOPENED_AFTER_TARGET: Final = Metric(
    name="reopened_after_target",
    title="Just in time, and open again",
    topic=Topic.INTEGRITY,
    unit=Unit.SHARE,
    direction=Direction.DOWN,
    kind=Kind.SHARE,
    observations=STOPPED_CLOCKS,
    numerator=f"of them those reopened within {BACK_HOURS} hours, by whomever",
    denominator="cycles resolved in the window within their target, with less than a tenth of it left",
    hit="is_back",
    matures_days=1,
    is_main=False,
    about="A case that is closed as its target passes and opened again as soon as it has is a stopped clock, not a "
    "solution. Compare it with reopen_rate, which is of all resolutions: as many as there come back by themselves.",
)

_CAME: Final = f"""
(
    SELECT customer_id, reason, groupArray(created_at) AS came
    FROM {DAYS}
    WHERE {DAYS_ASKED} AND is_effective AND customer_id != '' AND day = toDate(created_at)
    GROUP BY customer_id, reason
)""".strip()  # noqa: S608 - words of ours
_TOLD: Final = f"""
(
    SELECT customer_id, reason, groupArray((sent_at, template_id, ticket_id)) AS told
    FROM {DAYS} INNER JOIN
    (
        SELECT day, ticket_id, at AS sent_at, template_id
        FROM templated_messages FINAL
        WHERE {DAYS_ASKED} AND (source, id, ticket_id) NOT IN {RETRACTED}
    ) AS message USING (day, ticket_id)
    WHERE {DAYS_ASKED} AND is_effective AND customer_id != ''
    GROUP BY customer_id, reason
)""".strip()  # noqa: S608 - words of ours
"""What customers got that was written from a template, about which reason: when, from which, on which ticket."""
_LATELY: Final = f"at - toIntervalDay({LATELY_DAYS})"
_HAD_IT: Final = f"one -> one.2 = own.2 AND one.1 < at AND one.1 >= {_LATELY}"

REPEAT_ANSWERS: Final = replace(
    ANSWERED_WAITS,
    name="answers_on_repeat_contacts",
    one="a person's answer that ended the wait of a known customer who had come with the same reason before, with "
    f"another ticket, in the {LATELY_DAYS} days until then",
    columns={
        "at": ANSWERED_WAITS.columns["at"],
        "is_repeat": f"arrayExists(one -> one < created_at AND one >= {_LATELY}, came)",
        "is_canned": f"arrayExists(own -> own.3 = ticket_id AND own.1 = at AND arrayExists({_HAD_IT}, told), told)",
        CUSTOMER: OF_CUSTOMER,
    },
    source=f"""{WAITED}
LEFT JOIN
{_CAME} AS contacts USING (customer_id, reason)
LEFT JOIN
{_TOLD} AS answers USING (customer_id, reason)""",
    where=f"{ANSWERED_WAITS.where} AND customer_id != '' AND is_repeat",
    lookback_seconds=LATELY_DAYS * 86_400,
)

CANNED_REPEATS: Final = Metric(
    name="canned_repeats",
    title="Told the same text again",
    topic=Topic.INTEGRITY,
    unit=Unit.SHARE,
    direction=Direction.DOWN,
    kind=Kind.SHARE,
    observations=REPEAT_ANSWERS,
    numerator="of them those written from a template that this customer had already got for this reason in those "
    f"{LATELY_DAYS} days",
    denominator="answers of persons in the window that ended the wait of a known customer who had come with the same "
    f"reason in the {LATELY_DAYS} days before, with another ticket",
    hit="is_canned",
    is_main=False,
    about="A text that did not help the first time does not help the second time, and the customer knows it by heart. "
    "Needs `template_id` of messages; what bots send, and messages on tickets merged away, do not count, nor does a "
    "second message in a row. Two tickets without a reason count as about the same.",
)

_OUTCOMES: Final = told_beside("ticket.outcome_set", "argMax((at, requested, granted), (at, sequence, id)) AS said")

OUTCOMES: Final = Observations(
    name="outcomes",
    one="a ticket of which it was told what the customer wanted, and what it was settled with",
    clock="told_at: when that was last told, not before the creation of the ticket",
    columns={"at": "greatest(said.1, created_at)", "requested": "said.2", "granted": "said.3"},
    home="created_at",
    lookback_seconds=SETTLED_DAYS * 86_400,
    source=f"{DAYS} INNER JOIN\n{_OUTCOMES} AS outcomes USING (ticket_id)",
    where=f"said.1 < created_at + toIntervalDay({SETTLED_DAYS})",
    doers=in_charge("at"),
    whose="the team and the agent in charge then",
)

AS_REQUESTED: Final = Metric(
    name="settled_as_requested",
    title="Settled as the customer wanted",
    topic=Topic.INTEGRITY,
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    observations=OUTCOMES,
    numerator="of them those settled with what the customer wanted",
    denominator="tickets whose outcome was told in the window, by `ticket.outcome_set`",
    hit="requested = granted",
    is_main=False,
    about="The latest word on a ticket counts, as long as it comes within 92 days of its creation. Of tickets merged "
    "away nothing counts.",
)

PUSHED_TO_RETURN: Final = replace(
    AS_REQUESTED,
    name="pushed_to_return",
    title="Pushed into a return",
    direction=Direction.DOWN,
    numerator=f"of them those settled with a `{RETURN}`",
    denominator="tickets whose outcome was told in the window, and whose customer had wanted anything but a return",
    counted=f"requested != '{RETURN}'",
    hit=f"granted = '{RETURN}'",
    about="A return ends a case quickly, and often the customer as well. settled_as_requested says how often customers "
    "get what they want at all; *Worth* says what returns cost.",
)
