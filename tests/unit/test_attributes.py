"""The latest word on an attribute wins, whoever says it, and can be that there is nothing."""

import json
from itertools import permutations

import pytest
from msgspec import UNSET

from schemas import events as e
from schemas.codec import Event, InvalidEventError, Reason, decode
from schemas.examples import example
from tests.histories import event
from tests.unit.test_history import created, resolved, row, told

WORDS = (
    "channel", "customer_id", "team", "agent_id", "reason", "product_line", "product_id", "order_id", "asset_id",
    "priority", "region", "customer_segment", "language",
)  # fmt: skip
COLUMNS = {name: name for name in e.ATTRIBUTES if name != "is_test"} | {"level": "escalation"}


def updated(at: int, **said: object) -> Event:
    return told(e.TicketUpdated(ticket_id="T", **said), at)  # type: ignore[arg-type]


def assigned(at: int, **said: object) -> Event:
    return told(e.TicketAssigned(ticket_id="T", **said), at)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", WORDS)
def test_of_two_creations_the_later_word_wins(name: str) -> None:
    first, second = (
        told(e.TicketCreated(**{"ticket_id": "T", "channel": "email", "created_by": e.Party.CUSTOMER, name: word}), at)  # type: ignore[arg-type]
        for word, at in (("first", 0), ("second", 9))
    )
    assert getattr(row(first, second), name) == "second"
    assert getattr(row(second, first), name) == "second"


def test_two_creations_of_one_instant_do_not_mix() -> None:
    for ids in permutations("ab"):
        both = [
            event(
                e.TicketCreated(
                    ticket_id="T", channel=word, created_by=e.Party.CUSTOMER, team=word, priority=word, reason=word
                ),
                0,
                id,
            )
            for word, id in zip(("one", "other"), ids, strict=True)
        ]
        told_of = row(*both)
        assert len({told_of.channel, told_of.team, told_of.priority, told_of.reason}) == 1


def test_a_creation_that_is_said_again_says_nothing_of_what_it_leaves_out() -> None:
    one = row(created(0, team="beds", priority="high"), created(9, region="north"))
    assert (one.team, one.priority, one.region) == ("beds", "high", "north")


def test_a_case_can_turn_out_to_be_no_after_sales_case() -> None:
    solved = told(e.TicketResolved(ticket_id="T", after_sales=True), 5)
    assert row(created(), solved).after_sales
    assert row(created(), solved, resolved(7)).after_sales
    assert not row(created(), solved, told(e.TicketResolved(ticket_id="T", after_sales=False), 7)).after_sales


def test_a_ticket_can_turn_out_to_be_no_test() -> None:
    opening = {"ticket_id": "T", "channel": "api", "created_by": e.Party.SYSTEM}
    first, second = (told(e.TicketCreated(**opening, is_test=is_test), at) for is_test, at in ((True, 0), (False, 9)))  # type: ignore[arg-type]
    assert (row(first).exclusion, row(first, second).exclusion) == ("test", "")


@pytest.mark.parametrize("name", COLUMNS)
def test_every_attribute_can_be_said_anew_and_be_cleared(name: str) -> None:
    word = {"contact_type": e.ContactType.PRAISE, "after_sales": True}.get(name, "said")
    nothing = False if name == "after_sales" else ""
    assert getattr(row(created(), updated(5, **{name: word})), COLUMNS[name]) == word
    assert getattr(row(created(), updated(5, **{name: word}), updated(6, **{name: None})), COLUMNS[name]) == nothing
    assert getattr(row(created(), updated(6, **{name: word}), updated(5, **{name: None})), COLUMNS[name]) == word


def test_an_update_leaves_the_rest_as_it_was() -> None:
    one = row(created(team="beds", priority="high", region="north"), updated(5, priority=None))
    assert (one.team, one.priority, one.region) == ("beds", "", "north")


def test_a_test_can_be_marked_and_unmarked() -> None:
    assert row(created(), updated(5, is_test=True)).exclusion == "test"
    assert row(created(), updated(5, is_test=True), updated(6, is_test=None)).exclusion == ""


@pytest.mark.parametrize(
    ("said", "team", "agent_id"),
    [
        ({"team": None, "agent_id": None}, "", ""),
        ({"agent_id": None}, "beds", ""),
        ({"team": None}, "", "anna"),
        ({"team": "sofas"}, "sofas", "anna"),
        ({"team": "sofas", "agent_id": None}, "sofas", "anna"),
        ({"agent_id": "ben", "team": None}, "beds", "ben"),
    ],
)
def test_an_assignment_can_say_nobody(said: dict[str, str | None], team: str, agent_id: str) -> None:
    one = row(created(team="beds", agent_id="anna"), assigned(5, **said))
    assert (one.team, one.agent_id) == (team, agent_id)
    assert (row(created(), assigned(5, **said), assigned(6, team="a", agent_id="b"))).team == "a"


@pytest.mark.parametrize(
    ("name", "data"), [("ticket.assigned", {}), ("ticket.updated", {}), ("ticket.updated", {"x": 1})]
)
def test_an_event_that_says_nothing_is_refused(name: str, data: dict[str, object]) -> None:
    said = example(name) | {"data": {"ticket_id": "T-1042", **data}}
    with pytest.raises(InvalidEventError) as refused:
        decode(json.dumps(said).encode(), now_ms=2**50)
    assert refused.value.reason is Reason.BAD_VALUE


def test_what_is_not_said_does_not_travel() -> None:
    assert e.TicketUpdated(ticket_id="T", team=None).agent_id is UNSET
    assert b"agent_id" not in updated(5, team=None).raw
    assert b'"team":null' in updated(5, team=None).raw
