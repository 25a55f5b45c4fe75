"""What a metric means, in words and in SQL. Needs no database."""

from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.policy import LEAST_N
from streams.core.ask.question import Question, statements
from streams.core.metrics import Credit, Dimension, Kind, Metric
from streams.core.window import DAY_MS, Bucket, Window

BY_CUSTOMER: Final = (
    "observations of one customer are not independent: n is divided by the design effect, the variance with customers "
    "drawn whole over that of as many strangers, never below 1; an unknown customer is one for each ticket"
)
_ANY_WINDOW: Final = Window(0, DAY_MS)
"""Windows travel as parameters: the SQL is the same for all of them."""

_PARAMETERS: Final = (
    "starts, ends: the window and the period before it, as arrays of equal length (what lasts, such as the backlog: "
    "every bucket). zone: the time zone."
)


def explain(
    console: Console,
    metric: Metric,
    by: Dimension | None,
    bucket: Bucket | None,
    credit: Credit = Credit.DID,
) -> None:
    """Print how a metric is defined, and the SQL that a report with the same options runs."""
    (statement,) = statements(Question(metrics=[metric], windows=[_ANY_WINDOW], by=by, bucket=bucket, credit=credit))
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, text in _definition(metric):
        table.add_row(Text(name, style="dim"), text)
    console.print(f"[bold]{metric.title}[/] ({metric.name})", highlight=False)
    console.print(table)
    console.print()
    console.print(statement.sql, highlight=False, markup=False, soft_wrap=True)
    console.print()
    console.print(f"[dim]{_PARAMETERS}[/]", highlight=False)


def _definition(metric: Metric) -> Iterator[tuple[str, str]]:
    yield "kind", f"{metric.kind} ({metric.unit}); {metric.direction}"
    yield "numerator", metric.numerator
    yield "denominator", metric.denominator
    yield "one of n", metric.observations.one
    if metric.kind is Kind.SURVIVAL:
        yield (
            "not over",
            'counts as lasting longer than is known; "not reached": so many of them that there is no quantile',
        )
    yield "clock", metric.clock
    if metric.observations.dimensions >= {Dimension.TEAM, Dimension.AGENT}:
        yield "whose", f"{metric.observations.whose}; with --credit holds: the ticket's latest"
    if metric.is_by_customer:
        yield "interval", BY_CUSTOMER
    if metric.n_min:
        yield "least n", f'{metric.n_min}{_unless_more(metric)}: with fewer it reads "not enough data"'
    if metric.matures_days:
        unless = ", unless the policy says otherwise" if metric.matures_by else ""
        yield "settled", f"{metric.matures_days} days after the end of the window{unless}"
    yield "note", metric.about


def _unless_more(metric: Metric) -> str:
    if not metric.is_sampled:
        return ""
    return (
        ", unless the policy says otherwise" if metric.n_min == LEAST_N else ", or what the policy says if that is more"
    )
