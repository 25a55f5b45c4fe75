"""What something that was done changed, in SQL: `streams.core.effect` over the four weeks before and after it."""

from collections.abc import Mapping, Sequence
from itertools import groupby
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
_BEGIN: Final = f"toUnixTimestamp64Milli(one.2 - toIntervalDay({DAYS}))"
_AT: Final = "toUnixTimestamp64Milli(one.2)"
_END: Final = f"toUnixTimestamp64Milli(one.2 + toIntervalDay({DAYS}))"
_BOUNDS: Final = (
    f"arraySort(arrayPushFront(arrayFlatten(arrayMap(one -> [{_BEGIN}, {_AT}, {_END}], done)), 0)) AS bounds"
)
"""Between two neighbours of these, all that comes is before, after or beside the same: it is counted at once."""
_DONE: Final = (f"arrayFilter(one -> NOT one.5 AND {_IN_RANGE}, recorded) AS done", _BOUNDS)
FIXES: Final = (_ALL, f"arrayFilter(one -> one.5 AND {_IN_RANGE}, recorded) AS done", _BOUNDS)
"""Names that `drops` needs: of causes that were removed in the range."""
FOR_WHOM: Final = (
    f"multiIf(team != '', concat('{text.FOR_TEAM} ', team), reason != '', concat('{text.FOR_REASON} ', reason), "
    f"'{text.FOR_ALL}')"
)


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
    joined = (
        f"({listed}) AS listed\nLEFT JOIN (\n{_measured(*_MEASURES)}\n) AS effects USING (intervention_id, measured)"
    )
    joined = " ".join(["SELECT * FROM", joined])
    return "\n".join([with_range(_ALL, *_DONE), select(shown, joined, *clauses)])


def drops() -> str:
    """Return the SELECT of what each removed cause changed: the share of its contacts that do not come any more.

    Its columns are `fix`, which is `FIX`, `value`, `low` and `high` (per cent; null where it cannot be told),
    `n_before`, `n_after`, `untouched`. The query around it names `FIXES`.
    """
    names = ("value", "low", "high", "n_before", "n_after", "untouched")
    return select({"fix": "intervention_id"} | {name: name for name in names}, _measured(_CONTACTS))


def _of_intervention(by: Dimension) -> str:
    return f"{by.value} != ''"


def _measured(*measures: _Measure) -> str:
    """Return the effects that measures show, by what was done."""
    counts = {
        "intervention_id": "one.1",
        "measured": "measured",
        "is_count": "any(is_count)",
        "part": "part",
        "is_own": f"any({_scope('one')} = part)",
        "is_free": f"any(part != '' AND NOT arrayExists(other -> {_scope('other')} = part "
        f"AND abs(dateDiff('day', other.2, one.2)) < {DAYS}, recorded))",
        "n_b": f"sumIf(n, stretch < {_AT})",
        "n_a": f"sumIf(n, stretch >= {_AT})",
        "x_b": f"sumIf(x, stretch < {_AT})",
        "x_a": f"sumIf(x, stretch >= {_AT})",
    }
    near = f"stretch >= {_BEGIN} AND stretch < {_END}"
    by_part = select(
        counts,
        _by_stretch(measures),
        f"ARRAY JOIN arrayFilter(one -> {near} AND {_scope('one')} != '', done) AS one",
        "GROUP BY one, measured, part",
    )
    names = ("intervention_id", "measured", "is_count", "is_own", "is_free", "n_b", "n_a")
    moved = {name: f"if(is_count, {of_count}, {of_share})" for name, of_count, of_share in _moves()}
    moves = select({name: name for name in names} | moved, by_part, f"WHERE n_b >= {_LEAST} AND n_a >= {_LEAST}")
    own = {"y0": "anyIf(y, is_own)", "v0": "anyIf(v, is_own)", "n_before": "anyIf(n_b, is_own)"}
    kept = {"intervention_id": "intervention_id", "measured": "measured", "is_count": "any(is_count)"}
    grouped = select(
        {**kept, "has_own": "countIf(is_own) = 1", **own, "n_after": "anyIf(n_a, is_own)"}
        | {"ys": "groupArrayIf(y, is_free AND NOT is_own)", "vs": "groupArrayIf(v, is_free AND NOT is_own)"},
        moves,
        "GROUP BY intervention_id, measured",
    )
    names = ("intervention_id", "measured", "is_count", "has_own", "y0", "n_before", "n_after")
    weighed = select({name: name for name in names} | _pooled(), grouped)
    is_told = f"has_own AND untouched >= {LEAST_UNTOUCHED}"
    scaled = {name: f"if({is_told}, 100 * {sql}, NULL)" for name, sql in _ends().items()}
    columns = {"intervention_id": "intervention_id", "measured": "measured", **scaled}
    return select(columns | {name: name for name in ("n_before", "n_after", "untouched")}, weighed)


def _by_stretch(measures: Sequence[_Measure]) -> str:
    """Return what was counted, and how much of it was a hit, by measure, part and time between two bounds.

    Measures of the same observations read them once.
    """
    span = (f"start_at - toIntervalDay({DAYS})", f"end_at + toIntervalDay({DAYS})")
    counted = []
    for observations, alike in groupby(measures, lambda measure: measure.metric.observations):
        sums, parts, listed = dict[str, str](), dict[str, str](), list[str]()
        for number, one in enumerate(alike):
            counts = one.metric.counted or "true"
            sums |= {
                f"n{number}": f"countIf({counts})",
                f"x{number}": f"countIf({counts} AND {one.metric.hit or 'true'})",
            }
            parts[one.by.value] = f"seen.{one.by.value}"
            is_team = str(one.by is Dimension.TEAM).lower()
            listed.append(
                f"('{one.title}', {str(one.is_count).lower()}, {is_team}, {one.by.value}, n{number}, x{number})"
            )
        by_parts = select(
            {"stretch": "roundDown(toUnixTimestamp64Milli(at), bounds)", **parts, **sums},
            observations_of(observations, *span),
            "AS seen",
            f"GROUP BY stretch, {', '.join(parts)}",
        )
        names = ("measured", "is_count", "is_of_team", "part", "n", "x")
        columns = {name: f"measure.{place}" for place, name in enumerate(names, start=1)}
        counted.append(
            select({"stretch": "stretch", **columns}, by_parts, f"ARRAY JOIN [{', '.join(listed)}] AS measure")
        )
    return "\nUNION ALL\n".join(counted)


def _scope(done: str) -> str:
    """Return for whom something was done, in the words of the measure."""
    return f"if(is_of_team, {done}.3, {done}.4)"


def _moves() -> Sequence[tuple[str, str, str]]:
    """Return how a part moved and the variance of that, each of a count and of a share."""
    adjusted = ((f"(x_{side} + 1) / (n_{side} + 2)", f"(n_{side} + 2)") for side in ("b", "a"))
    variance = " + ".join(f"({share}) * (1 - ({share})) / {n}" for share, n in adjusted)
    return (
        ("y", "log((n_a + 0.5) / (n_b + 0.5))", "x_a / n_a - x_b / n_b"),
        ("v", "1 / (n_a + 0.5) + 1 / (n_b + 0.5)", variance),
    )


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


def _ends() -> dict[str, str]:
    """Return value and interval; what stays away is the more, the lower the logarithm of the ratio."""
    value, below, above = "y0 - pooled", "y0 - pooled - margin", "y0 - pooled + margin"
    ends = {"value": (value, value), "low": (above, below), "high": (below, above)}
    return {name: f"if(is_count, 1 - exp({of_count}), {of_share})" for name, (of_count, of_share) in ends.items()}
