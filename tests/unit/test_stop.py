"""A worker that is told to stop stops, whatever hangs."""

import asyncio
import subprocess
import sys
import textwrap

import pytest
from faust.types import Message

from streams import intake
from tests.idle import idle_consumer
from tests.space import ROOT

NEVER = 3_600.0


class Stubborn:
    """Commits as Faust does while another commit goes on: it takes no notice of being cancelled."""

    async def __call__(self, *_: object, **__: object) -> bool:
        try:
            await asyncio.sleep(NEVER)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
        return True


def test_batches_in_hand_are_given_up_though_a_commit_takes_no_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "STOP_SECONDS", 0.1)
    monkeypatch.setattr(intake, "COMMIT_SECONDS", 0.1)

    async def stop() -> None:
        consumer = idle_consumer()
        in_hand = Message("tickets", 0, 1, 0.0, 1, {}, None, b"", None)
        consumer._unacked_messages.add(in_hand)
        commit = Stubborn()
        monkeypatch.setattr(consumer, "commit", commit)
        monkeypatch.setattr(consumer, "commit_and_end_transactions", commit)
        await asyncio.wait_for(consumer.wait_empty(), 30)
        assert not consumer._unacked_messages

    asyncio.run(stop())


def test_a_process_that_cannot_end_leaves() -> None:
    script = """
        import time
        from streams.process import leave_after
        leave_after(0.1)
        time.sleep(60)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert "stopping takes more than 0.1 s: leaving" in done.stdout + done.stderr
