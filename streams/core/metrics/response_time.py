"""Response time: how long customers wait for a person."""

from typing import Final

from msgspec.structs import replace

from streams.core.metrics.metric import Direction, Kind, Metric, Topic, Unit, tail_of
from streams.core.metrics.observation import (
    ANSWERED_WAITS,
    BEGUN_WAITS,
    BOT_RESPONSES,
    FIRST_RESPONSES,
    FIRST_TARGET_SECONDS,
    FIRST_TARGETS,
    NEXT_TARGET_SECONDS,
    NEXT_TARGETS,
    OPEN_WAITS,
    SILENT_RESOLUTIONS,
)

TIME_TO_FIRST_RESPONSE_P50: Final = Metric(
    name="time_to_first_response_p50",
    title="Time to first response, median",
    topic=Topic.RESPONSE,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.SURVIVAL,
    observations=BEGUN_WAITS,
    numerator="time within which half of the customers had their first public answer of a person",
    denominator="first waits of tickets that began in the window, unanswered ones included",
    counted="is_first",
    hit="has_ended",
    value="seconds",
    p=0.5,
    about="Calendar time, by the Kaplan-Meier estimate: who still waits is known to wait longer than until now, and "
    "counts for that. first_response_p50 knows answered customers alone, by when they were answered: it can fall while "
    "the queue grows, and rises as it is worked off. A ticket counts once, with its first wait; a resolution without "
    "an answer ends what is known of that. Tickets that an agent opened are left out. Not reached: too few were "
    "answered.",
)

TIME_TO_FIRST_RESPONSE_P90: Final = tail_of(
    TIME_TO_FIRST_RESPONSE_P50,
    90,
    numerator="time within which nine in ten customers had their first public answer of a person",
)

TIME_TO_RESPONSE_P50: Final = replace(
    TIME_TO_FIRST_RESPONSE_P50,
    name="time_to_response_p50",
    title="Time to any response, median",
    numerator="time within which half of the waits of customers had a person's public answer",
    denominator="waits that began in the window, unanswered ones included",
    counted="",
    about="As time_to_first_response_p50, for every wait of a customer: next_response_p50 knows the answered ones "
    "alone, by when they were answered. Customers who write once more while they wait begin no other wait.",
)

TIME_TO_RESPONSE_P90: Final = tail_of(
    TIME_TO_RESPONSE_P50,
    90,
    numerator="time within which nine in ten waits of customers had a person's public answer",
)

FIRST_RESPONSE_P50: Final = Metric(
    name="first_response_p50",
    title="First response, median",
    topic=Topic.RESPONSE,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.QUANTILE,
    observations=FIRST_RESPONSES,
    numerator="time that a customer waited for the first public answer of a person on a ticket; half took longer",
    denominator="first answers given in the window",
    value="seconds",
    p=0.5,
    about="Calendar time. Bots, private notes and tickets that an agent opened are left out. A wait begins when the "
    "customer opens the ticket or writes while nobody owes an answer. A resolution or closing after which the customer "
    "comes back ended it without an answer; coming back begins the next wait, and the first answer is measured from "
    "the wait that it ended. A resolution that the desk takes back without a word from the customer never ended "
    "anything. Whoever is still unanswered is in no window yet: time_to_first_response_p50 counts them too.",
    is_main=False,
)

FIRST_RESPONSE_P90: Final = tail_of(
    FIRST_RESPONSE_P50,
    90,
    about="As first_response_p50, but what the unlucky tenth exceeds: the wait that customers tell others about.",
)

FIRST_RESPONSE_P99: Final = tail_of(FIRST_RESPONSE_P50, 99)

FIRST_RESPONSE_WITHIN: Final = Metric(
    name="first_response_within",
    title=f"First response within {FIRST_TARGET_SECONDS // 3600} h",
    topic=Topic.RESPONSE,
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    observations=FIRST_TARGETS,
    numerator=f"of them those answered by a person within {FIRST_TARGET_SECONDS // 60} minutes",
    denominator="tickets whose first wait was decided in the window: answered in time, or still going on as its target "
    "passed",
    hit="is_kept",
    about="A customer who waits past the target is a miss from that instant on, answered or not: leaving a ticket "
    "alone, or parking it as resolved, never improves this. A wait that a resolution ended before the target, without "
    "an answer, decides nothing; if the customer comes back, the next wait stands in for it, of the first eight.",
)

FIRST_RESPONSE_N: Final = Metric(
    name="first_response_n",
    title="First responses",
    topic=Topic.RESPONSE,
    unit=Unit.NUMBER,
    direction=Direction.NEITHER,
    kind=Kind.COUNT,
    observations=FIRST_RESPONSES,
    numerator="first answers given in the window",
    denominator="none: it is a count",
    n_min=0,
    about="How many customers got their first answer from a person.",
)

NEXT_RESPONSE_P50: Final = Metric(
    name="next_response_p50",
    title="Any response, median",
    topic=Topic.RESPONSE,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.QUANTILE,
    observations=ANSWERED_WAITS,
    numerator="time that a customer waited for a person's public answer, first or later; half took longer",
    denominator="waits that ended in the window",
    value="seconds",
    p=0.5,
    is_main=False,
    about="Every wait counts, not only the first: desks that answer fast once and then fall silent show here. Whoever "
    "is still unanswered is in no window yet: time_to_response_p50 counts them too.",
)

NEXT_RESPONSE_P90: Final = tail_of(NEXT_RESPONSE_P50, 90)

NEXT_RESPONSE_P99: Final = tail_of(NEXT_RESPONSE_P50, 99)

NEXT_RESPONSE_WITHIN: Final = replace(
    FIRST_RESPONSE_WITHIN,
    name="next_response_within",
    title=f"Any response within {NEXT_TARGET_SECONDS // 3600} h",
    observations=NEXT_TARGETS,
    numerator=f"of them those answered by a person within {NEXT_TARGET_SECONDS // 60} minutes",
    denominator="waits answered in time within the window, or still going on as their target passed in the window",
    is_main=False,
    about="As first_response_within, for every wait of a customer: whichever of them a resolution ended before its "
    "target, without an answer, counts on neither side. Whoever writes again once the target has passed asks anew, and "
    "is measured from then as well: who is let down twice counts twice, answered in between or not.",
)

BOT_RESPONSE_P50: Final = Metric(
    name="bot_response_p50",
    title="First answer of a bot, median",
    topic=Topic.RESPONSE,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.QUANTILE,
    observations=BOT_RESPONSES,
    numerator="time from the creation of a ticket to the first public message of a bot on it; half took longer",
    denominator="first answers of bots given in the window",
    value="seconds",
    is_main=False,
    about="Bots never enter the response times of people: a receipt within a second answers nobody.",
)

RESOLVED_UNANSWERED: Final = Metric(
    name="resolved_unanswered",
    title="Resolved without an answer",
    topic=Topic.RESPONSE,
    unit=Unit.NUMBER,
    direction=Direction.DOWN,
    kind=Kind.COUNT,
    observations=SILENT_RESOLUTIONS,
    numerator="tickets resolved for the first time in the window on which no person has written to the customer yet",
    denominator="none: it is a count",
    n_min=0,
    about="They have no response time. Cases solved on the phone or in person are among them, and those of bots; more "
    "of them than usual are tickets that were closed instead of answered.",
)

OPEN_WAITS_NOW: Final = Metric(
    name="open_waits",
    title="Customers waiting",
    topic=Topic.RESPONSE,
    unit=Unit.NUMBER,
    direction=Direction.DOWN,
    kind=Kind.COUNT,
    observations=OPEN_WAITS,
    numerator="customers who wait for a person's answer as the window ends",
    denominator="none: it is a count",
    n_min=0,
    about="Of a window that ends now: those who wait now. Of an earlier one it is what today's knowledge says of that "
    "instant, for the team that was in charge then.",
)
