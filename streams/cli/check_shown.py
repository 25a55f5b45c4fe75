"""How a sample looks on the screen: what it becomes, field by field, and what of it nobody reads."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from streams.cli.importing import Import
from streams.cli.signs import shown
from streams.cli.wording import counted
from streams.core.mapping import Document, MappedEvent
from streams.core.mapping.document import Rule

_MOST_EVENTS: Final = 30
_LONGEST: Final = 60
_UNREAD: Final = 60


def show_events(imported: Import, document: Document, console: Console) -> None:
    """Show events field by field, each with what of the mapping it comes from: of a table the first of each rule."""
    for event in _shown(imported):
        rule = document.rule[event.place]
        envelope = msgspec.json.decode(event.raw)
        console.print(
            f"\n[bold]{shown(event.name)}[/]  {shown(event.id)}  {envelope['time']}  (rule {shown(rule.name)})"
        )
        table = Table("", "", "", show_header=False, box=None, pad_edge=True)
        for name, said in envelope["data"].items():
            table.add_row(f"  {name}", shown(_short(said)), f"[dim]{shown(_origin(document, rule, name))}[/]")
        console.print(table)
    left = len(imported.events) - _MOST_EVENTS
    if imported.plan.picking is not None and left > 0:
        console.print(f"\nand {counted(left, 'more event')}")


def show_unread(fields: Iterable[tuple[str, object]], console: Console) -> None:
    """Show what nobody reads, with an example of each."""
    told = list(fields)
    if not told:
        console.print("Every field is read.")
        return
    console.print(f"Nobody reads {counted(len(told), 'field')}:")
    table = Table("", "", show_header=False, box=None)
    for name, example in told[:_UNREAD]:
        table.add_row(f"  {shown(name)}", f"[dim]{shown(_short(example))}[/]")
    console.print(table)
    if len(told) > _UNREAD:
        console.print(f"  and {len(told) - _UNREAD:,} more")


def _shown(imported: Import) -> Iterator[MappedEvent]:
    if imported.plan.picking is not None:
        yield from imported.events[:_MOST_EVENTS]
        return
    seen = set()
    for event in imported.events:
        if event.place not in seen:
            seen.add(event.place)
            yield event


def _origin(document: Document, rule: Rule, field: str) -> str:
    """Return what of the mapping a field comes from, as it is written there."""
    value = rule.data.get(field)
    if value is None:
        top = {"ticket_id": document.ticket, "customer_id": document.customer}.get(field)
        return " or ".join(top or ())
    if value.from_ is None:
        return "always"
    return " or ".join(value.from_) + (f" by map {value.map}" if isinstance(value.map, str) else "")


def _short(said: object) -> str:
    text = said if isinstance(said, str) else msgspec.json.encode(said).decode()
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
