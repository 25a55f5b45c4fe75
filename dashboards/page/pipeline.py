"""Pipeline health: whether the numbers can be trusted."""

from typing import Final

from dashboards import panel, query, style, text, variable
from dashboards.dashboard import Dashboard
from dashboards.estimate import counted, joined
from dashboards.page.pulse import SILENT_SECONDS, newest
from dashboards.panel import Panel
from dashboards.query import quoted, select
from dashboards.style import Json
from streams.core.ask.question import days_between, observed
from streams.core.metrics import METRICS
from streams.core.ticket.merge import SOURCE as FOLD

_STORED: Final = "WHERE ingested_at >= start_at AND ingested_at <= end_at"
_STEP: Final = "$__timeInterval(ingested_at)"
_LATENESS: Final = "greatest(0, dateDiff('millisecond', at, ingested_at)) / 1000"
_PERCENTILES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
_NEGATIVE: Final = METRICS["negative_durations"]
_SECONDS: Final[Json] = {"unit": "s", "decimals": 1}


def _events(columns: str, where: str = _STORED) -> str:
    return " ".join(["SELECT", columns, "FROM event_times", where])


def _settle() -> Panel:
    lateness = {"stored": "count()", "seconds": "quantileIf(0.99)(lateness, true)", "ahead": "countIf(is_ahead)"}
    seen = f"{_LATENESS} AS lateness, at > ingested_at AS is_ahead"
    inner = select(lateness, _events(seen, f"{_STORED} AND NOT replay"))
    n = f"if(stored = 0, NULL, concat('{text.N} ', {counted('toString(stored)')}))"
    ahead = f"if(ahead = 0, NULL, concat({counted('toString(ahead)')}, ' {text.AHEAD}'))"
    shown = {
        "time": "$__toTime_ms",
        quoted(text.SETTLE_TITLE): "if(stored = 0, NULL, seconds)",
        "evidence": joined([n, ahead]),
    }
    return Panel(
        id=2,
        title=text.SETTLE_TITLE,
        kind="stat",
        about=text.SETTLE,
        width=5,
        height=5,
        sql=query.with_range() + "\n" + select(shown, inner),
        format="timeseries",
        empty=text.NO_EVENTS,
        look=_SECONDS | style.fixed(style.PLAIN) | {"displayName": "${__field.labels.evidence}"},
        options=panel.STAT,
    )


def _letters() -> Panel:
    waiting = select(
        {"waiting": "count()", "received_at": "max(letters.received_at)"},
        "SELECT received_at FROM dead_letters FINAL WHERE replays = 0",
        "AS letters",
    )
    clock = query.clock("received_at")
    shown = {
        "time": "$__toTime_ms",
        quoted(text.LETTERS_TITLE): "waiting",
        "evidence": f"if(waiting = 0, '', concat('{text.NEWEST_LETTER} ', {clock}))",
    }
    return Panel(
        id=3,
        title=text.LETTERS_TITLE,
        kind="stat",
        about=text.LETTERS,
        width=5,
        height=5,
        sql=query.with_range() + "\n" + select(shown, waiting),
        format="timeseries",
        empty=text.NO_LETTERS,
        look={"unit": "locale", "decimals": 0, "displayName": "${__field.labels.evidence}"}
        | style.by_threshold([(None, style.PLAIN), (1, style.BAD)]),
        options=panel.STAT,
    )


def _stored() -> Panel:
    inner = _events("at, ingested_at, replay")
    shown = {
        "time": "$__toTime_ms",
        quoted(text.STORED_TITLE): "count()",
        "evidence": f"concat({counted('toString(countIf(replay))')}, ' {text.REPLAYED}')",
    }
    return Panel(
        id=4,
        title=text.STORED_TITLE,
        kind="stat",
        about=text.STORED_ABOUT,
        width=5,
        height=5,
        sql=query.with_range() + "\n" + select(shown, inner),
        format="timeseries",
        empty=text.NO_EVENTS,
        look={"unit": "locale", "decimals": 0, "displayName": "${__field.labels.evidence}"} | style.fixed(style.PLAIN),
        options=panel.STAT,
    )


def _negative() -> Panel:
    seen = observed(_NEGATIVE.observations, days_between(_NEGATIVE.observations, "start_at", "end_at"))
    inner = select({"number": "count()"}, seen, "WHERE at >= start_at AND at < end_at")
    shown = {
        "time": "$__toTime_ms",
        quoted(_NEGATIVE.title): f"if({query.FIRST_DAY} <= toDate(end_at), toNullable(number), NULL)",
        "evidence": f"'{text.CREATED}'",
    }
    return Panel(
        id=11,
        title=_NEGATIVE.title,
        kind="stat",
        about=text.description(_NEGATIVE, text.NEGATIVE),
        width=4,
        height=5,
        sql=query.with_range() + "\n" + select(shown, inner),
        format="timeseries",
        empty=text.NOT_ENOUGH,
        look={"unit": "locale", "decimals": 0, "displayName": "${__field.labels.evidence}"}
        | style.by_threshold([(None, style.PLAIN), (1, style.BAD)]),
        options=panel.STAT,
    )


def _per_minute() -> Panel:
    columns = {"time": _STEP, "source": "source", quoted(text.EVENTS): "count() * 60 / $__interval_s"}
    inner = _events("source, ingested_at")
    return Panel(
        id=5,
        title=text.PER_MINUTE_TITLE,
        kind="timeseries",
        about=text.PER_MINUTE,
        width=12,
        height=8,
        sql="\n".join([query.with_range(), select(columns, inner, "GROUP BY time, source"), "ORDER BY time, source"]),
        format="timeseries",
        empty=text.NO_EVENTS,
        look={"unit": "none", "decimals": 1, "min": 0, "color": {"mode": "palette-classic-by-name"}}
        | {"custom": panel.line(), "displayName": "${__field.labels.source}"},
        options=panel.series_options(),
        min_interval="1m",
    )


def _lateness() -> Panel:
    columns = {"time": _STEP}
    columns |= {name: f"quantile({p})({_LATENESS})" for name, p in _PERCENTILES.items()}
    inner = _events("at, ingested_at", f"{_STORED} AND NOT replay")
    return Panel(
        id=6,
        title=text.LATENESS_TITLE,
        kind="timeseries",
        about=text.LATENESS,
        width=12,
        height=8,
        sql="\n".join([query.with_range(), select(columns, inner, "GROUP BY time"), "ORDER BY time"]),
        format="timeseries",
        empty=text.NO_EVENTS,
        look=_SECONDS | {"min": 0, "color": {"mode": "palette-classic-by-name"}, "custom": panel.line()},
        options=panel.series_options(),
        min_interval="1m",
    )


def _silence() -> Panel:
    last = "if({0} = toDateTime64(0, 3, 'UTC'), NULL, dateDiff('second', {0}, end_at))"
    inner = select(
        {
            "source": "source",
            "stored": "count()",
            "event_at": "maxIf(at, name != 'producer.heartbeat')",
            "beat_at": "maxIf(at, name = 'producer.heartbeat')",
        },
        # What our own fold derives comes with merges only: its silence tells nothing.
        _events("source, name, at", f"{_STORED} AND source != '{FOLD}'"),
        "GROUP BY source",
    )
    shown = {
        quoted(text.SOURCE): "source",
        quoted(text.SILENT): last.format("event_at"),
        quoted(text.HEARTBEAT): last.format("beat_at"),
        quoted(text.STORED_TITLE): "stored",
    }
    red = style.by_threshold([(None, style.PLAIN), (SILENT_SECONDS, style.BAD)])
    text_colour = {"custom__cellOptions": {"type": "color-text"}, "noValue": text.TOO_FEW}
    return Panel(
        id=7,
        title=text.SILENCE_TITLE,
        kind="table",
        about=text.SILENCE,
        width=12,
        height=8,
        sql=query.with_range() + "\n" + select(shown, inner, "ORDER BY least(event_at, end_at), source"),
        empty=text.NO_EVENTS,
        look=style.PLAIN_TABLE,
        overrides=[
            style.override(text.SILENT, unit="s", decimals=0, **red, **text_colour),
            style.override(text.HEARTBEAT, unit="s", decimals=0, **red, **text_colour),
            style.override(text.STORED_TITLE, unit="locale", decimals=0),
        ],
        options=panel.TABLE,
    )


def _letters_over_time() -> Panel:
    columns = {"time": "$__timeInterval(received_at)", "reason": "reason", quoted(text.RECORDS): "count()"}
    inner = "SELECT reason, received_at FROM dead_letters FINAL WHERE received_at >= start_at AND received_at <= end_at"
    return Panel(
        id=8,
        title=text.LETTERS_OVER_TIME_TITLE,
        kind="timeseries",
        about=text.LETTERS_OVER_TIME,
        width=12,
        height=8,
        sql="\n".join([query.with_range(), select(columns, inner, "GROUP BY time, reason"), "ORDER BY time, reason"]),
        format="timeseries",
        empty=text.NO_LETTERS,
        look={"unit": "locale", "decimals": 0, "min": 0, "color": {"mode": "palette-classic-by-name"}}
        | {"custom": panel.line(drawStyle="bars", fillOpacity=60), "displayName": "${__field.labels.reason}"},
        options=panel.series_options(),
        min_interval="1m",
    )


def _letters_list() -> Panel:
    columns = {
        quoted(text.RECEIVED): "formatDateTime(received_at, '%Y-%m-%d %H:%i:%S', ${zone:singlequote})",
        quoted(text.COLUMN_NAMES["reason"]): "reason",
        quoted(text.FAULT): "pointer",
        quoted(text.MESSAGE): "message",
        quoted(text.RECORD): "concat(topic, '/', toString(partition), '/', toString(offset))",
        quoted(text.REPLAYS): "replays",
    }
    inner = (
        "SELECT received_at, reason, pointer, message, topic, partition, offset, replays FROM dead_letters FINAL\n"
        "WHERE received_at >= start_at AND received_at <= end_at ORDER BY received_at DESC, id LIMIT 50"
    )
    return Panel(
        id=9,
        title=text.LETTERS_LIST_TITLE,
        kind="table",
        about=text.LETTERS_LIST,
        width=24,
        height=8,
        sql=query.with_range() + "\n" + select(columns, inner),
        empty=text.NO_LETTERS,
        look=style.PLAIN_TABLE,
        options=panel.TABLE,
    )


DASHBOARD: Final = Dashboard(
    uid="pipeline",
    since="now-6h",
    refresh="10s",
    variables=[variable.zone()],
    rows=[
        [newest(1, width=5), _settle(), _letters(), _stored(), _negative()],
        [_per_minute(), _lateness()],
        [_silence(), _letters_over_time()],
        [_letters_list()],
        [panel.words(10, text.DEFINITIONS, text.PIPELINE, height=6)],
    ],
)
