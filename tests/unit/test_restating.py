"""A file that comes again says what is new, what changed, what is gone, and what cannot be said any more."""

import json
from typing import Any

import pytest

from streams.core.mapping import MappingError
from streams.core.mapping.restate import OtherIdsError, Restated
from tests.mappings import imported
from tests.snapshots import Desk, written

HEAD = """
source = "urn:test:desk"
id = "{Ticket}"
ticket = "{Ticket}"
time = { from = "{Opened}", zone = "UTC" }
"""
LIST = (
    HEAD
    + """
[[rule]]
name = "created"
event = "ticket.created"
data = { channel = "mail", created_by = "customer", team = "{Team}" }
[[rule]]
name = "rated"
event = "rating.submitted"
when = { Score = { empty = false } }
data = { rating_id = "{Ticket}", raw = "{Score}", scale_min = 1, scale_max = 5, source = "customer" }
"""
)
ROWS = [("T1", "2024-01-01", "red", "1"), ("T2", "2024-01-02", "red", ""), ("T3", "2024-01-03", "blue", "5")]


def file(*rows: tuple[str, ...]) -> str:
    return written("Ticket,Opened,Team,Score", rows)


def said(result: Restated) -> list[tuple[str, dict[str, Any]]]:
    return [(event.id, json.loads(event.raw)["data"]) for event in result.events]


def test_what_is_stored_as_it_is_is_not_sent_again() -> None:
    desk = Desk(LIST)
    assert desk.imported(file(*ROWS)).new == 5
    again = desk.imported(file(*ROWS))
    assert (again.new, again.known, again.events, again.rows) == (0, 5, [], set())


def test_a_changed_rating_is_revised_from_its_own_instant_on() -> None:
    desk = Desk(LIST)
    desk.imported(file(*ROWS))
    result = desk.imported(file(("T1", "2024-01-01", "red", "4"), *ROWS[1:]))
    assert said(result) == [("T1-rated~2", {"ticket_id": "T1", "rating_id": "T1", "raw": 4.0})]
    assert (result.known, result.corrected, result.rows) == (4, {"rating.revised": 1}, {"T1"})
    assert desk.store.tickets["T1"].ratings_raw == [4]
    assert desk.imported(file(ROWS[0], *ROWS[1:])).corrected == {"rating.revised": 1}
    assert desk.store.tickets["T1"].ratings_raw == [1]


def test_corrections_of_one_instant_are_numbered_in_their_order() -> None:
    desk = Desk(LIST)
    desk.imported(file(*ROWS))
    numbers = []
    for score in ("4", "2"):
        result = desk.imported(file(("T1", "2024-01-01", "red", score), *ROWS[1:]))
        numbers += [json.loads(event.raw).get("subjectseq") for event in result.events]
    first = next(json.loads(event.raw) for event in imported(LIST, file(*ROWS)) if event.id == "T1-rated")
    assert numbers == [first.get("subjectseq", 0) + 2, first.get("subjectseq", 0) + 3]


@pytest.mark.parametrize("team", ["green", ""])
def test_a_changed_attribute_is_said_anew_and_one_that_is_gone_is_cleared(team: str) -> None:
    desk = Desk(LIST)
    desk.imported(file(*ROWS))
    result = desk.imported(file(("T1", "2024-01-01", team, "1"), *ROWS[1:]))
    assert desk.store.tickets["T1"].team == team
    assert said(result) == [("T1-created~2", {"ticket_id": "T1", "team": team or None})]


def test_what_a_row_does_not_say_any_more_is_taken_back_and_said_again_when_it_does() -> None:
    desk = Desk(LIST)
    desk.imported(file(*ROWS))
    gone = desk.imported(file(("T1", "2024-01-01", "red", ""), *ROWS[1:]))
    assert [event.id for event in gone.events] == ["T1-rated~2x1"]
    assert desk.store.tickets["T1"].ratings_raw == []
    assert [event.id for event in desk.imported(file(*ROWS)).events] == ["T1-rated~3"]
    assert desk.store.tickets["T1"].ratings_raw == [1]


def test_a_vanished_row_is_named_and_nothing_is_taken_back_of_it() -> None:
    desk = Desk(LIST, is_whole=True)
    desk.imported(file(*ROWS))
    torn = desk.imported(file(ROWS[0], ("T2",), ("2024-01-02", "red", "")))
    assert torn.vanished == ["T2", "T3"]
    assert torn.events == []
    assert Desk(LIST).imported(file(ROWS[0])).vanished == []


def test_a_rejected_row_that_says_what_it_is_has_not_vanished() -> None:
    desk = Desk(LIST, is_whole=True)
    desk.imported(file(*ROWS))
    assert desk.imported(file(("T1", "never", "red", "1"), *ROWS[1:])).vanished == []
    assert desk.store.tickets["T1"].ratings_raw == [1]


def test_an_older_file_that_comes_later_changes_nothing_even_where_the_newer_one_found_all_as_it_was() -> None:
    one, other = file(*ROWS), file(("T1", "2024-01-01", "blue", "2"), ("T4", "2024-01-04", "red", ""))
    desk = Desk(LIST, is_whole=True)
    desk.imported(one, "2024-02-01")
    desk.imported(one, "2024-02-03")
    late = desk.imported(other, "2024-02-02")
    assert (late.older, late.vanished, late.rows) == ({"T1"}, [], set())
    assert [event.subject for event in late.events] == ["T4"]
    assert (desk.store.tickets["T1"].team, desk.store.tickets["T1"].ratings_raw) == ("red", [1])
    assert desk.imported(other, "2024-02-04").rows == {"T1"}
    assert not desk.store.dead_letters


def test_a_row_of_which_only_one_rule_fits_belongs_to_the_file_it_was_said_by() -> None:
    """A newer file in which the ticket is not rated says that it is not; an older one that rates it is no news."""
    desk = Desk(LIST)
    desk.imported(file(("T1", "2024-01-01", "red", "")), "2024-02-03")
    assert desk.imported(file(("T1", "2024-01-01", "red", "5")), "2024-02-01").events == []


ORDERS = HEAD.replace("ticket =", "customer =") + (
    '[[rule]]\nname = "placed"\nevent = "order.placed"\n'
    'data = { order_id = "{Ticket}", amount = "{Score}", currency = "EUR" }\n'
)


def test_an_order_that_changed_is_named_as_it_cannot_be_corrected() -> None:
    desk = Desk(ORDERS)
    desk.imported(file(ROWS[0], ROWS[2]))
    result = desk.imported(file(("T1", "2024-01-01", "red", "2"), ROWS[2]))
    assert (result.fixed, result.events, result.known) == (["T1-placed"], [], 1)


def test_rows_that_moved_under_ids_of_row_numbers_are_refused() -> None:
    desk = Desk(LIST.replace('id = "{Ticket}"', 'id = "{$row}"'))
    desk.imported(file(*ROWS))
    assert desk.asked(file(*ROWS, ROWS[0])).new == 2
    with pytest.raises(OtherIdsError, match=r"such as '.-created', differ .* rows have moved"):
        desk.asked(file(ROWS[2], *ROWS))


def test_a_source_that_was_imported_by_row_numbers_is_not_imported_again_under_other_ids() -> None:
    desk = Desk(LIST.replace('id = "{Ticket}"', 'id = "{$row}"'))
    desk.imported(file(*ROWS))
    other = Desk(LIST.replace('id = "{Ticket}"\n', ""))
    other.store = desk.store
    with pytest.raises(OtherIdsError, match=r'Say `id = "\{\$row\}"`'):
        other.asked(file(*ROWS))


def test_a_hash_of_digits_alone_is_no_row_number() -> None:
    desk = Desk(LIST.replace('id = "{Ticket}"\n', ""))
    result = desk.imported(file(("T12488", "2024-01-01", "red", "1")))
    assert result.events[0].id == "29280305176028269828-created"
    assert desk.imported(file(("T12488", "2024-01-01", "red", "1"))).known == 2


@pytest.mark.parametrize("id", ["", 'id = "{$row}"\n'])
def test_a_list_of_all_rows_needs_a_key(id: str) -> None:
    with pytest.raises(MappingError, match="name the columns that stay"):
        imported("snapshot = true\n" + LIST.replace('id = "{Ticket}"\n', id), file(*ROWS))


def test_what_another_mapping_says_of_the_source_is_none_of_ours() -> None:
    desk = Desk(LIST, is_whole=True)
    desk.imported(file(*ROWS))
    other = Desk(LIST.replace('"created"', '"begun"').replace('"rated"', '"judged"'), is_whole=True)
    other.store = desk.store
    result = other.asked(file(ROWS[0]))
    assert (result.new, result.vanished, result.rows) == (2, [], set())
