"""The published schemas: they are up to date, valid, and say the same as the code that reads events."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import assume, given
from jsonschema import Draft202012Validator

from schemas import describe
from schemas.async_api import async_api
from schemas.codec import Envelope, InvalidEventError, Reason, decode, partition_key, topic_of
from schemas.describe import FOLDER, README, REASONS
from schemas.events import CATALOGUE, DERIVED, type_of
from schemas.examples import EXAMPLES, example
from schemas.json_schema import ATTRIBUTES, event_schema
from tests.strategies import NOW_MS, encoded_events, tampered_events

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "events"
UNSAYABLE: Final = {
    (Reason.FUTURE_TIME, "/time"),  # a schema has no clock
    (Reason.BAD_VALUE, "/time"),  # nor a calendar: 30 February, or before 1970
    (Reason.BAD_VALUE, "/recordedtime"),
    (Reason.BAD_VALUE, "/data"),  # how fields belong together: a rating on its scale, a merge into another ticket
    (Reason.BAD_VALUE, "/data/facts"),  # whether text is base64
    (Reason.WRONG_TYPE, "/subjectseq"),  # 1.0 is an integer to JSON Schema
    (Reason.NOT_JSON, ""),  # half a surrogate pair is text to Python's json
}
"""Faults of any event that the codec finds and JSON Schema cannot describe; `unsayable` adds those of its fields."""


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(event_schema(name))


def golden_events() -> Iterator[Any]:
    for path in sorted(GOLDEN.glob("v*/*.json")):
        for form, event in json.loads(path.read_text(encoding="utf-8")).items():
            yield pytest.param(path.stem, event, id=f"{path.parent.name}-{path.stem}-{form}")


def unsayable(name: str) -> set[tuple[Reason, str]]:
    """Return the faults of an event of this name that its schema cannot describe."""
    days = {(Reason.BAD_VALUE, pointer) for pointer in fields_with(name, "format", "date-time")}
    integers = {(Reason.WRONG_TYPE, pointer) for pointer in fields_with(name, "type", "integer")}
    return UNSAYABLE | days | integers


def fields_with(name: str, key: str, value: str) -> list[str]:
    """Return pointers to the fields of an event whose schema, or one of its alternatives, says `value` under `key`."""
    fields = event_schema(name)["properties"]["data"]["properties"]
    return [
        f"/data/{field}"
        for field, schema in fields.items()
        if any(part.get(key) == value for part in (schema, *schema.get("anyOf", ())))
    ]


class TestFiles:
    def test_what_is_checked_in_is_what_the_code_says(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert describe.main(["--check"]) == 0, f"run python -m schemas.describe:\n{capsys.readouterr().out}"

    def test_every_event_has_its_file(self) -> None:
        assert {path.name for path in FOLDER.iterdir()} == {
            "asyncapi.json",
            "openapi.json",
            *(f"{name}.schema.json" for name in CATALOGUE),
        }

    def test_a_file_that_differs_or_is_left_over_is_named_and_mended(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        readme = tmp_path / "README.md"
        readme.write_text(README.read_text(encoding="utf-8"), encoding="utf-8")
        monkeypatch.setattr(describe, "FOLDER", tmp_path / "catalogue")
        monkeypatch.setattr(describe, "README", readme)
        assert describe.main([]) == 0
        assert describe.main(["--check"]) == 0
        (tmp_path / "catalogue" / "asyncapi.json").write_text("{}")
        (tmp_path / "catalogue" / "ticket.frozen.schema.json").write_text("{}")
        readme.write_text(readme.read_text(encoding="utf-8").replace("`ticket_id`", "`ticket`"), encoding="utf-8")
        capsys.readouterr()
        assert describe.main(["--check"]) == 1
        assert capsys.readouterr().out.splitlines() == [
            "asyncapi.json differs", "README.md differs", "ticket.frozen.schema.json differs",
        ]  # fmt: skip
        assert describe.main([]) == 0
        assert describe.main(["--check"]) == 0

    def test_a_readme_without_the_marks_of_a_table_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(describe, "README", tmp_path / "README.md")
        (tmp_path / "README.md").write_text("# Events\n")
        with pytest.raises(ValueError, match="lacks <!-- attributes -->"):
            describe.main([])


class TestSchemas:
    @pytest.mark.parametrize("name", CATALOGUE)
    def test_a_schema_is_a_schema_that_stands_alone(self, name: str) -> None:
        schema = event_schema(name)
        Draft202012Validator.check_schema(schema)
        assert schema["title"] == type_of(name)
        assert all(reference.startswith("#/$defs/") for reference in references(schema))

    def test_no_two_schemas_have_the_same_id(self) -> None:
        assert len({event_schema(name)["$id"] for name in CATALOGUE}) == len(CATALOGUE)

    def test_the_envelope_is_described_in_full(self) -> None:
        assert set(ATTRIBUTES) == {field.encode_name for field in msgspec.structs.fields(Envelope)}

    @pytest.mark.parametrize("name", CATALOGUE)
    def test_every_field_of_an_event_is_there_under_the_name_it_has_in_json(self, name: str) -> None:
        fields = msgspec.structs.fields(CATALOGUE[name])
        data = event_schema(name)["properties"]["data"]
        assert list(data["properties"]) == [field.encode_name for field in fields]
        assert data.get("required", []) == [field.encode_name for field in fields if field.required]

    @pytest.mark.parametrize("name", CATALOGUE)
    def test_every_event_has_an_example_that_is_one(self, name: str) -> None:
        event = example(name)
        validator(name).validate(event)
        decoded = decode(json.dumps(event).encode(), now_ms=2**50)
        assert decoded.content == EXAMPLES[name]

    @pytest.mark.parametrize(("name", "event"), list(golden_events()))
    def test_a_released_event_is_still_valid_and_still_read(self, name: str, event: dict[str, Any]) -> None:
        validator(name).validate(event)
        assert decode(json.dumps(event).encode(), now_ms=2**50).name == name

    @pytest.mark.parametrize(
        ("name", "change"),
        [
            ("ticket.created", {"created_by": "oracle"}),
            ("ticket.created", {"ticket_id": ""}),
            ("ticket.created", {"channel": None}),
            ("ticket.assigned", {"team": ""}),
            ("order.placed", {"currency": "eur"}),
            ("order.placed", {"amount": 1.5}),
            ("rating.submitted", {"raw": "4"}),
        ],
    )
    def test_a_schema_tells_a_producer_of_a_mistake(self, name: str, change: dict[str, Any]) -> None:
        event = example(name)
        event["data"] |= change
        assert not validator(name).is_valid(event)

    @pytest.mark.parametrize("name", ["ticket.assigned", "ticket.updated"])
    def test_to_say_nothing_is_a_mistake_and_to_say_nobody_is_none(self, name: str) -> None:
        event = example(name)
        event["data"] = {"ticket_id": "T-1042"}
        assert not validator(name).is_valid(event)
        event["data"] |= {"team": None, "agent_id": None}
        assert validator(name).is_valid(event)

    def test_a_time_without_an_offset_is_a_mistake(self) -> None:
        assert not validator("ticket.created").is_valid(example("ticket.created") | {"time": "2026-03-02T09:15:00"})

    def test_a_retraction_without_a_subject_is_a_mistake(self) -> None:
        event = example("event.retracted")
        del event["subject"]
        assert not validator("event.retracted").is_valid(event)
        assert not validator("event.retracted").is_valid(event | {"subject": None})


@given(encoded_events())
def test_what_the_code_writes_is_valid(value: bytes) -> None:
    event = json.loads(value)
    name = decode(value, now_ms=NOW_MS).name
    assert list(validator(name).iter_errors(event)) == []


@given(tampered_events())
def test_what_is_valid_is_read_as_far_as_a_schema_can_say(value: bytes) -> None:
    event = json.loads(value)
    names = [name for name in CATALOGUE if type_of(name) == event.get("type")]
    assume(names and validator(names[0]).is_valid(event))
    assert fault_of(value) in {None, *unsayable(names[0])}


@pytest.mark.parametrize(
    ("name", "pointer"), [(name, pointer) for name in CATALOGUE for pointer in fields_with(name, "format", "date-time")]
)
def test_a_day_that_no_calendar_has_is_valid_to_a_schema_and_refused_by_the_codec(name: str, pointer: str) -> None:
    event = example(name)
    event["data"][pointer.removeprefix("/data/")] = "2025-02-30T00:00:00Z"
    assert validator(name).is_valid(event)
    assert fault_of(json.dumps(event).encode()) == (Reason.BAD_VALUE, pointer)


class TestAsyncApi:
    def test_every_reference_leads_somewhere(self) -> None:
        document = async_api()
        for reference in references(document):
            if reference.startswith("#/"):
                part: Any = document
                for step in reference.removeprefix("#/").split("/"):
                    part = part[step]
            else:
                assert (FOLDER / reference).is_file()

    @pytest.mark.parametrize("name", CATALOGUE)
    def test_an_event_is_in_the_channel_of_its_topic_under_its_key(self, name: str) -> None:
        document = async_api()
        event = decode(json.dumps(example(name)).encode(), now_ms=2**50)
        channels = [topic for topic, channel in document["channels"].items() if name in channel["messages"]]
        assert channels == [topic_of(event)]
        key = document["components"]["messages"][name]["bindings"]["kafka"]["key"]
        assert ("null" in key["type"]) == (partition_key(event) is None)

    def test_producers_send_all_but_what_is_derived(self) -> None:
        operations = async_api()["operations"].values()
        sent: dict[str, set[str]] = {"receive": set(), "send": set()}
        for operation in operations:
            sent[operation["action"]] |= {message["$ref"].rpartition("/")[2] for message in operation["messages"]}
        assert sent == {"receive": set(CATALOGUE) - DERIVED, "send": DERIVED | {"dead-letter"}}


class TestReadme:
    @pytest.mark.parametrize("name", CATALOGUE)
    def test_every_event_is_in_the_readme(self, name: str) -> None:
        assert f"\n| `{name}` |" in README.read_text(encoding="utf-8")

    def test_every_event_that_the_readme_shows_is_one(self) -> None:
        shown = re.findall(r"```json\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert [decode(event.encode(), now_ms=2**50).name for event in shown] == ["ticket.created", "event.retracted"]

    def test_every_reason_of_a_dead_letter_is_explained(self) -> None:
        assert set(REASONS) == set(Reason)


def fault_of(value: bytes) -> tuple[Reason, str] | None:
    try:
        decode(value, now_ms=NOW_MS)
    except InvalidEventError as error:
        return error.reason, error.pointer
    return None


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from references(inner)
