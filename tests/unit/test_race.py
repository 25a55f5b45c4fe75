"""The race: its order, its medians, its marks, what it shows of made-up results, and that its folds agree."""

from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from xml.etree import ElementTree

import msgspec
import pytest

from tests.bench import plain
from tests.bench.backlog import ticket_events
from tests.race import desk
from tests.race.gauge import Sample, Usage, usage
from tests.race.scores import (
    BYTEWAX,
    LEAVES_OUT,
    LOOP,
    OURS,
    PLAIN,
    QUIX,
    Outcome,
    Round,
    exit_code,
    medians,
    order_of,
    ratios,
    verdicts,
)
from tests.race.shown import document, leaves_out_lines, plot, table_rows, verdict_lines

_FAST = Outcome(1_000_000, 20.0, 15.0, 300 * 2**20, 50 * 2**20)
_SPEEDS = {OURS: 20.0, QUIX: 50.0, BYTEWAX: 40.0, PLAIN: 600.0, LOOP: 25.0}


def _round(**seconds: float) -> Round:
    given = {name: seconds.get(name.split()[0].lower(), usual) for name, usual in _SPEEDS.items()}
    return {name: replace(_FAST, seconds=one) for name, one in given.items()}


def test_the_ratio_is_the_median_of_the_ratios_within_a_round() -> None:
    # The machine was busy in the third round, for both; the ratio of medians would be 2.
    rounds = [_round(servicepulse=10, quix=30), _round(servicepulse=20, quix=40), _round(servicepulse=100, quix=400)]
    assert ratios(rounds)[QUIX] == 3.0


def test_a_mark_for_several_peers_is_held_against_the_fastest() -> None:
    found = {verdict.mark.peers: verdict.ratio for verdict in verdicts({QUIX: 3.0, BYTEWAX: 2.2, PLAIN: 30.0, LOOP: 1})}
    assert found[QUIX, BYTEWAX] == 2.2


def test_every_mark_reached_is_0() -> None:
    assert exit_code({QUIX: 2.0, BYTEWAX: 2.0, PLAIN: 25.0, LOOP: 1.0}) == 0


@pytest.mark.parametrize("missed", [{QUIX: 1.9}, {BYTEWAX: 1.9}, {PLAIN: 24.0}, {LOOP: 0.9}])
def test_one_mark_missed_is_1(missed: dict[str, float]) -> None:
    assert exit_code({QUIX: 2.0, BYTEWAX: 2.0, PLAIN: 25.0, LOOP: 1.0} | missed) == 1


def test_a_missed_mark_is_named() -> None:
    lines = verdict_lines([_round(loop=19)])
    assert lines == [
        "2 times the best of Quix Streams and Bytewax: 2.00, reached",
        "25 times plain Faust: 30.00, reached",
        "1 times loop by hand: 0.95, missed",
    ]


def test_everybody_begins_once_in_as_many_rounds_as_there_are_runners() -> None:
    names = list(LEAVES_OUT)
    orders = [order_of(names, number) for number in range(2 * len(names))]
    assert {order[0] for order in orders} == set(names)
    assert all(sorted(order) == sorted(names) for order in orders)


def test_every_order_differs_from_the_one_before() -> None:
    orders = [order_of(list(LEAVES_OUT), number) for number in range(10)]
    assert all(one != other for one, other in pairwise(orders))


def test_measures_are_of_one_event_and_of_a_million() -> None:
    measured = medians([_round()])[OURS]
    assert measured == {"per_second": 50_000.0, "processor_us": 15.0, "peak_mib": 300.0, "growth_mib": 50.0}


def test_the_table_has_a_line_for_everybody_with_what_is_left_out() -> None:
    rows = {row[0]: row[1:] for row in table_rows([_round()])}
    assert rows[OURS] == ["", "50,000", "15.0", "300", "50.0"]
    assert rows[QUIX] == ["2.50 x", "20,000", "15.0", "300", "50.0"]
    assert list(rows) == list(LEAVES_OUT)
    said = leaves_out_lines([_round()])
    assert [line for line in said if line.startswith(QUIX)] == [f"{QUIX} leaves out {LEAVES_OUT[QUIX]}"]


def test_the_plot_has_a_bar_for_everybody_in_every_panel() -> None:
    drawn = ElementTree.fromstring(plot([_round()]))
    bars = [one for one in drawn.iter("{http://www.w3.org/2000/svg}rect") if one.get("x")]
    assert len(bars) == 3 * len(LEAVES_OUT)
    lengths = [float(bar.get("width", 0)) for bar in bars[: len(LEAVES_OUT)]]
    assert max(lengths) == lengths[list(LEAVES_OUT).index(OURS)]


def test_the_file_has_marks_and_rounds() -> None:
    written = msgspec.json.decode(msgspec.json.encode(document([_round(), _round()], {"events": 7})))
    assert (written["events"], len(written["rounds"]), len(written["marks"])) == (7, 2, 3)
    assert written["rounds"][0][QUIX]["seconds"] == 50.0


def test_usage_is_what_was_taken_between_two_moments() -> None:
    samples = [Sample(10.0, 1.0, 100), Sample(11.0, 2.0, 140), Sample(12.0, 4.0, 120), Sample(13.0, 4.0, 0)]
    assert usage(samples, 10.5, 12.0) == Usage(processor=2.5, peak=140, growth=40)


def test_a_process_that_nobody_looked_at_has_no_usage() -> None:
    with pytest.raises(ValueError, match="nobody looked"):
        usage([], 0.0, 1.0)


def test_the_peers_fold_as_the_plain_agent_does() -> None:
    theirs: dict[str, desk.Ticket] = {}
    plains: dict[str, dict[str, object]] = {}
    for raw in ticket_events(300):
        event = desk.decode(raw)
        desk.fold(theirs.setdefault(event.subject, desk.Ticket()), event, event.at_ms())
        said = msgspec.json.decode(raw)
        known = {name: said[name] for name in ("specversion", "id", "source", "type", "subject", "time", "data")}
        at_ms = round(datetime.fromisoformat(said["time"]).timestamp() * 1000)
        plain.fold(plains.setdefault(said["subject"], plain.new_ticket()), plain.TicketEvent(**known), at_ms)
    assert {subject: msgspec.structs.asdict(ticket) for subject, ticket in theirs.items()} == plains
    assert sum(ticket.ratings for ticket in theirs.values()) > 10


def test_the_peers_have_the_columns_of_the_plain_agent() -> None:
    assert tuple(desk.EVENT_COLUMNS) == plain.EVENT_COLUMNS
    assert tuple(desk.TICKET_COLUMNS) == plain.TICKET_COLUMNS
    event = desk.decode(ticket_events(30)[0])
    assert len(desk.event_row(event, event.at_ms())) == len(desk.EVENT_COLUMNS)
    assert len(desk.ticket_row("T-1", desk.Ticket())) == len(desk.TICKET_COLUMNS)
