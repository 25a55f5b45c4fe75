"""Tickets: the single observations behind a number. Links of other pages lead here."""

from collections.abc import Iterable, Sequence
from typing import Final

from dashboards import link, panel, query, style, text, variable
from dashboards.dashboard import Dashboard
from dashboards.estimate import shown
from dashboards.panel import Panel
from dashboards.query import known_or_named, quoted, select
from streams.core.ask.question import days_between, observed
from streams.core.metrics import Dimension, Kind, Metric, Observations, Unit

MOST: Final = 1_000
_METRIC: Final = "${metric:singlequote}"
_DIMENSIONS: Final = (
    Dimension.TEAM,
    Dimension.AGENT,
    Dimension.CHANNEL,
    Dimension.PRODUCT_LINE,
    Dimension.CONTACT_TYPE,
    Dimension.REASON,
)


def _kinds() -> dict[str, list[Metric]]:
    """Return the metrics by the observations that they read."""
    kinds: dict[str, list[Metric]] = {}
    for metric in link.LISTED.values():
        kinds.setdefault(metric.observations.name, []).append(metric)
    return kinds


def _of_metric(cases: Iterable[tuple[Metric, str]], otherwise: str) -> str:
    """Return what an expression is for the metric that is chosen."""
    listed = "".join(f"{_METRIC} = '{metric.name}', {sql}, " for metric, sql in cases)
    return f"multiIf({listed}{otherwise})" if listed else otherwise


def _says(metric: Metric) -> str:
    """Return what one observation says."""
    match metric.kind:
        case Kind.SHARE | Kind.RATE:
            return f"if({metric.hit}, '{text.COUNTS}', '')"
        case Kind.BALANCE:
            return f"multiIf({metric.hit}, '{text.COUNTS}', {metric.miss}, '{text.COUNTS_AGAINST}', '')"
        case Kind.MEAN | Kind.QUANTILE:
            return f"ifNull({shown(metric.unit if metric.unit is Unit.SECONDS else Unit.SCORE, metric.value)}, '')"
        case Kind.SURVIVAL:
            more = f"if({metric.hit}, '', ' {text.OR_LONGER}')"
            return f"ifNull(concat({shown(metric.unit, metric.value)}, {more}), '')"
        case Kind.COUNT:
            return "''"


def _branch(observations: Observations, metrics: Sequence[Metric]) -> str:
    """Return the observations of one kind, of those metrics that read them and only when one of these is chosen."""
    names = ", ".join(f"'{metric.name}'" for metric in metrics)
    shifted = [(metric, str(query.shift_of(metric))) for metric in metrics if query.shift_of(metric)]
    shift = f" - toIntervalDay({_of_metric(shifted, '0')})" if shifted else ""
    start, end = f"start_at{shift}", f"end_at{shift}"
    days = days_between(observations, end if observations.lasts else start, end)
    chosen = query.filters(_DIMENSIONS, link.LINKED)
    inner = observed(observations, days, f" AND {_METRIC} IN ({names}){chosen}")
    inside = f"since < {end} AND until >= {end}" if observations.lasts else f"at >= {start} AND at < {end}"
    counted = _of_metric(((metric, metric.counted) for metric in metrics if metric.counted), "true")
    columns = {
        "happened_at": "began_at" if observations.lasts else "at",
        "ticket_id": "ticket_id",
        **{by.value: known_or_named(f"seen.{by}") for by in _DIMENSIONS},
        "says": _of_metric(((metric, _says(metric)) for metric in metrics), "''"),
    }
    return select(columns, inner, f"AS seen\nWHERE {inside}\n    AND {counted}")


def _behind() -> str:
    branches = (_branch(metrics[0].observations, metrics) for metrics in _kinds().values())
    return "\nUNION ALL\n".join(branches)


def _list() -> Panel:
    columns = {
        quoted(text.AT): "formatDateTime(happened_at, '%Y-%m-%d %H:%i:%S', ${zone:singlequote})",
        quoted(text.TICKET): "ticket_id",
        **{quoted(text.COLUMN_NAMES[by]): by.value for by in _DIMENSIONS},
        quoted(text.SAYS): "says",
    }
    newest = select({"*": "*"}, _behind(), "ORDER BY happened_at DESC, ticket_id", f"LIMIT {MOST}")
    return Panel(
        id=1,
        title=text.TICKETS_TITLE,
        kind="table",
        about=text.TICKETS,
        width=24,
        height=24,
        sql=query.with_range() + "\n" + select(columns, newest),
        empty=text.NO_TICKETS,
        look=style.fixed(style.PLAIN) | {"custom": {"align": "auto", "filterable": True}},
        options=panel.TABLE,
    )


DASHBOARD: Final = Dashboard(
    uid=link.TICKETS_UID,
    since="now-7d",
    refresh="",
    variables=[
        variable.choice(
            "metric", text.METRIC_LABEL, {name: metric.title for name, metric in link.LISTED.items()}, "complaint_rate"
        ),
        *variable.narrowings(link.LINKED),
        variable.zone(),
    ],
    rows=[[_list()]],
)
