"""What holds for every file, whatever is in its cells."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.codec import decode, unknown_values
from streams.core.mapping import RowError, TableError, table_of
from streams.core.mapping.document import Dialect, Time
from streams.core.mapping.instant import reader_of
from streams.core.mapping.number import minor_units, number_of
from tests.mappings import NOW_MS, events_of, mapped_events, outcomes_of, rejections_of, skips_of

MAPPING = """
source = "urn:test:desk"
ticket = "{ticket}"
[time]
from = "{when}"
zone = "America/Sao_Paulo"
[[skip]]
reason = "noise"
when = { what = "noise" }
[[rule]]
name = "created"
event = "ticket.created"
first = true
data = { channel = "{channel}", created_by = "customer", contact_type = "{why}", after_sales = "{flag}" }
[[rule]]
name = "solved"
event = "ticket.resolved"
when = { what = "solve" }
[[rule]]
name = "reopened"
event = "ticket.reopened"
when = { what = "work" }
previous = { what = "solve" }
[[rule]]
name = "worked"
event = "compensation.granted"
when = { what = "work", amount = { above = 1 } }
unless_earlier = { amount = { above = 100 } }
data = { compensation_id = "{$row}", kind = "refund", currency = "BRL", amount = { from = "{amount}", decimals = 2 } }
[[rule]]
name = "rated"
event = "rating.submitted"
earlier = { what = "solve" }
data = { rating_id = "{$row}", raw = "{amount}", scale_min = 0, scale_max = 10, source = "customer", comment = "{why}" }
"""
COLUMNS = ("ticket", "when", "what", "channel", "why", "flag", "amount")


def mostly(*usual: str) -> st.SearchStrategy[str]:
    return st.sampled_from(usual) | st.sampled_from(usual) | st.text(max_size=8)


rows = st.tuples(
    mostly("A", "B"),
    mostly("2024-01-01", "2024-01-02T10:00:00", "2017-10-15T00:30:00", "2018-02-17T23:30:00", "1960-01-01"),
    mostly("solve", "work", "noise", ""),
    mostly("mail", "chat"),
    mostly("complaint", "praise", ""),
    mostly("yes", "no", ""),
    mostly("1.5", "200", "7", ""),
)
tables = st.lists(rows, max_size=12)


def written(rows: Sequence[Sequence[str]], header: Sequence[str] = COLUMNS) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()


@given(tables)
def test_every_row_has_exactly_one_outcome(rows: list[tuple[str, ...]]) -> None:
    found = outcomes_of(MAPPING, written(rows))
    assert sorted(outcome.record.row for outcome in found) == list(range(1, len(rows) + 1))
    with_events = {event["importrow"] for event in events_of(found)}
    assert len(with_events) + len(skips_of(found)) + len(rejections_of(found)) == len(rows)


@given(tables)
def test_every_event_is_one_that_consumers_take_and_has_an_identity_of_its_own(rows: list[tuple[str, ...]]) -> None:
    events = [decode(event.raw, now_ms=NOW_MS) for event in mapped_events(outcomes_of(MAPPING, written(rows)))]
    assert all(event.content is not None and not unknown_values(event) for event in events)
    assert len({event.id for event in events}) == len(events)
    assert [event.at_ms for event in events] == sorted(event.at_ms for event in events)


@given(tables)
def test_the_same_file_gives_the_same_events(rows: list[tuple[str, ...]]) -> None:
    text = written(rows)
    assert mapped_events(outcomes_of(MAPPING, text)) == mapped_events(outcomes_of(MAPPING, text))


ALONE = """
source = "urn:test:desk"
ticket = "{ticket}"
unmatched = "skip"
[time]
from = "{when}"
zone = "UTC"
[[rule]]
name = "created"
event = "ticket.created"
when = { what = { none_of = ["solve"] } }
data = { channel = { from = "{channel}", default = "none" }, created_by = "customer", reason = "{$id}" }
[[rule]]
name = "solved"
event = "ticket.resolved"
when = { what = "solve" }
"""


@given(tables, st.data())
def test_mending_rows_changes_no_event_that_the_others_gave(rows: list[tuple[str, ...]], data: st.DataObject) -> None:
    """Whether a row is torn in two lines, grown together with the next, or lost; however many there are."""
    torn: list[tuple[str, ...]] = []
    for row in rows:
        cut = data.draw(st.sampled_from([None, None, 0, 1, 3, 7]))
        torn += [row] if cut is None else [half for half in (row[:cut], row[cut:-1]) if half]
    before, after = (_said(written(some)) for some in (torn, rows))
    assert before.items() <= after.items()


def _said(text: str) -> dict[str, dict[str, object]]:
    events = events_of(outcomes_of(ALONE, text))
    return {event["id"]: {name: word for name, word in event.items() if name != "importrow"} for event in events}


@given(tables, st.randoms(use_true_random=False))
def test_in_whatever_order_rows_stand_they_give_the_same_events(rows: list[tuple[str, ...]], random: Random) -> None:
    turned = [*rows]
    random.shuffle(turned)
    assert _said(written(turned)) == _said(written(rows))


@given(tables, st.lists(st.text(), max_size=7).map(tuple))
def test_a_row_that_is_no_row_changes_nothing_about_the_others(
    rows: list[tuple[str, ...]], broken: tuple[str, ...]
) -> None:
    alone = mapped_events(outcomes_of(MAPPING, written(rows)))
    assert mapped_events(outcomes_of(MAPPING, written([*rows, broken[:6]]))) == alone


@given(st.text())
@example('a\r\n\r\n"')
@example("ticket\n\0\n")
def test_whatever_a_file_holds_it_is_a_table_or_none(text: str) -> None:
    try:
        table = table_of(io.StringIO(text, newline=""), Dialect())
    except TableError:
        return
    records = list(table.records)
    assert [record.row for record in records] == list(range(1, len(records) + 1))
    assert all(record.fault or len(record.cells) == len(table.columns) for record in records)


cells = st.text(st.characters(codec="utf-8") | st.sampled_from('\n\r",'), max_size=5)


@given(st.lists(st.tuples(cells, cells), max_size=10))
def test_each_row_knows_the_line_on_which_it_begins(rows: list[tuple[str, str]]) -> None:
    begins, line = [], 2
    for row in rows:
        begins.append(line)
        line += len(io.StringIO(written([row], ["x"]), newline="").readlines()) - 1
    records = list(table_of(io.StringIO(written(rows, ["a", "b"]), newline=""), Dialect()).records)
    assert [(record.line, tuple(record.cells)) for record in records] == list(zip(begins, rows, strict=True))


stories = st.lists(
    st.tuples(st.sampled_from("AB"), st.integers(1, 4), st.sampled_from(["solve", "work", "close"])), max_size=12
)
ASKING = """
source = "urn:test:desk"
id = "{$row}"
ticket = "{ticket}"
time = { from = "{when}", format = "unix" }
""" + "".join(
    f'[[rule]]\nname = "{name}"\nevent = "ticket.escalated"\ndata = {{ level = "{name}" }}\n{condition}\n'
    for name, condition in {
        "any": "",
        "first": "first = true",
        "after": 'previous = { what = "solve" }',
        "since": 'earlier = { what = "solve" }',
        "before": 'unless_earlier = { what = "solve" }',
        "last": "last = true",
        "ahead": 'next = { what = "solve" }',
        "still": 'later = { what = "solve" }',
        "over": 'unless_later = { what = "solve" }',
    }.items()
)


@given(stories)
def test_conditions_on_other_rows_mean_what_a_slow_reading_of_the_file_says(
    story: list[tuple[str, int, str]],
) -> None:
    rows = [(ticket, str(when), what) for ticket, when, what in story]
    found = events_of(outcomes_of(ASKING, written(rows, ["ticket", "when", "what"])))
    expected = set()
    for place, (ticket, when, _) in enumerate(story):
        ordered = sorted((other_when, other) for other, (mine, other_when, _) in enumerate(story) if mine == ticket)
        here = ordered.index((when, place))
        before = [story[other][2] for _, other in ordered[:here]]
        behind = [story[other][2] for _, other in ordered[here + 1 :]]
        facts = {
            "any": True,
            "first": not before,
            "after": before[-1:] == ["solve"],
            "since": "solve" in before,
            "before": "solve" not in before,
            "last": not behind,
            "ahead": behind[:1] == ["solve"],
            "still": "solve" in behind,
            "over": "solve" not in behind,
        }
        expected |= {f"{place + 1}-{name}" for name, holds in facts.items() if holds}
    assert {event["id"] for event in found} == expected


zones = st.sampled_from(["Europe/Rome", "America/Sao_Paulo", "Australia/Lord_Howe", "Europe/Dublin", "Asia/Kolkata"])
instants = st.datetimes(datetime(1975, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(instants, zones)
@example(datetime(2024, 10, 27, 1, 30, tzinfo=UTC), "Europe/Rome")
@example(datetime(2024, 4, 6, 15, 15, tzinfo=UTC), "Australia/Lord_Howe")
def test_an_instant_written_as_local_time_is_read_back_as_one_of_the_two_that_it_can_mean(
    instant: datetime, zone: str
) -> None:
    local = instant.astimezone(ZoneInfo(zone))
    text = local.replace(tzinfo=None).isoformat()
    earlier, later = (
        reader_of(Time.model_validate({"from": "{x}", "zone": zone, "ambiguous": choice}))(text)
        for choice in ("earlier", "later")
    )
    assert earlier <= later
    assert (later if local.fold else earlier) == instant
    assert earlier.replace(tzinfo=None) == later.replace(tzinfo=None) == local.replace(tzinfo=None)


@given(instants.map(lambda instant: instant.replace(tzinfo=None)), zones)
@example(datetime(2024, 3, 31, 2, 30), "Europe/Rome")  # noqa: DTZ001
@example(datetime(2017, 10, 15), "America/Sao_Paulo")  # noqa: DTZ001
@example(datetime(2024, 10, 6, 2, 10), "Australia/Lord_Howe")  # noqa: DTZ001
def test_a_local_time_is_rejected_or_shifted_exactly_when_no_clock_ever_showed_it(written: datetime, zone: str) -> None:
    shown = any(
        written.replace(tzinfo=ZoneInfo(zone), fold=fold)
        .astimezone(UTC)
        .astimezone(ZoneInfo(zone))
        .replace(tzinfo=None)
        == written
        for fold in (0, 1)
    )
    shift = reader_of(Time.model_validate({"from": "{x}", "zone": zone, "nonexistent": "shift"}))(written.isoformat())
    reject = reader_of(Time.model_validate({"from": "{x}", "zone": zone}))
    if shown:
        assert reject(written.isoformat()) == shift
        return
    with pytest.raises(RowError, match="never happened"):
        reject(written.isoformat())
    assert timedelta(0) < shift.replace(tzinfo=None) - written <= timedelta(hours=1)
    assert shift.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == shift.replace(tzinfo=None)


@given(st.integers(-(10**15), 10**15), st.integers(0, 4), st.sampled_from([".", ","]))
def test_money_survives_the_way_through_decimal_text(amount: int, decimals: int, mark: str) -> None:
    text = f"{Decimal(amount).scaleb(-decimals):f}".replace(".", mark)
    assert minor_units(number_of(text, "." if mark == "." else ","), decimals) == amount


@given(st.lists(st.tuples(st.sampled_from("ab"), st.decimals(-1000, 1000, places=2)), min_size=1))
def test_a_lookup_sums_as_a_calculator_does(items: list[tuple[str, Decimal]]) -> None:
    mapping = """
source = "urn:x"
customer = "{c}"
time = { from = "{t}", zone = "UTC" }
[[lookup]]
name = "items"
file = "items.csv"
on = "{o}"
key = "{o}"
sum = ["p"]
[[rule]]
name = "placed"
event = "order.placed"
data = { order_id = "{o}", currency = "BRL", amount = { from = "{items.p}", decimals = 2 } }
"""
    keys = sorted({key for key, _ in items})
    orders = written([("c", "2024-01-01", key) for key in keys], ["c", "t", "o"])
    found = outcomes_of(mapping, orders, {"items": written([(key, str(price)) for key, price in items], ["o", "p"])})
    assert {event["data"]["order_id"]: event["data"]["amount"] for event in events_of(found)} == {
        key: int(sum(price for of, price in items if of == key) * 100) for key in keys
    }
