"""Who is best, and how surely: how often each part would come first if what was seen came again, in SQL."""

from typing import Final

from dashboards import text
from dashboards.estimate import estimates
from dashboards.query import LEAST, known_or_named, measured, observations_of, quoted, select, with_range
from streams.core.interval import Z95
from streams.core.metrics import Dimension, Direction, Metric

DRAWS: Final = 2_000
"""Of each part's number, from the normal distribution of its interval: enough for a per cent or two."""
MOST: Final = 20


def first(metric: Metric, by: Dimension) -> str:
    """Return a table: part, value, interval, n, and how likely it is that its true number is the best of all.

    Each draw takes a number for every part from the normal distribution whose 95 % are its interval, by hashes of its
    name, so that every run draws the same; the share of draws in which a part is the best is its chance.
    """
    sign = "" if metric.direction is Direction.UP else "-"
    figures = select(
        {"part": "part"} | estimates(metric),
        select(
            {"part": known_or_named(f"seen.{by}")} | measured(metric),
            observations_of(metric.observations, "start_at", "end_at"),
            "AS seen",
            "WHERE at >= start_at AND at < end_at",
            "GROUP BY part",
        ),
    )
    uniform = "(toFloat64(cityHash64(one.1, draw, '{}')) + 1) / pow(2, 64)"
    normal = f"sqrt(-2 * log({uniform.format('radius')})) * cos(2 * pi() * {uniform.format('angle')})"
    drawn = f"arrayMap(one -> {sign}(one.6 + one.7 * {normal}), parts)"
    chances = select(
        {"parts": "parts", "best": "indexOf(drawn, arrayMax(drawn))"},
        select(
            {"parts": "parts", "draw": f"arrayJoin(range({DRAWS}))", "drawn": drawn},
            select(
                {
                    "parts": "groupArray((part, assumeNotNull(value), assumeNotNull(low), assumeNotNull(high), n, "
                    f"assumeNotNull((low + high) / 2), assumeNotNull((high - low) / {2 * Z95!r})))"
                },
                figures,
                "WHERE value IS NOT NULL AND low IS NOT NULL AND high IS NOT NULL",
            ),
        ),
    )
    shown = {
        quoted(text.COLUMN_NAMES[by]): "one.1",
        quoted(text.CHANCE): f"counts[place] / {DRAWS}",
        quoted(metric.title): "one.2",
        quoted(text.LOW): "one.3",
        quoted(text.HIGH): "one.4",
        quoted(text.N): "one.5",
    }
    counted = select(
        {
            "parts": "any(parts)",
            "bests": "groupArray(best)",
            "counts": "arrayMap(place -> arrayCount(best -> best = place, bests), arrayEnumerate(parts))",
        },
        chances,
        "HAVING notEmpty(parts)",
    )
    listed = select(shown, counted, "ARRAY JOIN parts AS one, arrayEnumerate(parts) AS place")
    order = f"ORDER BY counts[place] DESC, one.2 {'DESC' if metric.direction is Direction.UP else 'ASC'}, one.1"
    return "\n".join([with_range(LEAST), listed, f"{order} LIMIT {MOST}"])
