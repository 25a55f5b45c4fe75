"""Whatever is done to the parts, the numbers in the end are those of an undisturbed run: the shortest form."""

import logging
import os
from pathlib import Path

import pytest

from tests.chaos.driver import told
from tests.chaos.judge import Judge, write_expected
from tests.chaos.load import load_of
from tests.chaos.moves import WEIGHTS, moves_of
from tests.chaos.run import Plan, run
from tests.space import Space

SECONDS = 30.0
BROKER = os.environ.get("SERVICEPULSE_KAFKA") or os.environ.get("SERVICEPULSE_TEST_BROKER") or "embedded"


def test_a_seed_says_what_is_done_and_what_is_published() -> None:
    assert moves_of(3, 180) == moves_of(3, 180) != moves_of(4, 180)
    assert load_of(3, 0.5, 40) == load_of(3, 0.5, 40) != load_of(4, 0.5, 40)


def test_every_move_is_drawn_and_has_ended_with_the_run() -> None:
    moves = [move for seed in range(40) for move in moves_of(seed, 180)]
    assert {move.name for move in moves} == set(WEIGHTS)
    assert all(move.at + move.seconds <= 180.01 for move in moves)


def test_a_load_sends_every_event_some_of_them_twice_and_not_in_their_order() -> None:
    load = load_of(1, 2, 40)
    assert {one.raw for one in load.sent} == {one.raw for one in load.events}
    assert len(load.sent) > len(load.events)
    assert [one.at_ms for one in load.sent] != sorted(one.at_ms for one in load.sent)


@pytest.mark.integration
def test_the_judge_finds_what_is_missing_and_what_is_too_much(space: Space) -> None:
    load = load_of(1, 1, 20)
    expected = space.settings.model_copy(update={"database": f"{space.settings.database}_expected"})
    write_expected(expected, load.events)
    judge = Judge(space.client, space.settings.database, expected.database)
    try:
        write_expected(space.settings, load.events[: len(load.events) // 2])
        assert {line.split(":")[0] for line in judge.complaints()} >= {"events", "tickets", "ticket_days"}
        write_expected(space.settings, load.events)
        assert judge.complaints() == []
        space.client.command("ALTER TABLE ticket_days DELETE WHERE ticket_id LIKE '%7' SETTINGS mutations_sync = 1")
        assert [line.split(":")[0] for line in judge.complaints()] == ["ticket_days"]
    finally:
        space.client.command(f"DROP DATABASE {expected.database}", use_database=False)


@pytest.mark.integration
@pytest.mark.chaos
@pytest.mark.parametrize("seed", [1, 2])
def test_a_disturbed_run_ends_like_an_undisturbed_one(
    seed: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "kafka")  # it says of each connection that it was cut
    plan = Plan(seed, SECONDS, BROKER, os.environ.get("SERVICEPULSE_CLICKHOUSE"))
    verdict = run(plan, tmp_path)
    assert not verdict.complaints, told(verdict, tmp_path)
