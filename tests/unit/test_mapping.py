"""Rows become events, are skipped or are rejected with a reason; a wrong mapping says all that is wrong."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from schemas.codec import decode
from schemas.events import MessageSent
from streams.core.mapping import MappedEvent, MappingError, TableError, draft_of, plan_of, table_of
from streams.core.mapping.document import Dialect
from tests.mappings import NOW_MS, events_of, imported, index_for, mapped_events, outcomes_of, rejections_of, skips_of

MANUAL = Path(__file__).parents[2] / "schemas" / "MAPPING.md"

HEAD = """
source = "urn:test:desk"
ticket = "{Ticket}"
[time]
from = "{When}"
format = "%Y-%m-%d %H:%M"
zone = "+01:00"
"""
NOTE = 'message_id = "{$row}", direction = "in", visibility = "public", sender_type = "customer"'


def rule(name: str = "note", more: str = "", data: str = NOTE, event: str = "message.sent") -> str:
    return f'\n[[rule]]\nname = "{name}"\nevent = "{event}"\n{more}\ndata = {{ {data} }}\n'


def table(*rows: str) -> str:
    return "Ticket,When,What,Extra\n" + "".join(f"{row}\n" for row in rows)


def events(found: list[MappedEvent]) -> list[dict[str, Any]]:
    return [json.loads(event.raw) for event in found]


def single(mapping: str, row: str) -> dict[str, Any]:
    found = outcomes_of(mapping, table(row))
    assert not rejections_of(found), rejections_of(found)
    (event,) = events_of(found)
    return event


def rejection(mapping: str, row: str) -> str:
    (reason,) = rejections_of(outcomes_of(mapping, table(row))).values()
    return reason


def faults(mapping: str, header: str = "Ticket,When,What,Extra") -> dict[str, str]:
    with pytest.raises(MappingError) as raised:
        plan_of(draft_of(mapping), header.split(","), {"buyers": ["no", "name"]}, file_name="file")
    return {fault.place: fault.message for fault in raised.value.faults}


# What the manual shows


def test_the_worked_example_of_the_manual_gives_what_the_manual_says() -> None:
    blocks = dict(re.findall(r"<!-- example: (\S+) -->\n```[^\n]*\n(.*?)```", MANUAL.read_text(), re.DOTALL))
    found = outcomes_of(blocks["tickets.toml"], blocks["tickets.csv"])
    shown = [json.loads(line) for line in blocks["events"].splitlines()]
    numbered = events(imported(blocks["tickets.toml"], blocks["tickets.csv"]))
    kept = [{name: event[name] for name in shown[0]} for event in numbered]
    assert kept == shown
    assert [f"line {line}: {reason}" for line, reason in rejections_of(found).items()] == [blocks["rejected"].strip()]
    assert skips_of(found) == {6: "printing says nothing about service"}


# Events and their envelopes


def test_an_event_carries_a_deterministic_id_its_place_in_the_file_and_the_mark_of_history() -> None:
    event = single(HEAD + rule(), "T,2024-01-02 03:04,x,")
    assert event["id"] == "986cc4dd1113dfeb4a5c-note"
    assert (event["source"], event["subject"], event["type"]) == (
        "urn:test:desk",
        "T",
        "io.servicepulse.message.sent.v1",
    )
    assert (event["subjectseq"], event["importrow"], event["replay"]) == (0, 1, True)
    assert event["time"] == "2024-01-02T03:04:00+01:00"


def test_events_are_what_every_consumer_reads() -> None:
    (event,) = mapped_events(outcomes_of(HEAD + rule(), table("T,2024-01-02 03:04,x,")))
    read = decode(event.raw, now_ms=NOW_MS)
    assert isinstance(read.content, MessageSent)
    assert (read.subject, read.at_ms, read.sequence, read.replay) == ("T", event.at_ms, 0, True)


def test_mapping_a_file_again_gives_the_same_bytes() -> None:
    rows = table(*(f"T{number % 3},2024-01-0{number} 10:00,x," for number in range(1, 9)))
    mapping = HEAD + rule() + rule("begun", "first = true", event="ticket.reopened", data="")
    assert mapped_events(outcomes_of(mapping, rows)) == mapped_events(outcomes_of(mapping, rows))


def test_one_row_may_become_several_events_in_the_order_of_the_rules() -> None:
    found = outcomes_of(HEAD + rule("b") + rule("a"), table("T,2024-01-02 03:04,x,"))
    assert [(event["id"][-2:], event["subjectseq"]) for event in events_of(found)] == [("-b", 0), ("-a", 1000)]


def test_events_are_published_by_time_then_by_place_in_the_file() -> None:
    found = outcomes_of(HEAD + rule(), table("T,2024-01-02 03:04,x,", "U,2024-01-01 03:04,x,", "A,2024-01-02 03:04,x,"))
    assert [event["importrow"] for event in events_of(found)] == [2, 1, 3]


def test_history_can_be_declared_live_and_rows_left_unnumbered() -> None:
    mapping = 'replay = false\nrow_numbers = false\nid = "{Ticket}"' + HEAD + rule()
    event = single(mapping, "T,2024-01-02 03:04,x,")
    assert event["id"] == "T-note"
    assert not {"replay", "subjectseq", "importrow"} & event.keys()


def test_ids_can_be_made_of_key_columns_which_then_must_not_repeat() -> None:
    mapping = 'id = "{Ticket}/{What}"' + HEAD + rule()
    found = outcomes_of(mapping, table("T,2024-01-02 03:04,a,", "T,2024-01-02 03:05,b,", "T,2024-01-02 03:06,a,"))
    assert [event["id"] for event in events_of(found)] == ["T/a-note", "T/b-note"]
    assert rejections_of(found) == {4: "the id 'T/a' is that of line 2 already"}


def test_the_file_name_can_tell_sources_apart() -> None:
    assert single(HEAD.replace("desk", "{$file}") + rule(), "T,2024-01-02 03:04,x,")["source"] == "urn:test:file"


def test_the_subject_of_an_order_is_its_customer() -> None:
    mapping = HEAD.replace("ticket =", "customer =") + rule(
        event="order.placed", data='order_id = "{What}", amount = { from = "{Extra}", decimals = 2 }, currency = "EUR"'
    )
    event = single(mapping, "C-1,2024-01-02 03:04,o1,12.5")
    assert event["subject"] == "C-1"
    assert event["data"] == {"order_id": "o1", "customer_id": "C-1", "amount": 1250, "currency": "EUR"}


def test_a_retraction_names_the_ticket_of_the_mapping_as_its_subject() -> None:
    mapping = HEAD + rule(event="event.retracted", data='target_source = "urn:x", target_id = "{What}"')
    assert single(mapping, "T,2024-01-02 03:04,e1,")["subject"] == "T"


# Every row is accounted for


def test_a_row_that_no_rule_fits_is_rejected_and_the_message_shows_what_was_asked() -> None:
    mapping = HEAD + rule(more='when = { What = "a" }')
    assert rejection(mapping, "T,2024-01-02 03:04,b,") == (
        "no rule applies (What = 'b'); add a [[rule]] for such rows, or a [[skip]]"
    )


def test_a_skipped_row_gives_no_events_whatever_the_rules_say() -> None:
    mapping = HEAD + '[[skip]]\nreason = "noise"\nwhen = { What = "x" }\n' + rule()
    found = outcomes_of(mapping, table("T,no time at all,x,"))
    assert skips_of(found) == {1: "noise"}
    assert events_of(found) == []


def test_of_a_row_with_one_failing_rule_no_event_is_sent() -> None:
    mapping = HEAD + rule("good") + rule("bad", event="ticket.escalated", data='level = "{Extra}"')
    found = outcomes_of(mapping, table("T,2024-01-02 03:04,x,", "T,2024-01-02 03:04,x,two"))
    assert [event["id"] for event in events_of(found)] == ["1116943a535abab5b657-good", "1116943a535abab5b657-bad"]
    assert rejections_of(found) == {
        2: "rule bad: level: empty, but ticket.escalated needs it; give a `default` or skip such rows"
    }


def test_a_row_that_the_contract_refuses_is_rejected() -> None:
    mapping = HEAD + rule(event="ticket.escalated", data='level = "{Extra}"')
    assert "length <= 256" in rejection(mapping, f"T,2024-01-02 03:04,x,{'l' * 257}")
    assert "into itself" in rejection(
        HEAD + rule(event="ticket.merged", data='into_ticket_id = "{Extra}"'), "T,2024-01-02 03:04,x,T"
    )


@pytest.mark.parametrize("when", ["1969-12-31 10:00", "2999-01-01 10:00"])
def test_times_before_1970_and_in_the_future_are_rejected(when: str) -> None:
    assert "/time" in rejection(HEAD + rule(), f"T,{when},x,")


# CSV


def test_lines_are_counted_from_the_top_of_the_file_though_cells_span_lines_and_lines_are_blank() -> None:
    text = 'Ticket,When,What,Extra\nT,2024-01-02 03:04,"two\nlines",\n\nT,never,x,\n"T\n",never,x,\n'
    found = outcomes_of(HEAD + rule(), text)
    assert sorted(rejections_of(found)) == [5, 6]
    assert [event["importrow"] for event in events_of(found)] == [1]
    assert [outcome.record.row for outcome in found] == [1, 2, 3]


def test_rows_with_too_few_or_too_many_cells_are_rejected() -> None:
    found = outcomes_of(HEAD + rule(), table("T,2024-01-02 03:04,x", "T,2024-01-02 03:04,x,,y"))
    assert rejections_of(found) == {2: "3 cells instead of 4", 3: "5 cells instead of 4"}


def test_a_quote_that_never_closes_is_reported_where_it_opens() -> None:
    found = outcomes_of(
        HEAD + rule(), table("T,2024-01-02 03:04,x,", 'T,2024-01-02 03:04,"x,', "T,2024,x,", "T,2024,x,")
    )
    assert rejections_of(found) == {3: "a quote that opens here never closes: lines 3 to 5 were read as one row"}


def test_a_stray_quote_costs_its_own_row_only() -> None:
    found = outcomes_of(HEAD + rule(), table('T,2024-01-02 03:04,"x"y,', "T,2024-01-02 03:04,x,"))
    assert list(rejections_of(found)) == [2]
    assert [event["importrow"] for event in events_of(found)] == [2]


def test_bytes_in_another_encoding_reject_their_row() -> None:
    found = outcomes_of(HEAD + rule(), table("T,2024-01-02 03:04,caf\udce9,"))
    assert rejections_of(found) == {2: "bytes that are not utf-8; give the file's encoding in [csv]"}


def test_columns_of_one_name_and_columns_without_a_name_can_be_told_apart() -> None:
    assert table_of(["a,b,a,,a\n"], Dialect()).columns == ["a", "b", "a#2", "#4", "a#3"]


def test_an_empty_file_has_no_columns() -> None:
    with pytest.raises(TableError, match="first line"):
        table_of(["\n", "\n"], Dialect())


def test_delimiter_quote_decimal_mark_and_words_for_nothing_are_the_mappings() -> None:
    mapping = (
        'source = "urn:x"\nticket = "{a}"\n[csv]\ndelimiter = ";"\nquote = "|"\ndecimal = ","\nempty = ["NULL"]\n'
        '[time]\nfrom = "{b}"\nzone = "UTC"\n'
        + rule(
            event="rating.submitted",
            data='rating_id="r", raw="{c}", scale_min=1, scale_max=5, source="customer", comment="{d}"',
        )
    )
    found = outcomes_of(mapping, "a;b;c;d\n|T;1|;2024-01-02;4,5;NULL\n")
    (event,) = events_of(found)
    assert event["subject"] == "T;1"
    assert event["data"]["raw"] == 4.5
    assert "comment" not in event["data"]


def test_a_thousands_separator_is_not_taken_for_a_decimal_mark() -> None:
    mapping = HEAD + '[csv]\ndecimal = ","' + rule(event="ticket.resolved", data='cycle = "{Extra}"')
    assert "'1.234' is no number" in rejection(mapping, "T,2024-01-02 03:04,x,1.234")


# Times


@pytest.mark.parametrize(
    ("format", "zone", "text", "expected"),
    [
        ("iso", "Europe/Rome", "2024-07-01T10:00:00", "2024-07-01T10:00:00+02:00"),
        ("iso", "Europe/Rome", "2024-07-01T10:00:00-03:00", "2024-07-01T10:00:00-03:00"),
        ("iso", "UTC", "2024-07-01", "2024-07-01T00:00:00Z"),
        ("iso", "UTC", "2024-07-24", "2024-07-24T00:00:00Z"),
        ("iso", "UTC", "20240724 1024", "2024-07-24T10:24:00Z"),
        ("%d/%m/%y %H.%M", "-03:00", "01/07/24 10.00", "2024-07-01T10:00:00-03:00"),
        ("%Y-%m-%d %H:%M:%S%z", "Europe/Rome", "2024-07-01 10:00:00+0530", "2024-07-01T10:00:00+05:30"),
        ("unix", "UTC", "1719828000.25", "2024-07-01T10:00:00.250000Z"),
        ("unix_ms", "UTC", "1719828000250", "2024-07-01T10:00:00.250000Z"),
        ("iso", "Africa/Monrovia", "1971-06-01T00:00:00", "1971-06-01T00:44:30Z"),
    ],
)
def test_times_are_read_in_their_format_and_zone(format: str, zone: str, text: str, expected: str) -> None:
    head = HEAD.replace("%Y-%m-%d %H:%M", format).replace("+01:00", zone)
    assert single(head + rule(), f"T,{text},x,")["time"] == expected


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("", "2024-10-27T02:30:00+02:00"),
        ('ambiguous = "earlier"', "2024-10-27T02:30:00+02:00"),
        ('ambiguous = "later"', "2024-10-27T02:30:00+01:00"),
    ],
)
def test_a_local_time_that_happened_twice_is_the_earlier_one_unless_said_otherwise(choice: str, expected: str) -> None:
    head = HEAD.replace("+01:00", "Europe/Rome") + choice
    assert single(head + rule(), "T,2024-10-27 02:30,x,")["time"] == expected


def test_a_local_time_that_happened_twice_can_be_refused() -> None:
    head = HEAD.replace("+01:00", "Europe/Rome") + 'ambiguous = "reject"'
    assert "happened twice in Europe/Rome" in rejection(head + rule(), "T,2024-10-27 02:30,x,")


def test_a_local_time_that_never_happened_is_rejected_or_moved_with_the_clocks() -> None:
    head = HEAD.replace("+01:00", "Europe/Rome")
    assert "never happened in Europe/Rome" in rejection(head + rule(), "T,2024-03-31 02:30,x,")
    shifted = single(head + 'nonexistent = "shift"' + rule(), "T,2024-03-31 02:30,x,")
    assert shifted["time"] == "2024-03-31T03:30:00+02:00"


def test_a_time_can_be_put_together_from_columns_or_taken_from_the_first_that_is_not_empty() -> None:
    joined = HEAD.replace("{When}", "{When} {Extra}")
    assert single(joined + rule(), "T,2024-01-02,x,03:04")["time"] == "2024-01-02T03:04:00+01:00"
    first = HEAD.replace('"{When}"', '["{Extra}", "{When}"]')
    assert single(first + rule(), "T,2024-01-02 03:04,x,")["time"] == "2024-01-02T03:04:00+01:00"


def test_a_rule_can_take_another_time_and_keeps_what_it_does_not_say() -> None:
    assert single(HEAD + rule(more='time = "{Extra}"'), "T,2024-01-02 03:04,x,2024-01-03 00:00")["time"] == (
        "2024-01-03T00:00:00+01:00"
    )
    unix = rule(more='time = { from = "{Extra}", format = "unix" }')
    assert single(HEAD + unix, "T,2024-01-02 03:04,x,1719828000")["time"] == "2024-07-01T10:00:00Z"


def test_a_rule_whose_time_is_empty_rejects_the_row() -> None:
    assert rejection(HEAD + rule(more='time = "{Extra}"'), "T,2024-01-02 03:04,x,") == (
        "rule note: the time {Extra} is empty"
    )


@pytest.mark.parametrize("when", ["2024-07-01T24:00", "2024-07-01 24:00:00", "20240701T24", "2024-W27-1T24:00"])
def test_the_hour_24_is_no_time_on_any_python(when: str) -> None:
    assert "is no time" in rejection(HEAD.replace("%Y-%m-%d %H:%M", "iso") + rule(), f"T,{when},x,")


def test_a_time_in_another_format_is_shown() -> None:
    assert rejection(HEAD + rule(), "T,02.01.2024,x,") == "'02.01.2024' is no time in the format '%Y-%m-%d %H:%M'"


# Conditions


@pytest.mark.parametrize(
    ("condition", "fitting", "others"),
    [
        ('"a"', ["a", " a "], ["b", "", "A"]),
        ('["a", "b"]', ["a", "b"], ["c", ""]),
        ("5", ["5"], ["5.0", "6"]),
        ('{ none_of = ["a"] }', ["b", ""], ["a"]),
        ("{ empty = true }", ["", "  "], ["a"]),
        ("{ empty = false }", ["a"], [""]),
        ("{ at_most = 2 }", ["2", "-1", "2.0"], ["2.01", "3", ""]),
        ("{ at_least = 2 }", ["2", "3"], ["1.99", ""]),
        ("{ above = 1.5, below = 3 }", ["2", "1.6"], ["1.5", "3", ""]),
    ],
)
def test_a_condition_decides_by_the_cell(condition: str, fitting: list[str], others: list[str]) -> None:
    mapping = HEAD + rule(more=f"when = {{ What = {condition} }}")
    found = outcomes_of(mapping, table(*(f"T,2024-01-02 03:04,{cell}," for cell in fitting + others)))
    assert [event["importrow"] for event in events_of(found)] == list(range(1, len(fitting) + 1))
    assert len(rejections_of(found)) == len(others)


def test_comparing_what_is_no_number_is_a_fault_of_the_row() -> None:
    mapping = HEAD + rule(more="when = { What = { at_most = 2 } }")
    assert rejection(mapping, "T,2024-01-02 03:04,two,") == (
        "column What: 'two' is no number (the decimal mark of the file is '.')"
    )


def test_comparing_an_empty_cell_is_no_fault_of_the_row() -> None:
    mapping = HEAD + rule("low", more="when = { Extra = { at_most = 2 } }") + rule("any")
    assert single(mapping, "T,2024-01-02 03:04,x,")["id"].endswith("-any")


STORY = table(
    "T,2024-01-01 12:00,Work,",
    "T,2024-01-01 10:00,Open,",
    "U,2024-01-01 10:30,Solve,",
    "T,2024-01-01 11:00,Solve,",
    "T,2024-01-01 12:00,Close,",
    "T,2024-01-01 13:00,Work,",
)
"""In the order of time, ties in the order of the file: T: Open(2) Solve(4) Work(1) Close(5) Work(6); U: Solve(3)."""


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("first = true", [2, 3]),
        ("first = false", [1, 4, 5, 6]),
        ('previous = { What = "Solve" }', [1]),
        ('previous = { What = { none_of = ["Solve"] } }', [4, 5, 6]),
        ('earlier = { What = "Solve" }', [1, 5, 6]),
        ('unless_earlier = { What = "Solve" }', [2, 3, 4]),
        ('when = { What = "Work" }\nprevious = { What = "Solve" }', [1]),
        ('earlier = { What = "Solve" }\nunless_earlier = { What = "Close" }', [1, 5]),
    ],
)
def test_rows_of_one_ticket_decide_about_each_other_in_the_order_of_time_then_of_the_file(
    condition: str, rows: list[int]
) -> None:
    found = outcomes_of(HEAD + rule(more=condition), STORY)
    assert sorted(event["importrow"] for event in events_of(found)) == rows


def test_rows_can_be_grouped_by_something_else_than_the_ticket() -> None:
    mapping = 'group_by = "{Extra}"' + HEAD + rule(more="first = true")
    found = outcomes_of(mapping, table("T,2024-01-02 10:00,x,c", "U,2024-01-01 10:00,x,c"))
    assert [event["subject"] for event in events_of(found)] == ["U"]


def test_a_row_skipped_by_its_own_cells_leaves_its_group() -> None:
    skip = '[[skip]]\nreason = "noise"\nwhen = { What = "noise" }\n'
    found = outcomes_of(
        HEAD + skip + rule(more="first = true"), table("T,2024-01-01 10:00,noise,", "T,2024-01-02 10:00,x,")
    )
    assert [event["importrow"] for event in events_of(found)] == [2]


def test_a_row_can_be_skipped_for_the_sake_of_others_and_stays_in_its_group() -> None:
    skip = '[[skip]]\nreason = "repeated"\nprevious = { What = "x" }\nwhen = { What = "x" }\n'
    found = outcomes_of(HEAD + skip + rule(), table(*["T,2024-01-01 10:00,x,"] * 3))
    assert skips_of(found) == {2: "repeated", 3: "repeated"}


def test_a_row_without_a_group_is_rejected_and_the_message_names_the_column() -> None:
    mapping = 'group_by = "{Extra}"' + HEAD + rule(more="first = true")
    found = outcomes_of(mapping, table("T,2024-01-02 10:00,x,", "T,2024-01-02 10:00,x,c"))
    assert rejections_of(found) == {
        2: "`group_by` {Extra} is empty, and without a group it cannot be judged beside other rows"
    }
    assert "{Ticket}, by which rows are grouped (`group_by`), is empty" in rejection(
        HEAD + rule(more="first = true"), ",2024-01-02 10:00,x,"
    )


def test_a_row_without_a_readable_time_takes_no_part_in_its_group() -> None:
    found = outcomes_of(HEAD + rule(more="first = true"), table("T,never,x,", "T,2024-01-02 10:00,x,"))
    assert [event["importrow"] for event in events_of(found)] == [2]
    assert list(rejections_of(found)) == [2]


# Values


def created(more: str) -> str:
    return HEAD + rule("new", event="ticket.created", data=f'channel = "mail", created_by = "customer", {more}')


def test_an_empty_cell_leaves_an_optional_field_out() -> None:
    assert "team" not in single(created('team = "{Extra}"'), "T,2024-01-02 03:04,x,")["data"]


def test_a_default_stands_in_for_an_empty_cell() -> None:
    mapping = created('team = { from = "{Extra}", default = "night" }')
    assert single(mapping, "T,2024-01-02 03:04,x,")["data"]["team"] == "night"
    assert single(mapping, "T,2024-01-02 03:04,x,day")["data"]["team"] == "day"


def test_a_template_with_an_empty_column_is_empty() -> None:
    mapping = created('team = "{What}/{Extra}"')
    assert single(mapping, "T,2024-01-02 03:04,x,y")["data"]["team"] == "x/y"
    assert "team" not in single(mapping, "T,2024-01-02 03:04,x,")["data"]


def test_of_several_templates_the_first_that_is_not_empty_counts() -> None:
    mapping = created('team = { from = ["{Extra}", "the {What} team"] }')
    assert single(mapping, "T,2024-01-02 03:04,x,")["data"]["team"] == "the x team"


def test_a_constant_may_contain_braces() -> None:
    assert single(created('team = { constant = "{x}" }'), "T,2024-01-02 03:04,x,")["data"]["team"] == "{x}"


def test_a_map_translates_and_an_unknown_word_is_a_fault_of_the_row() -> None:
    mapping = created('priority = { from = "{Extra}", map = { 1 = "low" } }')
    assert single(mapping, "T,2024-01-02 03:04,x,1")["data"]["priority"] == "low"
    assert "'2' has no entry in the map" in rejection(mapping, "T,2024-01-02 03:04,x,2")


def test_a_map_can_have_a_word_for_all_others() -> None:
    mapping = created('priority = { from = "{Extra}", map = "levels" }') + '[map.levels]\n1 = "low"\n"*" = "high"\n'
    assert single(mapping, "T,2024-01-02 03:04,x,7")["data"]["priority"] == "high"


def test_a_word_that_the_contract_does_not_know_is_a_fault_instead_of_other() -> None:
    assert "'moan' is none of complaint, help_request" in rejection(
        created('contact_type = "{Extra}"'), "T,2024-01-02 03:04,x,moan"
    )


@pytest.mark.parametrize(("cell", "expected"), [("yes", True), ("FALSE", False), ("1", True), ("n", False)])
def test_true_and_false_are_read_as_people_write_them(cell: str, expected: bool) -> None:
    event = single(created('after_sales = "{Extra}"'), f"T,2024-01-02 03:04,x,{cell}")
    assert event["data"]["after_sales"] is expected


def test_what_is_neither_true_nor_false_is_rejected() -> None:
    assert "neither true nor false" in rejection(created('is_test = "{Extra}"'), "T,2024-01-02 03:04,x,maybe")


@pytest.mark.parametrize(
    ("cell", "amount"),
    [("12.5", 1250), ("0.29", 29), ("-3", -300), ("1e2", 10000), ("90071992547409.91", 9007199254740991)],
)
def test_money_becomes_minor_units_exactly(cell: str, amount: int) -> None:
    mapping = HEAD + rule(
        event="compensation.granted",
        data='compensation_id = "c", kind = "refund", currency = "EUR", amount = { from = "{Extra}", decimals = 2 }',
    )
    assert single(mapping, f"T,2024-01-02 03:04,x,{cell}")["data"]["amount"] == amount


@pytest.mark.parametrize(
    ("decimals", "cell", "reason"),
    [
        (", decimals = 2", "0.125", "0.125 has more than 2 decimals"),
        (", decimals = 2", "12 EUR", "'12 EUR' is no number"),
        (", decimals = 2", "NaN", "'NaN' is no number"),
        ("", "12.50", "12.50 is no whole number; for money in major units give the field `decimals = 2`"),
    ],
)
def test_money_that_cannot_be_exact_is_rejected(decimals: str, cell: str, reason: str) -> None:
    mapping = HEAD + rule(
        event="compensation.granted",
        data=f'compensation_id="c", kind="refund", currency="EUR", amount = {{ from = "{{Extra}}"{decimals} }}',
    )
    assert reason in rejection(mapping, f"T,2024-01-02 03:04,x,{cell}")


def test_lists_and_times_among_the_fields_are_read_too() -> None:
    rated = HEAD + rule(
        event="rating.submitted",
        data='rating_id="r", raw=3, scale_min=1, scale_max=5, source="customer", '
        'reasons = { from = "{Extra}", separator = ";" }',
    )
    assert single(rated, "T,2024-01-02 03:04,x,slow; rude;")["data"]["reasons"] == ["slow", "rude"]
    offered = HEAD + rule(event="survey.offered", data='survey_id = "s", expires_at = "{Extra}"')
    assert single(offered, "T,2024-01-02 03:04,x,2024-02-02 00:00")["data"]["expires_at"] == "2024-02-02T00:00:00+01:00"


# Lookups

BUYERS = '[[lookup]]\nname = "buyers"\nfile = "buyers.csv"\non = "{Ticket}"\nkey = "{no}"\ncolumns = ["who"]\n'


def test_a_lookup_adds_columns_and_can_be_found_by_another_lookups_column() -> None:
    chained = (
        HEAD
        + BUYERS
        + '[[lookup]]\nname = "towns"\nfile = "t.csv"\non = "{buyers.who}"\nkey = "{who}"\ncolumns = ["town"]\n'
        + created('customer_id = "{buyers.who}", region = "{towns.town}"').removeprefix(HEAD)
    )
    found = outcomes_of(
        chained, table("7,2024-01-02 03:04,x,"), {"buyers": "no,who\n7,ann\n", "towns": "who,town\nann,Rome\n"}
    )
    (event,) = events_of(found)
    assert (event["data"]["customer_id"], event["data"]["region"]) == ("ann", "Rome")


def test_a_key_that_is_not_found_rejects_the_row_or_leaves_it_empty() -> None:
    rows = table("8,2024-01-02 03:04,x,")
    rest = created('customer_id = "{buyers.who}"').removeprefix(HEAD)
    found = outcomes_of(HEAD + BUYERS + rest, rows, {"buyers": "no,who\n7,ann\n"})
    assert rejections_of(found) == {2: "'8' is not in buyers.csv"}
    lenient = outcomes_of(HEAD + BUYERS + 'missing = "empty"\n' + rest, rows, {"buyers": "no,who\n7,ann\n"})
    assert "customer_id" not in events_of(lenient)[0]["data"]


def test_a_lookup_sums_exactly_and_counts() -> None:
    lookup = (
        '[[lookup]]\nname = "items"\nfile = "i.csv"\non = "{Ticket}"\nkey = "{o}"\nsum = ["p"]\ncount = true\n'
        'missing = "empty"\n'
    )
    mapping = HEAD + lookup + created('reason = "{items.p}", team = "{items.count}"').removeprefix(HEAD)
    found = outcomes_of(
        mapping, table("a,2024-01-02 03:04,x,", "b,2024-01-02 03:04,x,"), {"items": "o,p\na,0.1\na,0.2\na,\n"}
    )
    first, second = (event["data"] for event in events_of(found))
    assert (first["reason"], first["team"]) == ("0.3", "3")
    assert "reason" not in second
    assert second["team"] == "0"


@pytest.mark.parametrize(("choice", "who"), [("first", "ann"), ("last", "bob")])
def test_a_repeated_key_is_decided_by_the_mapping(choice: str, who: str) -> None:
    mapping = HEAD + BUYERS + f'repeated = "{choice}"\n' + created('customer_id = "{buyers.who}"').removeprefix(HEAD)
    found = outcomes_of(mapping, table("7,2024-01-02 03:04,x,"), {"buyers": "no,who\n7,ann\n7,bob\n"})
    assert events_of(found)[0]["data"]["customer_id"] == who


TWICE = "no,who\n7,ann\n8,eve\n7,bob\n"


def test_a_lookup_row_that_contradicts_an_earlier_one_is_rejected_and_so_is_whoever_asks_for_its_key() -> None:
    mapping = HEAD + BUYERS + created('customer_id = "{buyers.who}"').removeprefix(HEAD)
    found = outcomes_of(mapping, table("7,2024-01-02 03:04,x,", "8,2024-01-02 03:04,x,"), {"buyers": TWICE})
    said = 'the key \'7\' has other values further up; say `repeated = "first"` or "last"'
    assert rejections_of(found) == {2: f"nothing can be added for '7': line 4 of buyers.csv is rejected: {said}"}
    assert [event["data"]["customer_id"] for event in events_of(found)] == ["eve"]
    assert [(one.record.line, one.reason) for one in index_for(mapping, TWICE).rejected] == [(4, said)]


def test_one_torn_row_of_a_lookup_is_a_rejected_row_of_that_file_and_stops_nothing() -> None:
    torn = 'no,who\n7,ann\n8,e\nve\n"9,bob\n'
    mapping = HEAD + BUYERS + created('customer_id = "{buyers.who}"').removeprefix(HEAD)
    found = outcomes_of(mapping, table("7,2024-01-02 03:04,x,", "9,2024-01-02 03:04,x,"), {"buyers": torn})
    assert [event["data"]["customer_id"] for event in events_of(found)] == ["ann"]
    assert rejections_of(found) == {3: "'9' is not in buyers.csv"}
    assert {one.record.line: one.reason for one in index_for(mapping, torn).rejected} == {
        4: "1 cells instead of 2",
        5: "a quote that opens here never closes: lines 5 to 5 were read as one row",
    }


def test_a_sum_that_would_lack_a_part_is_no_sum() -> None:
    lookup = (
        '[[lookup]]\nname = "items"\nfile = "i.csv"\non = "{Ticket}"\nkey = "{o}"\nsum = ["p"]\nmissing = "empty"\n'
    )
    mapping = HEAD + lookup + created('reason = "{items.p}"').removeprefix(HEAD)
    found = outcomes_of(mapping, table("a,2024-01-02 03:04,x,"), {"items": "o,p\na,1\na,two\n"})
    [reason] = rejections_of(found).values()
    assert reason.startswith("nothing can be added for 'a': line 3 of i.csv is rejected: 'two' is no number")


# What is wrong with a mapping


def test_all_that_is_wrong_is_said_at_once_with_its_place() -> None:
    mapping = """
source = "urn:test:desk"
ticket = "{Tickt}"
colour = "red"
[time]
from = "{When}"
format = "%Y-%m-%d"
zone = "Europe/Atlantis"
[[rule]]
name = "a"
event = "ticket.create"
[[rule]]
name = "b"
event = "message.sent"
whn = { What = "x" }
when = { Wat = "x" }
data = { message_id = "m", direction = "sideways", visiblity = "public", sender_type = "agent" }
[[rule]]
name = "b"
event = "rating.submitted"
data.rating_id = "r"
data.raw = "high"
data.scale_min = 1
data.scale_max = "{Extra}"
data.source = { from = "{What}", map = { x = "me" } }
[[skip]]
reason = "none"
when = { Extra = { empty = true }, Extr = "x" }
"""
    assert faults(mapping) == {
        "colour": "unknown key",
        "rule[2] (b).whn": "unknown key; did you mean `when`?",
        "ticket": "the file has no column 'Tickt'; did you mean `Ticket`?",
        "time": "no time zone 'Europe/Atlantis'; give an IANA name such as Europe/Rome, or an offset such as +01:00",
        "rule[1] (a).event": "no event 'ticket.create'; did you mean `ticket.created`?",
        "rule[2] (b).when.Wat": "the file has no column 'Wat'; did you mean `What`?",
        "rule[2] (b).data.visiblity": "message.sent has no such field; did you mean `visibility`?",
        "rule[2] (b).data.direction": "'sideways' is none of in, other, out",
        "rule[2] (b).data": "message.sent needs visibility",
        "rule[3] (b)": "an earlier one has this name already",
        "rule[3] (b).data.raw": "'high' is no number (the decimal mark of the file is '.')",
        "rule[3] (b).data.source": "the map, entry 'x': 'me' is none of agent, ai, customer, other, qa",
        "skip[1] (none).when.Extr": "the file has no column 'Extr'; did you mean `Extra`?",
    }


NOTED = "rule[1] (note)"
UNTIMED = 'source = "urn:x"\nticket = "{Ticket}"\n'
UNGROUPED = 'source = "urn:x"\n' + HEAD[HEAD.index("[time]") :]


@pytest.mark.parametrize(
    ("mapping", "place", "message"),
    [
        ("nonsense", "", "the file is no TOML"),
        ('source = "x"', "source", "should match pattern"),
        (HEAD, "rule", "required, but missing"),
        (HEAD.replace("{Ticket}", "Ticket") + rule(), "ticket", 'columns stand in braces: "{Ticket}"'),
        (HEAD.replace("{When}", "When") + rule(), "time", 'columns stand in braces: from = "{When}"'),
        (HEAD.replace("%Y-%m-%d %H:%M", "%Y-%Q") + rule(), "time", "'Q' is a bad directive"),
        (HEAD.replace("%Y-%m-%d %H:%M", "lotus") + rule(), "time", "unknown format 'lotus'"),
        (HEAD.replace('zone = "+01:00"', "") + rule(), "time", "give the `zone`"),
        (HEAD.replace("urn:test:desk", "urn:{Ticket}") + rule(), "source", "one for all rows"),
        ('id = "row"' + HEAD + rule(), "id", "the same on every row"),
        (HEAD + rule(more="when = { What = {} }"), f"{NOTED}.when.What", "an empty condition"),
        (HEAD + rule(data='message_id = { default = "x" }'), f"{NOTED}.data.message_id", "give either `from`"),
        (HEAD + rule(data=f'{NOTE}, sender_id = {{ from = "a", map = "x" }}'), f"{NOTED}.data.sender_id", "no [map.x]"),
        (HEAD + rule(data='sender_id = { from = "a", decimals = 2 }'), f"{NOTED}.data.sender_id", "amounts of money"),
        (HEAD + rule(event="ticket.repurchased", data=""), f"{NOTED}.event", "no event 'ticket.repurchased'"),
        (HEAD + rule(event="producer.heartbeat", data=""), f"{NOTED}.event", "no event 'producer.heartbeat'"),
        (HEAD + rule(event="order.cancelled", data='order_id = "a"'), f"{NOTED}.data", "needs customer_id"),
        (HEAD + rule(event="ticket.created", data='after_sales = "perhaps"'), f"{NOTED}.data.after_sales", "neither"),
        (HEAD + rule(event="ticket.created", data="created_by = 5"), f"{NOTED}.data.created_by", "'5' is none of"),
        (HEAD + rule(event="ticket.created", data="channel = 5"), f"{NOTED}.data.channel", "Expected `str`"),
        (HEAD + rule(event="ticket.created", data='channel = ""'), f"{NOTED}.data.channel", "length >= 1"),
        (HEAD + rule(event="ticket.resolved", data="cycle = 0"), f"{NOTED}.data.cycle", "`int` >= 1"),
        (UNTIMED + rule(data=NOTE), f"{NOTED}.time", "there is no [time]"),
        (UNGROUPED + rule(more="first = true", data=f'ticket_id = "a", {NOTE}'), "rule[1]", "`group_by` or `ticket`"),
        (HEAD + BUYERS + rule(), "lookup[1] (buyers)", "buyers.csv has no column 'who'"),
        (HEAD + BUYERS.replace('columns = ["who"]', "") + rule(), "lookup[1] (buyers)", "adds nothing"),
    ],
)  # fmt: skip
def test_a_wrong_mapping_is_refused_with_a_hint(mapping: str, place: str, message: str) -> None:
    found = faults(mapping)
    assert message in found.get(place, ""), found
