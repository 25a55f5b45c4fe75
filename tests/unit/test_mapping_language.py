"""What the mapping language can say about identifiers, groups, threads and comparisons."""

import pytest

from streams.core.mapping import MappingError
from streams.core.mapping.spelling import SPELLINGS, hashing
from tests.mappings import imported, outcomes_of, rejections_of, skips_of
from tests.unit.test_mapping import HEAD, STORY, created, events, faults, rule, single, table

NOTE = 'message_id = "{$id}", direction = "in", visibility = "public", sender_type = "customer"'


def rows_of(mapping: str, text: str) -> list[int]:
    return sorted({event.row for event in imported(mapping, text)})


# Identifiers


@pytest.mark.parametrize(
    ("template", "cell", "expected"),
    [
        ("{Extra|lower}", "C0@EXAMPLE.com", "c0@example.com"),
        ("{Extra|trim}", "Ann \u00a0 B\u200bee", "Ann Bee"),
        ("{Extra|digits}", "+49 (0)30 / 12-34", "49301234"),
        ("{Extra|digits}", "0049 30 1234", "49301234"),
        ("{Extra|digits}", "030 1234", "0301234"),
        ("{Extra|digits}", "٠٣٠", "030"),
        ("mail:{Extra | trim | lower}", "A@B.c", "mail:a@b.c"),
    ],
)
def test_one_person_is_one_identifier_however_it_is_spelled(template: str, cell: str, expected: str) -> None:
    mapping = created(f'customer_id = "{template}"')
    assert single(mapping, f"T,2024-01-02 03:04,x,{cell}")["data"]["customer_id"] == expected


def test_a_hash_hides_an_identifier_and_is_the_same_for_the_same_spelling() -> None:
    mapping = created('customer_id = "{Extra|lower|hash}"')
    ids = {single(mapping, f"T,2024-01-02 03:04,x,{cell}")["data"]["customer_id"] for cell in ("A@b.c", "a@B.C")}
    assert len(ids) == 1
    assert ids == {SPELLINGS["hash"]("a@b.c")}
    assert hashing(b"key")("a@b.c") != hashing(b"other")("a@b.c")


def test_what_is_empty_after_its_spelling_is_empty() -> None:
    row = "T,2024-01-02 03:04,X,none"
    assert "customer_id" not in single(created('customer_id = "{Extra|digits|hash}"'), row)["data"]
    fallback = created('customer_id = { from = ["{Extra|digits}", "{What|lower}"] }')
    assert single(fallback, row)["data"]["customer_id"] == "x"


def test_a_word_that_is_no_spelling_is_part_of_the_columns_name() -> None:
    found = faults(created('customer_id = "{Extra|lowr}"'))
    assert "no column 'Extra|lowr'" in found["rule[1] (new).data.customer_id"]
    mapping = created('customer_id = "{a|b}"').replace("{Ticket}", "{Ticket|trim}")
    [event] = events(imported(mapping, "Ticket,When,a|b\nT,2024-01-02 03:04,x\n"))
    assert event["data"]["customer_id"] == "x"


@pytest.mark.parametrize("key", ["ticket", "group_by"])
def test_ticket_and_group_can_have_fallbacks(key: str) -> None:
    head = HEAD if key == "ticket" else 'group_by = "{Ticket}"' + HEAD
    mapping = head.replace(f'{key} = "{{Ticket}}"', f'{key} = ["{{Extra}}", "{{Ticket}}"]') + rule(
        more="first = true", data=NOTE
    )
    rows = table("T,2024-01-02 10:00,x,", "U,2024-01-02 11:00,x,T", "U,2024-01-02 12:00,x,")
    assert rows_of(mapping, rows) == [1, 3]


def test_a_customer_can_have_fallbacks() -> None:
    mapping = HEAD.replace("ticket =", "customer =").replace('"{Ticket}"', '["{Extra|lower}", "{Ticket}"]') + rule(
        event="order.placed", data='order_id = "{What}", amount = 1, currency = "EUR"'
    )
    found = events(imported(mapping, table("C,2024-01-02 10:00,1,A@B", "C,2024-01-02 10:00,2,")))
    assert [event["subject"] for event in found] == ["a@b", "C"]


def test_an_empty_cell_can_clear_an_attribute_instead_of_saying_nothing() -> None:
    mapping = HEAD + rule(
        event="ticket.updated",
        data='team = { from = "{Extra}", clears = true }, reason = "{Extra}", priority = "{What}"',
    )
    row = "T,2024-01-02 10:00,high,"
    assert single(mapping, row)["data"] == {"ticket_id": "T", "team": None, "priority": "high"}
    freed = HEAD + rule(event="ticket.assigned", data='agent_id = { from = "{Extra}", clears = true }')
    assert single(freed, row)["data"] == {"ticket_id": "T", "agent_id": None}
    wrong = mapping.replace("clears = true", 'clears = true, default = "x"')
    assert "needs `from`, and no `default`" in faults(wrong)["rule[1] (note).data.team"]


# Other rows

COUNTED = table("T,2024-01-01 10:00,Solve,2", "T,2024-01-01 09:00,Work,3", "T,2024-01-01 10:00,Open,1")


def test_a_counter_can_order_the_rows_of_a_group_before_their_time_does() -> None:
    by_time = HEAD + rule(data=NOTE, more='when = { What = "Work" }\nprevious = { What = "Solve" }')
    by_time += '[[skip]]\nreason = "other"\nwhen = { What = "none" }\n' + rule("all", data=NOTE)
    assert not [one for one in imported(by_time, COUNTED) if one.name == "message.sent" and one.id.endswith("-note")]
    by_counter = imported('order_by = "{Extra}"' + by_time, COUNTED)
    assert [one.row for one in by_counter if one.id.endswith("-note")] == [2]
    tied = [one.row for one in by_counter if one.at_ms == by_counter[-1].at_ms]
    assert tied == [3, 1], "what shares an instant is published in the order of the counter"


@pytest.mark.parametrize(
    ("cell", "complaint"), [("", r"is empty \(`order_by` \{Extra\}\)"), ("two", "`order_by` {Extra}: 'two' is no n")]
)
def test_a_row_without_a_counter_is_rejected(cell: str, complaint: str) -> None:
    mapping = 'order_by = "{Extra}"' + HEAD + rule(data=NOTE, more="first = true")
    [reason] = rejections_of(outcomes_of(mapping, table(f"T,2024-01-01 10:00,x,{cell}"))).values()
    assert complaint.replace("\\", "") in reason


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("last = true", [3, 6]),
        ("last = false", [1, 2, 4, 5]),
        ('next = { What = "Work" }', [4, 5]),
        ('later = { What = "Close" }', [1, 2, 4]),
        ('unless_later = { What = "Close" }', [3, 5, 6]),
        ('earlier = { What = "Solve" }\nlater = { What = "Work" }', [1, 5]),
        ("first = true\nlast = true", [3]),
    ],
)
def test_rows_can_ask_for_those_behind_them(condition: str, rows: list[int]) -> None:
    """In the order of time: T: Open(2) Solve(4) Work(1) Close(5) Work(6); U: Solve(3)."""
    skip = 'unmatched = "skip"\n'
    assert rows_of(skip + HEAD + rule(more=condition, data=NOTE), STORY) == rows


def test_rows_that_no_rule_covers_can_be_skipped_and_are_counted() -> None:
    found = outcomes_of('unmatched = "skip"' + HEAD + rule(data=NOTE, more='when = { What = "Work" }'), STORY)
    assert skips_of(found) == dict.fromkeys((2, 3, 4, 5), "no rule applies")


# Threads

THREAD = 'thread = { id = "{What}", parent = "{Extra}" }'
REPLIES = table(
    "x,2024-01-01 10:00,c,b", "x,2024-01-01 10:01,a,", "x,2024-01-01 10:02,b,a", "x,2024-01-01 10:03,e,gone"
)


def test_a_thread_is_followed_to_its_root_wherever_its_rows_stand() -> None:
    mapping = THREAD + HEAD.replace("{Ticket}", "{$root}") + rule(data=NOTE)
    assert [event.subject for event in imported(mapping, REPLIES)] == ["a", "a", "a", "gone"]
    chain = table(*(f"x,2024-01-01 10:00,{n},{n - 1 or ''}" for n in range(3000, 0, -1)))
    assert {event.subject for event in imported(mapping, chain)} == {"1"}


def test_a_thread_that_runs_in_a_circle_is_rejected() -> None:
    mapping = THREAD + HEAD.replace("{Ticket}", "{$root}") + rule(data=NOTE)
    circle = table(
        "x,2024-01-01 10:00,a,b", "x,2024-01-01 10:00,b,a", "x,2024-01-01 10:00,c,c", "x,2024-01-01 10:00,,a"
    )
    reasons = rejections_of(outcomes_of(mapping, circle))
    assert [reasons[line].partition(",")[0] for line in (2, 3, 4)] == ["its thread runs in a circle"] * 3
    assert reasons[5] == "the columns of `thread.id` are empty"


def test_a_root_without_threads_is_no_column() -> None:
    with pytest.raises(MappingError, match=r"no column '\$root'"):
        imported(HEAD.replace("{Ticket}", "{$root}") + rule(data=NOTE), REPLIES)


# Comparing columns


@pytest.mark.parametrize(
    ("condition", "cell", "rows"),
    [
        ('{ equals = "{Ticket}" }', "What", [1]),
        ('{ differs = "{Ticket}" }', "What", [2, 3, 4]),
        ('{ equals = "{Ticket|lower}" }', "What", []),
        ('{ at_least = "{What}" }', "Extra", [3]),
        ('{ below = "{What}" }', "Extra", [4]),
    ],
)
def test_two_columns_can_be_compared(condition: str, cell: str, rows: list[int]) -> None:
    mapping = f'unmatched = "skip"{HEAD}' + rule(data=NOTE, more=f"when = {{ {cell} = {condition} }}")
    text = table(
        *(f"T,2024-01-01 10:00,{what},{extra}" for what, extra in (("T", ""), ("", ""), ("1", "2"), ("3", "2")))
    )
    assert rows_of(mapping, text) == rows


def test_two_times_can_be_compared() -> None:
    text = table(
        "T,2024-01-01 10:00,x,2024-01-02 00:00", "T,2024-01-01 10:00,x,2023-12-31 00:00", "T,2024-01-01 10:00,x,"
    )
    for word, rows in (("before", [2]), ("after", [1])):
        condition = f'when = {{ Extra = {{ {word} = "{{When}}" }} }}'
        assert rows_of(f'unmatched = "skip"{HEAD}' + rule(data=NOTE, more=condition), text) == rows


def test_times_cannot_be_compared_without_their_format() -> None:
    mapping = 'source = "urn:x"\nticket = "{Ticket}"\n' + rule(
        data=NOTE, more='time = { from = "{When}" }\nwhen = { Extra = { after = "{When}" } }'
    )
    assert "needs [time]" in faults(mapping)["rule[1] (note).when"]
