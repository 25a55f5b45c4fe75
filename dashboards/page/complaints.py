"""Complaints: how many, by three denominators, and where."""

from typing import Final

from dashboards import figure, panel, query, variable
from dashboards.dashboard import Dashboard
from streams.core.metrics import METRICS, Dimension

_RATE: Final = METRICS["complaint_rate"]
_PER_ORDERS: Final = METRICS["complaints_per_1000_orders"]
_PER_CUSTOMERS: Final = METRICS["complaints_per_1000_customers"]
_TICKETS: Final = METRICS["tickets"]

DASHBOARD: Final = Dashboard(
    uid="complaints",
    since="now-14d",
    refresh="1m",
    variables=[*variable.narrowings(query.FILTERS), variable.step(), variable.zone()],
    rows=[
        [figure.number(1 + i, one) for i, one in enumerate((_RATE, _PER_ORDERS, _PER_CUSTOMERS, _TICKETS))],
        [figure.over_time(5, _RATE), figure.over_time(6, _PER_ORDERS)],
        [figure.lines_by(7, _RATE, Dimension.PRODUCT_LINE), figure.lines_by(8, _RATE, Dimension.TEAM)],
        [figure.ranked(9, _RATE, Dimension.PRODUCT_LINE), figure.ranked(10, _RATE, Dimension.CHANNEL)],
        [panel.definitions(11, (_RATE, _PER_ORDERS, _PER_CUSTOMERS))],
    ],
)
