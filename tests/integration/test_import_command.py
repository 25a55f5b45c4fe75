"""`servicepulse import`: files, screen, exit codes, real data sets and a real broker."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from statistics import mean, median
from time import monotonic
from typing import Any, TypeAlias

import pytest
import typer
from kafka import KafkaConsumer, TopicPartition
from typer.testing import CliRunner, Result

from streams.cli.import_ import import_
from tests import olist
from tests.helpdesk import log, reference
from tests.process import Process
from tests.space import Space

ROOT = Path(__file__).parents[2]
MAPPINGS = ROOT / "tests" / "mappings"

Event: TypeAlias = dict[str, Any]

MAPPING = """
source = "urn:test:desk"
ticket = "{Ticket}"
time = { from = "{When}", zone = "Europe/Rome" }
[[skip]]
reason = "a test"
when = { What = "test" }
[[rule]]
name = "created"
event = "ticket.created"
when = { What = "open" }
data = { channel = "mail", created_by = "customer" }
[[rule]]
name = "solved"
event = "ticket.resolved"
when = { What = "solve" }
"""
GOOD = "Ticket,When,What\nT1,2024-05-02,solve\nT1,2024-05-01,open\nT2,2024-05-03,test\n"
MIXED = GOOD + 'T3,yesterday,open\n"T4 é\n",2024-05-04,dance\nT5,2024-05-05,open,more\n'

IDS = ["1005b0eb44cec0cfbb06-created", "cdae787f34250066202a-solved"]

app = typer.Typer()
app.command("import")(import_)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "map.toml").write_text(MAPPING)
    (tmp_path / "desk.csv").write_text(GOOD, encoding="utf-8")
    (tmp_path / "mixed.csv").write_text(MIXED, encoding="utf-8")
    return tmp_path


def run(file: Path, mapping: Path, *options: str) -> Result:
    return CliRunner().invoke(app, [str(file), "--mapping", str(mapping), *options])


def lines(path: Path) -> list[Event]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_events_go_to_a_file_in_the_order_of_time(desk: Path) -> None:
    result = run(desk / "desk.csv", desk / "map.toml", "--to", str(desk / "out.jsonl"))
    assert result.exit_code == 0, result.stderr
    assert [event["id"] for event in lines(desk / "out.jsonl")] == IDS
    assert not (desk / "desk.csv.rejected.csv").exists()


def test_events_go_to_standard_output_alone_and_the_summary_elsewhere(desk: Path) -> None:
    result = run(desk / "desk.csv", desk / "map.toml", "--to", "-")
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == IDS
    assert "2 events written to standard output" in result.stderr


def test_importing_again_writes_the_same_bytes(desk: Path) -> None:
    for name in ("one", "two"):
        run(desk / "desk.csv", desk / "map.toml", "--to", str(desk / name))
    assert (desk / "one").read_bytes() == (desk / "two").read_bytes()


def test_a_dry_run_shows_counts_rejected_rows_and_time_range_and_leaves_nothing(desk: Path) -> None:
    before = sorted(desk.iterdir())
    result = run(desk / "mixed.csv", desk / "map.toml", "--dry-run", "--to", str(desk / "out.jsonl"))
    assert sorted(desk.iterdir()) == before
    shown = " ".join(result.stderr.split())
    for text in ("Rows 6", "skipped 1 a test", "rejected 3", "ticket.created 1", "from 2024-04-30 22:00:00 UTC"):
        assert text in shown
    assert "line 5: 'yesterday' is no time in the format 'iso'" in shown
    assert result.exit_code == 1


def test_rejected_rows_are_kept_with_line_and_reason_and_the_rest_goes_on(desk: Path) -> None:
    result = run(desk / "mixed.csv", desk / "map.toml", "--to", str(desk / "out.jsonl"))
    assert result.exit_code == 1
    assert len(lines(desk / "out.jsonl")) == 2
    with (desk / "mixed.csv.rejected.csv").open(encoding="utf-8", newline="") as kept:
        header, *rows = csv.reader(kept)
    assert header == ["Ticket", "When", "What", "rejected_line", "rejected_reason"]
    assert [row[:4] for row in rows] == [
        ["T3", "yesterday", "open", "5"],
        ["T4 é\n", "2024-05-04", "dance", "6"],
        ["T5", "2024-05-05", "open", "8"],
    ]
    assert rows[2][4:] == ["4 cells instead of 3", "more"]


def test_rejected_rows_can_be_allowed_and_kept_elsewhere(desk: Path) -> None:
    options = ("--to", "-", "--allow-rejected", "--rejected", str(desk / "kept.csv"))
    assert run(desk / "mixed.csv", desk / "map.toml", *options).exit_code == 0
    assert (desk / "kept.csv").exists()
    assert not (desk / "mixed.csv.rejected.csv").exists()


def test_rejected_rows_are_not_imported_in_the_place_of_the_file(desk: Path) -> None:
    run(desk / "mixed.csv", desk / "map.toml", "--to", "-")
    result = run(desk / "mixed.csv.rejected.csv", desk / "map.toml", "--to", "-")
    assert result.exit_code == 2
    assert "mend them in the original file" in result.stderr


def test_a_file_in_another_encoding_keeps_its_bytes_among_the_rejected(desk: Path) -> None:
    (desk / "latin.csv").write_bytes("Ticket,When,What\nCafé,2024-05-01,open\n".encode("latin-1"))
    result = run(desk / "latin.csv", desk / "map.toml", "--to", "-")
    assert "bytes that are not utf-8" in result.stderr
    assert "Café".encode("latin-1") in (desk / "latin.csv.rejected.csv").read_bytes()


def test_the_file_of_a_spreadsheet_with_a_byte_order_mark_is_read(desk: Path) -> None:
    (desk / "bom.csv").write_text(GOOD, encoding="utf-8-sig")
    assert run(desk / "bom.csv", desk / "map.toml", "--to", "-").exit_code == 0


def test_a_wrong_mapping_lists_its_faults_and_sends_nothing(desk: Path) -> None:
    wrong = MAPPING.replace("{When}", "{Whn}").replace("ticket.created", "ticket.cretaed")
    lookup = '[[lookup]]\nname = "a"\nfile = "absent.csv"\non = "{Ticket}"\nkey = "{k}"\ncolumns = ["c"]\n'
    (desk / "map.toml").write_text(wrong + lookup)
    result = run(desk / "desk.csv", desk / "map.toml", "--to", str(desk / "out.jsonl"))
    assert result.exit_code == 2
    assert not (desk / "out.jsonl").exists()
    for text in ("no column 'Whn'", "did you mean `ticket.created`?", "absent.csv cannot be read"):
        assert text in result.stderr


@pytest.mark.parametrize("option", ["--to", "--rejected"])
def test_what_is_read_is_never_overwritten(desk: Path, option: str) -> None:
    for name in ("mixed.csv", "map.toml"):
        before = (desk / name).read_bytes()
        result = run(desk / "mixed.csv", desk / "map.toml", option, str(desk / name))
        assert (result.exit_code, (desk / name).read_bytes()) == (2, before)


def test_without_a_broker_the_message_says_how_to_go_on(desk: Path) -> None:
    result = run(desk / "desk.csv", desk / "map.toml", "--kafka", "127.0.0.1:1")
    assert result.exit_code == 1
    assert "no broker answers at 127.0.0.1:1" in result.stderr
    assert "Run the same command again" in result.stderr


NOWHERE = {"SERVICEPULSE_CLICKHOUSE": "", "SERVICEPULSE_KAFKA": "127.0.0.1:1"}


def test_a_list_of_all_rows_is_not_sent_where_it_is_not_known_what_was_sent_before(desk: Path) -> None:
    (desk / "map.toml").write_text('snapshot = true\nid = "{Ticket}/{When}"\n' + MAPPING)
    environment = {**NOWHERE, "SERVICEPULSE_FOLDER": str(desk)}
    asked = [str(desk / "desk.csv"), "--mapping", str(desk / "map.toml")]
    result = CliRunner(env=environment).invoke(app, asked)
    assert result.exit_code == 1
    assert "no ClickHouse is set: what changed since the last import cannot be told" in result.stderr
    shown = CliRunner(env=environment).invoke(app, [*asked, "--dry-run"])
    assert shown.exit_code == 0
    assert "not compared with what is stored" in shown.stderr


@pytest.mark.parametrize("told", ["yesterday", "2999-01-01"])
def test_when_a_file_was_made_must_be_a_time_that_has_passed(desk: Path, told: str) -> None:
    result = run(desk / "desk.csv", desk / "map.toml", "--to", "-", "--as-of", told)
    assert result.exit_code == 2
    assert "--as-of" in result.stderr


def test_identifiers_are_hashed_with_the_key_of_the_settings(desk: Path) -> None:
    (desk / "map.toml").write_text(MAPPING.replace('ticket = "{Ticket}"', 'ticket = "{Ticket|lower|hash}"'))
    subjects = set()
    for key in ("", "one", "other"):
        environment = {"SERVICEPULSE_IDENTIFIER_KEY": key}
        asked = [str(desk / "desk.csv"), "--mapping", str(desk / "map.toml"), "--to", "-"]
        result = CliRunner(env=environment).invoke(app, asked)
        subjects |= {json.loads(line)["subject"] for line in result.stdout.splitlines()}
    assert len(subjects) == 3


COMMAND = "import typer; from streams.cli.import_ import import_; typer.run(import_)"


def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(desk: Path) -> None:
    os.mkfifo(desk / "endless.csv")
    command = [sys.executable, "-c", COMMAND, str(desk / "endless.csv")]
    command += ["--mapping", str(desk / "map.toml"), "--to", "-"]
    with (
        Process(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process,
        (desk / "endless.csv").open("w") as rows,  # opens as soon as the command reads
    ):
        rows.write(GOOD)
        rows.flush()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert output == b""
    assert b"Run the same command again to go on" in errors
    assert b"Traceback" not in errors


@pytest.mark.integration
def test_publishing_again_sends_the_same_events_under_the_same_identities(desk: Path, space: Space) -> None:
    run(desk / "desk.csv", desk / "map.toml", "--to", str(desk / "out.jsonl"))
    written = (desk / "out.jsonl").read_bytes().splitlines()
    for _ in range(2):
        result = CliRunner(env=space.environment()).invoke(
            app, [str(desk / "desk.csv"), "--mapping", str(desk / "map.toml")]
        )
        assert result.exit_code == 0, result.stderr
        assert f"2 events acknowledged by {space.settings.kafka}" in result.stderr
    assert records(space, "tickets", 4) == [(b"T1", event) for event in written * 2]


@pytest.mark.integration
def test_orders_go_to_their_own_topic_by_customer(desk: Path, space: Space) -> None:
    order = 'data = { order_id = "{$row}", amount = 5, currency = "EUR" }\n'
    rule = f'[[rule]]\nname = "placed"\nevent = "order.placed"\n{order}'
    (desk / "map.toml").write_text(MAPPING[: MAPPING.index("[[skip]]")].replace("ticket =", "customer =") + rule)
    result = CliRunner(env=space.environment()).invoke(app, [str(desk / "desk.csv"), "-m", str(desk / "map.toml")])
    assert result.exit_code == 0, result.stderr
    assert sorted(key for key, _ in records(space, "orders", 3)) == [b"T1", b"T1", b"T2"]
    assert records(space, "tickets", 0) == []


def records(space: Space, topic: str, count: int) -> list[tuple[bytes, bytes]]:
    """Return key and value of all records of a topic, as soon as there are so many and no more come."""
    name = space.settings.topic(topic)
    consumer = KafkaConsumer(bootstrap_servers=(space.settings.kafka or "").split(","), auto_offset_reset="earliest")
    found: list[tuple[bytes, bytes]] = []
    end = monotonic() + 30
    try:
        consumer.assign([TopicPartition(name, number) for number in consumer.partitions_for_topic(name)])
        while monotonic() < end:
            batches = consumer.poll(timeout_ms=1000)
            found.extend((record.key, record.value) for batch in batches.values() for record in batch)
            if len(found) >= count and not batches:
                break
        return found
    finally:
        consumer.close()


# Whole data sets


def imported(file: Path, mapping: str, out: Path) -> list[Event]:
    result = run(file, MAPPINGS / mapping, "--to", str(out))
    assert result.exit_code == 0, result.stderr
    return lines(out)


def at(event: Event) -> datetime:
    return datetime.fromisoformat(event["time"])


def short(event: Event) -> str:
    return str(event["type"]).removeprefix("io.servicepulse.").removesuffix(".v1")


def by_ticket(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Return each ticket's events in order of time, then of the file, whatever order they come in."""
    tickets = defaultdict(list)
    for event in events:
        tickets[event["data"]["ticket_id"]].append(event)
    for mine in tickets.values():
        mine.sort(key=lambda event: (at(event), event["subjectseq"]))
    return tickets


def is_answer(event: Event) -> bool:
    data = event["data"]
    return short(event) == "message.sent" and (data["direction"], data["visibility"], data["sender_type"]) == (
        "out",
        "public",
        "agent",
    )


def hours_to_first(tickets: Iterable[list[Event]], fits: Any) -> list[float]:
    """Return, for each ticket that has such an event, the hours from its creation to the first of them."""
    waits = []
    for mine in tickets:
        created = next(at(event) for event in mine if short(event) == "ticket.created")
        later = [at(event) for event in mine if fits(event)]
        if later:
            waits.append((min(later) - created) / timedelta(hours=1))
    return waits


@pytest.fixture(scope="module")
def helpdesk(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    out = tmp_path_factory.mktemp("helpdesk") / "out.jsonl"
    events = imported(log(), "helpdesk.toml", out)
    random.Random(1).shuffle(events)
    return events


@pytest.fixture(scope="module")
def helpdesk_reference() -> dict[str, Any]:
    return reference()


def test_every_row_of_the_help_desk_becomes_events(helpdesk: list[Event], helpdesk_reference: dict[str, Any]) -> None:
    assert {event["importrow"] for event in helpdesk} == set(range(1, helpdesk_reference["events"] + 1))
    activities = helpdesk_reference["activity_counts"]
    counts = Counter(map(short, helpdesk))
    assert counts["ticket.resolved"] == activities["Resolve ticket"]
    assert counts["ticket.closed"] == activities["Closed"]
    assert counts["ticket.status_changed"] == activities["Wait"]
    assert sum(map(is_answer, helpdesk)) == activities["Take in charge ticket"]


def test_the_help_desks_tickets_are_created_once_and_first(
    helpdesk: list[Event], helpdesk_reference: dict[str, Any]
) -> None:
    tickets = by_ticket(helpdesk)
    assert len(tickets) == helpdesk_reference["cases"]
    assert all([short(event) for event in mine].count("ticket.created") == 1 for mine in tickets.values())
    assert all(short(mine[0]) == "ticket.created" for mine in tickets.values())
    months = Counter(f"{at(mine[0]):%Y-%m}" for mine in tickets.values())
    assert months == helpdesk_reference["cases_opened_by_month"]


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("first_event_to_first_take_in_charge_hours", is_answer),
        ("first_event_to_first_resolve_hours", lambda event: short(event) == "ticket.resolved"),
    ],
)
def test_the_help_desks_durations_follow_from_its_events(
    helpdesk: list[Event], helpdesk_reference: dict[str, Any], name: str, fits: Any
) -> None:
    waits = hours_to_first(by_ticket(helpdesk).values(), fits)
    told = helpdesk_reference[name]
    assert (len(waits), round(median(waits), 6)) == (told["n"], told["median"])
    assert (len(waits), round(mean(waits), 6)) == (told["n"], told["mean"])


def test_the_help_desks_reopened_tickets_follow_from_its_events(
    helpdesk: list[Event], helpdesk_reference: dict[str, Any]
) -> None:
    reopened = {event["data"]["ticket_id"] for event in helpdesk if short(event) == "ticket.reopened"}
    assert len(reopened) == helpdesk_reference["reopen_cases_direct_successor"]


def test_nothing_else_of_the_help_desk_reads_as_a_reopening(helpdesk: list[Event]) -> None:
    """A status that is set while a ticket is resolved or closed would count as one."""
    for ticket, mine in by_ticket(helpdesk).items():
        done = False
        for event in mine:
            assert not (done and short(event) == "ticket.status_changed"), ticket
            assert not (not done and short(event) == "ticket.reopened"), ticket
            done = {"ticket.resolved": True, "ticket.closed": True, "ticket.reopened": False}.get(short(event), done)


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    out = tmp_path_factory.mktemp("reviews") / "out.jsonl"
    return imported(olist.folder() / "reviews.csv", "olist_reviews.toml", out)


@pytest.fixture(scope="module")
def olist_reference() -> dict[str, Any]:
    return olist.reference()


def test_every_review_becomes_a_ticket_with_one_rating(reviews: list[Event], olist_reference: dict[str, Any]) -> None:
    assert {event["importrow"] for event in reviews} == set(range(1, olist_reference["reviews"] + 1))
    ratings = [event["data"] for event in reviews if short(event) == "rating.submitted"]
    assert len(ratings) == len({rating["ticket_id"] for rating in ratings}) == olist_reference["reviews"]
    raws = [rating["raw"] for rating in ratings]
    assert round(mean(raws), 6) == olist_reference["review_mean"]
    assert round(mean(raw >= 4 for raw in raws), 6) == olist_reference["share_ge4_csat"]
    assert Counter(str(round(raw)) for raw in raws) == olist_reference["score_counts"]
    assert any("\n" in rating.get("comment", "") for rating in ratings)


def test_the_share_of_complaints_follows_from_the_classifications(
    reviews: list[Event], olist_reference: dict[str, Any]
) -> None:
    kinds = [event["data"]["contact_type"] for event in reviews if short(event) == "ticket.classified"]
    assert len(kinds) == olist_reference["reviews"]
    assert round(mean(kind == "complaint" for kind in kinds), 6) == olist_reference["share_le2"]
    months: dict[str, list[bool]] = defaultdict(list)
    for mine in by_ticket(reviews).values():
        (kind,) = [event["data"]["contact_type"] for event in mine if short(event) == "ticket.classified"]
        months[f"{at(mine[0]):%Y-%m}"].append(kind == "complaint")
    found = {month: {"n": len(complaints), "le2": sum(complaints)} for month, complaints in months.items()}
    assert found == {month: {"n": said["n"], "le2": said["le2"]} for month, said in olist_reference["by_month"].items()}


def test_the_hours_to_the_answer_follow_from_the_messages(
    reviews: list[Event], olist_reference: dict[str, Any]
) -> None:
    waits = hours_to_first(by_ticket(reviews).values(), is_answer)
    assert len(waits) == olist_reference["reviews"]
    assert round(median(waits), 4) == olist_reference["answer_hours"]["median"]
    assert round(mean(waits), 4) == olist_reference["answer_hours"]["mean"]


def test_complaints_by_state_follow_from_the_regions_that_the_lookups_found(
    reviews: list[Event], olist_reference: dict[str, Any]
) -> None:
    states: dict[str, list[bool]] = defaultdict(list)
    for mine in by_ticket(reviews).values():
        region = next(event["data"]["region"] for event in mine if short(event) == "ticket.created")
        states[region].append(any(event["data"].get("contact_type") == "complaint" for event in mine))
    for state, said in olist_reference["by_state_top5"].items():
        assert (len(states[state]), round(mean(states[state]), 6)) == (said["n"], said["share_le2"])


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    out = tmp_path_factory.mktemp("orders") / "out.jsonl"
    return imported(olist.folder() / "orders.csv", "olist_orders.toml", out)


def test_orders_carry_the_sum_of_their_items(orders: list[Event]) -> None:
    placed = [event["data"] for event in orders if short(event) == "order.placed"]
    assert len(placed) == olist.sold()
    with (olist.folder() / "items.csv").open(encoding="utf-8", newline="") as items:
        cents = sum(round(float(item["price"]) * 100) for item in csv.DictReader(items))
    assert sum(order["amount"] for order in placed) == cents


@pytest.mark.parametrize(
    ("resolved", "column"),
    [("purchase_ts", "order_purchase_timestamp"), ("delivery_ts", "order_delivered_customer_date")],
)
def test_repurchases_follow_from_cases_and_orders(
    orders: list[Event], olist_reference: dict[str, Any], tmp_path: Path, resolved: str, column: str
) -> None:
    """The mapping counts from the purchase; its comment says how to count from the delivery."""
    mapping = tmp_path / "cases.toml"
    text = (MAPPINGS / "olist_cases.toml").read_text(encoding="utf-8")
    mapping.write_text(text.replace('\ntime = "{order_purchase_timestamp}"', f'\ntime = "{{{column}}}"'))
    cases = imported(olist.folder() / "orders.csv", str(mapping), tmp_path / "out.jsonl")
    cancelled = {event["data"]["order_id"] for event in orders if short(event) == "order.cancelled"}
    bought = defaultdict(list)
    for event in orders:
        if short(event) == "order.placed" and event["data"]["order_id"] not in cancelled:
            bought[event["data"]["customer_id"]].append(at(event))
    customers = {mine[0]["subject"]: mine[0]["data"]["customer_id"] for mine in by_ticket(cases).values()}
    resolutions = [event for event in cases if short(event) == "ticket.resolved"]
    for days in (30, 60, 90):
        returning = [
            case
            for case in resolutions
            if any(
                at(case) < bought_at <= at(case) + timedelta(days=days)
                for bought_at in bought[customers[case["subject"]]]
            )
        ]
        said = olist_reference["repurchase"][f"first_delivered_order_{resolved}_{days}d"]
        assert (len(resolutions), len(returning)) == (said["base"], said["rebuy"])
