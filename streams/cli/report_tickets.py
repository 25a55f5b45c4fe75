"""The tickets behind a number, as a table, JSON or CSV."""

import csv
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.policy import Policy
from streams.cli.signs import printable
from streams.cli.wording import NOT_REACHED, counted, in_cells, part_text, rule_text, value_text
from streams.core.ask.drilldown import Seen, total
from streams.core.metrics import Dimension, Kind, Metric
from streams.core.metrics.in_target import IN_TARGET
from streams.core.policy.published import rule_of
from streams.core.window import local_of

SHOWN = (Dimension.TEAM, Dimension.AGENT, Dimension.CHANNEL, Dimension.CONTACT_TYPE, Dimension.REASON)
"""What people see; programs get every dimension."""
_COUNTED = (Kind.SHARE, Kind.BALANCE)
"""Observations of these count or do not; what they measure has no unit."""
OR_LONGER = " or longer"
"""Behind a time that is not over, as far as is known."""


def show(console: Console, metric: Metric, seen: Sequence[Seen], zone: ZoneInfo, policy: Sequence[Policy] = ()) -> None:
    """Print observations with their tickets, by which rule each has its target, and last what they amount to."""
    has_targets = any(one.rule for one in seen)
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in (f"when ({zone.key})", "ticket", *(dimension.value for dimension in SHOWN)):
        table.add_column(heading)
    table.add_column("counts" if metric.kind in _COUNTED else metric.unit.value, justify="right")
    if has_targets:
        table.add_column("target")
    for one in seen:
        when = f"{local_of(one.at, zone):%Y-%m-%d %H:%M:%S}"
        parts = (Text(part_text(one.dimensions[dimension])) for dimension in SHOWN)
        targets = [Text(target_text(metric, one, policy))] if has_targets else []
        table.add_row(when, Text(printable(one.ticket_id)), *parts, _measure_text(metric, one), *targets)
    console.print(table)
    console.print()
    console.print(_total_text(metric, seen), highlight=False)


def json_text(metric: Metric, seen: Sequence[Seen], policy: Sequence[Policy] = ()) -> str:
    """Return observations as one JSON document, with what they amount to."""
    n, value = total(metric, seen)
    document = {
        "metric": metric.name,
        "n": n,
        "value": value,
        "tickets": [_record(metric, one, policy) for one in seen],
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_csv(metric: Metric, seen: Sequence[Seen], policy: Sequence[Policy] = ()) -> None:
    """Write observations to standard output."""
    targets = ["target"] if "rule_number" in metric.observations.columns else []
    names = ["at", "ticket_id", *(dimension.value for dimension in Dimension), "measure", "has_ended", *targets]
    writer = csv.DictWriter(sys.stdout, fieldnames=names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(in_cells(_record(metric, one, policy)) for one in seen)


def target_text(metric: Metric, one: Seen, policy: Sequence[Policy]) -> str:
    """Return the rule that a ticket fell under, with its place and from when on its policy is in force."""
    if one.rule is None:
        return ""
    since, number = one.rule
    rule = rule_of(policy, metric.observations.name.removesuffix(IN_TARGET), since, number)
    where = f"rule {number} from {local_of(since, ZoneInfo('UTC')):%Y-%m-%d %H:%M} UTC" if since else "built in"
    return f"{rule_text(rule)} ({where})" if rule else where


def _record(metric: Metric, one: Seen, policy: Sequence[Policy]) -> dict[str, Any]:
    at = datetime.fromtimestamp(one.at / 1000, UTC).isoformat(timespec="milliseconds")
    dimensions = {dimension.value: value for dimension, value in one.dimensions.items()}
    measured = {"measure": one.measure, "has_ended": one.has_ended}
    targets = {"target": target_text(metric, one, policy)} if one.rule else {}
    return {"at": at, "ticket_id": one.ticket_id, **dimensions, **measured, **targets}


def _measure_text(metric: Metric, one: Seen) -> str:
    if metric.kind in _COUNTED:
        return "yes" if one.measure > 0 else "against" if one.measure < 0 else "-"
    return value_text(metric.unit, one.measure) + ("" if one.has_ended else OR_LONGER)


def _total_text(metric: Metric, seen: Sequence[Seen]) -> str:
    n, value = total(metric, seen)
    tickets = {one.ticket_id for one in seen if one.ticket_id}
    of = counted(len(tickets), "ticket") if tickets or not seen else "no ticket"
    if metric.kind is Kind.RATE:
        return f"[bold]{metric.title}[/]: {n:,} that count, of {of}"
    if value is None and not n:
        return f"[bold]{metric.title}[/]: no data (n = 0)"
    few = f"; not enough data, which begins at n = {metric.n_min}" if n < metric.n_min else ""
    said = NOT_REACHED if value is None else value_text(metric.unit, value)
    return f"[bold]{metric.title}[/]: {said} (n = {n:,}, of {of}{few})"
