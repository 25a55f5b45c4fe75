"""Contacts: who waited in a queue and who gave up, by channel; who needed nobody; what each channel is worth."""

from collections.abc import Sequence
from typing import Final

from dashboards import figure, panel, query, style, text, variable
from dashboards.dashboard import Dashboard
from dashboards.estimate import estimates, told
from dashboards.panel import Panel
from dashboards.query import LEAST, by_observations, known_or_named, numbered, of_place, quoted, read_by, select
from streams.core.metrics import METRICS, Dimension, Kind, Metric

_ABANDONED: Final = METRICS["contacts_abandoned"]
_WAIT: Final = METRICS["contact_wait_p50"]
_LONGEST: Final = METRICS["contact_wait_p90"]
_MISSED: Final = METRICS["important_missed"]
_QUEUED: Final = METRICS["queued_contacts"]
_CONTAINED: Final = METRICS["selfservice_containment"]
_BY_THEMSELVES: Final = METRICS["selfservice_share"]
_PER_ORDERS: Final = METRICS["tickets_per_1000_orders"]
_PER_CUSTOMERS: Final = METRICS["tickets_per_1000_customers"]
_DEFINED: Final = (
    _ABANDONED,
    _WAIT,
    _LONGEST,
    _MISSED,
    _QUEUED,
    _CONTAINED,
    _BY_THEMSELVES,
    _PER_ORDERS,
    _PER_CUSTOMERS,
)
_MATRIX: Final = (
    METRICS["tickets"],
    _QUEUED,
    _ABANDONED,
    _WAIT,
    METRICS["time_to_first_response_p50"],
    METRICS["time_to_resolution_p50"],
    METRICS["first_contact_resolution"],
    METRICS["csat_share"],
    _CONTAINED,
)
"""What is held side by side, channel by channel."""


def _of_channel(metrics: Sequence[Metric]) -> str:
    """Return the numbers of each channel that read the same observations, each with its metric's name."""
    inner = query.observations_of(metrics[0].observations, "start_at", "end_at")
    numbers = ", ".join(f"('{metric.name}', {_told(metric, place)})" for place, metric in enumerate(metrics))
    columns = {"channel": known_or_named("seen.channel")} | read_by([numbers], numbered(metrics))
    counted = select(columns, inner, "AS seen", "WHERE at >= start_at AND at < end_at", "GROUP BY channel")
    figures = select({"channel": "channel", "numbers": f"[{numbers}]"}, counted)
    return select(
        {"channel": "channel", "metric": "number.1", "told": "number.2"}, figures, "ARRAY JOIN numbers AS number"
    )


def _told(metric: Metric, place: int) -> str:
    figure = estimates(metric)
    value = figure["n"] if metric.kind is Kind.COUNT else told(metric, figure["value"], figure["n"])
    return of_place(place, f"toNullable(toFloat64({value}))")


def _matrix() -> Panel:
    rows = "\nUNION ALL\n".join(map(_of_channel, by_observations(_MATRIX)))
    numbers = {quoted(one.title): f"anyIf(told, metric = '{one.name}')" for one in _MATRIX}
    order = f"ORDER BY sumIf(told, metric IN ('{_MATRIX[0].name}', '{_QUEUED.name}')) DESC, channel"
    shown = {quoted(text.COLUMN_NAMES[Dimension.CHANNEL]): "channel"} | numbers
    return Panel(
        id=5,
        title=text.MATRIX_TITLE,
        kind="table",
        about=text.MATRIX,
        width=24,
        height=9,
        sql=query.with_range(LEAST) + "\n" + select(shown, rows, "AS numbers", f"GROUP BY channel {order}"),
        empty=text.NO_CONTACTS,
        look=style.PLAIN_TABLE,
        overrides=[style.override(one.title, **style.unit(one.unit), **style.unreached(one)) for one in _MATRIX],
        options=panel.TABLE,
    )


DASHBOARD: Final = Dashboard(
    uid="contacts",
    since="now-14d",
    refresh="1m",
    variables=[*variable.narrowings(query.FILTERS), variable.step(), variable.zone()],
    rows=[
        [figure.number(1 + i, one) for i, one in enumerate((_ABANDONED, _WAIT, _MISSED, _CONTAINED))],
        [_matrix()],
        [figure.over_time(6, _QUEUED), figure.over_time(7, _ABANDONED)],
        [figure.lines_by(8, _ABANDONED, Dimension.TEAM, width=24)],
        [figure.number(9 + i, one) for i, one in enumerate((_LONGEST, _BY_THEMSELVES, _PER_ORDERS, _PER_CUSTOMERS))],
        [panel.definitions(13, _DEFINED)],
    ],
)
