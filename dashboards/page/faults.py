"""Faults: what may be broken now, what is, who was told and until when, and whether fixes hold."""

from typing import Final

from dashboards import figure, panel, query, style, text, variable
from dashboards.dashboard import Dashboard
from dashboards.panel import Panel
from dashboards.query import clock, quoted, select
from streams.core.ask.question import days_between, observed
from streams.core.drop import Cause
from streams.core.metrics import METRICS
from streams.core.metrics.fault import FAULT_TOLD, FAULTS, OF_FAULTS
from streams.core.metrics.metric import DAYS_ASKED
from streams.core.signal.segment import SignalState

_TOLD: Final = METRICS["fault_customers_told"]
_FALSE: Final = METRICS["false_fix_rate"]
_DECLARED: Final = METRICS["fault_declared_p50"]
_TICKETS: Final = METRICS["fault_tickets"]
_ETA: Final = METRICS["fault_eta_error_p50"]
_TOLD_AFTER: Final = METRICS["fault_told_p50"]
_SUSPECTED: Final = METRICS["fault_suspected_p50"]
_LINKED: Final = METRICS["fault_tickets_linked"]
_MOST: Final = 50


def _suspected() -> Panel:
    """Return what is suspected now, and what was in the range."""
    columns = {
        quoted(text.STATE): "toString(state)",
        quoted(text.WHAT): "concat(segment_kind, ' ', segment)",
        quoted(text.BEGAN): clock("since_at"),
        quoted(text.OPENED): clock("opened_at"),
        quoted(text.CUSTOMERS): "n",
        quoted(text.USUAL): "told['baseline']",
        quoted(text.WHO): "told['customers']",
        quoted(text.TICKET): "arrayStringConcat(ticket_ids, ', ')",
    }
    clauses = (
        "AS suspected",
        f"WHERE kind = '{Cause.FAULT_SUSPECTED}'",
        f"    AND (state = '{SignalState.OPEN}' OR (state = '{SignalState.RESOLVED}'",
        "        AND resolved_at >= $__fromTime_ms AND opened_at <= $__toTime_ms))",
        f"ORDER BY state = '{SignalState.OPEN}' DESC, opened_at DESC, signal_id LIMIT {_MOST}",
    )
    return Panel(
        id=5,
        title=text.SUSPECTED_TITLE,
        kind="table",
        about=text.SUSPECTED,
        width=24,
        height=7,
        sql=select(columns, "SELECT * FROM signals FINAL", *clauses),
        empty=text.NO_SUSPICION,
        look=style.PLAIN_TABLE,
        options=panel.TABLE,
    )


def _faults() -> Panel:
    """Return every fault of the range with how it went, and those that are not fixed."""
    days = days_between(FAULTS, "start_at", "end_at")
    faults = OF_FAULTS.replace(DAYS_ASKED, days)
    told = select(
        {
            "fault": "customer_of.1",
            "customers": "uniqExact(customer_of)",
            "told": "uniqExactIf(customer_of, has_ended)",
        },
        observed(FAULT_TOLD, days),
        "GROUP BY fault",
    )
    columns = {
        quoted(text.FAULT_ID): "fault_id",
        quoted(text.WHAT): "subject",
        quoted(text.CAUSE): "cause",
        quoted(text.BEGAN): clock("began_at"),
        quoted(
            text.SUSPECTED_AFTER
        ): f"if(notEmpty(suspicions) AND tickets > 0, {_after('arrayMin(suspicions)')}, NULL)",
        quoted(text.DECLARED_AFTER): f"if(tickets > 0, {_after('declared_at')}, NULL)",
        quoted(text.EXPECTED): f"if(eta_at IS NULL, '{text.UNKNOWN}', {clock('assumeNotNull(eta_at)')})",
        quoted(text.DUE_IN): "if(fixed_at IS NULL, dateDiff('second', now64(3), eta_at), NULL)",
        quoted(text.SLIPPED): "slips",
        quoted(text.FIXED): f"if(fixed_at IS NULL, '{text.NOT_FIXED}', {clock('assumeNotNull(fixed_at)')})",
        quoted(text.FALSE_FIXES): "arrayCount(fixes.is_false)",
        quoted(text.TICKETS_OF_REASON): "tickets",
        quoted(text.CUSTOMERS_TOLD): f"concat(toString(told), ' {text.OF} ', toString(customers))",
    }
    clauses = (
        "AS listed",
        f"LEFT JOIN (\n{told}\n) AS informed ON informed.fault = listed.fault_id",
        "WHERE declared_at < end_at AND (declared_at >= start_at OR fixed_at IS NULL OR fixed_at >= start_at)",
        f"ORDER BY fixed_at IS NULL DESC, declared_at DESC, fault_id LIMIT {_MOST}",
    )
    seconds = {"unit": "s", "decimals": 0}
    return Panel(
        id=6,
        title=text.FAULTS_TITLE,
        kind="table",
        about=text.FAULTS,
        width=24,
        height=9,
        sql="\n".join([query.with_range(), select(columns, " ".join(["SELECT * FROM", faults]), *clauses)]),
        empty=text.NO_FAULTS,
        look=style.PLAIN_TABLE,
        overrides=[
            *(style.override(name, **seconds) for name in (text.SUSPECTED_AFTER, text.DECLARED_AFTER)),
            style.override(text.DUE_IN, unit="s", decimals=1, custom__width=120),
        ],
        options=panel.TABLE,
    )


def _after(instant: str) -> str:
    return f"toNullable(greatest(0, dateDiff('second', first_at, {instant})))"


DASHBOARD: Final = Dashboard(
    uid="faults",
    since="now-14d",
    refresh="30s",
    variables=[*variable.narrowings(query.FILTERS), variable.step(), variable.zone()],
    rows=[
        [figure.number(1 + i, one) for i, one in enumerate((_TOLD, _FALSE, _DECLARED, _TICKETS))],
        [_suspected()],
        [_faults()],
        [figure.over_time(7, _TICKETS), figure.over_time(8, _TOLD)],
        [figure.number(9 + i, one) for i, one in enumerate((_SUSPECTED, _TOLD_AFTER, _ETA, _LINKED))],
        [panel.definitions(13, (_TOLD, _FALSE, _DECLARED, _TICKETS, _SUSPECTED, _TOLD_AFTER, _ETA, _LINKED))],
    ],
)
