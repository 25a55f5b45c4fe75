"""A sketch is a first mapping of any file with times in it: it is accepted as it is, and a person finishes it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from streams.cli.mapping import app
from streams.cli.sampling import sample_of
from streams.core.mapping import draft_of, plan_of
from streams.core.mapping.sketch import NoTimesError, Sample, sketch_of
from tests.helpdesk import folder_of

LOG = """Case;Activity;Agent;Stamp;Customer
C1;Opened;;04/03/2024 09:00;Rossi
C1;Replied;anna;04/03/2024 09:20;Rossi
C1;Resolve ticket;anna;04/03/2024 17:05;Rossi
C2;Opened;;14/03/2024 10:00;Bianchi
C2;Printed;;14/03/2024 10:05;Bianchi
"""
ORDERS = """order_id,customer,status,created_at,total
1,a,paid,2024-03-04T09:00:00Z,12.5
2,b,cancelled,2024-03-05T09:00:00Z,3
"""
RATINGS = "id,ticket_id,rating,comment,date\n7,T1,4,good,2024-03-04\n8,T2,9,,2024-03-05\n"


def sketched(folder: Path, name: str, content: str) -> tuple[str, Result]:
    """Return the sketch of a file, and what checking the file by it says."""
    file = folder / name
    file.write_text(content)
    sketch = CliRunner().invoke(app, ["sketch", str(file)])
    assert sketch.exit_code == 0, sketch.output
    (folder / "map.toml").write_text(sketch.output)
    return sketch.output, CliRunner().invoke(app, ["check", str(folder / "map.toml"), str(file)])


def test_a_log_is_known_by_what_repeats_and_its_words_become_events(tmp_path: Path) -> None:
    sketch, checked = sketched(tmp_path, "log.csv", LOG)
    assert checked.exit_code == 0, checked.output
    assert 'delimiter = ";"' in sketch
    assert 'format = "%d/%m/%Y %H:%M"' in sketch
    assert "first = true" in sketch
    assert 'when = { Activity = "Resolve ticket" }' in sketch
    assert "# ? Not decided, and skipped: Opened (2), Printed (1)." in sketch
    said = " ".join(checked.output.split())
    assert "message.sent 1 ticket.resolved 1" in said
    assert "ticket.created 2" in said


def test_orders_are_known_by_their_numbers_and_cost_what_they_cost(tmp_path: Path) -> None:
    sketch, checked = sketched(tmp_path, "orders.csv", ORDERS)
    assert checked.exit_code == 0, checked.output
    assert 'id = "{order_id}"' in sketch
    assert 'amount = { from = "{total}", decimals = 2 }' in sketch
    assert 'when = { status = "cancelled" }' in sketch


def test_ratings_have_the_scale_on_which_they_are_given(tmp_path: Path) -> None:
    sketch, checked = sketched(tmp_path, "ratings.csv", RATINGS)
    assert checked.exit_code == 0, checked.output
    assert "scale_min = 0" in sketch
    assert "scale_max = 10" in sketch
    assert 'comment = "{comment}"' in sketch


def test_documents_are_sketched_with_paths_and_their_lists_are_named(tmp_path: Path) -> None:
    page = {
        "tickets": [
            {"id": 1, "created_at": "2024-03-04T09:00:00Z", "via": {"channel": "web"}, "comments": [{"id": 9}]},
            {"id": 2, "created_at": "2024-03-05T09:00:00Z", "via": {"channel": "mail"}, "comments": []},
        ],
        "next": None,
    }
    sketch, checked = sketched(tmp_path, "page.json", json.dumps(page))
    assert checked.exit_code == 0, checked.output
    assert 'for_each = "tickets"' in sketch
    assert 'channel = "{via.channel}"' in sketch
    assert "Lists, for rules with `for_each`: comments[].id." in sketch
    assert 'id = "ticket-{id}-created"' in sketch


def test_messages_in_a_list_get_a_rule_of_their_own(tmp_path: Path) -> None:
    said = [
        {"id": 9, "from_agent": False, "public": True, "created": "2024-03-04T09:00:00Z", "sender": {"id": 7}},
        {"id": 10, "from_agent": True, "public": False, "created": "2024-03-04T09:10:00Z", "sender": {"id": 3}},
    ]
    told = [
        {"ticket": {"id": 1, "created": "2024-03-04T09:00:00Z", "tags": [], "messages": said}},
        {"ticket": {"id": 2, "created": "2024-03-05T09:00:00Z", "tags": [{"id": 4}], "messages": []}},
    ]
    sketch, checked = sketched(tmp_path, "hook.jsonl", "".join(f"{json.dumps(one)}\n" for one in told))
    assert checked.exit_code == 0, checked.output
    assert 'for_each = "ticket.messages"' in sketch
    assert 'id = "message-{id}"' in sketch
    assert 'direction = { from = "{from_agent}", map = { true = "out", false = "in" } }' in sketch
    assert 'visibility = { from = "{public}", map = { true = "public", false = "private" } }' in sketch
    assert 'sender_id = "{sender.id}"' in sketch
    assert "message.sent  message-10" in checked.output


def test_what_a_list_of_messages_does_not_say_is_a_question(tmp_path: Path) -> None:
    told = {"case": {"id": 1, "at": "2024-03-04T09:00:00Z", "notes": [{"key": "n1", "time": 1709543400}]}}
    sketch, checked = sketched(tmp_path, "hook.jsonl", json.dumps(told))
    assert checked.exit_code == 0, checked.output
    assert 'time = { from = "{time}", format = "unix" }' in sketch
    assert 'direction = "out"  # ?' in sketch
    assert 'visibility = "private"  # ?' in sketch


def test_deliveries_are_sketched_by_their_kinds(tmp_path: Path) -> None:
    told = [
        {"event": "case.opened", "at": "2024-03-04T09:00:00Z", "case": {"id": 1}, "by": {"email": "a@b.c"}},
        {"event": "case.replied", "at": "2024-03-04T09:05:00Z", "case": {"id": 1}, "by": {"email": "d@e.f"}},
        {"event": "case.viewed", "at": "2024-03-04T09:06:00Z", "case": {"id": 1}},
    ]
    sketch, checked = sketched(tmp_path, "hook.jsonl", "".join(f"{json.dumps(one)}\n" for one in told))
    assert checked.exit_code == 0, checked.output
    assert 'when = { event = "case.opened" }  # ? what begins a case' in sketch
    assert 'id = "case-replied-{case.id}-{at}"' in sketch
    assert "# ? Not decided, and skipped: case.viewed (1)." in sketch


def test_a_file_without_times_is_proposed_as_a_lookup(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("customer_id,city\nc1,Rome\nc2,Pisa\n")
    with pytest.raises(NoTimesError, match=r'key = "\{customer_id\}"'):
        sketch_of(sample_of(tmp_path / "people.csv"))


@pytest.mark.parametrize("name", ["helpdesk/helpdesk.csv", "olist/orders.csv", "olist/reviews.csv", "olist/items.csv"])
def test_the_sketch_of_a_real_file_is_accepted_as_it_is(tmp_path: Path, name: str) -> None:
    file = folder_of(name.partition("/")[0]) / name.partition("/")[2]
    if not file.exists():
        pytest.skip(f"no real data at {file}")
    with file.open() as lines:
        beginning = "".join(next(lines) for _ in range(800))
    _, checked = sketched(tmp_path, file.name, beginning)
    assert checked.exit_code == 0, checked.output


names = st.sampled_from(["case id", "status", "date", "Order Id"]) | st.text(
    st.characters(codec="utf-8", exclude_characters="{}"), min_size=1, max_size=12
).filter(str.strip)
cells = st.sampled_from(
    ["", "1", "4.5", "solved", "SOLVED", "Created, replied", 'Réponse \\ "x"', "2024-03-04 09:00", "1709542800"]
)


@given(st.lists(names, min_size=1, max_size=6, unique=True), st.data())
def test_every_sketch_is_a_mapping_of_its_file(columns: list[str], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.tuples(*[cells] * len(columns)), min_size=1, max_size=6))
    try:
        sketch = sketch_of(Sample("a file.csv", columns, rows))
    except NoTimesError:
        return
    assert plan_of(draft_of(sketch), columns, {}, file_name="a file")
