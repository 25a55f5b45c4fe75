"""What the metrics of contacts and self-service must say, by looking through everything that was said of them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from schemas import events as e
from schemas.codec import Event
from tests.faults import Seen, counting_of
from tests.ledger import Ledger
from tests.promised import Promises

DAY: Final = 86_400_000
NEVER: Final = 2**60


class ContactLedger:
    """Every observation of every metric of contacts, as it is known at an instant.

    What is asked about a contact is looked for on the days around it alone: events that lie further apart are another
    matter, and histories that hold such are refused.
    """

    def __init__(self, events: Sequence[Event], now: int) -> None:
        ledger = Ledger(events)
        self._promises = Promises(events)
        self.seen = defaultdict[str, list[Seen]](list)
        counting = counting_of(events)
        rows = [dict(row) for row in ledger.rows.values()]
        came = [(row["customer_id"], row["created_at"]) for row in rows]
        calls = defaultdict[tuple[str, str], list[Event]](list)
        sessions = defaultdict[tuple[str, str], list[Event]](list)
        for one in counting:
            if isinstance(one.content, e.ContactData):
                calls[one.source, one.content.contact_id].append(one)
            if isinstance(one.content, e.SelfServiceSession):
                sessions[one.source, one.content.session_id].append(one)
        for of in [*calls.values(), *sessions.values()]:
            if of[-1].at_ms - of[0].at_ms >= DAY:
                raise TooLongError
        for call in calls.values():
            self._enter_call(call, now, came)
        for row in rows:
            self.seen["selfservice_share"].append(Seen(row["created_at"], 0, row))
        for session in sessions.values():
            self._enter_session(session, came)

    def _enter_call(self, call: Sequence[Event], now: int, came: list[tuple[str, int]]) -> None:
        queued = [one for one in call if isinstance(one.content, e.ContactQueued)]
        if not queued:
            return
        last = queued[-1].content
        assert isinstance(last, e.ContactQueued)
        at = queued[0].at_ms
        came.append((last.customer_id or "", at))
        answers = [one for one in call if isinstance(one.content, e.ContactAnswered)]
        agent = answers[0].content.agent_id if answers and isinstance(answers[0].content, e.ContactAnswered) else None
        row = {
            "team": last.team or "",
            "channel": last.channel,
            "priority": last.priority or "",
            "agent_id": agent or "",
        }
        answered_at = min((one.at_ms for one in answers), default=NEVER)
        given_up_at = min((one.at_ms for one in call if isinstance(one.content, e.ContactAbandoned)), default=NEVER)
        is_answered = answered_at < NEVER and answered_at <= given_up_at
        is_given_up = not is_answered and given_up_at < NEVER
        ended_at = min(answered_at, given_up_at, NEVER)
        seconds = max(0, (min(now, at + DAY) if ended_at == NEVER else ended_at) - at) / 1000
        self.seen["queued_contacts"].append(Seen(at, 1, row))
        if is_answered or is_given_up:
            self.seen["contacts_abandoned"].append(Seen(at, is_given_up, row))
        for name in ("contact_wait_p50", "contact_wait_p90"):
            self.seen[name].append(Seen(at, seconds, row, has_ended=is_answered))
        if self._promises.is_missed(at, row["priority"], seconds, is_given_up=is_given_up):
            self.seen["important_missed"].append(Seen(at, 1, row))

    def _enter_session(self, session: Sequence[Event], came: Sequence[tuple[str, int]]) -> None:
        said = session[-1].content
        assert isinstance(said, e.SelfServiceSession)
        at = session[-1].at_ms
        row = {"channel": said.channel, "reason": said.reason or "", "product_line": said.product_line or ""}
        if said.customer_id:
            is_followed = any(who == said.customer_id and at < when <= at + DAY for who, when in came)
            self.seen["selfservice_containment"].append(Seen(at, not is_followed, row))
        if said.solved:
            self.seen["selfservice_share"].append(Seen(at, 1, row))


class TooLongError(Exception):
    """What is said of one contact lies more than a day apart."""
