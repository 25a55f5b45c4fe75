"""What a file says against what is stored of its source: what is to be sent, and what became of the rest."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from rich.console import Console

from streams.cli.connection import open_client, resolve
from streams.cli.importing import Import
from streams.cli.signs import shown
from streams.cli.wording import counted
from streams.core.mapping import MappingError
from streams.core.mapping.fault import Fault
from streams.core.mapping.restate import OtherIdsError, Restated, Snapshot, restated
from streams.settings import Settings, SettingsError
from streams.sinks.said import said_by
from streams.store_error import StoreRejectedError, StoreUnavailableError
from streams.unread import UnreadError, wait_until_read

_SHOWN: Final = 10


class UnknownBeforeError(Exception):
    """What was imported before is not known now, and this import must know. Nothing was sent."""


def compared(
    imported: Import,
    settings: Settings,
    *,
    as_of: datetime | None,
    now_ms: int,
    patience_seconds: float,
    say: Callable[[str], object],
) -> Restated | None:
    """Return what of a file is to be sent; None when what is stored is not known, and all of it must be.

    Args:
        imported: The file.
        settings: Where Kafka and ClickHouse are.
        as_of: When the file said so; None when nobody told.
        now_ms: The clock, in milliseconds since 1970.
        patience_seconds: How long to wait for workers that have yet to read what was sent before.
        say: Shows a line.

    Raises:
        MappingError: When the source was imported before under ids of another kind.
        UnknownBeforeError: When what was imported before must be known, and is not.
    """
    must = imported.is_snapshot or as_of is not None
    unknown = _unknown(settings, patience_seconds, say)
    if unknown and must:
        raise UnknownBeforeError(f"{unknown}: what changed since the last import cannot be told, and nothing was sent")
    if unknown:
        say(f"[yellow]note:[/] {shown(unknown)}: everything is sent, and what changed since the last import is refused")
        return None
    plan = imported.plan
    as_of_ms = None if as_of is None else int(as_of.timestamp() * 1000)
    snapshot = Snapshot(plan, imported.events, imported.stated, imported.ids, as_of_ms, imported.is_snapshot)
    try:
        return restated(snapshot, said_by(open_client(settings), plan.source), now_ms)
    except OtherIdsError as error:
        raise MappingError([Fault("id", str(error))]) from None
    except (StoreUnavailableError, StoreRejectedError) as error:
        raise UnknownBeforeError(
            f"{error}: nothing was sent; --no-compare sends everything, without corrections"
        ) from None


def _unknown(settings: Settings, patience_seconds: float, say: Callable[[str], object]) -> str:
    """Return why it is not known what was imported before; "" when it is."""
    try:
        resolve(settings, needs=("clickhouse",))
    except SettingsError:
        return "no ClickHouse is set"
    try:
        unread = wait_until_read(settings, patience_seconds=patience_seconds, say=say)
    except UnreadError as error:
        return str(error)
    return f"workers have yet to read {counted(unread, 'record')}" if unread else ""


def figures_of(result: Restated) -> Mapping[str, str]:
    """Return what became of a file, as lines of the summary."""
    lines = {"New": counted(result.new, "event"), "Known": counted(result.known, "event")}
    if result.rows:
        corrected = ", ".join(f"{number:,} {name}" for name, number in sorted(result.corrected.items()))
        lines["Corrected"] = f"{counted(len(result.rows), 'row')}: {corrected}"
    if result.older:
        lines["Older"] = f"{counted(len(result.older), 'row')} of which something newer is known, left as they are"
    if result.vanished:
        lines["Vanished"] = counted(len(result.vanished), "row")
    if result.fixed:
        lines["Refused"] = f"{counted(len(result.fixed), 'event')} that cannot be corrected"
    return lines


def show_missing(result: Restated, console: Console) -> None:
    """Name what a file lacks, and what of it could not be said."""
    if result.vanished:
        console.print(
            f"[yellow]vanished:[/] {_named(result.vanished)}: imported before, and not among the rows that can be read "
            "now. Nothing was taken back of them."
        )
    if result.fixed:
        console.print(
            f"[yellow]refused:[/] {_named(result.fixed)}: stored with other content, and orders cannot be corrected. "
            "What is stored stands."
        )


def _named(ids: Iterable[str]) -> str:
    some = list(ids)
    more = f" and {len(some) - _SHOWN:,} more" if len(some) > _SHOWN else ""
    return shown(", ".join(some[:_SHOWN])) + more


def instant_told(text: str) -> datetime:
    """Return when a file said so, of UTC unless it bears an offset.

    Raises:
        ValueError: When it is no date or time.
    """
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
