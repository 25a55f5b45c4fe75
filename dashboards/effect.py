"""What something that was done changed, in SQL: `streams.core.effect` over the four weeks before and after it."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from dashboards import text
from dashboards.query import observations_of, select, with_range
from streams.core.effect import DAYS, LEAST_UNTOUCHED
from streams.core.interval import Z95
from streams.core.metrics import METRICS, Dimension, Metric

_LEAST: Final = 10
"""Observations that a part must have before and after: of fewer a share moves by chance alone."""
FIX: Final = "concat(reason, ' ', toString(toUnixTimestamp64Milli(assumeNotNull(fixed_at))))"
"""By which the removal of a cause is known among what was done."""
_ALL: Final = f"""(
        SELECT groupArray((id, at, team, reason, is_fix))
        FROM
        (
            SELECT intervention_id AS id, at, team, reason, false AS is_fix FROM interventions
            UNION ALL
            SELECT {FIX} AS id, assumeNotNull(fixed_at) AS at, '' AS team, reason, true AS is_fix
            FROM root_causes
            WHERE fixed_at IS NOT NULL
        )
    ) AS recorded"""  # noqa: S608 - words of ours
"""Whatever was done: what one of them touched is no measure for another."""
_IN_RANGE: Final = "one.2 >= start_at AND one.2 < end_at"
_DONE: Final = f"arrayFilter(one -> NOT one.5 AND {_IN_RANGE}, recorded) AS done"
FIXES: Final = (_ALL, f"arrayFilter(one -> one.5 AND {_IN_RANGE}, recorded) AS done")
"""Names that `drops` needs: of causes that were removed in the range."""
FOR_WHOM: Final = (
    f"multiIf(team != '', concat('{text.FOR_TEAM} ', team), reason != '', concat('{text.FOR_REASON} ', reason), "
    f"'{text.FOR_ALL}')"
)
_SCOPE: Final[Mapping[Dimension, str]] = {Dimension.TEAM: "one.3", Dimension.REASON: "one.4"}


class _Measure(Struct, frozen=True):
    """What is measured of interventions for one kind of part.

    Attributes:
        title: As readers know it.
        metric: Whose observations are counted.
        by: For what the interventions are.
        is_count: How many come, as the share that stays away; else the share of hits, in points.
        is_good_up: Whether more of it is good.
    """

    title: str
    metric: Metric
    by: Dimension
    is_count: bool
    is_good_up: bool


_CONTACTS: Final = _Measure(
    text.CONTACTS_MEASURED, METRICS["tickets"], Dimension.REASON, is_count=True, is_good_up=True
)
_MEASURES: Final[Sequence[_Measure]] = (
    _Measure(text.SATISFIED_MEASURED, METRICS["csat_share"], Dimension.TEAM, is_count=False, is_good_up=True),
    _Measure(text.COMPLAINTS_MEASURED, METRICS["complaint_rate"], Dimension.TEAM, is_count=False, is_good_up=False),
    _CONTACTS,
)


def effects(shown: Mapping[str, str], *clauses: str) -> str:
    """Return the SELECT of every intervention of the range, once for each thing that is measured of it.

    Its columns are `intervention_id`, `began_at`, `kind`, `title`, `scope`, `measured`, `is_good_up`, `value`, `low`,
    `high` (points or per cent; null where it cannot be told), `n_before`, `n_after`, `untouched`, `days_after`.

    Args:
        shown: What is to be seen of them.
        clauses: What follows.
    """
    measures = ", ".join(
        f"('{one.title}', {_of_intervention(one.by)}, {str(one.is_good_up).lower()})" for one in _MEASURES
    )
    measured = "\nUNION ALL\n".join(_measured(one) for one in _MEASURES)
    listed = f"""
SELECT
    intervention_id,
    at AS began_at,
    kind,
    title,
    {FOR_WHOM} AS scope,
    measure.1 AS measured,
    measure.3 AS is_good_up,
    toInt32(least({DAYS}, dateDiff('day', at, end_at))) AS days_after
FROM interventions
ARRAY JOIN arrayFilter(measure -> measure.2, [{measures}, ('', team = '' AND reason = '', true)]) AS measure
WHERE at >= start_at AND at < end_at""".strip()  # noqa: S608 - words of ours
    joined = f"({listed}) AS listed\nLEFT JOIN (\n{measured}\n) AS effects USING (intervention_id, measured)"
    joined = " ".join(["SELECT * FROM", joined])
    return "\n".join([with_range(_ALL, _DONE), select(shown, joined, *clauses)])


def drops() -> str:
    """Return the SELECT of what each removed cause changed: the share of its contacts that do not come any more.

    Its columns are `fix`, which is `FIX`, `value`, `low` and `high` (per cent; null where it cannot be told),
    `n_before`, `n_after`, `untouched`. The query around it names `FIXES`.
    """
    names = ("value", "low", "high", "n_before", "n_after", "untouched")
    return select({"fix": "intervention_id"} | {name: name for name in names}, _measured(_CONTACTS))


def _of_intervention(by: Dimension) -> str:
    return f"{by.value} != ''"


def _measured(measure: _Measure) -> str:
    """Return the effects that one measure shows, by what was done."""
    column = measure.by.value
    scope = _SCOPE[measure.by]
    hit = measure.metric.hit or "true"
    counted = measure.metric.counted or "true"
    counts = {
        "intervention_id": "one.1",
        "part": f"seen.{column}",
        "is_own": f"{scope} = part",
        "is_free": f"part != '' AND NOT arrayExists(other -> other.{scope.removeprefix('one.')} = part "
        f"AND abs(dateDiff('day', other.2, one.2)) < {DAYS}, recorded)",
        "n_b": f"countIf({counted} AND at < one.2)",
        "n_a": f"countIf({counted} AND at >= one.2)",
        "x_b": f"countIf({counted} AND {hit} AND at < one.2)",
        "x_a": f"countIf({counted} AND {hit} AND at >= one.2)",
    }
    near = f"at >= one.2 - toIntervalDay({DAYS}) AND at < one.2 + toIntervalDay({DAYS})"
    span = (f"start_at - toIntervalDay({DAYS})", f"end_at + toIntervalDay({DAYS})")
    by_part = select(
        counts,
        observations_of(measure.metric.observations, *span),
        "AS seen",
        f"ARRAY JOIN arrayFilter(one -> {near} AND {scope} != '', done) AS one",
        "GROUP BY one, part",
    )
    moved, variance = _of_count() if measure.is_count else _of_share()
    moves = select(
        {name: name for name in ("intervention_id", "is_own", "is_free", "n_b", "n_a")} | {"y": moved, "v": variance},
        by_part,
        f"WHERE n_b >= {_LEAST} AND n_a >= {_LEAST}",
    )
    own = {"y0": "anyIf(y, is_own)", "v0": "anyIf(v, is_own)", "n_before": "anyIf(n_b, is_own)"}
    grouped = select(
        {"intervention_id": "intervention_id", "has_own": "countIf(is_own) = 1", **own, "n_after": "anyIf(n_a, is_own)"}
        | {"ys": "groupArrayIf(y, is_free AND NOT is_own)", "vs": "groupArrayIf(v, is_free AND NOT is_own)"},
        moves,
        "GROUP BY intervention_id",
    )
    names = ("intervention_id", "has_own", "y0", "n_before", "n_after")
    weighed = select({name: name for name in names} | _pooled(), grouped)
    is_told = f"has_own AND untouched >= {LEAST_UNTOUCHED}"
    scaled = {
        name: f"if({is_told}, 100 * ({_dropped(sql) if measure.is_count else sql}), NULL)"
        for name, sql in _ends(measure.is_count).items()
    }
    columns = {"intervention_id": "intervention_id", "measured": f"'{measure.title}'", **scaled}
    return select(columns | {name: name for name in ("n_before", "n_after", "untouched")}, weighed)


def _of_share() -> tuple[str, str]:
    adjusted = ((f"(x_{side} + 1) / (n_{side} + 2)", f"(n_{side} + 2)") for side in ("b", "a"))
    variance = " + ".join(f"({share}) * (1 - ({share})) / {n}" for share, n in adjusted)
    return "x_a / n_a - x_b / n_b", variance


def _of_count() -> tuple[str, str]:
    return "log((n_a + 0.5) / (n_b + 0.5))", "1 / (n_a + 0.5) + 1 / (n_b + 0.5)"


def _pooled() -> dict[str, str]:
    """Return how the untouched ones moved together, and half the width of the interval: `effect_of` in SQL."""
    return {
        "untouched": "length(ys)",
        "w": "arrayMap(one -> 1 / one, vs)",
        "mean": "arraySum((move, weight) -> weight * move, ys, w) / arraySum(w)",
        "spread": "arraySum((move, weight) -> weight * pow(move - mean, 2), ys, w)",
        "scale": "arraySum(w) - arraySum(one -> one * one, w) / arraySum(w)",
        "apart": "greatest(0, (spread - (untouched - 1)) / scale)",
        "u": "arrayMap(one -> 1 / (one + apart), vs)",
        "pooled": "arraySum((move, weight) -> weight * move, ys, u) / arraySum(u)",
        "margin": f"{_t95('(untouched - 1)')} * sqrt(v0 + apart + 1 / arraySum(u))",
    }


def _t95(freedom: str) -> str:
    z = Z95
    terms = (
        ((z**3 + z) / 4, 1),
        ((5 * z**5 + 16 * z**3 + 3 * z) / 96, 2),
        ((3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384, 3),
    )
    return f"({z:.9f}" + "".join(f" + {factor:.9f} / pow({freedom}, {power})" for factor, power in terms) + ")"


def _ends(is_count: bool) -> dict[str, str]:
    """Return value and interval; what stays away is the more, the lower the logarithm of the ratio."""
    ends = {"value": "y0 - pooled", "low": "y0 - pooled - margin", "high": "y0 - pooled + margin"}
    return ends | {"low": ends["high"], "high": ends["low"]} if is_count else ends


def _dropped(logarithm: str) -> str:
    return f"1 - exp({logarithm})"
