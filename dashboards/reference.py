"""The reference of all metrics, `dashboards/METRICS.md`, made from their registry."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from dashboards.made import Made
from schemas.policy import LEAST_N
from streams.core.ask.maturity import ENDED_DAYS
from streams.core.metrics import METRICS, Dimension, Kind, Metric, Topic

PAGE: Final = Path(__file__).parent / "METRICS.md"

_UNLESS: Final = ", unless the desk's policy says otherwise"
_QUANTILES: Final = (Kind.QUANTILE, Kind.SURVIVAL)

_HEAD: Final = """
# Every metric, and what it means

Made from `streams/core/metrics` by `servicepulse dashboards render`: reports, panels and alert rules use the same
definitions. `servicepulse report --explain NAME` prints one of them with its SQL.

What holds for all of them:

- **Effective tickets** only: spam, tests, deleted tickets and those merged into another count nowhere; what a merged
  ticket tells of its customer counts for the survivor. A correction moves the past at once, however late it comes.
- **A window** is half-open, from its start until before its end, on the clock of the events, never on that of their
  arrival. Days and weeks are those of a time zone that is named.
- **n and interval** belong to every value. Shares: Wilson's interval; rates: Byar's approximation of the Poisson
  limits; means: the normal interval; quantiles: the observations between which the true quantile lies; Kaplan-Meier
  quantiles: from where the lower side of the curve's band crosses the share to where its upper side does, by
  Greenwood's variance on the scale log(-log share); each with 95 %.
  Observations of one customer are not independent. Where a metric says *interval: by customer*, n stands for fewer: n
  over the design effect (Kish 1965), the variance with customers drawn whole, by Taylor's linearisation, over that of
  as many strangers (Korn and Graubard 1998; in Wilson's interval Franco, Little, Louis and Slud 2019). It is never
  below 1: an interval must not be narrowed by the noise of its own estimate. An unknown customer is one for each
  ticket. Where all observations are alike, each customer counts for one. Many customers are needed: where a few of
  them give most ratings, the interval is still too narrow.
  With fewer observations than the least n a value reads "not enough data". The least n is the policy's to say,
  and so is after how many days a figure is settled where no definition fixes that: by the version in force now, for all
  times.
- **By** {dimensions}. A ticket counts under the latest word on it, also in the past. Team and agent are those who did
  it or were in charge then, as each metric says: giving a ticket away moves none of its past.
  `servicepulse report --credit holds` counts everything for whoever has the ticket now.
- **Answered ones only, or all?** `first_response_*`, `next_response_*`, `first_resolution_*` and `resolution_*` are
  quantiles of what is over, by when that was. `time_to_*` are Kaplan-Meier quantiles of all that began in the window:
  what is not over counts as lasting longer than is known. On a steady desk they are alike. While a queue grows
  `time_to_*` rise at once; the others come later or even fall, for whoever still waits is not in them. While it is
  worked off the others rise. `time_to_*` read "not reached" where too few are over to tell, and have no upper bound
  where the band has none.
- **A figure matures** where waiting can still move it: once so many days after its window are known, up to the day of
  the newest event. A desk of which nothing was heard for {ended} days has ended, such as a log of years ago: its
  figures are as old as the clock says. Until then a figure is shown as "so far" and compared with nothing.
""".strip()


def page() -> str:
    """Return the reference as Markdown."""
    dimensions = ", ".join(f"`{dimension}`" for dimension in Dimension)
    sections = [_HEAD.format(dimensions=dimensions, ended=ENDED_DAYS), _contents()]
    for topic, metrics in groupby(METRICS.values(), lambda metric: metric.topic):
        sections.append(f"## {topic}")
        sections.extend(_section(metric) for metric in metrics)
    return "\n\n".join(sections) + "\n"


FILE: Final = Made(PAGE, page)


def _contents() -> str:
    rows = [
        f"| [{metric.title}](#{metric.name}) | `{metric.name}` | {metric.unit} | {metric.direction} |"
        for metric in _all()
    ]
    return "\n".join(["| metric | name | measured in | |", "| --- | --- | --- | --- |", *rows])


def _all() -> Iterator[Metric]:
    topics = list(Topic)
    yield from sorted(METRICS.values(), key=lambda metric: topics.index(metric.topic))


def _section(metric: Metric) -> str:
    lines = [f'### <a id="{metric.name}"></a>{metric.title}', "", f"{metric.about}", ""]
    return "\n".join([*lines, "| | |", "| --- | --- |", *(f"| {name} | {text} |" for name, text in _rows(metric))])


def _rows(metric: Metric) -> Iterator[tuple[str, str]]:
    yield (
        "name",
        f"`{metric.name}`: a {metric.kind}" + ("" if metric.unit.value == metric.kind.value else f", in {metric.unit}"),
    )
    yield "numerator", metric.numerator
    yield "denominator", metric.denominator
    if metric.is_by_customer:
        yield "interval", "by customer"
    yield "one of n", metric.observations.one
    yield "clock", metric.clock
    if metric.observations.dimensions >= {Dimension.TEAM, Dimension.AGENT}:
        yield "whose", metric.observations.whose
    if metric.counted:
        yield "counted when", f"`{metric.counted}`"
    if metric.hit:
        yield "over when" if metric.kind is Kind.SURVIVAL else "a hit when", f"`{metric.hit}`"
    if metric.miss:
        yield "a miss when", f"`{metric.miss}`"
    if metric.value:
        yield "measures", f"`{metric.value}`" + (f", quantile {metric.p}" if metric.kind in _QUANTILES else "")
    if metric.once_per:
        yield "once per", f"`{metric.once_per}`"
    if metric.n_min:
        more = _UNLESS if metric.n_min == LEAST_N else ", or what the desk's policy says if that is more"
        yield "least n", f"{metric.n_min}{more if metric.is_sampled else ''}"
    if metric.matures_days:
        yield "matures", f"{metric.matures_days} days after the end of its window{_UNLESS if metric.matures_by else ''}"
    if metric.observations.dimensions != frozenset(Dimension):
        yield "divided by", ", ".join(f"`{dimension}`" for dimension in sorted(metric.observations.dimensions))
