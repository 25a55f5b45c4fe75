"""How fast our worker is beside what others would use: one desk, one broker, one store, one process each, in turn.

`make race` makes an environment for the peers and runs `python -m tests.race`, which starts an embedded stack of its
own and publishes the events of a simulated desk. In every round each reads them from the beginning, in another order
each time: our worker as operators start it, Quix Streams, Bytewax, a plain Faust agent, and a loop by hand. The peers
read one topic; ours has a copy of it each round, since it publishes what it derives, which nobody else may read.

A time runs from the first event received to the last one stored; for ours, until all that it derived is stored as
well. What counts is the median over the rounds of how many times as fast ours was within one, so that it hardly
matters who else is busy on the machine. A few thousand events say little: ours then waits for its last small batches.

What the peers do is said in their modules, what they leave out beside their numbers. Rows are checked after each run.
The exit code is 0 when every mark of `tests.race.scores` is reached, 1 when one is missed, 2 when rows are wrong, 3
when the peers have no environment.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console

from tests.bench import backlog
from tests.bench.ingest import WrongRowsError
from tests.bench.space import bench_space
from tests.race.runs import PYTHON, run_ours, run_peer, run_plain
from tests.race.scores import LEAVES_OUT, OURS, PLAIN, Outcome, Round, exit_code, order_of, ratios
from tests.race.shown import document, leaves_out_lines, plot, table, verdict_lines
from tests.space import Space

_PACKAGES: Final = ("quixstreams", "bytewax", "confluent-kafka", "clickhouse-connect", "msgspec")
_VERSIONS: Final = """
import importlib.metadata, json, sys
print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))
"""

console = Console(highlight=False)


def main() -> int:
    """Measure, print, write what was asked for, and return the exit code."""
    given = _arguments()
    if not PYTHON.exists():
        console.print(f"[bold red]the peers have no environment:[/] {PYTHON} is missing; `make race` makes it")
        return 3
    versions = _versions()
    with tempfile.TemporaryDirectory(prefix="servicepulse-race-") as folder, bench_space(Path(folder)) as space:
        with console.status("simulating"):
            events = backlog.ticket_events(given.tickets)
        with console.status(f"publishing {len(events):,} events"):
            backlog.publish(events, space.settings)
        console.print(f"{len(events):,} events, {min(given.plain_events, len(events)):,} for plain Faust; {_machine()}")
        console.print(", ".join(f"{name} {version}" for name, version in versions.items()))
        try:
            rounds = [
                _round(space, number, events, min(given.plain_events, len(events))) for number in range(given.rounds)
            ]
        except WrongRowsError as error:
            console.print("[bold red]wrong rows:[/]", end=" ")
            console.print(str(error), markup=False)
            return 2
        engine = kafka_engine(space)
    console.print(table(rounds))
    console.print("\n".join(leaves_out_lines(rounds)), soft_wrap=True)
    console.print(engine, markup=False)
    console.print("\n".join(verdict_lines(rounds)), _machine(), sep="\n")
    said = {"events": len(events), "machine": _machine(), "versions": versions, "kafka_engine": engine}
    if given.json:
        given.json.write_text(json.dumps(document(rounds, said), indent=2) + "\n", encoding="utf-8")
    if given.plot:
        given.plot.write_text(plot(rounds), encoding="utf-8")
    return exit_code(ratios(rounds))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests.race",
        description="How fast our worker is beside what others would use.",
        epilog="Example: python -m tests.race --tickets 1500 --plain-events 3000 --rounds 2 --plot race.svg",
    )
    parser.add_argument(
        "--tickets", type=int, default=20_000, help="size of the simulated month, near nine events each (20000)"
    )
    parser.add_argument(
        "--plain-events", type=int, default=20_000, help="how many of them plain Faust reads, the slowest (20000)"
    )
    parser.add_argument("--rounds", type=int, choices=range(1, 100), metavar="N", default=5, help="rounds (5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured as JSON")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the medians as bars in SVG")
    return parser.parse_args()


def _round(space: Space, number: int, events: list[bytes], plain_count: int) -> Round:
    """Let everybody run once."""
    outcomes = {}
    for name in order_of(list(LEAVES_OUT), number):
        with console.status(f"round {number + 1}: {name}"):
            outcomes[name] = _run(space, name, number, events, plain_count)
        console.print(f"round {number + 1}: {name} {outcomes[name].per_second:,.0f} events/s")
    return outcomes


def _run(space: Space, name: str, number: int, events: list[bytes], plain_count: int) -> Outcome:
    if name == OURS:
        return run_ours(space, events, number)
    return run_plain(space, plain_count, number) if name == PLAIN else run_peer(space, name, len(events), number)


def kafka_engine(space: Space) -> str:
    """Return what ClickHouse says when it shall read the topic by its own Kafka engine, in one line."""
    statement = f"""
        CREATE TABLE race_engine (event String) ENGINE = Kafka
        SETTINGS kafka_broker_list = '{space.settings.kafka}', kafka_topic_list = '{space.settings.topic("tickets")}',
            kafka_group_name = '{space.settings.topic("engine")}', kafka_format = 'RawBLOB'
    """
    try:
        space.client.command(statement)
    except ClickHouseError as error:
        return f"ClickHouse's Kafka engine does not run: {' '.join(str(error).split())[:300]}"
    space.client.command("DROP TABLE race_engine")
    return "ClickHouse's Kafka engine is there, and does not run: it reads events, and folds no ticket"


def _versions() -> Mapping[str, str]:
    done = subprocess.run([PYTHON, "-c", _VERSIONS, *_PACKAGES], check=True, capture_output=True)
    return dict(json.loads(done.stdout))


def _machine() -> str:
    return f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    sys.exit(main())
