"""The policy of the simulated desk is published as it opens, and becomes stricter later."""

from datetime import UTC, datetime, timedelta

from schemas.codec import decode, encode
from schemas.events import PolicyPublished
from schemas.version import in_force
from streams.simulation.policy import policy

START = datetime(2026, 1, 5, tzinfo=UTC)
LATER = START + timedelta(days=30)


def test_a_policy_is_published_that_a_worker_reads_and_that_becomes_stricter() -> None:
    said = policy(1, START, LATER)
    event = decode(
        encode(said.data, source=said.source, id=said.id, time=said.at, name=said.name, subject=said.subject),
        now_ms=2**50,
    )
    assert said.at == START
    assert isinstance(event.content, PolicyPublished)
    targets = [
        [rule.seconds for rule in version.first_response]
        for at in (START, LATER)
        if (version := in_force(event.content.versions, round(at.timestamp() * 1000)))
    ]
    assert targets == [[1_800, 14_400], [1_800, 7_200]]
