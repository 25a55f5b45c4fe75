"""Where a run takes place: its workers and servers, and what each move does to them."""

import os
import signal
import time
from collections.abc import Callable

from tests.chaos.moves import Move
from tests.chaos.servers import Servers
from tests.space import Space, WorkerProcess

FEWEST, MOST = 2, 4
SMALL_BATCHES = {"batch_events": 50, "batch_linger_seconds": 0.05}
WORKER = "tests.chaos.worker"


class Stage:
    """Carries moves out, and takes them back when their time is over."""

    def __init__(self, space: Space, servers: Servers, say: Callable[[str], None]) -> None:
        self.space = space
        self.servers = servers
        self.faults: list[str] = []
        self._say = say
        self._clock_file = space.folder / "clock"
        self._clock_file.write_text("0")
        self._undone: list[tuple[float, Callable[[], None]]] = []
        self._held: set[int] = set()
        self._ended: set[int] = set()

    def do(self, move: Move) -> None:
        """Carry a move out; one that nothing is left for does nothing."""
        undo = getattr(self, f"_{move.name.replace(' ', '_')}")(move)
        if undo is not None:
            self._undone.append((time.monotonic() + move.seconds, undo))

    def tend(self) -> None:
        """Take back what has lasted long enough, and see to it that there are enough workers."""
        now = time.monotonic()
        due = [undo for until, undo in self._undone if until <= now]
        self._undone = [(until, undo) for until, undo in self._undone if until > now]
        for undo in due:
            undo()
        self._look_for_ends()
        while len(self.live()) < FEWEST:
            self.start_worker()

    def calm(self) -> None:
        """Take everything back."""
        for _, undo in self._undone:
            undo()
        self._undone.clear()
        self.tend()

    def live(self) -> list[WorkerProcess]:
        """Return the workers that have not ended, held ones included."""
        return [one for one in self.space.workers if one.process.poll() is None]

    def start_worker(self) -> WorkerProcess:
        """Start one more."""
        self._say(f"worker {len(self.space.workers)} starts")
        return self.space.start_worker(WORKER, str(self._clock_file), **SMALL_BATCHES)

    def leave(self, worker: WorkerProcess) -> None:
        """Tell a worker to stop, and expect it to end."""
        number = self.space.workers.index(worker)
        self._ended.add(number)
        worker.process.send_signal(signal.SIGTERM)
        self._say(f"worker {number} is told to stop")

    def _look_for_ends(self) -> None:
        """Note workers that ended though nobody ended them."""
        for number, worker in enumerate(self.space.workers):
            code = worker.process.poll()
            if code is not None and number not in self._ended:
                self._ended.add(number)
                self.faults.append(f"worker {number} ended by itself with {code}: {worker.log_path}")

    def _chosen(self, which: float) -> tuple[int, WorkerProcess] | None:
        free = [
            (number, one)
            for number, one in enumerate(self.space.workers)
            if one.process.poll() is None and number not in self._held and number not in self._ended
        ]
        return free[int(which * len(free)) % len(free)] if free else None

    # Workers ----------------------------------------------------------------------------------------------------------

    def _kill(self, move: Move) -> None:
        if chosen := self._chosen(move.which):
            self._ended.add(chosen[0])
            chosen[1].kill()
            self._say(f"worker {chosen[0]} is killed")

    def _stop(self, move: Move) -> None:
        if chosen := self._chosen(move.which):
            self.leave(chosen[1])

    def _start(self, _: Move) -> None:
        if len(self.live()) < MOST:
            self.start_worker()

    def _hold(self, move: Move) -> Callable[[], None] | None:
        chosen = self._chosen(move.which)
        if chosen is None:
            return None
        number, worker = chosen
        os.kill(worker.process.pid, signal.SIGSTOP)
        self._held.add(number)
        self._say(f"worker {number} is held for {move.seconds:.1f} s")

        def go_on() -> None:
            os.kill(worker.process.pid, signal.SIGCONT)
            self._held.discard(number)
            self._say(f"worker {number} goes on")

        return go_on

    def _clock(self, move: Move) -> None:
        self._clock_file.write_text(str(int(move.value)))
        self._say(f"clocks of workers are {move.value / 1000:g} s off")

    # ClickHouse -------------------------------------------------------------------------------------------------------

    def _slow(self, move: Move) -> Callable[[], None]:
        return self._set(self.servers.store, "insert_seconds", move.value, 0.0, "inserts take longer")

    def _refuse(self, move: Move) -> Callable[[], None]:
        return self._set(self.servers.store, "code", int(move.value), 0, "inserts are refused")

    def _store_gone(self, _: Move) -> Callable[[], None]:
        return self._set(self.servers.store, "is_cut", True, False, "ClickHouse is gone")

    def _mute(self, _: Move) -> Callable[[], None]:
        return self._set(self.servers.store, "is_mute", True, False, "inserts are done without an answer")

    # Kafka ------------------------------------------------------------------------------------------------------------

    def _cut(self, _: Move) -> None:
        if wire := self.servers.broker.wire:
            self.servers.run(wire.cut)
            self._say("connections to Kafka break")

    def _kafka_gone(self, move: Move) -> Callable[[], None] | None:
        self._cut(move)
        return self._set(self.servers.broker.wire, "is_cut", True, False, "Kafka is gone")

    def _delay(self, move: Move) -> Callable[[], None] | None:
        return self._set(self.servers.broker.wire, "delay_seconds", move.value, 0.0, "Kafka is far away")

    def _broker_restart(self, _: Move) -> Callable[[], None]:
        self.servers.broker.kill()
        self._say("the broker is killed")

        def again() -> None:
            self.servers.broker.start()
            self._say("the broker is back")

        return again

    def _set(self, wire: object, name: str, value: object, usual: object, what: str) -> Callable[[], None]:
        setattr(wire, name, value)
        self._say(f"{what}: {value}")

        def back() -> None:
            setattr(wire, name, usual)
            self._say(f"{what}: no more")

        return back
