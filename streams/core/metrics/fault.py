"""Faults: one cause behind many tickets. How soon it is known and declared, who is told, and whether its fix holds."""

from typing import Final

from msgspec.structs import replace

from streams.core.metrics.metric import (
    DAYS,
    DAYS_ASKED,
    RETRACTED,
    Dimension,
    Direction,
    Kind,
    Metric,
    Observations,
    Topic,
    Unit,
)
from streams.core.metrics.observation import KNOWN_UNTIL, NEVER, unknown_but

STILL_HOURS: Final = 24
"""So long after a fix its customers are its own: who comes then, or still waits, says that it was none."""
LOOKBACK_DAYS: Final = 14
"""Tickets that were opened longer before what is asked for are not looked at."""
_LOOKBACK_SECONDS: Final = LOOKBACK_DAYS * 86_400
ACKNOWLEDGED_SECONDS: Final = 60
"""What no person says so shortly after a ticket was opened acknowledges it, and tells nothing."""
TOPIC: Final = "product_line, ' x ', reason"
"""SQL of the parts of a topic's name, under which the watch suspects a fault and a declared one is found."""
SUBJECT_OF_FAULT: Final = f"if(asset_id != '', concat('asset ', asset_id), concat('topic ', {TOPIC}))"
_ASSET_OR_TOPIC: Final = "concat('asset ', asset_id)", "concat('topic ', product_line, '\\0', reason)"
"""What could be broken: an asset, or a product line and a reason, whatever letters their names hold."""
_SUBJECTS_OF_TICKET: Final = f"""
if(
    fault_id != '',
    [concat('fault ', fault_id)],
    arrayFilter(
        subject -> subject NOT IN ('asset ', 'topic \\0'),
        [{", ".join(_ASSET_OR_TOPIC)}]
    )
)""".strip()
"""The fault that the desk says, or else what could be broken: a fault on it takes the ticket."""

_REACH: Final = f"""
(
    SELECT fault_id AS id, declared_at, reach.1 AS subject, reach.2 AS since_at, reach.3 AS until_at
    FROM faults
    ARRAY JOIN [
        (concat('fault ', fault_id), toDateTime64(0, 3, 'UTC'), {NEVER}),
        (
            if(asset_id != '', {", ".join(_ASSET_OR_TOPIC)}), began_at,
            ifNull(fixed_at + toIntervalHour({STILL_HOURS}), {NEVER})
        )
    ] AS reach
)""".strip()  # noqa: S608 - words of ours
"""From when until when a fault takes tickets that are on the same; those that name it it takes whenever they came."""
_ON_FAULTS: Final = f"""
(
    SELECT ticket.*, fault.id AS of_fault, fault.declared_at AS declared_at
    FROM {DAYS} ARRAY JOIN {_SUBJECTS_OF_TICKET} AS about
    INNER JOIN {_REACH} AS fault ON fault.subject = about
    WHERE {DAYS_ASKED} AND is_effective AND created_at >= fault.since_at AND created_at < fault.until_at
    ORDER BY fault.since_at DESC, fault.id DESC
    LIMIT 1 BY day, ticket_id
) AS ticket""".strip()  # noqa: S608 - words of ours
"""Each ticket once, on the one of the faults that reach it which began last."""

FAULT_TICKETS: Final = Observations(
    name="fault_tickets",
    one="a ticket of a fault: one that names it, or is about the same asset, or product and reason, from the fault's "
    f"begin until {STILL_HOURS} hours after it was fixed; of several faults that of the one that began last",
    clock="created_at: when the ticket was created",
    columns={"at": "created_at", "fault": "of_fault", "is_linked": "fault_id != ''"},
    source=_ON_FAULTS,
)

_MESSAGES: Final = f"""
(
    SELECT ticket_id, groupArray((at, is_person)) AS messages
    FROM messages_out
    WHERE ticket_id IN (SELECT ticket_id FROM {_ON_FAULTS})
        AND (source, id, ticket_id) NOT IN {RETRACTED}
    GROUP BY ticket_id
)""".strip()  # noqa: S608 - words of ours
_TELLS: Final = f"one.2 OR one.1 > created_at + toIntervalSecond({ACKNOWLEDGED_SECONDS})"
_FIRST_TOLD: Final = f"arrayMin(one -> if(one.1 >= at AND ({_TELLS}), one.1, {NEVER}), messages)"

FAULT_TOLD: Final = Observations(
    name="fault_told",
    one="a ticket of a fault that was declared, until its customer was told something in public; or until now",
    clock="since when the desk could tell: when the fault was declared, or when the ticket was created, if that came "
    "later",
    columns={
        "at": "greatest(created_at, declared_at)",
        "customer_of": "(of_fault, if(customer_id != '', customer_id, ticket_id), customer_id = '')",
        "told_at": f"if(empty(messages), {NEVER}, {_FIRST_TOLD})",
        "has_ended": f"told_at < {NEVER}",
        "seconds": f"greatest(0, dateDiff('millisecond', at, least(told_at, {KNOWN_UNTIL}))) / 1000",
    },
    home="created_at",
    lookback_seconds=_LOOKBACK_SECONDS,
    source=f"{_ON_FAULTS}\nLEFT JOIN {_MESSAGES} AS told USING (ticket_id)",
)

_SUSPECTED: Final = """
(
    SELECT concat(segment_kind, ' ', segment) AS about, groupArray(opened_at) AS opened
    FROM signals FINAL
    WHERE kind = 'fault_suspected' AND state != 'withdrawn'
    GROUP BY about
)""".strip()
_ITS_TICKETS: Final = f"""
(
    SELECT
        of_fault AS id,
        min(created_at) AS first_at,
        argMin(ticket.ticket_id, (created_at, ticket.ticket_id)) AS first_id,
        uniqExact(ticket.ticket_id) AS tickets,
        groupArrayArray(arrayPushBack(cycles.started_at, created_at)) AS reports,
        groupArrayArray(arrayFlatten(waits.open)) AS waiting
    FROM {_ON_FAULTS}
    GROUP BY id
)""".strip()  # noqa: S608 - words of ours
_AFTER: Final = f"fixed_at + toIntervalHour({STILL_HOURS})"
OF_FAULTS: Final = f"""
(
    SELECT
        toDate(declared_at) AS day,
        true AS is_effective,
        fault.*,
        its.first_id AS ticket_id,
        its.first_at AS first_at,
        its.tickets AS tickets,
        arrayMap(
            (fixed_at, ended_at, is_reopened) -> is_reopened
                OR arrayExists(at -> at > fixed_at AND at <= least({_AFTER}, ended_at), its.reports)
                OR (
                    ended_at > {_AFTER} AND {_AFTER} <= now64(3)
                    AND arrayExists(wait -> wait.1 <= {_AFTER} AND wait.2 > {_AFTER}, its.waiting)
                ),
            fault.`fixes.fixed_at`,
            fault.`fixes.ended_at`,
            fault.`fixes.is_reopened`
        ) AS `fixes.is_false`,
        arrayFilter(
            at -> at >= fault.began_at AND at < ifNull(fault.fixed_at + toIntervalHour({STILL_HOURS}), {NEVER}),
            suspected.opened
        ) AS suspicions,
        {unknown_but(Dimension.PRODUCT_LINE, Dimension.REASON)}
    FROM (SELECT *, {SUBJECT_OF_FAULT} AS subject FROM faults) AS fault
    LEFT JOIN {_ITS_TICKETS} AS its ON its.id = fault.fault_id
    LEFT JOIN {_SUSPECTED} AS suspected ON suspected.about = fault.subject
)""".strip()  # noqa: S608 - words of ours

FAULTS: Final = Observations(
    name="faults",
    one="a fault that was declared",
    clock="declared_at: when it was declared",
    columns={
        "at": "declared_at",
        "has_tickets": "tickets > 0",
        "until_declared": "greatest(0, dateDiff('millisecond', first_at, declared_at)) / 1000",
        "is_suspected": "notEmpty(suspicions) AND tickets > 0",
        "until_suspected": "greatest(0, dateDiff('millisecond', first_at, arrayMin(suspicions))) / 1000",
        "has_eta": "first_eta_at IS NOT NULL",
        "is_fixed": "fixed_at IS NOT NULL",
        "eta_error": "abs(dateDiff('millisecond', assumeNotNull(first_eta_at), assumeNotNull(fixed_at))) / 1000",
        "slips": "slips",
    },
    lookback_seconds=_LOOKBACK_SECONDS,
    source=OF_FAULTS,
    dimensions=frozenset({Dimension.PRODUCT_LINE, Dimension.REASON}),
)

FIXES: Final = Observations(
    name="fault_fixes",
    one="a time at which a fault was said to be fixed",
    clock="fixed_at: when that was said",
    columns={"at": "fix.fixed_at", "is_false": "fix.is_false"},
    home="declared_at",
    lookback_seconds=_LOOKBACK_SECONDS,
    lookahead_seconds=STILL_HOURS * 3600,
    source=f"{OF_FAULTS} ARRAY JOIN fixes AS fix",
    dimensions=frozenset({Dimension.PRODUCT_LINE, Dimension.REASON}),
)


FAULTS_DECLARED: Final = Metric(
    name="faults",
    title="Faults",
    topic=Topic.FAULTS,
    unit=Unit.NUMBER,
    direction=Direction.DOWN,
    kind=Kind.COUNT,
    observations=FAULTS,
    numerator="faults declared in the window",
    denominator="none: it is a count",
    n_min=0,
    is_main=False,
    about="A fault that nobody declares is none here; what was suspected stands on *Faults* beside them. Faults know "
    "no team: a product line and a reason where they were declared on these.",
)

FAULT_DECLARED_P50: Final = Metric(
    name="fault_declared_p50",
    title="Time to declare a fault, median",
    topic=Topic.FAULTS,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.QUANTILE,
    observations=FAULTS,
    numerator="time from a fault's first ticket to its declaration that half took longer than",
    denominator="faults declared in the window that have tickets",
    counted="has_tickets",
    value="until_declared",
    n_min=1,
    is_main=False,
    about=f"0 where it was declared before anybody called. Tickets of the {LOOKBACK_DAYS} days before are looked at.",
)

FAULT_SUSPECTED_P50: Final = replace(
    FAULT_DECLARED_P50,
    name="fault_suspected_p50",
    title="Time to suspect a fault, median",
    numerator="time from a fault's first ticket to when the watch suspected one that half took longer than",
    denominator="faults declared in the window that have tickets and that the watch suspected",
    counted="is_suspected",
    value="until_suspected",
    about="Beside fault_declared_p50: what is between the two is how long it takes to act on a suspicion.",
)

FALSE_FIX_RATE: Final = Metric(
    name="false_fix_rate",
    title="False fixes",
    topic=Topic.FAULTS,
    unit=Unit.SHARE,
    direction=Direction.DOWN,
    kind=Kind.SHARE,
    observations=FIXES,
    numerator="of them those after which the fault was reopened, or a ticket on it opened or reopened within "
    f"{STILL_HOURS} hours and before the next fix, or a customer still waits for an answer {STILL_HOURS} hours later",
    denominator="times in the window at which a fault was said to be fixed",
    hit="is_false",
    n_min=1,
    matures_days=1,
    is_main=False,
    about="A fix that customers do not feel is none. Of faults that were declared more than "
    f"{LOOKBACK_DAYS} days before, fixes are not seen.",
)

FAULT_TOLD_SHARE: Final = Metric(
    name="fault_customers_told",
    title="Customers told of a fault",
    topic=Topic.FAULTS,
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    observations=FAULT_TOLD,
    numerator="of them those who were told something in public on a ticket of it since",
    denominator="customers of faults, each once a fault, by when the desk could first tell them",
    hit="has_ended",
    once_per="customer_of",
    is_main=False,
    about="An answer of a person counts, and what a bot or the system sends, unless that comes within "
    f"{ACKNOWLEDGED_SECONDS} seconds of the ticket: an acknowledgement tells nothing. What is told on the telephone "
    "alone is not seen, nor what was told on a ticket that was merged into this one.",
)

FAULT_TOLD_P50: Final = Metric(
    name="fault_told_p50",
    title="Time to tell customers of a fault, median",
    topic=Topic.FAULTS,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.SURVIVAL,
    observations=FAULT_TOLD,
    numerator="time within which half of their customers were told something in public",
    denominator="tickets of faults, those whose customers were told nothing yet included",
    hit="has_ended",
    value="seconds",
    is_main=False,
    about="From when the desk could tell: the declaration, or the ticket, whatever came later. By the Kaplan-Meier "
    "estimate: whoever was told nothing yet counts for at least as long as until now.",
)

FAULT_ETA_ERROR_P50: Final = replace(
    FAULT_DECLARED_P50,
    name="fault_eta_error_p50",
    title="How far off the first expected end was, median",
    numerator="time between the first instant named and the one at which it was fixed that half exceeded",
    denominator="faults declared in the window that are fixed and had one named",
    counted="has_eta AND is_fixed",
    value="eta_error",
    about="Too early and too late alike: customers plan by it.",
)

FAULT_SLIPS: Final = Metric(
    name="fault_eta_slips",
    title="How often the expected end slipped",
    topic=Topic.FAULTS,
    unit=Unit.AVERAGE,
    direction=Direction.DOWN,
    kind=Kind.MEAN,
    observations=FAULTS,
    numerator="times on average that a later instant was named than before",
    denominator="faults declared in the window that had one named",
    counted="has_eta",
    value="slips",
    n_min=1,
    is_main=False,
    about="One that is honest and late is better than three that are hopeful.",
)

TICKETS_OF_FAULTS: Final = Metric(
    name="fault_tickets",
    title="Tickets of faults",
    topic=Topic.FAULTS,
    unit=Unit.NUMBER,
    direction=Direction.DOWN,
    kind=Kind.COUNT,
    observations=FAULT_TICKETS,
    numerator="tickets created in the window that belong to a fault",
    denominator="none: it is a count",
    n_min=0,
    is_main=False,
    about="Those that name it, and those on the same asset, or with the same product line and reason, from its begin "
    f"until {STILL_HOURS} hours after it was fixed.",
)

TICKETS_LINKED: Final = replace(
    TICKETS_OF_FAULTS,
    name="fault_tickets_linked",
    title="Tickets linked to a fault",
    direction=Direction.UP,
    numerator="tickets created in the window that the desk itself linked to a fault",
    counted="is_linked",
    about="Each was worked as a part of one case instead of one by one. Beside fault_tickets: what is not linked was.",
)
