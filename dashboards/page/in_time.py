"""In time, by the desk's policy: who is due next, and how often targets are kept, by team and by priority."""

from textwrap import indent
from typing import Final

from dashboards import figure, panel, query, style, text, variable
from dashboards.dashboard import Dashboard
from dashboards.panel import Panel
from schemas.policy import CONDITIONS
from streams.core.metrics import METRICS, Dimension
from streams.core.metrics.in_target import FIRST_RESPONSES_DUE, RESPONSES_DUE
from streams.core.metrics.policy import policy_join, rules_column

_FIRST: Final = METRICS["first_response_in_target"]
_ANY: Final = METRICS["response_in_target"]
_RESOLVED: Final = METRICS["resolution_in_target"]
_TOLD: Final = (Dimension.PRIORITY, Dimension.TEAM, Dimension.AGENT, Dimension.CHANNEL)
"""What the list of those due next says of each."""
_MOST: Final = 100
_BY_STATUS: Final = ("time_with_desk", "time_with_customer", "time_on_hold")
_RULES: Final = {"first_response": text.FIRST_RESPONSE, "response": text.ANY_RESPONSE, "resolution": text.RESOLUTION}


def _due_next() -> Panel:
    """Return the list of those whose target passes next: of a ticket the sooner of two."""
    kinds = {text.FIRST_RESPONSE: FIRST_RESPONSES_DUE, text.ANY_RESPONSE: RESPONSES_DUE}
    waits = "\nUNION ALL\n".join(
        query.select(
            {"due_at": "at", "what": query.quoted_text(name), "until": "open_until", "ticket_id": "ticket_id"}
            | {column.value: column.value for column in _TOLD},
            query.observations_of(kind, "end_at", "end_at"),
        )
        for name, kind in kinds.items()
    )
    columns = {
        query.quoted(text.BREACHES): "dateDiff('second', end_at, min(due_at))",
        query.quoted(text.TICKET): "ticket_id",
        query.quoted(text.DUE_WHAT): "argMin(what, due_at)",
        **{query.quoted(text.COLUMN_NAMES[by]): f"any({query.known_or_named(by)})" for by in _TOLD},
        query.quoted(text.DUE_AT): query.clock("min(due_at)"),
    }
    clauses = (
        "AS waits",
        "WHERE until >= end_at AND due_at >= end_at AND due_at < end_at + toIntervalDay(1)",
        "GROUP BY ticket_id",
        f"ORDER BY min(due_at), ticket_id LIMIT {_MOST}",
    )
    return Panel(
        id=4,
        title=text.DUE_TITLE,
        kind="table",
        about=text.DUE,
        width=24,
        height=9,
        sql=query.with_range() + "\n" + query.select(columns, waits, *clauses),
        empty=text.NOTHING_DUE,
        look=style.PLAIN_TABLE,
        overrides=[style.override(text.BREACHES, unit="s", decimals=1, custom__width=120)],
        options=panel.TABLE,
    )


def _targets() -> Panel:
    """Return the rules of the version of the policy that is in force as the range ends, in their order."""
    rules = "\nUNION ALL\n".join(_rules_of(target, what, i) for i, (target, what) in enumerate(_RULES.items()))
    conditions = ", ".join(
        f"if(empty(rule.{name}), '', concat('{text.COLUMN_NAMES[name].lower()} ', "
        f"arrayStringConcat(arrayMap(one -> if(one = '', '{text.UNKNOWN}', one), rule.{name}), '{text.OR}')))"
        for name in CONDITIONS
    )
    tickets = f"arrayStringConcat(arrayFilter(said -> said != '', [{conditions}]), ', ')"
    hours = f"if(rule.is_open_hours, '{text.OF_OPEN_HOURS}', '')"
    paused = "".join(f", if(has(rule.paused, '{name}'), '{said}', '')" for name, said in text.PAUSED.items())
    minutes = "intDiv(rule.seconds, 60)"
    within = (
        f"multiIf({minutes} % 1440 = 0, concat(toString({minutes} / 1440), ' d'), "
        f"{minutes} % 60 = 0, concat(toString({minutes} / 60), ' h'), concat(toString({minutes}), ' min'))"
    )
    since = query.clock("in_force_at")
    columns = {
        query.quoted(text.DUE_WHAT): "what",
        query.quoted(
            text.TICKETS_OF_RULE
        ): f"multiIf({tickets} != '', {tickets}, number = 1, '{text.ALL_TICKETS}', '{text.ALL_OTHERS}')",
        query.quoted(text.TARGET): f"concat({within}, {hours}{paused})",
        query.quoted(text.IN_FORCE_SINCE): f"if(toUnixTimestamp(in_force_at) = 0, '{text.BUILT_IN}', {since})",
    }
    return Panel(
        id=10,
        title=text.TARGETS_TITLE,
        kind="table",
        about=text.TARGETS,
        width=24,
        height=7,
        sql=query.with_range() + "\n" + query.select(columns, rules, "ORDER BY target, number"),
        empty=text.NO_TARGETS,
        look=style.PLAIN_TABLE,
        options=panel.TABLE,
    )


def _where_time_goes() -> Panel:
    metrics = {one.title: one for one in (METRICS[name] for name in _BY_STATUS)}
    return figure.side_by_side(
        11,
        text.WHERE_TIME_GOES_TITLE,
        text.WHERE_TIME_GOES,
        metrics,
        "status",
        *map(text.definition, metrics.values()),
        width=24,
        height=8,
        line=panel.line(drawStyle="bars", fillOpacity=60, stacking={"mode": "normal", "group": "A"}),
    )


def _rules_of(target: str, what: str, place: int) -> str:
    rules = rules_column(target)
    asked = f"(SELECT true AS is_effective, end_at AS asked_at) AS ticket\n{policy_join('asked_at', rules)}"
    return "\n".join(
        [
            f"SELECT {place} AS target, '{what}' AS what, in_force_at, rule, number",
            f"FROM\n(\n    SELECT policy.in_force_at AS in_force_at, policy.{rules} AS rules",
            f"    FROM {indent(asked, '    ').lstrip()}\n)",
            "ARRAY JOIN rules AS rule, arrayEnumerate(rules) AS number",
        ]
    )


DASHBOARD: Final = Dashboard(
    uid="in-time",
    since="now-7d",
    refresh="1m",
    variables=[*variable.narrowings(query.FILTERS), variable.step(), variable.zone()],
    rows=[
        [figure.number(1 + i, one, width=8) for i, one in enumerate((_FIRST, _ANY, _RESOLVED))],
        [_due_next()],
        [_targets()],
        [figure.ranked(5, _FIRST, Dimension.PRIORITY), figure.ranked(6, _RESOLVED, Dimension.PRIORITY)],
        [figure.lines_by(7, _ANY, Dimension.TEAM), figure.ranked(8, _ANY, Dimension.TEAM)],
        [_where_time_goes()],
        [panel.definitions(9, (_FIRST, _ANY, _RESOLVED))],
    ],
)
