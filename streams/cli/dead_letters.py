"""`dead-letters`: records that were no events - look at them, mend them, send them again."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from clickhouse_connect.driver.client import Client
from rich.console import Console
from rich.table import Table

from schemas.codec import CONTENT_TYPE, HOOK, Event, InvalidEventError, Reason, accept, decode, partition_key, topic_of
from schemas.rows import DeadLetterRow
from streams.cli.connection import open_client, resolve
from streams.cli.signs import printable_lines, shown
from streams.cli.wording import meant_text
from streams.clock import SystemClock
from streams.settings import Settings, SettingsError, load_settings
from streams.sinks.dead_letters import find_letters, mark_replayed

if TYPE_CHECKING:
    from streams.core.door.hook import Hook

app = typer.Typer(help="Records that are no events: look at them, mend them, send them again.", no_args_is_help=True)
console = Console()

_SHOWN_BYTES = 20_000


@app.command("list")
def list_(
    reason: Annotated[str, typer.Option(help="Only this reason, such as missing-field.")] = "",
    replayed: Annotated[bool, typer.Option("--replayed", help="Also those that were sent again.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, the newest first.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List dead letters, the newest first.

    Example: `servicepulse dead-letters list --reason missing-field`
    """
    _refuse_unknown(reason)
    client = open_client(load_settings())
    found = find_letters(client, reason=reason, with_replayed=replayed, limit=limit)
    if as_json:
        for letter in found:
            sys.stdout.write(msgspec.json.encode(_plain(letter)).decode() + "\n")
        return
    if not found:
        console.print(_nothing(client, reason, replayed), highlight=False)
        return
    table = Table(box=None, header_style="dim")
    headings = ("letter", "received (UTC)", "reason", "pointer", "why", "topic/partition/offset")
    for heading in (*headings, "sent again (UTC)") if replayed else headings:
        table.add_column(heading, overflow="fold")
    for letter in found:
        place = f"{letter.topic}/{letter.partition}/{letter.offset}"
        words = (letter.reason, letter.pointer, letter.message, place)
        again = [_time(letter.replayed_at) if letter.replayed_at else ""] if replayed else []
        table.add_row(letter.id[:10], _time(letter.received_at), *map(shown, words), *again)
    console.print(table)
    console.print("Look at one: [bold]servicepulse dead-letters show LETTER[/]", highlight=False)


@app.command()
def show(letter: Annotated[str, typer.Argument(help="The id, or its beginning.")]) -> None:
    """Show one dead letter whole: where it lay, why it is no event, its headers and its bytes.

    Example: `servicepulse dead-letters show 3fe0`
    """
    found = _one(load_settings(), letter)
    for name, text in _plain(found).items():
        if name != "value":
            console.print(f"[dim]{name:>12}[/] {shown(str(text))}", highlight=False)
    console.print()
    sys.stdout.write(printable_lines(found.value[:_SHOWN_BYTES].decode(errors="backslashreplace")) + "\n")
    if len(found.value) > _SHOWN_BYTES:
        console.print(f"... {len(found.value) - _SHOWN_BYTES:,} more bytes")


@app.command()
def replay(
    letter: Annotated[str | None, typer.Argument(help="The id, or its beginning.")] = None,
    with_file: Annotated[Path | None, typer.Option("--with", exists=True, help="The mended event.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Mend one field: POINTER=JSON, such as /data/raw=5.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="All that were not sent again yet, as they are.")] = False,
    reason: Annotated[str, typer.Option(help="With --all: only this reason.")] = "",
) -> None:
    """Send dead letters again, mended or as they are (after the fault was ours and is gone).

    What is still no event is not sent and makes the exit code 1.

    For example:

    `servicepulse dead-letters replay 3fe0 --set /data/raw=5`

    `servicepulse dead-letters replay 3fe0 --with mended.json`

    `servicepulse dead-letters replay --all --reason future-time`

    Deliveries to a hook go through its mapping of now:

    `servicepulse dead-letters replay --all --reason not-mapped`
    """
    if (letter is None) == (not all_):
        raise typer.BadParameter("name one letter, or say --all")
    _refuse_unknown(reason)
    settings = resolve(load_settings())
    client = open_client(settings)
    chosen = find_letters(client, reason=reason, limit=100_000) if all_ else [_one(settings, letter or "")]
    sent = _send(settings, [(each, _mended(each, with_file, set_ or [])) for each in chosen])
    mark_replayed(client, sent, SystemClock().now_ms())
    console.print(f"{len(sent):,} of {len(chosen):,} sent again", highlight=False)
    if len(sent) < len(chosen):
        raise typer.Exit(1)


def _refuse_unknown(reason: str) -> None:
    if reason and reason not in list(Reason):
        hint = meant_text(reason, list(Reason), f"choose from {', '.join(Reason)}")
        raise typer.BadParameter(f"there is no reason {reason!r}; {hint}")


def _nothing(client: Client, reason: str, with_replayed: bool) -> str:
    """Return why a list is empty: not every empty one means that all records were events."""
    if reason and find_letters(client, with_replayed=with_replayed, limit=1):
        return f"No dead letters with the reason {reason}, though there are others."
    if find_letters(client, with_replayed=True, limit=1):
        return "No dead letters that were not sent again; those that were are listed by --replayed."
    return "No dead letters. Every record was an event."


def _send(settings: Settings, letters: list[tuple[DeadLetterRow, bytes]]) -> list[DeadLetterRow]:
    """Publish those that are events now and return their letters once the broker has them."""
    from kafka import KafkaProducer  # takes longer to import than the other commands take

    from streams.broker import kafka_options

    hooks = _hooks(settings) if any(HOOK in letter.headers_name for letter, _ in letters) else {}
    producer = KafkaProducer(**kafka_options(settings), acks="all", max_request_size=4 * 1024 * 1024)
    sent = []
    try:
        for letter, value in letters:
            try:
                events = _events(settings, letter, value, hooks)
            except InvalidEventError as error:
                console.print(f"[red]{letter.id[:10]}[/] is still no event: {shown(str(error))}", highlight=False)
                continue
            headers = [("content-type", CONTENT_TYPE.encode())]
            for topic, event in events:
                producer.send(topic, value=event.raw, key=partition_key(event), headers=headers).get(timeout=30)
            sent.append(letter)
    finally:
        producer.close()
    return sent


def _events(
    settings: Settings, letter: DeadLetterRow, value: bytes, hooks: Mapping[str, "Hook"]
) -> list[tuple[str, Event]]:
    """Return the events that a letter is, with the topic of each.

    Raises:
        InvalidEventError: When it is none, or its hook's mapping still does not read all of it.
    """
    now_ms = SystemClock().now_ms()
    headers = dict(_headers(letter))
    if HOOK not in headers:
        return [(letter.topic, decode(value, None if value != letter.value else _headers(letter), now_ms=now_ms))]
    name = headers[HOOK].decode(errors="replace")
    if name not in hooks:
        raise InvalidEventError(Reason.NOT_MAPPED, "", f"there is no hook {name} in {settings.hooks_file}")
    reading = hooks[name].mapping.of(value, now_ms=now_ms)
    if reading.faults:
        raise InvalidEventError(Reason.NOT_MAPPED, "", "; ".join(reading.faults))
    events = [accept(event.raw, now_ms=now_ms) for event in reading.events]
    return [(settings.topic(topic_of(event)), event) for event in events]


def _hooks(settings: Settings) -> Mapping[str, "Hook"]:
    from streams.core.door.hook import HooksError
    from streams.door.hook_file import read_hooks  # only deliveries of vendors need mappings

    try:
        return read_hooks(settings.hooks_file)[0]
    except OSError as error:
        raise SettingsError(f"{settings.hooks_file} cannot be read: {error.strerror}") from error
    except HooksError as error:
        raise SettingsError(str(error)) from error


def _one(settings: Settings, start: str) -> DeadLetterRow:
    found = find_letters(open_client(settings), ids=[start], with_replayed=True, limit=2)
    if len(found) != 1:
        how_many = "no" if not found else "more than one"
        raise typer.BadParameter(f"{how_many} dead letter begins with {start!r}")
    return found[0]


def _mended(letter: DeadLetterRow, file: Path | None, changes: list[str]) -> bytes:
    value = file.read_bytes().strip() if file else letter.value
    if not changes:
        return value
    try:
        document = msgspec.json.decode(value)
        for change in changes:
            _change(document, change)
    except (msgspec.DecodeError, KeyError, IndexError, ValueError, TypeError) as error:
        raise typer.BadParameter(f"cannot be mended by --set: {error}; use --with FILE") from None
    return msgspec.json.encode(document)


def _change(document: Any, change: str) -> None:  # noqa: ANN401 - any JSON
    pointer, is_set, text = change.partition("=")
    if not (is_set and pointer.startswith("/")):
        meant = "/" + pointer.replace(".", "/").removeprefix("/")
        raise typer.BadParameter(f"{change!r} is no POINTER=JSON: a pointer begins with /, as in {meant}={text or 4}")
    *path, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]
    for part in path:
        document = document[int(part)] if isinstance(document, list) else document[part]
    try:
        new = msgspec.json.decode(text)
    except msgspec.DecodeError:
        new = text  # a bare word is meant as text
    document[int(last) if isinstance(document, list) else last] = new


def _headers(letter: DeadLetterRow) -> list[tuple[str, bytes]]:
    return list(zip(letter.headers_name, letter.headers_value, strict=True))


def _plain(letter: DeadLetterRow) -> dict[str, Any]:
    return {
        "letter": letter.id,
        "reason": letter.reason,
        "pointer": letter.pointer,
        "message": letter.message,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "recorded_at": _time(letter.recorded_at),
        "received_at": _time(letter.received_at),
        "replayed_at": _time(letter.replayed_at) if letter.replayed_at else None,
        "key": letter.key.decode(errors="backslashreplace"),
        "headers": {name: content.decode(errors="backslashreplace") for name, content in _headers(letter)},
        "value": letter.value.decode(errors="backslashreplace"),
    }


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
