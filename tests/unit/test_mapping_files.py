"""Files as they come: packed, of a spreadsheet, in columns, of documents; each read by the same mappings."""

import gzip
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook
from typer.testing import CliRunner

from streams.cli.extra import ExtraMissingError
from streams.cli.importing import Import, read_import
from streams.cli.mapping import app
from streams.core.mapping import MappingError
from streams.core.mapping.json_text import NoDocumentError, documents_of
from streams.core.mapping.path import leaves_of
from streams.core.mapping.restate import Restated, Snapshot, restated, sequence_of
from streams.core.mapping.slot import Said
from tests.mappings import NOW_MS

TABLE = """
source = "urn:test:desk"
id = "{Ticket}"
ticket = "{Ticket}"
time = { from = "{When}", zone = "UTC" }
[[rule]]
name = "created"
event = "ticket.created"
data = { channel = "mail", created_by = "customer", team = "{Team}", is_test = "{Test}" }
"""
CSV = b"Ticket,When,Team,Test\n1,2024-05-02 08:00:00,a,true\n2,2024-05-02 09:30:00,,false\n"
ROWS = [
    {"Ticket": 1, "When": datetime(2024, 5, 2, 8), "Team": "a", "Test": True},  # noqa: DTZ001 - as spreadsheets have it
    {"Ticket": 2, "When": datetime(2024, 5, 2, 9, 30), "Team": None, "Test": False},  # noqa: DTZ001 - the same
]
DOCUMENTS = """
format = "json"
source = "urn:test:desk"
ticket = "{ticket.id}"
time.from = "{at}"
[[rule]]
name = "created"
event = "ticket.created"
id = "created-{ticket.id}"
when = { "ticket.new" = "true" }
data = { channel = "mail", created_by = "customer" }
[[rule]]
name = "said"
event = "message.sent"
id = "comment-{id}"
for_each = "comments"
data = { message_id = "{id}", direction = "in", visibility = "public", sender_type = "customer" }
"""


def read(folder: Path, mapping: str, name: str, content: bytes | None = None) -> Import:
    (folder / "map.toml").write_text(mapping)
    if content is not None:
        (folder / name).write_bytes(content)
    return read_import(folder / name, folder / "map.toml", now_ms=NOW_MS, watch=lambda *_: None)


def document(number: int, *comments: int) -> dict[str, Any]:
    return {
        "at": "2024-05-02T08:00:00Z",
        "ticket": {"id": number, "new": True},
        "comments": [{"id": one} for one in comments],
    }


def lines(*documents: object) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in documents)


def workbook(path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(ROWS[0]))
    for row in ROWS:
        sheet.append(list(row.values()))
    book.save(path)


def test_a_table_is_the_same_however_it_is_kept(tmp_path: Path) -> None:
    plain = read(tmp_path, TABLE, "desk.csv", CSV)
    workbook(tmp_path / "desk.xlsx")
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "desk.parquet")
    others = [
        read(tmp_path, TABLE, "desk.csv.gz", gzip.compress(CSV)),
        read(tmp_path, TABLE, "desk.csv.zst", zstd.compress(CSV)),
        read(tmp_path, TABLE, "desk.xlsx"),
        read(tmp_path, TABLE, "desk.parquet"),
        read(tmp_path, TABLE, "a name that says nothing", gzip.compress(CSV)),
    ]
    assert len(plain.events) == 2
    assert [other.events for other in others] == [plain.events] * len(others)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("desk.csv.gz", gzip.compress(CSV, mtime=0)[:-9]),
        ("desk.csv.gz", gzip.compress(CSV, mtime=0)[:30] + b"spoilt" * 9),
        ("desk.csv.zst", zstd.compress(CSV)[:-9]),
        ("desk.csv.zst", zstd.compress(CSV)[:12] + b"spoilt" * 9),
        ("desk.parquet", b"PAR1 and no more"),
        ("desk.xlsx", b"PK\x03\x04 and no more"),
    ],
)
def test_a_broken_file_is_said_to_be_broken(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(MappingError, match=r"broken|that can be read"):
        read(tmp_path, TABLE, name, content)


def test_documents_are_read_from_lines_from_an_array_and_alone(tmp_path: Path) -> None:
    both = [document(1, 11, 12), document(2)]
    expected = read(tmp_path, DOCUMENTS, "desk.jsonl", lines(*both)).events
    assert [event.id for event in expected] == ["created-1", "comment-11", "comment-12", "created-2"]
    for content in (json.dumps(both).encode(), json.dumps(both, indent=2).encode(), gzip.compress(lines(*both))):
        assert read(tmp_path, DOCUMENTS, "desk.json", content).events == expected
    assert len(read(tmp_path, DOCUMENTS, "one.json", json.dumps(both[0], indent=1).encode()).events) == 3


def test_a_parquet_file_holds_documents_as_well(tmp_path: Path) -> None:
    both = [document(1, 11), document(2, 12)]
    pq.write_table(pa.Table.from_pylist(both), tmp_path / "desk.parquet")
    found = read(tmp_path, DOCUMENTS, "desk.parquet").events
    assert found == read(tmp_path, DOCUMENTS, "desk.jsonl", lines(*both)).events


def test_a_spoilt_line_and_a_document_that_no_rule_reads_are_rejected_and_stop_nothing(tmp_path: Path) -> None:
    strange = {"at": "2024-05-02T08:00:00Z", "ticket": {"id": 3}}
    imported = read(tmp_path, DOCUMENTS, "desk.jsonl", lines(document(1)) + b"{spoilt\n\n" + lines(strange))
    assert [event.id for event in imported.events] == ["created-1"]
    assert [(one.record.line, one.reason[:8]) for one in imported.rejected] == [(2, "not JSON"), (4, "no rule ")]
    assert imported.rows == 3


def test_what_is_no_json_is_shown_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"desk.json: not JSON.*it begins with the bytes b'<htm'"):
        read(tmp_path, DOCUMENTS, "desk.json", b"<html>\n</html>\n")
    with pytest.raises(NoDocumentError, match="empty"):
        documents_of([])


def test_a_fact_that_several_documents_tell_is_imported_once(tmp_path: Path) -> None:
    imported = read(tmp_path, DOCUMENTS, "desk.jsonl", lines(document(1, 11), document(1, 11, 12), document(1)))
    assert [event.id for event in imported.events] == ["created-1", "comment-11", "comment-12"]
    assert imported.is_whole


deliveries = st.lists(st.tuples(st.integers(1, 3), st.sets(st.integers(1, 5))), min_size=1, max_size=6)


@given(deliveries, st.randoms())
def test_any_order_and_any_repetition_of_documents_gives_the_same_events(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[int, set[int]]], random: Any
) -> None:
    folder = tmp_path_factory.mktemp("desk")
    documents = [document(number, *(number * 10 + one for one in comments)) for number, comments in told]
    again = [*documents, *random.choices(documents, k=3)]
    random.shuffle(again)
    first, second = (read(folder, DOCUMENTS, "desk.jsonl", lines(*some)) for some in (documents, again))
    assert {said_by(event.raw) for event in first.events} == {said_by(event.raw) for event in second.events}
    assert second.is_whole


def again(imported: Import, stored: Import) -> Restated:
    """Return what an import sends of documents, where those of another are stored."""
    said = [Said(one.subject, one.id, one.name, one.at_ms, sequence_of(one), one.raw) for one in stored.events]
    snapshot = Snapshot(imported.plan, imported.events, imported.stated, imported.ids, None, False)
    return restated(snapshot, said, NOW_MS)


def test_documents_that_come_again_are_known_and_a_fact_that_changed_is_corrected(tmp_path: Path) -> None:
    first = read(tmp_path, DOCUMENTS, "desk.jsonl", lines(document(1, 11), document(2, 21)))
    both = read(tmp_path, DOCUMENTS, "desk.jsonl", lines(document(2, 21, 22), document(1, 11)))
    assert [event.id for event in again(both, first).events] == ["comment-22"]
    changed = {**document(1, 11), "at": "2024-05-02T08:00:07Z"}
    result = again(read(tmp_path, DOCUMENTS, "desk.jsonl", lines(changed)), first)
    assert [event.id for event in result.events] == [
        "created-1~2x1",
        "created-1~2",
        "comment-11~2x1",
        "comment-11~2",
    ]


@pytest.mark.parametrize(
    ("name", "content", "package"),
    [
        ("desk.parquet", b"PAR1", "pyarrow"),
        ("desk.xlsx", b"PK\x03\x04", "openpyxl"),
        ("desk.csv.zst", zstd.compress(CSV), "backports"),
    ],
)
def test_a_file_that_needs_more_packages_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, package: str
) -> None:
    for module in [one for one in sys.modules if one.partition(".")[0] == package]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ExtraMissingError, match=rf"needs the package {package}.*servicepulse\[tables\]"):
        read(tmp_path, TABLE, name, content)


LOOKED_UP = """
format = "json"
source = "urn:test:desk"
ticket = "{ticket.id}"
time.from = "{at}"
[[lookup]]
name = "people"
file = "people.json"
format = "json"
for_each = "users"
on = "{by}"
key = "{id}"
columns = ["role", "mail.address"]
missing = "empty"
[[rule]]
name = "said"
event = "message.sent"
id = "comment-{id}"
for_each = "comments"
[rule.data]
message_id = "{id}"
direction = "in"
visibility = "public"
sender_type = { from = "{$parent.people.role}", map = { staff = "agent" }, default = "customer" }
sender_id = "{$parent.people.mail.address}"
"""


def test_documents_are_looked_up_in_documents(tmp_path: Path) -> None:
    people = {"users": [{"id": 7, "role": "staff", "mail": {"address": "a@b.c"}}, {"id": 8}]}
    (tmp_path / "people.json").write_text(json.dumps(people))
    told = [{**document(1, 11), "by": 7}, {**document(1, 12), "by": 8}, {**document(1, 13), "by": 9}]
    imported = read(tmp_path, LOOKED_UP, "desk.jsonl", lines(*told))
    assert imported.is_whole
    said = [json.loads(event.raw)["data"] for event in imported.events]
    assert [one["sender_type"] for one in said] == ["agent", "customer", "customer"]
    assert [one.get("sender_id") for one in said] == ["a@b.c", None, None]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('"role"', '"role["'), "'role[' is no path"),
        (('file = "people.json"', 'file = "nobody.json"'), "cannot be read"),
        (('format = "json"\nfor_each = "users"', 'for_each = "users"'), "`for_each` is for documents"),
    ],
)
def test_what_is_wrong_with_a_lookup_in_documents_is_said(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    (tmp_path / "people.json").write_text('{"users": []}')
    with pytest.raises(MappingError) as caught:
        read(tmp_path, LOOKED_UP.replace(*change), "desk.jsonl", lines(document(1)))
    assert message in str(caught.value)


def test_documents_of_one_group_stand_in_the_order_of_their_counter(tmp_path: Path) -> None:
    mapping = """
    format = "json"
    source = "urn:test:desk"
    id = "{key}"
    ticket = "{case}"
    group_by = "{case}"
    order_by = "{n}"
    time.from = "{at}"
    [[rule]]
    name = "created"
    event = "ticket.created"
    first = true
    data = { channel = "mail", created_by = "customer" }
    [[rule]]
    name = "again"
    event = "ticket.reopened"
    previous = { state = "done" }
    """
    told = [
        {"key": f"k{n}", "case": "c", "n": n, "state": state, "at": "2024-05-02T08:00:00Z"}
        for n, state in [(3, "open"), (1, "new"), (2, "done")]
    ]
    imported = read(tmp_path, mapping, "desk.jsonl", lines(*told))
    assert sorted(event.id for event in imported.events) == ["k1-created", "k3-again"]


def said_by(raw: bytes) -> str:
    envelope = json.loads(raw)
    return json.dumps({key: value for key, value in envelope.items() if key != "importrow"}, sort_keys=True)


def test_check_shows_each_sample_field_by_field_and_what_nobody_reads(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(DOCUMENTS)
    one, two = (tmp_path / name for name in ("one.json", "two.json"))
    one.write_text(json.dumps({**document(1, 11), "page": {"next": "n-2"}, "tags": ["a"]}))
    two.write_bytes(lines(document(2)))
    result = CliRunner().invoke(app, ["check", str(tmp_path / "map.toml"), str(one), str(two)])
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "one.json" in said
    assert "ticket.created created-1 2024-05-02T08:00:00Z (rule created) ticket_id 1 {ticket.id}" in said
    assert "Nobody reads 2 fields: page.next n-2 tags[] a" in said
    assert "Every field is read." in said


def test_check_shows_the_columns_of_a_table_that_nobody_reads(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(TABLE.replace(', is_test = "{Test}"', ""))
    (tmp_path / "desk.csv").write_bytes(CSV)
    result = CliRunner().invoke(app, ["check", str(tmp_path / "map.toml"), str(tmp_path / "desk.csv")])
    assert result.exit_code == 0
    assert "Nobody reads 1 field: Test true" in " ".join(result.output.split())


def test_the_fields_of_a_document_are_named_as_paths() -> None:
    found = dict(leaves_of({"a": {"b-c": 1, "d": [{"e": 2}, {"e": 3}]}, "f": [], "g": None, "h": [[4]]}))
    assert found == {'a."b-c"': 1, "a.d[].e": 3, "h[][]": 4}
