"""Writes the contract down: JSON Schemas and AsyncAPI into `schemas/catalogue`, tables into the README beside it.

`python -m schemas.describe` writes what differs; with `--check` it writes nothing and fails when something differs.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import cleandoc
from pathlib import Path
from typing import Final

from schemas.async_api import async_api
from schemas.codec import Reason
from schemas.events import CATALOGUE, DERIVED, RESERVED
from schemas.json_schema import ATTRIBUTES, Schema, event_schema, fields_of, required_attributes, values_of
from schemas.open_api import open_api

FOLDER: Final = Path(__file__).parent / "catalogue"
README: Final = Path(__file__).parent / "README.md"

REASONS: Final = {
    Reason.EMPTY: "The record has no value. Tombstones and empty bodies do that; `data` is required, if only `{}`.",
    Reason.TOO_LARGE: "Over 256 KiB, headers included. Leave attachments and transcripts out.",
    Reason.NOT_JSON: "Not JSON in UTF-8, or nested more than 64 levels deep.",
    Reason.MISSING_FIELD: "A required field is absent; the pointer names it.",
    Reason.WRONG_TYPE: "A field has another type than the contract says, such as text where a number belongs.",
    Reason.BAD_VALUE: "The type is right, the value is not: an empty id, a time without offset, a rating off scale.",
    Reason.FUTURE_TIME: "`time` is over 5 minutes ahead: look at the producer's clock and time zone.",
    Reason.IDENTITY_REUSED: "An event with this `(source, id)` and other content came before; that one stays.",
    Reason.TICKET_UNFOLDABLE: "Not your mistake: the event is stored, but its ticket could not be stated. "
    "Once the cause is gone, `servicepulse refold --ticket` mends it.",
    Reason.TICKET_MENDED: "Not your mistake: rows of tickets lacked stored events, and a worker mended them. `message` "
    "names some; what to do is in deploy/RUNBOOK.md, rows-differed.",
    Reason.NOT_MAPPED: "A delivery to a hook of `servicepulse receive` that no rule of its mapping reads. "
    "`servicepulse dead-letters replay` sends it through the mapping of now.",
    Reason.UNREADABLE: "No client can read the record: a header name that is not UTF-8, a batch that unpacks to more "
    "than 64 MiB or whose checksum is wrong. Of several records the first place stands, and `message` says which.",
    Reason.RECORDS_LOST: "Not your mistake: Kafka removed records before a worker read them. The letter names the "
    "range; publish again what lay there, an event that arrives twice counts once.",
}
"""What a producer does about each kind of dead letter."""


def event_table() -> str:
    """Return what each event that producers send says, as a Markdown table."""
    return _events(name for name in CATALOGUE if name not in DERIVED)


def derived_table() -> str:
    """Return what each event that is derived here says, as a Markdown table."""
    return _events(name for name in CATALOGUE if name in DERIVED)


def attribute_table() -> str:
    """Return what each attribute of the envelope means, as a Markdown table."""
    required = required_attributes(CATALOGUE["ticket.created"])
    rows = [[f"`{name}`", "yes" if name in required else "", text] for name, text in ATTRIBUTES.items()]
    return _table(["attribute", "required", "meaning"], rows)


def reason_table() -> str:
    """Return what each reason of a dead letter means, as a Markdown table."""
    return _table(["reason", "what is wrong"], [[f"`{reason}`", text] for reason, text in REASONS.items()])


def reserved_names() -> str:
    """Return the beginnings of names that later events will have, as Markdown."""
    return ", ".join(f"`{name}`" for name in RESERVED)


PARTS: Final[Mapping[str, Callable[[], str]]] = {
    "attributes": attribute_table,
    "events": event_table,
    "derived": derived_table,
    "reasons": reason_table,
    "reserved": reserved_names,
}
"""Parts of the README that are generated; each stands between `<!-- name -->` and `<!-- /name -->`."""


def documents() -> dict[Path, str]:
    """Return everything that is generated: the text of each file.

    Raises:
        ValueError: When the README lacks the marks of a part.
    """
    schemas = {FOLDER / f"{name}.schema.json": _json(event_schema(name)) for name in CATALOGUE}
    readme = README.read_text(encoding="utf-8")
    for name, part in PARTS.items():
        readme = _replaced(readme, name, part())
    described = {FOLDER / "asyncapi.json": _json(async_api()), FOLDER / "openapi.json": _json(open_api())}
    return {**schemas, **described, README: readme}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the documents; with `--check` return 1 when one differs from what is there."""
    parser = argparse.ArgumentParser(prog="python -m schemas.describe", description="Write the contract down.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file differs")
    is_check = parser.parse_args(arguments).check
    wanted = documents()
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    surplus = sorted(path for path in FOLDER.glob("*") if path not in wanted)
    if not is_check:
        _write({path: wanted[path] for path in stale}, surplus)
    for path in (*stale, *surplus):
        sys.stdout.write(f"{path.name} {'differs' if is_check else 'written' if path in wanted else 'removed'}\n")
    return int(is_check and bool(stale or surplus))


def _write(texts: Mapping[Path, str], surplus: Sequence[Path]) -> None:
    for path, text in texts.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in surplus:
        path.unlink()


def _events(names: Iterable[str]) -> str:
    return _table(["event", "it says", "required", "optional"], [_row(name) for name in names])


def _row(name: str) -> list[str]:
    fields: dict[bool, list[str]] = {True: [], False: []}
    for field in fields_of(CATALOGUE[name]):
        values = values_of(field)
        fields[field.required].append(f"`{field.encode_name}`" + (f" ({', '.join(values)})" if values else ""))
    if name == "ticket.assigned":
        fields[True].append("one of `team` and `agent_id`")
    if name == "ticket.updated":
        fields[True].append("one of the others")
    says = cleandoc(CATALOGUE[name].__doc__ or "").replace("\n\n", " ").replace("\n", " ")
    return [f"`{name}`", says, ", ".join(fields[True]), ", ".join(fields[False])]


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _replaced(text: str, name: str, part: str) -> str:
    before, begin, rest = text.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- /{name} -->")
    if not (begin and end):
        raise ValueError(f"{README.name} lacks <!-- {name} --> and <!-- /{name} -->, each at the start of a line")
    return f"{before}{begin}{part}\n{end}{after}"


def _json(document: Schema) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
