"""What the benchmarks measure: nobody would notice in time that it is another thing by now."""

from schemas.codec import decode
from tests.bench.backlog import ticket_events


def test_every_event_of_the_backlog_folds_into_a_ticket() -> None:
    events = [decode(event, now_ms=2**50) for event in ticket_events(300)]
    assert len(events) > 2_000
    assert {event.name for event in events if event.ticket_id is None} == set()
