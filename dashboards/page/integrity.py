"""Integrity: whether the numbers come about as they should. Nothing here proves bad faith; it says where to look."""

from typing import Final

from dashboards import figure, panel, query, variable
from dashboards.dashboard import Dashboard
from streams.core.metrics import METRICS, Dimension

_ASKED: Final = METRICS["surveyed_share"]
_ASKED_ALL_THE_SAME: Final = METRICS["surveyed_after_slow_share"]
_MOVED: Final = METRICS["reassigned_after_bad_rating"]
_BIAS: Final = METRICS["self_rating_bias"]
_BURSTS: Final = METRICS["ratings_in_bursts"]
_STOPPED: Final = METRICS["reopened_after_target"]
_REPEATED: Final = METRICS["canned_repeats"]
_PUSHED: Final = METRICS["pushed_to_return"]
_WANTED: Final = METRICS["settled_as_requested"]
_NUMBERS: Final = (
    (_ASKED, _ASKED_ALL_THE_SAME, _BURSTS, _BIAS),
    (_STOPPED, _MOVED, _REPEATED, _PUSHED),
)

DASHBOARD: Final = Dashboard(
    uid="integrity",
    since="now-28d",
    refresh="5m",
    variables=[*variable.narrowings(query.FILTERS), variable.zone()],
    rows=[
        *([figure.number(4 * row + i, one) for i, one in enumerate(ones, 1)] for row, ones in enumerate(_NUMBERS)),
        [figure.ranked(9, _ASKED, Dimension.AGENT), figure.ranked(10, _ASKED_ALL_THE_SAME, Dimension.AGENT)],
        [figure.ranked(11, _REPEATED, Dimension.AGENT), figure.ranked(12, _WANTED, Dimension.TEAM)],
        [panel.definitions(13, (*_NUMBERS[0], *_NUMBERS[1], _WANTED))],
    ],
)
