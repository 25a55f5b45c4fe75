"""`servicepulse pull`: the history of a desk or a shop, from its own API, becomes events by a mapping file."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
import typer
from msgspec.structs import replace
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from streams.cli.asking import Api, AwayError, RefusedError
from streams.cli.import_compared import instant_told
from streams.cli.importing import spellings_of
from streams.cli.patience import SECONDS, AtOnce, Patience
from streams.cli.pull_target import Broker, Target, target_of
from streams.cli.pulling import Pulled, Pulling, Rejected, lookups_of, pulled_by
from streams.cli.settle import SECONDS as SETTLE_SECONDS
from streams.cli.settle import STOPPED, Settle
from streams.cli.signs import shown
from streams.cli.wording import counted
from streams.clock import SystemClock
from streams.core.mapping import Mapping, MappingError
from streams.core.mapping.pull import Pull
from streams.core.pull.checkpoint import Checkpoint, CheckpointError, begun, resumed, told
from streams.core.pull.paging import PagingError, Span
from streams.pacing import NothingFoldedError
from streams.publisher import BrokerUnavailableError, NotAcknowledgedError
from streams.settings import Settings, SettingsError, load_settings
from streams.whole_file import PUBLIC, write_whole

NOT_ALL: Final = 1
NOT_BEGUN: Final = 2

_SHOWN_REASONS: Final = 10
_AGAIN: Final = "Run the same command again: events that arrived before change nothing."
_GO_ON: Final = "Run the same command again to go on behind the last page."

_encoder: Final = msgspec.json.Encoder(decimal_format="number")

Show = Callable[[Checkpoint], None]


def pull(
    name: Annotated[str, typer.Argument(help="A connector that says how its API is asked, or a mapping file.")],
    since: Annotated[str, typer.Option(metavar="TIME", help="From when on: 2025-01-01, or with a time; in UTC.")],
    address: Annotated[
        str,
        typer.Option(metavar="URL", help="Of the API, such as https://acme.zendesk.com."),
    ],
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Until when; default: now.")] = None,
    source: Annotated[
        str | None, typer.Option(metavar="URI", help="The source of the events: the one of the live hook.")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Keeps how far this came, so that it goes on from there.")
    ] = None,
    kafka: Annotated[str | None, typer.Option(help="Brokers, host:port[,host:port].")] = None,
    to: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="Write the events as JSON Lines instead of publishing them.")
    ] = None,
    rejected: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Where goes what gave no events though it should; NAME.rejected.jsonl."),
    ] = None,
    allow_rejected: Annotated[bool, typer.Option("--allow-rejected", help="Exit with 0 despite that.")] = False,
    patience: Patience = SECONDS,
    at_once: AtOnce = False,
    settle: Settle = SETTLE_SECONDS,
) -> None:
    """Read the history of a desk or a shop from its own API, and publish it as events.

    The mappings are those of webhooks and imports, and ids are the system's own: what a live hook told already counts
    once. Pages are published one by one. With --checkpoint a pull that was stopped goes on behind the last one, and
    one that had finished with what is new since.

    The token is a setting, SERVICEPULSE_PULL_TOKEN, and so is SERVICEPULSE_PULL_USER where the API wants a name
    beside it (Zendesk: the mail address). Neither is ever shown or kept.

    Exit code 0: every event is stored, now or before, or nobody was there to ask; 1: something was rejected, or not all
    was read and published; 2: nothing was begun, for example because the token is refused; 3: an event became a
    dead letter; 4: some are still unread after --settle.

    For example:

    `servicepulse pull zendesk --address https://acme.zendesk.com --since 2025-01-01 --checkpoint zendesk.checkpoint`

    `servicepulse pull shopify --address https://acme.myshopify.com --since 2025-01-01 --to orders.jsonl`
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        settings = load_settings(kafka=kafka)
        mapped_by, text, how = pulled_by(name)
        at = _address(address)
        api = Api(how, _credentials(how, settings), say=console.print)
        span = _span(since, until)
        looked_up = lookups_of(api, at, how)
        mapping = Mapping.read(text, source=source, is_live=False, spellings=spellings_of(settings), lookups=looked_up)
        anew = begun(mapped_by, at, mapping.source, span, SystemClock().now_ms())
        start = _start(checkpoint, anew, how)
    except AwayError as error:
        raise _failed(console, error, _AGAIN, NOT_ALL) from None
    except (MappingError, SettingsError, CheckpointError, RefusedError, PagingError, OSError) as error:
        raise _failed(console, error, "", NOT_BEGUN) from None
    pages = Pulling(api, at, how, mapping, SystemClock().now_ms).pages(start)
    broker = Broker(settings, patience, at_once, settle, console)
    kept = rejected or Path(f"{Path(name).stem}.rejected.jsonl")
    run = _Run(console, checkpoint, kept, start)
    code = run.through(pages, to, broker)
    raise typer.Exit(code or (NOT_ALL if run.reasons and not allow_rejected else 0))


class _Run:
    """One pull, from where it begins to where it ends."""

    def __init__(self, console: Console, checkpoint: Path | None, kept: Path, start: Checkpoint) -> None:
        self.reasons: Counter[str] = Counter()
        self._console = console
        self._checkpoint = checkpoint
        self._kept = kept
        self._start = self._end = start
        self._code = 0

    def through(self, pages: Iterator[Pulled], to: str | None, broker: Broker) -> int:
        """Read all pages and put their events where they belong; return the exit code."""
        again = _GO_ON if self._checkpoint else _AGAIN
        try:
            with ExitStack() as opened:
                target = target_of(to, self._start.written, broker, opened)
                show = opened.enter_context(_progress(self._console, self._start))
                self._follow(pages, target, show)
            self._tell(target)
            return target.end()
        except KeyboardInterrupt:
            self._console.print(f"[yellow]Stopped[/] after {counted(self._end.pages, 'page')}. {again}")
            return STOPPED
        except SettingsError as error:
            return _failed(self._console, error, "", NOT_BEGUN).exit_code
        except RefusedError as error:
            is_begun = self._end.pages > self._start.pages
            return _failed(self._console, error, "", NOT_ALL if is_begun else NOT_BEGUN).exit_code
        except (
            AwayError, PagingError, BrokerUnavailableError, NotAcknowledgedError, NothingFoldedError, OSError,
        ) as error:  # fmt: skip
            return _failed(self._console, error, again, NOT_ALL).exit_code

    def _follow(self, pages: Iterator[Pulled], target: Target, show: Show) -> None:
        for page in pages:
            written = target.take(page.events)
            self._keep(page.rejected)
            self._end = replace(page.checkpoint, written=written)
            if self._checkpoint:
                write_whole(self._checkpoint, told(self._end), mode=PUBLIC)
            show(self._end)

    def _keep(self, rejected: Collection[Rejected]) -> None:
        if not rejected:
            return
        self.reasons.update(one.reason for one in rejected)
        with self._kept.open("ab") as lines:
            lines.writelines(_encoder.encode(one._asdict()) + b"\n" for one in rejected)

    def _tell(self, target: Target) -> None:
        pages, records = self._end.pages - self._start.pages, self._end.records - self._start.records
        events = self._end.events - self._start.events
        self._console.print(
            f"{counted(pages, 'page')} with {counted(records, 'record')} of the time asked for: "
            f"{counted(events, 'event')} {shown(target.name)}"
        )
        for reason, number in self.reasons.most_common(_SHOWN_REASONS):
            self._console.print(f"  [yellow]rejected[/] {number:,}: {shown(reason)}")
        if self.reasons:
            advice = "mend the mapping and pull again: what arrived before changes nothing"
            self._console.print(f"What was rejected is kept in {shown(str(self._kept))}; {advice}.")


def _failed(console: Console, error: Exception, advice: str, code: int) -> typer.Exit:
    console.print(f"[bold red]error:[/] {shown(str(error))}" + (f"\n{advice}" if advice else ""))
    return typer.Exit(code)


def _address(told_by_user: str) -> str:
    """Return the address of an API; credentials do not stand in it, as addresses are shown.

    Raises:
        SettingsError: When it is none.
    """
    try:
        parts = urlsplit(told_by_user)
        _ = parts.port
    except ValueError:
        raise SettingsError("--address is no address: https://acme.zendesk.com is one") from None
    is_local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        raise SettingsError("--address is no address: https://acme.zendesk.com is one")
    if parts.username or parts.password:
        raise SettingsError("--address names credentials: they belong into SERVICEPULSE_PULL_TOKEN")
    if parts.scheme == "http" and not is_local:
        raise SettingsError("--address is not encrypted, and the token would be readable on the way: use https://")
    return told_by_user.rstrip("/")


def _span(since: str, until: str | None) -> Span:
    """Return the time asked for.

    Raises:
        BadParameter: When one end is no time, or they are the wrong way round.
    """
    ends = []
    for option, text in (("--since", since), ("--until", until)):
        try:
            ends.append(None if text is None else int(instant_told(text).timestamp() * 1000))
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint=option) from None
    from_ms, until_ms = ends
    assert from_ms is not None, "it is required"
    if until_ms is not None and until_ms < from_ms:
        raise typer.BadParameter(f"{until} is before {since}", param_hint="--until")
    if from_ms > SystemClock().now_ms():
        raise typer.BadParameter(f"{since} lies in the future", param_hint="--since")
    return Span(from_ms, until_ms)


def _credentials(how: Pull, settings: Settings) -> dict[str, str]:
    """Return what is sent to prove who asks.

    Raises:
        SettingsError: When something of it is not set.
    """
    token = settings.pull_token.get_secret_value() if settings.pull_token else None
    known = {"user": settings.pull_user, "token": token}
    missing = [f"SERVICEPULSE_PULL_{name.upper()}" for name in sorted(how.needs) if not known[name]]
    if missing:
        raise SettingsError(f"this API asks who reads it: set {' and '.join(missing)}")
    return {name: text for name, text in known.items() if text}


def _start(path: Path | None, anew: Checkpoint, how: Pull) -> Checkpoint:
    """Return where to begin.

    Raises:
        CheckpointError: When the file is of another pull.
        OSError: When it cannot be read.
    """
    if path is None or not path.exists():
        return anew
    try:
        return resumed(path.read_bytes(), anew, is_sorted=how.sorted)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


@contextmanager
def _progress(console: Console, start: Checkpoint) -> Iterator[Show]:
    """Show how far the time asked for is read, on a terminal only."""
    columns = (
        TextColumn("Pulling"), BarColumn(),
        TextColumn("{task.fields[pages]:,} pages, {task.fields[events]:,} events"), TimeElapsedColumn(),
    )  # fmt: skip
    span = start.span
    end = span.until_ms if span.until_ms is not None else start.began_ms
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("", total=max(1, end - span.since_ms), pages=start.pages, events=start.events)

        def show(now: Checkpoint) -> None:
            done = min(end, now.reached_ms) - span.since_ms
            bars.update(task, completed=done, pages=now.pages, events=now.events)

        yield show
