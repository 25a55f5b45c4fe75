"""What the shop does about how its customers fare: recorded, so that its effect can be measured."""

from typing import Final

from schemas.events import InterventionKind, InterventionRecorded
from streams.simulation import world
from streams.simulation.rhythm import DAY, HOUR, Span
from streams.simulation.timeline import Subject, Tale, Timeline

_TRAINING_AFTER: Final = -7 * DAY + 10 * HOUR
_TEXT_AFTER: Final = 9 * DAY + 10 * HOUR
"""After the begin of the faulty week."""


def start_interventions(timeline: Timeline, week: Span, prefix: str, start: int) -> None:
    """Let a team be trained before the faulty week, and a text be changed after it.

    Neither changes anything in this world: what is measured of them is what chance makes of nothing.

    Args:
        timeline: Where it happens.
        week: The faulty week.
        prefix: What ids begin with.
        start: When the desk opens: what would lie before that does not happen.
    """
    done = (
        (_TRAINING_AFTER, "training", InterventionKind.TRAINING, "invoices on the telephone", "billing", None),
        (_TEXT_AFTER, "text", InterventionKind.PROCESS, "a new text for copies of invoices", None, "invoice-copy"),
    )
    for after, name, kind, title, team, reason in done:
        at = week.start + after
        if at >= start:
            subject = Subject(world.DESK_SOURCE, f"{prefix}{name}", f"{prefix}{name}")
            said = InterventionRecorded(intervention_id=subject.key, kind=kind, title=title, team=team, reason=reason)
            timeline.start(_once(at, said), subject)


def _once(at: int, said: InterventionRecorded) -> Tale:
    yield at, said
