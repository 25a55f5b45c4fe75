"""The rules of what everyone should know: a fault that nobody announces, and an expected end that has passed."""

from typing import Final

from dashboards.alert import text
from dashboards.alert.rule import Rule
from dashboards.alert.soonest import NO_TEAM
from dashboards.alert.stated import stated
from streams.core.drop import Cause
from streams.core.metrics.fault import SUBJECT_OF_FAULT
from streams.core.metrics.known_issue import ABOUT_ISSUE
from streams.core.signal.segment import SegmentKind, SignalState

WAIT_MINUTES: Final = 15
"""So long after it was suspected somebody should have said what it is."""
TOLD_DAYS: Final = 7
"""So long after it passed an expected end is told of; then the pages have it."""

IS_DECLARED: Final = f"""(concat(stated.segment_kind, ' ', stated.segment) IN (
        SELECT {SUBJECT_OF_FAULT} FROM faults WHERE fixed_at IS NULL
    ))"""  # noqa: S608 - words of ours
"""Whether a fault stands declared on what a signal, `stated`, is about."""
_IS_ANNOUNCED: Final = f"""(stated.segment_kind = '{SegmentKind.TOPIC}' AND arrayExists(
        one -> (one.1 = '' OR startsWith(stated.segment, concat(one.1, ' x ')))
            AND (one.2 = '' OR endsWith(stated.segment, concat(' x ', one.2))),
        (SELECT groupArray((product_line, reason)) FROM known_issues WHERE resolved_at IS NULL)
    ))"""  # noqa: S608 - words of ours

_UNANNOUNCED: Final = f"""
SELECT
    signal_id AS signal,
    segment_kind,
    segment,
    if(told['team'] != '', told['team'], '{NO_TEAM}') AS team,
    told['opened'] AS opened,
    told['tickets'] AS tickets,
    toFloat64(state = '{SignalState.OPEN}' AND is_page AND NOT {IS_DECLARED} AND NOT {_IS_ANNOUNCED}) AS number
{stated(Cause.FAULT_SUSPECTED)}
""".strip()

_PASSED: Final = f"""
SELECT
    kind,
    id,
    about,
    if(department != '', department, '{NO_TEAM}') AS team,
    formatDateTime(assumeNotNull(eta_at), '{text.INSTANT}', 'UTC') AS expected,
    toFloat64(dateDiff('second', eta_at, $__toTime_ms)) AS number
FROM
(
    SELECT '{text.OF_FAULT}' AS kind, fault_id AS id, {SUBJECT_OF_FAULT} AS about, '' AS department, eta_at
    FROM faults
    WHERE fixed_at IS NULL
    UNION ALL
    SELECT
        '{text.OF_ISSUE}' AS kind,
        issue_id AS id,
        {ABOUT_ISSUE} AS about,
        department,
        eta_at
    FROM known_issues
    WHERE resolved_at IS NULL
)
WHERE eta_at < $__toTime_ms AND eta_at > $__toTime_ms - toIntervalDay({TOLD_DAYS})
ORDER BY eta_at, kind, id
""".strip()  # noqa: S608 - words of ours

UNANNOUNCED: Final = Rule(
    uid="fault-unannounced",
    title=text.UNANNOUNCED_TITLE,
    summary=text.UNANNOUNCED,
    description=text.UNANNOUNCED_ABOUT,
    severity="warning",
    queries={"A": _UNANNOUNCED},
    above=0,
    window_seconds=86_400,
    wait=f"{WAIT_MINUTES}m",
    dashboard="known-issues",
    panel=5,
)
ETA_PASSED: Final = Rule(
    uid="eta-passed",
    title=text.ETA_PASSED_TITLE,
    summary=text.ETA_PASSED,
    description=text.ETA_PASSED_ABOUT,
    severity="warning",
    queries={"A": _PASSED},
    above=0,
    window_seconds=60,
    wait="2m",
    dashboard="known-issues",
    panel=5,
)
