"""`demo`: eleven weeks of a simulated furniture shop, played into an embedded stack of its own, then live."""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import typer
from clickhouse_connect.driver.client import Client
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from deploy.embedded.stack import Stack
from streams import broker
from streams.cli.connection import EMBEDDED_SESSION_SECONDS
from streams.cli.live import live_view
from streams.cli.preview import start_preview
from streams.cli.report import print_report
from streams.cli.run_worker import start_worker
from streams.clock import SystemClock
from streams.publisher import Publisher
from streams.settings import PREFIX, Settings, load_settings
from streams.simulation import SOURCES, endless
from streams.simulation.hours import opening_hours, shifts
from streams.simulation.play import Player
from streams.simulation.policy import policy
from streams.simulation.rhythm import instant
from streams.simulation.world import LIVE_TICKETS_PER_DAY, TEAMS
from streams.sinks.connection import connect
from streams.sinks.migrate import migrate

HISTORY_DAYS: Final = 75
"""So that a report on 30 days has 30 days before to compare with, and cases that are 30 days old for repurchase."""
PER_DAY: Final = 155
"""Tickets; with the days above about 11,600 and 114,000 events, which play in a minute or two on two cores."""
REPORTED_DAYS: Final = 30
"""So that the faulty week is in sight: it ended one to two weeks ago."""
ALERT: Final = {"false_pages_per_90_days": 0.25, "paging_segments": len(TEAMS) + 1, "limit_cap_open": 0.5}
"""All teams and the desk page the same person, who looks for the one fault that there is and accepts one false page a
year. Of 120 worlds 116 told the fault, three days after it began, 90 of them nothing else; with one page in 90 days
117 did, half a day sooner, beside three times as many others. Its end is told within the week that follows, though a
team gets few ratings here."""
STALLED_SECONDS: Final = 60.0
"""A worker that stores nothing for so long, though events wait, will not recover by itself."""
STOP_SECONDS: Final = 8.0
"""What a process gets to finish what it has in hand."""
POLL_SECONDS: Final = 0.2
LOG_TAIL_LINES: Final = 5
LOG_LINE_CHARACTERS: Final = 300

LINE_SECONDS: Final = 10.0
"""How often a line says how far it is, where no bar can be drawn."""

console = Console(highlight=False)


class DemoError(Exception):
    """The demo cannot go on; the message says why and what to do."""


class _StoppedError(Exception):
    """Ctrl-C came while the history was being played."""


@dataclass(frozen=True)
class Stage:
    """What runs for the demo: the settings that reach it, and the worker."""

    settings: Settings
    worker: subprocess.Popen[bytes]
    log_path: Path

    def require_alive(self) -> None:
        """Do nothing as long as the worker runs.

        Raises:
            DemoError: When it has ended, with the end of its log.
        """
        if self.worker.poll() is not None:
            raise DemoError(f"the worker has ended with code {self.worker.returncode}. {self.evidence()}")

    def evidence(self) -> str:
        """Return the end of the worker's log, for a message."""
        tail = self.log_path.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:] or ["(empty)"]
        return "\n".join([f"End of its log, {self.log_path}:", *(f"  | {line[:LOG_LINE_CHARACTERS]}" for line in tail)])


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, but not by Python's own name.

    Where that one passes code made of text, as while a module is imported, Python kills itself as it ends, although
    everything was caught and tidied up.
    """


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """End the demo in good order, as a handler of signals.

    Raises:
        Interrupted: Always.
    """
    raise Interrupted


def demo(
    seed: Annotated[int, typer.Option(min=0, help="Chooses the simulated world.")] = 1,
    days: Annotated[int, typer.Option(min=1, max=366, help="Days of history.")] = HISTORY_DAYS,
    per_day: Annotated[int, typer.Option(min=1, help="Tickets on an average day of the history.")] = PER_DAY,
    no_live: Annotated[bool, typer.Option("--no-live", help="Stop after the history and print the report.")] = False,
    duration: Annotated[float, typer.Option(min=0, help="Seconds of the live part; else until Ctrl-C.")] = float("inf"),
) -> None:
    """Play eleven weeks of a furniture shop's service desk, then show live numbers, here and in the browser.

    Starts a broker, a ClickHouse, a worker and the preview of the dashboards, in a folder of its own that every demo
    begins afresh. Ctrl-C ends all of them.

    Example: `servicepulse demo --days 14 --no-live`
    """
    folder = load_settings().folder / "demo"
    # SIGTERM ends us as cleanly as Ctrl-C does; SIGINT is set too because shells ignore it in what they background.
    for end in (signal.SIGTERM, signal.SIGINT):
        signal.signal(end, interrupt)
    try:
        with _stage(folder) as stage:
            _play(stage, seed, timedelta(days=days), per_day, live_seconds=0 if no_live else duration)
    except KeyboardInterrupt:
        console.print()
    console.print(f"That was the demo. Nothing runs any more; its files stay in {folder} until the next one.")


def _play(stage: Stage, seed: int, history: timedelta, per_day: int, *, live_seconds: float) -> None:
    now = _now()
    desk = endless(seed, now - history, now, per_day, live_per_day=max(LIVE_TICKETS_PER_DAY, per_day))
    said = [opening_hours(seed, now - history, now), policy(seed, now - history, now - history / 4)]
    world = chain(said, shifts(seed, now - history, now), desk)
    with _outlets(stage.settings) as outlets:
        player = Player(world, outlets)
        if live_seconds > 0:
            _play_live(stage, player, now, live_seconds)
        else:
            _play_history(player, now - history, now)
            with closing(connect(stage.settings)) as client:
                _await_stored(client, stage, player.published)
    print_report(stage.settings, days=REPORTED_DAYS)


def _play_history(player: Player, start: datetime, now: datetime) -> None:
    began_at, lines = time.monotonic(), _Lines()
    with _progress() as bars:
        task = bars.add_task("", total=(now - start).total_seconds())

        def tell(at: datetime) -> None:
            lines.say(f"playing {at:%a %d %b}, {player.published:,} events")
            bars.update(task, completed=(at - start).total_seconds(), description=f"playing {at:%a %d %b}")

        player.catch_up(now, tell)
    console.print(f"  played {player.published:,} events of {(now - start).days} days", end=" ")
    console.print(f"in {time.monotonic() - began_at:.0f} s")


def _await_stored(client: Client, stage: Stage, published: int) -> None:
    """Wait until the worker has stored all that was published.

    Raises:
        DemoError: When the worker has ended or makes no progress.
    """
    stored, advanced_at, lines = 0, time.monotonic(), _Lines()
    with _progress() as bars:
        task = bars.add_task("folding the rest", total=published)
        while stored < published:
            stage.require_alive()
            was, stored = stored, _stored(client)
            advanced_at = time.monotonic() if stored > was else advanced_at
            if time.monotonic() - advanced_at > STALLED_SECONDS:
                raise DemoError(f"the worker has stored nothing for {STALLED_SECONDS:.0f} s. {stage.evidence()}")
            lines.say(f"folding the rest: {stored:,} of {published:,} events are stored")
            bars.update(task, completed=stored)
            time.sleep(POLL_SECONDS)


def _stored(client: Client) -> int:
    """Return how many of the published events have arrived, good or bad."""
    statement = """
        SELECT (SELECT count() FROM events FINAL WHERE source IN {sources:Array(String)})
             + (SELECT count() FROM dead_letters FINAL)
    """
    (row,) = client.query(statement, parameters={"sources": list(SOURCES)}).result_rows
    return int(row[0])


def _play_live(stage: Stage, player: Player, now: datetime, seconds: float) -> None:
    """Show numbers from the first second on: the history is played behind them, and then what happens now."""
    ends_at = time.monotonic() + seconds

    def play(wait: Callable[[float], bool]) -> None:
        lines = _Lines()

        def tell(at: datetime) -> None:
            lines.say(f"playing {at:%a %d %b}, {player.published:,} events")
            if wait(0):
                raise _StoppedError

        with suppress(_StoppedError):
            player.catch_up(now, tell)
            _Lines().say(f"played {player.published:,} events; from here on it happens now")
            player.keep_up(_now, wait)

    with _dashboards(stage.settings), _in_background(play) as playing:
        live_view(
            stage.settings,
            until=lambda: playing.done() or stage.worker.poll() is not None or time.monotonic() >= ends_at,
        )
    stage.require_alive()


@contextmanager
def _dashboards(settings: Settings) -> Iterator[None]:
    """Show the dashboards in the browser for as long as the block lasts."""
    started = start_preview(settings, settings.folder / "logs" / "preview.log", owner_pid=os.getpid())
    if started is None:
        console.print("  dashboards in the browser need: pip install 'servicepulse[preview]'", markup=False)
        yield
        return
    address, process = started
    console.print(f"  dashboards in the browser: [bold]{address}?from=now-{REPORTED_DAYS}d&to=now[/]", soft_wrap=True)
    try:
        yield
    finally:
        _end(process)


@contextmanager
def _in_background(play: Callable[[Callable[[float], bool]], None]) -> Iterator[Future[None]]:
    """Play in a thread until the block ends; what went wrong there is raised here."""
    stop = threading.Event()
    with ThreadPoolExecutor(1, "player") as threads:
        playing = threads.submit(play, stop.wait)
        try:
            yield playing
        finally:
            stop.set()
    playing.result()


# What runs around it --------------------------------------------------------------------------------------------------


@contextmanager
def _stage(folder: Path) -> Iterator[Stage]:
    """Run broker, ClickHouse and worker in an empty folder for as long as the block lasts.

    Raises:
        DemoError: When another demo runs in this folder.
    """
    stack = Stack(folder)
    if any(service.is_running for service in stack.status()):
        raise DemoError(f"a demo runs already in {folder}: end it with Ctrl-C there, then start this one again")
    if folder.exists():
        shutil.rmtree(folder)
    with ExitStack() as running:
        running.callback(stack.down)
        services = stack.up(attached=True, on_step=lambda step: console.print(f"  {step}"))
        settings = _settings(folder, {service.name: service.address for service in services})
        with closing(connect(settings)) as client:
            migrate(client)
        broker.ensure_topics(settings)
        log_path = folder / "logs" / "worker.log"
        worker = start_worker(settings, log_path, owner_pid=os.getpid())
        running.callback(_end, worker)
        yield Stage(settings, worker, log_path)


def _settings(folder: Path, addresses: Mapping[str, str | None]) -> Settings:
    """Return settings that reach the demo's own servers, whatever else is set on this machine.

    They are also kept as a file, so that other commands can look at the demo while it runs.
    """
    file = folder / "servicepulse.toml"
    lines = [
        f'kafka = "{addresses["broker"]}"',
        f'clickhouse = "{addresses["clickhouse"]}"',
        f"folder = '{folder.resolve()}'",
        "[alert]",
        *(f"{name} = {value}" for name, value in ALERT.items()),
    ]
    file.write_text("\n".join([*lines, ""]))
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    os.environ[f"{PREFIX}SETTINGS"] = str(file)
    return load_settings(web_port=0, kafka_session_timeout_seconds=EMBEDDED_SESSION_SECONDS)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _outlets(settings: Settings) -> Iterator[Mapping[str, Publisher]]:
    """Publish for every system of the shop: each is a source of its own."""
    with ExitStack() as publishers:
        yield {source: publishers.enter_context(Publisher.from_settings(settings, source=source)) for source in SOURCES}


class _Lines:
    """Says how far something is, now and then, where output goes to a pipe or a file and no bar can be drawn."""

    def __init__(self) -> None:
        self._next_at = 0.0

    def say(self, text: str) -> None:
        """Print a line, unless a terminal shows it otherwise or the last one is not long ago."""
        if not console.is_terminal and time.monotonic() >= self._next_at:
            console.print(f"  {text}")
            self._next_at = time.monotonic() + LINE_SECONDS


def _progress() -> Progress:
    columns = (TextColumn("  {task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _now() -> datetime:
    return instant(SystemClock().now_ms())
