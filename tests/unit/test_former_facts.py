"""Facts as releases before 0.2 stored them are still read: merged tickets told them to others, and those keep them."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from schemas import events as e
from streams.core.ticket.fact import AnyFact, Assigned, Created, Message, Moved, Resolved, as_before, pack, unpack
from streams.core.ticket.fold import FOLD_EPOCH, REVISION_BITS, stated
from streams.core.ticket.measures import row_of
from streams.core.ticket.merge import Teller
from streams.core.ticket.merge_evidence import Witnesses
from tests.histories import NOW_MS, event, folded, public_answer

KEY = [7, 5, -1]
FORMER: list[tuple[list[Any], AnyFact]] = [
    ([1, *KEY, "agent", "email"], Created(7, 5, -1, created_by="agent", channel="email")),
    (
        [1, *KEY, "agent", "email", "", "x", *[""] * 10, False, True],
        Created(7, 5, -1, created_by="agent", channel="email", team="x", after_sales=False, is_test=True),
    ),
    ([3, *KEY, "x", ""], Assigned(7, 5, -1, "x", "")),
    ([4, *KEY, "open"], Moved(7, 5, -1, "open")),
    ([5, *KEY, "", "refund", False, "anna"], Resolved(7, 5, -1, "", "refund", False, "anna")),
    ([11, *KEY, "out", True, "agent"], Message(7, 5, -1, "out", True, "agent")),
]


@pytest.mark.parametrize(("stored", "fact"), FORMER, ids=lambda value: type(value).__name__)
def test_what_an_older_release_stored_is_read(stored: list[Any], fact: AnyFact) -> None:
    assert unpack(msgspec.msgpack.encode([stored])) == [fact]


def test_the_state_of_a_row_of_another_definition_is_not_gone_on_with() -> None:
    ticket = folded([event(public_answer("T"), 5, "a")])
    row = row_of(ticket, NOW_MS)
    assert row.version >> REVISION_BITS == FOLD_EPOCH
    assert stated("T", row.state, row.version) == ticket
    assert stated("T", row.state, row.version - (1 << REVISION_BITS)) is None
    assert stated("T", row.state, row.version + (1 << REVISION_BITS)) is None
    assert stated("T", b"", row.version) is stated("T", b"\xc1", row.version) is None


def test_a_statement_of_an_older_release_that_is_still_on_its_way_is_borne_out() -> None:
    answer = replace(public_answer("M"), sender_id="anna", template_id="t")
    opening = e.TicketCreated(ticket_id="M", channel="email", created_by=e.Party.CUSTOMER)
    told = [event(opening, 1, "c", subject="M"), event(answer, 5, "a", subject="M")]
    merge = event(e.TicketMerged(ticket_id="M", into_ticket_id="T"), 9, "m", subject="M")
    later = event(public_answer("M"), 12, "b", subject="M")
    then = Teller(folded([*told, merge], "M")).statement(("M",), "T")
    assert then
    former = replace(then, facts=pack(map(as_before, unpack(then.facts))))
    assert former.facts != then.facts
    own = Teller(folded([*told, merge], "M")).encoded(("M",), "T")
    assert own
    identity = msgspec.json.decode(own)["id"]
    now = Witnesses({"M": folded([*told, merge, later], "M")})
    assert now.borne_out(event(former, 9, identity, subject="T"), former)
    forged = replace(former, facts=pack([replace(unpack(former.facts)[0], at=3)]))
    assert not now.borne_out(event(forged, 9, identity, subject="T"), forged)
