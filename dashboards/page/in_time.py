"""In time, by the desk's policy: who is due next, and how often targets are kept, by team and by priority."""

from typing import Final

from dashboards import figure, panel, query, style, text, variable
from dashboards.dashboard import Dashboard
from dashboards.panel import Panel
from streams.core.metrics import METRICS, Dimension
from streams.core.metrics.in_target import FIRST_RESPONSES_DUE, RESPONSES_DUE

_FIRST: Final = METRICS["first_response_in_target"]
_ANY: Final = METRICS["response_in_target"]
_RESOLVED: Final = METRICS["resolution_in_target"]
_TOLD: Final = (Dimension.PRIORITY, Dimension.TEAM, Dimension.AGENT, Dimension.CHANNEL)
"""What the list of those due next says of each."""
_MOST: Final = 100


def _due_next() -> Panel:
    """Return the list of those whose target passes next: of a ticket the sooner of two."""
    kinds = {text.FIRST_RESPONSE: FIRST_RESPONSES_DUE, text.ANY_RESPONSE: RESPONSES_DUE}
    waits = "\nUNION ALL\n".join(
        query.select(
            {"due_at": "at", "what": query.quoted_text(name), "until": "open_until", "ticket_id": "ticket_id"}
            | {column.value: column.value for column in _TOLD},
            query.observations_of(kind, "end_at", "end_at"),
        )
        for name, kind in kinds.items()
    )
    columns = {
        query.quoted(text.BREACHES): "dateDiff('second', end_at, min(due_at))",
        query.quoted(text.TICKET): "ticket_id",
        query.quoted(text.DUE_WHAT): "argMin(what, due_at)",
        **{query.quoted(text.COLUMN_NAMES[by]): f"any({query.known_or_named(by)})" for by in _TOLD},
        query.quoted(text.DUE_AT): "formatDateTime(min(due_at), '%Y-%m-%d %H:%i', ${zone:singlequote})",
    }
    clauses = (
        "AS waits",
        "WHERE until >= end_at AND due_at >= end_at AND due_at < end_at + toIntervalDay(1)",
        "GROUP BY ticket_id",
        f"ORDER BY min(due_at), ticket_id LIMIT {_MOST}",
    )
    return Panel(
        id=4,
        title=text.DUE_TITLE,
        kind="table",
        about=text.DUE,
        width=24,
        height=9,
        sql=query.with_range() + "\n" + query.select(columns, waits, *clauses),
        empty=text.NOTHING_DUE,
        look=style.PLAIN_TABLE,
        overrides=[style.override(text.BREACHES, unit="s", decimals=1, custom__width=120)],
        options=panel.TABLE,
    )


DASHBOARD: Final = Dashboard(
    uid="in-time",
    since="now-7d",
    refresh="1m",
    variables=[*variable.narrowings(query.FILTERS), variable.step(), variable.zone()],
    rows=[
        [figure.number(1 + i, one, width=8) for i, one in enumerate((_FIRST, _ANY, _RESOLVED))],
        [_due_next()],
        [figure.ranked(5, _FIRST, Dimension.PRIORITY), figure.ranked(6, _RESOLVED, Dimension.PRIORITY)],
        [figure.lines_by(7, _ANY, Dimension.TEAM), figure.ranked(8, _ANY, Dimension.TEAM)],
        [panel.definitions(9, (_FIRST, _ANY, _RESOLVED))],
    ],
)
