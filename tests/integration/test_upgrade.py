"""A desk that is upgraded: a database as 0.1.0 left it, workers of both versions side by side, then a refold."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from tests.chaos.before import environment_of, start_worker_of, version_before
from tests.chaos.judge import Judge, write_expected
from tests.integration.desk import END, Lines, events_of, lines_of
from tests.space import ROOT, Space, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.lengthy]

STORY: Final = Lines(lambda: _known_to_both(lines_of(5, END - timedelta(days=30), END, per_day=60)))
LATER: Final = Lines(lambda: _without(STORY, _known_to_both(lines_of(6, END, END + timedelta(days=3), per_day=60))))
OPTIONS: Final = ("--all", "--format", "json")
DIFFERENT: Final = frozenset({"csat_share", "csat_mean", "self_rating_share"})
"""What today says otherwise of the simulated month: a 4 of 5 is satisfied, NPS and CES are no satisfaction. Its desk
does nothing else that was counted otherwise; CHANGELOG.md says what a desk could."""


def _known_to_both(lines: Sequence[bytes]) -> Sequence[bytes]:
    """Leave out what a desk tells only once all workers know of it."""
    of_tickets = ("promise.", "ticket.linked.")
    of_others = (
        "fault.",
        "intervention.",
        "knownissue.",
        "rootcause.",
        "contact.",
        "selfservice.",
        "return.",
        "ticket.worked.",
        "ticket.outcome_set.",
        "context.",
        "compensation.requested.",
        "compensation.denied.",
    )
    later = [f'"io.servicepulse.{family}'.encode() for family in (*of_tickets, *of_others)]
    return [line for line in lines if not any(name in line for name in later)]


def _without(told: Sequence[bytes], lines: Sequence[bytes]) -> Sequence[bytes]:
    known = set(told)
    return [line for line in lines if line not in known]


@pytest.fixture
def before(tmp_path: Path) -> Path:
    version = version_before(tmp_path)
    if version is None:
        pytest.skip("the history of the repository is not at hand: 0.1.0 cannot be unpacked")
    return version


@pytest.fixture
def expected(space: Space) -> Iterator[str]:
    """Return the name of a database with what the tables have to say once everything is told."""
    settings = space.settings.model_copy(update={"database": f"{space.settings.database}_expected"})
    write_expected(settings, events_of([*STORY, *LATER]))
    yield settings.database
    space.client.command(f"DROP DATABASE {settings.database}", use_database=False)


def figures(space: Space, version: Path, *options: str) -> Mapping[str, tuple[int, float | None]]:
    """Return n and value of every metric over everything, as a version's own report says."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "streams.cli", "report", *OPTIONS, *options],
        env=environment_of(version, space.environment()), cwd=version, capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    return {line["metric"]: (line["n"], line["value"]) for line in json.loads(done.stdout)["lines"]}


def test_a_database_of_the_release_before_is_upgraded_while_workers_of_both_fold(
    space: Space, before: Path, expected: str
) -> None:
    space.client.command(f"DROP DATABASE {space.settings.database}", use_database=False)
    old = start_worker_of(before, space)
    wait_until(old.is_ready, "a worker of 0.1.0 has made its tables and reads")
    space.publish(STORY)
    space.wait_for_events(len(STORY))
    former = figures(space, before)

    assert space.run("migrate").returncode == 0
    assert space.run("refold").returncode == 0
    now = figures(space, ROOT, "--full")
    assert {name for name in former if now[name] != former[name]} == DIFFERENT

    new = space.started_worker()
    wait_until(lambda: old.is_ready() and new.is_ready(), "both have partitions")
    space.publish(LATER)
    space.wait_for_events(len(STORY) + len(LATER))
    assert old.process.poll() is None, f"0.1.0 ended beside this version:\n{old.log[-2000:]}"
    assert old.stop() == 0
    assert space.run("refold").returncode == 0
    assert Judge(space.client, space.settings.database, expected).complaints() == []
