"""Whatever files of one list come in whatever order: what stands in the end is what the truth says."""

from collections.abc import Sequence
from random import Random
from typing import Any, Final

from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple

from schemas.rows import TicketRow, column_names
from tests.snapshots import Desk, written

LIST = """
source = "urn:test:desk"
id = "{Ticket}"
ticket = "{Ticket}"
[time]
from = "{Opened}"
zone = "UTC"
[[rule]]
name = "created"
event = "ticket.created"
data = { channel = "{Channel}", created_by = "customer", team = "{Team}", customer_id = "{Customer}" }
[[rule]]
name = "assigned"
event = "ticket.assigned"
when = { Agent = { empty = false } }
data = { agent_id = "{Agent}" }
[[rule]]
name = "solved"
event = "ticket.resolved"
when = { Solved = { empty = false } }
time = "{Solved}"
data = { agent_id = "{Agent}" }
[[rule]]
name = "rated"
event = "rating.submitted"
when = { Score = { empty = false } }
time = "{Solved}"
data = { rating_id = "{Ticket}", raw = "{Score}", scale_min = 1, scale_max = "{Best}", source = "customer" }
[[rule]]
name = "refunded"
event = "compensation.granted"
when = { Refund = { empty = false } }
data = { compensation_id = "{Ticket}", kind = "refund", amount = "{Refund}", currency = "EUR" }
"""
HEADER: Final = "Ticket,Opened,Channel,Team,Customer,Agent,Solved,Score,Best,Refund"
ABOUT_THE_SET: Final = {"version", "events", "state", "days"}
"""Columns that say which events are known and on which days they lie, not what they amount to."""

rests = st.tuples(
    st.sampled_from(["2024-01-01", "2024-01-02"]),
    st.sampled_from(["mail", "chat"]),
    st.sampled_from(["", "red", "blue"]),
    st.sampled_from(["", "ann"]),
    st.sampled_from(["", "x", "y"]),
    st.sampled_from(["", "2024-01-03", "2024-01-04"]),
    st.sampled_from(["", "1", "5"]),
    st.sampled_from(["5", "10"]),
    st.sampled_from(["", "100", "200"]),
)
WHOLE, TORN, LOST = "whole", "torn", "lost"
Week = dict[str, tuple[tuple[str, ...], str]]
fates = st.sampled_from([WHOLE, WHOLE, WHOLE, TORN, LOST])


@st.composite
def lists(draw: st.DrawFn) -> list[Week]:
    """Return weeks of two rows, each of which says one of three things, so that it says the same again at times."""
    pools = {key: draw(st.lists(rests, min_size=1, max_size=3)) for key in ("T1", "T2")}
    rows = {key: st.tuples(st.sampled_from(pool), fates) for key, pool in pools.items()}
    return draw(st.lists(st.fixed_dictionaries(rows), min_size=1, max_size=5))


def file_of(week: Week) -> str:
    """Return the file of a week: torn rows lie on two lines, lost ones nowhere."""
    rows: list[Sequence[str]] = []
    for key, (rest, fate) in week.items():
        row = (key, *rest)
        rows += {WHOLE: [row], TORN: [row[:4], row[4:]], LOST: []}[fate]
    return written(HEADER, rows)


def truth_of(weeks: Sequence[Week]) -> str:
    """Return the file that says of each row what the last week says of it in which it can be read."""
    last: dict[str, tuple[str, ...]] = {}
    for week in weeks:
        last |= {key: rest for key, (rest, fate) in week.items() if fate == WHOLE and is_readable(rest)}
    return written(HEADER, [(key, *rest) for key, rest in last.items()])


def is_readable(rest: Sequence[str]) -> bool:
    """Say whether a row is not rejected: a rating needs its time."""
    return not rest[6] or bool(rest[5])


def tables(desk: Desk) -> list[dict[str, Any]]:
    """Return what the ticket rows amount to."""
    rows = [dict(zip(column_names(TicketRow), astuple(row), strict=True)) for row in desk.store.tickets.values()]
    measured = [{name: word for name, word in row.items() if name not in ABOUT_THE_SET} for row in rows]
    return sorted(measured, key=lambda row: str(row["ticket_id"]))


@settings(max_examples=60)
@given(lists(), st.randoms(use_true_random=False))
def test_weekly_lists_of_known_age_in_any_order_amount_to_one_import_of_the_truth(
    weeks: list[Week], random: Random
) -> None:
    order = [*range(len(weeks)), *random.sample(range(len(weeks)), len(weeks) // 2)]
    random.shuffle(order)
    desk, truth = Desk(LIST, is_whole=True), Desk(LIST)
    for number in order:
        result = desk.asked(file_of(weeks[number]), f"2024-02-0{number + 1}")
        random.shuffle(result.events)
        desk.deliver(result.events)
    truth.imported(truth_of(weeks))
    assert tables(desk) == tables(truth)
    assert not desk.store.dead_letters


@settings(max_examples=40)
@given(lists(), st.randoms(use_true_random=False))
def test_of_lists_of_unknown_age_the_one_that_is_imported_last_counts(weeks: list[Week], random: Random) -> None:
    desk, truth = Desk(LIST), Desk(LIST)
    for week in weeks:
        result = desk.asked(file_of(week))
        random.shuffle(result.events)
        desk.deliver(result.events)
    truth.imported(truth_of(weeks))
    assert tables(desk) == tables(truth)
    assert not desk.store.dead_letters
    again = desk.asked(file_of(weeks[-1]))
    assert (again.events, again.new, again.rows, again.fixed) == ([], 0, set(), [])


LOG = """
source = "urn:test:log"
ticket = "{ticket}"
time = { from = "{when}", format = "unix", zone = "UTC" }
[[rule]]
name = "created"
event = "ticket.created"
first = true
data = { channel = "mail", created_by = "customer" }
[[rule]]
name = "solved"
event = "ticket.resolved"
when = { what = "solve" }
[[rule]]
name = "reopened"
event = "ticket.reopened"
when = { what = { none_of = ["solve"] } }
previous = { what = "solve" }
[[rule]]
name = "moved"
event = "ticket.assigned"
data = { agent_id = "{what}" }
"""
entries = st.tuples(st.sampled_from("AB"), st.sampled_from("123"), st.sampled_from(["solve", "work", "call"]))


@settings(max_examples=60)
@given(st.lists(st.tuples(entries, st.integers(0, 3)), max_size=8), st.randoms(use_true_random=False))
@example([(("A", "1", "work"), 1), (("A", "1", "solve"), 0), (("A", "1", "call"), 0)], Random(0))
def test_a_log_whose_torn_rows_are_mended_one_after_another_amounts_to_one_import_of_it(
    log: list[tuple[tuple[str, str, str], int]], random: Random
) -> None:
    """Rows decide about each other, and share instants: what a mended row makes of its neighbours is made good."""
    desk, truth = Desk(LOG), Desk(LOG)
    for week in range(4):
        rows: list[Sequence[str]] = []
        for row, mended_in in log:
            rows += [row] if mended_in <= week else [row[:1], row[1:]]
        result = desk.asked(written("ticket,when,what", rows))
        random.shuffle(result.events)
        desk.deliver(result.events)
    truth.imported(written("ticket,when,what", [row for row, _ in log]))
    assert tables(desk) == tables(truth)
    assert not desk.store.dead_letters
