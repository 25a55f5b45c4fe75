"""What happened, as marks on every chart over time. A further kind of mark is one more entry here."""

from collections.abc import Sequence
from typing import Final

from dashboards import panel, text
from dashboards.effect import FOR_WHOM
from dashboards.style import ACCENT, BAD, GOOD, PLAIN, Json
from streams.core.signal.segment import SignalState
from streams.core.signal.sentence import REPLAYED

_SIGNALS: Final = f"""
SELECT
    opened_at AS time,
    ifNull(resolved_at, $__toTime_ms) AS timeEnd,
    concat(replaceAll(kind, '_', ' '), ' · ', segment_kind, ' ', segment) AS title,
    concat({text.told_line("value")}, ' · ', if(note = '', clears, note)) AS text,
    kind AS tags
FROM signals FINAL
WHERE state != '{SignalState.WITHDRAWN}' AND (is_page OR note = '{REPLAYED}')
    AND opened_at <= $__toTime_ms AND ifNull(resolved_at, $__toTime_ms) >= $__fromTime_ms
ORDER BY opened_at, signal_id
""".strip()  # noqa: S608 - words of ours

_INTERVENTIONS: Final = f"""
SELECT
    at AS time,
    concat(kind, if(title = '', '', concat(': ', title))) AS title,
    {FOR_WHOM} AS text,
    kind AS tags
FROM interventions
WHERE at >= $__fromTime_ms AND at <= $__toTime_ms
ORDER BY at, intervention_id
""".strip()  # noqa: S608 - words of ours

_CAUSES: Final = f"""
SELECT
    mark.1 AS time,
    concat(mark.2, ': ', reason) AS title,
    if(action = '', department, concat(department, ': ', action)) AS text,
    mark.2 AS tags
FROM root_causes
ARRAY JOIN arrayFilter(
    mark -> mark.1 >= $__fromTime_ms AND mark.1 <= $__toTime_ms,
    [
        (reported_at, '{text.REPORTED}'),
        (ifNull(acknowledged_at, toDateTime64(0, 3, 'UTC')), '{text.ACKNOWLEDGED}'),
        (ifNull(fixed_at, toDateTime64(0, 3, 'UTC')), '{text.FIXED_STAGE}')
    ]
) AS mark
ORDER BY time, reason
""".strip()  # noqa: S608 - words of ours

ANNOTATIONS: Final[Sequence[Json]] = (
    {
        "name": "Deployments",
        "enable": True,
        "iconColor": PLAIN,
        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
        # Whoever deploys posts an annotation with this tag to Grafana's API; people can add their own on any chart.
        "target": {"type": "tags", "tags": ["deployment"], "matchAny": True, "limit": 100},
    },
    {
        "name": text.PAGES["interventions"][0],
        "enable": True,
        "iconColor": ACCENT,
        "datasource": panel.DATASOURCE,
        "target": panel.target(_INTERVENTIONS, "table", "annotation"),
    },
    {
        "name": text.CAUSES_TITLE,
        "enable": True,
        "iconColor": GOOD,
        "datasource": panel.DATASOURCE,
        "target": panel.target(_CAUSES, "table", "annotation"),
    },
    {
        "name": text.SIGNALS_TITLE,
        "enable": True,
        "iconColor": BAD,
        "datasource": panel.DATASOURCE,
        "target": panel.target(_SIGNALS, "table", "annotation"),
    },
)
