"""What makes rows and events themselves: not where they stand in the file."""

import re
from typing import Any

import pytest

from streams.core.mapping import MappingError
from tests.mappings import imported, outcomes_of, plan_for, rejections_of
from tests.unit.test_mapping import HEAD, events, rule, table

NOTE = 'message_id = "{$id}", direction = "in", visibility = "public", sender_type = "customer"'
LOG = [f"T{number % 2},2024-01-01 1{number}:00,word {number}," for number in range(6)]


def said(mapping: str, text: str) -> dict[str, Any]:
    """Return the events by their id, without the number of the row."""
    found = events(imported(mapping, text))
    by_id = {event["id"]: {name: word for name, word in event.items() if name != "importrow"} for event in found}
    assert len(by_id) == len(found)
    return by_id


def test_a_row_gives_the_same_event_wherever_it_stands_and_its_number_stands_beside_it() -> None:
    alone, among = imported(HEAD + rule(data=NOTE), table(LOG[3])), imported(HEAD + rule(data=NOTE), table(*LOG))
    [event] = [one for one in among if one.id == alone[0].id]
    assert (alone[0].row, event.row) == (1, 4)
    assert event.raw == alone[0].raw.replace(b'"importrow":1,', b'"importrow":4,')


TORN = [*LOG[:2], *LOG[2].split("ord"), *LOG[3:]]


def test_mending_a_torn_row_adds_its_event_and_changes_no_other() -> None:
    torn = outcomes_of(HEAD + rule(data=NOTE), table(*TORN))
    assert sorted(rejections_of(torn)) == [4, 5]
    before, after = said(HEAD + rule(data=NOTE), table(*TORN)), said(HEAD + rule(data=NOTE), table(*LOG))
    assert before.items() <= after.items()
    assert len(after) == len(before) + 1 == len(LOG)


def test_neither_the_order_of_columns_nor_an_empty_new_one_changes_what_a_row_is() -> None:
    plain = said(HEAD + rule(data=NOTE), table(*LOG))
    turned = ["What,Extra,When,Ticket"] + [
        ",".join((row.split(",")[2], row.split(",")[3], row.split(",")[1], row.split(",")[0])) for row in LOG
    ]
    wider = ["Ticket,When,What,Extra,New"] + [f"{row}," for row in LOG]
    for other in (turned, wider):
        assert said(HEAD + rule(data=NOTE), "\n".join(other) + "\n") == plain


def test_rows_that_say_the_same_are_as_many_events() -> None:
    found = imported(HEAD + rule(data=NOTE), table(LOG[0], LOG[0], LOG[1], LOG[0]))
    ids = sorted(one.id for one in found if one.subject == "T0")
    assert ids == [re.sub("-", f"{which}-", ids[0], count=1) for which in ("", ".2", ".3")]


def test_the_words_for_nothing_and_blanks_around_cells_are_no_part_of_what_a_row_says() -> None:
    mapping = HEAD + '[csv]\nempty = ["NULL"]\n' + rule(data=NOTE)
    assert said(mapping, table("T, 2024-01-01 10:00 ,x,NULL")) == said(mapping, table("T,2024-01-01 10:00,x,"))


def test_rows_of_one_ticket_and_instant_keep_the_order_of_the_file_and_of_the_rules() -> None:
    mapping = HEAD + rule("b", data=NOTE) + rule("a", data=NOTE)
    rows = [f"{ticket},2024-01-01 10:00,{word}," for ticket, word in (("T", "x"), ("U", "y"), ("T", "z"))]
    found = [(event["subject"], event["subjectseq"]) for event in events(imported(mapping, table(*rows)))]
    assert found == [("T", 0), ("T", 1000), ("U", 0), ("U", 1000), ("T", 1_000_000), ("T", 1_001_000)]


def test_ids_made_of_row_numbers_stay_what_they_were() -> None:
    mapping = 'id = "{$row}"' + HEAD + rule("b", data=NOTE) + rule("a", data=NOTE)
    found = events(imported(mapping, table(LOG[0], LOG[1], LOG[1])))
    assert [(event["id"], event["subjectseq"], event["importrow"]) for event in found] == [
        *[("1-b", 1000, 1), ("1-a", 1001, 1), ("2-b", 2000, 2), ("2-a", 2001, 2), ("3-b", 3000, 3), ("3-a", 3001, 3)]
    ]
    assert plan_for(mapping, table(*LOG)).by_number


def test_what_tells_a_row_apart_can_be_used_in_its_fields() -> None:
    [event] = events(imported('id = "{Ticket}/{What}"' + HEAD + rule(data=NOTE), table("T,2024-01-01 10:00,x,")))
    assert (event["id"], event["data"]["message_id"]) == ("T/x-note", "T/x")


@pytest.mark.parametrize("id", ["{$id}", "{$root}"])
def test_what_tells_rows_apart_cannot_be_made_of_what_follows_from_it(id: str) -> None:
    mapping = f'id = "{id}"\nthread = {{ id = "{{What}}", parent = "{{Extra}}" }}' + HEAD + rule(data=NOTE)
    with pytest.raises(MappingError, match="not known yet when rows are told apart"):
        imported(mapping, table(*LOG))
