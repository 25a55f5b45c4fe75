"""How old a figure is: how much of its window lies so far back that waiting no longer moves it. In words and in SQL."""

from typing import Final

from schemas.rows import Ms
from streams.core.metrics import Metric
from streams.core.window import DAY_MS, Window

ENDED_DAYS: Final = 45
"""A desk of which nothing is known for so long has ended. More than a month: lists are imported every month, too."""

FOLLOWED_UNTIL: Final = f"""
(
    SELECT if(told_until < instant AND told_until >= instant - toIntervalDay({ENDED_DAYS}), told_until, instant)
    FROM
    (
        SELECT toDateTime64(max(day) + 1, 3, 'UTC') AS told_until, now64(3, 'UTC') AS instant
        FROM ticket_days
    )
)""".strip()  # noqa: S608 - words of ours
"""Until when it is known what became of tickets.

That is the day of the newest event, for a desk whose events are late, or come once a week, cannot know more, whatever
the clock says. A desk that has ended - a log of years ago - says nothing more: waiting changes nothing there, and its
figures are as old as the clock says.
"""


def maturity(metric: Metric, window: Window, followed_until: Ms) -> float:
    """Return how much of a window is old enough that its figure no longer moves by waiting, from 0 to 1.

    Args:
        metric: See its `matures_days`.
        window: Of the figure.
        followed_until: As `FOLLOWED_UNTIL` says.
    """
    if not metric.matures_days:
        return 1.0
    old = followed_until - metric.matures_days * DAY_MS - window.start_at
    return min(1.0, max(0.0, old / window.length_ms))
