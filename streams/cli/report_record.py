"""A report as records for programs: JSON and CSV, exact numbers, null where a number must not be shown."""

import csv
import json
from io import StringIO
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from schemas.rows import Ms
from streams.cli.wording import figure_text, in_cells, policy_text
from streams.core.ask.figure import POINTS, Change, Figure
from streams.core.ask.report import Line, Report
from streams.core.interval import Interval
from streams.core.window import Window, local_of
from streams.sinks.figures import Freshness

Record: TypeAlias = dict[str, Any]


def json_text(report: Report, fresh: Freshness, now: Ms) -> str:
    """Return a report as one JSON document."""
    document = {
        "window": _window(report.window, report.zone),
        "before": _window(report.before, report.zone) if report.before else None,
        "zone": report.zone.key,
        "by": report.by,
        "bucket": report.bucket,
        "known": _window(report.known, report.zone),
        "followed_until": _instant(report.followed_until, report.zone),
        "asked_at": _instant(now, report.zone),
        "events": fresh.events,
        "dead_letters": fresh.dead_letters,
        "lines": [_line(report, line) for line in report.lines],
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def csv_text(report: Report) -> str:
    """Return the lines of a report as CSV with a heading; null is empty."""
    records = [in_cells(_line(report, line)) for line in report.lines]
    out = StringIO(newline="")
    writer = csv.DictWriter(out, fieldnames=list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue()


def _line(report: Report, line: Line) -> Record:
    return {
        "metric": line.metric.name,
        "part": line.part,
        **_window(line.window, report.zone),
        "is_partial": line.is_partial,
        "is_provisional": line.is_provisional,
        "maturity": line.maturity,
        "unit": line.metric.unit.value,
        **_figure(line.figure),
        "rank_best": line.rank.best if line.rank else None,
        "rank_worst": line.rank.worst if line.rank else None,
        "before_value": line.before.shown if line.before else None,
        "before_n": line.before.n if line.before else None,
        **_change(line.change),
        "change_points_unit": POINTS[line.metric.unit],
        "policy": ", ".join(map(policy_text, report.measured_by(line))) or None,
    }


def _figure(figure: Figure) -> Record:
    """Return what a figure says; what must not be shown is null, and `text` says why."""
    spread = figure.spread if figure.is_enough else None
    interval = figure.interval if figure.is_enough or figure.is_unreached else Interval(None, None)
    return {
        "value": figure.shown,
        "text": figure_text(figure),
        "low": interval.low,
        "high": interval.high,
        "n": figure.n,
        "hits": figure.hits,
        "misses": figure.misses,
        "design_effect": figure.design_effect,
        "standard_deviation": spread.deviation if spread else None,
        "p10": spread.p10 if spread else None,
        "p90": spread.p90 if spread else None,
    }


def _change(change: Change | None) -> Record:
    relative = change.relative if change else None
    return {
        "change_percent": None if relative is None else 100 * relative,
        "change_points": change.points if change else None,
        "change_points_low": change.interval.low if change else None,
        "change_points_high": change.interval.high if change else None,
        "change_is_clear": change.is_clear if change else None,
    }


def _window(window: Window, zone: ZoneInfo) -> Record:
    return {"start": _instant(window.start_at, zone), "end": _instant(window.end_at, zone)}


def _instant(at: Ms, zone: ZoneInfo) -> str:
    return local_of(at, zone).isoformat(timespec="milliseconds")
