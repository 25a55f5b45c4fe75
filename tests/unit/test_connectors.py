"""Connectors: their samples become the events that were reviewed by hand, in any order and however often they come.

`python -m tests.unit.test_connectors` writes the golden files anew, to be reviewed like code.
"""

import hmac
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from typer.testing import CliRunner

from schemas.connectors import connector, connectors
from streams.cli.importing import Import, read_import
from streams.cli.mapping import app
from streams.core.door.signature import Delivery, UnsignedError, verify
from streams.core.mapping import MappedEvent, Mapping, draft_of
from tests.mappings import NOW_MS
from tests.snapshots import Desk
from tests.space import ROOT

FOLDER = ROOT / "schemas" / "connectors"
GOLDEN = ROOT / "tests" / "golden" / "connectors"
SAMPLES = sorted(
    path for path in FOLDER.glob("*/samples/*") if path.suffix in (".json", ".jsonl", ".csv") and path.stem != "agents"
)
LIVE = [name for name in connectors() if (FOLDER / name / "samples" / "deliveries.jsonl").exists()]


def name_of(sample: Path) -> str:
    """Return the connector that reads a sample: that of its name, where there is one."""
    system = sample.parent.parent.name
    return f"{system}/{sample.stem}" if f"{system}/{sample.stem}" in connectors() else system


def imported(sample: Path) -> Import:
    return read_import(sample, Path(name_of(sample)), now_ms=NOW_MS, watch=lambda *_: None)


def golden_of(sample: Path) -> Path:
    return GOLDEN / f"{sample.parent.parent.name}-{sample.stem}.events.jsonl"


def said(event: MappedEvent) -> str:
    """Return what an event says, without what every event of an import bears."""
    envelope = json.loads(event.raw)
    kept = {
        name: envelope[name] for name in ("id", "type", "time", "subject", "subjectseq", "data") if name in envelope
    }
    return json.dumps(kept, ensure_ascii=False)


def deliveries(name: str) -> list[dict[str, Any]]:
    lines = (FOLDER / name / "samples" / "deliveries.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_connectors_are_found_by_their_names() -> None:
    assert {"chatwoot", "shopify", "woocommerce", "zammad", "zendesk", "zendesk/export"} <= set(connectors())
    assert connector("zendesk") != connector("zendesk/export")
    assert connector("nobody") is None
    assert connector("../zendesk") is None


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_samples_become_the_reviewed_events(sample: Path) -> None:
    read = imported(sample)
    assert not read.rejected
    assert [said(event) for event in read.events] == golden_of(sample).read_text().splitlines()


def test_there_is_a_sample_for_every_connector_and_no_golden_file_without_one() -> None:
    assert {name_of(sample) for sample in SAMPLES} == set(connectors())
    assert {golden_of(sample) for sample in SAMPLES} == set(GOLDEN.glob("*.jsonl"))


@pytest.mark.parametrize("name", LIVE)
@settings(max_examples=4)
@given(data=st.data())
def test_deliveries_in_any_order_and_repeated_give_the_same_events(name: str, data: st.DataObject) -> None:
    mapping = Mapping.read(connector(name) or "")
    told = deliveries(name)
    expected = events_of(mapping, told)
    again = data.draw(st.lists(st.sampled_from(told), max_size=5))
    assert events_of(mapping, data.draw(st.permutations([*told, *again]))) == expected


def events_of(mapping: Mapping, told: list[dict[str, Any]]) -> dict[str, str]:
    """Return all events by id; an id that is given other content would be refused by workers."""
    found: dict[str, str] = {}
    for delivery in told:
        reading = mapping.of(delivery, now_ms=NOW_MS)
        assert not reading.faults
        for event in reading.events:
            assert found.setdefault(event.id, said(event)) == said(event)
    return found


@pytest.mark.parametrize("name", LIVE)
def test_a_delivery_of_a_kind_that_is_not_known_is_told_to_be_unread(name: str) -> None:
    reading = Mapping.read(connector(name) or "").of({"strange": True}, now_ms=NOW_MS)
    assert reading.events == []
    assert reading.faults or reading.skipped


URL = "https://pulse.example.com/v1/hooks/hubspot"
AT = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
AT_MS = int(AT.timestamp() * 1000)


def mac(said: bytes, hash: str = "sha256") -> bytes:
    return hmac.digest(b"secret", said, hash)


def base64(digest: bytes) -> str:
    return b64encode(digest).decode()


def as_vendors_sign(name: str, body: bytes) -> dict[str, str]:
    """Return the headers of a delivery as the vendor's documentation says that they are made."""
    seconds, milliseconds, iso = str(AT_MS // 1000), str(AT_MS), "2026-03-02T09:15:00Z"
    match name:
        case "zendesk":
            stamp = "X-Zendesk-Webhook-Signature-Timestamp"
            return {stamp: iso, "X-Zendesk-Webhook-Signature": base64(mac(iso.encode() + body))}
        case "chatwoot":
            signed = mac(seconds.encode() + b"." + body).hex()
            return {"X-Chatwoot-Timestamp": seconds, "X-Chatwoot-Signature": f"sha256={signed}"}
        case "zammad" | "intercom":
            return {"X-Hub-Signature": f"sha1={mac(body, 'sha1').hex()}"}
        case "jira":
            return {"X-Hub-Signature": f"sha256={mac(body).hex()}"}
        case "shopify":
            return {"X-Shopify-Hmac-Sha256": base64(mac(body))}
        case "woocommerce":
            return {"X-WC-Webhook-Signature": base64(mac(body))}
        case "hubspot":
            signed = base64(mac(b"POST" + URL.encode() + body + milliseconds.encode()))
            return {"X-HubSpot-Request-Timestamp": milliseconds, "X-HubSpot-Signature-v3": signed}
        case "typeform":
            return {"Typeform-Signature": f"sha256={base64(mac(body))}"}
    raise AssertionError(f"say here how {name} signs")


def is_taken(name: str, body: bytes, headers: dict[str, str], *, now_ms: int = AT_MS, secret: str = "secret") -> bool:
    delivery = Delivery(body, {header.lower(): value for header, value in headers.items()}, url=URL)
    try:
        verify(delivery, Mapping.read(connector(name) or "").signature, [secret], now_ms)
    except UnsignedError:
        return False
    return True


@pytest.mark.parametrize("name", LIVE)
def test_the_door_takes_what_the_vendor_signed_and_nothing_that_was_altered(name: str) -> None:
    body = json.dumps(deliveries(name)[0]).encode()
    headers = as_vendors_sign(name, body)
    assert is_taken(name, body, headers)
    assert not is_taken(name, body + b" ", headers)
    assert not is_taken(name, body, headers, secret="another")
    for header, value in headers.items():
        altered = value[:-3] + ("A" if value[-3] != "A" else "B") + value[-2:]
        assert not is_taken(name, body, headers | {header: altered})
        assert not is_taken(name, body, {one: told for one, told in headers.items() if one != header})


@pytest.mark.parametrize("name", LIVE)
def test_an_old_delivery_is_refused_where_the_vendor_signs_the_time(name: str) -> None:
    body = json.dumps(deliveries(name)[0]).encode()
    headers = as_vendors_sign(name, body)
    has_time = name in ("chatwoot", "hubspot", "zendesk")
    assert is_taken(name, body, headers, now_ms=AT_MS + 299_000)
    assert is_taken(name, body, headers, now_ms=AT_MS + 301_000) is not has_time
    assert is_taken(name, body, headers, now_ms=AT_MS - 301_000) is not has_time


@pytest.mark.parametrize(
    ("sample", "ticket", "first_response", "first_resolution", "reopened", "messages"),
    [
        # created at 9:15:00; answered by a person at 9:40:12; solved on the next day at 8:00; the system's word is none
        ("zendesk/samples/deliveries.jsonl", "4711", 1512.0, 81_900.0, 0, (1, 1)),
        ("zendesk/samples/export.json", "4711", 1512.0, 81_900.0, 0, (1, 1)),
        # a bot's form at 9:15:02 is no answer, nor is the note
        ("chatwoot/samples/deliveries.jsonl", "81", 600.0, 3900.0, 0, (1, 1)),
        ("zammad/samples/deliveries.jsonl", "21", 1500.299, 81_899.899, 1, (1, 1)),
        ("freshdesk/samples/page.json", "61", 1500.0, 168_300.0, 0, (1, 1)),
        ("intercom/samples/deliveries.jsonl", "2150", 600.0, 5000.0, 0, (2, 2)),
        ("jira/samples/deliveries.jsonl", "FURN-71", 1500.0, 90_000.0, 0, (1, 1)),
        ("hubspot/samples/deliveries.jsonl", "3061", None, 90_000.0, 0, (0, 0)),
    ],
)
def test_the_numbers_of_a_sample_are_those_that_its_story_tells(
    sample: str,
    ticket: str,
    first_response: float | None,
    first_resolution: float,
    reopened: int,
    messages: tuple[int, int],
) -> None:
    desk = Desk("")
    desk.deliver(imported(FOLDER / sample).events)
    row = desk.store.tickets[ticket]
    assert row.first_response_seconds == pytest.approx(first_response)
    assert row.first_resolution_seconds == pytest.approx(first_resolution)
    assert (row.reopened, (row.customer_messages, row.agent_messages)) == (reopened, messages)
    assert row.is_created


def test_an_export_and_the_deliveries_of_the_same_tickets_count_nothing_twice() -> None:
    live = events_of(Mapping.read(connector("zendesk") or ""), deliveries("zendesk"))
    export = {event.id: said(event) for event in imported(FOLDER / "zendesk" / "samples" / "export.json").events}
    both = live.keys() & export.keys()
    assert {id: live[id] for id in both} == {id: export[id] for id in both}
    assert export.keys() - live.keys() == {"ticket-4711-audit-created"}
    assert not any(id.startswith(("comment-", "ticket-4711-status")) for id in live.keys() - export.keys())


def test_history_beside_live_deliveries_gives_one_table_whichever_came_first() -> None:
    live, export = (
        imported(FOLDER / "zendesk" / "samples" / name).events for name in ("deliveries.jsonl", "export.json")
    )
    tables = []
    for told in ([live, export], [export, live], [live, export, live]):
        desk = Desk("")
        for events in told:
            desk.deliver(events)
        tables.append({row.ticket_id: replace(row, ingested_at=0) for row in desk.store.tickets.values()})
    assert tables[0] == tables[1] == tables[2]
    assert tables[0]["4711"].channel == "web"
    assert tables[0]["4711"].customer_messages == 1


@pytest.mark.parametrize("name", connectors())
def test_every_connector_has_a_page_that_says_what_it_was_built_from_and_what_it_cannot(name: str) -> None:
    page = (FOLDER / name.partition("/")[0] / "README.md").read_text()
    assert re.search(r"## Built from\n(?:.*\n)*?.*20[12][0-9]", page), "no date of the description"
    for heading in ("## Set it up", "## What it gives", "## What it cannot"):
        assert heading in page
    document = draft_of(connector(name) or "").document
    if "/" not in name:
        assert ("signs" in page) == (document.signature is not None) or document.format == "csv"


def test_the_connector_of_the_manual_reads_its_deliveries(tmp_path: Path) -> None:
    manual = (FOLDER / "README.md").read_text()
    for name in ("deliveries.jsonl", "deskly.toml"):
        found = re.search(rf"<!-- example: {re.escape(name)} -->\n```[a-z ]+\n(.*?)```", manual, re.DOTALL)
        assert found, name
        (tmp_path / name).write_text(found[1])
    result = CliRunner().invoke(app, ["check", str(tmp_path / "deskly.toml"), str(tmp_path / "deliveries.jsonl")])
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "Rows 6 skipped 1 says nothing that is measured rejected 0 Events 5" in said
    assert "Every field is read." in said
    sketch = CliRunner().invoke(app, ["sketch", str(tmp_path / "deliveries.jsonl")])
    assert 'ticket = "{case.no}"' in sketch.output


def test_the_manual_lists_every_connector() -> None:
    manual = (FOLDER / "README.md").read_text()
    assert [name for name in connectors() if f"`{name}`" not in manual] == []


def _written() -> Iterator[Path]:
    for sample in SAMPLES:
        golden_of(sample).write_text("".join(f"{said(event)}\n" for event in imported(sample).events))
        yield golden_of(sample)


if __name__ == "__main__":
    for path in _written():
        print(path.relative_to(ROOT))
