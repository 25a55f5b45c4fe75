"""Promises: how many are kept, how late the others are, by whom and of what; and what falls due next."""

from typing import Final

from msgspec.structs import replace

from dashboards import figure, panel, query, style, text, variable
from dashboards.dashboard import Dashboard
from dashboards.panel import Panel
from streams.core.metrics import METRICS, Dimension
from streams.core.metrics.observation import OPEN_PROMISES

_KEPT: Final = METRICS["promises_kept"]
_OVERDUE: Final = METRICS["overdue_promises"]
_LATENESS: Final = METRICS["promise_lateness_p50"]
_MOVED: Final = METRICS["promises_moved"]
_PER_TICKET: Final = METRICS["promises_per_ticket"]
_MADE: Final = METRICS["promises"]
_MOST: Final = 100
_OVERDUE_WEEKS: Final = 4


def _due_next() -> Panel:
    """Return the list of promises that are open: those overdue, and those that fall due within a day."""
    names, titles = (", ".join(f"'{one}'" for one in some) for some in zip(*text.PROMISE_KINDS.items(), strict=True))
    columns = {
        query.quoted(text.DUE_IN): "dateDiff('second', end_at, at)",
        query.quoted(text.TICKET): "ticket_id",
        query.quoted(text.PROMISED): f"transform(kind, [{names}], [{titles}], kind)",
        query.quoted(text.PROMISED_BY): "made_by",
        query.quoted(text.COLUMN_NAMES[Dimension.TEAM]): query.known_or_named(Dimension.TEAM),
        query.quoted(text.COLUMN_NAMES[Dimension.AGENT]): query.known_or_named(Dimension.AGENT),
        query.quoted(text.TIMES_MOVED): "moved",
        query.quoted(text.DUE_AT): query.clock("at"),
    }
    clauses = (
        "AS promises",
        f"WHERE at > end_at - toIntervalWeek({_OVERDUE_WEEKS}) AND at < end_at + toIntervalDay(1)",
        f"ORDER BY at, ticket_id LIMIT {_MOST}",
    )
    return Panel(
        id=5,
        title=text.PROMISES_OPEN_TITLE,
        kind="table",
        about=text.PROMISES_OPEN,
        width=24,
        height=9,
        sql=query.with_range()
        + "\n"
        + query.select(columns, query.observations_of(OPEN_PROMISES, "end_at", "end_at"), *clauses),
        empty=text.NO_PROMISES_OPEN,
        look=style.PLAIN_TABLE,
        overrides=[style.override(text.DUE_IN, unit="s", decimals=1, custom__width=120)],
        options=panel.TABLE,
    )


def _by_kind() -> Panel:
    metrics = {
        title: replace(_KEPT, name=f"{_KEPT.name}_{kind}", counted=f"kind = '{kind}'")
        for kind, title in text.PROMISE_KINDS.items()
    }
    return figure.side_by_side(
        9, text.KEPT_BY_KIND_TITLE, text.KEPT_BY_KIND, metrics, "kind", text.definition(_KEPT), width=24, height=8
    )


DASHBOARD: Final = Dashboard(
    uid="promises",
    since="now-14d",
    refresh="1m",
    variables=[*variable.narrowings(query.FILTERS), variable.step(), variable.zone()],
    rows=[
        [figure.number(1 + i, one) for i, one in enumerate((_KEPT, _OVERDUE, _LATENESS, _MOVED))],
        [_due_next()],
        [figure.lines_by(6, _KEPT, Dimension.TEAM), figure.over_time(10, _MADE)],
        [figure.ranked(7, _KEPT, Dimension.TEAM), figure.ranked(8, _KEPT, Dimension.AGENT)],
        [_by_kind()],
        [figure.over_time(12, _PER_TICKET), figure.ranked(13, _PER_TICKET, Dimension.TEAM)],
        [panel.definitions(11, (_KEPT, _OVERDUE, _LATENESS, _MOVED, _PER_TICKET))],
    ],
)
