"""A help-desk log and the figures that follow from it: the true one where it is, else one like it by simulation."""

import atexit
import csv
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import fmean, median
from typing import Any, Final

import pytest

from tests.space import ROOT

MAPPING = ROOT / "tests" / "mappings" / "helpdesk.toml"
FORMAT: Final = "%Y/%m/%d %H:%M:%S.%f"
TICKETS: Final = 4_580
"""As many as the true log has, so that a kill finds as much in hand."""
ANSWERED, RESOLVED, CLOSED = "Take in charge ticket", "Resolve ticket", "Closed"
ESCALATED: Final = ("Create SW anomaly", "Require upgrade", "Schedule intervention")
COLUMNS: Final = [
    *("Case ID", "Activity", "Resource", "Complete Timestamp", "Variant", "Variant index", "Variant"),
    *("seriousness", "customer", "product", "responsible_section", "seriousness_2"),
    *("service_level", "service_type", "support_section", "workgroup"),
]
TRUE: Final = {"events": 21_348, "cases": 4_580, "answered": 4_285, "resolved": 4_569, "reopened": 152}
"""What is known of the true log, so that a damaged one is no reference."""


def folder_of(name: str) -> Path:
    """Return where a folder of real data would be."""
    return Path(os.environ.get("SERVICEPULSE_DATA", ROOT.parent / "shared" / "data")) / name


def data_folder(name: str) -> Path:
    """Return a folder of real data; without it the test is skipped, under CI it fails."""
    folder = folder_of(name)
    if not folder.is_dir():
        missing = f"no real data at {folder}; set SERVICEPULSE_DATA to where they are"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return folder


def is_true_log_here() -> bool:
    """Tell whether the true log is here."""
    return folder_of("helpdesk").is_dir()


def log() -> Path:
    """Return the log as a file."""
    return folder_of("helpdesk") / "helpdesk.csv" if is_true_log_here() else _simulated()


@cache
def reference() -> dict[str, Any]:
    """Return the figures of the log: those that others computed from the true one, else ours, by plain counting."""
    if not is_true_log_here():
        return figures_of(log())
    figures: dict[str, Any] = json.loads((folder_of("helpdesk") / "reference.json").read_text())
    found = {
        "events": figures["events"],
        "cases": figures["cases"],
        "answered": figures["first_event_to_first_take_in_charge_hours"]["n"],
        "resolved": figures["first_event_to_first_resolve_hours"]["n"],
        "reopened": figures["reopen_cases_direct_successor"],
    }
    assert found == TRUE
    return figures


@cache
def event_count() -> int:
    """Return how many events the mapping makes of the log."""
    tickets = _tickets(log()).values()
    activities = [row["Activity"] for rows in tickets for row in rows]
    reopenings = sum(_reopens(one, other) for rows in tickets for one, other in pairwise(rows))
    return len(activities) + activities.count(ANSWERED) + len(tickets) + reopenings


# Figures of any such log ----------------------------------------------------------------------------------------------


def figures_of(path: Path) -> dict[str, Any]:
    """Return the figures of a log, in the shape of the published ones."""
    tickets = _tickets(path).values()
    return {
        "events": sum(map(len, tickets)),
        "cases": len(tickets),
        "activity_counts": dict(Counter(row["Activity"] for rows in tickets for row in rows)),
        "first_event_to_first_take_in_charge_hours": _hours_to_first(tickets, ANSWERED),
        "first_event_to_first_resolve_hours": _hours_to_first(tickets, RESOLVED),
        "reopen_cases_direct_successor": sum(any(_reopens(a, b) for a, b in pairwise(rows)) for rows in tickets),
        "cases_opened_by_month": dict(Counter(f"{_at(rows[0]):%Y-%m}" for rows in tickets)),
    }


def _tickets(path: Path) -> dict[str, list[dict[str, str]]]:
    """Return the rows of each ticket in the order of their time, of one instant in the order of the file."""
    found: dict[str, list[dict[str, str]]] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            found.setdefault(row["Case ID"], []).append(row)
    return {name: sorted(rows, key=_at) for name, rows in found.items()}


def _at(row: Mapping[str, str]) -> datetime:
    return datetime.strptime(row["Complete Timestamp"], FORMAT)  # noqa: DTZ007 - the log names no zone


def _reopens(before: Mapping[str, str], row: Mapping[str, str]) -> bool:
    return before["Activity"] == RESOLVED and row["Activity"] not in (RESOLVED, CLOSED)


def _hours_to_first(tickets: Any, activity: str) -> dict[str, float]:
    waits = [
        (_at(next(row for row in rows if row["Activity"] == activity)) - _at(rows[0])) / timedelta(hours=1)
        for rows in tickets
        if any(row["Activity"] == activity for row in rows)
    ]
    return {"n": len(waits), "median": round(median(waits), 6), "mean": round(fmean(waits), 6)}


# By simulation --------------------------------------------------------------------------------------------------------


@cache
def _simulated() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="servicepulse-helpdesk-"))
    atexit.register(shutil.rmtree, folder)
    return simulate(folder / "helpdesk.csv", tickets=TICKETS, seed=9)


def simulate(path: Path, *, tickets: int, seed: int) -> Path:
    """Write a log with the columns of the true one and its traps: tied instants, attributes that drift, work after the
    resolution and after the closing, tickets without an answer and without an end.
    """
    draw = Random(seed)
    with path.open("w", encoding="utf-8", newline="") as lines:
        rows = csv.writer(lines)
        rows.writerow(COLUMNS)
        for number in range(1, tickets + 1):
            rows.writerows(_rows_of(f"Case {number}", draw))
    return path


def _rows_of(ticket: str, draw: Random) -> Iterator[list[str]]:
    at = datetime(2010, 1, 13, 8, 40, 25) + timedelta(seconds=draw.randrange(1_390 * 86_400))  # noqa: DTZ001 - as above
    own = [f"Value {draw.randint(1, 4)}" for _ in range(9)]
    for activity in _activities(draw):
        variant = str(draw.randint(1, 226))
        seen = [f"Value {draw.randint(1, 4)}" if draw.random() < 0.01 else value for value in own]
        named = f"Variant {variant}"
        yield [ticket, activity, f"Value {draw.randint(1, 22)}", f"{at:{FORMAT}}"[:-3], named, variant, named, *seen]
        at += timedelta(seconds=0 if draw.random() < 0.02 else 1 + int(draw.expovariate(1 / 180_000)))


def _activities(draw: Random) -> Iterator[str]:
    if draw.random() < 0.95:
        yield draw.choice(("Assign seriousness",) * 40 + ("Insert ticket",))
    for _ in range(draw.choice((0, 1, 1, 1, 1, 1, 1, 2, 2))):
        yield ANSWERED
        yield from (
            name for name, share in (("Wait", 0.3), *((one, 0.02) for one in ESCALATED)) if draw.random() < share
        )
    if draw.random() < 0.997:
        yield RESOLVED
    while draw.random() < 0.08:
        yield draw.choice((RESOLVED, RESOLVED, ANSWERED, "Wait", "Assign seriousness"))
    if draw.random() < 0.995:
        yield CLOSED
    if draw.random() < 0.004:
        yield draw.choice((CLOSED, "VERIFIED", "INVALID"))
