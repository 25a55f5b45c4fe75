"""Runs of many seeds: `python -m tests.chaos.driver`, `--seed 7` for one of them again.

`--kafka apache` starts Apache Kafka (see tests/kafka), `--kafka host:port` uses brokers that are there; not given:
SERVICEPULSE_KAFKA, else the embedded broker. SERVICEPULSE_CLICKHOUSE names a ClickHouse instead of the embedded engine.
"""

import argparse
import logging
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.chaos.moves import story_of
from tests.chaos.run import Plan, Verdict, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the seeds that are asked for and return how many of them found something."""
    asked = _parser().parse_args(arguments)
    kafka = asked.kafka or os.environ.pop("SERVICEPULSE_KAFKA", None) or "embedded"
    clickhouse = os.environ.pop("SERVICEPULSE_CLICKHOUSE", None)
    seeds = asked.seed or range(asked.first, asked.first + asked.seeds)
    plans = [Plan(seed, asked.seconds, kafka, clickhouse) for seed in seeds]
    with ProcessPoolExecutor(asked.beside, max_tasks_per_child=1) as pool:
        verdicts = list(pool.map(_run_and_tell, plans))
    failed = [verdict.plan.seed for verdict in verdicts if verdict.complaints]
    print(f"{len(verdicts) - len(failed)} of {len(verdicts)} runs are right; seeds that are not: {failed or 'none'}")
    return len(failed)


def _run_and_tell(plan: Plan) -> Verdict:
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # it says of each connection that it was cut
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{plan.seed}-"))
    try:
        verdict = run(plan, folder)
    except Exception as error:  # noqa: BLE001 - one seed that cannot be played does not end the others
        traceback.print_exc()
        verdict = Verdict(plan, 0, [], [f"not played to its end: {error!r}"], 0.0, [])
    print(told(verdict, folder), flush=True)
    if not verdict.complaints:
        shutil.rmtree(folder)
    return verdict


def told(verdict: Verdict, folder: Path) -> str:
    """Return how a run went: one line when all is right, else everything that helps to find out why."""
    plan = verdict.plan
    head = f"seed {plan.seed}: {verdict.events} events, {len(verdict.moves)} moves, {plan.seconds:g} s on {plan.kafka}"
    if not verdict.complaints:
        return f"{head}: right, {verdict.rest_seconds:.0f} s after calm"
    lines = [f"{head}: WRONG", *(f"  {one}" for one in verdict.complaints), "moves:", story_of(verdict.moves)]
    lines += ["what happened:", *(f"  {one}" for one in verdict.story), f"logs: {folder}"]
    again = f"python -m tests.chaos.driver --seed {plan.seed} --seconds {plan.seconds:g} --kafka {plan.kafka}"
    return "\n".join([*lines, f"again: {again}"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests.chaos.driver", description=__doc__)
    parser.add_argument("--seed", type=int, action="append", help="this one alone; may be given again")
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--seconds", type=float, default=180.0, help="how long each is disturbed")
    parser.add_argument("--beside", type=int, default=2, help="how many at once")
    parser.add_argument("--kafka", help="embedded, apache, or addresses")
    return parser


if __name__ == "__main__":
    sys.exit(main())
