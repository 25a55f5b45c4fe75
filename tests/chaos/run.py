"""One seeded run: a load, what is done to the parts meanwhile, and whether the numbers are right in the end."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from kafka import KafkaProducer
from kafka.errors import KafkaError

from schemas.codec import Event, partition_key
from schemas.events import OrderData
from streams.broker import ensure_topics, kafka_options
from streams.clock import SystemClock
from streams.settings import Settings
from streams.sinks.connection import connect
from streams.sinks.refold import refold, refold_said
from streams.sinks.verify import Verifier
from tests.chaos.before import COMMIT, start_worker_of, version_before
from tests.chaos.judge import Judge, write_expected
from tests.chaos.load import load_of
from tests.chaos.moves import Move, moves_of
from tests.chaos.servers import Servers, servers_of
from tests.chaos.stage import SMALL_BATCHES, Stage
from tests.databases import migrated
from tests.space import Space, wait_until
from tests.whole import verified

TICKETS_PER_DAY = 40.0
SECONDS_PER_DAY = 9.0
"""A day of the desk is about 330 events."""
STEP_SECONDS = 0.1
REST_SECONDS = 300.0
"""How long the parts may take until everything is folded once nobody disturbs them."""
SETTLED_SECONDS = 60.0
"""How long the tables may still differ from events once they say what they should: some batch comes again."""
FEW = 25
PRODUCER_CLOCKS_MS = (0, 0, 0, -86_400_000, -60_000, 3_000_000)
"""How far the clocks of producers are off; Kafka takes at most an hour ahead."""
UPGRADES_EACH = 4
"""One seed of so many begins with the version before."""


class Plan(NamedTuple):
    """What a run is made of."""

    seed: int
    seconds: float
    kafka: str = "embedded"
    clickhouse: str | None = None

    @property
    def is_upgrade(self) -> bool:
        """Whether it begins with a worker of the version before, and goes on with one beside it."""
        return self.seed % UPGRADES_EACH == 0


class Verdict(NamedTuple):
    """How a run ended."""

    plan: Plan
    events: int
    moves: Sequence[Move]
    complaints: Sequence[str]
    rest_seconds: float
    story: Sequence[str]


class Publishing:
    """Publishes the load over the length of a run, each event until the broker has it."""

    def __init__(self, settings: Settings, sent: Sequence[Event], seconds: float, seed: int) -> None:
        self._settings = settings
        self._sent = sent
        self._seconds = seconds
        self._chance = random.Random(seed)
        self._thread = threading.Thread(target=self._publish, name="publishing", daemon=True)
        self._is_given_up = threading.Event()
        self.acknowledged = 0

    def __enter__(self) -> "Publishing":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._is_given_up.set()
        self._thread.join()
        if kind is None and self.acknowledged < len(self._sent):
            raise RuntimeError(f"only {self.acknowledged:,} of {len(self._sent):,} events were published")

    def is_done(self) -> bool:
        return not self._thread.is_alive()

    def _publish(self) -> None:
        begun = time.monotonic()
        for start in range(0, len(self._sent), FEW):
            time.sleep(max(0.0, begun + self._seconds * start / len(self._sent) - time.monotonic()))
            self._until_acknowledged(self._sent[start : start + FEW])
            self.acknowledged += FEW

    def _until_acknowledged(self, events: Sequence[Event]) -> None:
        """Send events again until all of them were acknowledged at once: some of them may be there twice."""
        while not self._is_given_up.is_set():
            try:
                producer = KafkaProducer(**kafka_options(self._settings), acks="all", max_block_ms=5_000)
            except (KafkaError, OSError):
                time.sleep(0.5)
                continue
            try:
                stamp_ms = SystemClock().now_ms() + self._chance.choice(PRODUCER_CLOCKS_MS)
                futures = [producer.send(*self._record(one), timestamp_ms=stamp_ms) for one in events]
                for future in futures:
                    future.get(timeout=10)
            except (KafkaError, OSError):
                time.sleep(0.5)
            else:
                return
            finally:
                with suppress(KafkaError):  # what it could not flush is sent again, by another
                    producer.close(timeout=1)

    def _record(self, event: Event) -> tuple[str, bytes, bytes | None]:
        topic = "orders" if isinstance(event.content, OrderData) else "tickets"
        return self._settings.topic(topic), event.raw, partition_key(event)


def run(plan: Plan, folder: Path, tell: Callable[[str], None] = lambda _: None) -> Verdict:
    """Carry a run out and judge it. Everything that it starts has ended when it returns."""
    begun = time.monotonic()
    story: list[str] = []

    def say(what: str) -> None:
        story.append(f"{time.monotonic() - begun:6.1f} s  {what}")
        tell(story[-1])

    with servers_of(plan.kafka, plan.clickhouse, folder) as servers:
        before = version_before(folder) if plan.is_upgrade else None
        if plan.is_upgrade and before is None:
            say(f"{COMMIT} is not at hand: nobody of the version before takes part")
        space = _space(servers, folder, plan.seed)
        if before is None:
            migrated(connect(space.settings))
        try:
            return _carried_out(plan, space, servers, before, say, story)
        finally:
            space.remove()


def _space(servers: Servers, folder: Path, seed: int) -> Space:
    name = f"chaos_{seed}_{time.time_ns() % 10**6}"
    settings = Settings(
        kafka=servers.broker.address,
        clickhouse=servers.clickhouse,
        database=name,
        kafka_topic_prefix=f"{name}-",
        kafka_session_timeout_seconds=6,
        web_port=0,
        folder=folder,
    )
    ensure_topics(settings)
    return Space(settings, folder)


def _carried_out(
    plan: Plan,
    space: Space,
    servers: Servers,
    before: Path | None,
    say: Callable[[str], None],
    story: Sequence[str],
) -> Verdict:
    load = load_of(plan.seed, plan.seconds / SECONDS_PER_DAY, TICKETS_PER_DAY)
    direct = space.settings.model_copy(update={"clickhouse": servers.store.target})
    expected = direct.model_copy(update={"database": f"{space.settings.database}_expected"})
    write_expected(expected, load.events)
    moves = moves_of(plan.seed, plan.seconds, without=_impossible(servers))
    stage = Stage(space, servers, say)
    judge = Judge(connect(direct), direct.database, expected.database)
    with Publishing(space.settings, load.sent, plan.seconds * 0.9, plan.seed) as publishing:
        if before is not None:
            _upgrade(before, stage, say)
        _play(moves, plan.seconds, stage)
        stage.calm()
        say(f"calm; {publishing.acknowledged} of {len(load.sent)} published")
        once_stored = partial(_refold, direct, say) if before is not None else _do_nothing
        complaints, rest_seconds = _at_rest(judge, stage, publishing, len(load.events), say, once_stored)
        stored = Space(direct, space.folder)
        with suppress(AssertionError):  # a batch that a killed worker left half stored is finished by whoever is next
            wait_until(lambda: not verified(stored).found, "nothing differs", SETTLED_SECONDS)
    if differing := verified(stored).named:
        complaints.append(f"verify finds what differs: {differing}")
    return Verdict(plan, len(load.events), moves, [*complaints, *stage.faults], rest_seconds, story)


def _upgrade(before: Path, stage: Stage, say: Callable[[str], None]) -> None:
    """Have the version before begin, this one join, and the other one leave: nothing else happens meanwhile."""
    old = start_worker_of(before, stage.space, **SMALL_BATCHES)
    say("a worker of the version before starts")
    wait_until(lambda: old.is_ready() and old.meter("servicepulse_events_total") > 0, "it has stored something")
    new = stage.start_worker()
    wait_until(new.is_ready, "a worker of this version is beside it")
    stage.leave(old)


def _refold(settings: Settings, say: Callable[[str], None]) -> None:
    """Do what an upgrade asks for once nobody of the version before is there any more, beside the workers."""
    client = connect(settings)
    tickets = refold(client, SystemClock().now_ms())
    say(f"{tickets} tickets folded anew, {refold_said(client)} rows beside them stated again")
    found = Verifier(client, settle_seconds=SETTLED_SECONDS).run(SystemClock().now_ms).found
    say(f"verify found and mended {dict(found)}")
    client.close()


def _do_nothing() -> None:
    pass


def _impossible(servers: Servers) -> frozenset[str]:
    broker = servers.broker
    without = set() if broker.is_durable else {"broker restart"}
    return frozenset(without if broker.wire else {*without, "cut", "kafka gone", "delay"})


def _play(moves: Sequence[Move], seconds: float, stage: Stage) -> None:
    begun = time.monotonic()
    left = list(moves)
    while (now := time.monotonic() - begun) < seconds:
        while left and left[0].at <= now:
            stage.do(left.pop(0))
        stage.tend()
        time.sleep(STEP_SECONDS)


def _at_rest(
    judge: Judge,
    stage: Stage,
    publishing: Publishing,
    events: int,
    say: Callable[[str], None],
    once_stored: Callable[[], None],
) -> tuple[list[str], float]:
    """Wait until nothing is wrong any more, and look once more a moment later: a straggler must not spoil it."""
    begun = time.monotonic()
    complaints = ["nothing was compared"]
    is_stored = False
    while time.monotonic() - begun < REST_SECONDS:
        time.sleep(1.0)
        stage.tend()
        if not publishing.is_done() or judge.stored() < events:
            continue
        if not is_stored:
            once_stored()
            is_stored = True
        before, complaints = complaints, judge.complaints()
        if not before and not complaints:
            break
    seconds = time.monotonic() - begun
    stored = judge.stored()
    say(f"at rest after {seconds:.1f} s; {stored} of {events} events stored")
    missing = [] if stored == events else [f"{stored} of {events} events stored; {_standing(stage)}"]
    return [*missing, *judge.complaints()], seconds


def _standing(stage: Stage) -> str:
    return ", ".join(f"worker on {one.port}: {one.health()}" for one in stage.live())
