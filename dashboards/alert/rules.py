"""Which alert rules there are. Metrics are those of the registry, signals those of the watch."""

from collections.abc import Mapping, Sequence
from textwrap import indent
from typing import Any, Final, TypeAlias

from dashboards.alert import text
from dashboards.alert.away import away
from dashboards.alert.breach import LEAD_MINUTES, will_breach
from dashboards.alert.missed import IMPORTANT_MISSED
from dashboards.alert.notice import ETA_PASSED, IS_DECLARED, UNANNOUNCED
from dashboards.alert.promise import PROMISE_BROKEN, promise_due
from dashboards.alert.rule import KEEP_LAST, Rule
from dashboards.alert.stated import stated
from dashboards.estimate import FIGURE, estimates
from dashboards.query import LEAST, measured, select
from streams.core.ask.question import days_between, observed
from streams.core.drop import Cause, Thresholds
from streams.core.metrics import METRICS, Metric
from streams.core.signal.segment import SegmentKind, SignalState

DAY_SECONDS: Final = 86_400
PIPELINE: Final = "pipeline"
"""Who is told of what is wrong with the pipeline itself."""
TOLD: Final[Sequence[str]] = (
    "opened",
    "since",
    "n",
    "value",
    "interval",
    "baseline",
    "slices",
    "tickets",
    "clears",
    "found_by",
)
"""What a page tells as it stood at the opening: labels must not change while an alert lasts."""
_TOLD_OF: Final[Mapping[Cause, Sequence[str]]] = {
    Cause.FAULT_SUSPECTED: ("opened", "since", "n", "baseline", "customers", "tickets", "clears"),
    Cause.REASON_DOMINATES: ("opened", "n", "value", "interval", "baseline", "department", "clears"),
}
"""The same of kinds that tell something else."""


_TOLD_TO: Final[Mapping[Cause, str]] = {Cause.FAULT_SUSPECTED: "team", Cause.REASON_DOMINATES: "department"}
"""Of kinds that are about no team: who is told, among what is told."""


def _signals(kind: Cause, value: str) -> str:
    """Return a number of each signal, with what was told of it at its opening as labels.

    The number must name its column as one of `stated`: some labels bear the same names.

    A signal that is over stays for a day, with a 0: so Grafana sees that it is resolved, rather than gone.
    """
    others = PIPELINE if kind is Cause.SOURCE_SILENT else "desk"
    team = f"if(segment_kind = '{SegmentKind.TEAM}', segment, '{others}')"
    if kind in _TOLD_TO:
        team = f"if(told['{_TOLD_TO[kind]}'] != '', told['{_TOLD_TO[kind]}'], '{others}')"
    labels = {"signal": "signal_id", "segment_kind": "segment_kind", "segment": "segment", "team": team}
    told = {name: f"told['{name}']" for name in _TOLD_OF.get(kind, TOLD)}
    columns = ",\n    ".join(f"{sql} AS {name}" for name, sql in (labels | told | {"number": value}).items())
    return f"SELECT\n    {columns}\n{stated(kind)}"


_UNLESS: Final[Mapping[Cause, str]] = {Cause.FAULT_SUSPECTED: f" AND NOT {IS_DECLARED}"}
"""What ends a page before its signal is over: somebody took it up."""


def _of_signals(kind: Cause) -> dict[str, str]:
    is_share = kind is not Cause.FAULT_SUSPECTED  # there customers are counted
    shares = (("V", "value"), ("L", "low"), ("H", "high")) if is_share else ()
    numbers = {"N": "stated.n"} | {name: f"100 * ifNull(stated.{column}, 0)" for name, column in shares}
    is_open = f"toFloat64(stated.state = '{SignalState.OPEN}' AND stated.is_page{_UNLESS.get(kind, '')})"
    return {
        name: _signals(kind, f"toFloat64({sql})" if name != "A" else sql)
        for name, sql in ({"A": is_open} | numbers).items()
    }


_USUAL: Final = Thresholds()
_IN_PER_CENT: Final = {"V": "100 * value", "L": "100 * low", "H": "100 * high"}
"""As texts tell shares."""


def _beside(metric: Metric, number: str, weeks: int, *, where: str) -> str:
    """Return a number of each team, from its figures of the range, beside what is known from the weeks before it.

    Args:
        metric: Of the registry.
        number: Of `n`, `value`, `low`, `high`, of when it was `first_at` seen, and `learnt_n`: how often by the end of
            the days whose level the watch takes for usual.
        weeks: How many before the range count.
        where: Which teams are told of.
    """
    observations = metric.observations
    learnt = " AND ".join(filter(None, [metric.counted, f"at < end_at - toIntervalHour({_USUAL.baseline_lag_hours})"]))
    learning = {"first_at": "min(figures.first_at)", "learnt_n": "sum(figures.learnt_n)"}
    by_time = select(
        {"team": "team", "is_now": "at >= start_at", "first_at": "min(at)", "learnt_n": f"countIf({learnt})"}
        | measured(metric),
        observed(observations, days_between(observations, "before_at", "end_at")),
        "AS seen",
        "WHERE at >= before_at AND at < end_at AND team != ''",
        "GROUP BY team, is_now",
    )
    figures = select({name: name for name in ("team", "is_now", *learning)} | estimates(metric), by_time)
    sides = {name: f"anyIf(figures.{name}, is_now)" for name in FIGURE}
    pivot = select({"team": "team"} | sides | learning, figures, "AS figures", "GROUP BY team")
    shown = select({"team": "team", "number": f"toFloat64({number})"}, pivot, f"WHERE {where}", "ORDER BY team")
    before_at = f"start_at - toIntervalWeek({weeks}) AS before_at"
    named = (LEAST, "$__fromTime_ms AS start_at", "$__toTime_ms AS end_at", before_at)
    return "WITH\n" + indent(",\n".join(named), "    ") + "\n" + shown


def _of_unknown_level() -> dict[str, str]:
    """Return the numbers of the last day of each team whose usual level the watch does not know yet."""
    days = _USUAL.baseline_days_least + _USUAL.baseline_lag_hours / 24
    learning = f"learnt_n < {_USUAL.baseline_least} OR first_at > end_at - toIntervalDay({days:g})"
    unknown = f"value IS NOT NULL AND n >= 50 AND ({learning})"
    numbers = {"A": "value", "N": "n"} | _IN_PER_CENT
    return {name: _beside(METRICS["csat_share"], sql, 4, where=unknown) for name, sql in numbers.items()}


_WEEKS_BEFORE: Final = " OR ".join(
    f"(at > $__toTime_ms - toIntervalSecond({weeks * 604_800 + 900}) AND at <= $__toTime_ms - toIntervalWeek({weeks}))"
    for weeks in range(1, 5)
)
_STORED: Final = "SELECT count() FROM event_times WHERE replay = false AND ingested_at > $__fromTime_ms"
_STALLED: Final = "\n".join(
    [
        f"SELECT toFloat64(if(({_STORED}) = 0, count(), 0)) AS number",
        "FROM event_times",
        f"WHERE replay = false AND ({_WEEKS_BEFORE})",
    ]
)

_LETTERS: Final = """
SELECT topic, topK(1)(reason)[1] AS reason, toFloat64(count()) AS number
FROM dead_letters FINAL
WHERE received_at > $__fromTime_ms AND received_at <= $__toTime_ms AND replays = 0
GROUP BY topic
ORDER BY topic
""".strip()

_MENDED: Final = """
SELECT toFloat64(count()) AS number
FROM dead_letters FINAL
WHERE reason = 'ticket-mended' AND received_at > $__fromTime_ms AND received_at <= $__toTime_ms
""".strip()


_LOST: Final = """
SELECT topic, toFloat64(count()) AS number
FROM dead_letters FINAL
WHERE received_at > $__fromTime_ms AND received_at <= $__toTime_ms AND reason = 'records-lost' AND replays = 0
GROUP BY topic
ORDER BY topic
""".strip()

_BLIND: Final = """
SELECT toFloat64(dateDiff('second', max(looked_at), $__toTime_ms)) AS number
FROM looks
HAVING count() > 0
""".strip()


def _late(number: str) -> str:
    seconds = "greatest(0, dateDiff('millisecond', at, ingested_at)) / 1000"
    return "\n".join(
        [
            f"SELECT toFloat64({number.format(seconds=seconds)}) AS number",
            "FROM event_times",
            "WHERE ingested_at > $__fromTime_ms AND ingested_at <= $__toTime_ms AND replay = false",
            "HAVING count() >= 20",
        ]
    )


def _of_signal(kind: Cause, **said: Any) -> Rule:  # noqa: ANN401 - fields of a rule
    """Return the rule that tells signals of a kind, under their name, as soon as the watch opens one."""
    return Rule(
        uid=kind.replace("_", "-"),
        queries=_of_signals(kind),
        above=0,
        window_seconds=DAY_SECONDS,
        wait="0s",
        no_data=KEEP_LAST,
        **said,
    )


QUALITY: Final[Sequence[Rule]] = (
    _of_signal(
        Cause.SATISFACTION_FELL,
        title=text.FELL_TITLE,
        summary=text.FELL,
        description=text.FELL_ABOUT,
        severity="page",
        dashboard="satisfaction",
        panel=5,
    ),
    _of_signal(
        Cause.SATISFACTION_DECLINES,
        title=text.DECLINES_TITLE,
        summary=text.DECLINES,
        description=text.DECLINES_ABOUT,
        severity="ticket",
        dashboard="satisfaction",
        panel=5,
    ),
    Rule(
        uid="satisfaction-low",
        title=text.PLAIN_TITLE,
        summary=text.PLAIN,
        description=text.PLAIN_ABOUT,
        severity="warning",
        queries=_of_unknown_level(),
        below=0.7,
        window_seconds=DAY_SECONDS,
        wait="30m",
        dashboard="satisfaction",
        panel=5,
    ),
    _of_signal(
        Cause.SURVEY_BROKEN,
        title=text.BROKEN_TITLE,
        summary=text.BROKEN,
        description=text.BROKEN_ABOUT,
        severity="warning",
        dashboard="satisfaction",
        panel=3,
    ),
    _of_signal(
        Cause.COMPLAINTS_SURGE,
        title=text.SURGE_TITLE,
        summary=text.SURGE,
        description=text.SURGE_ABOUT,
        severity="warning",
        dashboard="complaints",
        panel=8,
    ),
    _of_signal(
        Cause.FIRST_RESPONSES_LATE,
        title=text.LATE_TITLE,
        summary=text.LATE,
        description=text.LATE_ABOUT,
        severity="warning",
        dashboard="response-time",
        panel=7,
    ),
    _of_signal(
        Cause.FAULT_SUSPECTED,
        title=text.SUSPECTED_TITLE,
        summary=text.SUSPECTED,
        description=text.SUSPECTED_ABOUT,
        severity="page",
        dashboard="faults",
        panel=5,
    ),
    UNANNOUNCED,
    ETA_PASSED,
    _of_signal(
        Cause.REASON_DOMINATES,
        title=text.DOMINATES_TITLE,
        summary=text.DOMINATES,
        description=text.DOMINATES_ABOUT,
        severity="ticket",
        dashboard="prevention",
        panel=4,
    ),
    will_breach(),
    promise_due(LEAD_MINUTES),
    PROMISE_BROKEN,
    IMPORTANT_MISSED,
)

OF_PIPELINE: Final[Sequence[Rule]] = (
    Rule(
        uid="source-silent",
        title=text.SILENT_TITLE,
        summary=text.SILENT,
        description=text.SILENT_ABOUT,
        severity="page",
        queries={"A": _of_signals(Cause.SOURCE_SILENT)["A"]},
        above=0,
        window_seconds=DAY_SECONDS,
        wait="0s",
        no_data=KEEP_LAST,
        dashboard="pipeline",
        panel=7,
    ),
    Rule(
        uid="nothing-stored",
        title=text.STALLED_TITLE,
        summary=text.STALLED,
        description=text.STALLED_ABOUT,
        severity="page",
        team=PIPELINE,
        queries={"A": _STALLED},
        above=30,
        window_seconds=900,
        wait="2m",  # when ClickHouse is back, workers need a moment to store what waited
        dashboard="pipeline",
        panel=5,
    ),
    Rule(
        uid="watch-blind",
        title=text.BLIND_TITLE,
        summary=text.BLIND,
        description=text.BLIND_ABOUT,
        severity="page",
        team=PIPELINE,
        queries={"A": _BLIND},
        above=600,
        window_seconds=900,
        wait="2m",
        dashboard="pipeline",
        panel=6,
    ),
    Rule(
        uid="dead-letters-grow",
        title=text.LETTERS_TITLE,
        summary=text.LETTERS,
        description=text.LETTERS_ABOUT,
        severity="warning",
        team=PIPELINE,
        queries={"A": _LETTERS},
        above=9,
        window_seconds=1_800,
        wait="5m",
        dashboard="pipeline",
        panel=8,
    ),
    Rule(
        uid="rows-differed",
        title=text.DIFFERED_TITLE,
        summary=text.DIFFERED,
        description=text.DIFFERED_ABOUT,
        severity="warning",
        team=PIPELINE,
        queries={"A": _MENDED},
        above=0,
        window_seconds=1_800,
        wait="0s",
        dashboard="pipeline",
        panel=8,
    ),
    Rule(
        uid="records-lost",
        title=text.LOST_TITLE,
        summary=text.LOST,
        description=text.LOST_ABOUT,
        severity="warning",
        team=PIPELINE,
        queries={"A": _LOST},
        above=0,
        window_seconds=DAY_SECONDS,
        wait="0s",
        dashboard="pipeline",
        panel=8,
    ),
    Rule(
        uid="workers-lag",
        title=text.LAG_TITLE,
        summary=text.LAG,
        description=text.LAG_ABOUT,
        severity="warning",
        team=PIPELINE,
        queries={"A": _late("quantile(0.5)({seconds})"), "N": _late("count()")},
        above=300,
        window_seconds=600,
        wait="5m",
        no_data=KEEP_LAST,  # no events say nothing of how late they are
        dashboard="pipeline",
        panel=6,
    ),
)

AWAY: Final = away((*QUALITY, *OF_PIPELINE), team=PIPELINE)
Groups: TypeAlias = Mapping[str, Sequence[Rule]]
GROUPS: Final[Groups] = {"service quality": QUALITY, "pipeline": (*OF_PIPELINE, AWAY)}
"""The rules as they are checked in."""


def groups(lead_minutes: float = LEAD_MINUTES) -> Groups:
    """Return the rules of a desk that has itself told so long before a target passes."""
    wanted = {rule.uid: rule for rule in (will_breach(lead_minutes), promise_due(lead_minutes))}
    return {name: tuple(wanted.get(rule.uid, rule) for rule in rules) for name, rules in GROUPS.items()}
