"""Play many seeded stories: `python -m tests.simulated --stories 100000`; a bad one is shortened and told."""

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor

import structlog
from rich.progress import track

from tests.simulated.story import ends_badly, shortened, story_of, told
from tests.simulated.world import LostError

_AT_ONCE = 250


def bad_seeds(seeds: Iterable[int]) -> list[int]:
    """Return the seeds whose stories end badly."""
    structlog.configure(processors=[_silent])
    return [seed for seed in seeds if ends_badly(story_of(seed))]


def _silent(*_: object) -> str:
    raise structlog.DropEvent


def _portions(first: int, stories: int) -> Iterator[range]:
    for begin in range(first, first + stories, _AT_ONCE):
        yield range(begin, min(begin + _AT_ONCE, first + stories))


def main() -> int:
    """Play the stories that the command line asks for, and return 1 when one ends badly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stories", type=int, default=100_000, help="how many")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="the first seed")
    parser.add_argument("--seed", type=int, help="only this one, told word by word")
    asked = parser.parse_args()
    if asked.seed is not None:
        return _tell(asked.seed)
    began = time.monotonic()
    portions = list(_portions(asked.first, asked.stories))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = track(
            pool.map(bad_seeds, portions), total=len(portions), description="Stories", disable=not sys.stderr.isatty()
        )
        bad = [seed for seeds in found for seed in seeds]
    print(f"{asked.stories:,} stories in {time.monotonic() - began:.0f} s, {len(bad)} ended badly")
    return _tell(bad[0]) if bad else 0


def _tell(seed: int) -> int:
    structlog.configure(processors=[_silent])
    try:
        words = told(story_of(seed))
    except LostError:
        try:
            told(shortened(story_of(seed)))
        except LostError as error:
            print(f"seed {seed}: {error}", *error.__notes__, sep="\n")
            if error.__cause__:
                print(f"because of {error.__cause__!r}")
        return 1
    print(f"seed {seed} ends well", *words, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
