"""How a question about metrics becomes SQL: which windows, divided by what. Values travel as typed parameters only."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from textwrap import indent
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from schemas.rows import Ms
from streams.core.ask import cluster, survival
from streams.core.ask.narrow import narrowed
from streams.core.interval import Z95
from streams.core.metrics import Credit, Dimension, Kind, Metric, Observations
from streams.core.metrics.metric import CUSTOMERS, DAYS_ASKED
from streams.core.window import Bucket, Window, buckets_of

_WINDOWS: Final = """
WITH
    {starts:Array(DateTime64(3, 'UTC'))} AS starts,
    {ends:Array(DateTime64(3, 'UTC'))} AS ends"""
_ZONE: Final = "{zone:String}"

_UNITS: Final[Mapping[Bucket, str]] = {
    Bucket.HOUR: "HOUR",
    Bucket.DAY: "DAY",
    Bucket.WEEK: "WEEK",
    Bucket.MONTH: "MONTH",
}


class Question(Struct, frozen=True, kw_only=True):
    """What is asked for.

    Attributes:
        metrics: Which numbers.
        windows: Over which stretches of event time; they may overlap.
        by: Also for each value of this dimension, beside the whole.
        bucket: Each window divided into these, by the clocks of `zone`.
        zone: IANA name of a time zone.
        credit: Whose an observation is, where it is divided by team or agent.
    """

    metrics: Sequence[Metric]
    windows: Sequence[Window]
    by: Dimension | None = None
    bucket: Bucket | None = None
    zone: str = "UTC"
    credit: Credit = Credit.DID


class Statement(Struct, frozen=True):
    """One SELECT: the answer to a question as far as one kind of observations gives it.

    Its rows say `period` (which window, from 1 on), `start_seconds` of the bucket when the question has one, `is_whole`
    and `part` when it is divided by a dimension, and `<metric>_<measure>` for every measure of `measures_of`.
    """

    metrics: Sequence[Metric]
    windows: Sequence[Window]
    sql: str
    parameters: Mapping[str, str | list[str]]


class Listing(Struct, frozen=True):
    """One SELECT: the observations behind one number.

    Its rows say `seen_at`, `ticket_id`, every dimension, `counts_once` (whose observations count as one) and `measure`:
    1 or 0 of a share, 1, 0 or -1 of a balance, what was measured of a mean or a quantile, 1 of a count or a rate; and
    `has_ended`: false of a time that is not over. Where a policy has targets, also `rule_from` and `rule_number`.
    """

    sql: str
    parameters: Mapping[str, str | list[str]]


def statements(question: Question) -> list[Statement]:
    """Return the SELECTs that answer a question, one for each kind of observations that its metrics need."""
    kinds = {metric.observations.name: metric.observations for metric in question.metrics}
    return [_statement(question, observations) for observations in kinds.values()]


def listing(
    metric: Metric, window: Window, by: Dimension | None = None, part: str = "", credit: Credit = Credit.DID
) -> Listing:
    """Return the SELECT of the single observations behind a number, each with its ticket, in order of time.

    Its columns are those that `Listing` names. Of a rate, whose denominator is no ticket, it lists the hits.

    Args:
        metric: Of which number.
        window: Over which stretch of event time.
        by: Only where this dimension has the value `part`.
        part: The value.
        credit: Whose an observation is.
    """
    observations = metric.observations
    instant = "began_at" if observations.lasts else "at"
    counts_once = metric.once_per if metric.kind is Kind.SHARE and metric.once_per else "ticket_id"
    has_ended = metric.hit if metric.kind is Kind.SURVIVAL else "true"
    rule = [name for name in ("rule_from", "rule_number") if name in observations.columns]
    inside, _ = _bounds(observations)
    conditions = [inside.replace("[i]", "[1]"), metric.hit if metric.kind is Kind.RATE else metric.counted]
    if by:
        conditions.append(f"{Dimension(by).value} = {{part:String}}")
    sql = "\n".join(
        [
            _WINDOWS.strip("\n"),
            f"SELECT {instant} AS seen_at, ticket_id, {', '.join(Dimension)}, {counts_once} AS counts_once,",
            f"    {', '.join([f'toFloat64({_measure(metric)}) AS measure', f'{has_ended} AS has_ended', *rule])}",
            "FROM",
            "(",
            indent(observed(observations, _days(observations), credit=credit), "    "),
            ")",
            f"WHERE {_both(*filter(None, conditions))}",
            "ORDER BY seen_at, ticket_id, measure",
        ]
    )
    parameters = {"starts": [_text(window.start_at)], "ends": [_text(window.end_at)]}
    return Listing(sql, parameters | ({"part": part} if by else {}))


def measures_of(metric: Metric) -> dict[str, str]:
    """Return what is asked about a metric's observations, as aggregate expressions in SQL by name.

    Shares and rates give n and hits, balances misses as well, means n, value, deviation, p10 and p90, quantiles n,
    value and the two observations (null where there is none) between which the true quantile lies, Kaplan-Meier
    quantiles n, hits (how many times were over) and a band of value, low and high; counts n. Shares, balances and means
    of which customers matter give their design effect, too.
    """
    by_customer = {"design": cluster.design_of(metric, _measure(metric))} if metric.is_by_customer else {}
    return _measures_of(metric) | by_customer


def _measure(metric: Metric) -> str:
    """Return what a single observation measures: 1 or 0 of a share, 1, 0 or -1 of a balance."""
    measures = {
        Kind.SHARE: f"({metric.hit})",
        Kind.BALANCE: f"({metric.hit}) - ({metric.miss})",
        Kind.RATE: "1",
        Kind.COUNT: "1",
    }
    return measures.get(metric.kind, metric.value)


def _measures_of(metric: Metric) -> dict[str, str]:
    n = f"countIf({metric.counted})" if metric.counted else "count()"
    match metric.kind:
        case Kind.SHARE:
            return {"n": _count(metric, metric.counted), "hits": _count(metric, _both(metric.counted, metric.hit))}
        case Kind.RATE:
            return {"n": _count(metric, metric.counted), "hits": f"countIf({metric.hit})"}
        case Kind.BALANCE:
            sides = {"hits": metric.hit, "misses": metric.miss}
            return {"n": n} | {name: f"countIf({_both(metric.counted, side)})" for name, side in sides.items()}
        case Kind.MEAN:
            tails = {f"p{p}": _aggregate(f"quantileExactInclusive({p / 100})", metric) for p in (10, 90)}
            return {"n": n, "value": _aggregate("avg", metric), "deviation": _aggregate("stddevSamp", metric), **tails}
        case Kind.QUANTILE:
            margin = f"{Z95:.6f} * sqrt({n} * {metric.p} * (1 - {metric.p}))"
            return {
                "n": n,
                "value": _aggregate(f"quantileExactInclusive({metric.p})", metric),
                "low": _ranked(metric, n, f"ceil({n} * {metric.p} - {margin})"),
                "high": _ranked(metric, n, f"ceil({n} * {metric.p} + {margin})"),
            }
        case Kind.SURVIVAL:
            return {"n": n, "hits": f"countIf({_both(metric.counted, metric.hit)})", "band": survival.band_of(metric)}
        case Kind.COUNT:
            return {"n": n}


def _count(metric: Metric, condition: str) -> str:
    """Return how many observations meet a condition, or how many customers and the like have one that does."""
    function, of = ("uniqExact", metric.once_per) if metric.once_per else ("count", "")
    if not condition:
        return f"{function}({of})"
    return f"{function}If({of}, {condition})" if of else f"{function}If({condition})"


def _statement(question: Question, observations: Observations) -> Statement:
    """Return the SELECT for the metrics that read these observations."""
    if observations.lasts and question.bucket:
        question = _at_the_end_of_buckets(question)
    metrics = [metric for metric in question.metrics if metric.observations == observations]
    parameters = {
        "starts": [_text(window.start_at) for window in question.windows],
        "ends": [_text(window.end_at) for window in question.windows],
    }
    return Statement(
        metrics=metrics,
        windows=question.windows,
        sql=_select(question, observations, metrics),
        parameters=parameters | ({"zone": question.zone} if question.bucket else {}),
    )


def _at_the_end_of_buckets(question: Question) -> Question:
    """Return the question with the buckets as windows: what lasts is counted at the end of each."""
    zone = ZoneInfo(question.zone)
    buckets = {
        bucket for window in question.windows for bucket in buckets_of(window, question.bucket or Bucket.DAY, zone)
    }
    return replace(question, windows=sorted(buckets), bucket=None)


def _select(question: Question, observations: Observations, metrics: Sequence[Metric]) -> str:
    keys = ["period"]
    columns = ["period"]
    if question.bucket:
        keys.append("start_seconds")
        columns.append(f"{_bucket_start(question.bucket)} AS start_seconds")
    grouping = ", ".join(keys)
    if question.by and (column := Dimension(question.by)) in observations.dimensions:
        columns += [f"grouping({column}) = 1 AS is_whole", f"{column} AS part"]
        grouping = f"GROUPING SETS (({grouping}), ({grouping}, {column}))"
    columns += [f"{sql} AS {metric.name}_{name}" for metric in metrics for name, sql in measures_of(metric).items()]
    return "\n".join(
        [
            _WINDOWS.strip("\n"),
            "SELECT",
            indent(",\n".join(columns), "    "),
            "FROM",
            "(",
            indent(observed(observations, _days(observations), credit=question.credit), "    "),
            ")",
            *_periods(observations),
            f"GROUP BY {grouping}",
        ]
    )


def observed(observations: Observations, days: str, more: str = "", *, credit: Credit = Credit.DID) -> str:
    """Return the SELECT of single observations on certain days.

    Args:
        observations: Which ones.
        days: SQL condition on `day`, such as `days_between` gives; it decides how much is read.
        more: Further conditions, each with its AND.
        credit: Whose team and agent an observation has.
    """
    doers = {name.value: sql for name, sql in observations.doers.items()} if credit is Credit.DID else {}
    named = {**observations.columns, **doers}
    made = [f"{sql} AS {name}" for name, sql in named.items() if sql != name]
    plain = [name for name, sql in observations.columns.items() if sql == name]
    dimensions = [dimension.value for dimension in Dimension if dimension not in doers]
    columns = indent(",\n".join([*made, ", ".join([*plain, "ticket_id", *dimensions])]), "    ")
    home = f"day = toDate({observations.home or ('since' if observations.lasts else 'at')})"
    asked = observations.where.replace(DAYS_ASKED, days)
    where = "\n    AND ".join(filter(None, [days + more, home, "is_effective", asked]))
    return narrowed(f"SELECT\n{columns}\nFROM {_source(observations, days)}\nWHERE {where}")


def _days(observations: Observations) -> str:
    """Return the condition on the days whose rows can hold observations of the windows."""
    start = "arrayMin(ends)" if observations.lasts else "arrayMin(starts)"
    return days_between(observations, start, "arrayMax(ends)")


def days_between(observations: Observations, start: str, end: str) -> str:
    """Return the condition on the days whose rows can hold observations from one instant to another, both SQL."""
    if observations.lasts and not observations.lookback_seconds:
        return f"day <= toDate({end}, 'UTC') AND open_until >= {start}"
    if observations.lookback_seconds:
        # A day before the first one that there is would be one of the last.
        start = f"greatest({start} - toIntervalSecond({observations.lookback_seconds}), toDateTime64(0, 3, 'UTC'))"
    if observations.lookahead_seconds:
        end = f"{end} + toIntervalSecond({observations.lookahead_seconds})"
    return f"day BETWEEN toDate({start}, 'UTC') AND toDate({end}, 'UTC')"


def _source(observations: Observations, days: str) -> str:
    """Return what stands behind FROM, with the customers of these days where it asks for them."""
    if CUSTOMERS not in observations.source:
        return observations.source.replace(DAYS_ASKED, days)
    on_its_day = f"day = toDate({observations.columns['at']})"
    conditions = " AND ".join([days, on_its_day, observations.where])
    return observations.source.replace(CUSTOMERS, " ".join(["SELECT customer_id FROM ticket_days WHERE", conditions]))


def _periods(observations: Observations) -> Iterator[str]:
    """Yield the clauses that put observations into windows."""
    inside, bounds = _bounds(observations)
    yield f"ARRAY JOIN arrayFilter(i -> {inside}, arrayEnumerate(starts)) AS period"
    yield f"WHERE {bounds}"


def _bounds(observations: Observations) -> tuple[str, str]:
    """Return the conditions on lying in the i-th window, and in none but the windows."""
    if observations.lasts:
        return "since < ends[i] AND until >= ends[i]", "since < arrayMax(ends) AND until >= arrayMin(ends)"
    return "at >= starts[i] AND at < ends[i]", "at >= arrayMin(starts) AND at < arrayMax(ends)"


def _bucket_start(bucket: Bucket) -> str:
    """Return the start of the bucket of `at` in seconds since 1970; weeks and months come as dates."""
    start = f"toStartOfInterval(at, INTERVAL 1 {_UNITS[Bucket(bucket)]}, {_ZONE})"
    return f"toUnixTimestamp(toDateTime({start}, {_ZONE}))"


def _aggregate(function: str, metric: Metric) -> str:
    """Return an aggregate over those observations that the metric counts; parameters come before the combinator."""
    if not metric.counted:
        return f"{function}({metric.value})"
    name, bracket, parameters = function.partition("(")
    return f"{name}If{bracket}{parameters}({metric.value}, {metric.counted})"


def _ranked(metric: Metric, n: str, rank: str) -> str:
    """Return the observation of a rank; null when there is none (an array would answer 0)."""
    return f"if({rank} BETWEEN 1 AND {n}, arraySort({_aggregate('groupArray', metric)})[toUInt64({rank})], NULL)"


def _both(*conditions: str) -> str:
    return (
        " AND ".join(f"({condition})" for condition in conditions if condition) if all(conditions) else conditions[-1]
    )


def _text(at: Ms) -> str:
    """Return an instant as ClickHouse reads it in a parameter of DateTime64(3, 'UTC')."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
